//! What a new value must be, what a present one can be, and when a try may be spent.
//!
//! A token has limits of its own ([`check_new`]); a policy adds [`Demands`]. What it can refuse, and by which measure:
//!
//! | word | refuses a value that |
//! | --- | --- |
//! | `sequences` | is mostly digits or letters up or down by one or two (`890123`, `13579`), or numbers of two digits up or down by the same (`102030`) |
//! | `repeats` | is mostly one character again and again, a piece at least twice, each character twice, a mirror, or of six and more only two different ones |
//! | `keyboard` | is mostly along rows and columns of QWERTY, QWERTZ or AZERTY, or lines of a pad of digits (`2580`, `159753`) |
//! | `dates` | is a date or a year of 1900 to 2099, or is half of it a date of eight digits |
//! | `common` | stands in the compiled list (its head names its source) or in the site's own |
//! | `old` | is the one that it replaces |
//! | `other` | is another secret of the same token |
//! | `serial`, `label` | has four characters in a row from it that are half of the value, or all of it |
//!
//! Mostly is more than half in runs of three or more, or half where a run has four or more: `1234` spoils eight digits, and `123`
//! does not spoil six. Letters count whatever their case. The first five are looked for in the value as it is and
//! without what stands between its characters (blank, `.`, `-`, `/`, `_`), with the digits of other scripts by their value.

mod bare;
mod characters;
mod check;
mod clause;
mod dates;
mod demands;
mod frequent;
mod keyboard;
mod overlap;
mod pattern;
mod repeats;
mod rule;
mod ruling;
mod runs;
mod sequences;
#[cfg(test)]
mod tests;
mod words;

pub use characters::Characters;
pub use check::Beside;
pub use clause::{Clause, Facts, Generator, Origin, Scope};
pub use demands::Demands;
pub use frequent::Common;
pub use pattern::Pattern;
pub use rule::{Refused, Rule};
pub use ruling::{Bounds, Policy, Ruling};

use crate::{
    error::{Error, Result},
    secret::Pin,
    token::{Length, Need, Reference, Retries, Role, Unit},
};

/// Refuses to spend a try that is not there, and the last one unless its role was named.
///
/// # Errors
/// [`Error::Blocked`], [`Error::LastTry`].
pub fn may_spend(role: Role, retries: Retries, allowed: &[Role]) -> Result<()> {
    match retries {
        Retries::Blocked => Err(Error::Blocked { role, now: false, detail: None }),
        last if last.is_last() && !allowed.contains(&role) => Err(Error::LastTry { role }),
        _ => Ok(()),
    }
}

/// Checks a new value against what the token takes, before anything is sent; `old` is the value that it replaces.
///
/// # Errors
/// [`Error::Policy`] with the rule, never the value.
pub fn check_new(value: &Pin, reference: &Reference, old: Option<&Pin>) -> Result<()> {
    let (length, called) = (reference.length, reference.name);
    let given = count(value, length.unit);
    if given < length.min {
        return Err(Error::Policy(format!("the new {called} is too short: this token takes {}", limits(length))));
    }
    if length.max.is_some_and(|max| given > max) {
        return Err(Error::Policy(format!("the new {called} is too long: this token takes {}", limits(length))));
    }
    let fits = match length.unit {
        Unit::Bytes => true,
        Unit::Characters => value.bytes().iter().all(u8::is_ascii_graphic),
        Unit::Digits => value.bytes().iter().all(u8::is_ascii_digit),
        Unit::HexDigits => value.bytes().iter().all(u8::is_ascii_hexdigit),
    };
    if !fits {
        let alphabet = match length.unit {
            Unit::Characters => " of printable ASCII without blanks",
            Unit::Bytes | Unit::Digits | Unit::HexDigits => "",
        };
        return Err(Error::Policy(format!(
            "the new {called} holds a character that this token does not take: it takes {}{alphabet}",
            limits(length)
        )));
    }
    if old == Some(value) {
        return Err(Error::Policy(format!("the new {called} is the old one")));
    }
    Ok(())
}

/// Checks a present value: one of a length that it cannot have is wrong for sure, and sending it could cost a try.
///
/// # Errors
/// [`Error::Policy`], naming the option that gave it.
pub fn check_current(need: Need, value: &Pin, reference: &Reference) -> Result<()> {
    let (fits, unit) = match reference.length.unit {
        Unit::HexDigits => (value.bytes().iter().all(u8::is_ascii_hexdigit), "hexadecimal digits"),
        // No such token takes anything else for a value: it was never given one.
        Unit::Characters | Unit::Digits if !value.bytes().is_ascii() => {
            return Err(Error::Policy(format!(
                "what --{} gave cannot be the {}, which has no letters but those of ASCII; nothing was sent",
                need.option(),
                reference.name,
            )));
        }
        Unit::Bytes | Unit::Characters | Unit::Digits => (true, "characters"),
    };
    match reference.current_length {
        Some((min, max)) if !fits || !(min..=max).contains(&value.len()) => Err(Error::Policy(format!(
            "what --{} gave cannot be the {}, which has {}; nothing was sent",
            need.option(),
            reference.name,
            range(min, Some(max), unit),
        ))),
        _ => Ok(()),
    }
}

/// How many digits a present value has that is told in hexadecimal, in words: `48 hexadecimal digits`.
pub fn digits(reference: &Reference) -> Option<String> {
    let (min, max) = reference.current_length.filter(|_| reference.length.unit == Unit::HexDigits)?;
    Some(range(min, Some(max), "hexadecimal digits"))
}

/// The limits of a new value, in words: `6 to 8 digits`.
pub fn limits(length: Length) -> String {
    let unit = match length.unit {
        Unit::Bytes => "bytes",
        Unit::Characters => "characters",
        Unit::Digits => "digits",
        Unit::HexDigits => "hexadecimal digits",
    };
    range(length.min, length.max, unit)
}

fn range(min: usize, max: Option<usize>, unit: &str) -> String {
    match max {
        Some(max) if max == min => format!("{min} {unit}"),
        Some(max) => format!("{min} to {max} {unit}"),
        None => format!("at least {min} {unit}"),
    }
}

fn count(value: &Pin, unit: Unit) -> usize {
    match unit {
        Unit::Bytes | Unit::Digits | Unit::HexDigits => value.len(),
        Unit::Characters => std::str::from_utf8(value.bytes()).map_or(value.len(), |text| text.chars().count()),
    }
}
