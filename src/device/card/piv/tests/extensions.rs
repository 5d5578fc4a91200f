//! Yubico's extensions: first PIN, limits, management key, and the way back to the state of delivery.

use super::{Answering, as_token, blocked, dialogue, entry, guard, left, reset, wrong};
use crate::{
    device::card::{apdu::Protocol, piv::*, script},
    token::{Need, Unit, Verb},
};

/// A card met for the first time, and challenges that the dialogues know: 01 02 03 and so on.
fn memory() -> Memory {
    let counting = |length: usize| Ok((1..).take(length).collect());
    Memory { random: Random(counting), ..Memory::default() }
}

fn play<R>(dialogue: &str, work: impl FnOnce(&mut dyn Token) -> R) -> R {
    script::play(&mut memory(), Protocol::T1, dialogue, as_token(work))
}

fn change_key_to(new: &'static str) -> impl FnOnce(&mut dyn Token) -> Result<()> {
    move |piv| {
        piv.survey(Depth::Only(&[Role::AdminKey])).unwrap();
        assert_eq!(piv.retries(Role::AdminKey), Ok(Retries::Unknown));
        piv.change(Role::AdminKey, &entry("key"), &entry(new))
    }
}

fn change_key(piv: &mut dyn Token) -> Result<()> {
    change_key_to("new-key")(piv)
}

fn change_key_and_prove(piv: &mut dyn Token) -> Result<Proof> {
    change_key(piv)?;
    piv.prove(Role::AdminKey, &entry("new-key"))
}

fn set(piv: &mut dyn Token) -> Result<()> {
    piv.survey(Depth::Full).unwrap();
    piv.retries(Role::UserPin).unwrap();
    piv.set(Role::UserPin, &entry("new"))
}

fn set_limits(piv: &mut dyn Token) -> Result<()> {
    piv.survey(Depth::Full).unwrap();
    piv.retries(Role::UserPin).unwrap();
    let (key, pin) = (entry("key"), entry("old"));
    let authorities =
        [Authority { role: Role::AdminKey, secret: &key }, Authority { role: Role::UserPin, secret: &pin }];
    piv.set_limits(&[(Role::UserPin, 5), (Role::Puk, 4)].into(), &authorities)
}

fn erase(piv: &mut dyn Token) -> Result<()> {
    piv.survey(Depth::Full).unwrap();
    piv.erase()
}

fn can(survey: &Survey) -> Vec<Verb> {
    survey.abilities.iter().map(|able| able.verb).collect()
}

#[test]
fn a_management_key_is_changed_by_mutual_authentication_and_proved_by_another() {
    for dialogue in [
        dialogue!("admin-key-change"),
        dialogue!("admin-key-change-nitrokey"),
        dialogue!("admin-key-change-old"),
        dialogue!("admin-key-change-same-length"),
    ] {
        assert_eq!(play(dialogue, change_key_and_prove), Ok(Proof::Proved));
    }
}

#[test]
fn the_touch_policy_of_a_management_key_stays() {
    assert_eq!(play(dialogue!("admin-key-change-touch"), change_key), Ok(()));
    let cached =
        dialogue!("admin-key-change-touch").replace("02 02 00 02", "02 02 00 03").replace("FF FF FE", "FF FF FD");
    assert_eq!(play(&cached, change_key), Ok(()));
}

