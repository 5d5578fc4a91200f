//! Modules that lie, fail, warn and break off: what no real one does on demand.

use serde_json::{Value, json};

use crate::support::{
    Run,
    desk::{Desk, LABEL, NEW, PIN, SO, SO2, WITH_SECRETS, assert_not_called, only},
    softhsm::Faults,
    terminal::Terminal,
};

#[path = "faults/modules.rs"]
mod modules;
#[path = "faults/pad.rs"]
mod pad;
mod store;

const VERIFY: &str = "pin verify --token desk-7 --pin env:PIN";
const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW";
const RESET: &str = "pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW";
const CHANGE_SO: &str = "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2";
const INIT: &str = "token init --label desk-8 --new-so-pin env:SO --new-pin env:PIN";
const SET: &str = "pin set --token desk-7 --so-pin env:SO --new-pin env:NEW";

fn rule(rule: &str) -> Faults {
    Faults::new().rule(rule)
}

/// Runs behind the rules in text and in JSON, and checks what both say of the failure. Returns the JSON and the calls.
#[track_caller]
fn fails(desk: &Desk, rules: &str, words: &str, code: i32, kind: &str) -> (Value, Vec<String>) {
    // A call that ended in the same tick of the clock would have the token looked for once more, and readings are counted here.
    desk.age_locks();
    let text = desk.faulty(&rule(rules), words).run().code(code);
    assert!(text.out.is_empty() && text.err.contains("error: "), "{text:?}");
    for success in ["changed and", "set and", "reset by", "and confirmed"] {
        assert!(!text.err.contains(success), "{text:?}");
    }
    desk.age_locks();
    let (run, calls) = desk.watched(rule(rules), &format!("{words} --json"));
    let json = run.code(code).json();
    assert_eq!(json["outcome"], Value::Null, "{json}");
    let error = &json["error"];
    assert_eq!((&error["kind"], &error["exit_code"]), (&json!(kind), &json!(code)), "{json}");
    let message = error["message"].as_str().unwrap();
    assert!(text.err.contains(message), "{message}: {text:?}");
    (error.clone(), calls)
}

#[track_caller]
fn hint(error: &Value, command: &str) {
    let hint = error["hint"].as_str().unwrap_or_else(|| panic!("no hint: {error}"));
    assert!(hint.starts_with(&format!("pukka {command} --token '")), "{error}");
}

#[test]
fn a_module_that_lies_about_a_write_is_caught() {
    for (lie, words, role) in [
        ("C_SetPIN=lie", CHANGE, "user-pin"),
        ("C_InitPIN=lie", RESET, "user-pin"),
        ("C_SetPIN=lie", CHANGE_SO, "so-pin"),
    ] {
        let desk = Desk::new();
        let (error, _) = fails(&desk, lie, words, 11, "unconfirmed");
        assert_eq!(error["role"], role);
        // The old value is at hand in a change, and what it says is certain; in a reset it is not.
        assert_eq!(error["holds"], if words == RESET { "unknown" } else { "old" }, "{error}");
        if words == RESET {
            hint(&error, "pin verify");
        }
        assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
    }
}

#[test]
fn a_module_that_lies_about_the_first_pin_is_caught() {
    let desk = Desk::blank();
    desk.store.token(LABEL, SO, None);
    let (error, _) = fails(&desk, "C_InitPIN=lie", SET, 11, "unconfirmed");
    assert_eq!(error["role"], "user-pin");
}

