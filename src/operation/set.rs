//! `pin set`: the first user PIN of a new token.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::{Error, Result},
    token::{Need, Role, State, Survey, Verb},
};

pub(super) fn plan(survey: &Survey, orders: &Orders) -> Result<Plan> {
    let (verb, role) = (Verb::PinSet, Role::UserPin);
    let by = authority::choose(verb, None, survey, orders)?;
    authority::presentable(by, survey, orders)?;
    if survey.reference(role).is_some_and(|reference| reference.state != State::Unset) {
        return Err(Error::Unsupported {
            what: format!("the {role} is set already, and `{verb}` sets only the first one"),
        });
    }
    let steps = vec![Step { action: Action::Reset { role, by: Need::Current(by) }, spends: Some(by) }];
    Ok(Plan { verb, role, by, outcome: Outcome::Set, steps, destroys: None })
}
