//! Dialogues with OpenPGP cards, replayed: one for each operation, and one for each way in which cards differ.

mod oracle;
mod pad;
mod survey;

use super::*;
use crate::{
    device::card::{
        apdu::Protocol,
        script::{self, as_token, entry},
    },
    token::Verb,
};

macro_rules! dialogue {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/device/card/openpgp/dialogues/", $name, ".txt"))
    };
}
use dialogue;

/// Lets `work` meet an OpenPGP card for the first time, under T=1.
fn play<R>(dialogue: &str, work: impl FnOnce(&mut dyn Token) -> R) -> R {
    script::play(&mut Memory::default(), Protocol::T1, dialogue, as_token(work))
}

/// What comes before the command that spends a try: the survey, and the counter.
fn guard(card: &mut dyn Token, role: Role) -> Retries {
    card.survey(Depth::Only(&[role])).unwrap();
    card.retries(role).unwrap()
}

fn change_with(card: &mut dyn Token, old: &str) -> Result<()> {
    guard(card, Role::UserPin);
    card.change(Role::UserPin, &entry(old), &entry("new"))
}

fn change(card: &mut dyn Token) -> Result<()> {
    change_with(card, "old")
}

fn change_and_prove(card: &mut dyn Token) -> Result<Proof> {
    change(card)?;
    card.prove(Role::UserPin, &entry("new"))
}

fn change_admin(card: &mut dyn Token) -> Result<Proof> {
    guard(card, Role::SoPin);
    card.change(Role::SoPin, &entry("admin"), &entry("new-admin"))?;
    card.prove(Role::SoPin, &entry("new-admin"))
}

fn verify(card: &mut dyn Token) -> Result<()> {
    guard(card, Role::UserPin);
    card.verify(Role::UserPin, &entry("old"))
}

/// Who stands behind it, and the secret of that.
fn by(role: Role, secret: &Entry) -> Authority<'_> {
    Authority { role, secret }
}

/// As a step confirms it: the counter is asked for only where the proof could block the PIN.
fn reset(card: &mut dyn Token, role: Role, secret: &str) -> Result<Proof> {
    guard(card, role);
    card.reset(Role::UserPin, by(role, &entry(secret)), &entry("new"))?;
    if card.retries_before_proof(Role::UserPin)?.is_last() {
        return Ok(Proof::NotPossible("one try is left"));
    }
    card.prove(Role::UserPin, &entry("new"))
}

fn reset_by_admin(card: &mut dyn Token) -> Result<Proof> {
    reset(card, Role::SoPin, "admin")
}

fn reset_by_code(card: &mut dyn Token) -> Result<Proof> {
    reset(card, Role::ResetCode, "code")
}

fn set_code(card: &mut dyn Token) -> Result<Proof> {
    guard(card, Role::SoPin);
    card.reset(Role::ResetCode, by(Role::SoPin, &entry("admin")), &entry("code"))?;
    assert_eq!(card.retries_before_proof(Role::ResetCode), Ok(Retries::Unknown));
    card.prove(Role::ResetCode, &entry("code"))
}

fn clear_code(card: &mut dyn Token) -> Result<Retries> {
    guard(card, Role::SoPin);
    card.clear(Role::ResetCode, by(Role::SoPin, &entry("admin")))?;
    card.retries(Role::ResetCode)
}

fn erase(card: &mut dyn Token) -> Result<Retries> {
    card.survey(Depth::Full).unwrap();
    card.erase()?;
    card.retries(Role::UserPin)
}

fn left(left: u8) -> Retries {
    Retries::counted(left, None)
}

fn wrong<T>(role: Role, retries: Retries, status: &str) -> Result<T> {
    Err(Error::WrongSecret { role, retries, detail: Some(format!("SW {status}")) })
}

fn blocked<T>(role: Role, status: &str) -> Result<T> {
    Err(Error::Blocked { role, now: true, detail: Some(format!("SW {status}")) })
}

/// The words that cards have for a wrong value, the last one and a blocked one (protocols differ; DO C4 does not).
const REFUSALS: [&str; 6] = ["63 C2", "63 C0", "69 82", "69 83", "63 00", "67 00"];

#[test]
fn a_change_is_proved_by_the_new_value_in_six_commands() {
    assert_eq!(play(dialogue!("change"), change_and_prove), Ok(Proof::Proved));
    assert_eq!(dialogue!("change").lines().filter(|line| line.starts_with('>')).count(), 6);
}

