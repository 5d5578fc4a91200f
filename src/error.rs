//! Every failure: its sentence, its name in JSON, its exit code.

use crate::token::{Retries, Role};

/// What every fallible function here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did not do what was asked. The sentence never holds a secret, nor what stood where one belongs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call is wrong, or something is missing and nobody may be asked.
    #[error("{0}")]
    Usage(String),
    /// The person gave up before anything was changed. A challenge may have been drawn, and a response have come to nothing.
    #[error("interrupted; nothing was changed and no try was spent")]
    Interrupted,
    /// Nothing matches.
    #[error("{0}")]
    NoToken(String),
    /// Several match, and a command that writes never guesses.
    #[error("{why}")]
    AmbiguousToken {
        /// Why that is so, in a sentence.
        why: String,
        /// Their selectors.
        candidates: Vec<String>,
    },
    /// The token refused the value, and a try was spent where it counts.
    #[error("{}", wrong_secret(*.role, *.retries))]
    WrongSecret {
        /// Whose value.
        role: Role,
        /// What is left, read back from the token.
        retries: Retries,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// No try is left.
    #[error("the {role} is blocked{}", if *.now { ": that was its last try" } else { "" })]
    Blocked {
        /// Whose.
        role: Role,
        /// Whether this call spent the last try.
        now: bool,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// It has no value yet. A card that has a reset code counts no tries of one that is not set, nor of one that is blocked.
    #[error("the {role} {}", if *.role == Role::ResetCode { "is not set, or blocked" } else { "has not been set yet" })]
    Unset {
        /// Whose.
        role: Role,
    },
    /// It must be changed before it can be used.
    #[error("the {role} has expired and must be changed first")]
    MustChange {
        /// Whose.
        role: Role,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// Refused by us before anything was sent.
    #[error("{0}")]
    Policy(String),
    /// The last try is never spent unasked.
    #[error("only one try of the {role} is left and a wrong value would block it, so none was made; --allow-last-try={} permits it", role.name())]
    LastTry {
        /// Whose.
        role: Role,
    },
    /// The person did not confirm a destruction.
    #[error("not confirmed; nothing was changed")]
    NotConfirmedByUser,
    /// The token refused the new value, and kept the old one.
    #[error("the token refuses the new {role}: {why}")]
    NewValueRefused {
        /// Whose.
        role: Role,
        /// Why, as far as the token tells.
        why: &'static str,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// This token cannot do that.
    #[error("{what}")]
    Unsupported {
        /// What it cannot do, in a sentence.
        what: String,
    },
    /// A reader, a module, a card or the system failed.
    #[error("{what}")]
    Device {
        /// What happened.
        what: String,
        /// What a person can do about it, where that is known.
        cure: Option<String>,
        /// The status word, return value or error number.
        detail: Option<String>,
    },
    /// Another program used the card since it gave its challenge.
    #[error(
        "another program used the card since it gave the challenge, so that the response answers nothing any more; no try was spent"
    )]
    Stale,
    /// The token said yes, and the proof failed or was cut off.
    #[error("the token accepted the new {role}, but that could not be confirmed: {why}")]
    Unconfirmed {
        /// Whose.
        role: Role,
        /// What the proof said.
        why: String,
        /// The status word or return value.
        detail: Option<String>,
    },
    /// A bug.
    #[error("internal error: {0}")]
    Internal(String),
}

fn wrong_secret(role: Role, retries: Retries) -> String {
    match retries {
        Retries::Left { .. } | Retries::Final => format!("wrong {role}; {retries}"),
        // Of a key no card seen keeps a count.
        Retries::Unknown if matches!(role, Role::AdminKey | Role::Response) => format!("wrong {role}"),
        Retries::Low | Retries::Unknown => {
            format!("wrong {role}; the token does not tell how many tries are left, and it may be blocked")
        }
        Retries::Blocked => format!("wrong {role}; it is blocked"),
    }
}

impl Error {
    /// A failure of a device, with its number and no known cure.
    pub fn device(what: impl Into<String>, detail: impl Into<Option<String>>) -> Self {
        Self::Device { what: what.into(), cure: None, detail: detail.into() }
    }

    /// "This token has no …".
    pub fn unsupported(what: String) -> Self {
        Self::Unsupported { what: format!("this token has no {what}") }
    }

    /// The name in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Interrupted => "interrupted",
            Self::NoToken(_) => "no-token",
            Self::AmbiguousToken { .. } => "ambiguous-token",
            Self::WrongSecret { .. } => "wrong-secret",
            Self::Blocked { .. } => "blocked",
            Self::Unset { .. } => "unset",
            Self::MustChange { .. } => "must-change",
            Self::Policy(_) => "policy",
            Self::LastTry { .. } => "last-try",
            Self::NotConfirmedByUser => "not-confirmed-by-user",
            Self::NewValueRefused { .. } => "new-value-refused",
            Self::Unsupported { .. } => "unsupported",
            Self::Device { .. } | Self::Stale => "device",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Internal(_) => "internal",
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Internal(_) => 1,
            Self::Usage(_) => 2,
            Self::NoToken(_) | Self::AmbiguousToken { .. } => 3,
            Self::WrongSecret { .. } => 4,
            Self::Blocked { .. } | Self::Unset { .. } | Self::MustChange { .. } => 5,
            Self::Policy(_) | Self::LastTry { .. } | Self::NotConfirmedByUser | Self::NewValueRefused { .. } => 6,
            Self::Unsupported { .. } => 7,
            Self::Device { .. } | Self::Stale => 8,
            Self::Unconfirmed { .. } => 11,
            Self::Interrupted => 130,
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
            | Self::NewValueRefused { role, .. }
            | Self::Unconfirmed { role, .. } => Some(*role),
            Self::Usage(_)
            | Self::Interrupted
            | Self::NoToken(_)
            | Self::AmbiguousToken { .. }
            | Self::Policy(_)
            | Self::NotConfirmedByUser
            | Self::Unsupported { .. }
            | Self::Device { .. }
            | Self::Stale
            | Self::Internal(_) => None,
        }
    }

    /// The tries left, where the token told a number.
    pub fn tries_left(&self) -> Option<u8> {
        match self {
            Self::WrongSecret { retries: Retries::Left { left, .. }, .. } => Some(*left),
            Self::WrongSecret { retries: Retries::Final, .. } | Self::LastTry { .. } => Some(1),
            Self::WrongSecret { retries: Retries::Blocked, .. } | Self::Blocked { .. } => Some(0),
            _ => None,
        }
    }

    /// The number behind the sentence: a status word, a CK_RV, an error of PC/SC.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::WrongSecret { detail, .. }
            | Self::Blocked { detail, .. }
            | Self::MustChange { detail, .. }
            | Self::NewValueRefused { detail, .. }
            | Self::Device { detail, .. }
            | Self::Unconfirmed { detail, .. } => detail.as_deref(),
            _ => None,
        }
    }
}
