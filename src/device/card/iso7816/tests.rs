//! The operations of each profile that is compiled in, by the bytes of the documents, and what cards answer to them.

use super::{Candidate, Kind, Memory, profile::Profile, profile::built_in};
use crate::{
    device::card::{
        apdu::Protocol,
        script::{Answering, as_token, entry, play},
    },
    error::{Error, Result},
    token::{Authority, Depth, Proof, Retries, Role, State, Token},
};

mod pad;
mod strange;

/// The dialogues of a card, of its PIN where it has several.
const CARDS: [(&str, Option<&str>, &str); 10] = [
    ("belgium", None, include_str!("dialogues/belgium.txt")),
    ("esteid-2018", Some("PIN1"), include_str!("dialogues/esteid-2018.txt")),
    ("esteid-2018", Some("PIN2"), include_str!("dialogues/esteid-2018-PIN2.txt")),
    ("esteid-2025", Some("PIN1"), include_str!("dialogues/esteid-2025.txt")),
    ("fineid-2022", Some("PIN1"), include_str!("dialogues/fineid-2022.txt")),
    ("isoapplet", None, include_str!("dialogues/isoapplet.txt")),
    ("itacns", None, include_str!("dialogues/itacns.txt")),
    ("latvia", Some("PIN1"), include_str!("dialogues/latvia.txt")),
    ("latvia", Some("PIN2"), include_str!("dialogues/latvia-PIN2.txt")),
    ("myeid", None, include_str!("dialogues/myeid.txt")),
];

/// A card of `profile` with contacts.
fn memory(profile: Profile, reference: Option<&str>) -> Memory {
    let kind = Kind::of(profile);
    let aids = (0..kind.profile().aid.len().max(1)).collect();
    Memory::new(Candidate { kind, aids }, &[0x3B, 0x00], reference)
}

fn known(name: &str, reference: Option<&str>) -> Memory {
    memory(built_in().unwrap().into_iter().find(|profile| profile.name == name).unwrap(), reference)
}

/// The dialogue of that heading, where the card has it.
fn section(dialogues: &'static str, heading: &str) -> Option<String> {
    let (_, rest) = dialogues.split_once(&format!("== {heading}\n"))?;
    Some(rest.split("== ").next()?.trim_end().to_owned())
}

/// Plays the dialogue of that heading with each card that has it.
fn with_each(heading: &str, work: fn(&mut dyn Token) -> Result<Proof>, check: impl Fn(&str, Result<Proof>)) {
    let mut played = 0;
    for (name, reference, dialogues) in CARDS {
        let Some(dialogue) = section(dialogues, heading) else { continue };
        let done = play(&mut known(name, reference), Protocol::T1, &dialogue, as_token(work));
        check(name, done);
        played += 1;
    }
    assert!(played > 8, "{played} of {heading}");
}

/// As an operation does it: the counter as the last command before, and the proof behind.
fn change(token: &mut dyn Token) -> Result<Proof> {
    token.retries(Role::UserPin)?;
    token.change(Role::UserPin, &entry("old"), &entry("new"))?;
    token.prove(Role::UserPin, &entry("new"))
}

fn verify(token: &mut dyn Token) -> Result<Proof> {
    token.retries(Role::UserPin)?;
    token.verify(Role::UserPin, &entry("old")).map(|()| Proof::Proved)
}

fn reset(token: &mut dyn Token) -> Result<Proof> {
    token.retries(Role::Puk)?;
    token.reset(Role::UserPin, Authority { role: Role::Puk, secret: &entry("puk") }, &entry("new"))?;
    token.retries_before_proof(Role::UserPin)?;
    token.prove(Role::UserPin, &entry("new"))
}

#[test]
fn every_profile_has_its_dialogues() {
    for profile in built_in().unwrap() {
        let dialogues: Vec<_> = CARDS.iter().filter(|(name, ..)| *name == profile.name).collect();
        assert!(!dialogues.is_empty(), "{}", profile.name);
        let resets = profile.references.iter().any(|reference| !reference.reset.is_empty());
        for heading in ["change", "wrong", "blocked"].iter().chain(resets.then_some(&"reset")) {
            assert!(dialogues.iter().all(|(.., text)| section(text, heading).is_some()), "{}: {heading}", profile.name);
        }
    }
}

#[test]
fn a_pin_is_changed_and_proved_in_the_bytes_of_the_documents() {
    with_each("change", change, |name, done| assert_eq!(done, Ok(Proof::Proved), "{name}"));
}

#[test]
fn a_pin_is_reset_by_the_puk_in_the_form_that_the_card_has() {
    with_each("reset", reset, |name, done| assert_eq!(done, Ok(Proof::Proved), "{name}"));
}

#[test]
fn a_wrong_pin_is_told_with_what_the_card_says_of_its_tries() {
    let left = Retries::Left { left: 2, limit: None };
    let wrong = Error::WrongSecret { role: Role::UserPin, retries: left, detail: Some("SW 63C2".into()) };
    with_each("wrong", verify, |name, done| assert_eq!(done.as_ref(), Err(&wrong), "{name}"));
}

#[test]
fn the_last_try_spent_is_blocked_and_by_this_call_where_its_counter_was_known() {
    with_each("blocked", verify, |name, done| match done {
        Err(Error::Blocked { role: Role::UserPin, now, .. }) => assert_eq!(now, name != "belgium", "{name}"),
        other => panic!("{name}: {other:?}"),
    });
}
