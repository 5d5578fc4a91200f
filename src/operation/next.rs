//! What helps next with each user PIN as it stands: one or two commands, drawn from what this token can do.

use super::{Hint, Operation, hint, possible, possible::held_back, possible::operation, possible::pins};
use crate::token::{Ability, Reference, Retries, Role, State, Survey, Verb};

/// The most commands that are named for one PIN: who has to choose among many is not helped.
const MOST: usize = 2;

/// A user PIN, and what helps with it.
#[derive(Debug, Clone)]
pub struct Next {
    /// The PIN as it stands.
    pub pin: Reference,
    /// What helps, the best first; nothing where only the issuer can.
    pub ways: Vec<Way>,
    /// Whether nothing helps because the policy of this machine forbids what would.
    pub held_back: bool,
}

/// One command that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What it does.
    pub able: Ability,
    /// Which of several user PINs it does that to.
    pub reference: Option<&'static str>,
    /// Whose last try a wrong value would spend.
    pub last_try: Option<Role>,
    /// The command.
    pub hint: Hint,
    /// What is to be done; none for what is named and never run from an offer: what destroys, and what lacks a word.
    pub operation: Option<Operation>,
}

/// What helps with each user PIN of the token of `survey`, which `selector` names.
pub fn next(survey: &Survey, selector: &str) -> Vec<Next> {
    let several = pins(survey).count() > 1;
    let of_pin = |(pin, own): (Reference, Survey)| {
        let named = Some(pin.name).filter(|_| several);
        let ways: Vec<Way> = helping(&pin, &own).into_iter().map(|able| way(able, &own, selector, named)).collect();
        let is_held_back = || matches!(pin.state, State::Blocked | State::Unset) && held_back(&own);
        let held_back = ways.is_empty() && is_held_back();
        Next { pin, ways, held_back }
    };
    pins(survey).map(of_pin).collect()
}

/// What would be left if the PIN of `of` were blocked.
pub fn once_blocked(of: &Next, survey: &Survey, selector: &str) -> Option<Next> {
    let (_, mut own) = pins(survey).find(|(pin, _)| pin.name == of.pin.name)?;
    let meant = own.references.iter_mut().find(|own| own.role == Role::UserPin)?;
    (meant.state, meant.retries) = (State::Blocked, Retries::Blocked);
    next(&own, selector).into_iter().find(|own| own.pin.name == of.pin.name)
}

/// The abilities that help with `pin`, the first user PIN of `survey`.
fn helping(pin: &Reference, survey: &Survey) -> Vec<Ability> {
    let able = possible(survey);
    // Another's last try comes last, whoever that is.
    let ways = |verb: Verb| {
        let mut ways: Vec<Ability> = able.iter().filter(|able| able.verb == verb).copied().collect();
        ways.sort_by_key(|able| (spends_last(able, survey).is_some(), hint::distance(able.by)));
        ways
    };
    let one = |verb: Verb| ways(verb).into_iter().take(1);
    // Who has blocked it has most likely forgotten it.
    let by_another =
        || one(Verb::PinReset).chain(one(Verb::PinUnblock)).chain(ways(Verb::PinReset).into_iter().skip(1));
    let mut helping: Vec<Ability> = match pin.state {
        State::Blocked => by_another().collect(),
        State::Unset => one(Verb::PinSet).chain(one(Verb::PinReset)).take(1).collect(),
        // The way that risks nothing of the holder's comes first.
        State::Ready | State::MustChange | State::Unknown if pin.retries.is_last() => {
            by_another().take(1).chain(one(Verb::PinChange)).collect()
        }
        State::MustChange => one(Verb::PinChange).chain(by_another()).take(1).collect(),
        State::Unknown => one(Verb::PinChange).chain(by_another().take(1)).collect(),
        State::Ready => at_delivery(survey).into_iter().flat_map(one).collect(),
    };
    if helping.is_empty() && pin.state == State::Ready {
        // Who has forgotten it is helped before the tries are spent, and by nobody's last one.
        let risks_none = |able: &Ability| spends_last(able, survey).is_none();
        helping.extend(one(Verb::PinChange).chain(by_another().filter(risks_none).take(1)));
    }
    // Nothing is begun anew where only this machine's policy is in the way.
    if helping.is_empty() && matches!(pin.state, State::Blocked | State::Unset) && !held_back(survey) {
        helping.extend(one(Verb::TokenErase).chain(one(Verb::TokenInit)).take(1));
    }
    helping.truncate(MOST);
    helping
}

/// The verbs that change what is still the value of delivery.
fn at_delivery(survey: &Survey) -> Vec<Verb> {
    let verb = |role: Role| match role {
        Role::UserPin => Some(Verb::PinChange),
        Role::Puk => Some(Verb::PukChange),
        Role::SoPin => Some(Verb::SoPinChange),
        Role::AdminKey => Some(Verb::AdminKeyChange),
        Role::ResetCode | Role::Response => None,
    };
    let delivered = survey.references.iter().filter(|own| own.default == Some(true));
    let mut verbs: Vec<Verb> = delivered.filter_map(|own| verb(own.role)).collect();
    verbs.dedup();
    verbs
}

/// Whose last try the ability would spend with a wrong value.
fn spends_last(able: &Ability, survey: &Survey) -> Option<Role> {
    let presented = able.by.or(match able.verb {
        Verb::PinChange | Verb::PinVerify => Some(Role::UserPin),
        Verb::PukChange => Some(Role::Puk),
        Verb::SoPinChange => Some(Role::SoPin),
        _ => None,
    })?;
    survey.reference(presented).filter(|own| own.retries.is_last()).map(|_| presented)
}

fn way(able: Ability, survey: &Survey, selector: &str, reference: Option<&'static str>) -> Way {
    let last_try = spends_last(&able, survey);
    let of = reference.map(|name| format!(" --reference {name}")).unwrap_or_default();
    let allowed = last_try.map(|role| format!(" --allow-last-try={}", role.name())).unwrap_or_default();
    let command = format!("{}{of}{allowed}", hint::call(&able, survey, selector));
    let begins = matches!(able.verb, Verb::TokenErase | Verb::TokenInit);
    let hint = if begins && !survey.identity.blank { Hint::LastResort(command) } else { Hint::Command(command) };
    let operation = (!begins).then(|| operation(&able, survey));
    Way { able, reference, last_try, hint, operation }
}

#[cfg(test)]
mod tests;
