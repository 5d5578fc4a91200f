//! The verbs of the command line, and which of them a kind of token has.

use std::fmt;

use super::Role;

/// What can be asked of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// The first user PIN.
    PinSet,
    /// A new user PIN by the old one.
    PinChange,
    /// One try, knowingly.
    PinVerify,
    /// Counter back to full, value kept.
    PinUnblock,
    /// A new user PIN by another's authority.
    PinReset,
    /// A new PUK by the old one.
    PukChange,
    /// A new SO PIN by the old one.
    SoPinChange,
    /// A new SO PIN for a forgotten one: no kind of token has it.
    SoPinReset,
    /// A new admin key by the old one.
    AdminKeyChange,
    /// A reset code, whether there is one already or not.
    ResetCodeSet,
    /// No reset code any more.
    ResetCodeClear,
    /// Other limits of the retry counters.
    RetriesSet,
    /// Destroy and begin anew.
    TokenInit,
    /// Back to the state of delivery.
    TokenErase,
}

impl Verb {
    /// As typed and as in JSON: `pin change`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PinSet => "pin set",
            Self::PinChange => "pin change",
            Self::PinVerify => "pin verify",
            Self::PinUnblock => "pin unblock",
            Self::PinReset => "pin reset",
            Self::PukChange => "puk change",
            Self::SoPinChange => "so-pin change",
            Self::SoPinReset => "so-pin reset",
            Self::AdminKeyChange => "admin-key change",
            Self::ResetCodeSet => "reset-code set",
            Self::ResetCodeClear => "reset-code clear",
            Self::RetriesSet => "retries set",
            Self::TokenInit => "token init",
            Self::TokenErase => "token erase",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One thing that a kind of token can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ability {
    /// What.
    pub verb: Verb,
    /// By whose authority, where it is another's than the role's own.
    pub by: Option<Role>,
    /// The commands it takes, for the plan that `--dry-run` prints.
    pub commands: &'static [&'static str],
}