#[test]
fn a_module_that_lies_about_c_inittoken_is_caught() {
    let desk = Desk::blank();
    fails(&desk, "C_InitToken=lie", INIT, 11, "unconfirmed");
    // Even where the blank slot calls itself as the token was to be called.
    fails(&desk, "C_InitToken=lie;token-label=6465736b2d38", INIT, 11, "unconfirmed");
    // And where a live token was to begin anew: it has the label already, and nothing happened to it.
    let serial = desk.store.token(LABEL, SO, Some(PIN));
    let anew = format!("token init --token desk-7 --destroy {serial} --so-pin env:SO");
    let (error, _) = fails(&desk, "C_InitToken=lie", &anew, 11, "unconfirmed");
    assert_eq!(error["token"]["selector"], format!("pkcs11:token=desk-7;serial={serial}"));
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_user_pin_that_c_initpin_did_not_set_is_missed_at_token_init() {
    let desk = Desk::blank();
    let words = "token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN --json";
    let error = desk.faulty(&rule("C_InitPIN=lie"), words).run().code(11).json()["error"].clone();
    assert_eq!((&error["kind"], &error["role"]), (&json!("unconfirmed"), &json!("user-pin")));
    assert_eq!(error["done"], json!(["initialised"]), "what was done before is told");
    assert!(desk.is_so_pin(SO));
}

#[test]
fn a_module_that_lies_about_everything_cannot_be_caught_by_its_own_login_but_changes_nothing() {
    // The proof is the module's own word in the end; what must not happen is a try or a write behind its back.
    let desk = Desk::new();
    desk.faulty(&rule("swallow"), CHANGE).run().code(0);
    assert!(desk.is_pin(PIN));
}

#[test]
fn what_a_module_answers_to_a_login_becomes_its_own_exit_code() {
    let desk = Desk::new();
    for words in [VERIFY, CHANGE, RESET, CHANGE_SO] {
        let role = if words == VERIFY || words == CHANGE { "user-pin" } else { "so-pin" };
        for (answer, code, kind) in [
            ("CKR_PIN_LOCKED", 5, "blocked"),
            ("CKR_PIN_EXPIRED", 5, "must-change"),
            ("CKR_PIN_INCORRECT", 4, "wrong-secret"),
            ("CKR_GENERAL_ERROR", 8, "device"),
            ("CKR_DEVICE_REMOVED", 8, "device"),
            ("CKR_DEVICE_ERROR", 8, "device"),
            ("0x80001234", 8, "device"),
        ] {
            let (error, calls) = fails(&desk, &format!("C_Login={answer}"), words, code, kind);
            assert_eq!(only(&calls, &WITH_SECRETS), ["C_Login"], "{words}: one try, whatever it says");
            assert!(
                error["detail"].as_str().unwrap().contains(answer.trim_start_matches("CKR_").trim_start_matches("0x"))
            );
            if code != 8 {
                assert_eq!(error["role"], role, "{words} {answer}");
            }
            match (answer, role) {
                ("CKR_PIN_LOCKED", "user-pin") => {
                    hint(&error, "pin reset");
                    assert_eq!(error["tries_left"], 0);
                }
                ("CKR_PIN_EXPIRED", "user-pin") if words == VERIFY => hint(&error, "pin change"),
                _ => {}
            }
        }
    }
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
}

#[test]
fn what_a_module_answers_to_a_write_becomes_its_own_exit_code() {
    for (call, words) in [("C_SetPIN", CHANGE), ("C_InitPIN", RESET), ("C_SetPIN", CHANGE_SO)] {
        let desk = Desk::new();
        for (answer, code, kind) in [
            ("CKR_PIN_LOCKED", 5, "blocked"),
            ("CKR_PIN_EXPIRED", 5, "must-change"),
            ("CKR_PIN_INCORRECT", 4, "wrong-secret"),
            ("CKR_PIN_INVALID", 6, "new-value-refused"),
            ("CKR_PIN_LEN_RANGE", 6, "new-value-refused"),
            ("0xA3", 5, "must-change"),
            ("CKR_GENERAL_ERROR", 8, "device"),
            ("CKR_DEVICE_REMOVED", 8, "device"),
            ("CKR_FUNCTION_NOT_SUPPORTED", 7, "unsupported"),
        ] {
            let (error, calls) = fails(&desk, &format!("{call}={answer}"), words, code, kind);
            // Only where the answer leaves open what was done is it found out, on a module that counts no tries.
            let (looked, holds): (&[&str], _) = match (code, words) {
                (8, RESET) => (&["C_Login"], json!("unknown")),
                (8, _) => (&["C_Login"], json!("old")),
                _ => (&[], Value::Null),
            };
            assert_eq!(only(&calls, &WITH_SECRETS), [&["C_Login", call], looked].concat(), "{words} {answer}");
            assert_eq!(error["holds"], holds, "{words} {answer}");
        }
        assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
    }
}

#[test]
fn after_a_write_that_failed_it_is_told_that_the_new_value_holds_where_it_does() {
    let desk = Desk::new();
    // Done, and yet the module reports a fault. Only JSON here: a second run would meet the new PIN.
    for (answer, words) in [("CKR_GENERAL_ERROR", CHANGE), ("CKR_DEVICE_REMOVED", RESET)] {
        let call = if words == CHANGE { "C_SetPIN" } else { "C_InitPIN" };
        let faults = rule(&format!("{call}=after:{answer}"));
        let error = desk.faulty(&faults, &format!("{words} --json")).run().code(8).json()["error"].clone();
        assert_eq!((&error["kind"], &error["holds"]), (&json!("device"), &json!("new")));
        assert!(error["hint"].as_str().unwrap().contains("go on with the new value"), "{error}");
        assert!(desk.is_pin(NEW));
    }
}

#[test]
fn after_a_write_that_failed_nothing_is_tried_that_could_cost_the_last_try_and_the_hint_tells_how_to_find_out() {
    // A module that nobody knows, whose flags say after the write that one try is left.
    let unknown = "token-manufacturer=536F6D65626F6479;token-flags@4=+0x20000;C_SetPIN=after:CKR_DEVICE_ERROR";
    let desk = Desk::new();
    let (run, calls) = desk.watched(rule(unknown), &format!("{CHANGE} --json"));
    let error = run.code(8).json()["error"].clone();
    assert_eq!(only(&calls, &WITH_SECRETS), ["C_Login", "C_SetPIN"], "{error}");
    assert_eq!(error["holds"], "unknown");
    hint(&error, "pin verify");
}

#[test]
fn a_value_that_the_proof_refused_is_not_presented_again() {
    let lost = "C_Login:USER#2-=CKR_PIN_INCORRECT";
    for (rules, words, presented) in [
        // The proof of the new value, and in a change the old one once.
        (lost, CHANGE, &["C_Login", "C_SetPIN", "C_Login", "C_Login"][..]),
        ("C_InitPIN=lie", RESET, &["C_Login", "C_InitPIN", "C_Login"]),
    ] {
        for whose in ["", ";token-manufacturer=536F6D65626F6479"] {
            let desk = Desk::new();
            let (run, calls) = desk.watched(rule(&format!("{rules}{whose}")), &format!("{words} --json"));
            let error = run.code(11).json()["error"].clone();
            assert_eq!(error["holds"], "unknown", "{words}: {error}");
            assert_eq!(only(&calls, &WITH_SECRETS), presented, "{words}");
        }
    }
}

#[test]
fn a_module_that_nobody_knows_and_no_flag_tells_of_is_asked_only_where_every_try_was_there() {
    let failed = |call: &str| format!("token-manufacturer=536F6D65626F6479;{call}=CKR_DEVICE_ERROR");
    for (call, words, presented, holds) in [
        ("C_SetPIN", CHANGE, &["C_Login", "C_SetPIN", "C_Login"][..], "old"),
        // Nobody has presented the user PIN, so that one try may be all that is left of it.
        ("C_InitPIN", RESET, &["C_Login", "C_InitPIN"], "unknown"),
    ] {
        let desk = Desk::new();
        let (run, calls) = desk.watched(rule(&failed(call)), &format!("{words} --json"));
        let error = run.code(8).json()["error"].clone();
        assert_eq!((&error["holds"], only(&calls, &WITH_SECRETS).as_slice()), (&json!(holds), presented), "{error}");
    }
}

#[test]
fn a_pin_that_gets_its_new_value_and_stays_blocked_is_told_as_blocked() {
    let desk = Desk::new();
    for generated in [false, true] {
        let file = desk.path(&format!("new-{generated}"));
        let source = if generated { format!("generate:{}", file.display()) } else { "env:NEW".into() };
        let words = format!("pin reset --token desk-7 --so-pin env:SO --new-pin {source} --json");
        let faults = rule("C_Login:USER=CKR_PIN_LOCKED;token-flags=+0x40000");
        let error = desk.faulty(&faults, &words).run().code(5).json()["error"].clone();
        assert_eq!((&error["kind"], &error["role"]), (&json!("blocked"), &json!("user-pin")), "{error}");
        assert_eq!(error["done"], json!(["reset"]), "the new value is set, and that is told");
        assert_eq!(file.exists(), generated, "what was generated is in force");
    }
    assert!(!desk.is_pin(PIN));
}

#[test]
fn a_proof_that_failed_once_is_made_again() {
    for rules in ["C_Login:USER#2=CKR_DEVICE_REMOVED", "C_OpenSession#2=CKR_DEVICE_REMOVED", "C_CloseSession=crash"] {
        let desk = Desk::new();
        let json = desk.faulty(&rule(rules), &format!("{CHANGE} --json")).run().code(0).json();
        assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("changed"), &json!(true)), "{rules}");
        assert!(desk.is_pin(NEW), "{rules}");
    }
}

