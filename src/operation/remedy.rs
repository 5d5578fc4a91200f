//! What to do next: drawn from what this token can do, never from habit.

use super::{Hint, hint, hint::CHECK, possible, possible::held_back};
use crate::{
    error::{EntryEnd, Error},
    token::{Ability, Application, Need, Reference, Retries, Role, State, Survey, Verb},
};

/// How far an operation came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It could not be planned.
    Planning,
    /// It was planned, and what it needs was not had.
    Collecting,
    /// A write may have been done.
    Acting,
}

/// The hint for an error that names no token.
pub fn advise(error: &Error) -> Option<Hint> {
    match error {
        Error::NoToken(_) => Some(Hint::Command("pukka list".into())),
        Error::Unsupported { .. } => Some(Hint::Command("pukka status".into())),
        Error::AgainstPolicy { .. } => Some(Hint::Command(CHECK.into())),
        Error::Stale => Some(Hint::Advice("let no other program use the card, and ask for a new challenge".into())),
        Error::NotEntered { end: EntryEnd::TimedOut, .. } => {
            Some(Hint::Advice("enter it as soon as the keys ask for it: most wait for 30 seconds".into()))
        }
        Error::Device { cure: Some(cure), .. } | Error::NothingThere { cure, .. } => Some(Hint::Advice(cure.clone())),
        _ => None,
    }
}

