//! What a profile says of a card: where its PINs are, how they stand in a command, what its answers mean.

mod builtin;
mod fault;
mod validate;

pub use super::{
    bytes::{Aid, Apdu, Atr, Bytes, GetData, Pattern, Select, TagPath},
    encoding::{Encoding, Pad},
};
pub use builtin::built_in;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{error::Result, token::Role};

/// A card, as a TOML file describes it. The manual of the file's keys is `docs/profiles.md`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// The application's name in selectors, options and JSON: lower-case letters, digits and dashes.
    pub name: String,
    /// What people call the card.
    pub title: String,
    /// Whether the card was seen to behave so.
    pub status: Status,
    /// Where the facts are from.
    pub source: String,
    /// Application identifiers, each tried in turn until one is found.
    #[serde(default)]
    pub aid: Vec<Aid>,
    /// The SELECT commands that lead to the application where it has no identifier.
    #[serde(default)]
    pub select: Vec<Select>,
    /// The answers to reset of the cards that are meant; of any card where there are none.
    #[serde(default)]
    pub atr: Vec<Atr>,
    /// Whether the card refuses PIN commands by 6982 over a contactless reader, which then is no wrong PIN.
    #[serde(default)]
    pub contactless_refuses: bool,
    /// Where the serial number is; none where the card has none that can be read.
    #[serde(default)]
    pub serial: Option<Serial>,
    /// What status words mean where the card departs from ISO 7816-4.
    #[serde(default)]
    pub status_words: BTreeMap<Pattern, Means>,
    /// The PINs and PUKs, in the order in which people expect them.
    #[serde(rename = "reference")]
    pub references: Vec<Reference>,
    /// Whether it is neither compiled in nor the administrator's, so that the names which it gives a card are anyone's.
    #[serde(skip)]
    pub is_own: bool,
}

/// How far the facts of a profile were proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Status {
    /// Each operation was seen on a running card.
    #[serde(rename = "tested")]
    Tested,
    /// Some or all of it was read in documents or in other programs only.
    #[serde(rename = "from documents")]
    FromDocuments,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tested => "tested",
            Self::FromDocuments => "from documents",
        })
    }
}

/// Where the serial number is: in a file, or in the answer to GET DATA.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Serial {
    /// The SELECT commands that lead from the application to the file, which READ BINARY then reads from its start.
    #[serde(default)]
    pub file: Vec<Select>,
    /// The command whose answer holds it.
    #[serde(default)]
    pub get_data: Option<GetData>,
    /// The tags that lead to it in what was read; all of it where there are none.
    #[serde(default)]
    pub tags: Option<TagPath>,
    /// The bytes before it.
    #[serde(default)]
    pub offset: usize,
    /// Its bytes; the rest where none is given.
    #[serde(default)]
    pub length: Option<usize>,
    /// How it is printed on the card.
    pub shown: Shown,
}

/// How the bytes of a serial number are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// They are characters.
    Text,
    /// In hexadecimal.
    Hex,
}

/// What a status word means, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// Done.
    Done,
    /// The value was wrong; a last digit that stands behind 63C is the tries left.
    Wrong,
    /// No try is left.
    Blocked,
    /// A value is malformed.
    Malformed,
    /// There is no such reference, file or application.
    NotFound,
    /// The card does not know the command.
    NotSupported,
    /// The reference has no value yet.
    Unset,
    /// The value must be changed before it can be used.
    MustChange,
}

/// One PIN or PUK.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reference {
    /// Its name for `--reference`: letters, digits and dashes.
    pub name: String,
    /// The part it plays: `user-pin`, `puk` or `so-pin`.
    #[serde(deserialize_with = "role")]
    pub role: Role,
    /// The key reference, P2 of its commands; none for a PUK that lives inside a PIN and is known to its reset only.
    #[serde(default)]
    pub key: Option<u8>,
    /// The SELECT commands that lead to it from the application.
    #[serde(default)]
    pub select: Vec<Select>,
    /// How its characters become bytes.
    pub encoding: Encoding,
    /// What fills it up; nothing where the card is told its length.
    #[serde(default)]
    pub pad: Option<Pad>,
    /// The fewest characters of a new value.
    pub least: usize,
    /// The most.
    pub most: usize,
    /// Which characters a new value may have.
    #[serde(default)]
    pub alphabet: Alphabet,
    /// Where its counter is.
    pub counter: Counter,
    /// The tries after a right value, where they are the same on every card.
    #[serde(default)]
    pub tries: Option<u8>,
    /// Whether CHANGE REFERENCE DATA works, with the old value and the new one.
    #[serde(default = "yes")]
    pub change: bool,
    /// Which other references reset it, and by which forms of RESET RETRY COUNTER.
    #[serde(default)]
    pub reset: Vec<Reset>,
    /// How it gets its first value; none where it always has one.
    #[serde(default)]
    pub first: Option<First>,
}

