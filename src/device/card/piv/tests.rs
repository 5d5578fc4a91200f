//! Dialogues with PIV cards, replayed: one for each operation, and one for each way in which cards differ.

mod extensions;
mod pad;
mod strange;
mod survey;

use super::*;
use crate::device::card::{
    apdu::Protocol,
    script::{self, Answering, as_token, entry},
};
use crate::token::{State, Verb};

macro_rules! dialogue {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/device/card/piv/dialogues/", $name, ".txt"))
    };
}
use dialogue;

/// Lets `work` meet a PIV card for the first time, under T=1.
fn play<R>(dialogue: &str, work: impl FnOnce(&mut dyn Token) -> R) -> R {
    play_with(&mut Memory::default(), Protocol::T1, dialogue, work)
}

fn play_with<R>(memory: &mut Memory, protocol: Protocol, dialogue: &str, work: impl FnOnce(&mut dyn Token) -> R) -> R {
    script::play(memory, protocol, dialogue, as_token(work))
}

/// What comes before the command that spends a try: the survey, and the counter.
fn guard(piv: &mut dyn Token, role: Role) -> Retries {
    piv.survey(Depth::Only(&[role])).unwrap();
    piv.retries(role).unwrap()
}

fn change(piv: &mut dyn Token) -> Result<()> {
    guard(piv, Role::UserPin);
    piv.change(Role::UserPin, &entry("old"), &entry("new"))
}

fn change_and_prove(piv: &mut dyn Token) -> Result<Proof> {
    change(piv)?;
    piv.prove(Role::UserPin, &entry("new"))
}

fn verify(piv: &mut dyn Token) -> Result<()> {
    guard(piv, Role::UserPin);
    piv.verify(Role::UserPin, &entry("old"))
}

fn reset(piv: &mut dyn Token) -> Result<()> {
    guard(piv, Role::Puk);
    piv.reset(Role::UserPin, Authority { role: Role::Puk, secret: &entry("puk") }, &entry("new"))
}

fn change_puk(piv: &mut dyn Token) -> Result<()> {
    guard(piv, Role::Puk);
    piv.change(Role::Puk, &entry("puk"), &entry("new-puk"))
}

fn left(left: u8) -> Retries {
    Retries::counted(left, None)
}

/// The error with the status word that the card gave.
fn wrong(role: Role, retries: Retries, status: &str) -> Result<()> {
    Err(Error::WrongSecret { role, retries, detail: Some(format!("SW {status}")) })
}

fn blocked(role: Role, now: bool, status: &str) -> Result<()> {
    Err(Error::Blocked { role, now, detail: Some(format!("SW {status}")) })
}

#[test]
fn a_change_is_proved_by_the_new_value() {
    assert_eq!(play(dialogue!("change"), change_and_prove), Ok(Proof::Proved));
}

#[test]
fn under_t0_the_same_change_takes_the_forms_of_that_protocol() {
    let done = play_with(&mut Memory::default(), Protocol::T0, dialogue!("change-t0"), change_and_prove);
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn a_wrong_old_value_is_told_with_the_tries_left_however_the_card_says_it() {
    let wrong = |status| wrong(Role::UserPin, left(2), status);
    assert_eq!(play(dialogue!("change-wrong"), change), wrong("63C2"));
    assert_eq!(play(dialogue!("change-wrong-without-number"), change), wrong("6300"));
    assert_eq!(play(dialogue!("change-wrong-as-security-status"), change), wrong("6982"));
}

#[test]
fn security_status_not_satisfied_with_no_try_gone_is_the_reader_and_not_the_pin() {
    for (dialogue, work) in [
        (dialogue!("change-contactless"), change as fn(&mut dyn Token) -> Result<()>),
        (dialogue!("verify-contactless"), verify),
    ] {
        let error = play(dialogue, work).unwrap_err();
        assert_eq!((error.kind(), error.detail()), ("device", Some("SW 6982")));
    }
}

#[test]
fn the_last_try_spent_is_told_as_blocked_by_this_call_however_the_card_says_it() {
    assert_eq!(play(dialogue!("change-last-try"), change), blocked(Role::UserPin, true, "6300"));
    assert_eq!(play(dialogue!("change-blocks"), change), blocked(Role::UserPin, true, "6983"));
    assert_eq!(play(dialogue!("verify-blocks"), verify), blocked(Role::UserPin, true, "63C0"));
}

#[test]
fn a_new_value_that_the_card_refuses_is_told_apart_from_a_wrong_old_one_by_the_counter() {
    for status in ["6A 80", "69 85", "67 00"] {
        let detail = format!("SW {}", status.replace(' ', ""));
        let refused = play(&dialogue!("change-new-refused").replace("6A 80", status), change).unwrap_err();
        assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)));
        assert_eq!(refused.detail(), Some(detail.as_str()));
        let spent = play(&dialogue!("change-refused-and-spent").replace("6A 80", status), change);
        assert_eq!(spent, wrong(Role::UserPin, left(2), &status.replace(' ', "")));
    }
}

#[test]
fn a_new_value_refused_is_known_as_such_though_two_commands_told_the_counter() {
    let refused = play(dialogue!("change-new-refused-while-verified"), change).unwrap_err();
    assert_eq!(refused.kind(), "new-value-refused", "{refused}");
}

#[test]
fn a_card_pulled_while_it_changes_is_a_failure_of_the_device() {
    assert_eq!(play(dialogue!("change-pulled"), change), Err(Error::device("pulled", None)));
}

#[test]
fn a_right_pin_is_verified() {
    assert_eq!(play(dialogue!("verify"), verify), Ok(()));
}

