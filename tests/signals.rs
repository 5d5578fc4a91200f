//! Signals: they end a call before it acts, and wait while a token is written.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};

use serde_json::json;

use crate::support::{
    Run,
    desk::{Desk, NEW, OTHER, PIN, SO, SO2, WITH_SECRETS, assert_not_called, finish, start},
    running::{Running, script},
    softhsm::{Faults, Gate, calls},
};

const SIGNALS: [&str; 4] = ["INT", "TERM", "HUP", "QUIT"];
const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW --json --no-input";

fn kill(child: &Child, signal: &str) {
    let status = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
    assert!(status.success(), "the tool is not there any more");
}

/// Starts a call that stops at a gate, sends it a signal there, and opens the gate.
fn signalled(desk: &Desk, stop: impl Fn(&Gate) -> String, words: &str, signal: &str) -> (Run, Vec<String>) {
    let gate = Gate::new(desk.store.dir(), &format!("gate-{signal}"));
    let log = desk.path(&format!("log-{signal}"));
    let faults = Faults::new().rule(stop(&gate)).log(&log);
    let child = start(desk.faulty(&faults, words));
    gate.wait();
    kill(&child, signal);
    gate.open();
    let run = finish(child);
    (run, calls(&log).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect())
}

#[test]
fn a_signal_during_a_write_does_not_cut_it_and_the_true_outcome_is_told() {
    for signal in SIGNALS {
        let desk = Desk::new();
        for (stop, from, to) in [
            // Before the module writes, and when it has written and nobody knows.
            ((|gate: &Gate| gate.before("C_SetPIN")) as fn(&Gate) -> String, ("PIN", PIN), ("NEW", NEW)),
            (|gate| gate.after("C_SetPIN"), ("NEW", NEW), ("OTHER", OTHER)),
            // The proof belongs to it.
            (|gate| gate.before("C_Login#2"), ("OTHER", OTHER), ("PIN", PIN)),
        ] {
            let words = format!("pin change --token desk-7 --pin env:{} --new-pin env:{} --json", from.0, to.0);
            let (run, _) = fresh(&desk, stop, &words, signal);
            let json = run.code(0).json();
            assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("changed"), &json!(true)), "{signal}");
            assert!(desk.is_pin(to.1) && !desk.is_pin(from.1), "{signal}");
        }
    }
}

/// As [`signalled`], where one desk meets several gates.
fn fresh(desk: &Desk, stop: fn(&Gate) -> String, words: &str, signal: &str) -> (Run, Vec<String>) {
    for old in [format!("gate-{signal}"), format!("gate-{signal}.reached"), format!("log-{signal}")] {
        let _ = std::fs::remove_file(desk.path(&old));
    }
    signalled(desk, stop, words, signal)
}

#[test]
fn a_signal_during_a_reset_or_an_initialisation_does_not_cut_it_either() {
    let desk = Desk::blank();
    let init = "token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN --json";
    // Between the two steps the token would be left without its PIN.
    let (run, _) = signalled(&desk, |gate| gate.after("C_InitToken"), init, "INT");
    assert_eq!(run.code(0).json()["confirmed"], true);
    assert!(desk.is_so_pin(SO) && desk.is_pin(PIN));
    let reset = "pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW --json";
    let (run, _) = signalled(&desk, |gate| gate.before("C_InitPIN"), reset, "TERM");
    assert_eq!(run.code(0).json()["confirmed"], true);
    assert!(desk.is_pin(NEW));
    let change = "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2 --json";
    let (run, _) = signalled(&desk, |gate| gate.after("C_SetPIN"), change, "HUP");
    assert_eq!(run.code(0).json()["confirmed"], true);
    assert!(desk.is_so_pin(SO2));
}

#[test]
fn a_signal_during_a_write_that_fails_leaves_the_failure_as_the_outcome() {
    let desk = Desk::new();
    let stop = |gate: &Gate| format!("{};C_SetPIN=CKR_DEVICE_ERROR", gate.before("C_SetPIN"));
    let (run, _) = signalled(&desk, stop, CHANGE, "INT");
    assert_eq!(run.code(8).json()["error"]["kind"], "device");
    assert!(desk.is_pin(PIN));
}

