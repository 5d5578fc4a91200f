//! `token init`: a token begins anew, with an SO PIN, and a user PIN where one is given or comes with it.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::{Error, Result},
    token::{Harm, InitRules, Need, Role, Survey, Terms, Verb},
};

/// The bytes of a label in CK_TOKEN_INFO.
const LABEL: usize = 32;

pub(super) fn plan(label: Option<&str>, terms: &Terms, harm: Harm, survey: &Survey, orders: &Orders) -> Result<Plan> {
    let (verb, role) = (Verb::TokenInit, Role::SoPin);
    authority::known(verb, survey)?;
    let rules = survey.init_rules.ok_or_else(|| Error::unsupported(format!("`{verb}`")))?;
    if let (Some(what), Harm::Refused) = (rules.harm, harm) {
        return Err(Error::Unsupported { what: format!("{what}; --force-init goes on all the same") });
    }
    check_terms(terms, rules)?;
    let label = match (terms.transport, label) {
        (true, Some(_)) => {
            return Err(Error::Usage(
                "with a transport PIN there is no --label: only its holder's PIN may write one".into(),
            ));
        }
        (true, None) => None,
        (false, given) => checked_label(given, rules, survey)?,
    };
    let blank = survey.identity.blank;
    let so_pin = if blank {
        so_pin_of_a_blank_token(orders)?
    } else {
        authority::presentable(role, survey, orders)?;
        if orders.offered.contains(&Need::New(role)) {
            return Err(Error::Usage(
                "a live token keeps its SO PIN, so that no --new-so-pin is taken: give the present one with --so-pin, and change it afterwards with `so-pin change`"
                    .into(),
            ));
        }
        Need::Current(role)
    };
    let new_pin = Need::New(Role::UserPin);
    let pin = rules.pin.map(|_| new_pin);
    let later = pin.is_none() && orders.offered.contains(&new_pin);
    let init =
        Step { action: Action::Init { label, so_pin, pin, terms: terms.clone() }, spends: (!blank).then_some(role) };
    let first_pin = Step { action: Action::Reset { role: Role::UserPin, by: so_pin }, spends: None };
    let steps = [init].into_iter().chain(later.then_some(first_pin)).collect();
    let destroys = if blank { None } else { Some(orders.destroy_word.clone().unwrap_or_default()) };
    Ok(Plan { verb, role, by: Some(role), outcome: Outcome::Initialised, steps, destroys })
}

/// The label that was given, else the one that a live token has; none where the token does without.
fn checked_label(given: Option<&str>, rules: &InitRules, survey: &Survey) -> Result<Option<String>> {
    let own = survey.identity.label.as_ref().filter(|_| !survey.identity.blank);
    let Some(label) = given.or_else(|| own.and_then(|own| std::str::from_utf8(own.bytes()).ok())) else {
        return match rules.needs_label {
            true => Err(Error::Usage("give the token a name with --label".into())),
            false => Ok(None),
        };
    };
    // C_GetTokenInfo gives labels without their trailing blanks: the token could not be told from others by such a one.
    if label.is_empty() || label.ends_with(' ') || label.chars().any(char::is_control) {
        return Err(Error::Usage("a label is not empty, does not end in a blank and has no control characters".into()));
    }
    if label.len() > LABEL {
        return Err(Error::Usage(format!("a label has at most {LABEL} bytes")));
    }
    Ok(Some(label.to_owned()))
}

/// Refuses terms of the user PIN that this kind of token does not know.
fn check_terms(terms: &Terms, rules: &InitRules) -> Result<()> {
    let Some(limits) = rules.pin else {
        return match *terms == Terms::default() {
            true => Ok(()),
            false => Err(Error::Unsupported {
                what: "this token takes no tries, no way back and no transport PIN when it begins anew".into(),
            }),
        };
    };
    match (terms.tries, limits.last()) {
        (Some(tries), Some((most, _))) if tries > *most => {
            Err(Error::Policy(format!("the PIN of this token may have at most {most} tries")))
        }
        _ => Ok(()),
    }
}

/// A blank token has no SO PIN yet, so the one given is new; `--so-pin` is taken for it too.
fn so_pin_of_a_blank_token(orders: &Orders) -> Result<Need> {
    let (new, current) = (Need::New(Role::SoPin), Need::Current(Role::SoPin));
    match (orders.offered.contains(&new), orders.offered.contains(&current)) {
        (true, true) => Err(Error::Usage("the token is blank, its SO PIN is new: give --new-so-pin only".into())),
        (false, true) => Ok(current),
        _ => Ok(new),
    }
}