#[test]
fn a_proof_that_is_cut_off_or_fails_is_not_confirmed() {
    for (rules, words) in [
        ("C_Login:USER#2-=CKR_DEVICE_REMOVED", CHANGE),
        ("C_Login:USER=CKR_DEVICE_REMOVED", RESET),
        ("C_Login:SO#2-=CKR_DEVICE_REMOVED", CHANGE_SO),
        ("C_Login:USER#2-=CKR_GENERAL_ERROR", CHANGE),
        ("C_OpenSession#2-=CKR_DEVICE_REMOVED", CHANGE),
    ] {
        let desk = Desk::new();
        let error = desk.faulty(&rule(rules), &format!("{words} --json")).run().code(11).json()["error"].clone();
        assert_eq!((&error["kind"], &error["holds"]), (&json!("unconfirmed"), &json!("unknown")), "{rules}");
        // The token did say yes, and it was true.
        assert!(if words == CHANGE_SO { desk.is_so_pin(SO2) } else { desk.is_pin(NEW) }, "{rules}");
    }
}

const COUNT_LOW: &str = "token-flags=+0x10000";
const FINAL_TRY: &str = "token-flags=+0x20000";
const LOCKED: &str = "token-flags=+0x40000";
const TO_BE_CHANGED: &str = "token-flags=+0x80000";
const SO_FINAL_TRY: &str = "token-flags=+0x200000";
const SO_LOCKED: &str = "token-flags=+0x400000";

