//! Cards that are broken, or another one than before.

use super::{change, change_puk, dialogue, entry, play, reset, verify};
use crate::device::card::{
    apdu::Protocol,
    piv::*,
    recognise,
    script::{self, Answering, as_token},
};

type Work = fn(&mut dyn Token) -> Result<()>;
type Meeting = fn(&mut dyn CardApplication, &mut Channel<'_>) -> Result<()>;

const OPERATIONS: [Meeting; 5] = [
    |piv, channel| as_token(|piv| piv.survey(Depth::Full).map(drop))(piv, channel),
    |piv, channel| as_token(change_whatever_comes)(piv, channel),
    identify,
    recognise_nothing,
    |piv, channel| as_token(prove)(piv, channel),
];

fn identify(piv: &mut dyn CardApplication, channel: &mut Channel<'_>) -> Result<()> {
    piv.identify(channel).map(drop)
}

fn change_whatever_comes(piv: &mut dyn Token) -> Result<()> {
    piv.survey(Depth::Only(&[Role::UserPin]))?;
    piv.retries(Role::UserPin)?;
    piv.change(Role::UserPin, &entry("old"), &entry("new"))
}

fn recognise_nothing(piv: &mut dyn CardApplication, channel: &mut Channel<'_>) -> Result<()> {
    let known = piv.identify(channel)?;
    recognise(piv, channel, Some(&known))
}

fn prove(piv: &mut dyn Token) -> Result<()> {
    piv.prove(Role::UserPin, &entry("new")).map(drop)
}

/// What a good card answers, as long as nothing strange happens.
fn good(apdu: &[u8]) -> Vec<u8> {
    match apdu {
        [_, 0xF8, ..] => vec![0x00, 0xBC, 0x61, 0x4E, 0x90, 0x00],
        [_, 0xF7, ..] => vec![0x6D, 0x00],
        [_, 0x20, _, _] => vec![0x63, 0xC3],
        _ => vec![0x90, 0x00],
    }
}

#[test]
fn an_answer_shorter_than_a_status_word_is_a_failure_of_the_device_wherever_it_comes() {
    for work in OPERATIONS {
        let mut all = Answering::new(good);
        assert_eq!(all.meet(&mut Memory::default(), work), Ok(()));
        for cut in 0..all.sent.len() {
            for short in [vec![], vec![0x90]] {
                let mut count = 0;
                let mut card = Answering::new(|apdu| {
                    count += 1;
                    if count == cut + 1 { short.clone() } else { good(apdu) }
                });
                assert_eq!(card.meet(&mut Memory::default(), work).unwrap_err().kind(), "device", "{short:?} at {cut}");
            }
        }
    }
}

#[test]
fn garbage_is_never_taken_for_success_and_never_a_panic() {
    let garbage: [&[u8]; 9] = [
        &[0x00, 0x00],
        &[0xFF; 258],
        &[0x7E, 0x7F, 0xFF, 0x90, 0x00],
        &[0x7E, 0x82, 0xFF, 0xFF, 0x5F, 0x2F, 0x90, 0x00],
        &[0x06, 0x7F, 0x90, 0x00],
        &[0x05, 0x90, 0x00],
        &[0x53, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x90, 0x00],
        &[0x1F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x90, 0x00],
        &[0x80; 255],
    ];
    for work in OPERATIONS {
        let mut all = Answering::new(good);
        assert_eq!(all.meet(&mut Memory::default(), work), Ok(()));
        let presents = |apdu: &[u8]| matches!(apdu, [_, 0x20 | 0x24, _, _, _, ..]);
        for position in 0..all.sent.len() {
            for answer in garbage {
                let mut count = 0;
                let mut presented = false;
                let mut card = Answering::new(|apdu| {
                    count += 1;
                    if count == position + 1 {
                        presented = presents(apdu);
                        answer.to_vec()
                    } else {
                        good(apdu)
                    }
                });
                let result = card.meet(&mut Memory::default(), work);
                let success = answer.ends_with(&[0x90, 0x00]);
                assert!(!presented || result.is_ok() == success, "{answer:02X?} at {position}: {result:?}");
            }
        }
    }
}

#[test]
fn an_answer_that_never_ends_is_given_up() {
    let mut card = Answering::new(|_| vec![0x00, 0x61, 0x01]);
    assert_eq!(card.meet(&mut Memory::default(), identify).unwrap_err().kind(), "device");
    let mut card = Answering::new(|_| vec![0x6C, 0x10]);
    assert_eq!(card.meet(&mut Memory::default(), identify).unwrap_err().kind(), "device");
}

#[test]
fn a_status_word_of_no_table_is_told_and_nothing_is_sent_after_it() {
    for word in ["65 81", "6F 00", "93 03"] {
        let detail = format!("SW {}", word.replace(' ', ""));
        for (dialogue, work) in [
            (dialogue!("change-wrong").replace("63 C2", word), change as Work),
            (dialogue!("verify-wrong").replace("63 C2", word), verify),
            (dialogue!("reset-wrong").replace("63 C2", word), reset),
            (dialogue!("puk-change-blocked").replace("69 83", word), change_puk),
        ] {
            let error = play(&dialogue, work).unwrap_err();
            assert_eq!((error.kind(), error.detail()), ("device", Some(detail.as_str())));
        }
    }
}

#[test]
fn a_command_that_the_card_does_not_know_is_nothing_that_it_can_do() {
    for word in ["6D 00", "6A 81", "6A 86", "6A 88"] {
        let error = play(&dialogue!("reset-wrong").replace("63 C2", word), reset).unwrap_err();
        assert_eq!(error.kind(), "unsupported", "{word}");
    }
}

#[test]
fn after_a_reset_by_another_program_a_card_is_known_by_its_serial() {
    let serial = |hex: &str| {
        format!("{}> 00 F8 00 00 00\n< {hex} 90 00\n", dialogue!("no-application").replace("6A 82", "90 00"))
    };
    let mut memory = Memory::default();
    let known = Some(Text::from("12345678"));
    let mut meet = |hex: &str| {
        let again = |piv: &mut dyn CardApplication, channel: &mut Channel<'_>| recognise(piv, channel, Some(&known));
        script::play(&mut memory, Protocol::T1, &serial(hex), again)
    };
    assert_eq!(meet("00 BC 61 4E"), Ok(()));
    assert_eq!(meet("01 02 03 04").unwrap_err().kind(), "device");
}
