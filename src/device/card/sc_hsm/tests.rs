//! Dialogues with SmartCard-HSMs, replayed: one for each operation, and one for each way in which devices differ.

mod pad;

use super::*;
use crate::{
    device::card::{
        apdu::Protocol,
        script::{self, Answering, as_token, entry},
    },
    token::{Terms, Verb},
};

macro_rules! dialogue {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/device/card/sc_hsm/dialogues/", $name, ".txt"))
    };
}
use dialogue;

/// Lets `work` meet a device for the first time, under T=1.
fn play<R>(dialogue: &str, work: impl FnOnce(&mut dyn Token) -> R) -> R {
    script::play(&mut Memory::default(), Protocol::T1, dialogue, as_token(work))
}

/// What comes before the command that spends a try: the survey, and the counter.
fn guard(hsm: &mut dyn Token, role: Role) -> Retries {
    hsm.survey(Depth::Only(&[role])).unwrap();
    hsm.retries(role).unwrap()
}

fn change(hsm: &mut dyn Token) -> Result<()> {
    guard(hsm, Role::UserPin);
    hsm.change(Role::UserPin, &entry("old"), &entry("new"))
}

fn verify(hsm: &mut dyn Token) -> Result<()> {
    guard(hsm, Role::UserPin);
    hsm.verify(Role::UserPin, &entry("old"))
}

fn reset(hsm: &mut dyn Token) -> Result<()> {
    guard(hsm, Role::SoPin);
    hsm.reset(Role::UserPin, Authority { role: Role::SoPin, secret: &entry("so-pin") }, &entry("new"))
}

fn unblock(hsm: &mut dyn Token) -> Result<()> {
    guard(hsm, Role::SoPin);
    hsm.unblock(Role::UserPin, Authority { role: Role::SoPin, secret: &entry("so-pin") })
}

/// Begins the device anew with the values called "so-pin" and "new".
fn init(hsm: &mut dyn Token, label: Option<&str>, terms: &Terms) -> Result<Identity> {
    hsm.survey(Depth::Only(&[Role::SoPin])).unwrap();
    hsm.init(&Beginning { label, so_pin: &entry("so-pin"), pin: Some(&entry("new")), terms })
}

fn left(left: u8) -> Retries {
    Retries::counted(left, None)
}

fn wrong(role: Role, retries: Retries, status: &str) -> Error {
    Error::WrongSecret { role, retries, detail: Some(format!("SW {status}")) }
}

fn blocked(role: Role, now: bool) -> Error {
    Error::Blocked { role, now, detail: Some("SW 6983".into()) }
}

#[test]
fn a_change_looks_at_the_old_value_alone_and_proves_the_new_one() {
    let done = play(dialogue!("change"), |hsm| {
        change(hsm)?;
        hsm.prove(Role::UserPin, &entry("new"))
    });
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn a_wrong_old_value_is_told_before_anything_could_be_changed_by_it() {
    let wrong = |left, status| Err(wrong(Role::UserPin, left, status));
    assert_eq!(play(dialogue!("change-wrong"), change), wrong(left(2), "63C2"));
    assert_eq!(
        play(&dialogue!("change-wrong").replace("< 63 C2", "< 69 83"), change),
        Err(blocked(Role::UserPin, true))
    );
    let unnumbered = format!("{}> 00 20 00 81\n< 63 C2", dialogue!("change-wrong").replace("< 63 C2", "< 63 00"));
    assert_eq!(play(&unnumbered, change), wrong(left(2), "6300"));
}

#[test]
fn a_new_value_that_the_device_refuses_is_never_taken_for_a_wrong_old_one() {
    for status in ["6A 80", "67 00", "69 85"] {
        let refused = play(&dialogue!("change-new-refused").replace("6A 80", status), change).unwrap_err();
        assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)), "{refused}");
    }
    let refused = play(dialogue!("reset-new-refused"), reset).unwrap_err();
    assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)), "{refused}");
}

