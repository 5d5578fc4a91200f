//! What holds on every module: each row is run on each of them.

use serde_json::json;

use super::{Bench, assert_hint};

const VERIFY: &str = "pin verify --token desk-7 --pin env:";
const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:";
const RESET: &str = "pin reset --token desk-7 --so-pin env:SO --new-pin env:";
const SET: &str = "pin set --token desk-7 --so-pin env:SO --new-pin env:";
const CHANGE_SO: &str = "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:";

pub(super) fn a_blank_token_is_listed_has_no_pins_and_can_only_begin(bench: &Bench) {
    let tokens = bench.json("list")["tokens"].clone();
    assert_eq!(tokens.as_array().map(Vec::len), Some(1), "{tokens}");
    let token = bench.json("status")["tokens"][0].clone();
    assert_eq!(token["can"], json!([{"operation": "token init"}]));
    for reference in token["references"].as_array().unwrap() {
        assert_eq!((&reference["state"], &reference["tries"]), (&json!("unset"), &json!(null)), "{reference}");
    }
    for words in [
        "pin verify --pin env:PIN",
        "pin change --pin env:PIN --new-pin env:NEW",
        "pin set --so-pin env:SO --new-pin env:PIN",
        "pin reset --so-pin env:SO --new-pin env:PIN",
        "so-pin change --so-pin env:SO --new-so-pin env:SO2",
        "so-pin reset",
    ] {
        let error = bench.unsent(words, 5)["error"].clone();
        assert_eq!(error["kind"], "unset", "{words}: {error}");
        assert_hint(&error, "token init");
    }
}

pub(super) fn a_token_begins_with_an_so_pin_alone(bench: &Bench) {
    let json = bench.done("token init --label desk-7 --new-so-pin env:SO", "initialised");
    assert_eq!(json["token"]["serial"], bench.serial());
    assert_eq!((bench.state("user-pin"), bench.state("so-pin")), ("unset".to_owned(), "ready".to_owned()));
    assert!(bench.is_so_pin("SO") && !bench.is_so_pin("WRONG"));
}

pub(super) fn a_token_begins_with_both_pins(bench: &Bench) {
    bench.done("token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN", "initialised");
    assert_eq!((bench.state("user-pin"), bench.state("so-pin")), ("ready".to_owned(), "ready".to_owned()));
    assert!(bench.is_so_pin("SO") && bench.is_pin("PIN"));
}

pub(super) fn a_blank_token_stays_blank_where_a_first_value_is_too_short(bench: &Bench) {
    for words in ["--new-so-pin env:SHORT", "--so-pin env:SHORT", "--new-so-pin env:SO --new-pin env:SHORT"] {
        let error = bench.unsent(&format!("token init --label desk-7 {words}"), 6)["error"].clone();
        assert_eq!(error["kind"], "policy", "{error}");
    }
    assert_eq!(bench.json("status")["tokens"][0]["can"], json!([{"operation": "token init"}]));
}

pub(super) fn before_the_user_pin_is_set_it_can_only_be_set(bench: &Bench) {
    bench.with_so_pin();
    for words in [format!("{VERIFY}PIN"), format!("{CHANGE}NEW"), format!("{RESET}NEW")] {
        let error = bench.unsent(&words, 5)["error"].clone();
        assert_eq!((&error["kind"], &error["role"]), (&json!("unset"), &json!("user-pin")), "{words}");
        assert_hint(&error, "pin set");
    }
    // The flag that tells of it may be wrong: the module itself then says that there is none, or that it is not this one.
    let words = format!("{VERIFY}PIN");
    bench.refused_behind("token-flags=+0x8", &words, 5, "unset"); // CKF_USER_PIN_INITIALIZED

    let error = bench.refused("pin set --token desk-7 --so-pin env:WRONG --new-pin env:PIN", 4, "wrong-secret");
    assert_eq!(error["role"], "so-pin");
    bench.unsent(&format!("{SET}SHORT"), 6);
    assert_eq!(bench.state("user-pin"), "unset");
    bench.done(&format!("{SET}PIN"), "set");
    assert!(bench.is_pin("PIN"));

    let error = bench.unsent(&format!("{SET}NEW"), 7)["error"].clone();
    assert_eq!(error["kind"], "unsupported");
    assert_hint(&error, "pin reset");
    assert!(bench.is_pin("PIN"));
}

