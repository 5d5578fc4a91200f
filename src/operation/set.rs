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
    // A card that does not tell whether it has a PIN refuses a second first one; an authority would overwrite it.
    let by_authority = survey.abilities.iter().any(|able| able.verb == verb && able.by.is_some_and(|by| by != role));
    let is_untold = !by_authority && reference.is_some_and(|reference| reference.state == State::Unknown);
    if !is_unset && !is_delivered && !is_transport && !is_untold {
        return Err(Error::Unsupported {
            what: format!("the {role} is set already, and `{verb}` sets only the first one"),
        });
    }
    let by_nobody = survey.abilities.iter().any(|able| able.verb == verb && able.by.is_none());
    let is_authority = |need: &Need| !need.is_new() && survey.set_before != Some(need.role());
    let offered = orders.offered.iter().any(is_authority);
    let before = before(survey, orders)?;
    if by_nobody && !offered {
        let spends = (is_delivered || is_untold).then_some(role);
        if spends.is_some() {
            authority::presentable(role, survey, orders)?;
        }
        let before = before.map(|action| Step { action, spends: None });
        let steps = before.into_iter().chain([Step { action: Action::Set { role }, spends }]).collect();
        return Ok(Plan { verb, role, by: None, outcome: Outcome::Set, steps, destroys: None });
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

/// Who gets a first value before the PIN: where a card wants that, a PIN without it could never be reset. Where the
/// caller names it as the present one, an earlier call may have given it and was cut off behind it.
fn before(survey: &Survey, orders: &Orders) -> Result<Option<Action>> {
    let other = orders.offered.iter().find(|need| need.is_new() && need.role() != Role::UserPin);
    let is_offered = |need: Need| orders.offered.contains(&need);
    match (survey.set_before, other) {
        (Some(role), None) if is_offered(Need::Current(role)) => Ok(Some(Action::SetUnlessSet { role })),
        (Some(role), Some(_)) if is_offered(Need::Current(role)) => Err(Error::Usage(format!(
            "the {role} of this token is new, or an earlier call may have set it: give --{} or --{}, not both",
            Need::New(role).option(),
            Need::Current(role).option()
        ))),
        (None, Some(need)) => Err(Error::Usage(format!(
            "this token sets no {} together with its PIN: leave --{} out",
            need.role(),
            need.option()
        ))),
        (before, _) => Ok(before.map(|role| Action::Set { role })),
    }
}
