//! What to do next: drawn from what this token can do, never from habit.

use super::possible;
use crate::{
    error::Error,
    token::{Retries, Role, Survey, Verb},
};

/// What a person can do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A command that can be pasted.
    Command(String),
    /// A sentence, where no command helps.
    Advice(String),
}

impl Hint {
    /// The text of either.
    pub fn text(&self) -> &str {
        match self {
            Self::Command(text) | Self::Advice(text) => text,
        }
    }
}

/// The hint for an error that names no token.
pub fn advise(error: &Error) -> Option<Hint> {
    match error {
        Error::NoToken(_) => Some(Hint::Command("pukka list".into())),
        Error::Unsupported { .. } => Some(Hint::Command("pukka status".into())),
        Error::Stale => Some(Hint::Advice("let no other program use the card, and ask for a new challenge".into())),
        Error::Device { cure: Some(cure), .. } => Some(Hint::Advice(cure.clone())),
        _ => None,
    }
}

/// The hint for an error of `verb` on the token of `survey`, which `selector` names. `sent`: a write may have been done.
pub fn remedy(error: &Error, verb: Verb, survey: &Survey, selector: &str, sent: bool) -> Option<Hint> {
    let can = |verb: Verb| possible(survey).iter().any(|able| able.verb == verb);
    let offer = |wanted: Verb| can(wanted).then(|| Hint::Command(command(wanted, selector)));
    let reset = || offer(Verb::PinReset);
    let only_the_issuer =
        || Some(Hint::Advice("nothing on this token can restore it; ask whoever issued the token".into()));
    // Some cards erase their keys as soon as both are blocked.
    let hazard = || {
        let both = "once PIN and PUK are both blocked, nothing on the card restores them, and some cards erase their keys at once";
        survey.reference(Role::Puk).map(|_| Hint::Advice(both.into()))
    };
    match error {
        Error::Blocked { role: Role::UserPin | Role::ResetCode, .. } => reset().or_else(only_the_issuer),
        Error::Blocked { .. } => only_the_issuer(),
        // With tries to spare the PIN was most likely mistyped, and there is no need for another's authority yet.
        Error::WrongSecret { role: Role::UserPin, retries: Retries::Left { left: 2.., .. }, .. } => None,
        Error::WrongSecret { role: Role::UserPin, .. } if verb != Verb::PinReset => reset(),
        // Whoever has the authority over the code sets another.
        Error::WrongSecret { role: Role::ResetCode, retries, .. } if retries.is_last() => reset(),
        Error::WrongSecret { role, retries, .. } if retries.is_last() => Some(Hint::Advice(format!(
            "the next wrong {role} blocks it for good; nothing on the token can restore it then"
        ))),
        Error::LastTry { role: Role::UserPin } => reset().or_else(hazard),
        Error::LastTry { .. } => hazard(),
        Error::Unset { role: Role::UserPin } => offer(Verb::PinSet).or(offer(Verb::TokenInit)),
        Error::Unset { role: Role::ResetCode } if verb == Verb::PinReset => reset(),
        Error::Unset { .. } => offer(Verb::TokenInit),
        Error::MustChange { role: Role::UserPin, .. } if verb != Verb::PinChange => offer(Verb::PinChange),
        Error::MustChange { role: Role::UserPin, .. } => reset(),
        // A card that does not tell whether it has a first value refused one.
        Error::Unsupported { .. } if sent && verb == Verb::PinSet && survey.set_before.is_some() => {
            let cut_off = "if an earlier call set the PUK and was cut off before the PIN, name that PUK by --puk in place of --new-puk";
            Some(Hint::Advice(cut_off.into()))
        }
        Error::Unsupported { .. } => {
            // Where one secret is meant and the token has the other, that one comes first.
            let counterpart = match verb {
                Verb::PukChange => offer(Verb::SoPinChange),
                Verb::SoPinChange => offer(Verb::PukChange),
                // A new code that nobody knows is as good as none.
                Verb::ResetCodeClear => offer(Verb::ResetCodeSet),
                _ => None,
            };
            counterpart
                .or_else(reset)
                .or(offer(Verb::PinSet))
                .or(offer(Verb::PinChange))
                // What was begun to be erased can do nothing else.
                .or(offer(Verb::TokenErase))
                .or_else(only_the_issuer)
        }
        Error::Unconfirmed { role: Role::UserPin, .. } => Some(Hint::Command(command(Verb::PinVerify, selector))),
        Error::Device { .. } if sent && matches!(verb, Verb::PinChange | Verb::PinReset | Verb::PinSet) => {
            Some(Hint::Command(command(Verb::PinVerify, selector)))
        }
        // What it blocked on its way stays blocked, unless it is brought to its end.
        Error::Device { .. } if sent && verb == Verb::TokenErase => offer(verb),
        other => advise(other),
    }
}

/// The command of `verb` for the token that `selector` names, quoted for a shell.
pub fn command(verb: Verb, selector: &str) -> String {
    format!("pukka {verb} --token '{selector}'")
}
