//! `pin set`: the first user PIN of a new token, or the first of its holder's own in place of the one of delivery.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::{Error, Result},
    token::{Need, Role, State, Survey, Verb},
};

pub(super) fn plan(survey: &Survey, orders: &Orders) -> Result<Plan> {
    let (verb, role) = (Verb::PinSet, Role::UserPin);
    authority::known(verb, survey)?;
    let reference = survey.reference(role);
    let is_delivered = reference.is_some_and(|reference| reference.default == Some(true));
    let is_unset = reference.is_none_or(|reference| reference.state == State::Unset);
    let is_transport = reference.is_some_and(|reference| reference.state == State::MustChange);
    if !is_unset && !is_delivered && !is_transport {
        return Err(Error::Unsupported {
            what: format!("the {role} is set already, and `{verb}` sets only the first one"),
        });
    }
    let by_nobody = survey.abilities.iter().any(|able| able.verb == verb && able.by.is_none());
    let offered = orders.offered.iter().any(|need| !need.is_new());
    if by_nobody && !offered {
        if is_delivered {
            authority::presentable(role, survey, orders)?;
        }
        let step = Step { action: Action::Set { role }, spends: is_delivered.then_some(role) };
        return Ok(Plan { verb, role, by: None, outcome: Outcome::Set, steps: vec![step], destroys: None });
    }
    let by = authority::choose(verb, None, survey, orders)?;
    authority::presentable(by, survey, orders)?;
    // The holder's own value is that of delivery, a transport PIN in a letter: the card takes a change by it.
    let action = match by {
        Role::UserPin => Action::Change { role },
        by => Action::Reset { role, by: Need::Current(by) },
    };
    let steps = vec![Step { action, spends: Some(by) }];
    Ok(Plan { verb, role, by: Some(by), outcome: Outcome::Set, steps, destroys: None })
}
