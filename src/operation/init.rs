//! `token init`: a token begins anew, with an SO PIN, and a user PIN where one is given.

use super::{Action, Orders, Outcome, Plan, Step, authority};
use crate::{
    error::{Error, Result},
    token::{Need, Role, Survey, Verb},
};

/// The bytes of a label in CK_TOKEN_INFO.
const LABEL: usize = 32;

pub(super) fn plan(label: Option<&str>, survey: &Survey, orders: &Orders) -> Result<Plan> {
    let (verb, role) = (Verb::TokenInit, Role::SoPin);
    authority::known(verb, survey)?;
    let blank = survey.identity.blank;
    let kept =
        survey.identity.label.as_ref().filter(|_| !blank).and_then(|label| std::str::from_utf8(label.bytes()).ok());
    let label = label.or(kept).ok_or_else(|| Error::Usage("give the token a name with --label".into()))?.to_owned();
    // C_GetTokenInfo gives labels without their trailing blanks: the token could not be told from others by such a one.
    if label.is_empty() || label.ends_with(' ') || label.chars().any(char::is_control) {
        return Err(Error::Usage("a label is not empty, does not end in a blank and has no control characters".into()));
    }
    if label.len() > LABEL {
        return Err(Error::Usage(format!("a label has at most {LABEL} bytes")));
    }
    let so_pin = if blank {
        so_pin_of_a_blank_token(orders)?
    } else {
        authority::presentable(role, survey, orders)?;
        if orders.offered.contains(&Need::New(role)) {
            return Err(Error::Usage(
                "a live token keeps its SO PIN: give that with --so-pin, and change it afterwards with `so-pin change`"
                    .into(),
            ));
        }
        Need::Current(role)
    };
    let init = Step { action: Action::Init { label, so_pin }, spends: (!blank).then_some(role) };
    let first_pin = Step { action: Action::Reset { role: Role::UserPin, by: so_pin }, spends: None };
    let wants_pin = orders.offered.contains(&Need::New(Role::UserPin));
    let steps = [init].into_iter().chain(wants_pin.then_some(first_pin)).collect();
    let destroys = if blank { None } else { Some(orders.destroy_word.clone().unwrap_or_default()) };
    Ok(Plan { verb, role, by: Some(role), outcome: Outcome::Initialised, steps, destroys })
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
