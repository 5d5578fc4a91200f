//! What no document promises: status words of a card's own, values that are not delimited, cards that say the same to all.

use super::*;

/// A profile with a variable PIN, a PUK by which it is kept or replaced, and words of its own.
const OWN: &str = r#"name = "own"
title = "A card"
status = "tested"
source = "a test"
aid = ["F0 00 00 00 01", "F0 00 00 00 02"]

[status-words]
6985 = "unset"
64xx = "blocked"
6A80 = "must-change"

[[reference]]
name = "PIN"
role = "user-pin"
key = 0x01
encoding = "ascii"
least = 4
most = 8
counter = "verify"
reset = [{ by = "PUK", forms = [0, 1] }]

[[reference]]
name = "PUK"
role = "puk"
key = 0x02
encoding = "ascii"
least = 8
most = 8
counter = "verify"
change = false
"#;

const SELECTED: &str = "> 00 A4 04 00 05 F0 00 00 00 01 00\n< 6A 82\n> 00 A4 04 00 05 F0 00 00 00 02 00\n< 90 00\n";

fn own() -> Memory {
    memory(Profile::parse(OWN, "FILE").unwrap(), None)
}

fn play_own(dialogue: &str, work: fn(&mut dyn Token) -> Result<Proof>) -> Result<Proof> {
    play(&mut own(), Protocol::T1, &format!("{SELECTED}{dialogue}"), as_token(work))
}

#[test]
fn an_old_value_that_the_card_cannot_tell_from_the_new_one_is_verified_before() {
    let right = "> 00 20 00 01\n< 63 C3\n> 00 20 00 01 06 {old}\n< 90 00\n> 00 24 00 01 0C {old} {new}\n";
    let proof = "< 90 00\n> 00 20 00 01 06 {new}\n< 90 00";
    assert_eq!(play_own(&format!("{right}{proof}"), change), Ok(Proof::Proved));
    // The old one was right: what the card does not like now is the new one, and its word for that is the standard's.
    let refused = play_own(&format!("{right}< 67 00"), change).unwrap_err();
    assert_eq!(refused.kind(), "new-value-refused");
    let wrong = play_own("> 00 20 00 01\n< 63 C3\n> 00 20 00 01 06 {old}\n< 63 C2", change).unwrap_err();
    assert_eq!((wrong.kind(), wrong.tries_left()), ("wrong-secret", Some(2)));
}

#[test]
fn status_words_mean_what_the_profile_says() {
    let said = |word: &str| {
        let dialogue = format!("> 00 20 00 01\n< 63 C3\n> 00 20 00 01 06 {{old}}\n< {word}");
        play_own(&dialogue, verify).unwrap_err().kind()
    };
    assert_eq!([said("69 85"), said("64 01"), said("6A 80")], ["unset", "blocked", "must-change"]);
}

#[test]
fn a_wrong_value_without_a_number_is_told_by_the_counter() {
    let dialogue = "> 00 20 00 01\n< 63 C3\n> 00 20 00 01 06 {old}\n< 63 00\n> 00 20 00 01\n< 63 C2";
    assert_eq!(play_own(dialogue, verify).unwrap_err().tries_left(), Some(2));
    let silent = "> 00 20 00 01\n< 6D 00\n> 00 20 00 01 06 {old}\n< 69 82\n> 00 20 00 01\n< 6D 00";
    assert_eq!(play_own(silent, verify).unwrap_err().tries_left(), None);
    let untouched = "> 00 20 00 01\n< 63 C3\n> 00 20 00 01 06 {old}\n< 69 82\n> 00 20 00 01\n< 63 C3";
    assert_eq!(play_own(untouched, verify).unwrap_err().kind(), "device");
}

#[test]
fn a_card_left_verified_is_reset_before_its_counter_is_believed() {
    let dialogue =
        "> 00 20 00 01\n< 90 00\n> reset\n> 00 A4 04 00 05 F0 00 00 00 02 00\n< 90 00\n> 00 20 00 01\n< 63 C1";
    let read = |token: &mut dyn Token| {
        assert_eq!(token.retries(Role::UserPin), Ok(Retries::Left { left: 1, limit: None }));
        Ok(Proof::Proved)
    };
    play_own(dialogue, read).unwrap();
}

#[test]
fn a_pin_is_unblocked_and_keeps_its_value_by_the_form_for_that() {
    let unblock = |token: &mut dyn Token| {
        token.unblock(Role::UserPin, Authority { role: Role::Puk, secret: &entry("puk") })?;
        Ok(Proof::Proved)
    };
    assert_eq!(play_own("> 00 2C 01 01 08 {puk}\n< 90 00", unblock), Ok(Proof::Proved));
    let wrong = play_own("> 00 2C 01 01 08 {puk}\n< 63 C4", unblock).unwrap_err();
    assert_eq!((wrong.role(), wrong.tries_left()), (Some(Role::Puk), Some(4)));
}

#[test]
fn an_unblocking_refused_behind_a_right_puk_blames_no_new_value_as_there_is_none() {
    let text = OWN.replace("forms = [0, 1]", "forms = [2, 3]");
    let tell = |word: &str, work: fn(&mut dyn Token) -> Result<Proof>, command: &str| {
        let right = "> 00 20 00 02\n< 63 C3\n> 00 20 00 02 08 {puk}\n< 90 00\n";
        let mut own = memory(Profile::parse(&text, "FILE").unwrap(), None);
        let dialogue = format!("{SELECTED}{right}> {command}\n< {word}");
        play(&mut own, Protocol::T1, &dialogue, as_token(work)).unwrap_err().kind()
    };
    let unblock = |token: &mut dyn Token| {
        token.retries(Role::Puk)?;
        token.unblock(Role::UserPin, Authority { role: Role::Puk, secret: &entry("puk") })?;
        Ok(Proof::Proved)
    };
    assert_eq!(tell("67 00", unblock, "00 2C 03 01"), "device");
    // Cards that use the authentication up say 6982 to a new value that is too short.
    assert_eq!(tell("69 82", reset, "00 2C 02 01 06 {new}"), "new-value-refused");
}

#[test]
fn a_card_without_the_application_is_none_and_one_without_a_directory_has_no_counter_there() {
    let mut card = Answering::new(|_: &[u8]| vec![0x6A, 0x82]);
    let told = card.meet(&mut own(), as_token(|token| token.survey(Depth::Full).map(drop)));
    assert!(matches!(told, Err(Error::NoToken(_))), "{told:?}");
    assert_eq!(card.sent.len(), 2);
    let mut card = Answering::new(|apdu: &[u8]| match apdu {
        [_, 0xA4, 0x04, 0x0C, ..] => vec![0x6A, 0x82],
        [_, 0xCB, ..] => {
            [&[0x70, 0x0C, 0xBF, 0x81, apdu[11], 8, 0xA0, 6, 0x9A, 1, 3, 0x9B, 1, 3][..], &[0x90, 0]].concat()
        }
        _ => vec![0x90, 0x00],
    });
    let survey = card.meet(&mut known("esteid-2018", None), as_token(|token| token.survey(Depth::Full))).unwrap();
    let states: Vec<State> = survey.references.iter().map(|reference| reference.state).collect();
    assert_eq!(states, [State::Ready, State::Unknown, State::Ready]);
}

#[test]
fn a_new_puk_is_never_probed() {
    let done = play(&mut own(), Protocol::T1, "", as_token(|token| token.prove(Role::Puk, &entry("puk"))));
    assert!(matches!(done, Ok(Proof::NotPossible(_))), "{done:?}");
}
