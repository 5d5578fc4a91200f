//! Dialogues with GIDS cards, replayed: one for each operation, and one for each way in which cards differ.

mod pad;

use super::*;
use crate::device::card::{
    apdu::Protocol,
    script::{self, as_token, entry},
};

macro_rules! dialogue {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/device/card/gids/dialogues/", $name, ".txt"))
    };
}
use dialogue;

/// A card met for the first time, and random bytes that are none: 00 to 16 in hexadecimal.
fn memory() -> Memory {
    fn counted() -> Result<[u8; 23]> {
        let mut bytes = [0; 23];
        bytes.iter_mut().zip(0..).for_each(|(byte, number)| *byte = number);
        Ok(bytes)
    }
    Memory { random: counted, ..Memory::default() }
}

fn play<R>(dialogue: &str, work: impl FnOnce(&mut dyn Token) -> R) -> R {
    script::play(&mut memory(), Protocol::T1, dialogue, as_token(work))
}

fn survey(gids: &mut dyn Token, roles: &[Role]) -> Survey {
    gids.survey(Depth::Only(roles)).unwrap()
}

fn verify(gids: &mut dyn Token) -> Result<()> {
    survey(gids, &[Role::UserPin]);
    gids.retries(Role::UserPin)?;
    gids.verify(Role::UserPin, &entry("old"))
}

fn change_from(old: &'static str) -> impl FnOnce(&mut dyn Token) -> Result<Proof> {
    move |gids| {
        survey(gids, &[Role::UserPin]);
        gids.retries(Role::UserPin)?;
        gids.change(Role::UserPin, &entry(old), &entry("new"))?;
        gids.prove(Role::UserPin, &entry("new"))
    }
}

fn set(gids: &mut dyn Token) -> Result<Proof> {
    let state = gids.survey(Depth::Full)?.reference(Role::UserPin).unwrap().state;
    assert_eq!(state, State::Unset);
    gids.set(Role::UserPin, &entry("new"))?;
    prove(gids)
}

fn prove(gids: &mut dyn Token) -> Result<Proof> {
    gids.retries_before_proof(Role::UserPin)?;
    gids.prove(Role::UserPin, &entry("new"))
}

fn reset(gids: &mut dyn Token) -> Result<Proof> {
    survey(gids, &[Role::AdminKey]);
    assert_eq!(gids.retries(Role::AdminKey), Ok(Retries::Unknown));
    gids.reset(Role::UserPin, Authority { role: Role::AdminKey, secret: &entry("admin-key") }, &entry("new"))?;
    prove(gids)
}

fn change_key(gids: &mut dyn Token) -> Result<Proof> {
    survey(gids, &[Role::AdminKey]);
    gids.change(Role::AdminKey, &entry("admin-key"), &entry("new-admin-key"))?;
    gids.prove(Role::AdminKey, &entry("new-admin-key"))
}

/// Draws a challenge in one transaction and gives the response in the next.
fn respond(dialogue: &str) -> Result<Proof> {
    script::play(&mut memory(), Protocol::T1, dialogue, |application, channel| {
        as_token(|gids| {
            survey(gids, &[Role::Response]);
            assert_eq!(gids.challenge(), Ok(b"The qufc".to_vec()));
        })(application, channel);
        application.resume(Continuity::Kept)?;
        as_token(|gids| {
            assert_eq!(gids.retries(Role::Response), Ok(Retries::Unknown));
            let authority = Authority { role: Role::Response, secret: &entry("response") };
            gids.reset(Role::UserPin, authority, &entry("new"))?;
            prove(gids)
        })(application, channel)
    })
}

fn wrong<T>(role: Role, retries: Retries, status: &str) -> Result<T> {
    Err(Error::WrongSecret { role, retries, detail: Some(format!("SW {status}")) })
}

fn blocked<T>(role: Role, now: bool, status: &str) -> Result<T> {
    Err(Error::Blocked { role, now, detail: Some(format!("SW {status}")) })
}

fn left(left: u8) -> Retries {
    Retries::counted(left, None)
}

#[test]
fn a_change_takes_five_commands_the_old_pin_verified_first_and_the_new_one_proved() {
    assert_eq!(play(dialogue!("change"), change_from("old")), Ok(Proof::Proved));
    assert_eq!(dialogue!("change").matches("\n> ").count(), 5);
}

#[test]
fn a_wrong_old_pin_or_one_with_a_character_too_many_is_never_sent_by_change() {
    assert_eq!(play(dialogue!("change-wrong"), change_from("old")), wrong(Role::UserPin, left(2), "63C2"));
    assert_eq!(play(dialogue!("change-surplus"), change_from("surplus")), wrong(Role::UserPin, left(2), "63C2"));
}

