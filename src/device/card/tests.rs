//! What holds for every card application, whatever a card answers.

use proptest::{collection::vec, prelude::*, sample::select};
use zeroize::Zeroizing;

use super::{
    every::every_application,
    script::{Answering, as_token},
};
use crate::{
    error::Result,
    secret::{Entry, Pin},
    token::{Authority, Depth, Retries, Role, Token},
};

/// Words that decide something, in a card's own form or in none.
const WORDS: [u16; 21] = [
    0x9000, 0x63C0, 0x63C1, 0x63C3, 0x63CF, 0x6300, 0x6983, 0x6982, 0x6984, 0x6985, 0x6986, 0x6A80, 0x6A82, 0x6A88,
    0x6A86, 0x6D00, 0x6700, 0x6F00, 0x6285, 0x6110, 0x6C02,
];

/// An answer with a status word that means something and data that may, or any bytes at all.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let tags = select(vec![
        0x7E, 0x6E, 0x73, 0xC4, 0xC0, 0xF9, 0x7F, 0x71, 0x97, 0x93, 0x06, 0x05, 0x01, 0x53, 0x5F, 0x81, 0x90, 0x63,
    ]);
    let data = prop_oneof![vec(any::<u8>(), 0..12), vec(prop_oneof![tags, 0_u8..16], 0..40), Just(Vec::new())];
    let formed = (data, select(WORDS.to_vec())).prop_map(|(data, word)| [data, word.to_be_bytes().to_vec()].concat());
    prop_oneof![9 => formed, 1 => vec(any::<u8>(), 0..5)]
}

/// A card that gives these answers in their order, and then no good one any more.
fn card(answers: &[Vec<u8>]) -> Answering<impl FnMut(&[u8]) -> Vec<u8> + '_> {
    let mut answers = answers.iter().cloned();
    Answering::new(move |_| answers.next().unwrap_or_else(|| vec![0x6F, 0x00]))
}

fn entry(value: &str) -> Entry {
    Entry::Value(Pin::take(Zeroizing::new(value.as_bytes().to_vec())))
}

/// Whether a command reads only: no secret in it, and no state dropped.
fn reads(apdu: &[u8]) -> bool {
    match apdu {
        [_, 0xA4 | 0xCA | 0xCB | 0xB0 | 0xC0, ..] => true,
        // Yubico's metadata, serial number and version.
        [0x00, 0xF7 | 0xF8 | 0xFD, ..] => apdu.len() <= 5,
        // VERIFY without data, of which T=0 makes five bytes.
        [0x00, 0x20, 0x00, _] | [0x00, 0x20, 0x00, _, 0x00] => true,
        _ => false,
    }
}

/// Every operation, as far as a token lets it come.
fn operate(token: &mut dyn Token) -> Vec<Result<()>> {
    let (old, new) = (entry("123456"), entry("271828"));
    let (so, key) = (entry("0123456789ABCDEF"), entry("000102030405060708090A0B0C0D0E0F1011121314151617"));
    let authority = |role: Role| Authority { role, secret: if role == Role::AdminKey { &key } else { &so } };
    let mut done = vec![
        token.retries(Role::UserPin).map(drop),
        token.verify(Role::UserPin, &old),
        token.change(Role::UserPin, &old, &new),
        token.set(Role::UserPin, &new),
        token.clear(Role::ResetCode, authority(Role::SoPin)),
        token.prove(Role::UserPin, &new).map(drop),
        token.challenge().map(drop),
        token.change(Role::SoPin, &so, &so),
        token.change(Role::AdminKey, &key, &key),
    ];
    for role in [Role::Puk, Role::SoPin, Role::AdminKey, Role::ResetCode, Role::Response] {
        done.push(token.reset(Role::UserPin, authority(role), &new));
        done.push(token.unblock(Role::UserPin, authority(role)));
    }
    done.push(token.erase());
    done
}

#[test]
fn a_question_of_the_counter_is_not_asked_again_in_another_length() {
    let mut card = Answering::new(|apdu: &[u8]| if apdu.len() == 4 { vec![0x6C, 0x08] } else { vec![0x90, 0x00] });
    let told = card.meet(every_application()[0].as_mut(), |_, channel| channel.ask_counter(0x80));
    assert_eq!((told, card.sent), (Ok(Some(Retries::Unknown)), vec![vec![0x00, 0x20, 0x00, 0x80]]));
}

proptest! {
    #[test]
    fn a_survey_only_reads_and_ends(answers in vec(answer(), 0..24)) {
        for mut application in every_application() {
            for depth in [Depth::Full, Depth::Only(&Role::ALL)] {
                let mut card = card(&answers);
                let surveyed = card.meet(application.as_mut(), as_token(|token| token.survey(depth)));
                let strange = card.sent.iter().find(|sent| !reads(sent));
                prop_assert!(strange.is_none(), "{}: {strange:02X?} in a survey: {surveyed:?}", application.application());
            }
            let mut card = card(&answers);
            let told = card.meet(application.as_mut(), |application, channel| application.identify(channel));
            let strange = card.sent.iter().find(|sent| !reads(sent));
            prop_assert!(strange.is_none(), "{}: {strange:02X?} to identify: {told:?}", application.application());
        }
    }

    #[test]
    fn whatever_a_card_answers_no_operation_panics_or_goes_on_for_ever(answers in vec(answer(), 0..60)) {
        for mut application in every_application() {
            // The card of this test ends it where there are more than a thousand commands.
            card(&answers).meet(application.as_mut(), as_token(|token| drop(operate(token))));
        }
    }
}