/// The hint for an error of `verb` on the token of `survey`, which `selector` names.
pub fn remedy(error: &Error, verb: Verb, survey: &Survey, selector: &str, stage: Stage) -> Option<Hint> {
    let survey = &as_told(survey, error);
    let able = possible(survey);
    // What failed is not tried again, unless by another's authority.
    let is_other = |able: &&Ability| {
        let by_another = match error {
            Error::Unsupported { .. } => stage == Stage::Planning,
            other => other.role().is_some_and(|role| role != Role::UserPin && able.by != Some(role)),
        };
        able.verb != verb || (able.by.is_some() && by_another)
    };
    let offer = |wanted: Verb| {
        let ways = able.iter().filter(|able| able.verb == wanted).filter(is_other);
        ways.min_by_key(|able| hint::distance(able.by)).map(|able| Hint::Command(hint::call(able, survey, selector)))
    };
    let one_of = |wanted: &[Verb]| wanted.iter().find_map(|verb| offer(*verb));
    let reset = || one_of(&[Verb::PinReset, Verb::PinUnblock]);
    // The least that is lost comes first.
    let restore = || one_of(&[Verb::PinUnblock, Verb::PinReset]);
    let last_resort = |wanted: &[Verb]| match one_of(wanted) {
        Some(Hint::Command(command)) => Some(Hint::LastResort(command)),
        _ => None,
    };
    let usable = |own: &Reference| own.role == Role::UserPin && matches!(own.state, State::Ready | State::MustChange);
    let is_usable = survey.references.iter().any(usable);
    // Nothing is destroyed while the PIN works, nor where this machine's policy alone is in the way.
    let still_works = |lost: Role| {
        let change = match able.iter().any(|able| able.verb == Verb::PinChange) {
            true => ", and whoever knows it can change it by `pin change`",
            false => "",
        };
        let lost = survey.called(lost);
        let advice = format!(
            "the {} still works{change}; nothing on this token brings the {lost} back, so ask whoever issued the token",
            survey.called(Role::UserPin)
        );
        is_usable.then_some(Hint::Advice(advice))
    };
    let by_policy = || {
        let advice = "the token has a way to bring the PIN back, and only the policy of this machine forbids it: `pukka policy check` tells where that is laid down";
        held_back(survey).then(|| Hint::Advice(advice.into()))
    };
    let anew = || last_resort(&[Verb::TokenErase, Verb::TokenInit]);
    let only_the_issuer =
        || Some(Hint::Advice("nothing on this token can restore it; ask whoever issued the token".into()));
    // What is left where the PIN is of no use any more.
    let at_last = || restore().or_else(by_policy).or_else(anew).or_else(only_the_issuer);
    // Some cards erase their keys as soon as both are blocked.
    let hazard = || {
        let both = "once PIN and PUK are both blocked, nothing on the card restores them, and some cards erase their keys at once";
        survey.reference(Role::Puk).map(|_| Hint::Advice(both.into()))
    };
    // The authority that was named is not among what can be done any more; any other of the same verb is a way.
    let permitted = || {
        let ways = able.iter().filter(|able| able.verb == verb);
        let way = ways.min_by_key(|able| hint::distance(able.by));
        let way = way.map(|able| Hint::Command(hint::call(able, survey, selector)));
        way.or_else(|| one_of(instead(verb))).or_else(|| Some(Hint::Command("pukka policy check".into())))
    };
    let is_card = survey.identity.application != Application::Pkcs11;
    match error {
        Error::Blocked { .. } if survey.unblocked_by.is_some() => {
            survey.unblocked_by.map(|how| Hint::Advice(how.into()))
        }
        Error::Blocked { role: Role::UserPin, .. } => at_last(),
        // Who was to be given a new PIN may have another authority.
        Error::Blocked { role, .. }
            if *role == Role::ResetCode || matches!(verb, Verb::PinReset | Verb::PinUnblock) =>
        {
            restore().or_else(|| still_works(*role)).or_else(at_last)
        }
        Error::Blocked { role, .. } => still_works(*role).or_else(at_last),
        // With tries to spare the PIN was most likely mistyped, and there is no need for another's authority yet.
        Error::WrongSecret { role: Role::UserPin, retries: Retries::Left { left: 2.., .. }, .. } => None,
        Error::WrongSecret { role: Role::UserPin, .. } => reset(),
        // Whoever has the authority over the code sets another.
        Error::WrongSecret { role: Role::ResetCode, retries, .. } if retries.is_last() => reset(),
        Error::WrongSecret { role, retries, .. } if retries.is_last() => {
            let named = survey.called(*role);
            let blocked = possible(&with_blocked(survey, *role));
            let has = |wanted: &[Verb]| blocked.iter().any(|able| wanted.contains(&able.verb));
            let then = match is_usable || has(&[Verb::PinReset, Verb::PinUnblock]) || held_back(survey) {
                false if has(&[Verb::TokenErase]) => {
                    "only `token erase` is left then, by which everything on the token is lost".into()
                }
                true if is_usable => format!("the {} still works then", survey.called(Role::UserPin)),
                _ => "nothing on the token can restore it then".to_owned(),
            };
            Some(Hint::Advice(format!("the next wrong {named} blocks it for good; {then}")))
        }
        Error::LastTry { role: Role::UserPin | Role::ResetCode }
        | Error::LastTryForbidden { role: Role::UserPin | Role::ResetCode, .. } => reset().or_else(hazard),
        Error::LastTry { .. } | Error::LastTryForbidden { .. } => hazard(),
        Error::Forbidden(_) => permitted(),
        Error::Unset { role: Role::UserPin } => one_of(&[Verb::PinSet, Verb::PinReset, Verb::TokenInit]),
        Error::Unset { role: Role::ResetCode } if verb == Verb::PinReset => reset(),
        Error::Unset { .. } => offer(Verb::TokenInit),
        Error::MustChange { role: Role::UserPin, .. } => one_of(&[Verb::PinChange, Verb::PinReset]),
        // A card that does not tell whether it has a first value refused one.
        Error::Unsupported { .. } if stage == Stage::Acting && verb == Verb::PinSet && survey.set_before.is_some() => {
            let cut_off = "if an earlier call set the PUK and was cut off before the PIN, name that PUK by --puk in place of --new-puk";
            Some(Hint::Advice(cut_off.into()))
        }
        // The token has the verb, and neither the keys nor the limit that was named.
        Error::Unsupported { .. } if stage == Stage::Collecting => Some(look(selector)),
        // To begin anew by `token init` takes the very SO PIN that is forgotten.
        Error::Unsupported { .. } if verb == Verb::SoPinReset && survey.reference(Role::SoPin).is_some() => {
            let erase = || last_resort(&[Verb::TokenErase]);
            still_works(Role::SoPin).or_else(erase).or_else(only_the_issuer)
        }
        Error::Unsupported { .. } if verb == Verb::RetriesSet && survey.limit_rules.is_some() => {
            limits(survey).or_else(|| Some(look(selector)))
        }
        Error::Unsupported { .. } => {
            // What was begun to be erased, or was never begun, can do nothing else.
            let only = match able.as_slice() {
                [only] => offer(only.verb),
                _ => None,
            };
            one_of(instead(verb)).or(only).or_else(|| Some(look(selector)))
        }
        Error::Unconfirmed { role: Role::UserPin, .. } => Some(Hint::Command(hint::command(Verb::PinVerify, selector))),
        Error::Device { .. }
            if stage == Stage::Acting && matches!(verb, Verb::PinChange | Verb::PinReset | Verb::PinSet) =>
        {
            Some(Hint::Command(hint::command(Verb::PinVerify, selector)))
        }
        // Nothing asks a card for these but their use, which is not tried for its own sake.
        Error::Device { .. }
            if stage == Stage::Acting && is_card && matches!(verb, Verb::PukChange | Verb::SoPinChange) =>
        {
            let called = survey.called(if verb == Verb::PukChange { Role::Puk } else { Role::SoPin });
            Some(Hint::Advice(format!(
                "keep both values: only its use tells which {called} holds, and a wrong one costs a try; take the new one first"
            )))
        }
        // Set once more, they are what the call says.
        Error::Device { .. } if stage == Stage::Acting && is_card && verb == Verb::ResetCodeSet => {
            Some(Hint::Command(hint::command(verb, selector)))
        }
        // What it blocked on its way stays blocked, unless it is brought to its end.
        Error::Device { .. } if stage == Stage::Acting && verb == Verb::TokenErase => {
            Some(Hint::Command(hint::command(verb, selector)))
        }
        Error::AgainstPolicy { .. } => Some(Hint::Command(format!("{CHECK} --token '{selector}'"))),
        other => advise(other),
    }
}

