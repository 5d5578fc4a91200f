//! pcscd, readers, cards, who holds one, and cards that need care.

use std::{ffi::OsString, os::unix::net::UnixListener};

use serde_json::Value;

use super::{checks, of, only, says};
use crate::support::{
    Run,
    cards::{Card, Hold, Pcscd, VirtualCard},
    home, pukka,
};

fn run(envs: impl IntoIterator<Item = (&'static str, OsString)>, words: &str) -> Run {
    let home = home();
    pukka(home.path(), words.split_whitespace()).envs(envs).run()
}

#[track_caller]
fn examined(pcscd: &Pcscd) -> Vec<Value> {
    checks(&run(pcscd.envs(), "doctor --via pcsc --wait 0 --json").code(0))
}

/// Asserts that the card was given no secret: a VERIFY has no data, and nothing that changes or resets a PIN is there at all.
#[track_caller]
fn nothing_was_spent(card: &VirtualCard) {
    for (command, _) in card.apdus() {
        let instruction = &command[2..4];
        let has_data = command.len() > 10;
        assert!(!(instruction == "20" && has_data), "VERIFY with data: {command}");
        let changing = ["24", "2C", "DA", "DB", "87", "E6", "44", "F0", "FA", "FB", "FF"];
        assert!(!changing.contains(&instruction), "{command}");
    }
}

#[test]
fn a_pcscd_that_is_not_there_one_that_is_gone_and_one_that_turns_away_are_three_problems_with_a_cure_each() {
    let home = home();
    let missing = home.path().join("nobody");
    let gone = home.path().join("gone");
    drop(UnixListener::bind(&gone).unwrap());
    let rejecting = Pcscd::rejecting();
    let [(_, turned_away)] = rejecting.envs();
    for (socket, said, cure) in [
        (OsString::from(missing), "is not running: there is no socket at ", "systemctl start pcscd"),
        (gone.into(), "is not running: nobody listens at the socket ", "systemctl start pcscd"),
        (turned_away, "turns this user away", "org.debian.pcsc-lite.access_pcsc"),
    ] {
        let run = run([("PCSCLITE_CSOCK_NAME", socket.clone())], "doctor --via pcsc --json").code(0);
        let checks = checks(&run);
        let finding = only(&checks, "pcscd", "problem");
        says(finding, &[said, socket.to_str().unwrap()]);
        assert!(finding["cure"].as_str().unwrap().contains(cure), "{finding}");
        assert!(finding["detail"].as_str().unwrap().contains("0x801000"), "{finding}");
        assert!(!checks.iter().any(|one| one["check"] == "reader"), "{checks:?}");
    }
}

#[test]
fn no_reader_an_empty_one_and_each_card_are_told() {
    let without = Pcscd::without_readers();
    let checks_without = checks(&run(without.envs(), "doctor --via pcsc --json").code(0));
    only(&checks_without, "pcscd", "ok");
    says(only(&checks_without, "reader", "warning"), &["no card reader is attached"]);

    let (pcscd, [card, both]) = Pcscd::with([Card::piv(), Card::stand_in("gids,openpgp")]);
    let checks = examined(&pcscd);
    only(&checks, "pcscd", "ok");
    assert_eq!(of(&checks, "reader", "ok").len(), 2, "{checks:?}");
    let cards = of(&checks, "card", "ok");
    let of_card = |card: &&Value| [&card["application"], &card["reader"]].map(|text| text.as_str().unwrap().to_owned());
    let mut applications: Vec<[String; 2]> = cards.iter().map(of_card).collect();
    applications.sort();
    let (first, second) = ("Virtual PCD 00 00", "Virtual PCD 00 01");
    assert_eq!(applications, [["gids", second], ["openpgp", second], ["piv", first]]);
    let piv = cards.iter().find(|card| card["application"] == "piv").unwrap();
    assert_eq!(piv["serial"], "5437251");
    [&card, &both].into_iter().for_each(nothing_was_spent);
    drop((card, both));

    let empty = Pcscd::start();
    says(of(&examined(&empty), "reader", "ok")[0], &["is empty"]);
}

#[test]
fn a_card_that_one_program_holds_is_told_with_that_programs_name() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    for (hold, said) in [(Hold::Exclusive, "holds the card in "), (Hold::Transaction, "keeps the card in ")] {
        let held = pcscd.hold(0, hold, &[]);
        let checks = examined(&pcscd);
        let finding = only(&checks, "card", "problem");
        says(finding, &[said, "Virtual PCD 00 00", "it is card-tool (process ", "nobody else is connected"]);
        assert!(finding["holder"].as_str().unwrap().starts_with("card-tool (process "), "{finding}");
        assert_eq!(finding["candidates"].as_array().unwrap().len(), 1, "{finding}");
        held.release();
        assert!(of(&examined(&pcscd), "card", "problem").is_empty());
    }
    nothing_was_spent(&card);
}

#[test]
fn where_several_programs_could_hold_a_card_they_are_candidates_and_no_holder_is_named() {
    let (pcscd, [_held, _other]) = Pcscd::with([Card::piv(), Card::piv().serial("00BC614E")]);
    let _holder = pcscd.hold(0, Hold::Exclusive, &[]);
    let _bystander = pcscd.hold(1, Hold::Shared, &[]);
    let checks = examined(&pcscd);
    let finding = only(&checks, "card", "problem");
    says(finding, &["pcscd does not tell which", "card-tool (process "]);
    assert_eq!(finding["candidates"].as_array().unwrap().len(), 2, "{finding}");
    assert_eq!(finding.get("holder"), None);
    // The other card is looked at all the same.
    assert_eq!(only(&checks, "card", "ok")["serial"], "12345678");
}

#[test]
fn an_openpgp_card_with_kdf_is_told_as_one_for_which_a_pad_is_of_no_use() {
    let (pcscd, [plain, kdf]) =
        Pcscd::with([Card::stand_in("openpgp"), Card::stand_in("openpgp").dialect("kdf=one-salt").serial("00000007")]);
    let checks = examined(&pcscd);
    let finding = only(&checks, "kdf", "warning");
    says(finding, &["KDF is on", "keypads"]);
    assert_eq!(finding["reader"], "Virtual PCD 00 01");
    assert!(finding["cure"].as_str().unwrap().contains("never at a reader's pad"), "{finding}");
    [&plain, &kdf].into_iter().for_each(nothing_was_spent);
}

#[test]
fn a_tried_pin_has_as_many_tries_left_as_before() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    let counter = || pcscd.send(0, &["00A4040009A00000030800001000", "00200080"])[1].clone();
    assert_eq!(counter(), "63C3");
    run(pcscd.envs(), "doctor").code(0);
    assert_eq!(counter(), "63C3");
    nothing_was_spent(&card);
}
