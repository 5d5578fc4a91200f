//! Switches by name: how cards that speak the same protocol differ.

use std::{fmt, str::FromStr};

use anyhow::{Error, Result, bail};

use crate::{
    apdu::{Reply, Status},
    hex,
};

/// A group of switches, as [`switches!`](crate::switches) makes it.
pub trait Switches {
    /// Turns the switch `name`; false where there is none of that name.
    ///
    /// # Errors
    /// It has no such value.
    fn set(&mut self, name: &str, value: &str) -> Result<bool>;

    /// Name, value and meaning of each.
    fn list(&self) -> Vec<(String, String, &'static str)>;
}

/// Makes a struct of named switches. Each field has a type that can be read and shown, the value that it has unless
/// said otherwise, and one line on what it means. The switch `change-wrong` is the field `change_wrong`.
#[macro_export]
macro_rules! switches {
    ($(#[$outer:meta])* pub struct $name:ident { $(#[doc = $meaning:literal] $field:ident: $kind:ty = $default:expr,)* }) => {
        $(#[$outer])*
        #[derive(Clone)]
        pub struct $name { $(#[doc = $meaning] pub $field: $kind,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::dialect::Switches for $name {
            fn set(&mut self, name: &str, value: &str) -> anyhow::Result<bool> {
                $(if name == stringify!($field).replace('_', "-") {
                    self.$field = value.parse()?;
                    return Ok(true);
                })*
                Ok(false)
            }

            fn list(&self) -> Vec<(String, String, &'static str)> {
                vec![$((stringify!($field).replace('_', "-"), self.$field.to_string(), $meaning.trim()),)*]
            }
        }
    };
}

/// Makes an enum of a switch that has a few values with a name each.
#[macro_export]
macro_rules! choice {
    ($(#[$outer:meta])* pub enum $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $(#[doc = $text] $variant,)* }

        impl std::str::FromStr for $name {
            type Err = anyhow::Error;

            fn from_str(text: &str) -> anyhow::Result<Self> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => anyhow::bail!("{text}: none of {}", [$($text),*].join(", ")),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

/// A status word that may say the tries left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 63Cx
    Counted,
    /// Always the same; 9000 where the card takes what others refuse.
    Fixed(Status),
}

impl Answer {
    pub const ACCEPTED: Self = Self::Fixed(Status::OK);
    pub const BLOCKED: Self = Self::Fixed(Status::BLOCKED);

    #[must_use]
    pub fn is_acceptance(self) -> bool {
        self == Self::ACCEPTED
    }

    /// What the card says with `tries` left.
    ///
    /// # Errors
    /// Every answer but 9000.
    pub fn with(self, tries: u8) -> Reply {
        match self {
            Self::Counted => Err(Status::tries(tries)),
            Self::Fixed(Status::OK) => Ok(Vec::new()),
            Self::Fixed(status) => Err(status),
        }
    }
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        Self::Fixed(status)
    }
}

impl FromStr for Answer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "63Cx" => Ok(Self::Counted),
            _ => Ok(Self::Fixed(text.parse()?)),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted => formatter.write_str("63Cx"),
            Self::Fixed(status) => status.fmt(formatter),
        }
    }
}

impl FromStr for Status {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match u16::from_str_radix(text, 16) {
            Ok(status) if text.len() == 4 => Ok(Self(status)),
            _ => bail!("{text}: no status word of four hex digits"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04X}", self.0)
    }
}

/// `yes` or `no`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YesNo(pub bool);

impl FromStr for YesNo {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "yes" => Ok(Self(true)),
            "no" => Ok(Self(false)),
            _ => bail!("{text}: neither yes nor no"),
        }
    }
}

impl fmt::Display for YesNo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0 { "yes" } else { "no" })
    }
}

/// Bytes in hex; `none` are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl FromStr for Bytes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "none" { Ok(Self(Vec::new())) } else { hex::decode(text).map(Self) }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "none".to_owned() } else { hex::encode(&self.0) }.as_str())
    }
}

/// A PIN as it is typed; `none` is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl FromStr for Text {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(if text == "none" { String::new() } else { text.to_owned() }))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "none" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_known_by_name_and_refuses_what_it_does_not_know() -> Result<()> {
        let mut pin = crate::pin::PinDialect::default();
        assert!(pin.set("change-wrong", "6300")?);
        assert_eq!(pin.change_wrong, Answer::Fixed(Status(0x6300)));
        assert!(!pin.set("no-such-switch", "6300")?);
        assert!(pin.set("change-wrong", "63").is_err());
        Ok(())
    }
}
