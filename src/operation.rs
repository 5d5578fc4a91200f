//! What was asked, and how it is decided, without I/O, whether and how it can be done.

mod authority;
mod change;
mod code;
mod erase;
mod hint;
mod init;
mod next;
mod plan;
mod possible;
mod remedy;
mod reset;
mod retries;
mod secrets;
mod set;
mod so_pin;
mod step;
mod unblock;
mod verify;

pub use hint::{Hint, command};
pub use next::{Next, Way, next, once_blocked};
pub use plan::{Orders, Outcome, Plan, listed};
pub use possible::{choices, possible};
pub use remedy::{Stage, advise, remedy};
pub use secrets::Secrets;
pub use step::{Action, Step};

use crate::{
    error::Result,
    token::{Harm, Limits, Role, Survey, Terms, Verb},
};

/// One operation on one token, as asked for; nothing is known of the token yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `pin verify`
    Verify,
    /// `pin change`, `puk change`, `so-pin change`, `admin-key change`
    Change {
        /// Whose secret.
        role: Role,
    },
    /// `pin set`
    Set,
    /// `pin unblock`
    Unblock {
        /// By whose authority, where that was said.
        by: Option<Role>,
    },
    /// `pin reset`
    Reset {
        /// By whose authority, where that was said.
        by: Option<Role>,
    },
    /// `so-pin reset`
    ResetSoPin,
    /// `reset-code set`
    SetCode,
    /// `reset-code clear`
    ClearCode,
    /// `retries set`
    SetRetries {
        /// Those that were given.
        limits: Limits,
    },
    /// `token erase`
    Erase,
    /// `token init`
    Init {
        /// The new label; a live token keeps its own without one.
        label: Option<String>,
        /// The terms of the first user PIN.
        terms: Terms,
        /// Whether what it is known to destroy beyond what it says was accepted.
        harm: Harm,
    },
}

impl Operation {
    /// The verb it is called by.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Verify => Verb::PinVerify,
            Self::Change { role: Role::UserPin } => Verb::PinChange,
            Self::Change { role: Role::Puk } => Verb::PukChange,
            Self::Change { role: Role::SoPin } => Verb::SoPinChange,
            Self::Change { role: Role::AdminKey } => Verb::AdminKeyChange,
            // No command line changes these: the code is set anew, and a response belongs to its challenge.
            Self::Change { role: Role::ResetCode | Role::Response } | Self::SetCode => Verb::ResetCodeSet,
            Self::ClearCode => Verb::ResetCodeClear,
            Self::ResetSoPin => Verb::SoPinReset,
            Self::SetRetries { .. } => Verb::RetriesSet,
            Self::Erase => Verb::TokenErase,
            Self::Set => Verb::PinSet,
            Self::Unblock { .. } => Verb::PinUnblock,
            Self::Reset { .. } => Verb::PinReset,
            Self::Init { .. } => Verb::TokenInit,
        }
    }

    /// Whose secret has to be named where the token has several.
    pub fn concerned(&self) -> Role {
        match self {
            Self::Change { role } => *role,
            Self::ResetSoPin => Role::SoPin,
            _ => Role::UserPin,
        }
    }

    /// The label that the token is to get.
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::Init { label, .. } => label.as_deref(),
            _ => None,
        }
    }

    /// Whether it destroys what the token holds, so that the token itself must have said who it is before.
    pub fn destroys(&self) -> bool {
        matches!(self, Self::Init { .. } | Self::Erase)
    }

    /// The references that a survey must read for it: those whose try or state decides. None where limits, values of delivery
    /// or the kind of card decide too, so that all must be read.
    pub fn concerns(&self, orders: &Orders) -> Option<Vec<Role>> {
        let authority = |by: Option<Role>| {
            by.or_else(|| orders.offered.iter().find(|need| !need.is_new()).map(|need| need.role()))
                .map_or_else(|| vec![Role::Puk, Role::SoPin, Role::ResetCode], |role| vec![role])
        };
        let roles = match self {
            Self::Verify => vec![Role::UserPin],
            Self::Change { role } => vec![*role],
            Self::Set | Self::SetRetries { .. } | Self::Erase | Self::ResetSoPin => return None,
            Self::SetCode | Self::ClearCode => vec![Role::SoPin, Role::ResetCode],
            Self::Unblock { by } | Self::Reset { by } => authority(*by),
            Self::Init { .. } => vec![Role::SoPin],
        };
        Some(roles)
    }

    /// Decides whether and how this can be done on the token of `survey`.
    ///
    /// # Errors
    /// The reason why not, as a call that went on would meet it: blocked, unset, last try, not supported.
    pub fn plan(&self, survey: &Survey, orders: &Orders) -> Result<Plan> {
        match self {
            Self::Verify => verify::plan(survey, orders),
            Self::Change { role } => change::plan(self.verb(), *role, survey, orders),
            Self::Set => set::plan(survey, orders),
            Self::ResetSoPin => so_pin::plan(survey),
            Self::SetCode => code::set(survey, orders),
            Self::ClearCode => code::clear(survey, orders),
            Self::SetRetries { limits } => retries::plan(limits, survey, orders),
            Self::Erase => erase::plan(survey, orders),
            Self::Unblock { by } => unblock::plan(*by, survey, orders),
            Self::Reset { by } => reset::plan(*by, survey, orders),
            Self::Init { label, terms, harm } => init::plan(label.as_deref(), terms, *harm, survey, orders),
        }
    }
}

#[cfg(test)]
mod tests;
