//! Faults as a program meets them behind pcscd, on stand-ins and on firmware.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::cards::{Card, Pcscd};

const SELECT: &str = "00A4040009A00000039742544659";
const WRONG: &str = "0020008006393939393939";
const COUNTER: &str = "00200080";

#[test]
fn a_card_that_a_fault_has_pulled_comes_back_with_what_it_had_stored() {
    let directory = TempDir::new().unwrap();
    let gids = Card::stand_in("gids").file(&directory.path().join("card"));
    let (pcscd, [mut card]) = Pcscd::with([gids.clone()]);
    card.fail(&["pull-after@20:1"]);
    assert_eq!(pcscd.send(0, &[SELECT, WRONG])[1], "");
    card.wait_till_pulled();
    let mut card = pcscd.insert(0, gids.clone());
    assert_eq!(pcscd.send(0, &[SELECT, COUNTER])[1], "63C2", "the work was done");

    card.fail(&["pull-before@20:1"]);
    assert_eq!(pcscd.send(0, &[SELECT, WRONG])[1], "");
    card.wait_till_pulled();
    let _card = pcscd.insert(0, gids);
    assert_eq!(pcscd.send(0, &[SELECT, COUNTER])[1], "63C2", "the work was not done");
}

#[test]
fn firmware_fails_as_a_stand_in_does() {
    let (pcscd, [mut card]) = Pcscd::with([Card::piv()]);
    let select = "00A4040009A00000030800001000";
    card.fail(&["answer=6F42@20+1", "lie@20+2"]);
    assert_eq!(pcscd.send(0, &[select, COUNTER, COUNTER, COUNTER])[1..], ["6F42", "9000", "63C3"]);
    card.fail(&["pull-before@1"]);
    assert_eq!(pcscd.send(0, &[COUNTER]), [""]);
    card.wait_till_pulled();
}

#[test]
fn an_answer_arrives_as_short_as_it_was_cut() {
    let (pcscd, [card]) = Pcscd::with([Card::stand_in("gids")]);
    card.fail(&["cut=1@2"]);
    assert_eq!(pcscd.send(0, &[SELECT, COUNTER])[1], "63");
}

#[test]
fn a_silent_card_answers_late() {
    let (pcscd, [card]) = Pcscd::with([Card::stand_in("gids")]);
    card.fail(&["silence=1@2"]);
    let start = Instant::now();
    assert_eq!(pcscd.send(0, &[SELECT, COUNTER])[1], "63C3");
    assert!(start.elapsed() >= Duration::from_secs(1));
}
