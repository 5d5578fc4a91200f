//! The life of a PIN on SoftHSM2.

use serde_json::{Value, json};

use crate::support::{
    Run,
    desk::{Desk, LABEL, NEW, OTHER, PIN, SO, SO2, WITH_SECRETS, assert_not_called, only, secret_file},
    softhsm::Faults,
};

/// Checks a success: one JSON object with exactly these facts, and silence on standard error.
#[track_caller]
fn done(run: Run, command: &str, outcome: &str, role: &str, by: &str) -> Value {
    let run = run.code(0);
    assert_eq!(run.err, "", "{run:?}");
    let json = run.json();
    let token = &json["token"];
    assert!(token["serial"].as_str().is_some_and(|serial| !serial.is_empty()), "{json}");
    let expected = json!({
        "schema": 1, "command": command, "outcome": outcome, "confirmed": true, "role": role, "by": by,
        "token": {"selector": token["selector"], "application": "pkcs11", "serial": token["serial"], "label": LABEL},
        "tries": null, "generated": {},
    });
    assert_eq!(json, expected);
    json
}

/// Checks a success in text: one line on standard error that names the token and what was done, nothing on standard output.
#[track_caller]
fn said(run: Run, word: &str) {
    let run = run.code(0);
    assert_eq!(run.out, "", "{run:?}");
    assert_eq!(run.err.lines().count(), 1, "{run:?}");
    assert!(run.err.starts_with(LABEL) && run.err.contains(word), "{run:?}");
    assert!(!run.err.contains("not confirmed"), "{run:?}");
}

/// Checks a wrong secret in JSON: a try may be gone, and how many are left SoftHSM2 does not tell.
#[track_caller]
fn wrong(run: Run, command: &str, role: &str) {
    let json = run.code(4).json();
    assert_eq!((&json["schema"], &json["command"]), (&json!(1), &json!(command)));
    let error = &json["error"];
    assert_eq!(error["kind"], "wrong-secret");
    assert_eq!(error["exit_code"], 4);
    assert_eq!(error["role"], role);
    assert_eq!(error["tries_left"], Value::Null);
    assert!(error["detail"].as_str().unwrap().contains("CKR_PIN_INCORRECT"), "{error}");
    assert_eq!(error["candidates"], json!([]));
}

#[path = "softhsm/init.rs"]
mod init;
#[path = "softhsm/p11_kit.rs"]
mod p11_kit;

const CREATE: &str = "token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN";
const VERIFY: &str = "pin verify --token desk-7 --pin env:";
const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW";
const RESET: &str = "pin reset --token desk-7 --so-pin env:SO --new-pin env:OTHER";
const CHANGE_SO: &str = "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2";

#[test]
fn the_life_of_a_pin_in_json() {
    let desk = Desk::blank();
    let json = |words: &str| desk.run(&format!("{words} --json"));

    let token = done(json(CREATE), "token init", "initialised", "so-pin", "so-pin")["token"].clone();
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
    assert_eq!(token["selector"], format!("pkcs11:token=desk-7;serial={}", token["serial"].as_str().unwrap()));

    done(json(&format!("{VERIFY}PIN")), "pin verify", "verified", "user-pin", "user-pin");
    wrong(json(&format!("{VERIFY}WRONG")), "pin verify", "user-pin");

    let changed = done(json(CHANGE), "pin change", "changed", "user-pin", "user-pin");
    assert_eq!(changed["token"], token, "the token was named differently before");
    assert!(desk.is_pin(NEW) && !desk.is_pin(PIN));
    wrong(json(&format!("{VERIFY}PIN")), "pin verify", "user-pin");
    wrong(json(CHANGE), "pin change", "user-pin");
    assert!(desk.is_pin(NEW), "a refused change changed the PIN");

    done(json(RESET), "pin reset", "reset", "user-pin", "so-pin");
    assert!(desk.is_pin(OTHER) && !desk.is_pin(NEW));
    wrong(json(&format!("{VERIFY}NEW")), "pin verify", "user-pin");
    done(json(&format!("{VERIFY}OTHER")), "pin verify", "verified", "user-pin", "user-pin");

    done(json(CHANGE_SO), "so-pin change", "changed", "so-pin", "so-pin");
    assert!(desk.is_so_pin(SO2) && !desk.is_so_pin(SO));
    wrong(json(CHANGE_SO), "so-pin change", "so-pin");
    wrong(json(RESET), "pin reset", "so-pin");
    assert!(desk.is_so_pin(SO2) && desk.is_pin(OTHER));
}

