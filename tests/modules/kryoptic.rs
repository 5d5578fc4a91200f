//! kryoptic: tells a least length and holds to none, counts to ten, locks, and unlocks by C_InitPIN.

use serde_json::json;

use super::{Bench, assert_hint};

rows! { Bench::kryoptic:
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

/// It tells a maximum that it does not hold to, and so that is no reason to call a value wrong unseen.
#[test]
fn a_longer_pin_than_it_tells_of_is_tried() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    bench.refused(&format!("{VERIFY}LONG"), 4, "wrong-secret");
}

const VERIFY: &str = "pin verify --token desk-7 --pin env:";
const RESET: &str = "pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW";
const WRONG_SO: &str = "pin reset --token desk-7 --so-pin env:WRONG --new-pin env:NEW";
const CHANGE_SO: &str = "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2";

/// Spends nine of the ten tries, and checks what each leaves.
#[track_caller]
fn nine_wrong(bench: &Bench, words: &str, role: &str) {
    for wrong in 1..=9 {
        let error = bench.refused(words, 4, "wrong-secret");
        let left = if wrong == 9 { json!(1) } else { json!(null) };
        assert_eq!((&error["role"], &error["tries_left"]), (&json!(role), &left), "{wrong}: {error}");
        let state = match wrong {
            9 => "ready final",
            7 | 8 => "ready low",
            _ => "ready",
        };
        assert_eq!(bench.state(role), state, "after {wrong}");
    }
}

/// Locks the user PIN.
#[track_caller]
fn lock(bench: &Bench) {
    nine_wrong(bench, &format!("{VERIFY}WRONG"), "user-pin");
    bench.refused(&format!("{VERIFY}WRONG --allow-last-try"), 5, "blocked");
}

/// Locks the SO PIN.
#[track_caller]
fn lock_so(bench: &Bench) {
    nine_wrong(bench, WRONG_SO, "so-pin");
    let error = bench.refused(&format!("{WRONG_SO} --allow-last-try=so-pin"), 5, "blocked");
    assert_eq!(
        (&error["role"], &error["message"]),
        (&json!("so-pin"), &json!("the SO PIN is blocked: that was its last try"))
    );
}

#[test]
fn a_maximum_of_zero_is_none_and_the_minimum_holds_though_the_module_does_not_enforce_it() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    for reference in bench.json("status desk-7")["tokens"][0]["references"].as_array().unwrap() {
        assert_eq!(reference["length"], json!({"min": 8, "max": null, "unit": "bytes"}));
    }
    bench.done("pin change --token desk-7 --pin env:PIN --new-pin env:LONG", "changed");
    bench.done("so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:LONG", "changed");
    bench.done("pin verify --token desk-7 --pin env:LONG", "verified");
    bench.unsent("pin change --token desk-7 --pin env:LONG --new-pin env:SHORT", 6);
}

#[test]
fn an_empty_pin_which_the_module_would_take_is_never_sent() {
    let bench = Bench::kryoptic();
    let empty = bench.store.dir().join("empty");
    crate::support::desk::secret_file(&empty, b"\n");
    let empty = format!("file:{}", empty.display());
    bench.refused(&format!("token init --label desk-7 --new-so-pin {empty}"), 6, "policy");
    assert_eq!(bench.json("status")["tokens"][0]["can"], json!([{"operation": "token init"}]));
    bench.with_pins();
    for words in ["pin reset --so-pin env:SO --new-pin", "so-pin change --so-pin env:SO --new-so-pin"] {
        bench.refused(&format!("{words} {empty}"), 6, "policy");
    }
    assert!(bench.is_pin("PIN") && bench.is_so_pin("SO"));
}

#[test]
fn the_last_try_of_the_pin_is_never_spent_unasked_and_blocks_it_when_it_is() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    nine_wrong(&bench, &format!("{VERIFY}WRONG"), "user-pin");
    for words in [format!("{VERIFY}PIN"), "pin change --token desk-7 --pin env:PIN --new-pin env:NEW".to_owned()] {
        let error = bench.unsent(&words, 6)["error"].clone();
        assert_eq!(error["kind"], "last-try", "{error}");
        assert_hint(&error, "pin reset");
    }
    let error = bench.refused(&format!("{VERIFY}WRONG --allow-last-try"), 5, "blocked");
    assert_eq!(error["message"], "the PIN is blocked: that was its last try");
    assert_eq!(error["tries_left"], 0);
    assert_hint(&error, "pin reset");
    assert_eq!(bench.state("user-pin"), "blocked locked");
}

#[test]
fn a_right_pin_at_the_last_try_brings_all_tries_back() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    nine_wrong(&bench, &format!("{VERIFY}WRONG"), "user-pin");
    bench.done(&format!("{VERIFY}PIN --allow-last-try"), "verified");
    assert_eq!(bench.state("user-pin"), "ready");
}

