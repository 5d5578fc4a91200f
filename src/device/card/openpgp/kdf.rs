//! The KDF-DO (F9): with it on, a card gets a hash of each PIN in its place (OpenPGP card 3.4, 4.3.2).

use sha2::{Digest, Sha256, Sha512};

use crate::{
    device::card::tlv::find,
    secret::{Pages, on_wiped_stack},
    token::Role,
};

/// What becomes of a PIN before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kdf {
    /// Nothing.
    Off,
    /// It is hashed.
    On(Iterated),
    /// Nobody knows: the reason, in words. No value is sent to such a card, since each would be wrong.
    Unclear(&'static str),
}

/// The iterated and salted S2K (RFC 4880, 3.7.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iterated {
    hash: Hash,
    /// How many bytes of salt and PIN, one behind the other, are hashed.
    count: usize,
    pw1: Salt,
    reset_code: Salt,
    pw3: Salt,
}

type Salt = [u8; 8];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

/// The greatest count that RFC 4880 can express: a card could ask for hours of hashing.
const MOST: u32 = 65_011_712;

impl Kdf {
    /// Reads the object, which some cards send with its own tag and length and some without. An empty one was never set.
    pub fn parse(object: &[u8]) -> Self {
        let inner = find(object, &[0xF9]);
        let object = inner.as_deref().unwrap_or(object);
        if object.is_empty() {
            return Self::Off;
        }
        match find(object, &[0x81]).as_deref() {
            Some([0x00]) => Self::Off,
            Some([0x03]) => Iterated::parse(object).map_or_else(Self::Unclear, Self::On),
            Some(_) => Self::Unclear("its algorithm is not known"),
            None => Self::Unclear("it names no algorithm"),
        }
    }
}

impl Iterated {
    fn parse(object: &[u8]) -> Result<Self, &'static str> {
        let hash = match find(object, &[0x82]).as_deref() {
            Some([0x08]) => Hash::Sha256,
            Some([0x0A]) => Hash::Sha512,
            _ => return Err("its hash is not known"),
        };
        let count = find(object, &[0x83]).and_then(|count| <[u8; 4]>::try_from(count).ok()).map(u32::from_be_bytes);
        let count = match count {
            Some(count @ 1..=MOST) => usize::try_from(count).map_err(|_| "its count is too great")?,
            Some(0) | None => return Err("its count is missing"),
            Some(_) => return Err("its count is too great"),
        };
        let salt = |tag| match find(object, &[tag]) {
            Some(salt) => Salt::try_from(salt).map(Some).map_err(|_| "a salt has not 8 bytes"),
            None => Ok(None),
        };
        let (pw1, reset_code, pw3) = match (salt(0x84)?, salt(0x85)?, salt(0x86)?) {
            (Some(pw1), Some(reset_code), Some(pw3)) => (pw1, reset_code, pw3),
            (Some(one), None, None) => (one, one, one),
            _ => return Err("a salt is missing"),
        };
        Ok(Self { hash, count, pw1, reset_code, pw3 })
    }

    /// How long the value is that is sent.
    pub fn length(&self) -> usize {
        match self.hash {
            Hash::Sha256 => 32,
            Hash::Sha512 => 64,
        }
    }

    /// The value that is sent for the PIN of `role`.
    pub fn derive(&self, role: Role, pin: &[u8]) -> Pages {
        let salt = match role {
            Role::ResetCode => &self.reset_code,
            Role::SoPin => &self.pw3,
            _ => &self.pw1,
        };
        on_wiped_stack(|| match self.hash {
            Hash::Sha256 => iterate::<Sha256>(salt, pin, self.count),
            Hash::Sha512 => iterate::<Sha512>(salt, pin, self.count),
        })
    }
}

/// Hashes the first `count` bytes of salt and PIN repeated, and all of them at least once.
fn iterate<D: Digest>(salt: &Salt, pin: &[u8], count: usize) -> Pages {
    let mut once = Pages::with_capacity(salt.len() + pin.len());
    once.extend_from_slice(salt);
    once.extend_from_slice(pin);
    // Many at a time: a hash that is fed by the dozen of bytes takes twice as long.
    let mut block = Pages::with_capacity(once.len() * REPEATED);
    (0..REPEATED).for_each(|_| block.extend_from_slice(&once));
    let mut digest = D::new();
    let mut left = count.max(once.len());
    while left > 0 {
        let part = block.get(..left).unwrap_or(&block);
        digest.update(part);
        left -= part.len();
    }
    Pages::from(digest.finalize().as_slice())
}

