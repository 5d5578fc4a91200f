//! The commands of the crate `openpgp-card`, another implementation, beside ours.

use std::sync::{Arc, Mutex};

use card_backend::{CardBackend, CardCaps, CardTransaction, PinType, SmartcardError};

use super::*;
use crate::device::card::script::Answering;

/// What a card answers that takes everything: related data, a KDF-DO, 9000.
struct Willing {
    kdf: Vec<u8>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Willing {
    fn answer(&self, apdu: &[u8]) -> Vec<u8> {
        let related = dialogue!("status").lines().rfind(|line| line.starts_with('<')).unwrap();
        let (data, _) = related[2..].rsplit_once(" 90 00").unwrap();
        let data: Vec<u8> = data.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let data = match apdu {
            [0x00, 0xCA, 0x00, 0x6E, ..] => [vec![0x6E, u8::try_from(data.len()).unwrap()], data].concat(),
            [0x00, 0xCA, 0x00, 0xF9, ..] => self.kdf.clone(),
            _ => Vec::new(),
        };
        [data, vec![0x90, 0x00]].concat()
    }
}

impl CardBackend for Willing {
    fn limit_card_caps(&self, card_caps: CardCaps) -> CardCaps {
        card_caps
    }

    fn transaction(
        &mut self,
        _reselect: Option<&[u8]>,
    ) -> Result<Box<dyn CardTransaction + Send + Sync + '_>, SmartcardError> {
        Ok(Box::new(Open(self)))
    }
}

struct Open<'a>(&'a mut Willing);

impl CardTransaction for Open<'_> {
    fn transmit(&mut self, apdu: &[u8], _: usize) -> Result<Vec<u8>, SmartcardError> {
        self.0.sent.lock().unwrap().push(apdu.to_vec());
        Ok(self.0.answer(apdu))
    }

    fn feature_pinpad_verify(&self) -> bool {
        false
    }

    fn feature_pinpad_modify(&self) -> bool {
        false
    }

    fn pinpad_verify(&mut self, _: PinType, _: &Option<CardCaps>) -> Result<Vec<u8>, SmartcardError> {
        Err(SmartcardError::NotTransacted)
    }

    fn pinpad_modify(&mut self, _: PinType, _: &Option<CardCaps>) -> Result<Vec<u8>, SmartcardError> {
        Err(SmartcardError::NotTransacted)
    }

    fn was_reset(&self) -> bool {
        false
    }
}

/// The commands that are no question: SELECT and GET DATA are each one's own affair.
fn telling(sent: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut told: Vec<Vec<u8>> = sent.iter().filter(|apdu| ![0xA4, 0xCA].contains(&apdu[1])).cloned().collect();
    // The Le of a command that has no answer is a matter of taste.
    told.iter_mut()
        .filter(|apdu| apdu.len() == 6 + usize::from(apdu[4]))
        .for_each(|apdu| apdu.truncate(apdu.len() - 1));
    told
}

type Card<'a> = openpgp_card::Card<openpgp_card::state::Transaction<'a>>;

fn theirs(kdf: &[u8], work: impl FnOnce(&mut Card<'_>)) -> Vec<Vec<u8>> {
    let sent = Arc::default();
    let willing = Willing { kdf: kdf.to_vec(), sent: Arc::clone(&sent) };
    let backend: Box<dyn CardBackend + Send + Sync> = Box::new(willing);
    let mut card = openpgp_card::Card::<openpgp_card::state::Open>::new(backend).unwrap();
    work(&mut card.transaction().unwrap());
    let sent = sent.lock().unwrap();
    telling(&sent)
}

fn ours<R: std::fmt::Debug>(kdf: &[u8], work: impl FnOnce(&mut dyn Token) -> Result<R>) -> Vec<Vec<u8>> {
    let willing = Willing { kdf: kdf.to_vec(), sent: Arc::default() };
    let mut card = Answering::new(|apdu: &[u8]| willing.answer(apdu));
    card.meet(&mut Memory::default(), as_token(work)).unwrap();
    telling(&card.sent)
}

/// Off; one salt and SHA-256; three salts and SHA-512. The last two hold the hashes of the values of delivery as well.
fn kdfs() -> [Vec<u8>; 3] {
    let object = |hash: u8, length: u8, salts: &[u8]| {
        let salts: Vec<u8> = salts.iter().flat_map(|tag| [vec![*tag, 8], vec![*tag; 8]].concat()).collect();
        let hashes = [0x87, 0x88].iter().flat_map(|tag| [vec![*tag, length], vec![0; length.into()]].concat());
        [vec![0x81, 1, 3, 0x82, 1, hash, 0x83, 4, 0, 1, 0x86, 0xA0], salts, hashes.collect()].concat()
    };
    [vec![0x81, 1, 0], object(8, 32, &[0x84]), object(10, 64, &[0x84, 0x85, 0x86])]
}

/// That crate knows the single salt as that of PW1 alone.
fn with_a_salt_each() -> [Vec<u8>; 2] {
    let [off, _, three] = kdfs();
    [off, three]
}

#[test]
fn a_verify_is_theirs() {
    for kdf in kdfs() {
        let theirs = theirs(&kdf, |card| {
            card.verify_user_signing_pin("123456".into()).unwrap();
            card.verify_user_pin("123456".into()).unwrap();
        });
        assert_eq!(theirs.len(), 2);
        assert_eq!(ours(&kdf, verify), theirs);
    }
}

#[test]
fn a_change_is_theirs_between_two_verifies() {
    for kdf in kdfs() {
        let user = theirs(&kdf, |card| {
            card.verify_user_signing_pin("123456".into()).unwrap();
            card.change_user_pin("123456".into(), "271828".into()).unwrap();
            card.verify_user_signing_pin("271828".into()).unwrap();
        });
        assert_eq!(ours(&kdf, change_and_prove), user);
    }
    for kdf in with_a_salt_each() {
        let admin = theirs(&kdf, |card| {
            card.verify_admin_pin("12345678".into()).unwrap();
            card.change_admin_pin("12345678".into(), "87654321".into()).unwrap();
            card.verify_admin_pin("87654321".into()).unwrap();
        });
        assert_eq!(ours(&kdf, change_admin), admin);
    }
}

#[test]
fn a_reset_by_either_authority_is_theirs() {
    for kdf in with_a_salt_each() {
        let by_code = theirs(&kdf, |card| {
            card.reset_user_pin("24682468".into(), "271828".into()).unwrap();
            card.verify_user_signing_pin("271828".into()).unwrap();
        });
        assert_eq!(ours(&kdf, reset_by_code), by_code);
        let by_admin = theirs(&kdf, |card| {
            card.verify_admin_pin("12345678".into()).unwrap();
            card.as_admin_card(None).unwrap().reset_user_pin("271828".into()).unwrap();
            card.verify_user_signing_pin("271828".into()).unwrap();
        });
        assert_eq!(ours(&kdf, reset_by_admin), by_admin);
    }
}

#[test]
fn a_reset_code_is_set_as_by_them() {
    for kdf in with_a_salt_each() {
        let theirs = theirs(&kdf, |card| {
            card.verify_admin_pin("12345678".into()).unwrap();
            card.as_admin_card(None).unwrap().set_resetting_code("24682468".into()).unwrap();
        });
        let set = |card: &mut dyn Token| {
            card.survey(Depth::Full)?;
            card.reset(Role::ResetCode, by(Role::SoPin, &entry("admin")), &entry("code"))
        };
        assert_eq!(ours(&kdf, set), theirs);
    }
}