#[test]
fn the_life_of_a_pin_in_text() {
    let desk = Desk::blank();
    let refused = |words: &str, role: &str| {
        let run = desk.run(words).code(4);
        assert!(run.err.starts_with(&format!("error: wrong {role}")) && run.out.is_empty(), "{run:?}");
        assert!(!run.err.contains("changed") && !run.err.contains("confirmed"), "{run:?}");
    };

    said(desk.run(CREATE), "initialised");
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
    said(desk.run(&format!("{VERIFY}PIN")), "right");
    refused(&format!("{VERIFY}WRONG"), "PIN");
    said(desk.run(CHANGE), "changed");
    assert!(desk.is_pin(NEW) && !desk.is_pin(PIN));
    refused(&format!("{VERIFY}PIN"), "PIN");
    said(desk.run(RESET), "reset");
    assert!(desk.is_pin(OTHER) && !desk.is_pin(NEW));
    refused(&format!("{VERIFY}NEW"), "PIN");
    said(desk.run(CHANGE_SO), "changed");
    assert!(desk.is_so_pin(SO2) && !desk.is_so_pin(SO));
    refused(RESET, "SO PIN");
    said(desk.run("pin reset --token desk-7 --so-pin env:SO2 --new-pin env:PIN"), "reset");
    assert!(desk.is_pin(PIN));
}

#[test]
fn status_tells_the_state_of_each_pin_and_changes_nothing() {
    let desk = Desk::new();
    let references = |run: Run| run.code(0).json()["tokens"][0]["references"].clone();
    let before = references(desk.run("status desk-7 --json"));
    let of = |role: &str, state: &str, tries: Value, name: &str| {
        json!({
            "role": role, "name": name, "key_reference": null, "state": state, "tries": tries, "default": null,
            "temporary": null, "expires": null, "length": {"min": 4, "max": 255, "unit": "bytes"},
        })
    };
    let ready = json!([of("user-pin", "ready", Value::Null, "PIN"), of("so-pin", "ready", Value::Null, "SO PIN")]);
    assert_eq!(before, ready);
    desk.run(&format!("{VERIFY}WRONG")).code(4);
    // SoftHSM2 sets the flag at the first wrong one, and status does not take it away.
    for _ in 0..2 {
        assert_eq!(references(desk.run("status desk-7 --json"))[0]["tries"], json!({"flag": "low"}));
    }
    desk.run(&format!("{VERIFY}PIN")).code(0);
    assert_eq!(references(desk.run("status desk-7 --json")), ready);
}

#[test]
fn a_blank_slot_has_no_pins_whatever_its_flags_say() {
    // SoftHSM2 says that the SO PIN of a blank slot is locked and must be changed.
    let status = Desk::blank().run("status --json").code(0).json();
    for reference in status["tokens"][0]["references"].as_array().unwrap() {
        assert_eq!((&reference["state"], &reference["tries"]), (&json!("unset"), &Value::Null), "{reference}");
    }
    assert_eq!(status["tokens"][0]["can"], json!([{"operation": "token init"}]));
}

#[test]
fn a_token_initialised_without_a_pin_gets_its_first_by_pin_set() {
    let desk = Desk::blank();
    let init = desk.run("token init --label desk-7 --new-so-pin env:SO --json");
    done(init, "token init", "initialised", "so-pin", "so-pin");
    let status = desk.run("status desk-7 --json").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "unset");
    let able = |status: &Value, name: &str| {
        status["tokens"][0]["can"].as_array().unwrap().iter().any(|can| can["operation"] == name)
    };
    assert!(able(&status, "pin set") && !able(&status, "pin change") && !able(&status, "pin verify"), "{status}");

    // Nothing to change, try or reset yet, and the hint says what there is.
    for words in [CHANGE, "pin verify --token desk-7 --pin env:PIN", RESET] {
        let error = desk.run(&format!("{words} --json")).code(5).json()["error"].clone();
        assert_eq!((&error["kind"], &error["role"]), (&json!("unset"), &json!("user-pin")), "{words}");
        assert!(error["hint"].as_str().unwrap().starts_with("pukka pin set --token '"), "{error}");
    }

    wrong(desk.run("pin set --token desk-7 --so-pin env:WRONG --new-pin env:PIN --json"), "pin set", "so-pin");
    done(
        desk.run("pin set --token desk-7 --so-pin env:SO --new-pin env:PIN --json"),
        "pin set",
        "set",
        "user-pin",
        "so-pin",
    );
    assert!(desk.is_pin(PIN));
    assert!(able(&desk.run("status desk-7 --json").json(), "pin change"));
}

#[test]
fn the_first_pin_is_said_to_be_set_in_text_too() {
    let desk = Desk::blank();
    let begun = desk.run("token init --label desk-7 --so-pin env:SO").code(0);
    assert!(begun.out.is_empty() && begun.err.starts_with("desk-7: initialised and confirmed\nnote: "), "{begun:?}");
    said(desk.run("pin set --token desk-7 --so-pin env:SO --new-pin env:PIN"), " set");
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
}

#[test]
fn pin_set_refuses_a_token_whose_pin_is_set_and_names_pin_reset() {
    let desk = Desk::new();
    let words = "pin set --token desk-7 --so-pin env:SO --new-pin env:NEW";
    let (run, calls) = desk.watched(Faults::new(), &format!("{words} --json"));
    let error = run.code(7).json()["error"].clone();
    assert_eq!(error["kind"], "unsupported");
    assert!(error["hint"].as_str().unwrap().starts_with("pukka pin reset --token '"), "{error}");
    assert_not_called(&calls, &WITH_SECRETS);
    assert!(desk.run(words).code(7).err.contains("hint: pukka pin reset --token '"));
    assert!(desk.is_pin(PIN));
}