#[test]
fn a_wrong_pin_is_told_with_the_tries_left() {
    assert_eq!(play(dialogue!("verify-wrong"), verify), wrong(Role::UserPin, left(2), "63C2"));
    assert_eq!(play(dialogue!("verify-wrong-as-security-status"), verify), wrong(Role::UserPin, left(2), "6982"));
}

#[test]
fn the_counter_is_read_by_a_verify_without_data_and_none_left_is_blocked() {
    for (status, expected) in [("63 C1", left(1)), ("63 C0", Retries::Blocked), ("69 83", Retries::Blocked)] {
        let dialogue = dialogue!("counter").replace("63 C1", status);
        assert_eq!(play(&dialogue, |piv| guard(piv, Role::UserPin)), expected, "{status}");
        let state = play(&dialogue, |piv| piv.survey(Depth::Only(&[Role::UserPin])).unwrap().references[0].state);
        assert_eq!(state == State::Blocked, expected == Retries::Blocked, "{status}");
    }
}

#[test]
fn a_card_left_verified_has_its_state_dropped_before_its_counter_is_believed() {
    assert_eq!(play(dialogue!("left-verified"), |piv| guard(piv, Role::UserPin)), left(1));
}

#[test]
fn a_card_that_cannot_drop_the_state_is_reset_and_selected_again() {
    assert_eq!(play(dialogue!("left-verified-old-card"), |piv| guard(piv, Role::UserPin)), left(1));
}

#[test]
fn a_card_that_says_verified_for_ever_has_unknown_tries_which_stop_nothing() {
    assert_eq!(play(dialogue!("left-verified-for-good"), change_and_prove), Ok(Proof::Proved));
}

#[test]
fn without_a_discovery_object_the_pin_of_the_application_is_changed() {
    assert_eq!(play(dialogue!("no-discovery-object"), change_and_prove), Ok(Proof::Proved));
}

#[test]
fn where_the_global_pin_comes_first_it_is_changed_and_no_reset_is_offered_or_sent() {
    play(dialogue!("global-pin"), |piv| {
        let survey = piv.survey(Depth::Only(&[Role::UserPin])).unwrap();
        assert_eq!(survey.reference(Role::UserPin).unwrap().key_reference, Some(0x00));
        assert!(survey.abilities.iter().all(|able| able.verb != Verb::PinReset));
        let authority = Authority { role: Role::Puk, secret: &entry("puk") };
        assert_eq!(piv.reset(Role::UserPin, authority, &entry("new")).unwrap_err().exit_code(), 7);
        assert_eq!(piv.retries(Role::UserPin), Ok(left(3)));
        piv.change(Role::UserPin, &entry("old"), &entry("new")).unwrap();
        assert_eq!(piv.prove(Role::UserPin, &entry("new")), Ok(Proof::Proved));
    });
}

#[test]
fn a_reset_by_the_puk_is_proved_by_the_new_pin() {
    let done = play(dialogue!("reset"), |piv| {
        reset(piv)?;
        piv.prove(Role::UserPin, &entry("new"))
    });
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn a_wrong_puk_is_told_with_what_the_card_says_of_its_tries() {
    assert_eq!(play(dialogue!("reset-wrong"), reset), wrong(Role::Puk, left(2), "63C2"));
    assert_eq!(play(dialogue!("reset-wrong-without-number"), reset), wrong(Role::Puk, Retries::Unknown, "6982"));
    assert_eq!(play(dialogue!("puk-change-wrong"), change_puk), wrong(Role::Puk, Retries::Unknown, "6300"));
    let two_of_three = Retries::counted(2, Some(3));
    assert_eq!(play(dialogue!("puk-change-wrong-yubico"), change_puk), wrong(Role::Puk, two_of_three, "6300"));
}

#[test]
fn a_blocked_puk_is_told_as_blocked_and_by_this_call_only_where_that_is_known() {
    for (status, said) in [("69 83", "6983"), ("63 C0", "63C0")] {
        let blocked = |now| blocked(Role::Puk, now, said);
        assert_eq!(play(&dialogue!("reset-blocked").replace("69 83", status), reset), blocked(false));
        assert_eq!(play(&dialogue!("puk-change-blocked").replace("69 83", status), change_puk), blocked(false));
        assert_eq!(play(&dialogue!("reset-last-try-yubico").replace("69 83", status), reset), blocked(true));
    }
}

#[test]
fn a_reset_refused_as_malformed_does_not_say_which_value_it_was_where_nothing_tells() {
    let refused = play(dialogue!("reset-refused"), reset).unwrap_err();
    assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)));
    assert!(refused.to_string().contains("one of the two values"), "{refused}");
}

#[test]
fn a_new_puk_is_not_probed() {
    let done = play(dialogue!("puk-change"), |piv| {
        change_puk(piv)?;
        piv.prove(Role::Puk, &entry("new-puk"))
    });
    assert!(matches!(done, Ok(Proof::NotPossible(_))), "{done:?}");
}

#[test]
fn a_command_with_a_secret_is_not_sent_again_in_another_length() {
    for (work, instruction) in [(verify as fn(&mut dyn Token) -> Result<()>, 0x20), (change, 0x24), (reset, 0x2C)] {
        let mut card = Answering::new(|apdu: &[u8]| match apdu {
            [_, 0xA4, ..] => vec![0x90, 0x00],
            [_, 0xCB, ..] => vec![0x6A, 0x82],
            [_, 0x20, _, _] => vec![0x63, 0xC3],
            _ => vec![0x6C, 0x08],
        });
        card.meet(&mut Memory::default(), as_token(work)).unwrap_err();
        let presented = card.sent.iter().filter(|apdu| apdu.get(1) == Some(&instruction) && apdu.len() > 5);
        assert_eq!(presented.count(), 1, "{instruction:02X}: {:02X?}", card.sent);
    }
}
