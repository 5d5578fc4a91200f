//! Modules that are missing, are none, have nothing to show, or show it in their own way.

use std::path::Path;

use serde_json::json;

use super::{CHANGE, RESET, VERIFY, rule};
use crate::support::{
    Run,
    desk::{Desk, NEW, PIN, SO, finish, start},
    softhsm::{Faults, Gate},
};

fn with(desk: &Desk, module: &Path, words: &str) -> Run {
    desk.bare(words)
        .with(|command| {
            command.arg("--module").arg(module);
        })
        .run()
}

#[test]
fn a_module_that_is_missing_or_is_none_is_named_with_what_to_do() {
    let desk = Desk::new();
    let text = desk.path("notes.so");
    std::fs::write(&text, "no library").unwrap();
    let directory = desk.path("directory.so");
    std::fs::create_dir(&directory).unwrap();
    let missing = desk.path("missing.so");
    for (module, said) in [
        (missing.as_path(), "there is no module"),
        (&text, "cannot be loaded"),
        (&directory, "cannot be loaded"),
        (Path::new("libc.so.6"), "is no PKCS#11 module"),
    ] {
        for words in ["pin verify --pin env:PIN", "status", "list", "list --via pkcs11", "status desk-7 --via pkcs11"] {
            let run = with(&desk, module, words).code(8);
            assert!(run.err.contains(said) && run.err.contains(module.to_str().unwrap()), "{words}: {run:?}");
            assert!(run.err.contains("hint: ") && run.err.contains("--module"), "{words}: {run:?}");
            let error = with(&desk, module, &format!("{words} --json")).code(8).json()["error"].clone();
            assert_eq!(error["kind"], "device", "{words}: {error}");
            assert!(error["message"].as_str().unwrap().contains(said), "{words}: {error}");
        }
    }
}

