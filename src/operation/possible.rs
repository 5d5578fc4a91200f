//! What can be done with a token in its present state.

use super::{Operation, Orders};
use crate::token::{Ability, Role, Survey, Verb};

/// The abilities of this kind of token that its present state allows, for `status` and for hints.
///
/// The last try counts as usable here: spending it is for the person to decide.
pub fn possible(survey: &Survey) -> Vec<Ability> {
    let orders = Orders { allow_last_try: Role::ALL.to_vec(), ..Orders::default() };
    survey.abilities.iter().filter(|able| operation(able).plan(survey, &orders).is_ok()).copied().collect()
}

fn operation(able: &Ability) -> Operation {
    match able.verb {
        Verb::PinSet => Operation::Set,
        Verb::PinChange => Operation::Change { role: Role::UserPin },
        Verb::PinVerify => Operation::Verify,
        Verb::PinUnblock => Operation::Unblock { by: able.by },
        Verb::PinReset => Operation::Reset { by: able.by },
        Verb::PukChange => Operation::Change { role: Role::Puk },
        Verb::SoPinChange => Operation::Change { role: Role::SoPin },
        Verb::AdminKeyChange => Operation::Change { role: Role::AdminKey },
        Verb::TokenInit => Operation::Init { label: Some("any".into()) },
    }
}
