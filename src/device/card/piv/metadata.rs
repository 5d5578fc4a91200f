//! Yubico's metadata of PIN, PUK and management key, and the version that names the family.

use super::management_key::KeyType;
use crate::{device::card::tlv::find, token::Retries};

/// What GET METADATA came to on a card, whichever reference it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It tells what it is asked for.
    Told,
    /// It says 9000 and nothing else, as Nitrokey's application does.
    Empty,
    /// The card does not know it.
    Missing,
}

/// The metadata of a PIN or PUK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Whether the value of delivery still stands (tag 05).
    pub default: Option<bool>,
    /// The counter and its limit (tag 06).
    pub retries: Retries,
}

impl Metadata {
    /// Reads an answer to GET METADATA; none where it says nothing, as that of some clones.
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let default = flag(answer);
        match find(answer, &[0x06]).as_deref() {
            Some([limit, left]) => Some(Self { default, retries: Retries::counted(*left, Some(*limit)) }),
            _ => default.map(|default| Self { default: Some(default), retries: Retries::Unknown }),
        }
    }
}

/// When a management key wants the card to be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Never.
    Never,
    /// Each time it is used.
    Always,
    /// Each time, but for 15 seconds after the last.
    Cached,
}

/// The metadata of the management key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyMetadata {
    /// The type of the key (tag 01).
    pub key_type: KeyType,
    /// When it wants a touch (second byte of tag 02), where that is told.
    pub touch: Option<Touch>,
    /// Whether the value of delivery still stands (tag 05).
    pub default: Option<bool>,
}

impl KeyMetadata {
    /// Reads an answer to GET METADATA for 9B; none where it does not tell the type of a key that is known here.
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let key_type = match find(answer, &[0x01]).as_deref() {
            Some([algorithm]) => KeyType::of_algorithm(*algorithm)?,
            _ => return None,
        };
        let touch = match find(answer, &[0x02]).as_deref() {
            Some([_, 0x01]) => Some(Touch::Never),
            Some([_, 0x02]) => Some(Touch::Always),
            Some([_, 0x03]) => Some(Touch::Cached),
            _ => None,
        };
        Some(Self { key_type, touch, default: flag(answer) })
    }
}

fn flag(answer: &[u8]) -> Option<bool> {
    match find(answer, &[0x05]).as_deref() {
        Some([value]) => Some(*value != 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_tells_the_limit_first_and_the_tries_left_second() {
        let answer = [0x05, 0x01, 0x01, 0x06, 0x02, 0x05, 0x02];
        let expected = Metadata { default: Some(true), retries: Retries::Left { left: 2, limit: Some(5) } };
        assert_eq!(Metadata::parse(&answer), Some(expected));
        assert_eq!(Metadata::parse(&[0x06, 0x02, 0x03, 0x00]).unwrap().retries, Retries::Blocked);
    }

    #[test]
    fn an_empty_answer_is_no_metadata() {
        for answer in [&[][..], &[0x06, 0x09, 0x03]] {
            assert_eq!(Metadata::parse(answer), None);
            assert_eq!(KeyMetadata::parse(answer), None);
        }
    }

    #[test]
    fn metadata_of_the_management_key_tells_its_type_its_touch_policy_and_whether_it_is_the_delivered_one() {
        let answer = |algorithm, touch| [0x01, 0x01, algorithm, 0x02, 0x02, 0x00, touch, 0x05, 0x01, 0x01];
        for (algorithm, key_type) in
            [(0x03, KeyType::TripleDes), (0x08, KeyType::Aes128), (0x0A, KeyType::Aes192), (0x0C, KeyType::Aes256)]
        {
            let expected = KeyMetadata { key_type, touch: Some(Touch::Never), default: Some(true) };
            assert_eq!(KeyMetadata::parse(&answer(algorithm, 0x01)), Some(expected));
        }
        let touch = |byte| KeyMetadata::parse(&answer(0x03, byte)).unwrap().touch;
        assert_eq!([touch(0x02), touch(0x03), touch(0x00)], [Some(Touch::Always), Some(Touch::Cached), None]);
    }

    #[test]
    fn a_key_of_an_unknown_type_is_not_told() {
        assert_eq!(KeyMetadata::parse(&[0x01, 0x01, 0x11, 0x05, 0x01, 0x00]), None);
    }
}
