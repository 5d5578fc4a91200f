//! GIDS cards at the keys of a reader.

use super::*;
use crate::{
    device::card::script::{ends, entries_that_came_to_nothing},
    token::Pad,
};

fn verify_at_keys(gids: &mut dyn Token) -> Result<()> {
    survey(gids, &[Role::UserPin]);
    gids.retries(Role::UserPin)?;
    gids.verify(Role::UserPin, &Entry::Pad)
}

fn change_at_keys(gids: &mut dyn Token) -> Result<()> {
    survey(gids, &[Role::UserPin]);
    gids.retries(Role::UserPin)?;
    gids.change(Role::UserPin, &Entry::Pad, &Entry::Pad)
}

fn reset_at_keys(gids: &mut dyn Token) -> Result<()> {
    survey(gids, &[Role::AdminKey]);
    gids.reset(Role::UserPin, Authority { role: Role::AdminKey, secret: &entry("admin-key") }, &Entry::Pad)
}

fn counter(left: u8) -> String {
    format!("> 00 CB 3F FF 04 5C 02 7F 71 00\n< 7F 71 06 97 01 {left:02X} 93 01 03 90 00\n")
}

#[test]
fn a_pin_is_verified_changed_reset_and_set_at_the_reader() {
    assert_eq!(play(dialogue!("pad-verify"), verify_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-change"), change_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-reset"), reset_at_keys), Ok(()));
    let set = |gids: &mut dyn Token| {
        gids.survey(Depth::Full)?;
        gids.set(Role::UserPin, &Entry::Pad)
    };
    assert_eq!(play(dialogue!("pad-set"), set), Ok(()));
}

#[test]
fn wrong_pins_at_the_reader_are_wrong_pins() {
    let error = play(&ends(dialogue!("pad-verify"), "63 C2", ""), verify_at_keys).unwrap_err();
    assert_eq!((error.kind(), error.tries_left()), ("wrong-secret", Some(2)));
    let error = play(&ends(dialogue!("pad-verify"), "69 83", ""), verify_at_keys).unwrap_err();
    assert_eq!(error.kind(), "blocked");
    // Mistyped the second time.
    let error = play(&ends(dialogue!("pad-change"), "63 C2", ""), change_at_keys).unwrap_err();
    assert_eq!((error.kind(), error.tries_left()), ("wrong-secret", Some(2)));
    let error = play(&ends(dialogue!("pad-change"), "67 00", &counter(3)), change_at_keys).unwrap_err();
    assert_eq!(error.kind(), "new-value-refused");
}

#[test]
fn an_entry_that_came_to_nothing_is_told_as_that() {
    for (answer, told) in entries_that_came_to_nothing() {
        assert_eq!(play(&ends(dialogue!("pad-change"), answer, &counter(3)), change_at_keys), Err(told));
    }
    for (answer, told) in entries_that_came_to_nothing() {
        assert_eq!(play(&ends(dialogue!("pad-reset"), answer, ""), reset_at_keys), Err(told));
    }
    let spent = play(&ends(dialogue!("pad-verify"), "64 01", &counter(2)), verify_at_keys).unwrap_err();
    assert_eq!((spent.kind(), spent.tries_left()), ("wrong-secret", Some(2)));
}

#[test]
fn an_admin_key_is_not_typed_at_a_reader() {
    let asked = dialogue!("pad-verify").split("> reader 42330006").next().unwrap();
    let pad = play(asked, |gids| survey(gids, &[Role::UserPin]).pad);
    let Pad::Reader(reader) = pad else { panic!("{pad:?}") };
    let of_key = |needs: &[Need]| needs.iter().any(|need| need.role() == Role::AdminKey);
    assert!(reader.takes.iter().flat_map(|typed| &typed.commands).all(|command| !of_key(&command.needs)));
    let change = |gids: &mut dyn Token| gids.change(Role::AdminKey, &Entry::Pad, &Entry::Pad);
    assert_eq!(play("", change).unwrap_err().exit_code(), 7);
}