#[test]
fn puk_change_and_pin_unblock_are_refused_with_what_there_is_instead() {
    let desk = Desk::new();
    for (words, instead) in [
        ("pin unblock --token desk-7 --so-pin env:SO", "pukka pin reset --token "),
        ("puk change --token desk-7 --puk env:PIN --new-puk env:NEW", "pukka so-pin change --token "),
    ] {
        let error = desk.run(&format!("{words} --json")).code(7).json()["error"].clone();
        assert_eq!(error["kind"], "unsupported", "{words}");
        assert!(error["hint"].as_str().unwrap().starts_with(instead), "{words}: {error}");
    }
    // With a new PIN it is `pin reset`.
    done(
        desk.run("pin unblock --token desk-7 --so-pin env:SO --new-pin env:NEW --json"),
        "pin reset",
        "reset",
        "user-pin",
        "so-pin",
    );
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_new_value_that_cannot_be_right_is_refused_before_anything_is_sent() {
    let desk = Desk::new();
    let file = desk.path("secret");
    let long = "1".repeat(300);
    let cases: [(&str, &[u8], &str); 12] = [
        ("too short", b"123", "4 to 255 bytes"),
        ("too long", &[b'1'; 256], "4 to 255 bytes"),
        ("300 bytes", long.as_bytes(), "4 to 255 bytes"),
        ("far too long", &[b'1'; 2000], "long"),
        ("the old one", PIN.as_bytes(), "old"),
        ("empty", b"\n", "empty"),
        ("a NUL", b"3141\x0059", "control"),
        ("a tab", b"314\t159", "control"),
        ("a blank in front", b" 86420975", "white space"),
        ("a blank behind", b"86420975 \n", "white space"),
        ("a blank of another kind", "86420975\u{a0}".as_bytes(), "white space"),
        ("a carriage return inside", b"314\r159\n", "control"),
    ];
    for (what, value, said) in cases {
        secret_file(&file, value);
        let source = format!("file:{}", file.display());
        for words in [
            format!("pin change --token desk-7 --pin env:PIN --new-pin {source}"),
            format!("pin reset --token desk-7 --so-pin env:SO --new-pin {source}"),
            format!("so-pin change --token desk-7 --so-pin env:PIN --new-so-pin {source}"),
            format!("token init --label desk-9 --new-so-pin env:SO --new-pin {source}"),
            format!("token init --label desk-9 --new-so-pin {source}"),
        ] {
            // The old value is known to a change only.
            if what == "the old one" && !words.contains(" change ") {
                continue;
            }
            let (run, calls) = desk.watched(Faults::new(), &words);
            let run = run.code(6);
            assert!(run.err.starts_with("error: ") && run.err.contains(said), "{what}: {words}: {run:?}");
            assert_not_called(&calls, &WITH_SECRETS);
        }
    }
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
    let kind = desk.run("pin change --token desk-7 --pin env:PIN --new-pin env:PIN --json").code(6).json();
    assert_eq!(kind["error"]["kind"], "policy");
}

#[test]
fn a_new_value_at_the_limits_is_taken() {
    let desk = Desk::new();
    let (old, new) = (desk.path("old"), desk.path("new"));
    secret_file(&old, PIN.as_bytes());
    for value in ["1234".to_owned(), "x".repeat(255), "correct horse Schlüssel".to_owned()] {
        secret_file(&new, format!("{value}\r\n").as_bytes());
        let words = format!("pin change --token desk-7 --pin file:{} --new-pin file:{}", old.display(), new.display());
        said(desk.run(&words), "changed");
        assert!(desk.is_pin(&value), "{value}");
        std::fs::rename(&new, &old).unwrap();
    }
}

#[test]
fn a_pin_change_logs_in_writes_and_proves_it_from_a_fresh_session_and_does_no_more() {
    const COUNTED: [&str; 8] = [
        "C_Initialize",
        "C_OpenSession",
        "C_Login",
        "C_SetPIN",
        "C_InitPIN",
        "C_InitToken",
        "C_CloseSession",
        "C_Finalize",
    ];
    let desk = Desk::new();
    desk.run("pin verify --token desk-7 --pin env:PIN").code(0);
    desk.age_locks();
    let (run, calls) = desk.watched(Faults::new(), CHANGE);
    said(run, "changed");
    let expected = [
        "C_Initialize",
        "C_OpenSession",
        "C_Login",
        "C_SetPIN",
        "C_CloseSession",
        // The proof is against what is stored, which SoftHSM2 reads at C_Initialize only.
        "C_Finalize",
        "C_Initialize",
        "C_OpenSession",
        "C_Login",
        "C_CloseSession",
        "C_Finalize",
    ];
    assert_eq!(only(&calls, &COUNTED), expected);
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_dry_run_presents_nothing_and_changes_nothing() {
    let desk = Desk::new();
    for words in [CHANGE, RESET, CHANGE_SO, "pin verify --token desk-7 --pin env:WRONG"] {
        let (run, calls) = desk.watched(Faults::new(), &format!("{words} --dry-run --json"));
        let json = run.code(0).json();
        assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("planned"), &json!(false)), "{words}");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
}
