//! The same operations on stand-in cards that differ as real ones do: one word for every refusal, KDF, limits, old versions.

use serde_json::{Value, json};

use super::{Desk, desk_with};
use crate::support::cards::Card;

fn desk_of(switches: &[&str]) -> Desk {
    desk_with(switches.iter().fold(Card::stand_in("openpgp"), |card, switch| card.dialect(switch)))
}

const ON: &str = "--application openpgp";

impl Desk {
    #[track_caller]
    fn done(&self, words: &str) -> Value {
        let done = self.run(&format!("{words} {ON} --json")).code(0).json();
        assert!(self.headers().len() <= 7, "{words}: {:?}", self.headers());
        done
    }

    /// The kind, role and tries of a refusal.
    #[track_caller]
    fn not_done(&self, words: &str, code: i32) -> Value {
        let error = self.refused(&format!("{words} {ON}"), code);
        json!([error["kind"], error["role"], error["tries_left"]])
    }
}

/// What holds for every card, whatever it says and however it wants its PINs.
fn holds(switches: &[&str]) {
    let desk = desk_of(switches);
    let (change, wrong) = ("pin change --pin env:PIN --new-pin env:NEW", "pin verify --pin env:WRONG");

    assert_eq!(desk.done(change)["confirmed"], true);
    assert!(desk.headers().len() <= 6, "{switches:?}: {:?}", desk.headers());
    desk.done("pin verify --pin env:NEW");
    assert_eq!(desk.counters()[0], 3);

    // Each wrong value costs one try, and each is counted on the card.
    assert_eq!(desk.not_done(change, 4), json!(["wrong-secret", "user-pin", 2]), "{switches:?}");
    assert_eq!(desk.counters()[0], 2);
    let surplus = desk.call(&format!("pin change --pin env:MORE --new-pin env:PIN {ON} --json"));
    assert_eq!(surplus.env("MORE", "2718281").run().code(4).json()["error"]["tries_left"], 1);
    assert_eq!(desk.not_done(wrong, 6), json!(["last-try", "user-pin", 1]));
    assert_eq!((desk.telling(), desk.counters()[0]), (vec![], 1));
    desk.done("pin verify --pin env:NEW --allow-last-try");
    for left in [2, 1] {
        assert_eq!(desk.not_done(wrong, 4), json!(["wrong-secret", "user-pin", left]));
    }
    assert_eq!(desk.not_done(&format!("{wrong} --allow-last-try"), 5), json!(["blocked", "user-pin", 0]));
    assert_eq!(desk.not_done(wrong, 5), json!(["blocked", "user-pin", 0]));
    assert_eq!((desk.telling(), desk.counters()[0]), (vec![], 0));

    let reset = "pin reset --so-pin env:ADMIN --new-pin env:PIN";
    assert_eq!(desk.not_done("pin reset --so-pin env:ADMIN2 --new-pin env:PIN", 4)[1], "so-pin");
    assert_eq!(desk.counters(), [0, 0, 2]);
    assert_eq!(desk.done(reset)["confirmed"], true);
    assert!(desk.headers().len() <= 6, "{switches:?}: {:?}", desk.headers());
    assert_eq!(desk.counters(), [3, 0, 3]);

    assert_eq!(desk.not_done("pin reset --reset-code env:RC --new-pin env:NEW", 5)[0], "unset");
    assert_eq!(desk.done("reset-code set --so-pin env:ADMIN --new-reset-code env:RC")["confirmed"], true);
    let wrong_code = desk.not_done("pin reset --reset-code env:ADMIN --new-pin env:NEW", 4);
    assert_eq!(wrong_code, json!(["wrong-secret", "reset-code", 2]), "{switches:?}");
    assert_eq!(desk.done("pin reset --reset-code env:RC --new-pin env:NEW")["confirmed"], true);
    assert!(desk.headers().len() <= 5, "{switches:?}: {:?}", desk.headers());
    desk.done("so-pin change --so-pin env:ADMIN --new-so-pin env:ADMIN2");
    assert_eq!(desk.not_done("so-pin change --so-pin env:ADMIN --new-so-pin env:RC", 4)[2], 2);

    let token = desk.run(&format!("status {ON} --json")).code(0).json()["tokens"][0].clone();
    let [serial, selector] = ["serial", "selector"].map(|field| token[field].as_str().unwrap());
    desk.run(&format!("token erase --destroy {serial} --token {selector}")).code(0);
    assert_eq!(desk.counters(), [3, 0, 3]);
    desk.done("pin verify --pin env:PIN");
}

