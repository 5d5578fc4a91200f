//! Retry counters: what the token says, and no more.

use std::fmt;

/// The tries left of one reference. PKCS#11 has flags, cards have numbers; neither is dressed up as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// A card's counter, and its limit where the card tells it.
    Left {
        /// Tries left, at least one. A status word cannot tell more than 15.
        left: u8,
        /// Tries after a right value.
        limit: Option<u8>,
    },
    /// At least one wrong value since the last right one (CKF_..._COUNT_LOW).
    Low,
    /// One try left (CKF_..._FINAL_TRY).
    Final,
    /// No try left.
    Blocked,
    /// A wrong value costs nothing, ever.
    Unlimited,
    /// The token does not tell.
    Unknown,
}

impl Retries {
    /// A counter as a card gives it: none left means blocked.
    pub fn counted(left: u8, limit: Option<u8>) -> Self {
        if left == 0 { Self::Blocked } else { Self::Left { left, limit } }
    }

    /// Whether the token admits that one more wrong value blocks the reference.
    pub fn is_last(self) -> bool {
        matches!(self, Self::Final | Self::Left { left: 1, .. })
    }
}

impl fmt::Display for Retries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left { left: 1, limit: None } => f.write_str("1 try left"),
            Self::Left { left, limit: None } => write!(f, "{left} tries left"),
            Self::Left { left, limit: Some(limit) } => write!(f, "{left} of {limit} tries left"),
            Self::Low => f.write_str("a wrong value was given since the last right one"),
            Self::Final => f.write_str("1 try left"),
            Self::Blocked => f.write_str("no tries left"),
            Self::Unlimited => f.write_str("tries not counted"),
            Self::Unknown => f.write_str("tries not told"),
        }
    }
}