const REPEATED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: [u8; 6] = [0x83, 4, 0, 1, 0x86, 0xA0]; // 100000

    fn salt(tag: u8) -> Vec<u8> {
        [vec![tag, 8], vec![tag; 8]].concat()
    }

    fn object(hash: u8, count: &[u8], salts: &[u8]) -> Vec<u8> {
        let salts: Vec<u8> = salts.iter().flat_map(|tag| salt(*tag)).collect();
        [&[0x81, 1, 3, 0x82, 1, hash], count, &salts, &[0x87, 1, 0, 0x88, 1, 0]].concat()
    }

    fn on(object: &[u8]) -> Iterated {
        match Kdf::parse(object) {
            Kdf::On(kdf) => kdf,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn off_is_off_in_every_form() {
        for object in [&b""[..], &[0x81, 1, 0], &[0xF9, 3, 0x81, 1, 0], &[0xF9, 0]] {
            assert_eq!(Kdf::parse(object), Kdf::Off, "{object:02X?}");
        }
    }

    #[test]
    fn one_salt_serves_all_and_of_three_each_has_its_own() {
        let one = on(&object(8, &COUNT, &[0x84]));
        assert_eq!((one.pw1, one.reset_code, one.pw3), ([0x84; 8], [0x84; 8], [0x84; 8]));
        let three = on(&object(10, &COUNT, &[0x84, 0x85, 0x86]));
        assert_eq!((three.pw1, three.reset_code, three.pw3), ([0x84; 8], [0x85; 8], [0x86; 8]));
        assert_eq!((one.length(), three.length()), (32, 64));
        assert_eq!((one.count, three.count), (100_000, 100_000));
    }

    #[test]
    fn what_is_malformed_is_never_taken_for_off() {
        let malformed = [
            object(9, &COUNT, &[0x84]),                          // another hash
            object(8, &[], &[0x84]),                             // no count
            object(8, &[0x83, 4, 0, 0, 0, 0], &[0x84]),          // a count of zero
            object(8, &[0x83, 2, 1, 0], &[0x84]),                // a short count
            object(8, &[0x83, 4, 0xFF, 0, 0, 0], &[0x84]),       // hours
            object(8, &COUNT, &[]),                              // no salt
            object(8, &COUNT, &[0x85, 0x86]),                    // none for PW1
            object(8, &COUNT, &[0x84, 0x86]),                    // none for the reset code
            [object(8, &COUNT, &[]), vec![0x84, 1, 0]].concat(), // a short salt
            vec![0x81, 1, 1],
            vec![0x81, 0],
            vec![0x82, 1, 8],
            vec![0xFF; 20],
        ];
        for object in malformed {
            assert!(matches!(Kdf::parse(&object), Kdf::Unclear(_)), "{object:02X?}");
        }
    }

    /// Computed with Python's hashlib: the hash of the first `count` bytes of (salt PIN)(salt PIN)...
    #[test]
    fn a_pin_is_hashed_with_its_own_salt_as_often_as_the_card_says() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let kdf = on(&object(8, &COUNT, &[0x84, 0x85, 0x86]));
        assert_eq!(
            hex(&kdf.derive(Role::UserPin, b"123456")),
            "53521e7f205b6db08774b8b9d12818c09c862eeef31649057a5ed30b7c1b7d6b"
        );
        assert_eq!(
            hex(&kdf.derive(Role::ResetCode, b"12345678")),
            "a34da096d5c98e99b58dc9544e881a4401788bf09aa551d977a18d326fa569af"
        );
        assert_eq!(
            hex(&kdf.derive(Role::SoPin, b"12345678")),
            "7f587415c84d30981868617511f10f74ed48db2896ca5b5c4d4ae0abcf79e0c3"
        );
        let kdf = on(&object(10, &COUNT, &[0x84]));
        assert_eq!(
            hex(&kdf.derive(Role::UserPin, b"123456")),
            "126876615ff47362ba26eac3f4bce2899e74f89d3bfd36ad275da3556863c028cab6fd01b4fdc0307b9da392d030b0ae0e210a0f9cdc1cbad26e7e1e0a96b677"
        );
        let small = on(&object(8, &[0x83, 4, 0, 0, 0, 1], &[0x84]));
        assert_eq!(
            hex(&small.derive(Role::UserPin, b"123456")),
            "0b681d76dfaea78df6d51f6cbae5deec688bcffa916b6fa61d4b7493af28f06b"
        );
    }
}
