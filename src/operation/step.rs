//! One step of a plan: what it does to the token, and what proves that it did.

use super::{Orders, Secrets};
use crate::{
    error::{Error, Result},
    secret::Entry,
    token::{Authority, Beginning, Holds, Identity, Limits, Need, Proof, Retries, Role, Terms, Token},
};

/// What one step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Presents a secret.
    Verify {
        /// Whose.
        role: Role,
    },
    /// Replaces a secret by its old value.
    Change {
        /// Whose.
        role: Role,
    },
    /// Gives a new value on another's authority.
    Reset {
        /// To whom.
        role: Role,
        /// The authority's secret.
        by: Need,
    },
    /// Gives the first value, in place of none or of the one of delivery.
    Set {
        /// To whom.
        role: Role,
    },
    /// Gives the first value, unless a call that was cut off behind it gave it already: a token refuses a second one.
    SetUnlessSet {
        /// To whom.
        role: Role,
    },
    /// Takes a value away on another's authority.
    Clear {
        /// Whose.
        role: Role,
        /// The authority's secret.
        by: Need,
    },
    /// Sets the limits of the retry counters.
    SetLimits {
        /// All that the token sets at once.
        limits: Limits,
        /// The secrets of those who may: the authority's first.
        by: Vec<Need>,
    },
    /// Puts the application back to the state of delivery.
    Erase,
    /// Restores a counter on another's authority.
    Unblock {
        /// Whose.
        role: Role,
        /// The authority's secret.
        by: Need,
    },
    /// Destroys what the token holds and begins anew.
    Init {
        /// The label, at most 32 bytes, where it is to have one.
        label: Option<String>,
        /// The SO PIN, new on a blank token.
        so_pin: Need,
        /// The first user PIN, where it comes with the same command.
        pin: Option<Need>,
        /// The terms of that.
        terms: Terms,
    },
}

impl Action {
    /// The secrets it needs.
    pub fn needs(&self) -> Vec<Need> {
        match self {
            Self::Verify { role } | Self::SetUnlessSet { role } => vec![Need::Current(*role)],
            Self::Change { role } => vec![Need::Current(*role), Need::New(*role)],
            Self::Reset { role, by } => vec![*by, Need::New(*role)],
            Self::Unblock { by, .. } | Self::Clear { by, .. } => vec![*by],
            Self::Set { role } => vec![Need::New(*role)],
            Self::SetLimits { by, .. } => by.clone(),
            Self::Erase => Vec::new(),
            Self::Init { so_pin, pin, .. } => [*so_pin].into_iter().chain(*pin).collect(),
        }
    }

    /// The secrets that have changed when it is done, each to be proved.
    fn changed(&self) -> Vec<Need> {
        match self {
            Self::Change { role } | Self::Reset { role, .. } | Self::Set { role } => vec![Need::New(*role)],
            Self::Init { .. } | Self::SetUnlessSet { .. } => self.needs(),
            Self::Verify { .. } | Self::Unblock { .. } | Self::Clear { .. } | Self::SetLimits { .. } | Self::Erase => {
                Vec::new()
            }
        }
    }
}

/// One step, and the try that it may spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// Whose try a wrong value spends.
    pub spends: Option<Role>,
}

impl Step {
    /// Reads the counter of the secret that is about to be presented, and refuses where no try may be spent.
    ///
    /// # Errors
    /// Those of [`Orders::may_spend`] and of [`Token::retries`].
    pub fn guard(&self, token: &mut dyn Token, orders: &Orders) -> Result<Retries> {
        let Some(role) = self.spends else { return Ok(Retries::Unknown) };
        let retries = token.retries(role)?;
        orders.may_spend(role, retries)?;
        Ok(retries)
    }

    /// Does it. Returns who the token is from now on, where that may have changed.
    ///
    /// # Errors
    /// Those of the token.
    pub fn perform(&self, token: &mut dyn Token, secrets: &Secrets) -> Result<Option<Identity>> {
        let authority = |by: Need| Ok(Authority { role: by.role(), secret: secrets.get(by)? });
        match &self.action {
            Action::Verify { role } => token.verify(*role, secrets.get(Need::Current(*role))?),
            Action::Change { role } => {
                token.change(*role, secrets.get(Need::Current(*role))?, secrets.get(Need::New(*role))?)
            }
            Action::Reset { role, by } => token.reset(*role, authority(*by)?, secrets.get(Need::New(*role))?),
            Action::Unblock { role, by } => token.unblock(*role, authority(*by)?),
            Action::Set { role } => token.set(*role, secrets.get(Need::New(*role))?),
            Action::SetUnlessSet { role } => match token.set(*role, secrets.get(Need::Current(*role))?) {
                Err(Error::Unsupported { .. }) => Ok(()),
                done => done,
            },
            Action::Clear { role, by } => token.clear(*role, authority(*by)?),
            Action::SetLimits { limits, by } => {
                let authorities = by.iter().map(|by| authority(*by)).collect::<Result<Vec<_>>>()?;
                token.set_limits(limits, &authorities)
            }
            Action::Erase => token.erase(),
            Action::Init { label, so_pin, pin, terms } => {
                let pin = pin.map(|pin| secrets.get(pin)).transpose()?;
                let beginning = Beginning { label: label.as_deref(), so_pin: secrets.get(*so_pin)?, pin, terms };
                return token.init(&beginning).map(Some);
            }
        }?;
        Ok(None)
    }

