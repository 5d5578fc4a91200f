//! How a PIN stands in a command: its characters, its padding, its length.

use serde::Deserialize;

use crate::{
    error::{Error, Result},
    secret::{Pages, Pin},
};

/// How the characters of a value become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// A byte a character.
    Ascii,
    /// Two decimal digits a byte; an odd last one is filled up with the padding's low digit, or F.
    Bcd,
    /// The PIN block of GlobalPlatform: 8 bytes, 2 and the count of digits, the digits, and F.
    Glp,
}

/// What fills a value up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// With which byte.
    pub byte: u8,
    /// To how many bytes.
    pub to: usize,
}

/// The bytes of a GlobalPlatform PIN block.
pub const GLP_BLOCK: usize = 8;
/// The digits that it can hold, so that its first byte stays 24 to 2C.
pub const GLP_DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

impl Encoding {
    /// The bytes of `pin`, on the heap and wiped when dropped.
    ///
    /// # Errors
    /// [`Error::Policy`] where the encoding cannot carry it; the value is not repeated.
    pub fn encode(self, pin: &Pin, pad: Option<Pad>) -> Result<Pages> {
        let refuse = |why: &str| Err(Error::Policy(format!("{why}; nothing was sent")));
        if pin.is_empty() {
            return refuse("a value without characters is none");
        }
        if self == Self::Ascii {
            if !pin.bytes().iter().all(u8::is_ascii_graphic) {
                return refuse("a value for this card has characters of ASCII, without blanks");
            }
        } else if !pin.bytes().iter().all(u8::is_ascii_digit) {
            return refuse("a value for this card has decimal digits only");
        }
        let room = match self {
            Self::Glp if !GLP_DIGITS.contains(&pin.len()) => return refuse("a value for this card has 4 to 12 digits"),
            Self::Glp => GLP_BLOCK,
            Self::Ascii => pad.map_or(pin.len(), |pad| pad.to),
            Self::Bcd => pad.map_or(pin.len().div_ceil(2), |pad| pad.to),
        };
        let filler = pad.map_or(0xFF, |pad| pad.byte);
        let mut block = Pages::with_capacity(room.max(pin.len()));
        match self {
            Self::Ascii => block.extend_from_slice(pin.bytes()),
            Self::Bcd => pack(&mut block, pin.bytes(), filler),
            Self::Glp => {
                block.push(0x20 | (pin.len() & 0x0F) as u8);
                pack(&mut block, pin.bytes(), filler);
            }
        }
        if block.len() > room {
            return refuse("the value is too long for this card");
        }
        block.resize(room, filler);
        Ok(block)
    }
}

/// Two digits a byte.
fn pack(block: &mut Pages, digits: &[u8], filler: u8) {
    for pair in digits.chunks(2) {
        let [high, low] = [pair.first(), pair.get(1)].map(|digit| digit.map_or(filler & 0x0F, |digit| digit & 0x0F));
        block.push(high << 4 | low);
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn encoded(encoding: Encoding, pin: &str, pad: Option<(u8, usize)>) -> Result<Vec<u8>> {
        let pin = Pin::take(Zeroizing::new(pin.as_bytes().to_vec()));
        encoding.encode(&pin, pad.map(|(byte, to)| Pad { byte, to })).map(|block| block.to_vec())
    }

    #[test]
    fn ascii_is_padded_as_the_card_wants_it_or_not_at_all() {
        let estonia_2018 = b"1234\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
        assert_eq!(encoded(Encoding::Ascii, "1234", Some((0xFF, 12))).unwrap(), estonia_2018);
        assert_eq!(encoded(Encoding::Ascii, "12345", Some((0x00, 12))).unwrap(), b"12345\0\0\0\0\0\0\0");
        assert_eq!(encoded(Encoding::Ascii, "12345678", Some((0xFF, 8))).unwrap(), b"12345678");
        assert_eq!(encoded(Encoding::Ascii, "648219", None).unwrap(), b"648219");
    }

    #[test]
    fn sixteen_digits_of_bcd_are_eight_bytes() {
        let so_pin = [0x35, 0x37, 0x62, 0x18, 0x80, 0x53, 0x28, 0x19];
        assert_eq!(encoded(Encoding::Bcd, "3537621880532819", None).unwrap(), so_pin);
    }

    #[test]
    fn an_odd_digit_of_bcd_is_filled_up_as_the_rest_is() {
        assert_eq!(encoded(Encoding::Bcd, "123", Some((0xFF, 4))).unwrap(), [0x12, 0x3F, 0xFF, 0xFF]);
        assert_eq!(encoded(Encoding::Bcd, "123", Some((0x00, 4))).unwrap(), [0x12, 0x30, 0x00, 0x00]);
        assert_eq!(encoded(Encoding::Bcd, "123", None).unwrap(), [0x12, 0x3F]);
    }

    #[test]
    fn a_pin_block_of_global_platform_counts_its_digits() {
        let block = |pin| encoded(Encoding::Glp, pin, None).unwrap();
        assert_eq!(block("12345"), [0x25, 0x12, 0x34, 0x5F, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(block("123456789012"), [0x2C, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0xFF]);
        assert_eq!(block("1234"), [0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    }

    #[test]
    fn what_an_encoding_cannot_carry_is_refused_and_not_repeated() {
        for (encoding, pin, pad) in [
            (Encoding::Ascii, "", Some((0xFF, 8))),
            (Encoding::Ascii, "1234é", None),
            (Encoding::Ascii, "12 34", None),
            (Encoding::Ascii, "123456789", Some((0xFF, 8))),
            (Encoding::Bcd, "1234a", None),
            (Encoding::Bcd, "12345", Some((0xFF, 2))),
            (Encoding::Glp, "123", None),
            (Encoding::Glp, "1234567890123", None),
            (Encoding::Glp, "1234a", None),
        ] {
            let refused = encoded(encoding, pin, pad).unwrap_err();
            assert_eq!(refused.exit_code(), 6, "{pin}");
            assert!(pin.is_empty() || !refused.to_string().contains(pin), "{refused}");
        }
    }
}
