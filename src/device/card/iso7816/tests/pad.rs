//! Cards by their profiles at the keys of a reader: the commands of the dialogues above, with the reader's structures in their place.
//!
//! The structures are what OpenSC sends (reader-pcsc.c) for a field of that length and for a block of GlobalPlatform; that of a
//! change names bytes as the unit of its format, as the example of the CCID driver does.

use super::*;
use crate::{
    device::card::{
        channel::Channel,
        script::{ends, entries_that_came_to_nothing},
    },
    secret::Entry,
    token::{Pad, Verb},
};

const FEATURES: &str = "> reader 42000D48\n< 06 04 42 33 00 06 07 04 42 33 00 07";

/// The dialogue of a card, with each command in which a secret stands replaced by what the reader is asked for; the request for
/// its features stands before the first, and the proof is left out.
fn at_keys(name: &str, heading: &str, structures: &[&str]) -> String {
    let (.., dialogues) = CARDS.into_iter().find(|(own, ..)| *own == name).unwrap();
    let dialogue = section(dialogues, heading).unwrap();
    let mut lines = Vec::new();
    let mut structures = structures.iter().peekable();
    let mut dialogue = dialogue.lines();
    let count = structures.len();
    while let Some(line) = dialogue.next() {
        if !line.contains('{') {
            lines.push(line.to_owned());
            continue;
        }
        let Some(structure) = structures.next() else { break };
        if structures.len() + 1 == count {
            lines.push(FEATURES.to_owned());
        }
        lines.push(format!("> reader {structure}"));
        lines.push(dialogue.next().unwrap().to_owned());
        // What is read behind the last one is for the proof.
        if structures.peek().is_none() {
            break;
        }
    }
    lines.join("\n")
}

fn filled(byte: &str, length: usize) -> String {
    vec![byte; length].join(" ")
}

fn change_at_keys(token: &mut dyn Token) -> Result<()> {
    token.retries(Role::UserPin)?;
    token.change(Role::UserPin, &Entry::Pad, &Entry::Pad)
}

fn verify_at_keys(token: &mut dyn Token) -> Result<()> {
    token.retries(Role::UserPin)?;
    token.verify(Role::UserPin, &Entry::Pad)
}

fn reset_at_keys(token: &mut dyn Token) -> Result<()> {
    token.retries(Role::Puk)?;
    token.reset(Role::UserPin, Authority { role: Role::Puk, secret: &Entry::Pad }, &Entry::Pad)
}

fn meet<R>(name: &str, reference: Option<&str>, dialogue: &str, work: impl FnOnce(&mut dyn Token) -> R) -> R {
    play(&mut known(name, reference), Protocol::T1, dialogue, as_token(work))
}

const ESTEID_CHANGE: &str =
    "42330007 1E 1E 82 0C 00 00 0C 0C 04 03 02 00 00 00 00 01 02 00 00 00 1D 00 00 00 00 24 00 01 18";
const ESTEID_VERIFY: &str = "42330006 1E 1E 82 0C 00 0C 04 02 00 00 00 00 00 00 00 11 00 00 00 00 20 00 01 0C";

fn esteid_verify() -> String {
    at_keys("esteid-2018", "wrong", &[&format!("{ESTEID_VERIFY} {}", filled("FF", 12))])
}

fn esteid_change() -> String {
    at_keys("esteid-2018", "change", &[&format!("{ESTEID_CHANGE} {}", filled("FF", 24))])
}

#[test]
fn fields_of_twelve_bytes_are_filled_by_the_reader() {
    assert_eq!(meet("esteid-2018", Some("PIN1"), &esteid_change(), change_at_keys), Ok(()));
    let zeros = ESTEID_CHANGE.replace("00 24 00 01 18", "00 24 00 81 18");
    let dialogue = at_keys("esteid-2025", "change", &[&format!("{zeros} {}", filled("00", 24))]);
    assert_eq!(meet("esteid-2025", Some("PIN1"), &dialogue, change_at_keys), Ok(()));
}

