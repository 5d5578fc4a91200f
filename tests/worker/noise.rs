//! Modules that print, and modules that lie, in each call.

use serde_json::json;

use crate::support::{
    desk::{Desk, NEW, PIN, SO, WITH_SECRETS, assert_not_called},
    softhsm::Faults,
};

use super::{CHANGE, INIT, RESET, VERIFY, behind};

const CALLS: [&str; 11] = [
    "C_GetFunctionList",
    "C_Initialize",
    "C_GetSlotList",
    "C_GetTokenInfo",
    "C_OpenSession",
    "C_Login",
    "C_SetPIN",
    "C_InitPIN",
    "C_InitToken",
    "C_CloseSession",
    "C_Finalize",
];

/// Prints in every call, to both.
fn loud() -> Faults {
    let noisy = |call: &&str| format!("{call}=noise:<<out {call}\u{1b}[2J>>;{call}=complaint:<<err {call}>>");
    Faults::new().rule(CALLS.iter().map(noisy).collect::<Vec<_>>().join(";"))
}

#[test]
fn what_a_module_prints_is_neither_output_nor_message() {
    let desk = Desk::new();
    for (words, code) in [
        ("list --via pkcs11", 0),
        ("status desk-7", 0),
        (VERIFY, 0),
        ("pin verify --token desk-7 --pin env:WRONG", 4),
        (CHANGE, 0),
        (RESET, 0),
        (INIT, 0),
    ] {
        let json = behind(&desk, &loud(), &format!("{words} --json")).run().code(code);
        json.json();
        assert!(json.err.is_empty(), "{words}: {json:?}");
        if words != INIT && words != CHANGE {
            let text = behind(&desk, &loud(), words).run().code(code);
            assert!(!format!("{text:?}").contains("<<"), "{words}: {text:?}");
        }
    }
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_trace_shows_it_line_by_line_and_no_control_character_passes() {
    let desk = Desk::new();
    let run = behind(&desk, &loud(), "status desk-7 --via pkcs11 --json --trace").run().code(0);
    run.json();
    for call in ["C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_Finalize"] {
        let shown = format!("trace: module: <<out {call}\\u{{1b}}[2J>>");
        assert!(run.err.lines().any(|line| line == shown), "{shown}: {run:?}");
        assert!(run.err.lines().any(|line| line == format!("trace: module: <<err {call}>>")), "{call}: {run:?}");
    }
    assert!(!run.err.contains('\u{1b}'), "{run:?}");
}

#[test]
fn what_a_module_prints_once_it_has_a_secret_is_in_no_trace() {
    let desk = Desk::new();
    let spy = Faults::new().rule(format!("C_Login=noise:{PIN}")).rule(format!("C_SetPIN=complaint:{PIN}-{NEW}"));
    let run = behind(&desk, &spy, &format!("{CHANGE} --json --trace")).run().code(0);
    run.json();
    assert!(!run.err.contains(PIN) && !run.err.contains(NEW), "{run:?}");
    assert!(run.err.contains("module: (withheld"), "{run:?}");
}

#[test]
fn a_lie_in_any_call_is_never_told_as_an_effect_that_there_is_not() {
    for (rule, words, codes) in [
        // Neither module nor token can be told from one that has nothing to show.
        ("C_GetSlotList=lie", CHANGE, &[3, 8][..]),
        ("C_GetTokenInfo=lie", CHANGE, &[3, 8]),
        ("C_Initialize=lie", CHANGE, &[8]),
        ("C_OpenSession=lie", CHANGE, &[8]),
        ("C_OpenSession=lie", VERIFY, &[8]),
        ("C_OpenSession#2=lie", CHANGE, &[0, 8, 11]),
        ("C_Login#1=lie", RESET, &[8, 11]),
        ("C_Login:USER#1=lie", CHANGE, &[0, 8, 11]),
        ("C_SetPIN=lie", CHANGE, &[8, 11]),
        ("C_SetPIN=lie;C_Finalize=lie", CHANGE, &[8, 11]),
        ("C_InitPIN=lie", RESET, &[8, 11]),
        ("C_InitToken=lie", INIT, &[8, 11]),
        ("C_CloseSession=lie", CHANGE, &[0]),
        ("C_CloseSession=lie", RESET, &[0, 8, 11]),
        ("C_Finalize=lie", CHANGE, &[0, 11]),
        ("C_Finalize=lie", VERIFY, &[0]),
        ("C_Initialize#2-=lie", CHANGE, &[8, 11]),
    ] {
        let desk = Desk::new();
        desk.run(VERIFY).code(0);
        desk.age_locks();
        let (run, calls) = desk.watched(Faults::new().rule(rule), &format!("{words} --json"));
        assert!(codes.contains(&run.code), "{rule}: {words}: {run:?}");
        let is_new = desk.is_pin(NEW);
        match (words, run.code) {
            (VERIFY, 0) => assert_eq!(run.json()["outcome"], json!("verified"), "{rule}"),
            (_, 0) => assert!(is_new, "{rule}: {run:?}"),
            (_, 3) => assert_not_called(&calls, &WITH_SECRETS),
            _ => {}
        }
        assert!(
            (is_new || desk.is_pin(PIN)) && desk.is_so_pin(SO),
            "{rule}: the token is as it was, or as it should be"
        );
    }
}