#[test]
fn a_transport_pin_must_be_changed_and_can_be_though_it_cannot_be_verified() {
    let done = play(dialogue!("change-transport"), |hsm| {
        let survey = hsm.survey(Depth::Only(&[Role::UserPin])).unwrap();
        assert_eq!(survey.reference(Role::UserPin).unwrap().state, State::MustChange);
        assert_eq!(survey.notes.len(), 1);
        hsm.retries(Role::UserPin)?;
        hsm.change(Role::UserPin, &entry("old"), &entry("new"))?;
        hsm.prove(Role::UserPin, &entry("new"))
    });
    assert_eq!(done, Ok(Proof::Proved));
    let (start, _) = dialogue!("change-transport").split_once("> 00 24").unwrap();
    assert_eq!(play(start, verify).unwrap_err().kind(), "must-change");
}

#[test]
fn a_device_left_verified_is_reset_before_its_counter_is_believed() {
    assert_eq!(play(dialogue!("left-verified"), |hsm| guard(hsm, Role::UserPin)), left(1));
}

#[test]
fn a_pin_is_verified_or_told_with_the_tries_left() {
    assert_eq!(play(dialogue!("verify"), verify), Ok(()));
    let wrong_pin = dialogue!("verify").replace("< 90 00\n", "< 63 C2\n");
    assert_eq!(play(&wrong_pin, verify), Err(wrong(Role::UserPin, left(2), "63C2")));
    let last = dialogue!("verify").replace("63 C3", "63 C1").replace("< 90 00\n", "< 69 83\n");
    assert_eq!(play(&last, verify), Err(blocked(Role::UserPin, true)));
}

