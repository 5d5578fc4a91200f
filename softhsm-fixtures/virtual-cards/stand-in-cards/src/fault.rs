//! Faults that a card is told to have: which, and at which APDU.

use std::{fs, io, path::Path, str::FromStr, time::Duration};

use anyhow::{Context, Error, Result, bail};

use crate::hex;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The card is pulled before it does anything.
    PullBefore,
    /// The card is pulled when it has done its work, before it answers.
    PullAfter,
    /// It does its work, and only this many bytes of its answer arrive.
    Cut(usize),
    /// It does its work, and this arrives for an answer.
    Answer(Vec<u8>),
    /// It does its work, and as many random bytes arrive, the last two of which are a status word of no meaning.
    Garbage(usize),
    /// It does its work, and answers this much later.
    Silence(Duration),
    /// It says 9000, and does nothing.
    Lie,
}

/// When it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// At this one, from 1.
    At(u64),
    Each,
}

/// One fault: what, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    /// Counting begins with the first command of this instruction, that one included; without, at once.
    from: Option<u8>,
    /// Only commands of this instruction count.
    only: Option<u8>,
    turn: Turn,
    counted: u64,
}

impl Fault {
    /// Takes note of a command; true where it is the one.
    fn meets(&mut self, apdu: &[u8]) -> bool {
        let ins = apdu.get(1).copied();
        let begins = self.counted > 0 || self.from.is_none() || self.from == ins;
        if !begins || (self.only.is_some() && self.only != ins) {
            return false;
        }
        self.counted += 1;
        match self.turn {
            Turn::At(turn) => turn == self.counted,
            Turn::Each => true,
        }
    }
}

/// `KIND[=ARGUMENT]@WHEN`, where WHEN is `N`, `INS:N` (the n-th with that instruction), `INS+N` (the n-th from the first
/// with that instruction on), and N may be `*` for each.
impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fault = || -> Result<Self> {
            let (kind, when) = text.split_once('@').context("no @ between what and when")?;
            let (from, only, turn) = if let Some((ins, turn)) = when.split_once(':') {
                (None, Some(instruction(ins)?), turn)
            } else if let Some((ins, turn)) = when.split_once('+') {
                (Some(instruction(ins)?), None, turn)
            } else {
                (None, None, when)
            };
            let turn = if turn == "*" { Turn::Each } else { Turn::At(turn.parse()?) };
            Ok(Self { kind: kind.parse()?, from, only, turn, counted: 0 })
        };
        fault().with_context(|| format!("fault {text}"))
    }
}

fn instruction(ins: &str) -> Result<u8> {
    u8::from_str_radix(ins, 16).with_context(|| format!("{ins}: no instruction in hex"))
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, argument) = match text.split_once('=') {
            Some((kind, argument)) => (kind, Some(argument)),
            None => (text, None),
        };
        Ok(match (kind, argument) {
            ("pull-before", None) => Self::PullBefore,
            ("pull-after", None) => Self::PullAfter,
            // vpcd waits on for ever where an answer has no bytes at all: that is silence.
            ("cut", Some(bytes)) if bytes != "0" => Self::Cut(bytes.parse()?),
            ("answer", Some(answer)) => Self::Answer(hex::decode(answer)?),
            ("garbage", Some(bytes)) => Self::Garbage(bytes.parse()?),
            ("silence", Some(seconds)) => Self::Silence(Duration::from_secs(seconds.parse()?)),
            ("lie", None) => Self::Lie,
            _ => bail!(
                "{text}: none of pull-before, pull-after, cut=BYTES, answer=HEX, garbage=BYTES, silence=SECONDS, lie"
            ),
        })
    }
}

/// The faults that are still to come.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    #[must_use]
    pub fn new(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    /// Takes `file`, if it is there: its faults, one a line, stand in for those that were, counted from now on. It is
    /// removed, so that the same ones can be set again.
    ///
    /// # Errors
    /// It cannot be read or removed, or a line is no fault.
    pub fn take(&mut self, file: &Path) -> Result<()> {
        let lines = match fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            lines => lines.with_context(|| file.display().to_string())?,
        };
        fs::remove_file(file)?;
        self.0 = lines.lines().filter(|line| !line.is_empty()).map(str::parse).collect::<Result<_>>()?;
        Ok(())
    }

    /// What goes wrong at this command.
    pub fn at(&mut self, apdu: &[u8]) -> Option<Kind> {
        let mut met = None;
        for fault in &mut self.0 {
            if fault.meets(apdu) && met.is_none() {
                met = Some(fault.kind.clone());
            }
        }
        met
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    /// The places, from 1, at which a fault strikes among commands of these instructions.
    fn strikes(fault: &str, instructions: &[u8]) -> Vec<usize> {
        let mut faults = Faults::new(vec![fault.parse().unwrap()]);
        let struck = instructions.iter().map(|ins| faults.at(&[0, *ins, 0, 0]).is_some());
        struck.enumerate().filter_map(|(place, struck)| struck.then_some(place + 1)).collect()
    }

    #[test]
    fn a_fault_strikes_where_it_was_told() {
        let instructions = [0xA4, 0x20, 0x24, 0x20, 0x20];
        assert_eq!(strikes("lie@2", &instructions), [2]);
        assert_eq!(strikes("lie@*", &instructions), [1, 2, 3, 4, 5]);
        assert_eq!(strikes("pull-after@20:2", &instructions), [4]);
        assert_eq!(strikes("cut=1@20:*", &instructions), [2, 4, 5]);
        assert_eq!(strikes("silence=30@24+2", &instructions), [4]);
        assert_eq!(strikes("answer=6F42@24+1", &instructions), [3]);
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for fault in ["lie", "lie@", "cut=0@1", "lie=1@1", "cut@1", "answer=6@1", "explode@1", "lie@XX:1"] {
            assert!(fault.parse::<Fault>().is_err(), "{fault}");
        }
    }
}
