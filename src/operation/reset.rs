//! `pin reset`: a new user PIN for a forgotten or blocked one, by another's authority.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::{Error, Result},
    token::{Need, Role, State, Survey, Verb},
};

pub(super) fn plan(by: Option<Role>, survey: &Survey, orders: &Orders) -> Result<Plan> {
    let (verb, role) = (Verb::PinReset, Role::UserPin);
    let by = authority::choose(verb, by, survey, orders)?;
    authority::presentable(by, survey, orders)?;
    if survey.reference(role).is_some_and(|reference| reference.state == State::Unset) {
        return Err(Error::Unset { role });
    }
    let steps = vec![Step { action: Action::Reset { role, by: Need::Current(by) }, spends: Some(by) }];
    Ok(Plan { verb, role, by: Some(by), outcome: Outcome::Reset, steps, destroys: None })
}
