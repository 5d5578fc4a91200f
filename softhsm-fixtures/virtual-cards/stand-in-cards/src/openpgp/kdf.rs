//! The KDF-DO (F9): with it, clients send the hash of a salt and the PIN in the PIN's place.

use sha2::{Digest, Sha256, Sha512};

use crate::tlv;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    OneSalt,
    ThreeSalts,
}

crate::choice! {
    /// The hash that the object names.
    pub enum Hash { Sha256 = "sha256", Sha512 = "sha512" }
}

impl Hash {
    /// In bytes.
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The identifier of RFC 4880, section 9.4.
    fn id(self) -> u8 {
        match self {
            Self::Sha256 => 8,
            Self::Sha512 => 10,
        }
    }
}

/// The object of a card whose PINs are sent as they are.
pub const OFF: &[u8] = &[0x81, 1, 0];

const SALT_PW1: &[u8] = b"saltPW1.";
const SALT_RESET_CODE: &[u8] = b"saltRC..";
const SALT_PW3: &[u8] = b"saltPW3.";

/// The KDF-DO of a card whose PW1 and PW3 were `pw1` and `pw3` when it was written.
pub fn object(form: Form, hash: Hash, count: u32, pw1: &[u8], pw3: &[u8]) -> Vec<u8> {
    let mut object = [&[0x81, 1, 3, 0x82, 1, hash.id(), 0x83, 4][..], &count.to_be_bytes()].concat();
    object.extend(tlv::object(0x84, SALT_PW1));
    let salt_pw3 = match form {
        Form::OneSalt => SALT_PW1,
        Form::ThreeSalts => {
            object.extend([tlv::object(0x85, SALT_RESET_CODE), tlv::object(0x86, SALT_PW3)].concat());
            SALT_PW3
        }
    };
    object.extend(tlv::object(0x87, &derive(hash, count, SALT_PW1, pw1)));
    object.extend(tlv::object(0x88, &derive(hash, count, salt_pw3, pw3)));
    object
}

/// Iterated and salted S2K (RFC 4880, section 3.7.1.3): the hash of the first `count` bytes of salt and PIN, over and
/// over; of both once at least.
fn derive(hash: Hash, count: u32, salt: &[u8], pin: &[u8]) -> Vec<u8> {
    let once = [salt, pin].concat();
    let length = usize::try_from(count).unwrap_or(usize::MAX).max(once.len());
    let input: Vec<u8> = once.into_iter().cycle().take(length).collect();
    match hash {
        Hash::Sha256 => Sha256::digest(input).to_vec(),
        Hash::Sha512 => Sha512::digest(input).to_vec(),
    }
}

/// What a card needs to know of a KDF-DO.
pub struct Kdf {
    pub hash: Hash,
    pub pw1: Vec<u8>,
    pub pw3: Vec<u8>,
}

/// `Some(None)` where it says that there is no derivation, `None` where it is not well formed.
#[expect(clippy::option_option, reason = "off is one of the things a well-formed object says")]
pub fn parse(object: &[u8]) -> Option<Option<Kdf>> {
    let field = |tag| tlv::find(object, &[tag]);
    match *field(0x81)? {
        [0] => return Some(None),
        [3] => {}
        _ => return None,
    }
    let hash = match *field(0x82)? {
        [8] => Hash::Sha256,
        [10] => Hash::Sha512,
        _ => return None,
    };
    let of_length = |tag, length| field(tag).filter(|value| value.len() == length);
    of_length(0x83, 4)?;
    of_length(0x84, 8)?;
    let value = |tag| of_length(tag, hash.length()).map(<[u8]>::to_vec);
    Some(Some(Kdf { hash, pw1: value(0x87)?, pw3: value(0x88)? }))
}
