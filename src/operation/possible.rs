//! What can be done with a token in its present state.

use super::{Operation, Orders};
use crate::token::{Ability, Harm, LimitRules, Limits, Need, Reference, Role, Survey, Terms, Verb};

/// The abilities of this kind of token that its present state allows, for `status` and for hints.
///
/// The last try counts as usable here: spending it is for the person to decide.
pub fn possible(survey: &Survey) -> Vec<Ability> {
    survey
        .abilities
        .iter()
        .filter(|able| operation(able, survey).plan(survey, &orders(able)).is_ok())
        .copied()
        .collect()
}

/// Whether the policy of this machine, and nothing else, is in the way of what would bring the user PIN back.
pub fn held_back(survey: &Survey) -> bool {
    let unbound = Survey { abilities: survey.forbidden.clone().into(), ..survey.clone() };
    possible(&unbound).iter().any(|able| matches!(able.verb, Verb::PinSet | Verb::PinReset | Verb::PinUnblock))
}

/// As [`possible`], for each user PIN of a token that has several: what can be done to it, with its name, and what concerns
/// none of them, without.
pub fn choices(survey: &Survey) -> Vec<(Ability, Option<&'static str>)> {
    let of = |role| survey.references.iter().filter(move |own| own.role == role);
    if of(Role::UserPin).next().is_none() {
        return possible(survey).into_iter().map(|able| (able, None)).collect();
    }
    let mut choices = Vec::new();
    for (pin, own) in pins(survey) {
        for able in possible(&own) {
            let is_shared = of(operation(&able, survey).concerned()).count() < 2;
            let choice = (able, if is_shared { None } else { Some(pin.name) });
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
    }
    choices
}

/// Each user PIN, with the survey as it holds where that one is meant.
pub fn pins(survey: &Survey) -> impl Iterator<Item = (Reference, Survey)> {
    let user_pins = survey.references.iter().enumerate().filter(|(_, own)| own.role == Role::UserPin);
    user_pins.map(|(index, pin)| {
        let mut own = survey.clone();
        if let Some(meant) = own.references.get_mut(..=index) {
            meant.rotate_right(1);
        }
        (pin.clone(), own)
    })
}

/// A call that brings everything which a person can bring.
fn orders(able: &Ability) -> Orders {
    // Where several may set the first PIN, each is asked about with its own secret.
    let by = able.by.filter(|_| able.verb == Verb::PinSet).map(Need::Current);
    Orders { offered: by.into_iter().collect(), allow_last_try: Role::ALL.to_vec(), ..Orders::default() }
}

/// The operation of an ability, by its authority.
pub fn operation(able: &Ability, survey: &Survey) -> Operation {
    let any = |rules: &LimitRules| -> Limits { rules.roles.iter().map(|role| (*role, u8::MAX)).collect() };
    match able.verb {
        Verb::PinSet => Operation::Set,
        Verb::PinChange => Operation::Change { role: Role::UserPin },
        Verb::PinVerify => Operation::Verify,
        Verb::PinUnblock => Operation::Unblock { by: able.by },
        Verb::PinReset => Operation::Reset { by: able.by },
        Verb::PukChange => Operation::Change { role: Role::Puk },
        Verb::SoPinChange => Operation::Change { role: Role::SoPin },
        Verb::SoPinReset => Operation::ResetSoPin,
        Verb::AdminKeyChange => Operation::Change { role: Role::AdminKey },
        Verb::ResetCodeSet => Operation::SetCode,
        Verb::ResetCodeClear => Operation::ClearCode,
        Verb::RetriesSet => Operation::SetRetries { limits: survey.limit_rules.map(any).unwrap_or_default() },
        Verb::TokenErase => Operation::Erase,
        Verb::TokenInit => Operation::Init { label: Some("any".into()), terms: Terms::default(), harm: Harm::Refused },
    }
}
