//! What can be typed at a token itself: on its protected authentication path (PKCS#11), or at the keys of its reader (PC/SC
//! part 10).

use std::fmt;

use super::{Need, Role, Verb};

/// Where secrets can be typed that pass through no keyboard of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pad {
    /// Nowhere.
    None,
    /// At the token, every value of every call.
    Path,
    /// At its reader.
    Reader(ReaderPad),
}

/// The keys of a reader, and what they take for this card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderPad {
    /// The operations, each with its commands.
    pub takes: Vec<Typed>,
    /// Why they take nothing of this card, in a sentence, where that is so.
    pub refused: Option<&'static str>,
}

/// An operation of which the values can be typed at a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// What was asked for.
    pub verb: Verb,
    /// By whose authority, where several can have it.
    pub by: Option<Role>,
    /// The commands that take what is typed, in their order.
    pub commands: Vec<Entries>,
}

/// The entries of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries {
    /// The values, in the order in which the reader asks for them. One that is new is asked for twice.
    pub needs: Vec<Need>,
    /// The fewest and the most digits of each.
    pub digits: (usize, usize),
    /// Whether the card is told where each value ends.
    pub delimited: bool,
}

/// The digits that both ranges have; none where there are none.
pub fn common((least, most): (usize, usize), (fewest, longest): (usize, usize)) -> Option<(usize, usize)> {
    let both = (least.max(fewest), most.min(longest));
    (both.0 <= both.1).then_some(both)
}

/// Whose it is, and what is typed there: `of the reader: pin verify, pin reset (by the PUK)`.
impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Path => f.write_str("of the token, for every PIN"),
            Self::Reader(ReaderPad { takes, refused }) if takes.is_empty() => {
                write!(
                    f,
                    "of the reader, and of no use for this card: {}",
                    refused.unwrap_or("it takes none of its commands")
                )
            }
            Self::Reader(ReaderPad { takes, .. }) => {
                let operation = |typed: &Typed| match typed.by {
                    Some(by) => format!("{} (by the {by})", typed.verb),
                    None => typed.verb.to_string(),
                };
                write!(f, "of the reader: {}", takes.iter().map(operation).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl ReaderPad {
    /// The commands of an operation that the keys take; none where they do not.
    pub fn commands(&self, verb: Verb, by: Option<Role>) -> &[Entries] {
        let meant = |typed: &&Typed| typed.verb == verb && (typed.by.is_none() || typed.by == by);
        self.takes.iter().find(meant).map_or(&[], |typed| &typed.commands)
    }
}