    /// Which value the token has, where it failed in the middle or its proof did; one that was `refused` is not presented again.
    pub fn diagnose(&self, token: &mut dyn Token, secrets: &Secrets, refused: bool) -> Option<Holds> {
        let (role, old) = match &self.action {
            Action::Change { role } => (*role, secrets.get(Need::Current(*role)).ok()),
            Action::Reset { role, .. } | Action::Set { role } => (*role, None),
            _ => return None,
        };
        let new = secrets.get(Need::New(role)).ok()?;
        token.diagnose(role, old, (!refused).then_some(new))
    }

    /// Proves the effect from a fresh session, where that costs nothing a person would miss. Returns the proof, and the
    /// counter of what was changed where it had to be read for it.
    ///
    /// # Errors
    /// [`Error::Blocked`] where the new value is set and cannot be used; [`Error::Unconfirmed`] for all else that went wrong with
    /// the proof: the token did say yes.
    pub fn confirm(&self, token: &mut dyn Token, secrets: &Secrets, guarded: Retries) -> Result<(Proof, Retries)> {
        let mut confirmed: Option<(Proof, Retries)> = None;
        for need in self.action.changed() {
            let role = need.role();
            // What was read before is the counter of the secret that was presented, which may be another's.
            let known = (self.spends == Some(role)).then_some(guarded);
            let (proof, seen) = prove(token, role, secrets.get(need)?, known).map_err(|error| unproved(error, role))?;
            // One that was not proved leaves the whole unproved; the counter is that of the first.
            confirmed = match confirmed {
                None => Some((proof, seen)),
                Some((Proof::Proved, first)) => Some((proof, first)),
                unproved => unproved,
            };
        }
        confirmed.map_or_else(|| by_counter(&self.action, token), Ok)
    }
}

/// The failure of a proof. Some modules change a PIN that is blocked, and leave it so.
fn unproved(error: Error, role: Role) -> Error {
    match error {
        Error::Blocked { now: false, .. } => error,
        error => Error::Unconfirmed {
            role,
            detail: error.detail().map(str::to_owned),
            refused: matches!(error, Error::WrongSecret { .. }),
            why: match error {
                Error::WrongSecret { .. } => "a fresh session refuses the new value".into(),
                other => other.to_string(),
            },
        },
    }
}

/// Proves by the counter what no secret can prove. What the counter contradicts was not done, whatever the token said.
///
/// # Errors
/// [`Error::Unconfirmed`].
fn by_counter(action: &Action, token: &mut dyn Token) -> Result<(Proof, Retries)> {
    const UNTOLD: Proof = Proof::NotPossible("the token does not tell the tries that are left");
    let mut read = |role: Role| {
        token.retries(role).map_err(|error| Error::Unconfirmed {
            role,
            detail: error.detail().map(str::to_owned),
            refused: false,
            why: error.to_string(),
        })
    };
    let contradicted =
        |role: Role, why: &str| Err(Error::Unconfirmed { role, why: why.into(), refused: false, detail: None });
    match action {
        Action::Unblock { role, .. } => match read(*role)? {
            retries @ Retries::Left { .. } => Ok((Proof::Proved, retries)),
            Retries::Blocked => contradicted(*role, "it is still blocked"),
            _ => Ok((UNTOLD, Retries::Unknown)),
        },
        Action::Clear { role, .. } => match read(*role)? {
            Retries::Blocked => Ok((Proof::Proved, Retries::Unknown)),
            Retries::Left { .. } => contradicted(*role, "the card still counts its tries"),
            _ => Ok((UNTOLD, Retries::Unknown)),
        },
        Action::SetLimits { limits, .. } => {
            let mut proof = Proof::Proved;
            for (role, wanted) in limits {
                match read(*role)? {
                    // What has no value yet has no tries either.
                    Retries::Blocked if *role == Role::ResetCode => {}
                    Retries::Left { limit: Some(limit), .. } if limit == *wanted => {}
                    // A status word cannot tell more than 15.
                    Retries::Left { left, limit: None } if left == (*wanted).min(15) || left == *wanted => {}
                    Retries::Left { .. } | Retries::Blocked => return contradicted(*role, "its tries are not as set"),
                    Retries::Low | Retries::Final | Retries::Unlimited | Retries::Unknown => proof = UNTOLD,
                }
            }
            Ok((proof, Retries::Unknown))
        }
        // Its references were blocked so that it could be erased: tries that are there again came with a new beginning.
        Action::Erase => match read(Role::UserPin)? {
            retries @ Retries::Left { .. } => Ok((Proof::Proved, retries)),
            Retries::Blocked => contradicted(Role::UserPin, "it is still blocked, as it had to be before"),
            _ => Ok((UNTOLD, Retries::Unknown)),
        },
        _ => Ok((Proof::Proved, Retries::Unknown)),
    }
}

/// One try with the new value, while two or more are left: a token that lied must not be blocked by the proof.
fn prove(token: &mut dyn Token, role: Role, entry: &Entry, known: Option<Retries>) -> Result<(Proof, Retries)> {
    if entry.value().is_none() {
        let why = "it was typed at the token, and nobody is asked to type it again";
        return Ok((Proof::NotPossible(why), Retries::Unknown));
    }
    let seen = match known {
        Some(known) if !known.is_last() => Retries::Unknown,
        _ => token.retries_before_proof(role)?,
    };
    if seen.is_last() {
        return Ok((Proof::NotPossible("only one try is left, and a proof would risk it"), seen));
    }
    token.prove(role, entry).map(|proof| (proof, seen))
}