#[test]
fn whether_pins_are_hashed_is_asked_again_after_a_person_has_typed() {
    let mut memory = Memory::default();
    script::play(&mut memory, Protocol::T1, dialogue!("status"), as_token(|card| card.survey(Depth::Full).unwrap()));
    let changed = script::play(
        &mut memory,
        Protocol::T1,
        dialogue!("change"),
        as_token(|card| {
            assert_eq!(card.retries(Role::UserPin), Ok(left(3)));
            card.change(Role::UserPin, &entry("old"), &entry("new"))?;
            card.prove(Role::UserPin, &entry("new"))
        }),
    );
    assert_eq!(changed, Ok(Proof::Proved));
}

#[test]
fn under_t0_the_same_change_takes_the_forms_of_that_protocol() {
    let done = script::play(&mut Memory::default(), Protocol::T0, dialogue!("change-t0"), as_token(change_and_prove));
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn the_counter_tells_a_wrong_value_whatever_the_status_word_says() {
    for status in REFUSALS {
        let said = status.replace(' ', "");
        let told = |dialogue: &str| dialogue.replacen("63 C2", status, 1).replacen("63 C0", status, 1);
        assert_eq!(play(&told(dialogue!("change-wrong")), change), wrong(Role::UserPin, left(2), &said));
        assert_eq!(play(&told(dialogue!("verify-wrong")), verify), wrong(Role::UserPin, left(2), &said));
        assert_eq!(play(&told(dialogue!("change-blocks")), change), blocked(Role::UserPin, &said));
        assert_eq!(play(&told(dialogue!("so-change-wrong")), change_admin), wrong(Role::SoPin, left(2), &said));
        assert_eq!(play(&told(dialogue!("reset-admin-wrong")), reset_by_admin), wrong(Role::SoPin, left(2), &said));
        assert_eq!(play(&told(dialogue!("reset-code-wrong")), reset_by_code), wrong(Role::ResetCode, left(2), &said));
        assert_eq!(play(&told(dialogue!("reset-code-blocks")), reset_by_code), blocked(Role::ResetCode, &said));
    }
}

#[test]
fn refused_with_no_try_gone_is_the_card_and_not_the_pin() {
    for work in [change as fn(&mut dyn Token) -> Result<()>, verify] {
        let error = play(dialogue!("refused-unspent"), work).unwrap_err();
        assert_eq!((error.exit_code(), error.detail()), (8, Some("SW 6982")));
    }
}

#[test]
fn a_card_that_falls_silent_after_a_refusal_leaves_the_tries_unknown() {
    assert_eq!(play(dialogue!("change-mute"), change), wrong(Role::UserPin, Retries::Unknown, "6982"));
}

#[test]
fn the_old_pin_with_one_character_too_many_is_wrong_and_no_change_is_sent() {
    let surplus = |card: &mut dyn Token| change_with(card, "surplus");
    assert_eq!(play(dialogue!("change-surplus"), surplus), wrong(Role::UserPin, left(2), "63C2"));
}

#[test]
fn what_is_refused_after_a_right_value_is_the_new_one() {
    for status in ["67 00", "6A 80", "69 85", "69 82"] {
        let refused = play(&dialogue!("change-new-refused").replace("67 00", status), change).unwrap_err();
        assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)), "{status}");
        let refused =
            play(&dialogue!("reset-admin-refused").replace("< 69 82", &format!("< {status}")), reset_by_admin);
        assert_eq!(refused.unwrap_err().kind(), "new-value-refused", "{status}");
    }
    let refused = play(dialogue!("reset-code-new-refused"), reset_by_code).unwrap_err();
    assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)));
}

#[test]
fn an_admin_pin_is_changed_likewise() {
    assert_eq!(play(dialogue!("so-change"), change_admin), Ok(Proof::Proved));
}

#[test]
fn a_pin_is_verified_in_both_ways_and_not_in_the_second_where_the_first_refuses_it() {
    assert_eq!(play(dialogue!("verify"), verify), Ok(()));
    assert_eq!(play(dialogue!("verify-wrong"), verify), wrong(Role::UserPin, left(2), "63C2"));
    assert_eq!(play(dialogue!("verify-refused-in-one-way"), verify), wrong(Role::UserPin, left(2), "6982"));
}