#[test]
fn after_a_right_old_pin_whatever_the_card_says_of_a_change_is_about_the_new_one() {
    for status in ["67 00", "6A 80", "69 85", "63 C3", "69 82"] {
        let refused = play(&dialogue!("change-new-refused").replace("67 00", status), change_from("old")).unwrap_err();
        assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)), "{status}");
    }
}

#[test]
fn a_card_pulled_while_it_changes_is_a_failure_of_the_device() {
    assert_eq!(play(dialogue!("change-pulled"), change_from("old")), Err(Error::device("pulled", None)));
}

#[test]
fn a_pin_is_verified_and_a_wrong_one_told_with_the_tries_left() {
    assert_eq!(play(dialogue!("verify"), verify), Ok(()));
    assert_eq!(play(dialogue!("verify-wrong"), verify), wrong(Role::UserPin, left(2), "63C2"));
    let two_of_three = Retries::counted(2, Some(3));
    assert_eq!(play(dialogue!("verify-wrong-without-number"), verify), wrong(Role::UserPin, two_of_three, "6982"));
}

#[test]
fn the_last_try_spent_is_told_as_blocked_by_this_call_however_the_card_says_it() {
    assert_eq!(play(dialogue!("verify-blocks"), verify), blocked(Role::UserPin, true, "63C0"));
    assert_eq!(
        play(&dialogue!("verify-blocks").replace("63 C0", "69 83"), verify),
        blocked(Role::UserPin, true, "6983")
    );
    assert_eq!(play(dialogue!("verify-blocks-as-unusable"), verify), blocked(Role::UserPin, true, "6984"));
}

#[test]
fn a_pin_that_was_never_set_is_told_as_such_and_not_as_blocked() {
    assert_eq!(play(dialogue!("verify-unset"), verify), Err(Error::Unset { role: Role::UserPin }));
}

#[test]
fn the_counter_is_read_with_its_limit_or_else_by_a_verify_without_data() {
    let counter = |dialogue: &str| {
        play(dialogue, |gids| {
            survey(gids, &[Role::UserPin]);
            gids.retries(Role::UserPin).unwrap()
        })
    };
    assert_eq!(counter(dialogue!("counter")), Retries::counted(1, Some(3)));
    assert_eq!(counter(&dialogue!("counter").replace("97 01 01", "97 01 00")), Retries::Blocked);
    for (status, expected) in [("63 C1", left(1)), ("63 C0", Retries::Blocked), ("69 83", Retries::Blocked)] {
        assert_eq!(counter(&dialogue!("counter-by-verify").replace("63 C1", status)), expected, "{status}");
    }
}

#[test]
fn a_first_pin_is_set_where_there_is_none_with_everyone_logged_out_and_proved() {
    for status in ["69 84", "6A 88", "90 00"] {
        let dialogue = dialogue!("set").replace("69 84", status);
        assert_eq!(play(&dialogue, set), Ok(Proof::Proved), "{status}");
    }
}

#[test]
fn where_there_is_a_pin_none_is_set() {
    let state = |gids: &mut dyn Token| {
        gids.survey(Depth::Full).unwrap().reference(Role::UserPin).map(|reference| reference.state)
    };
    assert_eq!(play(dialogue!("set-is-set"), state), Some(State::Ready));
    assert_eq!(play(dialogue!("set-refused"), set).unwrap_err().exit_code(), 7);
}

#[test]
fn a_reset_by_the_admin_key_takes_seven_commands_in_either_form() {
    assert_eq!(play(dialogue!("reset"), reset), Ok(Proof::Proved));
    assert_eq!(play(dialogue!("reset-external"), reset), Ok(Proof::Proved));
    for dialogue in [dialogue!("reset"), dialogue!("reset-external")] {
        assert_eq!(dialogue.matches("\n> ").count(), 7);
    }
}

