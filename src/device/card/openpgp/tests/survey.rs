//! What a survey says of OpenPGP cards.

use super::*;

/// The whole of it, as `status` wants it.
fn survey(dialogue: &str) -> Survey {
    play(dialogue, |card| card.survey(Depth::Full).unwrap())
}

fn can(survey: &Survey) -> Vec<Verb> {
    let mut verbs: Vec<Verb> = survey.abilities.iter().map(|able| able.verb).collect();
    verbs.dedup();
    verbs
}

#[test]
fn each_reference_has_its_tries_and_lengths() {
    let survey = survey(dialogue!("status"));
    let told: Vec<_> = survey
        .references
        .iter()
        .map(|own| (own.role, own.name, own.key_reference, own.state, own.retries, own.length.min, own.length.max))
        .collect();
    assert_eq!(
        told,
        [
            (Role::UserPin, "PIN", Some(0x81), State::Ready, left(3), 6, Some(127)),
            (Role::ResetCode, "reset code", None, State::Unset, Retries::Blocked, 8, Some(127)),
            (Role::SoPin, "Admin PIN", Some(0x83), State::Ready, left(3), 8, Some(127)),
        ]
    );
    assert_eq!(survey.identity.serial, Some(Text::from("00DEC0DE")));
    assert_eq!(survey.identity.model, Some(Text::from("OpenPGP card 3.4")));
    assert!(survey.notes.is_empty() && survey.limit_rules.is_none());
    assert!(can(&survey).contains(&Verb::TokenErase) && !can(&survey).contains(&Verb::RetriesSet));
}

#[test]
fn yubico_s_keys_have_their_printed_number_and_limits_that_can_be_set() {
    let survey = survey(dialogue!("status-yubico"));
    assert_eq!(survey.identity.serial, Some(Text::from("5437251")));
    assert_eq!(survey.identity.manufacturer, Some(Text::from("Yubico")));
    assert!(can(&survey).contains(&Verb::RetriesSet));
    assert_eq!(survey.limit_rules.map(|rules| rules.restores), Some(&[][..]));
}

#[test]
fn a_card_that_tells_no_life_cycle_cannot_be_erased_and_one_without_a_kdf_do_is_no_riddle() {
    let survey = survey(dialogue!("status-v2"));
    assert!(!can(&survey).contains(&Verb::TokenErase));
    assert!(can(&survey).contains(&Verb::PinChange) && survey.notes.is_empty());
    assert_eq!(survey.reference(Role::UserPin).map(|pin| pin.length.max), Some(Some(32)));
}

#[test]
fn a_card_of_version_1_is_shown_and_left_alone() {
    let survey = survey(dialogue!("status-v1"));
    assert_eq!((&*survey.abilities, survey.notes.as_slice()), (&[][..], &[TOO_OLD][..]));
    assert_eq!(survey.reference(Role::UserPin).map(|pin| pin.retries), Some(left(3)));
}

#[test]
fn a_terminated_card_says_so_and_can_only_be_erased() {
    for dialogue in [dialogue!("status-terminated"), dialogue!("status-terminated-silently")] {
        let survey = survey(dialogue);
        assert_eq!((can(&survey), survey.notes.as_slice()), (vec![Verb::TokenErase], &[HALF_ERASED][..]));
        assert!(survey.references.is_empty());
    }
}

#[test]
fn kdf_is_noted_and_limits_no_pin() {
    let survey = survey(dialogue!("status-kdf"));
    assert_eq!(survey.notes, [KDF_IS_ON]);
    let pin = survey.reference(Role::UserPin).unwrap();
    assert_eq!((pin.length.min, pin.length.max, pin.current_length), (6, None, Some((6, Pin::MOST))));
}

#[test]
fn a_kdf_that_is_not_understood_is_noted_and_no_failure_of_a_survey() {
    for dialogue in [dialogue!("kdf-unreadable"), dialogue!("status-kdf-malformed")] {
        assert_eq!(survey(dialogue).notes, [KDF_IS_UNCLEAR]);
    }
}

#[test]
fn who_it_is_takes_two_commands_and_another_card_is_none_of_ours() {
    let identify = |dialogue: &str| {
        script::play(&mut Memory::default(), Protocol::T1, dialogue, |card, channel| card.identify(channel))
    };
    assert_eq!(identify(dialogue!("identify")), Ok(Some(Text::from("5437251"))));
    assert_eq!(identify(dialogue!("no-application")).unwrap_err().kind(), "no-token");
    assert_eq!(identify(dialogue!("status-terminated")), Ok(None));
}