#[test]
fn the_last_try_is_never_spent_unasked() {
    let desk = Desk::new();
    for (flag, words, role, allowed, other) in [
        (FINAL_TRY, VERIFY, "user-pin", "--allow-last-try", "--allow-last-try=so-pin"),
        (FINAL_TRY, CHANGE, "user-pin", "--allow-last-try=user-pin", "--allow-last-try=so-pin"),
        (SO_FINAL_TRY, RESET, "so-pin", "--allow-last-try=so-pin", "--allow-last-try"),
        (SO_FINAL_TRY, CHANGE_SO, "so-pin", "--allow-last-try=so-pin", "--allow-last-try=user-pin"),
    ] {
        for words in [words.to_owned(), format!("{words} {other}"), format!("{words} --dry-run")] {
            let (error, calls) = fails(&desk, flag, &words, 6, "last-try");
            assert_eq!((&error["role"], &error["tries_left"]), (&json!(role), &json!(1)), "{words}");
            assert_not_called(&calls, &WITH_SECRETS);
        }
        // What is allowed is tried, and a wrong value is told as such.
        let wrong = words.replace("env:PIN", "env:WRONG").replace("--so-pin env:SO", "--so-pin env:WRONG");
        let (run, calls) = desk.watched(rule(flag), &format!("{wrong} {allowed}"));
        run.code(4);
        assert_eq!(only(&calls, &WITH_SECRETS), ["C_Login"]);
    }
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
    desk.faulty(&rule(FINAL_TRY), &format!("{VERIFY} --allow-last-try")).run().code(0);
}

#[test]
fn a_counter_that_falls_while_a_person_types_is_seen_before_the_try() {
    let desk = Desk::new();
    desk.run(VERIFY).code(0);
    desk.age_locks();
    // What a dry run reads is what stands in the prompt; the readings after it belong to the act.
    let (_, calls) = desk.watched(Faults::new(), &format!("{VERIFY} --dry-run"));
    let surveyed = only(&calls, &["C_GetTokenInfo"]).len();
    for (flag, code) in [(FINAL_TRY, 6), (LOCKED, 5)] {
        desk.age_locks(); // as in `fails`
        let log = desk.path(&format!("log-{code}"));
        let faults = rule(&flag.replace('=', &format!("@{}=", surveyed + 1))).log(&log);
        let mut terminal = Terminal::spawn(desk.faulty(&faults, "pin verify --token desk-7").command());
        terminal.expect("PIN of desk-7").expect(": ").send(&format!("{PIN}\r"));
        let (ended, shown) = terminal.wait();
        assert_eq!(ended, code, "{shown}");
        let calls = crate::support::softhsm::calls(&log);
        assert!(!calls.iter().any(|call| call.starts_with("C_Login")), "{calls:?}");
    }
}