#[test]
fn under_t0_the_same_reset_takes_the_forms_of_that_protocol() {
    let done = script::play(&mut memory(), Protocol::T0, dialogue!("reset-t0"), as_token(reset));
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn a_wrong_admin_key_is_told_and_not_tried_a_second_time() {
    for dialogue in [dialogue!("reset-wrong"), dialogue!("reset-wrong-external")] {
        let refused = |status: &str| play(&dialogue.replace("69 82", status), reset);
        assert_eq!(refused("69 82"), wrong(Role::AdminKey, Retries::Unknown, "6982"));
        assert_eq!(refused("63 00"), wrong(Role::AdminKey, Retries::Unknown, "6300"));
        // A card that does count.
        assert_eq!(refused("63 C4"), wrong(Role::AdminKey, left(4), "63C4"));
        assert_eq!(refused("69 83"), blocked(Role::AdminKey, false, "6983"));
    }
}

#[test]
fn a_card_that_does_not_prove_its_own_key_gets_no_new_pin() {
    assert_eq!(play(dialogue!("reset-unproved"), reset).unwrap_err().kind(), "device");
}

#[test]
fn a_new_pin_that_is_refused_at_a_reset_is_told_as_such_whatever_the_status_word() {
    for status in ["67 00", "6A 80", "69 82"] {
        let refused = play(&dialogue!("reset-new-refused").replace("67 00", status), reset).unwrap_err();
        assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)), "{status}");
    }
}

#[test]
fn what_is_no_key_of_this_card_is_never_sent() {
    let unsent = play("# nothing is sent\n", |gids| {
        let authority = Authority { role: Role::AdminKey, secret: &entry("old") };
        [
            gids.reset(Role::UserPin, authority, &entry("new")),
            gids.change(Role::AdminKey, &entry("admin-key"), &entry("puk")),
        ]
    });
    assert_eq!(unsent.map(|refused| refused.unwrap_err().exit_code()), [6, 6]);
}

#[test]
fn a_new_admin_key_is_proved_by_authentication() {
    assert_eq!(play(dialogue!("admin-key-change"), change_key), Ok(Proof::Proved));
    let refused = play(dialogue!("admin-key-change-refused"), change_key).unwrap_err();
    assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::AdminKey)));
}

#[test]
fn the_response_is_the_very_next_command_after_the_challenge() {
    assert_eq!(respond(dialogue!("challenge")), Ok(Proof::Proved));
}

#[test]
fn a_wrong_response_is_told_as_wrong_where_the_application_is_selected_still() {
    assert_eq!(respond(dialogue!("response-wrong")), wrong(Role::Response, Retries::Unknown, "6982"));
    assert_eq!(respond(dialogue!("response-elsewhere")), Err(Error::Stale));
}

#[test]
fn a_response_to_a_challenge_that_is_open_no_longer_is_stale_and_no_wrong_one() {
    for status in ["69 85", "6A 82", "6A 88", "6A 86", "6A 80", "6D 00", "6E 00", "67 00"] {
        assert_eq!(respond(&dialogue!("response-stale").replace("69 85", status)), Err(Error::Stale), "{status}");
    }
}

#[test]
fn a_challenge_is_lost_by_a_reset_and_the_next_one_is_drawn_from_the_beginning() {
    let mut memory = Memory { is_asked: true, ..memory() };
    assert_eq!(memory.resume(Continuity::Reset), Err(Error::Stale));
    assert_eq!(memory.resume(Continuity::Reset), Ok(()));
    script::play(&mut memory, Protocol::T1, dialogue!("counter"), as_token(|gids| survey(gids, &[Role::Response])));
}

#[test]
fn a_card_that_gives_no_challenge_says_so() {
    let refused = play(dialogue!("challenge-refused"), |gids| {
        survey(gids, &[Role::Response]);
        gids.challenge().unwrap_err()
    });
    assert_eq!(refused.exit_code(), 7);
}

#[test]
fn status_tells_the_tries_and_the_limits_in_four_commands() {
    let survey = play(dialogue!("status"), |gids| gids.survey(Depth::Full).unwrap());
    assert_eq!(survey.identity.serial, Some(Text::from("00112233445566778899aabbccddeeff")));
    let [pin, key] = survey.references.as_slice() else { panic!("{survey:?}") };
    assert_eq!((pin.role, pin.state, pin.retries), (Role::UserPin, State::Ready, Retries::counted(3, Some(3))));
    assert_eq!(pin.length, Length { min: 4, max: Some(16), unit: Unit::Characters });
    assert_eq!((key.role, key.retries), (Role::AdminKey, Retries::Unknown));
    assert_eq!(key.length, Length { min: 48, max: Some(48), unit: Unit::HexDigits });
}

#[test]
fn a_card_is_known_by_its_identifier_and_one_without_the_application_is_none() {
    let identify =
        |dialogue| script::play(&mut memory(), Protocol::T1, dialogue, |gids, channel| gids.identify(channel));
    assert_eq!(identify(dialogue!("identify")), Ok(Some(Text::from("00112233445566778899aabbccddeeff"))));
    assert!(matches!(identify(dialogue!("no-application")), Err(Error::NoToken(_))));
}
