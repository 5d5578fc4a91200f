//! The characters that a new value may have.

use serde::Deserialize;

/// An alphabet. All are of ASCII: what every keyboard types, and every token reads alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Characters {
    /// 0 to 9.
    Digits,
    /// A to Z and a to z.
    Letters,
    /// Both.
    LettersAndDigits,
    /// Letters, digits, punctuation and the blank.
    Printable,
    /// None at all: what is left where one file asks for digits and another for letters. No file can say it.
    #[serde(skip)]
    Nothing,
}

impl Characters {
    /// Whether it is one of these.
    pub fn hold(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Letters => byte.is_ascii_alphabetic(),
            Self::LettersAndDigits => byte.is_ascii_alphanumeric(),
            Self::Printable => byte.is_ascii_graphic() || byte == b' ',
            Self::Nothing => false,
        }
    }

    /// How many there are.
    pub fn count(self) -> usize {
        (0..=u8::MAX).filter(|byte| self.hold(*byte)).count()
    }

    /// Those that both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, another) if one == another => one,
            (Self::Nothing, _) | (_, Self::Nothing) => Self::Nothing,
            (Self::Printable, narrower) | (narrower, Self::Printable) => narrower,
            (Self::LettersAndDigits, narrower) | (narrower, Self::LettersAndDigits) => narrower,
            (Self::Digits, _) | (Self::Letters, _) => Self::Nothing,
        }
    }

    /// What they are called after a number: `digits`.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::Letters => "letters (A to Z)",
            Self::LettersAndDigits => "letters (A to Z) and digits",
            Self::Printable => "printable ASCII characters",
            Self::Nothing => "characters, of which none is allowed",
        }
    }
}