#[test]
fn every_operation_holds_on_cards_with_other_words() {
    for switches in [&["card=opcard"][..], &["refusals=6982"], &["card=v2"], &["card=opcard", "query-counts=yes"]] {
        holds(switches);
    }
}

#[test]
fn every_operation_holds_on_yubikeys() {
    for card in ["card=yubikey", "card=yubikey-mute", "card=neo"] {
        holds(&[card]);
    }
}

#[test]
fn every_operation_holds_on_cards_that_would_take_what_is_too_short() {
    holds(&["change-short=9000", "reset-short=9000", "reset-admin-short=9000", "verify-length=6700"]);
    holds(&["related-data=tagged", "terminated-select=9000", "terminate=both-blocked", "policy=FF", "longest=32"]);
}

#[test]
fn every_operation_holds_with_one_salt_and_sha_256() {
    holds(&["kdf=one-salt"]);
}

#[test]
fn every_operation_holds_with_three_salts_and_sha_512() {
    holds(&["kdf=three-salts", "kdf-hash=sha512"]);
}

#[test]
fn every_operation_holds_with_kdf_on_a_card_with_one_word_for_all() {
    holds(&["kdf=three-salts", "refusals=6982", "verify-length=6700"]);
}

#[test]
fn kdf_is_shown_and_a_pin_still_has_its_own_least_length() {
    let desk = desk_of(&["kdf=one-salt"]);
    let status = desk.run(&format!("status {ON}")).code(0);
    assert!(status.out.contains("KDF is on") && status.out.contains("takes at least 6 characters"), "{status:?}");
    let short = desk.call(&format!("pin change --pin env:PIN --new-pin env:SHORT {ON} --json")).env("SHORT", "27182");
    assert_eq!(short.run().code(6).json()["error"]["kind"], "policy");
    assert_eq!(desk.telling(), [""; 0]);
}

#[test]
fn a_card_that_takes_less_than_a_hash_gets_nothing() {
    let desk = desk_of(&["kdf=one-salt", "kdf-hash=sha512", "longest=32"]);
    assert_eq!(desk.not_done("pin verify --pin env:PIN", 8)[0], "device");
    assert_eq!((desk.telling(), desk.counters()), (vec![], [3, 0, 3]));
}

#[test]
fn a_yubikey_has_its_number_as_printed_and_no_way_to_clear_a_reset_code() {
    let card = Card::stand_in("openpgp").dialect("card=yubikey-mute").serial("05437251");
    let desk = desk_with(card);
    let status = desk.run(&format!("status {ON} --json")).code(0).json()["tokens"][0].clone();
    assert_eq!((&status["serial"], &status["manufacturer"]), (&json!("5437251"), &json!("Yubico")));
    desk.done("reset-code set --so-pin env:ADMIN --new-reset-code env:RC");
    let refused = desk.refused(&format!("reset-code clear --so-pin env:ADMIN {ON}"), 7);
    assert!(refused["hint"].as_str().unwrap().starts_with("pukka reset-code set "), "{refused}");
    assert_eq!(desk.counters(), [3, 3, 3]);
}

#[test]
fn limits_are_set_all_at_once_where_the_card_has_that_and_the_values_stay() {
    let desk = desk_of(&["card=yubikey"]);
    let missing = desk.run(&format!("retries set --so-pin env:ADMIN --pin-tries 5 {ON}")).code(2);
    assert!(missing.err.contains("--reset-code-tries"), "{missing:?}");
    let set = "retries set --so-pin env:ADMIN --pin-tries 5 --reset-code-tries 4 --so-pin-tries 6";
    let done = desk.done(set);
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("set"), &json!(true)), "{done}");
    assert_eq!(desk.counters(), [5, 0, 6]);
    desk.done("pin verify --pin env:PIN");
    let wrong = desk.not_done(&set.replace("env:ADMIN", "env:ADMIN2"), 4);
    assert_eq!(wrong, json!(["wrong-secret", "so-pin", 5]));
    desk.run(&format!("{set} --new-pin env:NEW {ON}")).code(2);
}