fn yes() -> bool {
    true
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let name = String::deserialize(deserializer)?;
    let roles = [Role::UserPin, Role::Puk, Role::SoPin];
    let role = roles.into_iter().find(|role| role.name() == name);
    role.ok_or_else(|| D::Error::custom("a role is user-pin, puk or so-pin"))
}

/// Which characters a value may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// Decimal digits.
    #[default]
    Digits,
    /// Every graphic character of ASCII.
    Any,
}

/// Where a counter is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counter {
    /// In the answer to VERIFY without data (63Cx).
    Verify,
    /// In the answer to GET DATA.
    GetData(CounterData),
    /// Nowhere: the card does not tell.
    None,
}

/// A counter in the answer to GET DATA.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CounterData {
    /// The command.
    pub command: GetData,
    /// The tags that lead to the tries left, one byte.
    pub left: TagPath,
    /// The tags that lead to the tries after a right value, one byte.
    #[serde(default)]
    pub limit: Option<TagPath>,
    /// What says that the value must be changed before it can be used.
    #[serde(default)]
    pub must_change: Option<MustChange>,
}

/// A value in an answer that says that a PIN must be changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MustChange {
    /// The tags that lead to it.
    pub tags: TagPath,
    /// The bytes that say so.
    pub value: Bytes,
}

/// A way to reset a reference.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The name of the reference whose value permits it.
    pub by: String,
    /// The forms that work.
    pub forms: Vec<Form>,
}

/// A form of RESET RETRY COUNTER, by its P1 (ISO 7816-4, 11.6.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub enum Form {
    /// 00: the other's value and a new PIN.
    WithCode,
    /// 01: the other's value; the PIN is kept.
    CodeOnly,
    /// 02: a new PIN, after the other's value was verified.
    Verified,
    /// 03: nothing, after the other's value was verified; the PIN is kept.
    VerifiedKeep,
}

impl TryFrom<u8> for Form {
    type Error = &'static str;

    fn try_from(p1: u8) -> Result<Self, Self::Error> {
        match p1 {
            0 => Ok(Self::WithCode),
            1 => Ok(Self::CodeOnly),
            2 => Ok(Self::Verified),
            3 => Ok(Self::VerifiedKeep),
            _ => Err("the forms of RESET RETRY COUNTER are 0, 1, 2 and 3"),
        }
    }
}

impl Form {
    /// Whether the PIN keeps its value: `pin unblock`, not `pin reset`.
    pub fn keeps_value(self) -> bool {
        matches!(self, Self::CodeOnly | Self::VerifiedKeep)
    }

    /// Whether the other's value is verified before, and not part of the command.
    pub fn is_verified_before(self) -> bool {
        matches!(self, Self::Verified | Self::VerifiedKeep)
    }
}

/// How a reference gets its first value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum First {
    /// By CHANGE REFERENCE DATA with P1 = 01 and the new value alone.
    Set {
        /// The reference that must have its value before: it cannot get one later.
        #[serde(default)]
        after: Option<String>,
    },
    /// By CHANGE REFERENCE DATA from a value that is no PIN.
    NullPin {
        /// The bytes of that value, as they stand in the command.
        value: Bytes,
    },
    /// By CHANGE REFERENCE DATA from a PIN of delivery, which the holder was sent.
    TransportPin {
        /// Its fewest characters.
        least: usize,
        /// Its most.
        most: usize,
    },
}

impl Profile {
    /// Reads a profile; `shown` is how messages call the file.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] with line and column, for what is not TOML, what is no profile, and what is none that holds.
    pub fn parse(text: &str, shown: &str) -> Result<Self> {
        let profile: Self = toml::from_str(text).map_err(|error| fault::of_toml(&error, text, shown))?;
        match validate::check(&profile) {
            Ok(()) => Ok(profile),
            Err(fault) => Err(fault.at(text, shown)),
        }
    }

    /// The reference of that name.
    pub fn reference(&self, name: &str) -> Option<&Reference> {
        self.references.iter().find(|reference| reference.name == name)
    }

    /// What the profile says of a status word; none where it means what ISO 7816-4 says. The most digits win.
    pub fn means(&self, word: u16) -> Option<Means> {
        let fitting = self.status_words.iter().filter_map(|(pattern, means)| Some((pattern.fits(word)?, *means)));
        fitting.max_by_key(|(digits, _)| *digits).map(|(_, means)| means)
    }
}

impl Reference {
    /// Whether the card is told where an old value ends: else one character too many would become the first of the new value,
    /// and VERIFY has to come before CHANGE.
    pub fn is_delimited(&self) -> bool {
        self.pad.is_some() || self.encoding == Encoding::Glp
    }

    /// Whether the answer that holds its counter also tells that its value must be changed.
    pub fn tells_must_change(&self) -> bool {
        matches!(&self.counter, Counter::GetData(data) if data.must_change.is_some())
    }

    /// The reference that has to get its first value before this one, or never can.
    pub fn set_after(&self) -> Option<&str> {
        match &self.first {
            Some(First::Set { after }) => after.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
