//! `reset-code set` and `reset-code clear`: the code with which a holder resets a forgotten PIN.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::{Error, Result},
    token::{Need, Role, State, Survey, Verb},
};

pub(super) fn set(survey: &Survey, orders: &Orders) -> Result<Plan> {
    let role = Role::ResetCode;
    let by = authority::choose(Verb::ResetCodeSet, None, survey, orders)?;
    authority::presentable(by, survey, orders)?;
    let steps = vec![Step { action: Action::Reset { role, by: Need::Current(by) }, spends: Some(by) }];
    Ok(Plan { verb: Verb::ResetCodeSet, role, by: Some(by), outcome: Outcome::Set, steps, destroys: None })
}

pub(super) fn clear(survey: &Survey, orders: &Orders) -> Result<Plan> {
    let role = Role::ResetCode;
    let by = authority::choose(Verb::ResetCodeClear, None, survey, orders)?;
    authority::presentable(by, survey, orders)?;
    if survey.reference(role).is_some_and(|reference| reference.state == State::Unset) {
        return Err(Error::Unset { role });
    }
    let steps = vec![Step { action: Action::Clear { role, by: Need::Current(by) }, spends: Some(by) }];
    Ok(Plan { verb: Verb::ResetCodeClear, role, by: Some(by), outcome: Outcome::Cleared, steps, destroys: None })
}