#[test]
fn a_reset_is_proved_by_the_new_pin_and_asks_for_the_counter_only_where_one_try_was_left() {
    assert_eq!(play(dialogue!("reset-admin"), reset_by_admin), Ok(Proof::Proved));
    assert_eq!(play(dialogue!("reset-admin-at-last-try"), reset_by_admin), Ok(Proof::Proved));
    assert!(matches!(play(dialogue!("reset-admin-lied"), reset_by_admin), Ok(Proof::NotPossible(_))));
    assert_eq!(play(dialogue!("reset-code"), reset_by_code), Ok(Proof::Proved));
}

#[test]
fn a_reset_code_is_proved_by_its_counter_where_that_can_tell() {
    assert_eq!(play(dialogue!("code-set"), set_code), Ok(Proof::Proved));
    assert!(matches!(play(dialogue!("code-set-again"), set_code), Ok(Proof::NotPossible(_))));
    assert_eq!(play(dialogue!("code-clear"), clear_code), Ok(Retries::Blocked));
}

#[test]
fn a_card_that_wants_a_reset_code_cannot_have_it_cleared() {
    assert_eq!(play(dialogue!("code-clear-refused"), clear_code).unwrap_err().exit_code(), 7);
}

fn set_limits(card: &mut dyn Token) -> Result<()> {
    card.survey(Depth::Full)?;
    let limits = Limits::from([(Role::UserPin, 5), (Role::ResetCode, 4), (Role::SoPin, 3)]);
    card.set_limits(&limits, &[by(Role::SoPin, &entry("admin"))])?;
    assert_eq!((card.retries(Role::UserPin), card.retries(Role::SoPin)), (Ok(left(5)), Ok(left(3))));
    Ok(())
}

#[test]
fn limits_are_set_in_the_order_of_the_command_and_proved_by_the_counters() {
    assert_eq!(play(dialogue!("limits"), set_limits), Ok(()));
}

#[test]
fn a_yubikey_neo_has_its_pins_changed_from_those_of_delivery_at_once() {
    play(dialogue!("limits-neo"), |card| {
        set_limits(card).unwrap();
        for (role, new) in [(Role::UserPin, "new"), (Role::SoPin, "new-admin")] {
            card.set(role, &entry(new)).unwrap();
            assert_eq!(card.prove(role, &entry(new)), Ok(Proof::Proved));
        }
    });
}

#[test]
fn erasing_blocks_both_pins_first_and_never_goes_on_where_a_counter_stands_still() {
    assert_eq!(play(dialogue!("erase"), erase), Ok(left(3)));
    for stopped in [dialogue!("erase-counter-stands-still"), dialogue!("erase-other-error")] {
        assert_eq!(play(stopped, erase).unwrap_err().exit_code(), 8);
    }
}

#[test]
fn an_erasure_that_comes_to_nothing_says_what_is_blocked_by_then() {
    for (dialogue, said) in [
        (dialogue!("erase-admin-stands-still"), "the PIN is blocked, but the SO PIN cannot be"),
        (dialogue!("erase-refused"), "the PIN and the SO PIN are blocked"),
        (dialogue!("erase-not-activated"), "does not become active again"),
    ] {
        let error = play(dialogue, erase).unwrap_err();
        assert_eq!(error.exit_code(), 8, "it can do nothing else now: {error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn an_erasure_that_was_begun_is_ended() {
    assert_eq!(play(dialogue!("erase-ended"), erase), Ok(left(3)));
}

#[test]
fn with_kdf_on_the_wrong_values_are_as_long_as_right_ones_and_kdf_is_off_afterwards() {
    assert_eq!(play(dialogue!("erase-kdf"), erase), Ok(left(3)));
    assert_eq!(play(dialogue!("erase-kdf-stays"), erase), Ok(left(3)));
    assert_eq!(play(dialogue!("erase-kdf-stays-hashed"), erase), Ok(left(3)));
}

#[test]
fn with_kdf_on_the_card_gets_hashes() {
    assert_eq!(play(dialogue!("kdf-change"), change_and_prove), Ok(Proof::Proved));
    assert_eq!(play(dialogue!("kdf-reset-code"), reset_by_code), Ok(Proof::Proved));
}

#[test]
fn a_value_that_the_card_would_not_understand_is_not_sent() {
    for dialogue in [dialogue!("kdf-unreadable"), dialogue!("kdf-malformed"), dialogue!("kdf-too-long")] {
        let error = play(dialogue, change).unwrap_err();
        assert_eq!(error.exit_code(), 8, "{error}");
        assert!(error.to_string().contains("KDF"), "{error}");
    }
    assert_eq!(play(dialogue!("pin-blocks"), change).unwrap_err().exit_code(), 7);
}
