//! SIGSEGV in each call: told with module, call and signal, and never as a success that nobody has seen.

use crate::support::{
    Run,
    desk::{Desk, NEW, PIN},
    softhsm::Faults,
};

use super::{CHANGE, INIT, RESET, VERIFY, behind, own_module, workers_of};

const READS: [&str; 4] = ["C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession"];

/// Runs into a crash, after which no process is left.
#[track_caller]
fn crashed(desk: &Desk, rule: &str, words: &str) -> Run {
    let run = behind(desk, &Faults::new().rule(rule), &format!("{words} --json")).run();
    assert_eq!(workers_of(&own_module(desk)), [0_u32; 0], "{rule}: {words}");
    run
}

/// Whether a failure tells which module crashed, where and how.
#[track_caller]
fn names(run: &Run, call: &str) {
    let error = &run.json()["error"];
    let said = error.to_string();
    assert!(said.contains("own.so") && said.contains(call) && said.contains("SIGSEGV"), "{call}: {error}");
}

#[test]
fn a_crash_in_a_read_is_a_fault_of_the_module_and_nothing_is_sent() {
    for call in READS {
        let desk = Desk::new();
        for words in [VERIFY, CHANGE, RESET, INIT, "status desk-7", "list --via pkcs11"] {
            if call == "C_OpenSession" && (words == INIT || !words.contains("pin")) {
                continue; // these open none, or none before they write
            }
            let run = crashed(&desk, &format!("{call}=crash"), words).code(8);
            names(&run, call);
            assert_eq!(run.json()["error"]["kind"], "device");
        }
        assert!(desk.is_pin(PIN));
        // What crashed left no lock and no mark behind.
        desk.run(&format!("{VERIFY} --wait 0")).code(0);
    }
}

#[test]
fn a_crash_in_a_call_that_presents_or_changes_a_secret_is_told_with_what_to_do() {
    for (call, words) in [
        ("C_Login", VERIFY),
        ("C_Login", CHANGE),
        ("C_Login", RESET),
        ("C_SetPIN", CHANGE),
        ("C_InitPIN", RESET),
        ("C_InitToken", INIT),
    ] {
        for when in ["crash", "after-crash"] {
            let desk = Desk::new();
            let run = crashed(&desk, &format!("{call}#1={when}"), words);
            assert!([8, 11].contains(&run.code), "{call} {when}: {run:?}");
            names(&run, call);
            // It was the old value, or the new one where the call came through.
            let is_new = when == "after-crash" && (call == "C_SetPIN" || call == "C_InitPIN");
            assert!(desk.is_pin(if is_new { NEW } else { PIN }), "{call} {when}");
            // The lock is free, and the token can be used.
            let now = if is_new { "pin verify --token desk-7 --pin env:NEW" } else { VERIFY };
            desk.run(&format!("{now} --wait 0")).code(0);
        }
    }
}

#[test]
fn a_crash_after_a_write_is_no_success_unless_that_was_proved() {
    for rule in [
        "C_CloseSession=crash",
        "C_CloseSession#1=crash",
        "C_CloseSession#2=crash",
        "C_Finalize=crash",
        "C_Finalize#2=crash",
        "C_Initialize#2=crash",
        "C_Login#2=crash",
        "C_OpenSession#2=crash",
    ] {
        for words in [CHANGE, RESET] {
            let desk = Desk::new();
            let run = crashed(&desk, rule, words);
            assert!(desk.is_pin(NEW) || run.code == 8, "{rule}: {run:?}");
            match run.code {
                0 => assert_eq!((run.json()["confirmed"].as_bool(), desk.is_pin(NEW)), (Some(true), true), "{run:?}"),
                8 | 11 => names(&run, rule.split(['#', '=']).next().unwrap()),
                _ => panic!("{rule}: {words}: {run:?}"),
            }
        }
    }
}

#[test]
fn a_crash_at_the_very_end_does_not_undo_what_was_proved() {
    for rule in ["C_CloseSession=crash", "C_Finalize=crash"] {
        let desk = Desk::new();
        desk.run(VERIFY).code(0);
        desk.age_locks();
        crashed(&desk, rule, VERIFY).code(0);
        let run = crashed(&desk, rule, &VERIFY.replace("env:PIN", "env:WRONG")).code(4);
        assert_eq!(run.json()["error"]["kind"], "wrong-secret");
        crashed(&desk, rule, "status desk-7").code(0);
    }
}

#[test]
fn a_crash_in_the_beginning_of_a_token_is_told_with_what_finishes_it() {
    for rule in ["C_InitToken=crash", "C_InitToken=after-crash", "C_InitPIN=crash"] {
        let desk = Desk::blank();
        let error = crashed(&desk, rule, INIT).code(8).json()["error"].clone();
        let hint = error["hint"].as_str().unwrap_or_default();
        assert!(
            hint.contains("pukka list") && hint.contains("pin set") && !hint.contains("pin verify"),
            "{rule}: {error}"
        );
        assert!(error["holds"].is_null(), "{rule}: {error}");
    }
}