/// Starts a call that stops at a gate and sends it a signal there; the gate stays shut, so only the signal ends it.
fn ended(desk: &Desk, call: &str, words: &str, signal: &str) -> (Run, Vec<String>) {
    let name = format!("shut-{signal}-{call}-{}", words.len());
    let gate = Gate::new(desk.store.dir(), &name);
    let log = desk.path(&format!("{name}.log"));
    let faults = Faults::new().rule(gate.before(call)).log(&log);
    let child = start(desk.faulty(&faults, words));
    gate.wait();
    kill(&child, signal);
    let run = finish(child);
    (run, calls(&log).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect())
}

#[test]
fn a_signal_before_anything_is_sent_ends_the_call_with_nothing_changed() {
    let desk = Desk::new();
    for signal in SIGNALS {
        for call in ["C_Initialize", "C_GetSlotList", "C_GetTokenInfo"] {
            let (run, calls) = ended(&desk, call, CHANGE, signal);
            let json = run.code(130).json();
            assert_eq!((&json["schema"], &json["command"]), (&json!(1), &json!("pin change")));
            assert_eq!(json["error"]["kind"], "interrupted", "{signal} {call}");
            assert_eq!(json["error"]["exit_code"], 130);
            assert_not_called(&calls, &WITH_SECRETS);

            let (run, _) = ended(&desk, call, CHANGE.trim_end_matches("--json --no-input"), signal);
            let run = run.code(130);
            assert!(run.err.starts_with("error: interrupted") && run.out.is_empty(), "{signal} {call}: {run:?}");
        }
    }
    assert!(desk.is_pin(PIN));
    // A call that was ended leaves nothing behind that stops the next.
    desk.run("pin change --token desk-7 --pin env:PIN --new-pin env:NEW --wait 0").code(0);
}

#[test]
fn a_listing_ends_at_a_signal_too() {
    let desk = Desk::new();
    for words in ["list --json", "status --json"] {
        let (run, _) = ended(&desk, "C_GetTokenInfo", words, "INT");
        assert_eq!(run.code(130).json()["error"]["kind"], "interrupted", "{words}");
    }
}

#[test]
fn many_signals_during_a_write_do_not_cut_it() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let child = start(desk.faulty(&Faults::new().rule(gate.before("C_SetPIN")), CHANGE));
    gate.wait();
    for signal in SIGNALS.iter().cycle().take(40) {
        kill(&child, signal);
    }
    gate.open();
    assert_eq!(finish(child).code(0).json()["outcome"], "changed");
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_kill_during_a_write_lets_the_write_end_and_the_next_call_reads_the_token_anew() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let mut child = start(desk.faulty(&Faults::new().rule(gate.before("C_SetPIN")), CHANGE));
    gate.wait();
    kill(&child, "KILL");
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    gate.open();
    // Who comes next waits for the worker, and finds the new PIN.
    desk.run("pin verify --token desk-7 --pin env:NEW").code(0);
    desk.run("pin change --token desk-7 --pin env:NEW --new-pin env:PIN --wait 0").code(0);
    assert!(desk.is_pin(PIN));
}

/// Starts a call under a shell that has set something before; it stops at the gate. The process is the tool itself.
fn under_shell(desk: &Desk, gate: &Gate, call: &str, before: &str) -> Running {
    let tool = desk.faulty(&Faults::new().rule(gate.before(call)), CHANGE);
    let running = Running::spawn(&mut script(tool, &format!(r#"{before}; exec "$PUKKA" "$@""#)));
    gate.wait();
    running
}

#[test]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    for signal in SIGNALS {
        let desk = Desk::new();
        let gate = Gate::new(desk.store.dir(), "gate");
        let running = under_shell(&desk, &gate, "C_GetTokenInfo", &format!("trap '' {signal}"));
        for _ in 0..20 {
            let sent = Command::new("kill").args([format!("-{signal}"), running.id().to_string()]).status().unwrap();
            assert!(sent.success(), "{signal} ended it");
        }
        gate.open();
        assert_eq!(running.finish().code(0).json()["outcome"], "changed", "{signal}");
        assert!(desk.is_pin(NEW));
    }
}

#[test]
fn what_crashes_leaves_no_core_with_a_secret_in_it() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    // As much as is allowed here, which may be nothing.
    let running = under_shell(&desk, &gate, "C_Login", "ulimit -S -c $(ulimit -H -c)");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"], "{limits}");
    gate.open();
    running.finish().code(0);
}
