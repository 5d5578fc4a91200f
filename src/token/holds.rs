//! Which of two values a token has after a write that nobody is sure of.

/// Which value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The one from before.
    Old,
    /// The one it was to get.
    New,
    /// It did not tell or could not be asked any more, or would have cost a try that nobody allowed.
    Unknown,
}

impl Holds {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Unknown => "unknown",
        }
    }
}
