//! SoftHSM2: checks lengths, counts nothing, never locks.

use serde_json::json;

use super::Bench;

rows! { Bench::softhsm:
    a_blank_token_is_listed_has_no_pins_and_can_only_begin,
    a_token_begins_with_an_so_pin_alone,
    a_token_begins_with_both_pins,
    a_blank_token_stays_blank_where_a_first_value_is_too_short,
    before_the_user_pin_is_set_it_can_only_be_set,
    a_pin_is_verified,
    a_pin_is_changed_by_the_old_one,
    a_pin_is_reset_by_the_so_pin,
    the_so_pin_is_changed_by_the_old_one,
    a_live_token_begins_anew_by_its_so_pin_alone,
    a_token_in_use_does_not_begin_anew,
    what_the_so_did_not_log_in_for_changes_nothing,
    a_change_that_went_to_the_other_pin_is_not_told_as_done,
    a_forgotten_so_pin_has_no_way_back_and_no_hint_leads_to_it,
    looking_spends_no_try,
}

#[test]
fn the_limits_that_it_tells_are_those_that_it_holds_to() {
    let bench = Bench::softhsm();
    bench.with_pins();
    let length = bench.json("status desk-7")["tokens"][0]["references"][0]["length"].clone();
    assert_eq!(length, json!({"min": 4, "max": 255, "unit": "bytes"}));
    for words in [
        "pin change --token desk-7 --pin env:PIN --new-pin env:LONG",
        "pin reset --token desk-7 --so-pin env:SO --new-pin env:LONG",
        "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:LONG",
    ] {
        bench.unsent(words, 6);
        for value in ["LONG", "SHORT"] {
            // Untold, the token itself refuses it and keeps what it has.
            let words = words.replace("LONG", value);
            let error = bench.refused_behind("pin-length=0..0", &words, 6, "new-value-refused");
            assert!(error["detail"].as_str().unwrap().contains("CKR_PIN_LEN_RANGE"), "{error}");
        }
    }
    // What is longer than any PIN of its is wrong for sure.
    bench.unsent("pin verify --token desk-7 --pin env:LONG", 6);
    assert!(bench.is_pin("PIN") && bench.is_so_pin("SO"));
}

#[test]
fn a_first_so_pin_that_it_calls_incorrect_is_a_new_value_that_it_refuses() {
    let bench = Bench::softhsm();
    for value in ["SHORT", "LONG"] {
        let words = format!("token init --label desk-7 --new-so-pin env:{value}");
        let error = bench.refused_behind("pin-length=0..0", &words, 6, "new-value-refused");
        assert_eq!((&error["role"], &error["hint"]), (&json!("so-pin"), &json!(null)), "{error}");
        assert!(error["detail"].as_str().unwrap().contains("CKR_PIN_INCORRECT"), "{error}");
        assert!(error["message"].as_str().unwrap().contains("refuses the new SO PIN"), "{error}");
    }
    bench.with_so_pin();
    assert!(bench.is_so_pin("SO"));
}

#[test]
fn a_wrong_pin_is_flagged_from_the_first_on_and_never_locks() {
    let bench = Bench::softhsm();
    bench.with_pins();
    for _ in 0..12 {
        bench.refused("pin verify --token desk-7 --pin env:WRONG", 4, "wrong-secret");
        assert_eq!(bench.state("user-pin"), "ready low");
        bench.refused("so-pin change --token desk-7 --so-pin env:WRONG --new-so-pin env:SO2", 4, "wrong-secret");
        assert_eq!(bench.state("so-pin"), "ready low");
    }
    bench.done("pin verify --token desk-7 --pin env:PIN", "verified");
    bench.done("pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW", "reset");
    assert_eq!((bench.state("user-pin"), bench.state("so-pin")), ("ready".to_owned(), "ready".to_owned()));
}

#[test]
fn a_token_is_found_again_though_its_slot_is_another_than_the_blank_one_was() {
    let bench = Bench::softhsm();
    let slot = |tokens: &serde_json::Value| tokens["tokens"][0]["slot"].clone();
    let blank = slot(&bench.json("list"));
    let json = bench.done("token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN", "initialised");
    assert_ne!(slot(&bench.json("status desk-7")), blank);
    let selector = json["token"]["selector"].as_str().unwrap();
    bench.done(&format!("pin verify --token {selector} --pin env:PIN"), "verified");
}
