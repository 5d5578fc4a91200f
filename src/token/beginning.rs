//! How a token begins anew, and what its kind asks of whoever lets it.

use crate::secret::Entry;

/// What the SO PIN may do from now on for a user PIN that is blocked or forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Give it a new value.
    Reset,
    /// Restore its counter and keep its value, too.
    Unblock,
    /// Nothing: a lost PIN is lost with all that it guards.
    Nothing,
}

/// The terms of the first user PIN, where it comes with the token's beginning; what is not said is as is usual there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Its tries.
    pub tries: Option<u8>,
    /// What becomes of it when it is lost.
    pub recovery: Option<Recovery>,
    /// Whether its holder must change it before the first use.
    pub transport: bool,
}

/// How one token begins anew.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// Its label, at most 32 bytes, where it is to have one.
    pub label: Option<&'a str>,
    /// Its SO PIN: that of a live token stays, that of a blank one is new.
    pub so_pin: &'a Entry,
    /// Its first user PIN, where that comes with it.
    pub pin: Option<&'a Entry>,
    /// The terms of that.
    pub terms: &'a Terms,
}

/// What a kind of token asks of whoever lets it begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitRules {
    /// Whether it must have a label.
    pub needs_label: bool,
    /// Where the same command sets the first user PIN: the tries that it may have at most, each with the fewest characters
    /// of a PIN that may have so many, in rising order. None where the SO sets it afterwards.
    pub pin: Option<&'static [(u8, usize)]>,
    /// What it is known to destroy beyond what it says, as a sentence.
    pub harm: Option<&'static str>,
}

/// Whether a token may begin anew where that is known to destroy more than it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Harm {
    /// It is refused.
    #[default]
    Refused,
    /// It was asked for, knowing that.
    Accepted,
}
