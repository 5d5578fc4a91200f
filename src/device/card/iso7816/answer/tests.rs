//! Counters and serial numbers in the answers of cards, and in what is none.

use proptest::prelude::*;

use super::{
    super::profile::{Counter, Profile, built_in},
    *,
};

fn profile(name: &str) -> Profile {
    built_in().unwrap().into_iter().find(|profile| profile.name == name).unwrap()
}

fn read(card: &str, reference: &str, answer: &[u8]) -> Told {
    let profile = profile(card);
    let reference = profile.reference(reference).unwrap();
    let Counter::GetData(data) = &reference.counter else { panic!("{card} tells its counter otherwise") };
    data.read(answer, reference.tries)
}

/// The answer that OpenSC shows for the Estonian card of 2018, with other numbers of tries.
fn estonian_2018(limit: u8, left: u8) -> Vec<u8> {
    let head = [0x70, 0x1E, 0xBF, 0x81, 0x01, 0x1A, 0xA0, 0x18, 0x9A, 0x01, limit, 0x9B, 0x01, left];
    let tail = [0xA1, 0x10, 0x8C, 0x06, 0xF3, 0, 0, 0x73, 0x43, 0, 0x9C, 0x06, 0xF3, 0, 0, 0x73, 0x43, 0];
    [&head[..], &tail].concat()
}

#[test]
fn the_estonian_card_of_2018_tells_tries_and_limit() {
    let told = read("esteid-2018", "PIN1", &estonian_2018(3, 2));
    assert_eq!(told, Told { retries: Retries::Left { left: 2, limit: Some(3) }, must_change: false });
    assert_eq!(read("esteid-2018", "PIN1", &estonian_2018(3, 0)).retries, Retries::Blocked);
    // The answer for another reference has another tag.
    assert_eq!(read("esteid-2018", "PIN2", &estonian_2018(3, 2)).retries, Retries::Unknown);
}

#[test]
fn the_estonian_card_of_2025_tells_that_a_pin_must_be_changed() {
    let answer = |changed| [0xA0, 0x0B, 0x83, 0x01, 0x82, 0xDF, 0x21, 0x01, 0x03, 0xDF, 0x2F, 0x01, changed];
    let left = Retries::Left { left: 3, limit: Some(3) };
    assert_eq!(read("esteid-2025", "PIN2", &answer(0x00)), Told { retries: left, must_change: true });
    assert_eq!(read("esteid-2025", "PIN2", &answer(0x01)), Told { retries: left, must_change: false });
}

#[test]
fn an_answer_without_a_counter_tells_none() {
    for answer in [&[][..], &[0x70], &[0x70, 0x7F, 0xBF], &[0xFF; 40], &[0xA0, 0x05, 0xDF, 0x21, 0x02, 0x00, 0x03]] {
        for card in ["esteid-2018", "esteid-2025"] {
            assert_eq!(read(card, "PIN1", answer), Told { retries: Retries::Unknown, must_change: false });
        }
    }
}

#[test]
fn a_serial_number_is_read_by_tag_by_length_and_only_if_it_can_be_printed() {
    let idemia = profile("esteid-2018").serial.unwrap();
    assert_eq!(idemia.in_answer(b"\x04\x09AS0000001\x00\x00").unwrap().to_string(), "AS0000001");
    assert_eq!(idemia.in_answer(b"\x30\x09AS0000001"), None);
    let thales = profile("esteid-2025").serial.unwrap();
    assert_eq!(thales.in_answer(b"NS0000001\xFF\xFF").unwrap().to_string(), "NS0000001");
    assert_eq!(thales.in_answer(b"NS00"), None);
    assert_eq!(thales.in_answer(b"NS\x1B[2J001"), None);
    let hex = Serial { offset: 2, length: None, shown: Shown::Hex, ..thales };
    assert_eq!(hex.in_answer(&[0, 1, 0xAB, 0xCD]).unwrap().to_string(), "ABCD");
    assert_eq!(hex.in_answer(&[0, 1]), None);
}

proptest! {
    #[test]
    fn no_answer_makes_the_reading_fail(answer in prop::collection::vec(any::<u8>(), 0..300)) {
        for profile in built_in().unwrap() {
            for reference in &profile.references {
                if let Counter::GetData(data) = &reference.counter {
                    let _ = data.read(&answer, reference.tries);
                }
            }
            let _ = profile.serial.map(|serial| serial.in_answer(&answer));
        }
    }

    #[test]
    fn no_change_of_an_answer_does(at in 0..32_usize, byte in any::<u8>(), length in 0..33_usize) {
        let mut answer = estonian_2018(3, 3);
        answer[at] = byte;
        answer.truncate(length);
        let _ = read("esteid-2018", "PIN1", &answer);
    }
}