pub(super) fn a_pin_is_verified(bench: &Bench) {
    bench.with_pins();
    bench.done(&format!("{VERIFY}PIN"), "verified");
    for wrong in ["WRONG", "SHORT", "SO"] {
        let error = bench.refused(&format!("{VERIFY}{wrong}"), 4, "wrong-secret");
        assert_eq!((&error["role"], &error["tries_left"]), (&json!("user-pin"), &json!(null)), "{wrong}: {error}");
        assert_hint(&error, "pin reset");
    }
    bench.done(&format!("{VERIFY}PIN"), "verified");
    assert_eq!(bench.state("user-pin"), "ready");
}

pub(super) fn a_pin_is_changed_by_the_old_one(bench: &Bench) {
    bench.with_pins();
    for refused in ["SHORT", "PIN"] {
        let error = bench.unsent(&format!("{CHANGE}{refused}"), 6)["error"].clone();
        assert_eq!(error["kind"], "policy", "{error}");
    }
    let error = bench.refused("pin change --token desk-7 --pin env:WRONG --new-pin env:NEW", 4, "wrong-secret");
    assert_eq!(error["role"], "user-pin");
    assert!(bench.is_pin("PIN"));
    bench.done(&format!("{CHANGE}NEW"), "changed");
    assert!(bench.is_pin("NEW") && !bench.is_pin("PIN") && bench.is_so_pin("SO"));
    bench.refused(&format!("{CHANGE}OTHER"), 4, "wrong-secret");
    assert!(bench.is_pin("NEW"));
}

pub(super) fn a_pin_is_reset_by_the_so_pin(bench: &Bench) {
    bench.with_pins();
    let error = bench.refused("pin reset --token desk-7 --so-pin env:WRONG --new-pin env:NEW", 4, "wrong-secret");
    assert_eq!((&error["role"], &error["hint"]), (&json!("so-pin"), &json!(null)));
    bench.unsent(&format!("{RESET}SHORT"), 6);
    assert!(bench.is_pin("PIN"));
    let json = bench.done(&format!("{RESET}NEW"), "reset");
    assert_eq!((&json["role"], &json["by"]), (&json!("user-pin"), &json!("so-pin")));
    assert!(bench.is_pin("NEW") && bench.is_so_pin("SO"));
    // To the value that it has: nobody knows that who has forgotten it.
    bench.done(&format!("{RESET}NEW"), "reset");
    assert!(bench.is_pin("NEW"));
}

pub(super) fn the_so_pin_is_changed_by_the_old_one(bench: &Bench) {
    bench.with_pins();
    for refused in ["SHORT", "SO"] {
        bench.unsent(&format!("{CHANGE_SO}{refused}"), 6);
    }
    let error =
        bench.refused("so-pin change --token desk-7 --so-pin env:WRONG --new-so-pin env:SO2", 4, "wrong-secret");
    assert_eq!((&error["role"], &error["hint"]), (&json!("so-pin"), &json!(null)));
    assert!(bench.is_so_pin("SO"));
    bench.done(&format!("{CHANGE_SO}SO2"), "changed");
    assert!(bench.is_so_pin("SO2") && !bench.is_so_pin("SO") && bench.is_pin("PIN"));
    bench.refused(&format!("{RESET}NEW"), 4, "wrong-secret");
    bench.done("pin reset --token desk-7 --so-pin env:SO2 --new-pin env:NEW", "reset");
}

