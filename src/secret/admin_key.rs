//! An admin key: what a card calls its management key, admin key or authentication key, given in hexadecimal.

use std::fmt;

use super::{Pages, Pin};
use crate::{
    error::{Error, Result},
    token::Need,
};

/// The key that administers a card, in bytes. Which cipher it is for, the card says or the length of its challenge.
///
/// It has no `Display`, `Clone` or `Serialize`, and its `Debug` shows nothing of it.
pub struct AdminKey(Pages);

impl AdminKey {
    /// The lengths in bytes that a key can have: AES-128; 3DES and AES-192; AES-256.
    pub const LENGTHS: [usize; 3] = [16, 24, 32];

    /// Reads the hexadecimal digits of a key, in either case and with nothing between them; `need` is the option that gave them.
    ///
    /// # Errors
    /// [`Error::Policy`] for another number of digits than 32, 48 or 64, and for anything that is no digit.
    pub fn parse(need: Need, digits: &Pin) -> Result<Self> {
        let refuse = |why| Err(Error::Policy(format!("what --{} gave {why}; nothing was sent", need.option())));
        if !Self::LENGTHS.map(|length| 2 * length).contains(&digits.len()) {
            return refuse("is no key, which has 32, 48 or 64 hexadecimal digits");
        }
        // Decoded in constant time.
        let mut key = Pages::filled(digits.len() / 2, 0);
        match base16ct::mixed::decode(digits.bytes(), &mut key) {
            Ok(_) => Ok(Self(key)),
            Err(_) => refuse("holds a character that is no hexadecimal digit"),
        }
    }

    /// The key, for a cipher or for the one command that gives it to a card.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(withheld)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Role;

    fn parse(digits: &str) -> Result<AdminKey> {
        AdminKey::parse(Need::Current(Role::AdminKey), &Pin::take(digits.as_bytes()))
    }

    #[test]
    fn a_key_is_read_in_either_case() {
        let key = parse("0123456789abcdefFEDCBA9876543210").unwrap();
        assert_eq!(
            key.bytes(),
            [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10]
        );
        assert_eq!(parse(&"0".repeat(48)).unwrap().bytes(), [0; 24]);
        assert_eq!(parse(&"f".repeat(64)).unwrap().bytes(), [0xFF; 32]);
    }

    #[test]
    fn another_length_is_refused_with_exit_6_and_the_key_is_not_repeated() {
        for length in [0, 1, 16, 31, 33, 47, 49, 50, 63, 65, 128] {
            let error = parse(&"7".repeat(length)).unwrap_err();
            assert_eq!(error.exit_code(), 6, "{length}");
            assert!(!error.to_string().contains("77"), "{error}");
            assert!(error.to_string().contains("--admin-key"), "{error}");
        }
    }

    #[test]
    fn what_is_no_digit_is_refused_with_exit_6_and_not_repeated() {
        for odd in ["g", "O", " ", ":", "-", "\u{0}", "\u{ff}"] {
            let digits = format!("{}{odd}", "7".repeat(48 - odd.len()));
            let error = parse(&digits).unwrap_err();
            assert_eq!(error.exit_code(), 6, "{odd:?}");
            assert!(error.to_string().contains("no hexadecimal digit") && !error.to_string().contains("77"), "{error}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        assert_eq!(format!("{:?}", parse(&"7".repeat(48)).unwrap()), "AdminKey(withheld)");
    }
}