#[test]
fn the_puk_is_typed_with_the_new_pin_or_before_it_as_the_card_wants() {
    // One command: each has what both may have, 8 to 12 digits, though a new PIN of 4 were enough.
    let both = "42330007 1E 1E 82 0C 00 00 0C 0C 08 03 02 00 00 00 00 01 02 00 00 00 1D 00 00 00 00 2C 00 81 18";
    let dialogue = at_keys("esteid-2025", "reset", &[&format!("{both} {}", filled("00", 24))]);
    assert_eq!(meet("esteid-2025", Some("PIN1"), &dialogue, reset_at_keys), Ok(()));
    // Two: the PUK has 8 to 12 digits, and the new PIN is asked for twice.
    let puk = "42330006 1E 1E 82 0C 00 0C 08 02 00 00 00 00 00 00 00 11 00 00 00 00 20 00 02 0C";
    let pin = "42330007 1E 1E 82 0C 00 00 00 0C 04 01 02 00 00 00 01 02 02 00 00 00 11 00 00 00 00 2C 02 01 0C";
    let filler = filled("FF", 12);
    let dialogue = at_keys("esteid-2018", "reset", &[&format!("{puk} {filler}"), &format!("{pin} {filler}")]);
    assert_eq!(meet("esteid-2018", Some("PIN1"), &dialogue, reset_at_keys), Ok(()));
}

#[test]
fn a_block_of_global_platform_is_formed_as_opensc_has_it_formed() {
    let change = "42330007 1E 1E 41 48 04 00 08 0C 04 03 02 00 00 00 00 01 02 00 00 00 15 00 00 00 00 24 00 01 10 \
                  20 FF FF FF FF FF FF FF 20 FF FF FF FF FF FF FF";
    assert_eq!(meet("belgium", None, &at_keys("belgium", "change", &[change]), change_at_keys), Ok(()));
    let verify =
        "42330006 1E 1E 41 48 04 0C 04 02 00 00 00 00 00 00 00 0D 00 00 00 00 20 00 01 08 20 FF FF FF FF FF FF FF";
    let wrong = meet("belgium", None, &at_keys("belgium", "wrong", &[verify]), verify_at_keys).unwrap_err();
    assert_eq!((wrong.kind(), wrong.tries_left()), ("wrong-secret", Some(2)));
    let blocked = meet("belgium", None, &at_keys("belgium", "blocked", &[verify]), verify_at_keys).unwrap_err();
    assert_eq!(blocked.kind(), "blocked");
}

#[test]
fn what_the_card_and_the_reader_say_is_told_apart() {
    let wrong = meet("esteid-2018", Some("PIN1"), &esteid_verify(), verify_at_keys).unwrap_err();
    assert_eq!((wrong.kind(), wrong.tries_left()), ("wrong-secret", Some(2)));
    let counter = esteid_verify().lines().skip(2).take(2).collect::<Vec<_>>().join("\n");
    for (answer, told) in entries_that_came_to_nothing() {
        let dialogue = ends(&esteid_change(), answer, &counter);
        assert_eq!(meet("esteid-2018", Some("PIN1"), &dialogue, change_at_keys), Err(told));
    }
}

/// What the keys take of a card whose reader tells so of itself.
fn pad_of(name: &str, reference: Option<&str>, features: &[u8], properties: &[u8]) -> Pad {
    struct Reader<'a> {
        features: &'a [u8],
        properties: &'a [u8],
    }
    impl crate::device::card::channel::Transport for Reader<'_> {
        fn protocol(&self) -> Protocol {
            Protocol::T1
        }

        fn transmit(&mut self, _apdu: &[u8]) -> Result<Vec<u8>> {
            Ok(vec![0x90, 0x00])
        }

        fn reset(&mut self) -> Result<()> {
            Ok(())
        }

        fn control(&mut self, code: u32, _data: &[u8], _limit: std::time::Duration) -> Result<Vec<u8>> {
            Ok(if code == 0x4233_0012 { self.properties } else { self.features }.to_vec())
        }
    }
    let trace = crate::token::Trace::default();
    let mut reader = Reader { features, properties };
    let mut channel = Channel::new(&mut reader, &trace);
    as_token(|token: &mut dyn Token| token.survey(Depth::Only(&[])).unwrap().pad)(
        &mut known(name, reference),
        &mut channel,
    )
}

