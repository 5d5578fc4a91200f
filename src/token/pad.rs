//! What can be typed at a token itself: on its protected authentication path (PKCS#11), or at the keys of its reader (PC/SC
//! part 10).

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

impl Pad {
    /// Whether anything at all can be typed there.
    pub fn is_there(&self) -> bool {
        match self {
            Self::None => false,
            Self::Path => true,
            Self::Reader(reader) => !reader.takes.is_empty(),
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
