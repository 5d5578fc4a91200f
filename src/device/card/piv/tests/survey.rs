//! What a survey reads, of plain cards and of those that tell more.

use super::{Answering, as_token, dialogue, left, play};
use crate::{
    device::card::piv::*,
    token::{Retries, State},
};

fn full(piv: &mut dyn Token) -> Survey {
    piv.survey(Depth::Full).unwrap()
}

fn serial(survey: &Survey) -> Option<String> {
    survey.identity.serial.as_ref().map(Text::lossless)
}

/// State, tries, and whether the value of delivery still stands, of PIN and PUK.
fn told(survey: &Survey) -> Vec<(State, Retries, Option<bool>)> {
    survey.references.iter().map(|reference| (reference.state, reference.retries, reference.default)).collect()
}

#[test]
fn a_plain_card_tells_the_tries_of_its_pin_and_nothing_of_its_puk() {
    let survey = play(dialogue!("status"), full);
    assert_eq!(told(&survey), [(State::Ready, left(3), None), (State::Unknown, Retries::Unknown, None)]);
    assert_eq!(serial(&survey).as_deref(), Some("00112233445566778899aabbccddeeff"));
}

#[test]
fn metadata_without_a_body_tells_nothing_and_is_not_asked_for_again() {
    let survey = play(dialogue!("status-empty-metadata"), full);
    assert_eq!(told(&survey), [(State::Ready, left(3), None), (State::Unknown, Retries::Unknown, None)]);
    assert_eq!(serial(&survey).as_deref(), Some("5437251"));
}

#[test]
fn metadata_tells_tries_limits_and_defaults_of_both() {
    let survey = play(dialogue!("status-yubico"), full);
    let pin = (State::Ready, Retries::counted(4, Some(5)), Some(true));
    let key = (State::Ready, Retries::Unknown, Some(true));
    assert_eq!(told(&survey), [pin, (State::Blocked, Retries::Blocked, Some(false)), key]);
    assert_eq!(serial(&survey).as_deref(), Some("12345678"));
}

#[test]
fn a_survey_of_a_card_left_verified_leaves_it_so_and_calls_its_tries_unknown() {
    let survey = play(dialogue!("status-verified"), full);
    assert_eq!(told(&survey)[0], (State::Ready, Retries::Unknown, None));
}

#[test]
fn a_card_that_does_not_say_who_it_is_has_no_serial() {
    assert_eq!(serial(&play(dialogue!("status-nameless"), full)), None);
}

#[test]
fn an_answer_in_parts_is_put_together() {
    let survey = play(dialogue!("select-in-parts"), |piv| piv.survey(Depth::Only(&[Role::UserPin])).unwrap());
    assert_eq!(survey.references[0].retries, left(3));
}

#[test]
fn a_card_that_wants_another_length_gets_the_same_command_with_that_one() {
    let survey = play(dialogue!("wrong-length"), full);
    let tries: Vec<Retries> = survey.references.iter().map(|reference| reference.retries).collect();
    assert_eq!(tries, [Retries::counted(2, Some(3)), Retries::counted(1, Some(3))]);
    assert_eq!(serial(&survey).as_deref(), Some("12345678"));
}

#[test]
fn a_card_without_the_application_is_no_token() {
    for status in ["6A 82", "6A 81", "6D 00", "6E 00"] {
        let dialogue = dialogue!("no-application").replace("6A 82", status);
        assert_eq!(play(&dialogue, |piv| piv.survey(Depth::Full).unwrap_err().kind()), "no-token", "{status}");
    }
    let broken = dialogue!("no-application").replace("6A 82", "6F 00");
    assert_eq!(play(&broken, |piv| piv.survey(Depth::Full).unwrap_err().kind()), "device");
}

#[test]
fn whatever_a_card_answers_a_survey_presents_no_secret_and_drops_no_state() {
    let words = [0x9000, 0x63C3, 0x63C0, 0x6300, 0x6983, 0x6982, 0x6A88, 0x6A80, 0x6D00, 0x6F00, 0x6700, 0x6985];
    for word in words {
        for depth in [Depth::Full, Depth::Only(&[Role::UserPin]), Depth::Only(&[Role::Puk]), Depth::Only(&Role::ALL)] {
            let mut card = Answering::new(|apdu| match apdu[1] {
                0xA4 => vec![0x90, 0x00],
                _ => u16::to_be_bytes(word).to_vec(),
            });
            let survey = card.meet(&mut Memory::default(), as_token(|piv| piv.survey(depth)));
            assert!(survey.is_ok(), "{word:04X}: {survey:?}");
            for sent in &card.sent {
                let reads = match sent.as_slice() {
                    [0x00, 0xA4, 0x04, 0x00, ..] | [0x00, 0xCB, 0x3F, 0xFF, ..] => true,
                    [0x00, 0xF7 | 0xF8 | 0xFD, ..] => sent.len() == 5,
                    [0x00, 0x20, 0x00, 0x80] => true,
                    _ => false,
                };
                assert!(reads, "{word:04X}: {sent:02X?}");
            }
        }
    }
}
