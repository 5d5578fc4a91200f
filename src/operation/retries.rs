//! `retries set`: other limits, and new values for the secrets that the card puts back to those of delivery.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::{Error, Result},
    token::{Limits, Need, Retries, Role, Survey, Verb},
};

pub(super) fn plan(given: &Limits, survey: &Survey, orders: &Orders) -> Result<Plan> {
    let verb = Verb::RetriesSet;
    authority::known(verb, survey)?;
    let rules = survey.limit_rules.ok_or_else(|| Error::unsupported(format!("`{verb}`")))?;
    if let Some(role) = given.keys().find(|role| !rules.roles.contains(role)) {
        return Err(Error::Unsupported { what: format!("the tries of the {role} cannot be set on this token") });
    }
    let by = survey
        .abilities
        .iter()
        .find_map(|able| able.by.filter(|_| able.verb == verb))
        .ok_or_else(|| Error::unsupported(format!("`{verb}`")))?;
    if let Some((role, origin)) = orders.bounds.forbids_limits(rules, by) {
        let why = format!("the policy forbids `{verb}` by the {by}, which gives the {role} a new value ({origin})");
        return Err(Error::Forbidden(why));
    }
    let limits =
        rules.roles.iter().map(|role| Ok((*role, limit(*role, given, survey)?))).collect::<Result<Limits>>()?;
    // A new value has no part in it where the card keeps the old one.
    if let Some(need) = orders.offered.iter().find(|need| need.is_new() && !rules.restores.contains(&need.role())) {
        return Err(Error::Usage(format!(
            "the {} stays as it is on this token: leave --{} out",
            need.role(),
            need.option()
        )));
    }
    let presented: Vec<Role> = [by].into_iter().chain(rules.beside.iter().copied()).collect();
    for role in &presented {
        authority::presentable(*role, survey, orders)?;
    }
    let counted = |role: &&Role| survey.reference(**role).is_some_and(|own| own.role != Role::AdminKey);
    let set = Step {
        spends: presented.iter().find(counted).copied(),
        action: Action::SetLimits { limits, by: presented.iter().copied().map(Need::Current).collect() },
    };
    // Nobody is to find the card with the values of delivery on it: what replaces them is had before they are there.
    let anew = rules.restores.iter().map(|role| Step { action: Action::Set { role: *role }, spends: None });
    let steps = [set].into_iter().chain(anew).collect();
    Ok(Plan { verb, role: Role::UserPin, by: Some(by), outcome: Outcome::Set, steps, destroys: None })
}

/// The limit that was given, else the one that the token has now.
fn limit(role: Role, given: &Limits, survey: &Survey) -> Result<u8> {
    let option = match role {
        Role::UserPin => "pin-tries",
        Role::Puk => "puk-tries",
        Role::SoPin => "so-pin-tries",
        Role::ResetCode => "reset-code-tries",
        Role::AdminKey | Role::Response => return Err(Error::Internal(format!("the {role} has no limit"))),
    };
    let now = survey.reference(role).and_then(|reference| match reference.retries {
        Retries::Left { limit, .. } => limit,
        _ => None,
    });
    given.get(&role).copied().or(now).ok_or_else(|| {
        Error::Usage(format!(
            "this token sets all limits at once and does not tell the present ones: give --{option} too"
        ))
    })
}
