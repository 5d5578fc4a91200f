//! What the refusal of a secret means: the status word, and the counter where that says too little.

use super::status_word::{Meaning, StatusWord};
use crate::{
    error::Error,
    token::{Retries, Role},
};

/// A command that presented a secret.
#[derive(Debug, Clone, Copy)]
pub struct Presented {
    /// The standard's name of the command.
    pub command: &'static str,
    /// Whose secret it presented.
    pub role: Role,
    /// The counter of that, read as the last command before.
    pub before: Option<Retries>,
    /// Whose secret it was to set, where it sets one.
    pub changed: Option<Role>,
}

impl Presented {
    /// The error that `status` stands for. A card that says "wrong" without a number, or "malformed", which may mean either
    /// value, is asked for the counter by `now` before anything is said.
    pub fn refused(self, status: StatusWord, now: impl FnOnce() -> Retries) -> Error {
        match status.meaning() {
            Meaning::Wrong(None) | Meaning::Malformed => self.by_counter(status, now()),
            meaning => self.meant(meaning, status, now),
        }
    }

    /// What it means that nothing came of the command: at a reader's keys that need not have reached the card, and no try is
    /// spent then. Where the card tells by `now` that one was, that is what is said.
    pub fn not_entered(self, error: Error, now: impl FnOnce() -> Retries) -> Error {
        let (Error::NotEntered { detail, .. }, Some(Retries::Left { left: before, .. })) = (&error, self.before) else {
            return error;
        };
        match now() {
            Retries::Blocked => Error::Blocked { role: self.role, now: true, detail: detail.clone() },
            retries @ Retries::Left { left, .. } if left < before => {
                Error::WrongSecret { role: self.role, retries, detail: detail.clone() }
            }
            _ => error,
        }
    }

    /// As [`Self::refused`], where `status` means something of its own on this card.
    pub fn meant(self, meaning: Meaning, status: StatusWord, now: impl FnOnce() -> Retries) -> Error {
        match meaning {
            Meaning::Wrong(Some(left)) => self.counted(Retries::counted(left, None), status),
            Meaning::Blocked => self.counted(Retries::Blocked, status),
            Meaning::Wrong(None) | Meaning::Malformed => self.judged(meaning, status, now()),
            Meaning::NotFound => Error::unsupported(format!("{}", self.role)),
            Meaning::NotSupported => Error::Unsupported { what: format!("the card does not know {}", self.command) },
            Meaning::Done | Meaning::Other => {
                Error::device(format!("the card answers {} with an error", self.command), status.to_string())
            }
        }
    }

    /// The error that the counter tells, whatever the status word says: some cards have one word for everything.
    pub fn by_counter(self, status: StatusWord, now: Retries) -> Error {
        self.judged(status.meaning(), status, now)
    }

    fn judged(self, meaning: Meaning, status: StatusWord, now: Retries) -> Error {
        let detail = Some(status.to_string());
        // Some objects tell a limit that a status word does not, so the tries alone are compared. A right value restores them.
        let unspent = match (self.before, now) {
            (Some(Retries::Left { left: before, .. }), Retries::Left { left: now, .. }) => before <= now,
            _ => false,
        };
        let why = if unspent {
            "it does not meet the card's own rules"
        } else {
            "one of the two values does not meet the card's own rules"
        };
        match self.changed {
            Some(role) if meaning == Meaning::Malformed && (unspent || now == Retries::Unknown) => {
                Error::NewValueRefused { role, why, detail }
            }
            // A contactless reader makes some cards say "security status not satisfied" to a right PIN.
            _ if matches!(meaning, Meaning::Wrong(_) | Meaning::Blocked) && unspent => Error::Device {
                what: format!(
                    "the card refuses {} without looking at the {}; no try was spent",
                    self.command, self.role
                ),
                cure: Some("use a reader with contacts, if this one is contactless".into()),
                detail,
            },
            _ => self.counted(now, status),
        }
    }

    fn counted(self, retries: Retries, status: StatusWord) -> Error {
        let detail = Some(status.to_string());
        match retries {
            Retries::Blocked => {
                Error::Blocked { role: self.role, now: matches!(self.before, Some(Retries::Left { .. })), detail }
            }
            retries => Error::WrongSecret { role: self.role, retries, detail },
        }
    }
}

/// The error of a command that was refused after the secret behind it was accepted: what is wrong can only be the new value.
pub fn refused_though_right(command: &'static str, changed: Role, status: StatusWord) -> Error {
    meant_though_right(command, Some(changed), status.meaning(), status)
}

/// As [`refused_though_right`], where `status` means something of its own on this card, or no value was to be set.
pub fn meant_though_right(command: &'static str, changed: Option<Role>, meaning: Meaning, status: StatusWord) -> Error {
    let detail = Some(status.to_string());
    match (meaning, changed) {
        (Meaning::Malformed | Meaning::Wrong(_), Some(role)) => {
            Error::NewValueRefused { role, why: "it does not meet the card's own rules", detail }
        }
        (Meaning::NotSupported, _) => Error::Unsupported { what: format!("the card does not know {command}") },
        _ => Error::device(format!("the card answers {command} with an error"), detail),
    }
}
