//! `pin unblock`: the counter back to full, the PIN kept, where the token can.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::{Error, Result},
    token::{Need, Role, Survey, Verb},
};

pub(super) fn plan(by: Option<Role>, survey: &Survey, orders: &Orders) -> Result<Plan> {
    let (verb, role) = (Verb::PinUnblock, Role::UserPin);
    if !survey.abilities.iter().any(|able| able.verb == verb) {
        return Err(Error::Unsupported { what: format!("this token cannot unblock a {role} and keep its value") });
    }
    let by = authority::choose(verb, by, survey, orders)?;
    authority::presentable(by, survey, orders)?;
    let steps = vec![Step { action: Action::Unblock { role, by: Need::Current(by) }, spends: Some(by) }];
    Ok(Plan { verb, role, by: Some(by), outcome: Outcome::Unblocked, steps, destroys: None })
}