#[test]
fn a_yubikey_neo_wants_new_pins_with_its_limits_and_says_so() {
    let desk = desk_of(&["card=neo"]);
    let set = format!("retries set --so-pin env:ADMIN --pin-tries 5 --reset-code-tries 4 --so-pin-tries 6 {ON}");
    desk.run(&format!("{set} --no-input")).code(2);
    assert_eq!(desk.telling(), [""; 0]);
    let done = desk.run(&format!("{set} --new-pin env:NEW --new-so-pin env:ADMIN2")).code(0);
    assert!(done.err.contains("back to the value of delivery"), "{done:?}");
    assert_eq!(desk.counters(), [5, 0, 6]);
    desk.done("pin verify --pin env:NEW");
    desk.done("so-pin change --so-pin env:ADMIN2 --new-so-pin env:ADMIN");
}

#[test]
fn a_card_without_life_cycle_management_is_not_erased() {
    for switches in [&["life-cycle=00", "terminate=absent"][..], &["version=1.1"]] {
        let desk = desk_of(switches);
        assert_eq!(desk.not_done("token erase --destroy 00DEC0DE", 7)[0], "unsupported", "{switches:?}");
        assert_eq!((desk.telling(), desk.counters()), (vec![], [3, 0, 3]));
    }
}

#[test]
fn a_card_pulled_at_any_command_is_told_and_names_the_verify_that_tells_which_pin_holds() {
    for (words, commands, proof) in [
        ("pin change --pin env:PIN --new-pin env:NEW", 6, 6),
        ("pin reset --so-pin env:ADMIN --new-pin env:NEW", 6, 6),
        ("so-pin change --so-pin env:ADMIN --new-so-pin env:ADMIN2", 6, 6),
        ("reset-code set --so-pin env:ADMIN --new-reset-code env:RC", 6, 6),
        ("pin verify --pin env:PIN", 5, 0),
    ] {
        for at in 1..=commands {
            let desk = desk_with(Card::stand_in("openpgp").fault(&format!("pull-after@{at}")));
            let error = desk.refused(&format!("{words} {ON}"), if at == proof { 11 } else { 8 });
            assert_eq!(desk.headers().len(), at, "{words}: nothing is sent after it");
            let hint = error["hint"].as_str().unwrap_or_default();
            let may_be_new = at > 3 && words.contains("--new-pin");
            assert_eq!(hint.starts_with("pukka pin verify "), may_be_new, "{words} at {at}: {error}");
        }
    }
}

#[test]
fn an_erasure_cut_off_at_any_command_can_be_begun_again() {
    // Who it is, what it has, two commands for each of six tries, TERMINATE DF at 18, ACTIVATE FILE, what it has now.
    for at in [4, 6, 11, 17, 18, 19, 20, 22] {
        let store = crate::support::home();
        let card = || Card::stand_in("openpgp").file(&store.path().join("card"));
        let mut desk = desk_with(card().fault(&format!("pull-after@{at}")));
        let run = |desk: &Desk, word: &str| {
            let line = ["token", "erase", "--application", "openpgp", "--destroy", word];
            crate::support::pukka(desk.home.path(), line).envs(desk.pcscd.envs()).run()
        };
        let cut = run(&desk, "00DEC0DE");
        assert!([8, 11].contains(&cut.code), "{at}: {cut:?}");
        desk.card.wait_till_pulled();
        desk.card = desk.pcscd.insert(0, card());
        let status = desk.run(&format!("status {ON} --json")).code(0).json()["tokens"][0].clone();
        // Between the two steps the card does not tell its number, and is named by its reader.
        assert_eq!(status["serial"].is_null(), at == 18, "{at}: {status}");
        run(&desk, status["serial"].as_str().unwrap_or("Virtual PCD 00 00")).code(0);
        assert_eq!(desk.counters(), [3, 0, 3], "{at}");
        desk.done("pin verify --pin env:PIN");
    }
}
