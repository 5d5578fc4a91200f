//! Every failure: its sentence, its name in JSON, its exit code.

mod cure;

pub use cure::{System, Trouble};

use std::fmt;

use crate::token::{Retries, Role, Text};

/// What every fallible function here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did not do what was asked. The sentence never holds a secret, nor what stood where one belongs.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// The call is wrong, or something is missing and nobody may be asked.
    Usage(String),
    /// The person gave up before anything was changed. A challenge may have been drawn, and a response have come to nothing.
    Interrupted,
    /// Nothing matches.
    NoToken(String),
    /// Nothing is there at all.
    NothingThere {
        /// What there is instead.
        what: String,
        /// What a person can do about it.
        cure: String,
    },
    /// Several match, and a command that writes never guesses.
    AmbiguousToken {
        /// Why that is so, in a sentence.
        why: String,
        /// Their selectors.
        candidates: Vec<String>,
    },
    /// The token refused the value, and a try was spent where it counts.
    WrongSecret {
        /// Whose value.
        role: Role,
        /// What is left, read back from the token.
        retries: Retries,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// No try is left.
    Blocked {
        /// Whose.
        role: Role,
        /// Whether this call spent the last try.
        now: bool,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// It has no value yet. A card that has a reset code counts no tries of one that is not set, nor of one that is blocked.
    Unset {
        /// Whose.
        role: Role,
    },
    /// It must be changed before it can be used.
    MustChange {
        /// Whose.
        role: Role,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// Refused by us before anything was sent.
    Policy(String),
    /// The policy refuses the new value; nothing was sent.
    AgainstPolicy {
        /// Why, in a sentence that names the rule and holds nothing of the value.
        why: String,
        /// The rule by its name: `rule sequences`.
        detail: String,
    },
    /// The policy forbids that it is done, whatever the value; nothing was sent.
    Forbidden(String),
    /// The last try is never spent unasked.
    LastTry {
        /// Whose.
        role: Role,
    },
    /// The policy does not let anybody spend the last try.
    LastTryForbidden {
        /// Whose.
        role: Role,
        /// Where the policy says so: file and line.
        by: String,
    },
    /// The person did not confirm it.
    NotConfirmedByUser {
        /// The word that confirms it, where one does: no secret.
        wanted: Option<Text>,
    },
    /// The keys of the token or its reader gave no value; nothing came of that entry.
    NotEntered {
        /// Whose value they asked for.
        role: Role,
        /// How the entry ended.
        end: EntryEnd,
        /// Whose keys they are.
        keys: Keys,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// The token refused the new value, and kept the old one.
    NewValueRefused {
        /// Whose.
        role: Role,
        /// Why, as far as the token tells.
        why: &'static str,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// This token cannot do that.
    Unsupported {
        /// What it cannot do, in a sentence.
        what: String,
    },
    /// A reader, a module, a card or the system failed.
    Device {
        /// What happened.
        what: String,
        /// What a person can do about it, where that is known.
        cure: Option<String>,
        /// The status word, return value or error number.
        detail: Option<String>,
    },
    /// Another program used the card since it gave its challenge.
    Stale,
    /// The token said yes, and the proof failed or was cut off.
    Unconfirmed {
        /// Whose.
        role: Role,
        /// What the proof said.
        why: String,
        /// Whether it said that the new value is wrong.
        refused: bool,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// It was done, and what it should have led to cannot be seen.
    Unseen(String),
    /// A bug.
    Internal(String),
}

/// What there is where a token was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// What it is, in a sentence.
    pub what: String,
    /// What a person can do about it.
    pub cure: Option<String>,
}

/// How an entry on the keys of a token ended without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryEnd {
    /// Somebody pressed the key that cancels.
    Cancelled,
    /// The keys waited as long as they do.
    TimedOut,
    /// The new value was not repeated as it was.
    Differ,
    /// Something had more digits than are allowed, or fewer.
    Length,
}

/// The keys that a person types at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Those of the token, by its own protected path.
    Token,
    /// Those of its reader, which sends nothing to the card where nothing came of an entry.
    Reader,
}

/// In the words that everybody uses; a token may have others.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(self.role().map_or("", Role::title)))
    }
}

impl std::error::Error for Error {}

fn wrong_secret(role: Role, called: &str, retries: Retries) -> String {
    match retries {
        Retries::Left { .. } | Retries::Final => format!("wrong {called}; {retries}"),
        Retries::Unknown if !role.is_counted() => format!("wrong {called}"),
        Retries::Unlimited => format!("wrong {called}; this token does not count tries"),
        Retries::Low | Retries::Unknown => {
            format!("wrong {called}; the token does not tell how many tries are left, and it may be blocked")
        }
        Retries::Blocked => format!("wrong {called}; it is blocked"),
    }
}