#[test]
fn a_reset_by_the_so_pin_is_proved_by_the_new_pin_in_five_commands() {
    let done = play(dialogue!("reset"), |hsm| {
        reset(hsm)?;
        assert_eq!(
            hsm.retries_before_proof(Role::UserPin),
            Ok(Retries::Unknown),
            "verified, and no reason for a reset"
        );
        hsm.prove(Role::UserPin, &entry("new"))
    });
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn a_wrong_so_pin_is_told_with_its_own_tries() {
    assert_eq!(play(dialogue!("reset-wrong"), reset), Err(wrong(Role::SoPin, left(14), "63CE")));
    let last = dialogue!("reset-wrong").replace("63 CF", "63 C1").replace("63 CE", "69 83");
    assert_eq!(play(&last, reset), Err(blocked(Role::SoPin, true)));
}

#[test]
fn where_options_are_not_told_the_device_says_that_its_so_pin_may_not() {
    let refused = play(dialogue!("reset-not-allowed"), reset).unwrap_err();
    assert_eq!(refused.exit_code(), 7, "{refused}");
    let unblocked =
        dialogue!("reset-not-allowed").replace("2C 00 81 0E {so-pin HEX} {new}", "2C 01 81 08 {so-pin HEX}");
    assert_eq!(play(&unblocked, unblock).unwrap_err().exit_code(), 7);
}

#[test]
fn an_unblocked_pin_is_proved_by_its_counter() {
    let done = play(dialogue!("unblock"), |hsm| {
        unblock(hsm)?;
        hsm.retries(Role::UserPin)
    });
    assert_eq!(done, Ok(left(3)));
}

#[test]
fn what_the_so_pin_may_do_is_told_by_the_options() {
    let can = |options: &str| {
        let dialogue = dialogue!("status").replace("85 05 00 01", &format!("85 05 00 {options}"));
        let survey = play(&dialogue, |hsm| hsm.survey(Depth::Full)).unwrap();
        let has = |verb| survey.abilities.iter().any(|able| able.verb == verb);
        (has(Verb::PinReset), has(Verb::PinUnblock), survey.notes.len())
    };
    assert_eq!([can("00"), can("01"), can("21")], [(false, false, 1), (true, false, 0), (true, true, 0)]);
}

#[test]
fn the_so_pin_is_sent_as_eight_bytes_and_proved() {
    let done = play(dialogue!("so-pin-change"), |hsm| {
        assert_eq!(guard(hsm, Role::SoPin), left(15));
        hsm.change(Role::SoPin, &entry("so-pin"), &entry("new-so-pin"))?;
        hsm.prove(Role::SoPin, &entry("new-so-pin"))
    });
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn status_tells_serial_label_and_both_counters() {
    let survey = play(dialogue!("status"), |hsm| hsm.survey(Depth::Full)).unwrap();
    assert_eq!(survey.identity.serial, Some(Text::from("DEV007")));
    assert_eq!(survey.identity.label, Some(Text::from("ca")));
    let told: Vec<_> = survey.references.iter().map(|own| (own.key_reference, own.state, own.retries)).collect();
    assert_eq!(told, [(Some(0x81), State::Ready, left(3)), (Some(0x88), State::Ready, left(15))]);
}

#[test]
fn a_device_that_was_never_initialised_is_blank_however_it_says_so() {
    for status in ["6A 88", "69 84"] {
        let survey = play(&dialogue!("blank").replace("6A 88", status), |hsm| hsm.survey(Depth::Full)).unwrap();
        assert!(survey.identity.blank && survey.identity.serial.is_none(), "{status}");
        assert!(survey.references.iter().all(|reference| reference.state == State::Unset), "{status}");
        assert_eq!(survey.notes, [""; 0]);
    }
}

#[test]
fn a_live_device_begins_anew_by_its_own_so_pin_and_both_values_are_proved() {
    let done = play(dialogue!("init-live"), |hsm| {
        let identity = init(hsm, Some("ca"), &Terms::default())?;
        assert_eq!((identity.label, identity.blank), (Some(Text::from("ca")), false));
        assert_eq!(hsm.prove(Role::SoPin, &entry("so-pin")), Ok(Proof::Proved));
        hsm.retries_before_proof(Role::UserPin)?;
        hsm.prove(Role::UserPin, &entry("new"))
    });
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn a_live_device_with_another_so_pin_is_not_destroyed() {
    let refused = play(dialogue!("init-live-wrong"), |hsm| init(hsm, None, &Terms::default()));
    assert_eq!(refused, Err(wrong(Role::SoPin, left(14), "63CE")));
}

#[test]
fn a_blank_device_is_initialised_with_the_terms_that_were_given() {
    let terms = Terms { tries: Some(10), recovery: Some(Recovery::Unblock), transport: true };
    let done = play(dialogue!("init-blank"), |hsm| {
        init(hsm, None, &terms)?;
        hsm.prove(Role::SoPin, &entry("so-pin"))
    });
    assert_eq!(done, Ok(Proof::Proved));
}

#[test]
fn what_an_application_of_any_name_says_is_no_smartcard_hsm() {
    let mut card = Answering::new(|_| vec![0x90, 0x00]);
    let found = card.meet(&mut Memory::default(), |application, channel| application.identify(channel));
    assert!(matches!(found, Err(Error::NoToken(_))), "{found:?}");
    assert_eq!(card.sent.len(), 1);
}

#[test]
fn a_file_that_does_not_end_ends_the_reading() {
    let mut card = Answering::new(|apdu: &[u8]| match apdu {
        [_, 0xA4, ..] => vec![0x6F, 0x07, 0x85, 0x05, 0, 1, 0xFF, 3, 5, 0x90, 0x00],
        [_, 0xB1, ..] => vec![0x7F, 0x21, 0x82, 0xFF, 0xFF, 0x90, 0x00],
        _ => vec![0x63, 0xC3],
    });
    let found = card.meet(&mut Memory::default(), |application, channel| application.identify(channel));
    assert_eq!(found, Ok(None));
    assert!(card.sent.len() < 20, "{}", card.sent.len());
}

#[test]
fn a_value_that_no_device_can_have_is_not_sent() {
    let mut card = Answering::new(|_| vec![0x90, 0x00]);
    card.meet(
        &mut Memory::default(),
        as_token(|hsm: &mut dyn Token| {
            for (role, value) in [(Role::SoPin, "old"), (Role::UserPin, "long")] {
                let value = if value == "long" { pin(&"1".repeat(17)) } else { entry(value) };
                assert_eq!(hsm.verify(role, &value).unwrap_err().exit_code(), 6);
            }
        }),
    );
    assert!(card.sent.is_empty());
}

fn pin(value: &str) -> Entry {
    Entry::Value(crate::secret::Pin::take(Zeroizing::new(value.as_bytes().to_vec())))
}