pub(super) fn a_live_token_begins_anew_by_its_so_pin_alone(bench: &Bench) {
    bench.with_pins();
    bench.put_object();
    let init = |so_pin: &str| format!("token init --token desk-7 --destroy {} --so-pin env:{so_pin}", bench.serial());
    for wrong in ["WRONG", "PIN", "SHORT"] {
        let error = bench.refused(&init(wrong), 4, "wrong-secret");
        assert_eq!((&error["role"], &error["hint"]), (&json!("so-pin"), &json!(null)), "{wrong}: {error}");
        assert!(bench.has_object("PIN"), "{wrong}");
    }
    let json = bench.done(&init("SO"), "initialised");
    assert_eq!(json["token"]["serial"], bench.serial());
    assert_eq!((bench.state("user-pin"), bench.state("so-pin")), ("unset".to_owned(), "ready".to_owned()));
    assert!(bench.is_so_pin("SO"));
    bench.done(&format!("{SET}PIN"), "set");
    assert!(!bench.has_object("PIN"));
}

pub(super) fn a_token_in_use_does_not_begin_anew(bench: &Bench) {
    bench.with_pins();
    bench.put_object();
    let init = format!("token init --token desk-7 --destroy {} --so-pin env:SO", bench.serial());
    // No session of another process counts for these modules.
    let error = bench.refused_behind("C_InitToken=CKR_SESSION_EXISTS", &init, 8, "device");
    assert!(error["hint"].as_str().unwrap().contains("end the programs that use the token"), "{error}");
    assert!(bench.has_object("PIN"));
}

pub(super) fn what_the_so_did_not_log_in_for_changes_nothing(bench: &Bench) {
    bench.with_pins();
    let error = bench.refused_behind("C_Login:SO=lie", &format!("{RESET}NEW"), 8, "device");
    assert!(error["detail"].as_str().unwrap().contains("CKR_USER_NOT_LOGGED_IN"), "{error}");
    assert!(bench.is_pin("PIN"));
}

pub(super) fn a_change_that_went_to_the_other_pin_is_not_told_as_done(bench: &Bench) {
    // Without a login C_SetPIN means the user PIN, which here is the same.
    bench.done("token init --label desk-7 --new-so-pin env:SO --new-pin env:SO", "initialised");
    bench.refused_behind("C_Login:SO#1=lie", &format!("{CHANGE_SO}SO2"), 11, "unconfirmed");
    assert!(bench.is_so_pin("SO") && bench.is_pin("SO2"));
}

pub(super) fn a_forgotten_so_pin_has_no_way_back_and_no_hint_leads_to_it(bench: &Bench) {
    bench.with_pins();
    bench.put_object();
    for words in ["so-pin reset", "admin-pin reset --token desk-7", "so-pin reset --token desk-7 --new-so-pin env:SO2"]
    {
        for how in ["", "--dry-run", "--no-input"] {
            let error = bench.unsent(&format!("{words} {how}"), 7)["error"].clone();
            assert_eq!(error["kind"], "unsupported", "{error}");
            let message = error["message"].as_str().unwrap();
            assert!(message.starts_with("nothing here can recover a forgotten SO PIN"), "{message}");
            let hint = error["hint"].as_str().unwrap();
            assert!(hint.contains("ask whoever issued the token") && !hint.contains("pukka"), "{hint}");
        }
    }
    // Whoever guesses it is not sent elsewhere either, nor asked to begin anew, which takes the same SO PIN.
    let init = format!("token init --token desk-7 --destroy {} --so-pin env:WRONG", bench.serial());
    for words in [init.as_str(), "pin reset --so-pin env:WRONG --new-pin env:NEW"] {
        assert_eq!(bench.refused(words, 4, "wrong-secret")["hint"], json!(null), "{words}");
    }
    assert!(bench.has_object("PIN") && bench.is_so_pin("SO"));
}

pub(super) fn looking_spends_no_try(bench: &Bench) {
    bench.with_pins();
    bench.refused(&format!("{VERIFY}WRONG"), 4, "wrong-secret");
    let before = bench.state("user-pin");
    for words in ["list", "status", "status desk-7", "pin change --dry-run --pin env:WRONG --new-pin env:NEW"] {
        bench.unsent(words, 0);
    }
    assert_eq!(bench.state("user-pin"), before);
    assert!(bench.is_pin("PIN"));
}
