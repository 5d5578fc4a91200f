//! Other programs at the card between the challenge and its response.

use super::*;
use crate::{gids::SELECT, support::cards::Hold};

const STALE: &str = "another program used the card since it gave the challenge";
const PIV: &str = "00A404000BA000000308000010000100";

/// The call is at the question; another program does `what`; the response that comes then is stale, and a fresh challenge is
/// given, to which the right response resets the PIN.
#[track_caller]
fn a_fresh_challenge_after(what: impl FnOnce(&Desk)) {
    let desk = Desk::new();
    let (mut terminal, first) = at_the_question(&desk, BY_CHALLENGE);
    what(&desk);
    terminal.send(&format!("{}\r", help_desk(&first, KEY).0)).expect(STALE).expect("challenge: ").expect(QUESTION);
    let second = challenge(&terminal.transcript()).0;
    assert_ne!(first, second);
    terminal.send(&format!("{}\r", help_desk(&second, KEY).0));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(from_the_challenge(&desk), ANSWERED);
    assert!(desk.is_pin("271828"));
}

#[test]
fn a_reset_by_another_program_makes_a_fresh_challenge_and_the_first_response_is_not_even_sent() {
    a_fresh_challenge_after(|desk| {
        desk.pcscd.reset(0);
        desk.card.clear_trace();
    });
}

#[test]
fn the_application_selected_anew_by_another_program_makes_a_fresh_challenge() {
    a_fresh_challenge_after(|desk| assert!(desk.pcscd.send(0, &[SELECT])[0].ends_with("9000")));
}

#[test]
fn a_pin_verified_by_another_program_is_no_harm_and_the_response_still_counts() {
    let desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    assert_eq!(desk.pcscd.send(0, &["00200080"]), ["63C3"]);
    terminal.send(&format!("{}\r", help_desk(&given, KEY).0));
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn another_application_selected_by_another_program_makes_a_fresh_challenge() {
    let card = crate::support::cards::Card::stand_in("gids,sc-hsm").dialect(&format!("gids.admin-key={KEY}"));
    let (pcscd, [card]) = crate::support::cards::Pcscd::with([card]);
    let desk = Desk { home: home(), pcscd, card };
    let (mut terminal, first) = at_the_question(&desk, BY_CHALLENGE);
    assert!(desk.pcscd.send(0, &["00A404000BE82B0601040181C31F0201"])[0].ends_with("9000"));
    terminal.send(&format!("{}\r", help_desk(&first, KEY).0)).expect(STALE).expect(QUESTION);
    let second = challenge(&terminal.transcript()).0;
    terminal.send(&format!("{}\r", help_desk(&second, KEY).0));
    assert_eq!(terminal.wait().0, 0);
    assert!(desk.is_pin("271828"));
}

#[test]
fn an_application_that_is_not_there_can_be_looked_for_meanwhile() {
    let desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    assert_eq!(desk.pcscd.send(0, &[PIV]), ["6A82"]);
    terminal.send(&format!("{}\r", help_desk(&given, KEY).0));
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn three_challenges_are_given_at_most() {
    let desk = Desk::new();
    let (mut terminal, mut given) = at_the_question(&desk, BY_CHALLENGE);
    for round in 1..=3 {
        desk.pcscd.reset(0);
        terminal.send(&format!("{}\r", help_desk(&given, KEY).0));
        if round < 3 {
            terminal.expect(STALE).expect("challenge: ").expect(QUESTION);
            given = challenge(&terminal.transcript()).0;
        }
    }
    let (code, shown) = terminal.wait();
    assert_eq!(code, 8, "{shown}");
    assert_eq!((shown.matches("challenge: ").count(), shown.matches(STALE).count()), (3, 3), "{shown}");
    assert!(desk.is_pin("123456"));
}

#[test]
fn after_a_challenge_that_was_lost_a_person_can_still_give_up() {
    let desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    assert!(desk.pcscd.send(0, &[SELECT])[0].ends_with("9000"));
    terminal.send(&format!("{}\r", help_desk(&given, KEY).0)).expect(STALE).expect(QUESTION).send("\x03");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 130, "{shown}");
    assert!(shown.contains("nothing was changed"), "the first response was sent: {shown}");
    assert!(desk.is_pin("123456"));
}

#[test]
fn a_program_that_keeps_the_card_locked_is_waited_for_and_takes_nothing_from_the_challenge() {
    let desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    let held = desk.pcscd.hold(0, Hold::Transaction, &[]);
    terminal.send(&format!("{}\r", help_desk(&given, KEY).0));
    thread::sleep(Duration::from_millis(500));
    held.release();
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(from_the_challenge(&desk), ANSWERED);
}

#[test]
fn a_program_that_keeps_it_for_longer_is_exit_8_with_nothing_sent() {
    let desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, &format!("{BY_CHALLENGE} --wait 1"));
    let _held = desk.pcscd.hold(0, Hold::Transaction, &[]);
    terminal.send(&format!("{}\r", help_desk(&given, KEY).0));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 8, "{shown}");
    assert!(shown.contains("locked"), "{shown}");
    assert_eq!(from_the_challenge(&desk).len(), 1);
}

#[test]
fn a_card_pulled_meanwhile_is_exit_8() {
    let mut desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    desk.card.pull();
    terminal.send(&format!("{}\r", help_desk(&given, KEY).0));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 8, "{shown}");
}
