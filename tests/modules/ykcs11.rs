//! Yubico's module: an SO PIN that is the management key, and a PUK that C_SetPIN takes by a convention of its own.

use std::{path::PathBuf, process::Command};

use serde_json::json;

use super::cards::CardBench;
use crate::support::{
    cards::Card,
    desk::secret_file,
    marks::in_memory,
    modules::{opensc, ykcs11},
    running::Running,
    softhsm::{Faults, Gate, calls},
};

const SECRETS: &[(&str, &str)] = &[
    ("PIN", "123456"),
    ("NEW", "271828"),
    ("WRONG", "000000"),
    ("SHORT", "123"),
    ("LONG", "123456789"),
    ("ODD", "puk:12"),
    ("PUK", "12345678"),
    ("PUK2", "87654321"),
    ("KEY", "010203040506070801020304050607080102030405060708"),
    ("KEY2", "a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8c1c2c3c4c5c6c7c8"),
    ("KEY_OF_16", "0102030405060708010203040506070a"),
];
const VERIFY: &str = "pin verify --pin env:";
const CHANGE: &str = "pin change --pin env:PIN --new-pin env:NEW";
const RESET: &str = "pin reset --by puk --puk env:PUK --new-pin env:NEW";
const RESET_BY_WRONG: &str = "pin reset --puk env:PUK2 --new-pin env:NEW";

fn bench() -> CardBench {
    behind(ykcs11())
}

/// A YubiKey behind this module.
fn behind(module: PathBuf) -> CardBench {
    CardBench::new(Card::stand_in("piv").dialect("card=yubikey"), module, SECRETS)
}

#[test]
fn it_shows_a_puk_of_which_nothing_is_told_and_offers_what_works() {
    let bench = bench();
    let puk = bench.reference("puk");
    assert_eq!((&puk["state"], &puk["tries"], &puk["default"]), (&json!("unknown"), &json!(null), &json!(null)));
    let token = bench.run("status", 0)["tokens"][0].clone();
    let can = json!([{"operation": "pin change"}, {"operation": "pin verify"}, {"operation": "pin reset", "by": "puk"},
        {"operation": "puk change"}, {"operation": "so-pin change"}]);
    assert_eq!(token["can"], can);
    assert_eq!(bench.reference("user-pin")["length"], json!({"min": 6, "max": 8, "unit": "characters"}));
    assert_eq!(bench.reference("so-pin")["length"], json!({"min": 48, "max": 48, "unit": "characters"}));
    bench.assert_presented(&[]);
}

#[test]
fn the_puk_resets_a_pin_also_a_blocked_one_and_a_login_proves_it() {
    for (wrong, before) in [(0, json!(null)), (2, json!({"flag": "final"})), (3, json!({"flag": "locked"}))] {
        let bench = bench();
        for _ in 0..wrong {
            bench.call(&format!("{VERIFY}WRONG --allow-last-try")).run();
        }
        assert_eq!(bench.reference("user-pin")["tries"], before, "{wrong}");
        let done = bench.run(RESET, 0);
        bench.assert_presented(&["002C0080", "00200080"]);
        assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("reset"), &json!(true)), "{done}");
        assert_eq!((&done["role"], &done["by"]), (&json!("user-pin"), &json!("puk")), "{done}");
        assert_eq!(bench.reference("user-pin")["state"], "ready");
        bench.run(&format!("{VERIFY}NEW"), 0);
    }
}

#[test]
fn a_wrong_puk_costs_one_of_its_tries_and_none_of_the_pin() {
    let bench = bench();
    let error = bench.refused(RESET_BY_WRONG, 4, "wrong-secret");
    bench.assert_presented(&["002C0080"]);
    assert_eq!((&error["role"], &error["tries_left"]), (&json!("puk"), &json!(null)), "{error}");
    assert_eq!(bench.reference("user-pin")["tries"], json!(null));
    bench.run(&format!("{VERIFY}PIN"), 0);
}

#[test]
fn a_blocked_puk_is_told_as_blocked_whatever_the_pin_is() {
    let bench = bench();
    for _ in 0..3 {
        bench.refused(RESET_BY_WRONG, 4, "wrong-secret");
    }
    let error = bench.refused(RESET, 5, "blocked");
    assert_eq!(error["role"], "puk", "{error}");
    bench.run(&format!("{VERIFY}PIN"), 0);

    for _ in 0..3 {
        bench.call(&format!("{VERIFY}WRONG --allow-last-try")).run();
    }
    assert_eq!(bench.refused(RESET, 5, "blocked")["role"], "puk");
}