#[test]
fn a_wrong_old_pin_costs_one_try() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    nine_wrong(&bench, "pin change --token desk-7 --pin env:WRONG --new-pin env:NEW", "user-pin");
    assert!(bench.is_pin("PIN"));
    nine_wrong(&bench, "so-pin change --token desk-7 --so-pin env:WRONG --new-so-pin env:SO2", "so-pin");
    assert!(bench.is_so_pin("SO"));
}

#[test]
fn a_blocked_pin_is_only_reset() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    lock(&bench);
    for words in [
        format!("{VERIFY}PIN"),
        format!("{VERIFY}PIN --allow-last-try"),
        "pin change --token desk-7 --pin env:PIN --new-pin env:NEW".to_owned(),
    ] {
        let error = bench.unsent(&words, 5)["error"].clone();
        assert_eq!((&error["kind"], &error["tries_left"]), (&json!("blocked"), &json!(0)), "{words}: {error}");
        assert_hint(&error, "pin reset");
    }
    // The flag may be missing: the module itself then says that it is locked.
    let error = bench.refused_behind("token-flags=-0x70000", &format!("{VERIFY}PIN"), 5, "blocked");
    assert_eq!(error["message"], "the PIN is blocked");
    let error = bench.unsent("pin unblock --token desk-7 --so-pin env:SO", 7)["error"].clone();
    assert_hint(&error, "pin reset");

    bench.done(RESET, "reset");
    assert_eq!(bench.state("user-pin"), "ready");
    assert!(bench.is_pin("NEW"));
}

#[test]
fn a_reset_is_proved_whatever_the_flags_say_that_were_set_before_it() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    nine_wrong(&bench, &format!("{VERIFY}WRONG"), "user-pin");
    // In memory "one try left" stands till the next login, which is the proof itself.
    bench.done(RESET, "reset");
    assert_eq!(bench.state("user-pin"), "ready");
    assert!(bench.is_pin("NEW"));
}

#[test]
fn the_last_try_of_the_so_pin_is_spent_only_where_it_is_named() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    nine_wrong(&bench, WRONG_SO, "so-pin");
    let init = format!("token init --token desk-7 --destroy {} --so-pin env:SO", bench.serial());
    for words in [RESET, CHANGE_SO, init.as_str()] {
        for allowed in ["", "--allow-last-try", "--allow-last-try=user-pin"] {
            let error = bench.unsent(&format!("{words} {allowed}"), 6)["error"].clone();
            assert_eq!(
                (&error["kind"], &error["hint"]),
                (&json!("last-try"), &json!(null)),
                "{words} {allowed}: {error}"
            );
        }
    }
    bench.done(&format!("{CHANGE_SO} --allow-last-try=so-pin"), "changed");
    assert_eq!(bench.state("so-pin"), "ready");
}

#[test]
fn a_blocked_so_pin_is_for_good_and_the_user_pin_goes_on() {
    let bench = Bench::kryoptic();
    bench.with_pins();
    bench.put_object();
    lock_so(&bench);
    assert_eq!(bench.state("so-pin"), "blocked locked");
    let init = format!("token init --token desk-7 --destroy {} --so-pin env:SO", bench.serial());
    for words in [RESET, CHANGE_SO, init.as_str()] {
        let error = bench.unsent(words, 5)["error"].clone();
        assert_eq!((&error["kind"], &error["role"]), (&json!("blocked"), &json!("so-pin")), "{words}: {error}");
        assert!(error["hint"].as_str().unwrap().contains("whoever issued the token"), "{words}: {error}");
        // C_Login and C_InitToken say so themselves where the flag is missing.
        let error = bench.refused_behind("token-flags=-0x700000", words, 5, "blocked");
        assert_eq!(error["message"], "the SO PIN is blocked", "{words}");
        assert!(error["detail"].as_str().unwrap().contains("CKR_PIN_LOCKED"), "{words}: {error}");
        assert!(error["hint"].as_str().unwrap().contains("whoever issued the token"), "{words}: {error}");
    }
    let can = bench.json("status desk-7")["tokens"][0]["can"].clone();
    assert_eq!(can, json!([{"operation": "pin change"}, {"operation": "pin verify"}]));
    assert!(bench.has_object("PIN"));
    bench.done("pin change --token desk-7 --pin env:PIN --new-pin env:NEW", "changed");
    // A wrong PIN then has no way back that could be offered.
    let error = bench.refused(&format!("{VERIFY}WRONG"), 4, "wrong-secret");
    assert_eq!(error["hint"], json!(null));
}
