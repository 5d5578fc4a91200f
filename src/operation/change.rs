//! `pin change`, `puk change`, `so-pin change`: a new value by the old one.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::Result,
    token::{Role, Survey, Verb},
};

pub(super) fn plan(verb: Verb, role: Role, survey: &Survey, orders: &Orders) -> Result<Plan> {
    authority::known(verb, survey)?;
    authority::presentable(role, survey, orders)?;
    let steps = vec![Step { action: Action::Change { role }, spends: Some(role) }];
    Ok(Plan { verb, role, by: Some(role), outcome: Outcome::Changed, steps, destroys: None })
}
