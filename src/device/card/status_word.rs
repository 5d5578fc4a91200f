//! Status words (ISO 7816-4, 5.1.3), each given its meaning in one place.

use std::fmt;

/// SW1 and SW2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusWord(pub u16);

/// What a status word says about a command that presents or sets a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Done.
    Done,
    /// The value was wrong; so many tries are left, where it says so.
    Wrong(Option<u8>),
    /// No try is left.
    Blocked,
    /// A value is malformed: its length, its characters, its padding.
    Malformed,
    /// There is no such reference, file or application.
    NotFound,
    /// The card does not know the command, or not with these parameters.
    NotSupported,
    /// Anything else: nothing is known, and nothing is tried again.
    Other,
}

impl StatusWord {
    /// Success.
    pub const OK: Self = Self(0x9000);

    /// The bytes that wait to be fetched by GET RESPONSE (61xx; 00 stands for 256).
    pub fn more(self) -> Option<u8> {
        (self.0 >> 8 == 0x61).then_some((self.0 & 0xFF) as u8)
    }

    /// The Le that the card wants instead (6Cxx).
    pub fn right_length(self) -> Option<u8> {
        (self.0 >> 8 == 0x6C).then_some((self.0 & 0xFF) as u8)
    }

    /// What it means. 6300 and 6982 are wrong values without a number: the counter has to be read to know more.
    pub fn meaning(self) -> Meaning {
        match self.0 {
            0x9000 => Meaning::Done,
            0x63C0 | 0x6983 | 0x6984 => Meaning::Blocked,
            // Yubico's PIV before 1.0.4 has the number in the whole second byte.
            0x6301..=0x630F | 0x63C1..=0x63CF => Meaning::Wrong(Some((self.0 & 0xF) as u8)),
            0x6300 | 0x6982 => Meaning::Wrong(None),
            0x6700 | 0x6A80 | 0x6985 => Meaning::Malformed,
            0x6A82 | 0x6A88 => Meaning::NotFound,
            0x6A81 | 0x6A86 | 0x6B00 | 0x6D00 | 0x6E00 => Meaning::NotSupported,
            _ => Meaning::Other,
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SW {:04X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tries_left_is_blocked_however_a_card_says_it() {
        assert_eq!(StatusWord(0x63C0).meaning(), Meaning::Blocked);
        assert_eq!(StatusWord(0x6983).meaning(), Meaning::Blocked);
    }

    #[test]
    fn a_wrong_value_without_a_number_is_no_counter() {
        assert_eq!(StatusWord(0x6300).meaning(), Meaning::Wrong(None));
        assert_eq!(StatusWord(0x6982).meaning(), Meaning::Wrong(None));
        assert_eq!(StatusWord(0x63C2).meaning(), Meaning::Wrong(Some(2)));
    }

    #[test]
    fn old_firmware_tells_its_tries_in_the_whole_second_byte() {
        assert_eq!(StatusWord(0x6301).meaning(), Meaning::Wrong(Some(1)));
        assert_eq!(StatusWord(0x630F).meaning(), Meaning::Wrong(Some(15)));
        assert_eq!(StatusWord(0x6310).meaning(), Meaning::Other);
    }

    #[test]
    fn what_is_in_no_table_means_nothing() {
        for word in [0x0000, 0x6281, 0x6381, 0x6581, 0x6900, 0x6F00, 0x9100, 0xFFFF] {
            assert_eq!(StatusWord(word).meaning(), Meaning::Other);
        }
    }
}
