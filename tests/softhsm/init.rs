//! `token init` on a token that holds something: never without its name.

use std::process::Command;

use serde_json::{Value, json};

use super::{done, wrong};
use crate::support::{
    desk::{Desk, LABEL, NEW, PIN, SO, WITH_SECRETS, assert_not_called},
    softhsm::{Faults, calls, softhsm_module},
};

/// Puts a data object on the token, as any program would.
fn put_object(desk: &Desk) {
    let file = desk.path("object");
    std::fs::write(&file, "precious").unwrap();
    let made = tool(desk)
        .args(["--login", "--pin", PIN, "--type", "data", "--label", "deed", "--write-object"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

fn tool(desk: &Desk) -> Command {
    let mut command = Command::new("pkcs11-tool");
    command.arg("--module").arg(softhsm_module()).args(["--token-label", LABEL]);
    desk.store.envs(&mut command);
    command
}

/// Whether the object is there, for whoever logs in with `pin`.
fn has_object(desk: &Desk, pin: &str) -> bool {
    let listed = tool(desk).args(["--login", "--pin", pin, "--list-objects"]).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    String::from_utf8_lossy(&listed.stdout).contains("deed")
}

#[test]
fn a_live_token_is_not_destroyed_without_its_name() {
    let desk = Desk::new();
    put_object(&desk);
    let init = "token init --token desk-7 --so-pin env:SO --new-pin env:NEW --json";
    for (words, code, kind) in [
        (init.to_owned(), 2, "usage"),
        (format!("{init} --no-input"), 2, "usage"),
        // What a program answers yes to is not what is asked here.
        (format!("{init} --yes"), 2, "usage"),
        (format!("{init} --destroy desk-8"), 6, "not-confirmed-by-user"),
        // Its label is not shared, but its serial is what confirms.
        (format!("{init} --destroy desk-7"), 6, "not-confirmed-by-user"),
    ] {
        let (run, calls) = desk.watched(Faults::new(), &words);
        let json = run.code(code).json();
        assert_eq!((&json["command"], &json["error"]["kind"]), (&json!("token init"), &json!(kind)), "{words}");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    assert!(desk.is_so_pin(SO) && has_object(&desk, PIN));
}

#[test]
fn a_live_token_whose_serial_confirms_it_begins_anew_and_keeps_its_serial() {
    let desk = Desk::blank();
    let serial = desk.store.token(LABEL, SO, Some(PIN));
    put_object(&desk);
    assert!(has_object(&desk, PIN));
    let init = format!("token init --token desk-7 --destroy {serial} --new-pin env:NEW --json");

    wrong(desk.run(&format!("{init} --so-pin env:WRONG")), "token init", "so-pin");
    assert!(has_object(&desk, PIN), "a wrong SO PIN destroyed the token");

    let json = done(desk.run(&format!("{init} --so-pin env:SO")), "token init", "initialised", "so-pin", "so-pin");
    assert_eq!(json["token"]["serial"], serial);
    assert!(desk.is_so_pin(SO) && desk.is_pin(NEW) && !desk.is_pin(PIN));
    assert!(!has_object(&desk, NEW), "the object outlived the token");

    // Its own label is not taken by another.
    desk.run(&format!("{init} --so-pin env:SO --label desk-7")).code(0);

    // Without a new PIN the token has none, and a new label is taken.
    let words = format!("token init --token desk-7 --destroy {serial} --so-pin env:SO --label desk-8 --json");
    let json = desk.run(&words).code(0).json();
    assert_eq!((&json["token"]["serial"], &json["token"]["label"]), (&json!(serial), &json!("desk-8")));
    let status = desk.run("status desk-8 --json").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "unset");
}

#[test]
fn a_live_token_takes_no_new_so_pin_on_the_way() {
    let desk = Desk::blank();
    let serial = desk.store.token(LABEL, SO, Some(PIN));
    for so_pin in ["--new-so-pin env:SO2", "--so-pin env:SO --new-so-pin env:SO2"] {
        let words = format!("token init --token desk-7 --destroy {serial} {so_pin} --json");
        let (run, calls) = desk.watched(Faults::new(), &words);
        assert_eq!(run.code(2).json()["error"]["kind"], "usage");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    assert!(desk.is_so_pin(SO) && desk.is_pin(PIN));
}

#[test]
fn a_label_has_at_most_32_bytes_and_belongs_to_one_token() {
    let desk = Desk::new();
    let init =
        |label: &str| desk.watched(Faults::new(), &format!("token init --label {label} --new-so-pin env:SO --json"));
    // 17 characters of two bytes.
    for long in ["x".repeat(33), "ä".repeat(17)] {
        let (run, calls) = init(&long);
        assert_eq!(run.code(2).json()["error"]["kind"], "usage");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    let (run, calls) = init(LABEL);
    let error = run.code(3).json()["error"].clone();
    assert_eq!(error["kind"], "ambiguous-token");
    assert_eq!(error["candidates"].as_array().unwrap().len(), 1, "{error}");
    assert!(error["candidates"][0].as_str().unwrap().contains("token=desk-7"), "{error}");
    assert_not_called(&calls, &WITH_SECRETS);

    let longest = "ä".repeat(16);
    let json = init(&longest).0.code(0).json();
    assert_eq!(json["token"]["label"], longest.as_str());
    assert!(desk.store.login_ok(&longest, "so", SO));
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
}

#[test]
fn a_label_by_which_a_token_could_not_be_named_is_refused() {
    let desk = Desk::blank();
    for label in ["", " ", "x ", "  x  ", "x\n", "a\tb", "\u{1b}[2J", "x\u{7f}", "x\u{9b}y"] {
        let log = desk.path("log");
        let init = desk.faulty(&Faults::new().log(&log), "token init --new-so-pin env:SO --new-pin env:PIN --json");
        let labelled = init.with(|command| {
            command.args(["--label", label]);
        });
        let run = labelled.run();
        assert_eq!(run.code(2).json()["error"]["kind"], "usage", "{label:?}");
        assert!(!calls(&log).iter().any(|call| call.starts_with("C_InitToken")), "{label:?}");
    }
    assert_eq!(desk.run("list --json").code(0).json()["tokens"][0]["label"], Value::Null);
}

#[test]
fn a_user_pin_that_fails_after_the_token_began_anew_is_told_with_its_new_name() {
    let desk = Desk::blank();
    let words = "token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN --json";
    let faults = Faults::new().rule("C_InitPIN=CKR_GENERAL_ERROR");
    let error = desk.faulty(&faults, words).run().code(8).json()["error"].clone();
    assert_eq!((&error["kind"], &error["done"]), (&json!("device"), &json!(["initialised"])), "{error}");
    let listed = desk.run("list --json").code(0).json();
    let serial = listed["tokens"].as_array().unwrap().iter().find(|token| token["label"] == LABEL).unwrap()["serial"]
        .as_str()
        .unwrap()
        .to_owned();
    let selector = error["token"]["selector"].as_str().unwrap();
    assert!(selector.contains(&format!("serial={serial}")), "{selector}");
    // What is named, by the error or by its hint, is there.
    let hint = error["hint"].as_str().unwrap_or_default();
    let by_hint = hint.split("--token '").nth(1).and_then(|rest| rest.split('\'').next());
    for selector in [Some(selector), by_hint].into_iter().flatten() {
        let status = desk.run(&format!("status {selector} --json")).code(0).json();
        assert_eq!(status["tokens"][0]["serial"], serial.as_str(), "{selector}");
    }
    assert!(desk.is_so_pin(SO));
    desk.run(&format!("pin set --token {selector} --so-pin env:SO --new-pin env:PIN")).code(0);
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_name_to_destroy_does_not_initialise_a_blank_token() {
    let desk = Desk::blank();
    let serial = desk.store.token(LABEL, SO, Some(PIN));
    for so_pin in ["--new-so-pin env:SO2", "--so-pin env:SO"] {
        for more in ["", "--dry-run"] {
            let words = format!("token init --label desk-8 --destroy {serial} {so_pin} {more} --json");
            let (run, calls) = desk.watched(Faults::new(), &words);
            assert_eq!(run.code(2).json()["error"]["kind"], "usage", "{words}");
            assert_not_called(&calls, &WITH_SECRETS);
        }
    }
    assert!(desk.is_so_pin(SO) && desk.is_pin(PIN));
    assert_eq!(desk.run("list --json").code(0).json()["tokens"].as_array().unwrap().len(), 2);
}

#[test]
fn a_module_that_would_wipe_a_token_whatever_the_so_pin_is_not_told_to() {
    let manufacturer = "Mozilla Foundation".bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let faults = || Faults::new().rule(format!("token-manufacturer={manufacturer}"));
    let desk = Desk::blank();
    let init = "token init --label desk-7 --new-so-pin env:SO --json";
    let (run, calls) = desk.watched(faults(), init);
    assert_eq!(run.code(7).json()["error"]["kind"], "unsupported");
    assert_not_called(&calls, &WITH_SECRETS);
    let serial = desk.store.token(LABEL, SO, Some(PIN));
    let words = format!("token init --token desk-7 --destroy {serial} --so-pin env:SO --json");
    let (run, calls) = desk.watched(faults(), &words);
    assert_eq!(run.code(7).json()["error"]["kind"], "unsupported");
    assert_not_called(&calls, &["C_InitToken"]);
    assert!(desk.is_pin(PIN));

    // Whoever knows that, and wants it, goes on.
    let (run, calls) = desk.watched(faults(), &format!("{words} --force-init"));
    assert_eq!(run.code(0).json()["outcome"], "initialised");
    assert!(calls.contains(&"C_InitToken".to_owned()), "{calls:?}");
}

#[test]
fn a_token_that_began_without_a_pin_is_told_with_what_sets_it() {
    let desk = Desk::blank();
    let run = desk.run("token init --label desk-7 --new-so-pin env:SO").code(0);
    let note = run
        .err
        .lines()
        .find(|line| line.starts_with("note: the PIN is not set yet: "))
        .unwrap_or_else(|| panic!("{run:?}"));
    assert!(note.contains("pukka pin set --token 'pkcs11:") && note.contains("--module '"), "{note}");
    let desk = Desk::blank();
    assert!(!desk.run("token init --label desk-7 --new-so-pin env:SO --quiet").code(0).err.contains("not set"));
    let desk = Desk::blank();
    assert!(
        !desk.run("token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN").code(0).err.contains("not set")
    );
}
