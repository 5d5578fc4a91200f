//! OpenPGP cards at the keys of a reader.

use super::*;
use crate::{
    device::card::script::{ends, entries_that_came_to_nothing},
    token::{Need, Pad},
};

fn verify_at_keys(card: &mut dyn Token) -> Result<()> {
    guard(card, Role::UserPin);
    card.verify(Role::UserPin, &Entry::Pad)
}

fn change_at_keys(card: &mut dyn Token) -> Result<()> {
    guard(card, Role::UserPin);
    card.change(Role::UserPin, &Entry::Pad, &Entry::Pad)
}

fn reset_at_keys(card: &mut dyn Token) -> Result<()> {
    guard(card, Role::SoPin);
    card.reset(Role::UserPin, Authority { role: Role::SoPin, secret: &Entry::Pad }, &Entry::Pad)
}

const COUNTERS: &str = "> 00 CA 00 C4 00\n< 00 7F 7F 7F 03 00 03 90 00\n";

#[test]
fn a_pin_is_verified_changed_and_reset_at_the_reader() {
    assert_eq!(play(dialogue!("pad-verify"), verify_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-change"), change_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-reset"), reset_at_keys), Ok(()));
}

#[test]
fn a_wrong_old_pin_is_seen_before_the_change_is_sent() {
    let dialogue = dialogue!("pad-change");
    let (verify, _) = dialogue.split_once("20 00 81 00\n< 90 00").unwrap();
    let wrong = format!("{verify}20 00 81 00\n< 69 82\n> 00 CA 00 C4 00\n< 00 7F 7F 7F 01 00 03 90 00\n");
    let error = play(&wrong, change_at_keys).unwrap_err();
    assert_eq!((error.kind(), error.tries_left()), ("wrong-secret", Some(1)));
}

#[test]
fn an_old_pin_that_is_mistyped_the_second_time_is_a_wrong_pin_too() {
    let spent = COUNTERS.replace("7F 03 00", "7F 02 00");
    let error = play(&ends(dialogue!("pad-change"), "69 82", &spent), change_at_keys).unwrap_err();
    assert_eq!((error.kind(), error.tries_left()), ("wrong-secret", Some(2)));
    let refused = play(&ends(dialogue!("pad-change"), "6A 80", COUNTERS), change_at_keys).unwrap_err();
    assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)));
}

#[test]
fn an_admin_pin_that_is_blocked_at_the_reader_is_told_as_that() {
    let dialogue = dialogue!("pad-reset").replace("7F 00 00 03", "7F 00 00 01");
    let (verify, _) = dialogue.split_once("20 00 83 00\n< 90 00").unwrap();
    let blocked = format!("{verify}20 00 83 00\n< 69 83\n> 00 CA 00 C4 00\n< 00 7F 7F 7F 00 00 00 90 00\n");
    let error = play(&blocked, reset_at_keys).unwrap_err();
    assert_eq!(error, Error::Blocked { role: Role::SoPin, now: true, detail: Some("SW 6983".into()) });
}

#[test]
fn whoever_cancels_or_waits_too_long_is_told_and_the_counters_are_read_again() {
    for (answer, told) in entries_that_came_to_nothing() {
        let error = play(&ends(dialogue!("pad-change"), answer, COUNTERS), change_at_keys).unwrap_err();
        assert_eq!(error, told);
        // Behind the Admin PIN, which was right, there is no try to be lost.
        let error = play(&ends(dialogue!("pad-reset"), answer, ""), reset_at_keys).unwrap_err();
        assert_eq!(error, told);
    }
}

#[test]
fn where_kdf_is_on_no_key_of_a_reader_is_lit() {
    let asked = "> 00 A4 04 00 06 D2 76 00 01 24 01 00\n< 90 00\n> 00 CA 00 F9 00\n\
                 < 81 01 03 82 01 08 83 04 00 01 86 A0 84 08 84 84 84 84 84 84 84 84 90 00\n\
                 > 00 CA 00 C4 00\n< 00 7F 7F 7F 03 00 03 90 00\n> reader 42000D48\n< 06 04 42 33 00 06 07 04 42 33 00 07\n";
    let error = play(asked, change_at_keys).unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(error.to_string().contains("KDF is on"), "{error}");
    let pad = play(asked, |card| card.survey(Depth::Only(&[Role::UserPin])).unwrap().pad);
    match pad {
        Pad::Reader(reader) => {
            assert_eq!(reader.takes, []);
            assert!(reader.refused.is_some_and(|why| why.contains("KDF is on")));
        }
        Pad::None | Pad::Path => panic!("{pad:?}"),
    }
}

#[test]
fn a_reset_code_is_not_typed_at_a_reader_where_a_slip_would_begin_the_new_pin() {
    let survey = dialogue!("pad-verify").split("> reader 42330006").next().unwrap().to_owned();
    let pad = play(&survey, |card| card.survey(Depth::Only(&[Role::UserPin])).unwrap().pad);
    let Pad::Reader(reader) = pad else { panic!("{pad:?}") };
    assert_eq!(reader.commands(Verb::PinReset, Some(Role::ResetCode)), []);
    let change = reader.commands(Verb::PinChange, None);
    let (pin, new) = (Need::Current(Role::UserPin), Need::New(Role::UserPin));
    assert_eq!(change.iter().map(|command| command.needs.clone()).collect::<Vec<_>>(), [vec![pin], vec![pin, new]]);
    assert!(change.iter().all(|command| command.digits == (6, 15) && !command.delimited));
}

#[test]
fn a_reader_that_presents_an_empty_value_is_kept_from_a_card_that_may_count_one() {
    // The GemPC Pinpad by its numbers on USB; what it tells else is that of any.
    let (asked, _) = dialogue!("pad-change").split_once("> reader 42330006").unwrap();
    let gempc = asked.replace("07 01 0F", "07 01 08 0B 02 E6 08 0C 02 78 34");
    assert_ne!(gempc, asked);
    let error = play(&gempc, change_at_keys).unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(error.to_string().contains("empty value") && error.to_string().contains("--pin prompt"), "{error}");
    let pad = play(&gempc, |card| card.survey(Depth::Only(&[Role::UserPin])).unwrap().pad);
    let Pad::Reader(reader) = pad else { panic!("{pad:?}") };
    assert_eq!(reader.takes, []);
    assert!(reader.refused.is_some_and(|why| why.contains("empty value")));
}
