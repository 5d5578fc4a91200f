//! The rules by name, each with the sentence that refuses.

use serde::Deserialize;

/// What a policy can refuse of a new value, by the words of its key `refuse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// The value that it replaces.
    Old,
    /// Another secret of the same token: a PUK like the PIN.
    Other,
    /// The token's number in it, or a part of it.
    Serial,
    /// The token's label in it, or a part of it.
    Label,
    /// The same again and again.
    Repeats,
    /// Characters that follow each other.
    Sequences,
    /// Keys that stand beside each other.
    Keyboard,
    /// A date or a year.
    Dates,
    /// What many people take.
    Common,
}

impl Refused {
    /// Every one, in the order in which they are looked at.
    pub const ALL: [Self; 9] = [
        Self::Old,
        Self::Other,
        Self::Serial,
        Self::Label,
        Self::Repeats,
        Self::Sequences,
        Self::Keyboard,
        Self::Dates,
        Self::Common,
    ];

    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::Other => "other",
            Self::Serial => "serial",
            Self::Label => "label",
            Self::Repeats => "repeats",
            Self::Sequences => "sequences",
            Self::Keyboard => "keyboard",
            Self::Dates => "dates",
            Self::Common => "common",
        }
    }
}

/// A rule of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Only some characters.
    Characters,
    /// A least length.
    Min,
    /// A greatest length.
    Max,
    /// Not this.
    Refused(Refused),
}

impl Rule {
    /// Its name: the key in the configuration, and the word where the key has several.
    pub fn name(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Min => "min",
            Self::Max => "max",
            Self::Refused(refused) => refused.name(),
        }
    }
}