/// The survey with what the failure told of the token since.
fn as_told(survey: &Survey, error: &Error) -> Survey {
    match error {
        Error::Blocked { role, .. } => with_blocked(survey, *role),
        _ => survey.clone(),
    }
}

/// The survey as it would be with `role` blocked.
fn with_blocked(survey: &Survey, role: Role) -> Survey {
    let mut survey = survey.clone();
    let told = survey.references.iter_mut().find(|own| own.role == role);
    told.into_iter().for_each(|own| (own.state, own.retries) = (State::Blocked, Retries::Blocked));
    survey
}

/// What serves the purpose of a verb that the token lacks, the nearest first.
fn instead(verb: Verb) -> &'static [Verb] {
    match verb {
        Verb::PinSet | Verb::PinUnblock => &[Verb::PinReset, Verb::PinSet, Verb::PinChange],
        Verb::PinReset => &[Verb::PinReset, Verb::PinUnblock, Verb::PinSet, Verb::PinChange],
        Verb::PinChange | Verb::PinVerify => &[Verb::PinChange, Verb::PinReset, Verb::PinSet],
        // Where one secret is meant and the token has the other: what stands behind a reset.
        Verb::PukChange => &[Verb::SoPinChange, Verb::AdminKeyChange, Verb::PinChange],
        Verb::SoPinChange | Verb::SoPinReset => &[Verb::PukChange, Verb::AdminKeyChange, Verb::PinChange],
        Verb::AdminKeyChange => &[Verb::SoPinChange, Verb::PukChange, Verb::PinChange],
        // A PUK is such a code; else whoever stands behind a reset does it.
        Verb::ResetCodeSet => &[Verb::PukChange, Verb::PinReset, Verb::SoPinChange, Verb::AdminKeyChange],
        // A new code that nobody knows is as good as none.
        Verb::ResetCodeClear => &[Verb::ResetCodeSet, Verb::PukChange, Verb::PinReset],
        Verb::RetriesSet => &[],
        Verb::TokenInit => &[Verb::TokenErase],
        Verb::TokenErase => &[Verb::TokenInit],
    }
}

/// Where nothing serves: what the token can do.
fn look(selector: &str) -> Hint {
    Hint::Command(format!("pukka status --token '{selector}'"))
}

/// The options of the limits that this token has.
fn limits(survey: &Survey) -> Option<Hint> {
    let options = survey.limit_rules?.roles.iter().map(|role| format!("--{}-tries", Need::Current(*role).option()));
    Some(Hint::Advice(format!("the limits of this token are set by {}", options.collect::<Vec<_>>().join(", "))))
}
