//! One PIN, PUK or key of a token: its state, its counter, its limits.

use super::{Retries, Role};

/// What state a reference is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be used.
    Ready,
    /// No try is left.
    Blocked,
    /// It has no value yet.
    Unset,
    /// It works, but the token wants a new value before anything else.
    MustChange,
    /// The token does not tell.
    Unknown,
}

impl State {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Unset => "unset",
            Self::MustChange => "must-change",
            Self::Unknown => "unknown",
        }
    }
}

/// What a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of UTF-8, as PKCS#11 counts.
    Bytes,
    /// Characters of ASCII.
    Characters,
    /// Decimal digits; nothing else is taken in a new value.
    Digits,
    /// Hexadecimal digits, two for each byte of a key.
    HexDigits,
}

impl Unit {
    /// The name in JSON: digits are characters there, a narrower alphabet being no other unit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Characters | Self::Digits | Self::HexDigits => "characters",
        }
    }
}

/// The lengths that a new value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// The fewest.
    pub min: usize,
    /// The most, where the token tells one.
    pub max: Option<usize>,
    /// Of what.
    pub unit: Unit,
}

/// One PIN, PUK or key of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The part it plays.
    pub role: Role,
    /// What its token calls it, as `--reference` takes it where there are several of one role.
    pub name: &'static str,
    /// The key reference of a card (P2), as in ISO 7816-4.
    pub key_reference: Option<u8>,
    /// Its state.
    pub state: State,
    /// Its counter.
    pub retries: Retries,
    /// Whether it still has the value of delivery, where the token tells.
    pub default: Option<bool>,
    /// The lengths of a new value.
    pub length: Length,
    /// The lengths that a present value can have; another cannot be right and is not sent. None where nothing is known.
    pub current_length: Option<(usize, usize)>,
}