#[test]
fn a_module_that_fails_beside_one_that_works_is_told_and_hides_nothing() {
    let desk = Desk::new();
    let call = desk.call("list --json --via pkcs11").with(|command| {
        command.args(["--module", "/nowhere/missing.so"]);
    });
    let json = call.run().code(0).json();
    assert_eq!(json["tokens"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(json["problems"].as_array().unwrap().len(), 1, "{json}");
    assert!(json["problems"][0]["message"].as_str().unwrap().contains("/nowhere/missing.so"), "{json}");
}

#[test]
fn a_module_that_does_not_initialise_or_list_is_a_fault_of_the_device() {
    let desk = Desk::new();
    for (rules, code) in [
        ("C_Initialize=CKR_GENERAL_ERROR", "CKR_GENERAL_ERROR"),
        ("C_Initialize=CKR_DEVICE_ERROR", "CKR_DEVICE_ERROR"),
        ("C_GetSlotList=CKR_DEVICE_ERROR", "CKR_DEVICE_ERROR"),
    ] {
        let run = desk.faulty(&rule(rules), &format!("{VERIFY} --via pkcs11 --json")).run();
        let error = run.code(8).json()["error"].clone();
        assert!(error["detail"].as_str().unwrap().contains(code), "{rules}: {error}");
    }
}

#[test]
fn a_module_that_does_not_begin_is_told_with_where_to_look() {
    let desk = Desk::new();
    let hint = |rules: &str, words: &str| {
        let error = desk.faulty(&rule(rules), &format!("{VERIFY} --json{words}")).run().code(8).json()["error"].clone();
        error["hint"].as_str().unwrap_or_default().to_owned()
    };
    assert!(hint("C_Initialize=CKR_GENERAL_ERROR", "").contains("SOFTHSM2_CONF"));
    assert!(hint("C_Initialize=CKR_ARGUMENTS_BAD", "").contains("init = "));
    // What was told it is what to look at.
    let config = desk.at_home("config.toml");
    let module = Faults::new().module();
    std::fs::write(&config, format!("modules = [{{ path = {:?}, init = \"x\" }}]\n", module.display().to_string()))
        .unwrap();
    let told = hint("C_Initialize=CKR_ARGUMENTS_BAD", &format!(" --config {}", config.display()));
    assert!(told.contains("see what the configuration gives this module as `init`"), "{told}");
}

#[test]
fn what_c_finalize_answers_does_not_undo_what_was_done() {
    let desk = Desk::new();
    desk.run(VERIFY).code(0);
    desk.age_locks();
    desk.faulty(&rule("C_Finalize=CKR_GENERAL_ERROR"), CHANGE).run().code(0);
    assert!(desk.is_pin(NEW));
    let (run, calls) = desk.watched(Faults::new(), "list");
    run.code(0);
    assert_eq!(calls.last().map(String::as_str), Some("C_Finalize"), "{calls:?}");
}

#[test]
fn a_module_that_does_not_end_is_no_reason_to_go_on_with_what_it_knew_of_a_token_that_another_has_changed() {
    let desk = Desk::new();
    desk.run(VERIFY).code(0);
    let gate = Gate::new(desk.store.dir(), "gate");
    let faults = Faults::new().rule(gate.after("C_Initialize#1")).rule("C_Finalize=CKR_GENERAL_ERROR");
    let with_old_view = start(desk.faulty(&faults, &format!("{VERIFY} --json")));
    gate.wait();
    desk.run(CHANGE).code(0);
    gate.open();
    let error = finish(with_old_view).code(4).json()["error"].clone();
    assert_eq!(error["kind"], "wrong-secret", "{error}");
}

#[test]
fn what_is_longer_than_a_module_that_holds_its_maximum_tells_is_wrong_for_sure_and_not_sent() {
    let desk = Desk::new();
    let long = "1".repeat(256);
    let verify = |value: &str| {
        let (run, calls) =
            (desk.logged(&["pin", "verify", "--pin", "env:LONG", "--json"]).env("LONG", value).run(), desk.calls());
        (run, calls.iter().any(|call| call.starts_with("C_Login")))
    };
    let (run, sent) = verify(&long);
    assert_eq!((run.code(6).json()["error"]["kind"].clone(), sent), ("policy".into(), false));
    let (run, sent) = verify(&long[..255]);
    let error = run.code(4).json()["error"].clone();
    assert!(sent && error["message"] == "wrong PIN; this token does not count tries", "{error}");
    assert_eq!(error["tries_left"], serde_json::Value::Null);
}

#[test]
fn a_module_without_a_token_has_nothing_to_list_and_nothing_to_operate_on() {
    let desk = Desk::new();
    // OpenSC finds no reader here: no pcscd answers.
    let mut places =
        std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path().join("opensc-pkcs11.so"));
    let opensc = places.find(|module| module.is_file()).expect("OpenSC's module is not installed: opensc-pkcs11");
    for words in ["list", "status"] {
        let run = with(&desk, &opensc, &format!("{words} --via pkcs11")).code(0);
        assert!(run.out.is_empty() && run.err.contains("no token found"), "{run:?}");
        let json = with(&desk, &opensc, &format!("{words} --via pkcs11 --json")).code(0).json();
        assert_eq!(
            json,
            json!({"schema": 1, "command": words, "tokens": [], "instead": "no module shows a token", "problems": []})
        );
    }
    for words in [VERIFY, CHANGE, RESET, "pin verify --pin env:PIN", "token init --label a --new-so-pin env:SO"] {
        let error = with(&desk, &opensc, &format!("{words} --via pkcs11 --json")).code(3).json()["error"].clone();
        assert_eq!((&error["kind"], &error["hint"]), (&json!("no-token"), &json!("pukka list")), "{words}");
    }
}

#[test]
fn limits_that_make_no_sense_stop_nobody() {
    for (limits, shown) in [
        // Seen of real modules: a maximum below the minimum, none at all, no limit worth the name.
        ("pin-length=8..0", json!({"min": 8, "max": null, "unit": "bytes"})),
        ("pin-length=0..500", json!({"min": 1, "max": 500, "unit": "bytes"})),
        ("pin-length=4..18446744073709551615", json!({"min": 4, "max": null, "unit": "bytes"})),
    ] {
        let desk = Desk::new();
        let status = desk.faulty(&rule(limits), "status desk-7 --json").run().code(0).json();
        assert_eq!(status["tokens"][0]["references"][0]["length"], shown, "{limits}");
        let words = "pin change --token desk-7 --pin env:PIN --new-pin env:SO";
        desk.faulty(&rule(limits), words).run().code(0);
        assert!(desk.is_pin(SO));
    }
    // What is below the minimum is refused all the same.
    let desk = Desk::new();
    let too_short = "pin change --token desk-7 --pin env:PIN --new-pin env:OTHER";
    desk.faulty(&rule("pin-length=8..0"), too_short).run().code(6);
    assert!(desk.is_pin(PIN));
}

#[test]
fn names_filled_up_with_nuls_and_a_blank_time_are_read_as_they_are_meant() {
    let desk = Desk::new();
    // "desk-7" and twenty-six NULs; a model of sixteen; a serial of "A1" and NULs. Blanks in front are part of it.
    let faults = || {
        rule("token-only=6465736b2d37")
            .rule(format!("token-label=6465736b2d37{}", "00".repeat(26)))
            .rule(format!("token-model={}", "00".repeat(16)))
            .rule(format!("token-serial=4131{}", "00".repeat(14)))
            .rule("utctime-blank")
    };
    let json = desk.faulty(&faults(), "status A1 --json").run().code(0).json();
    let token = &json["tokens"][0];
    assert_eq!((&token["label"], &token["serial"], &token["model"]), (&json!("desk-7"), &json!("A1"), &json!(null)));
    assert_eq!(token["selector"], "pkcs11:token=desk-7;serial=A1");
    desk.faulty(&faults(), CHANGE).run().code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_token_without_a_serial_is_named_by_its_slot_and_destroyed_by_its_label_only() {
    let desk = Desk::new();
    let faults = || rule("token-only=6465736b2d37").rule(format!("token-serial={}", "20".repeat(16)));
    let tokens = desk.faulty(&faults(), "list --json").run().code(0).json()["tokens"].clone();
    let token = tokens.as_array().unwrap().iter().find(|token| token["label"] == "desk-7").unwrap();
    let selector = token["selector"].as_str().unwrap();
    assert!(selector.starts_with(&format!("pkcs11:token=desk-7;slot-id={}?module-path=", token["slot"])), "{selector}");
    desk.faulty(&faults(), &format!("pin change --token {selector} --pin env:PIN --new-pin env:NEW")).run().code(0);
    assert!(desk.is_pin(NEW));
    let init = "token init --token desk-7 --so-pin env:SO --destroy";
    desk.faulty(&faults(), &format!("{init} desk-8")).run().code(6);
    assert!(desk.is_pin(NEW));
    desk.faulty(&faults(), &format!("{init} desk-7")).run().code(0);
}