#[test]
fn a_wrong_puk_on_a_blocked_pin_is_told_as_wrong_and_not_as_blocked() {
    let bench = bench();
    for _ in 0..3 {
        bench.call(&format!("{VERIFY}WRONG --allow-last-try")).run();
    }
    assert_eq!(bench.refused(RESET_BY_WRONG, 4, "wrong-secret")["role"], "puk");
}

#[test]
fn the_puk_is_changed_and_not_confirmed_since_a_proof_would_risk_it() {
    let bench = bench();
    let change = "puk change --puk env:PUK --new-puk env:PUK2";
    let done = bench.run(change, 0);
    bench.assert_presented(&["00240081"]);
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(false)), "{done}");
    assert_eq!(bench.refused(change, 4, "wrong-secret")["role"], "puk");
    bench.assert_presented(&["00240081"]);
    bench.run(RESET_BY_WRONG, 0);
}

#[test]
fn values_of_a_length_that_nothing_has_are_not_sent() {
    let bench = bench();
    for words in [
        "pin reset --puk env:SHORT --new-pin env:NEW",
        "pin reset --puk env:LONG --new-pin env:NEW",
        "pin reset --puk env:PUK --new-pin env:LONG",
        "puk change --puk env:PUK --new-puk env:SHORT",
        "pin change --pin env:PIN --new-pin env:LONG",
        "pin verify --pin env:LONG",
        // As short as a PIN, it would be tried as the user PIN.
        "so-pin change --so-pin env:PIN --new-so-pin env:KEY2",
        // The module would fill it up with zeros.
        "so-pin change --so-pin env:KEY --new-so-pin env:KEY_OF_16",
    ] {
        bench.refused(words, 6, "policy");
        bench.assert_presented(&[]);
    }
}

#[test]
fn a_change_spends_no_try_with_the_right_pin_and_one_with_a_wrong_one() {
    let bench = bench();
    let done = bench.run(CHANGE, 0);
    bench.assert_presented(&["00200080", "00240080", "00200080"]);
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)), "{done}");
    bench.refused(CHANGE, 4, "wrong-secret");
    bench.assert_presented(&["00200080"]);
    assert_eq!(bench.reference("user-pin")["tries"], json!({"flag": "low"}));
}

#[test]
fn the_last_try_is_spent_only_where_that_is_allowed_and_then_it_blocks() {
    let bench = bench();
    for _ in 0..2 {
        bench.refused(&format!("{VERIFY}WRONG"), 4, "wrong-secret");
    }
    for words in [format!("{VERIFY}PIN"), CHANGE.to_owned()] {
        let error = bench.refused(&words, 6, "last-try");
        bench.assert_presented(&[]);
        assert!(error["hint"].as_str().unwrap().starts_with("pukka pin reset --token '"), "{error}");
    }
    let error = bench.refused(&format!("{VERIFY}WRONG --allow-last-try"), 5, "blocked");
    assert!(error["hint"].as_str().unwrap().starts_with("pukka pin reset --token '"), "{error}");
    bench.refused(&format!("{VERIFY}PIN"), 5, "blocked");
    bench.assert_presented(&[]);
}

#[test]
fn the_so_pin_is_the_management_key_and_its_change_is_proved() {
    let bench = bench();
    let change = "so-pin change --so-pin env:KEY --new-so-pin env:KEY2";
    let done = bench.run(change, 0);
    bench.assert_presented(&["0087039B", "0087039B", "00FFFFFF", "0087039B", "0087039B"]);
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)), "{done}");
    assert_eq!(bench.refused(change, 4, "wrong-secret")["role"], "so-pin");
    let made = bench.run("so-pin change --so-pin env:KEY2 --new-so-pin generate", 0);
    assert_eq!(made["generated"]["new-so-pin"].as_str().unwrap().len(), 48, "{made}");
}