#[test]
fn a_token_that_is_no_longer_the_one_that_was_chosen_gets_nothing() {
    let desk = Desk::new();
    // Two slots were looked at to choose; from the third reading on another token answers in both.
    for words in [VERIFY, CHANGE, RESET, CHANGE_SO] {
        let (error, calls) = fails(&desk, "token-serial@3=3939", words, 8, "device");
        assert_eq!(error["hint"], "look again with `pukka list`");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
}

#[test]
fn a_token_without_a_serial_whose_label_changes_meanwhile_gets_nothing() {
    let desk = Desk::new();
    let no_serial = format!("token-serial={}", "20".repeat(16));
    for words in [VERIFY, CHANGE, RESET, CHANGE_SO] {
        // Without a serial the label is all that tells tokens apart; with one, another label is another token too.
        for rules in [format!("{no_serial};token-label@3=6f74686572"), "token-label@3=6f74686572".into()] {
            let (error, calls) = fails(&desk, &rules, words, 8, "device");
            assert_eq!(error["hint"], "look again with `pukka list`", "{rules}");
            assert_not_called(&calls, &WITH_SECRETS);
        }
    }
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
}

#[test]
fn an_so_pin_is_proved_only_by_a_module_that_is_known_to_check_it() {
    let desk = Desk::new();
    // opensc-pkcs11, say, takes any SO PIN on some cards.
    let faults = rule("token-manufacturer=4163");
    let (run, calls) = desk.watched(faults, &format!("{CHANGE_SO} --json"));
    let json = run.code(0).json();
    assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("changed"), &json!(false)), "{json}");
    assert_eq!(only(&calls, &WITH_SECRETS), ["C_Login", "C_SetPIN"]);
    assert!(desk.is_so_pin(SO2));
}

#[test]
fn a_blocked_reference_is_not_tried() {
    let desk = Desk::new();
    for (flag, words, role) in [
        (LOCKED, VERIFY, "user-pin"),
        (LOCKED, CHANGE, "user-pin"),
        (SO_LOCKED, RESET, "so-pin"),
        (SO_LOCKED, CHANGE_SO, "so-pin"),
    ] {
        for more in ["", "--dry-run", "--allow-last-try --allow-last-try=so-pin"] {
            let words = format!("{words} {more}");
            let (error, calls) = fails(&desk, flag, &words, 5, "blocked");
            assert_eq!((&error["role"], &error["tries_left"]), (&json!(role), &json!(0)), "{words}");
            assert_not_called(&calls, &WITH_SECRETS);
            if role == "user-pin" {
                hint(&error, "pin reset");
            }
        }
    }
    // A blocked user PIN is what a reset is for.
    desk.faulty(&rule(LOCKED), RESET).run().code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn the_flags_of_a_token_are_shown_and_nothing_is_made_of_them() {
    let desk = Desk::new();
    for (flag, state, tries) in [
        (COUNT_LOW, "ready", json!({"flag": "low"})),
        (FINAL_TRY, "ready", json!({"flag": "final"})),
        (LOCKED, "blocked", json!({"flag": "locked"})),
        (TO_BE_CHANGED, "must-change", Value::Null),
    ] {
        let (run, calls) = desk.watched(rule(flag), "status desk-7 --json");
        let reference = run.code(0).json()["tokens"][0]["references"][0].clone();
        assert_eq!((&reference["state"], &reference["tries"]), (&json!(state), &tries), "{flag}");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    let text = desk.faulty(&rule(LOCKED), "status desk-7").run().code(0);
    assert!(text.out.contains("blocked"), "{text:?}");
    // What must be changed can be changed.
    desk.faulty(&rule(TO_BE_CHANGED), CHANGE).run().code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn the_last_try_that_this_call_spent_is_told_as_blocked() {
    let desk = Desk::new();
    let wrong = VERIFY.replace("env:PIN", "env:WRONG");
    let (_, calls) = desk.watched(Faults::new(), &wrong);
    let before = calls.iter().take_while(|call| *call != "C_Login").filter(|call| *call == "C_GetTokenInfo").count();
    // The module says "incorrect" and no more; the flag shows at the reading after it.
    let (error, calls) = fails(&desk, &LOCKED.replace('=', &format!("@{}=", before + 1)), &wrong, 5, "blocked");
    assert_eq!(error["tries_left"], 0);
    assert!(error["detail"].as_str().unwrap().contains("CKR_PIN_INCORRECT"), "{error}");
    hint(&error, "pin reset");
    assert_eq!(only(&calls, &WITH_SECRETS), ["C_Login"]);
}

#[test]
fn the_proof_of_a_reset_does_not_spend_the_last_try_of_the_pin() {
    let desk = Desk::new();
    let faults = rule(FINAL_TRY).rule("C_InitPIN=lie");
    let (run, calls) = desk.watched(faults, &format!("{RESET} --json"));
    let json: Value = run.code(0).json();
    assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("reset"), &json!(false)), "{json}");
    assert_eq!(only(&calls, &WITH_SECRETS), ["C_Login", "C_InitPIN"]);
    let said: Run = desk.faulty(&rule(FINAL_TRY), RESET).run().code(0);
    assert!(said.err.contains("not confirmed"), "{said:?}");
}
