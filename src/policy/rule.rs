//! The rules by name.

use serde::Deserialize;

/// What a policy can refuse of a new value, by the words of its key `refuse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// Characters that follow each other.
    Sequences,
    /// The same again.
    Repeats,
    /// Keys that stand beside each other.
    Keyboard,
    /// A date or a year.
    Dates,
    /// What many people take.
    Common,
    /// The value that it replaces.
    Old,
    /// Another secret of the same token: a PUK like the PIN.
    Other,
    /// The token's number in it, or a part of that.
    Serial,
    /// The token's label in it, or a part of that.
    Label,
}

impl Refused {
    /// Every one, in the order in which they are looked at and told.
    pub const ALL: [Self; 9] = [
        Self::Sequences,
        Self::Repeats,
        Self::Keyboard,
        Self::Dates,
        Self::Common,
        Self::Old,
        Self::Other,
        Self::Serial,
        Self::Label,
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