#[test]
fn what_the_module_has_no_call_for_is_refused_before_anything_is_sent() {
    let bench = bench();
    for words in [
        "pin reset --so-pin env:KEY --new-pin env:NEW",
        "pin reset --by so-pin --so-pin env:KEY --new-pin env:NEW",
        "pin set --so-pin env:KEY --new-pin env:NEW",
    ] {
        let error = bench.refused(words, 7, "unsupported");
        assert!(error["hint"].as_str().unwrap().starts_with("pukka pin reset --token '"), "{words}: {error}");
        bench.assert_presented(&[]);
    }
}

#[test]
fn a_pin_that_the_module_would_take_for_a_puk_is_not_changed_through_it() {
    let bench = bench();
    let mut tool = Command::new("pkcs11-tool");
    tool.arg("--module").arg(&bench.module).args(["--change-pin", "--pin", "123456", "--new-pin", "puk:12"]);
    bench.envs(&mut tool);
    let done = tool.output().unwrap();
    assert!(done.status.success(), "{done:?}");
    bench.run(&format!("{VERIFY}ODD"), 0);
    bench.refused("pin change --pin env:ODD --new-pin env:NEW", 7, "unsupported");
    bench.assert_presented(&[]);
}

/// A call of the PUK through a module that is not known to take one is refused, and nothing that could be a PUK is sent.
#[track_caller]
fn assert_withheld(module: PathBuf, faults: Option<Faults>) {
    let bench = behind(module);
    for words in [RESET, "puk change --puk env:PUK --new-puk env:PUK2"] {
        let set = |command: &mut Command| faults.iter().for_each(|faults| faults.envs(command));
        // No module is there that could do it, so that no token is a candidate for a change.
        let run = bench.call(words).with(set).run();
        assert!([3, 7].contains(&run.code), "{run:?}");
        bench.assert_presented(&[]);
    }
}

#[test]
fn a_puk_is_sent_to_no_module_that_is_not_known_to_take_one() {
    assert_withheld(opensc(), None);
    assert_withheld(PathBuf::from("p11-kit-proxy.so"), None);
    // Of Yubico, but its module for another device, or nobody's.
    let hsm: String = b"YubiHSM".iter().map(|byte| format!("{byte:02x}")).collect();
    for rule in [format!("token-model={hsm}"), "token-manufacturer=3f".to_owned()] {
        let faults = Faults::before(ykcs11()).rule(rule);
        assert_withheld(faults.module(), Some(faults));
    }
}

#[test]
fn every_call_with_a_puk_is_one_of_c_set_pin_without_a_login() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let faults = Faults::before(ykcs11()).log(log.path());
    let bench = behind(faults.module());
    bench.call(RESET_BY_WRONG).with(|command| faults.envs(command)).run().code(4);
    let called = calls(log.path());
    let presents = |call: &&String| ["C_Login ", "C_SetPIN "].iter().any(|name| call.starts_with(name));
    let sent: Vec<&String> = called.iter().filter(presents).collect();
    assert_eq!(sent.len(), 1, "{called:?}");
    assert!(sent[0].starts_with("C_SetPIN "), "{called:?}");
}

#[test]
fn nothing_is_left_in_the_tools_memory_of_a_puk_and_what_it_was_to_set() {
    let marks = ["70361492", "58130967"];
    let folder = tempfile::tempdir().unwrap();
    let lines = secret_file(&folder.path().join("lines"), marks.map(|mark| format!("{mark}\n")).concat());
    let words = format!("pin reset --puk file:{0} --new-pin file:{0}", lines.display());
    let faults = || Faults::before(ykcs11());
    let bench = behind(faults().module());
    // The first to use a token has its module read it anew, which takes a C_Finalize that is not the last.
    bench.call(&format!("{VERIFY}PIN")).with(|command| faults().envs(command)).run().code(0);
    for (name, stop, left) in [("use", "C_SetPIN", &marks[..]), ("end", "C_Finalize", &[])] {
        let gate = Gate::new(folder.path(), name);
        let faults = faults().rule(gate.before(stop));
        let running = Running::start(bench.call(&words).with(|command| faults.envs(command)));
        gate.wait();
        let seen = in_memory(running.id(), &marks);
        gate.open();
        running.finish().code(4);
        assert!(marks.iter().all(|mark| seen.contains(mark) == left.contains(mark)), "{stop}: {seen:?}");
    }
}
