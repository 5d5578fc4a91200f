//! Who may do it: the authority that was named, or whose secret was given, or the first that the token has.

use super::Orders;
use crate::{
    error::{Error, Result},
    token::{Role, State, Survey, Verb},
};

/// Chooses the authority of `verb`.
///
/// # Errors
/// [`Error::Usage`] where two are named; [`Error::Unsupported`] where the token does not know the one that is;
/// [`Error::Forbidden`] where the policy forbids it, or all that the token knows.
pub fn choose(verb: Verb, by: Option<Role>, survey: &Survey, orders: &Orders) -> Result<Role> {
    let able: Vec<Role> = survey.abilities.iter().filter(|able| able.verb == verb).filter_map(|able| able.by).collect();
    let given: Vec<Role> = orders.offered.iter().filter(|need| !need.is_new()).map(|need| need.role()).collect();
    let named = match (by, given.as_slice()) {
        (Some(by), [given]) if by != *given => {
            return Err(Error::Usage(format!("--by names the {by}, but the source given is that of the {given}")));
        }
        (_, [_, _, ..]) => return Err(Error::Usage("give the secret of one authority, not of several".into())),
        (Some(role), _) => Some(role),
        (None, [role]) => Some(*role),
        (None, []) => {
            let free = || able.iter().copied().filter(|role| orders.bounds.forbids(verb, *role).is_none());
            let usable = free().find(|role| presentable(*role, survey, orders).is_ok());
            usable.or(free().next()).or(able.first().copied())
        }
    };
    match named {
        Some(role) if able.contains(&role) => match orders.bounds.forbids(verb, role) {
            Some(by) => {
                Err(Error::Forbidden(format!("the policy forbids `{verb}` by the {} ({by})", survey.called(role))))
            }
            None => Ok(role),
        },
        Some(role) if !able.is_empty() => {
            let known: Vec<String> = able.iter().map(|by| format!("the {}", survey.called(*by))).collect();
            let (other, known) = (survey.called(role), known.join(" or "));
            Err(Error::unsupported(format!("`{verb}` by the {other}, only by {known}")))
        }
        // Whoever might do it, there is nothing to be done.
        Some(_) | None => Err(Error::unsupported(format!("`{verb}`"))),
    }
}

/// Refuses a reference that cannot be presented as it is, and the last try of one unless that is allowed.
///
/// # Errors
/// [`Error::Blocked`], [`Error::Unset`], [`Error::LastTry`].
pub fn presentable(role: Role, survey: &Survey, orders: &Orders) -> Result<()> {
    let Some(reference) = survey.reference(role) else { return Ok(()) };
    match reference.state {
        State::Blocked => Err(Error::Blocked { role, now: false, detail: None }),
        State::Unset => Err(Error::Unset { role }),
        State::Ready | State::MustChange | State::Unknown => orders.may_spend(role, reference.retries),
    }
}

/// Whether the verb is among what this kind of token can do.
///
/// # Errors
/// [`Error::Unsupported`].
pub fn known(verb: Verb, survey: &Survey) -> Result<()> {
    match survey.abilities.iter().any(|able| able.verb == verb) {
        true => Ok(()),
        false => Err(Error::unsupported(format!("`{verb}`"))),
    }
}