const ALL: [u8; 18] = [0x06, 4, 0x42, 0x33, 0, 0x06, 0x07, 4, 0x42, 0x33, 0, 0x07, 0x12, 4, 0x42, 0x33, 0, 0x12];

fn verbs(pad: &Pad) -> Vec<(Verb, Option<Role>)> {
    match pad {
        Pad::Reader(reader) => reader.takes.iter().map(|typed| (typed.verb, typed.by)).collect(),
        Pad::None | Pad::Path => Vec::new(),
    }
}

#[test]
fn what_a_profile_lets_be_typed_is_offered() {
    let esteid = pad_of("esteid-2018", Some("PIN1"), &ALL, &[]);
    let every =
        [(Verb::PinVerify, None), (Verb::PinChange, None), (Verb::PukChange, None), (Verb::PinReset, Some(Role::Puk))];
    assert_eq!(verbs(&esteid), every);
    assert_eq!(verbs(&pad_of("esteid-2018", Some("PIN1"), &ALL[..6], &[])), every[..1]);
    assert_eq!(verbs(&pad_of("belgium", None, &ALL, &[])), every[..2]);
}

#[test]
fn a_field_that_no_reader_can_form_is_left_to_the_keyboard_with_the_reason() {
    // 16 bytes, where a structure can say 15.
    let pad = pad_of("isoapplet", None, &ALL, &[]);
    assert_eq!(verbs(&pad), []);
    assert!(matches!(pad, Pad::Reader(reader) if reader.refused.is_some_and(|why| why.contains("no reader can form"))));
    let select = section(CARDS[5].2, "wrong").unwrap();
    let until_verify: Vec<&str> = select.lines().take_while(|line| !line.contains('{')).collect();
    let refused = meet("isoapplet", None, &until_verify.join("\n"), verify_at_keys).unwrap_err();
    assert_eq!(refused.exit_code(), 7);
}

#[test]
fn a_reader_that_presents_an_empty_value_is_kept_from_a_card_that_counts_one() {
    // The GemPC Pinpad, and the Belgian card (Fedict/eid-mw, pinpad.cpp).
    let gempc = [11, 2, 0xE6, 0x08, 12, 2, 0x78, 0x34];
    let pad = pad_of("belgium", None, &ALL, &gempc);
    assert_eq!(verbs(&pad), []);
    assert!(matches!(pad, Pad::Reader(reader) if reader.refused.is_some_and(|why| why.contains("empty value"))));
    // So may one that tells its tries by an object.
    let pad = pad_of("esteid-2018", Some("PIN1"), &ALL, &gempc);
    assert_eq!(verbs(&pad), []);
    assert!(matches!(pad, Pad::Reader(reader) if reader.refused.is_some_and(|why| why.contains("empty value"))));
    // Others tell their tries in answer to it, but of a PUK nothing is known. It takes eight digits at most.
    let Pad::Reader(myeid) = pad_of("myeid", None, &ALL, &gempc) else { panic!("no keys") };
    assert!(myeid.takes.iter().flat_map(|typed| &typed.commands).all(|command| command.digits.1 == 8));
    let taken: Vec<_> = myeid.takes.iter().map(|typed| (typed.verb, typed.by)).collect();
    assert!(taken.contains(&(Verb::PinChange, None)), "{taken:?}");
    assert!(!taken.iter().any(|(verb, by)| *verb == Verb::PukChange || *by == Some(Role::Puk)), "{taken:?}");
}

#[test]
fn a_reader_that_has_no_keys_though_its_driver_says_so_has_none() {
    let omnikey = [11, 2, 0x6B, 0x07, 12, 2, 0x31, 0x30];
    assert_eq!(pad_of("esteid-2018", Some("PIN1"), &ALL, &omnikey), Pad::None);
}
