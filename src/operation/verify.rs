//! `pin verify`: one try of the user PIN, knowingly.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::Result,
    token::{Role, Survey, Verb},
};

pub(super) fn plan(survey: &Survey, orders: &Orders) -> Result<Plan> {
    let (verb, role) = (Verb::PinVerify, Role::UserPin);
    authority::known(verb, survey)?;
    authority::presentable(role, survey, orders)?;
    let steps = vec![Step { action: Action::Verify { role }, spends: Some(role) }];
    Ok(Plan { verb, role, by: Some(role), outcome: Outcome::Verified, steps, destroys: None })
}
