//! SmartCard-HSMs at the keys of a reader.

use super::*;
use crate::{
    device::card::script::{ends, entries_that_came_to_nothing},
    token::Pad,
};

fn verify_at_keys(hsm: &mut dyn Token) -> Result<()> {
    guard(hsm, Role::UserPin);
    hsm.verify(Role::UserPin, &Entry::Pad)
}

fn change_at_keys(hsm: &mut dyn Token) -> Result<()> {
    guard(hsm, Role::UserPin);
    hsm.change(Role::UserPin, &Entry::Pad, &Entry::Pad)
}

#[test]
fn a_pin_is_verified_and_changed_at_the_reader() {
    assert_eq!(play(dialogue!("pad-verify"), verify_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-change"), change_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-change-transport"), change_at_keys), Ok(()));
}

#[test]
fn wrong_pins_at_the_reader_are_wrong_pins() {
    assert_eq!(
        play(&ends(dialogue!("pad-verify"), "63 C2", ""), verify_at_keys),
        Err(wrong(Role::UserPin, left(2), "63C2"))
    );
    let error = play(&ends(dialogue!("pad-verify"), "69 83", ""), verify_at_keys).unwrap_err();
    assert_eq!(error.kind(), "blocked");
    assert_eq!(
        play(&ends(dialogue!("pad-change"), "63 C2", ""), change_at_keys),
        Err(wrong(Role::UserPin, left(2), "63C2"))
    );
    let refused = ends(dialogue!("pad-change"), "67 00", "> 00 20 00 81\n< 63 C3\n");
    assert_eq!(play(&refused, change_at_keys).unwrap_err().kind(), "new-value-refused");
}

#[test]
fn an_entry_that_came_to_nothing_is_told_as_that() {
    for (answer, told) in entries_that_came_to_nothing() {
        let behind = "> 00 20 00 81\n< 63 C3\n";
        assert_eq!(play(&ends(dialogue!("pad-change"), answer, behind), change_at_keys), Err(told));
    }
}

#[test]
fn the_bytes_of_an_so_pin_are_not_typed_at_a_reader() {
    let asked = dialogue!("pad-verify").split("> reader 42330006").next().unwrap();
    let pad = play(asked, |hsm| hsm.survey(Depth::Only(&[Role::UserPin])).unwrap().pad);
    let Pad::Reader(reader) = pad else { panic!("{pad:?}") };
    let verbs: Vec<Verb> = reader.takes.iter().map(|typed| typed.verb).collect();
    assert_eq!(verbs, [Verb::PinVerify, Verb::PinChange]);
}