#[test]
fn a_management_key_of_another_length_is_of_the_type_that_it_implies() {
    let done = play(dialogue!("admin-key-change-longer"), |piv| {
        change_key_to("long-key")(piv)?;
        piv.prove(Role::AdminKey, &entry("long-key"))
    });
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn a_wrong_management_key_is_told_as_wrong_without_a_number_however_the_card_says_it() {
    for (status, said) in [("69 82", "6982"), ("6A 80", "6A80"), ("63 00", "6300")] {
        let dialogue = dialogue!("admin-key-change-wrong").replace("69 82", status);
        assert_eq!(play(&dialogue, change_key), wrong(Role::AdminKey, Retries::Unknown, said));
    }
}

#[test]
fn a_card_that_does_not_prove_itself_gets_no_new_key() {
    let error = play(dialogue!("admin-key-change-unproved"), change_key).unwrap_err();
    assert_eq!(error.kind(), "device", "{error}");
}

#[test]
fn a_new_management_key_that_the_card_refuses_is_told_as_such() {
    let error = play(dialogue!("admin-key-change-refused"), change_key).unwrap_err();
    assert_eq!((error.kind(), error.role()), ("new-value-refused", Some(Role::AdminKey)));
}

#[test]
fn a_card_without_such_a_key_cannot_do_it_and_gets_nothing() {
    for status in ["6A 86", "6A 80", "6A 88", "6D 00"] {
        let error = play(&dialogue!("admin-key-change-unknown").replace("6A 86", status), change_key).unwrap_err();
        assert_eq!(error.exit_code(), 7, "{status}: {error}");
    }
    let survey = play(dialogue!("admin-key-plain"), |piv| piv.survey(Depth::Only(&[Role::AdminKey])).unwrap());
    assert_eq!(can(&survey), [Verb::PinChange, Verb::PinVerify, Verb::PinReset, Verb::PukChange]);
    assert_eq!(survey.limit_rules, None);
}

#[test]
fn a_present_key_of_a_length_that_cannot_be_is_not_used() {
    let (survey, reserved) =
        dialogue!("admin-key-change").split_at(dialogue!("admin-key-change").find("> 00 87").unwrap());
    assert!(reserved.contains("FF FF FF"));
    let refused = play(survey, |piv| {
        let survey = piv.survey(Depth::Only(&[Role::AdminKey])).unwrap();
        let key = survey.reference(Role::AdminKey).unwrap();
        assert_eq!((key.current_length, key.length.unit), (Some((48, 48)), Unit::HexDigits));
        piv.change(Role::AdminKey, &entry("long-key"), &entry("new-key"))
    });
    let Err(Error::Policy(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains(Need::Current(Role::AdminKey).option()) && why.contains("48 hexadecimal digits"), "{why}");
}

#[test]
fn the_first_pin_replaces_the_one_of_delivery() {
    assert_eq!(
        play(dialogue!("set"), |piv| {
            set(piv)?;
            piv.prove(Role::UserPin, &entry("new"))
        }),
        Ok(Proof::Proved)
    );
    assert_eq!(play(dialogue!("set-wrong"), set), wrong(Role::UserPin, left(2), "63C2"));
}

#[test]
fn a_pin_that_another_program_has_set_meanwhile_loses_no_try_to_the_value_of_delivery() {
    let set_later = |later| {
        let mut memory = memory();
        let survey = dialogue!("set").split("> 00 20 00 80").next().unwrap();
        script::play(&mut memory, Protocol::T1, survey, as_token(|piv| piv.survey(Depth::Full).unwrap()));
        script::play(
            &mut memory,
            Protocol::T1,
            later,
            as_token(|piv| {
                assert_eq!(piv.retries(Role::UserPin), Ok(left(3)));
                piv.set(Role::UserPin, &entry("new"))
            }),
        )
    };
    let refused = set_later(dialogue!("set-meanwhile")).unwrap_err();
    assert_eq!(refused.exit_code(), 7);
    assert!(refused.to_string().contains("is set already"), "{refused}");
    assert_eq!(set_later(dialogue!("set-after-typing")), wrong(Role::UserPin, left(2), "6300"));
}

#[test]
fn limits_are_set_by_management_key_and_pin_and_new_values_follow_at_once() {
    play(dialogue!("retries-set"), |piv| {
        set_limits(piv).unwrap();
        piv.set(Role::UserPin, &entry("new")).unwrap();
        piv.set(Role::Puk, &entry("new-puk")).unwrap();
        assert_eq!(piv.retries(Role::UserPin), Ok(left(5)));
        assert_eq!(piv.retries(Role::Puk), Ok(Retries::counted(4, Some(4))));
    });
}

#[test]
fn a_wrong_secret_sets_no_limits() {
    assert_eq!(play(dialogue!("retries-set-wrong-key"), set_limits), wrong(Role::AdminKey, Retries::Unknown, "6982"));
    assert_eq!(play(dialogue!("retries-set-wrong-pin"), set_limits), wrong(Role::UserPin, left(2), "63C2"));
    let last = dialogue!("retries-set-wrong-pin").replace("63 C3", "63 C1").replace("63 C2", "69 83");
    assert_eq!(play(&last, set_limits), blocked(Role::UserPin, true, "6983"));
}

#[test]
fn limits_that_the_card_does_not_take_are_nothing_it_can_do_and_nothing_is_lost() {
    for status in ["6A 86", "6D 00", "6A 81", "69 82", "69 85"] {
        let error = play(&dialogue!("retries-set-refused").replace("6A 86", status), set_limits).unwrap_err();
        assert_eq!(error.exit_code(), 7, "{status}");
        assert!(error.to_string().contains("stay as they are"), "{error}");
    }
}

#[test]
fn a_card_pulled_while_it_sets_its_limits_may_have_its_values_of_delivery() {
    let error = play(dialogue!("retries-set-pulled"), set_limits).unwrap_err();
    assert_eq!(error.exit_code(), 8);
    assert!(error.to_string().contains("values of delivery"), "{error}");
}

#[test]
fn an_application_is_erased_behind_a_blocked_puk_and_pin() {
    assert_eq!(
        play(dialogue!("erase"), |piv| {
            erase(piv)?;
            piv.retries(Role::UserPin)
        }),
        Ok(left(3))
    );
    assert_eq!(play(dialogue!("erase-without-numbers"), erase), Ok(()));
    assert_eq!(play(dialogue!("erase-right-guess"), erase), Ok(()));
}

#[test]
fn an_erasure_that_comes_to_nothing_says_what_is_blocked_by_then() {
    for (dialogue, said) in [
        (dialogue!("erase-puk-does-not-fall"), "the PUK cannot be blocked"),
        (dialogue!("erase-pin-does-not-fall"), "the PUK is blocked, but the PIN cannot be"),
        (dialogue!("erase-refused"), "PIN and PUK are blocked"),
    ] {
        let error = play(dialogue, erase).unwrap_err();
        assert_eq!(error.exit_code(), 8);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_card_that_knows_no_way_back_is_asked_before_anything_is_blocked() {
    for status in ["6D 00", "6A 81", "6A 86"] {
        let error = play(&dialogue!("erase-unknown").replace("6D 00", status), erase).unwrap_err();
        assert_eq!(error.exit_code(), 7, "{status}: {error}");
    }
}

#[test]
fn nothing_is_tried_more_often_than_a_counter_can_count() {
    // It shows no more than 15, so that a counter above that is not seen to fall.
    let mut card = Answering::new(|apdu: &[u8]| match apdu[1] {
        0x20 | 0x2C => vec![0x63, 0xCF],
        _ => vec![0x90, 0x00],
    });
    card.meet(&mut memory(), as_token(|piv| piv.erase())).unwrap_err();
    assert_eq!(card.sent.iter().filter(|apdu| apdu[1] == 0x2C).count(), 255);
    assert!(!card.sent.iter().any(|apdu| apdu[1] == 0x20), "the PIN is left alone");
}

#[test]
fn a_reset_by_the_puk_takes_five_commands_with_metadata_and_without() {
    let reset_and_prove = |piv: &mut dyn Token| {
        reset(piv)?;
        let before = piv.retries_before_proof(Role::UserPin)?;
        piv.prove(Role::UserPin, &entry("new")).map(|proof| (before, proof))
    };
    assert_eq!(play(dialogue!("reset-yubico"), reset_and_prove), Ok((left(3), Proof::Proved)));
    assert_eq!(play(dialogue!("reset"), reset_and_prove), Ok((Retries::Unknown, Proof::Proved)));
    for dialogue in [dialogue!("reset-yubico"), dialogue!("reset")] {
        assert_eq!(dialogue.lines().filter(|line| line.starts_with('>')).count(), 5);
    }
}

#[test]
fn the_counter_is_spared_only_behind_a_reset_that_was_done() {
    let counter = play(dialogue!("counter"), |piv| {
        piv.survey(Depth::Only(&[Role::UserPin])).unwrap();
        piv.retries_before_proof(Role::UserPin)
    });
    assert_eq!(counter, Ok(left(1)));
}

#[test]
fn a_full_survey_tells_version_and_management_key_where_the_card_does() {
    let survey = play(dialogue!("status-yubico"), |piv| piv.survey(Depth::Full).unwrap());
    assert_eq!(survey.identity.model.as_ref().map(Text::lossless).as_deref(), Some("PIV 5.4.3"));
    let key = survey.reference(Role::AdminKey).unwrap();
    assert_eq!((key.name, key.key_reference, key.default), ("management key", Some(0x9B), Some(true)));
    assert_eq!(key.retries, Retries::Unknown);
    assert!(can(&survey).contains(&Verb::RetriesSet) && survey.limit_rules.is_some());
    assert_eq!(survey.notes, [""; 0]);
    let touch = dialogue!("status-yubico").replace("02 02 00 01", "02 02 00 02");
    assert_eq!(play(&touch, |piv| piv.survey(Depth::Full).unwrap().notes.len()), 1);
}

#[test]
fn a_card_without_a_puk_is_offered_nothing_that_needs_one() {
    let survey = play(dialogue!("status-without-puk"), |piv| piv.survey(Depth::Full).unwrap());
    assert_eq!(can(&survey), [Verb::PinChange, Verb::PinVerify, Verb::PinSet, Verb::AdminKeyChange]);
    assert_eq!(survey.reference(Role::UserPin).unwrap().retries, Retries::counted(8, Some(8)));
}

#[test]
fn a_survey_takes_seven_commands_whatever_the_card_tells() {
    let survey = play(dialogue!("status-metadata-and-chuid"), |piv| piv.survey(Depth::Full).unwrap());
    assert!(survey.reference(Role::AdminKey).is_none());
    for word in [0x9000_u16, 0x6A88, 0x6A80, 0x6D00, 0x6982, 0x63C3] {
        for body in [&[][..], &[0x05, 0x01, 0x01], &[0x06, 0x02, 0x03, 0x03]] {
            let mut card = Answering::new(|apdu: &[u8]| match apdu[1] {
                0xA4 => vec![0x90, 0x00],
                0xF7 => [body, &word.to_be_bytes()].concat(),
                _ => word.to_be_bytes().to_vec(),
            });
            card.meet(&mut memory(), as_token(|piv| piv.survey(Depth::Full))).unwrap();
            assert!(card.sent.len() <= 7, "{word:04X} {body:02X?}: {:02X?}", card.sent);
        }
    }
}

#[test]
fn metadata_that_is_refused_for_the_puk_alone_is_still_asked_for_the_pin() {
    play(dialogue!("puk-of-unknown-metadata"), |piv| {
        assert_eq!(guard(piv, Role::Puk), Retries::Unknown);
        let pin = piv.survey(Depth::Full).unwrap().references.remove(0);
        assert_eq!((pin.retries, pin.default), (Retries::counted(3, Some(3)), Some(true)));
    });
}
