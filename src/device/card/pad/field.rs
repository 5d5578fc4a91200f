//! How a value that is typed stands in the data of a command: bmFormatString, bmPINBlockString, bmPINLengthFormat, and the bytes
//! that a reader writes it over (PC/SC part 10, 2.5.2).

use crate::device::card::iso7816::{Encoding, Padding};

/// A field that a reader can fill in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A byte a digit and nothing else: the reader makes the command as long as it has to be.
    Open,
    /// A byte a digit, and the rest filled up.
    Filled {
        /// With which byte.
        filler: u8,
        /// To how many bytes, at most [`LONGEST`].
        length: usize,
    },
    /// The block of GlobalPlatform: 2, the count of digits, two digits a byte, F to the end of its 8 bytes.
    Glp,
}

/// The most bytes of a field: bmPINBlockString has four bits for them.
const LONGEST: usize = 15;
const GLP_LENGTH: usize = 8;

impl Field {
    /// The field of that encoding; none where no reader can form it. BCD without a count is left to the keyboard: how an odd
    /// digit is filled up differs from reader to reader.
    pub fn of(encoding: Encoding, padding: Option<Padding>) -> Option<Self> {
        match (encoding, padding) {
            (Encoding::Ascii, None) => Some(Self::Open),
            (Encoding::Ascii, Some(Padding { byte, to })) if to <= LONGEST => {
                Some(Self::Filled { filler: byte, length: to })
            }
            (Encoding::Glp, None | Some(Padding { byte: 0xFF, to: GLP_LENGTH })) => Some(Self::Glp),
            _ => None,
        }
    }

    /// Whether the card is told where a value ends.
    pub fn is_delimited(self) -> bool {
        self != Self::Open
    }

    /// The bytes of one field; 0 where that depends on what is typed.
    pub fn length(self) -> usize {
        match self {
            Self::Open => 0,
            Self::Filled { length, .. } => length,
            Self::Glp => GLP_LENGTH,
        }
    }

    /// bmFormatString, bmPINBlockString and bmPINLengthFormat.
    ///
    /// Of a block of GlobalPlatform two descriptions are in use. This is OpenSC's: in bits, the digits as BCD from bit 8 on, a
    /// count of 4 bits that begins at bit 4, 8 bytes in all (41 48 04); the Belgian middleware sends 89 47 04.
    pub fn format(self) -> [u8; 3] {
        match self {
            // In bytes, from the first one on, left justified, ASCII.
            Self::Open => [0x82, 0x00, 0x00],
            Self::Filled { length, .. } => [0x82, (length & 0x0F) as u8, 0x00],
            Self::Glp => [0x41, 0x48, 0x04],
        }
    }

    /// What stands there before anything is typed.
    pub fn template(self) -> Vec<u8> {
        match self {
            Self::Open => Vec::new(),
            Self::Filled { filler, length } => vec![filler; length],
            Self::Glp => vec![0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_reader_can_form_is_left_to_the_keyboard() {
        let of = |encoding, padding: Option<(u8, usize)>| {
            Field::of(encoding, padding.map(|(byte, to)| Padding { byte, to }))
        };
        assert_eq!(of(Encoding::Ascii, Some((0x00, 12))), Some(Field::Filled { filler: 0x00, length: 12 }));
        assert_eq!(of(Encoding::Ascii, None), Some(Field::Open));
        assert_eq!(of(Encoding::Glp, None), Some(Field::Glp));
        for (encoding, padding) in [
            (Encoding::Ascii, Some((0x00, 16))),
            (Encoding::Bcd, None),
            (Encoding::Bcd, Some((0xFF, 8))),
            (Encoding::Glp, Some((0x00, 8))),
        ] {
            assert_eq!(of(encoding, padding), None, "{encoding:?} {padding:?}");
        }
    }
}
