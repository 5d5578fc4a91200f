//! Tokens with keys of their own (protected authentication path): PINs are typed there, and modules get NULL for them.

use serde_json::{Value, json};

use super::rule;
use crate::support::{
    Pukka,
    desk::{Desk, LABEL, NEW, OTHER, PIN, SO, SO2, WITH_SECRETS, assert_not_called, only},
    softhsm::{Faults, Gate, calls},
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

/// What the person types at the keys before it is cancelled: variable and value.
type Typed = (&'static str, &'static str);

const TYPED_PIN: Typed = ("FAULT_MODULE_PAD_USER", PIN);
const TYPED_SO: Typed = ("FAULT_MODULE_PAD_SO", SO);

#[test]
fn who_cancels_on_the_keys_has_interrupted_and_nothing_came_of_it() {
    let desk = Desk::new();
    let init = format!("token init --token desk-7 --destroy {}", serial(&desk));
    let none: &[Typed] = &[];
    for (words, typed, asked, role) in [
        ("pin verify --token desk-7", none, vec!["C_Login"], "PIN"),
        ("pin change --token desk-7", none, vec!["C_Login"], "PIN"),
        ("pin change --token desk-7", &[TYPED_PIN], vec!["C_Login", "C_SetPIN"], "PIN"),
        ("pin reset --token desk-7", none, vec!["C_Login"], "SO PIN"),
        ("pin reset --token desk-7", &[TYPED_SO], vec!["C_Login", "C_InitPIN"], "PIN"),
        ("so-pin change --token desk-7", none, vec!["C_Login"], "SO PIN"),
        ("so-pin change --token desk-7", &[TYPED_SO], vec!["C_Login", "C_SetPIN"], "SO PIN"),
        (&init, none, vec!["C_InitToken"], "SO PIN"),
    ] {
        let log = desk.path("log");
        let _ = std::fs::remove_file(&log);
        let call = desk.faulty(&strict().log(&log), &format!("{words} --json")).envs(typed.iter().copied());
        let (code, shown) = at_a_terminal(call);
        let error = json_of(&shown)["error"].clone();
        assert_eq!((code, &error["kind"], &error["exit_code"]), (130, &json!("interrupted"), &json!(130)), "{shown}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("asked for the {role};")) && message.contains("changed nothing"),
            "{message}"
        );
        assert!(error["detail"].as_str().unwrap().contains("CKR_FUNCTION_CANCELED"), "{error}");
        let called: Vec<String> = calls(&log).iter().map(|call| call.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(only(&called, &WITH_SECRETS), asked, "{words}");
        assert!(desk.is_pin(PIN) && desk.is_so_pin(SO), "{words}");
    }
}

fn serial(desk: &Desk) -> String {
    let tokens = desk.run("list --json").code(0).json()["tokens"].clone();
    let live = tokens.as_array().unwrap().iter().find(|token| token["label"] == LABEL).unwrap();
    live["serial"].as_str().unwrap().to_owned()
}

#[test]
fn a_first_pin_that_is_cancelled_leaves_a_token_that_began_and_says_so() {
    let desk = Desk::blank();
    let words = "token init --label desk-7 --new-pin pinpad --json";
    let (code, shown) = at_a_terminal(desk.faulty(&strict(), words).envs([TYPED_SO]));
    let error = json_of(&shown)["error"].clone();
    assert_eq!((code, &error["done"]), (130, &json!(["initialised"])), "{shown}");
    assert!(desk.is_so_pin(SO));
    // The token goes on from there.
    let (code, shown) = at_a_terminal(desk.faulty(&strict(), "pin set --token desk-7 --json").envs([TYPED_SO]));
    assert_eq!((code, &json_of(&shown)["error"]["kind"]), (130, &json!("interrupted")), "{shown}");
    let (code, shown) =
        at_a_terminal(desk.faulty(&strict().pad_so(SO, "").pad_user("", PIN), "pin set --token desk-7"));
    assert_eq!(code, 0, "{shown}");
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_value_generated_for_what_was_cancelled_is_worth_nothing_and_gone() {
    let desk = Desk::new();
    let file = desk.path("new-pin");
    let words = format!("pin reset --token desk-7 --so-pin pinpad --new-pin generate:{} --json", file.display());
    let (code, shown) = at_a_terminal(desk.faulty(&rule("pad"), &words));
    assert_eq!(code, 130, "{shown}");
    assert!(!file.exists() && desk.is_pin(PIN));
}

#[test]
fn what_is_refused_on_the_keys_is_not_confirmed() {
    let desk = Desk::new();
    let faults = rule("pad;pad-strict;C_Login=CKR_FUNCTION_REJECTED");
    let (code, shown) = at_a_terminal(desk.faulty(&faults, "pin change --token desk-7 --json"));
    assert_eq!((code, &json_of(&shown)["error"]["kind"]), (6, &json!("not-confirmed-by-user")), "{shown}");
    assert!(desk.is_pin(PIN));
}

#[test]
fn keys_that_waited_in_vain_are_a_fault_of_the_device_and_no_interruption() {
    // Modules answer CKR_FUNCTION_CANCELED for both: only the time tells. This is as long as the keys of real readers wait.
    let desk = Desk::new();
    let faults = rule("pad;pad-strict;C_Login=delay:29500");
    let mut terminal = Terminal::spawn(desk.faulty(&faults, "pin verify --token desk-7").command());
    terminal.expect("on the keys of desk-7");
    std::thread::sleep(std::time::Duration::from_secs(20));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 8, "{shown}");
    assert!(shown.contains("waited for the PIN in vain") && shown.contains("spent no try"), "{shown}");
    assert!(shown.contains("hint: enter it as soon as the keys ask"), "{shown}");
}

#[test]
fn two_entries_that_differ_are_told_from_a_value_that_is_not_allowed() {
    let desk = Desk::new();
    // So OpenSC answers when the two entries of the new PIN differ.
    let faults = rule("pad;pad-strict;C_SetPIN=CKR_PIN_INVALID").pad_user(PIN, NEW);
    let (code, shown) = at_a_terminal(desk.faulty(&faults, "pin change --token desk-7 --json"));
    let error = json_of(&shown)["error"].clone();
    assert_eq!((code, &error["kind"]), (6, &json!("new-value-refused")), "{shown}");
    assert!(error["message"].as_str().unwrap().contains("two entries on the keys differ"), "{error}");
}

#[test]
fn what_the_keys_will_ask_is_told_in_order_before_they_are_lit() {
    let desk = Desk::new();
    for (words, call, told) in [
        (
            "pin change --token desk-7",
            "C_Login",
            vec![
                "in this order:",
                "1. the PIN (",
                "2. the PIN once more",
                "3. the new PIN, as often as they ask for it",
            ],
        ),
        ("pin verify --token desk-7", "C_Login", vec!["on the keys of desk-7: the PIN ("]),
        ("pin reset --token desk-7", "C_Login", vec!["1. the SO PIN (", "2. the new PIN, as often"]),
        ("pin reset --token desk-7 --so-pin env:SO --new-pin pinpad", "C_Login", vec!["desk-7: the new PIN, as often"]),
        (
            "so-pin change --token desk-7",
            "C_Login",
            vec!["1. the SO PIN (", "2. the SO PIN once more", "3. the new SO PIN, as often"],
        ),
        (
            "token init --label desk-8 --new-pin pinpad",
            "C_InitToken",
            vec!["1. the new SO PIN, as often", "2. the SO PIN once more", "3. the new PIN, as often"],
        ),
    ] {
        let gate = Gate::new(desk.store.dir(), &words.replace([' ', ':'], "-"));
        let faults = rule(&format!("pad;{}", gate.before(call)));
        let mut terminal = Terminal::spawn(desk.faulty(&faults, words).command());
        gate.wait();
        // The call waits for the person, and all of it stands there already.
        for line in told {
            terminal.expect(line);
        }
        gate.open();
        let (code, shown) = terminal.wait();
        assert_eq!(code, 130, "{words}: {shown}");
    }
}

#[test]
fn where_nobody_can_be_told_what_to_enter_the_keys_are_not_lit() {
    let desk = Desk::new();
    for words in ["pin change --token desk-7", "pin verify --token desk-7 --pin pinpad"] {
        let (run, called) = desk.watched(strict().pad_user(PIN, NEW), &format!("{words} --json"));
        assert_eq!(run.code(2).json()["error"]["kind"], "usage");
        assert_not_called(&called, &WITH_SECRETS);
    }
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