fn not_entered(called: &str, end: EntryEnd, keys: Keys) -> String {
    let (whose, known) = match keys {
        Keys::Token => ("token's", "as the token tells, that entry changed nothing and spent no try"),
        // More is known where the card tells its tries: one that was spent is told as that.
        Keys::Reader => ("reader's", "as the reader tells, that entry sent nothing to the card"),
    };
    match (end, keys) {
        (EntryEnd::Cancelled, Keys::Token) => {
            format!("cancelled on the token's keys, which asked for the {called}; {known}")
        }
        (EntryEnd::Cancelled, Keys::Reader) => format!("cancelled on the reader's keys; {known}"),
        (EntryEnd::TimedOut, Keys::Token) => {
            format!("the token's keys waited for the {called} in vain, till their time was over; {known}")
        }
        (EntryEnd::TimedOut, Keys::Reader) => {
            format!("the reader's keys waited in vain, till their time was over; {known}")
        }
        (EntryEnd::Differ, _) => format!("the two entries of the new {called} on the {whose} keys differ; {known}"),
        (EntryEnd::Length, _) => {
            format!("what was entered on the {whose} keys has more digits than are allowed, or fewer; {known}")
        }
    }
}

impl Error {
    /// The sentence, where the secret that it is about is `called` that by its token.
    pub fn sentence(&self, called: &str) -> String {
        match self {
            Self::Usage(what) | Self::NoToken(what) | Self::Policy(what) | Self::Forbidden(what) => what.clone(),
            Self::Unsupported { what } | Self::Device { what, .. } | Self::NothingThere { what, .. } => what.clone(),
            Self::AgainstPolicy { why, .. } => why.clone(),
            Self::Interrupted => "interrupted; nothing was changed and no try was spent".into(),
            Self::AmbiguousToken { why, .. } => why.clone(),
            Self::WrongSecret { role, retries, .. } => wrong_secret(*role, called, *retries),
            Self::Blocked { now: true, .. } => format!("the {called} is blocked: that was its last try"),
            Self::Blocked { now: false, .. } => format!("the {called} is blocked"),
            Self::Unset { role: Role::ResetCode } => format!("the {called} is not set, or blocked"),
            Self::Unset { .. } => format!("the {called} has not been set yet"),
            Self::MustChange { .. } => format!("the {called} has expired and must be changed first"),
            Self::LastTry { role } => format!(
                "only one try of the {called} is left and a wrong value would block it, so none was made; --allow-last-try={} permits it",
                role.name()
            ),
            Self::LastTryForbidden { by, .. } => format!(
                "only one try of the {called} is left and a wrong value would block it, so none was made; the policy permits nobody to spend it ({by})"
            ),
            Self::NotConfirmedByUser { wanted: Some(wanted) } => {
                format!("not confirmed, which takes {wanted} and no other word; nothing was changed")
            }
            Self::NotConfirmedByUser { wanted: None } => "not confirmed; nothing was changed".into(),
            Self::NotEntered { end, keys, .. } => not_entered(called, *end, *keys),
            Self::NewValueRefused { why, .. } => format!("the token refuses the new {called}: {why}"),
            Self::Stale => "another program used the card since it gave the challenge, so that the response answers nothing any more; no try was spent".into(),
            Self::Unconfirmed { why, .. } => {
                format!("the token accepted the new {called}, but that could not be confirmed: {why}")
            }
            Self::Unseen(what) => what.clone(),
            Self::Internal(what) => format!("internal error: {what}"),
        }
    }

    /// A failure of a device, with its number and no known cure; what a device answered with nothing has none.
    pub fn device(what: impl Into<String>, detail: impl Into<Option<String>>) -> Self {
        Self::Device { what: what.into(), cure: None, detail: detail.into().filter(|detail| !detail.is_empty()) }
    }

    /// "This token has no …".
    pub fn unsupported(what: String) -> Self {
        Self::Unsupported { what: format!("this token has no {what}") }
    }

