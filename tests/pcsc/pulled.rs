//! Cards that are pulled, or swapped for others, while pukka is at work.

use std::{thread, time::Duration};

use super::{ASK, CHANGE, COUNTER, SELECT, answer, at_the_prompt, call, error, presented};
use crate::support::{
    Run,
    cards::{Card, Pcscd, VirtualCard},
};

/// What another card in the reader would have lost.
#[track_caller]
fn assert_untouched(pcscd: &Pcscd, card: &VirtualCard) {
    assert_eq!(presented(card), [""; 0]);
    assert_eq!(pcscd.send(0, &[SELECT, COUNTER])[1], "63C3");
}

#[test]
fn a_card_pulled_while_a_person_types_ends_the_call_before_anything_is_sent() {
    let (pcscd, [mut card]) = Pcscd::with([Card::piv()]);
    let terminal = at_the_prompt(&pcscd, ASK);
    card.pull();
    let (code, shown) = answer(terminal);
    assert_eq!(code, 8, "{shown}");
    assert!(shown.contains("error: the card in Virtual PCD 00 00 was pulled"), "{shown}");
    assert!(shown.contains("hint: "), "{shown}");
    assert_eq!(presented(&card), [""; 0]);
}

#[test]
fn a_card_pulled_and_put_in_again_is_not_written_on_trust() {
    let (pcscd, [mut card]) = Pcscd::with([Card::piv()]);
    let terminal = at_the_prompt(&pcscd, ASK);
    card.pull();
    let card = pcscd.insert(0, Card::piv());
    let (code, shown) = answer(terminal);
    assert_eq!(code, 8, "{shown}");
    assert_untouched(&pcscd, &card);
}

#[test]
fn another_card_in_the_reader_is_not_touched() {
    let (pcscd, [mut card]) = Pcscd::with([Card::piv()]);
    let terminal = at_the_prompt(&pcscd, ASK);
    card.pull();
    let other = pcscd.insert(0, Card::piv().serial("00BC614E"));
    let (code, shown) = answer(terminal);
    assert_eq!(code, 8, "{shown}");
    assert_untouched(&pcscd, &other);
}

#[test]
fn another_card_in_the_reader_is_not_touched_even_if_a_program_has_reset_it_since() {
    for line in [ASK, "pin change --token card:serial=5437251"] {
        let (pcscd, [mut card]) = Pcscd::with([Card::piv()]);
        let terminal = at_the_prompt(&pcscd, line);
        card.pull();
        let other = pcscd.insert(0, Card::piv().serial("00BC614E"));
        pcscd.reset(0);
        let (code, shown) = answer(terminal);
        assert_eq!(code, 8, "{shown}");
        assert_untouched(&pcscd, &other);
    }
}

#[test]
fn a_card_pulled_while_it_changes_its_pin_leaves_a_hint_that_tells_which_pin_it_has() {
    let run = pulled_at("24");
    assert!([8, 11].contains(&run.code), "{run:?}");
    assert!(error(&run)["hint"].as_str().unwrap().starts_with("pukka pin verify --token "), "{run:?}");
    assert_eq!(error(&run)["holds"], "unknown", "{run:?}");
}

#[test]
fn a_card_pulled_while_it_changes_its_puk_is_said_to_tell_only_by_the_use_of_it() {
    for (line, called) in [
        ("puk change --puk env:PUK --new-puk env:NEW", "PUK"),
        ("so-pin change --so-pin env:PUK --new-so-pin env:NEW", "Admin PIN"),
    ] {
        let name = if called == "PUK" { "piv" } else { "openpgp" };
        let (pcscd, [card]) = Pcscd::with([Card::stand_in(name).fault("pull-after@24:1")]);
        let values = [("PUK", "12345678"), ("NEW", "87654321")];
        let text = call(&pcscd, &format!("{line} --application {name}")).envs(values).run().code(8);
        assert!(
            text.err.contains(&format!("which {called} holds now, the old one or the new one, is not known")),
            "{text:?}"
        );
        assert!(
            text.err.contains(&format!("hint: keep both values: only its use tells which {called} holds")),
            "{text:?}"
        );
        drop(card);
    }
}

#[test]
fn a_card_pulled_during_the_proof_was_changed_and_is_not_confirmed() {
    let run = pulled_at("20").code(11);
    let error = error(&run);
    assert_eq!((error["kind"].as_str(), error["role"].as_str()), (Some("unconfirmed"), Some("user-pin")));
    assert!(error["hint"].as_str().unwrap().starts_with("pukka pin verify --token "), "{run:?}");
}

/// Changes a PIN and pulls the card when it has got the command INS with a secret, and has not answered it.
/// Looks that it has the old PIN or the new one then, by the hint.
#[track_caller]
fn pulled_at(ins: &str) -> Run {
    let store = tempfile::tempdir().unwrap();
    let card = || Card::piv().file(&store.path().join("card"));
    let (pcscd, [mut slow]) = Pcscd::with([card().delay_ms(500)]); // time to pull it, on a busy machine too
    let run = thread::scope(|scope| {
        let run = scope.spawn(|| call(&pcscd, &format!("{CHANGE} --json")).run());
        while presented(&slow).last().is_none_or(|command| &command[2..4] != ins) {
            assert!(!run.is_finished(), "pukka ended before {ins}");
            thread::sleep(Duration::from_millis(1));
        }
        slow.pull();
        assert_eq!(slow.apdus().last().unwrap().1, "", "pulled before it answered");
        run.join().unwrap()
    });
    let _again = pcscd.insert(0, card());
    let hint = error(&run)["hint"].as_str().unwrap().replace('\'', "");
    let verify = |pin: &str| {
        let line = format!("{} --pin env:{pin}", hint.strip_prefix("pukka ").unwrap());
        call(&pcscd, &line).run().code
    };
    let mut outcomes = [verify("PIN"), verify("NEW")];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [0, 4], "one of the two is the PIN");
    run
}
