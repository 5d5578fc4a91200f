//! Tokens with keys of their own (protected authentication path): PINs are typed there, and modules get NULL for them.

use serde_json::{Value, json};

use super::rule;
use crate::support::{
    Pukka,
    desk::{Desk, LABEL, NEW, OTHER, PIN, SO, SO2, WITH_SECRETS, assert_not_called},
    softhsm::{Faults, calls},
    terminal::Terminal,
};

/// Runs the tool with a terminal of its own and nobody at it. Returns its exit code and all that was shown there.
fn at_a_terminal(tool: Pukka) -> (i32, String) {
    Terminal::spawn(tool.command()).wait()
}

/// The object in JSON among what a terminal shows.
fn json_of(shown: &str) -> Value {
    let line = shown.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON: {shown}"));
    serde_json::from_str(line).unwrap()
}

/// A token that takes nothing but what is typed at it.
fn strict() -> Faults {
    rule("pad;pad-strict")
}

#[test]
fn a_change_is_typed_at_the_token_and_said_not_to_be_confirmed() {
    let desk = Desk::new();
    let (code, shown) = at_a_terminal(desk.faulty(&strict().pad_user(PIN, NEW), "pin change --token desk-7 --json"));
    assert_eq!(code, 0, "{shown}");
    let json = json_of(&shown);
    assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("changed"), &json!(false)), "{json}");
    assert!(desk.is_pin(NEW) && !desk.is_pin(PIN));
    // Whoever sits there is told where to type.
    let (code, shown) = at_a_terminal(desk.faulty(&strict().pad_user(NEW, OTHER), "pin change --token desk-7"));
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("on the keys of desk-7") && shown.contains("not confirmed"), "{shown}");
    assert!(desk.is_pin(OTHER));
}

#[test]
fn every_call_that_takes_a_pin_takes_it_from_the_keys() {
    let desk = Desk::blank();
    let run = |faults: Faults, words: &str| {
        let (code, shown) = at_a_terminal(desk.faulty(&faults, words));
        assert_eq!(code, 0, "{words}: {shown}");
    };
    run(strict().pad_so(SO, "").pad_user("", PIN), "token init --label desk-7 --new-pin pinpad");
    assert!(desk.is_so_pin(SO) && desk.is_pin(PIN));
    run(strict().pad_user(PIN, ""), "pin verify --token desk-7");
    run(strict().pad_so(SO, "").pad_user("", NEW), "pin reset --token desk-7");
    assert!(desk.is_pin(NEW));
    run(strict().pad_so(SO, SO2), "so-pin change --token desk-7 --so-pin pinpad --new-so-pin pinpad");
    assert!(desk.is_so_pin(SO2));

    desk.store.token("desk-8", SO, None);
    run(strict().pad_so(SO, "").pad_user("", OTHER), "pin set --token desk-8");
    assert!(desk.store.login_ok("desk-8", "user", OTHER));
}

#[test]
fn a_wrong_pin_at_the_keys_is_a_wrong_pin() {
    let desk = Desk::new();
    let (code, shown) =
        at_a_terminal(desk.faulty(&strict().pad_user("999999", NEW), "pin change --token desk-7 --json"));
    assert_eq!((code, &json_of(&shown)["error"]["kind"]), (4, &json!("wrong-secret")), "{shown}");
    assert!(desk.is_pin(PIN));
}

#[test]
fn who_cancels_at_the_keys_did_not_confirm() {
    let desk = Desk::new();
    // Nothing is typed: the fault module cancels.
    let log = desk.path("log");
    let (code, shown) = at_a_terminal(desk.faulty(&strict().log(&log), "pin change --token desk-7 --json"));
    assert_eq!((code, &json_of(&shown)["error"]["kind"]), (6, &json!("not-confirmed-by-user")), "{shown}");
    assert!(calls(&log).iter().any(|call| call.starts_with("C_Login = ")), "the keys were not asked");
    assert!(desk.is_pin(PIN));
}

#[test]
fn without_input_nobody_is_sent_to_the_keys() {
    let desk = Desk::new();
    let faults = || strict().pad_user(PIN, NEW).pad_so(SO, SO2);
    for words in ["pin change", "pin verify", "pin reset", "so-pin change", "pin change --pin pinpad --new-pin pinpad"]
    {
        // There is a terminal, and it may not be used.
        let log = desk.path("log");
        let words = format!("{words} --token {LABEL} --no-input --json");
        let (code, shown) = at_a_terminal(desk.faulty(&faults().log(&log), &words));
        assert_eq!((code, &json_of(&shown)["error"]["kind"]), (2, &json!("usage")), "{words}: {shown}");
        // There is none.
        let (run, called) = desk.watched(faults(), &words);
        assert_eq!(run.code(2).json()["error"]["kind"], "usage");
        for log in [called, calls(&log).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()] {
            assert_not_called(&log, &WITH_SECRETS);
        }
    }
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
}

#[test]
fn a_token_with_keys_takes_a_pin_from_elsewhere_where_one_is_given() {
    let desk = Desk::new();
    desk.faulty(&rule("pad"), "pin change --token desk-7 --pin env:PIN --new-pin env:NEW").run().code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn the_keys_of_a_token_that_has_none_are_not_to_be_had() {
    let desk = Desk::new();
    let (run, called) = desk.watched(Faults::new(), "pin verify --token desk-7 --pin pinpad --json");
    assert_eq!(run.code(7).json()["error"]["kind"], "unsupported");
    assert_not_called(&called, &WITH_SECRETS);
}

#[test]
fn the_keys_supply_every_value_of_one_call_or_none() {
    // C_SetPIN takes two NULLs or two values (PKCS#11 2.40, 5.5): one of each is not a change that anybody meant.
    let desk = Desk::new();
    for words in ["--pin env:PIN --new-pin pinpad", "--pin pinpad --new-pin env:NEW"] {
        let log = desk.path("log");
        let faults = rule("pad").pad_user(PIN, OTHER).log(&log);
        let (code, shown) = at_a_terminal(desk.faulty(&faults, &format!("pin change --token desk-7 --json {words}")));
        assert_eq!((code, &json_of(&shown)["error"]["kind"]), (2, &json!("usage")), "{words}: {shown}");
        let dry = format!("pin change --token desk-7 --dry-run {words}");
        desk.faulty(&rule("pad"), &dry).run().code(2);
        assert!(!calls(&log).iter().any(|call| call.starts_with("C_Login ")), "{words}");
    }
    assert!(desk.is_pin(PIN));
}