    /// The name in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Interrupted | Self::NotEntered { end: EntryEnd::Cancelled, .. } => "interrupted",
            Self::NoToken(_) | Self::NothingThere { .. } => "no-token",
            Self::AmbiguousToken { .. } => "ambiguous-token",
            Self::WrongSecret { .. } => "wrong-secret",
            Self::Blocked { .. } => "blocked",
            Self::Unset { .. } => "unset",
            Self::MustChange { .. } => "must-change",
            Self::Policy(_)
            | Self::AgainstPolicy { .. }
            | Self::Forbidden(_)
            | Self::NotEntered { end: EntryEnd::Length, .. } => "policy",
            Self::LastTry { .. } | Self::LastTryForbidden { .. } => "last-try",
            Self::NotConfirmedByUser { .. } => "not-confirmed-by-user",
            Self::NewValueRefused { .. } | Self::NotEntered { end: EntryEnd::Differ, .. } => "new-value-refused",
            Self::Unsupported { .. } => "unsupported",
            Self::Device { .. } | Self::Stale | Self::NotEntered { end: EntryEnd::TimedOut, .. } => "device",
            Self::Unconfirmed { .. } | Self::Unseen(_) => "unconfirmed",
            Self::Internal(_) => "internal",
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Internal(_) => 1,
            Self::Usage(_) => 2,
            Self::NoToken(_) | Self::NothingThere { .. } | Self::AmbiguousToken { .. } => 3,
            Self::WrongSecret { .. } => 4,
            Self::Blocked { .. } | Self::Unset { .. } | Self::MustChange { .. } => 5,
            Self::Policy(_)
            | Self::AgainstPolicy { .. }
            | Self::Forbidden(_)
            | Self::LastTry { .. }
            | Self::LastTryForbidden { .. }
            | Self::NotConfirmedByUser { .. }
            | Self::NewValueRefused { .. }
            | Self::NotEntered { end: EntryEnd::Differ | EntryEnd::Length, .. } => 6,
            Self::Unsupported { .. } => 7,
            Self::Device { .. } | Self::Stale | Self::NotEntered { end: EntryEnd::TimedOut, .. } => 8,
            Self::Unconfirmed { .. } | Self::Unseen(_) => 11,
            Self::Interrupted | Self::NotEntered { end: EntryEnd::Cancelled, .. } => 130,
        }
    }

    /// Whose secret it is about, where it is about one.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::WrongSecret { role, .. }
            | Self::Blocked { role, .. }
            | Self::Unset { role }
            | Self::MustChange { role, .. }
            | Self::LastTry { role }
            | Self::LastTryForbidden { role, .. }
            | Self::NotEntered { role, .. }
            | Self::NewValueRefused { role, .. }
            | Self::Unconfirmed { role, .. } => Some(*role),
            Self::Usage(_)
            | Self::Interrupted
            | Self::NoToken(_)
            | Self::NothingThere { .. }
            | Self::AmbiguousToken { .. }
            | Self::Policy(_)
            | Self::AgainstPolicy { .. }
            | Self::Forbidden(_)
            | Self::NotConfirmedByUser { .. }
            | Self::Unsupported { .. }
            | Self::Device { .. }
            | Self::Stale
            | Self::Unseen(_)
            | Self::Internal(_) => None,
        }
    }

    /// The tries left, where the token told a number.
    pub fn tries_left(&self) -> Option<u8> {
        match self {
            Self::WrongSecret { retries: Retries::Left { left, .. }, .. } => Some(*left),
            Self::WrongSecret { retries: Retries::Final, .. }
            | Self::LastTry { .. }
            | Self::LastTryForbidden { .. } => Some(1),
            Self::WrongSecret { retries: Retries::Blocked, .. } | Self::Blocked { .. } => Some(0),
            _ => None,
        }
    }

    /// What is behind the sentence: a status word, a CK_RV, an error of PC/SC, the rule of the policy.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::WrongSecret { detail, .. }
            | Self::Blocked { detail, .. }
            | Self::MustChange { detail, .. }
            | Self::NotEntered { detail, .. }
            | Self::NewValueRefused { detail, .. }
            | Self::Device { detail, .. }
            | Self::Unconfirmed { detail, .. } => detail.as_deref(),
            Self::AgainstPolicy { detail, .. } => Some(detail),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_by_the_name_that_its_token_has_for_it() {
        let wrong = |role| Error::WrongSecret { role, retries: Retries::counted(2, None), detail: None };
        assert_eq!(wrong(Role::SoPin).sentence("Admin PIN"), "wrong Admin PIN; 2 tries left");
        assert_eq!(wrong(Role::SoPin).to_string(), "wrong SO PIN; 2 tries left");
    }

    #[test]
    fn what_became_of_an_entry_is_told_as_word_of_whoever_told_it() {
        for (keys, teller) in [(Keys::Token, "as the token tells"), (Keys::Reader, "as the reader tells")] {
            for end in [EntryEnd::Cancelled, EntryEnd::TimedOut, EntryEnd::Differ, EntryEnd::Length] {
                let said = Error::NotEntered { role: Role::UserPin, end, keys, detail: None }.to_string();
                assert!(said.contains(&format!("; {teller}, that entry")), "{said}");
            }
        }
    }

    #[test]
    fn nothing_is_said_of_the_tries_of_what_has_none() {
        let wrong = |role| Error::WrongSecret { role, retries: Retries::Unknown, detail: None }.to_string();
        assert_eq!(wrong(Role::AdminKey), "wrong admin key");
        assert!(wrong(Role::Puk).contains("does not tell how many tries are left"));
    }
}
