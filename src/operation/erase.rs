//! `token erase`: back to the state of delivery, with everything on it lost.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::Result,
    token::{Role, Survey, Verb},
};

pub(super) fn plan(survey: &Survey, orders: &Orders) -> Result<Plan> {
    let verb = Verb::TokenErase;
    authority::known(verb, survey)?;
    // No try is spared: a card that can be erased at all wants its PINs blocked first.
    let steps = vec![Step { action: Action::Erase, spends: None }];
    let destroys = Some(orders.destroy_word.clone().unwrap_or_default());
    Ok(Plan { verb, role: Role::UserPin, by: None, outcome: Outcome::Erased, steps, destroys })
}
