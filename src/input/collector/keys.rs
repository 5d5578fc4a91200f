//! What the keys of a token or its reader take, and what a person is told before they light up: what they will ask for, in their
//! order.

use super::{Collector, is_new, tries};
use crate::{
    error::{Error, Result},
    operation::{Action, Plan},
    policy,
    token::{Length, Need, Pad, Place, Survey},
};

/// A command that takes what is typed.
struct Command {
    /// Its entries, in order.
    needs: Vec<Need>,
    /// The digits of each, where a reader asks for them.
    digits: Option<(usize, usize)>,
    /// Whether the card is told where each ends.
    delimited: bool,
}

impl Command {
    fn of_token(needs: Vec<Need>) -> Self {
        Self { needs, digits: None, delimited: true }
    }
}

/// The commands of a plan that take what is typed, in their order; none where nothing can be typed.
fn commands(plan: &Plan, survey: &Survey) -> Vec<Command> {
    match &survey.pad {
        Pad::None => Vec::new(),
        Pad::Path => plan.steps.iter().flat_map(|step| calls(&step.action)).map(Command::of_token).collect(),
        Pad::Reader(reader) => {
            let commands = reader.commands(plan.verb, plan.by).iter();
            let told = commands.map(|entries| Command {
                needs: entries.needs.clone(),
                digits: Some(entries.digits),
                delimited: entries.delimited,
            });
            told.collect()
        }
    }
}

/// The calls behind an action, each with what it asks the token's keys for: a change logs in first, so that a wrong old value is
/// seen.
fn calls(action: &Action) -> Vec<Vec<Need>> {
    match action {
        Action::Change { role } => {
            vec![vec![Need::Current(*role)], vec![Need::Current(*role), Need::New(*role)]]
        }
        other => other.needs().into_iter().map(|need| vec![need]).collect(),
    }
}

/// Whether that value can be typed at all, in this plan.
pub(super) fn are_there_for(need: Need, plan: &Plan, survey: &Survey) -> bool {
    commands(plan, survey).iter().any(|command| command.needs.contains(&need))
}

/// The other values that the same command takes: the old value of a change and its new one, on many cards a PUK and the new PIN.
pub(super) fn companions(need: Need, plan: &Plan, survey: &Survey) -> impl Iterator<Item = Need> {
    let shared = commands(plan, survey).into_iter().filter(move |command| command.needs.contains(&need));
    shared.flat_map(|command| command.needs).filter(move |other| *other != need).collect::<Vec<_>>().into_iter()
}

/// Why keys that were named cannot be used for that value.
pub(super) fn refused(need: Need, survey: &Survey) -> Error {
    match &survey.pad {
        Pad::Reader(reader) => {
            let called = survey.called(need.role());
            let why = reader.refused.map(|why| format!(": {why}")).unwrap_or_default();
            let new = if need.is_new() { "new " } else { "" };
            Error::Unsupported {
                what: format!(
                    "the {new}{called} cannot be typed on the keys of this reader here{why}; use --{} prompt",
                    need.option()
                ),
            }
        }
        Pad::None | Pad::Path => Error::unsupported("keys of its own to type a secret at".into()),
    }
}

/// That the keys would supply one value of a command, and another source the others.
pub(super) fn mixed(need: Need, others: impl Iterator<Item = Need>) -> Error {
    let options: Vec<String> = others.map(|other| format!("--{}", other.option())).collect();
    Error::Usage(format!(
        "keys supply all the values of one command, or none: name pinpad for --{} and for {}, or for neither",
        need.option(),
        options.join(" and ")
    ))
}

impl Collector {
    /// Tells what is to be entered on the keys of the token or its reader, where anything is.
    pub(super) fn announce(&mut self, plan: &Plan, survey: &Survey) -> Result<()> {
        let typed = |need: &Need| {
            !self.at_hand.contains_key(need) && !self.is_made(*need) && self.is_typed_at_token(*need, plan, survey)
        };
        let unseen: Vec<String> =
            plan.needs().into_iter().filter(typed).filter_map(|need| self.unseen(need, survey)).collect();
        let mut told = Vec::new();
        let mut before = Vec::new();
        for command in commands(plan, survey) {
            for need in command.needs.iter().filter(|need| typed(need)) {
                told.extend(entries(*need, before.contains(need), &command, survey));
                before.push(*need);
            }
        }
        let Some(first) = before.first() else { return Ok(()) };
        let prompter = self.asked(*first)?;
        unseen.iter().for_each(|asked| prompter.tell(asked));
        let token = &survey.identity;
        let whose = match (&survey.pad, &token.place) {
            (Pad::Reader(_), Place::Reader(reader)) => format!("{reader}, for {token}"),
            _ => token.to_string(),
        };
        if let [only] = told.as_slice() {
            prompter.tell(&format!("to be entered on the keys of {whose}: {only}"));
            return Ok(());
        }
        prompter.tell(&format!("to be entered on the keys of {whose}, in this order:"));
        told.iter().enumerate().for_each(|(index, entry)| prompter.tell(&format!("  {}. {entry}", index + 1)));
        Ok(())
    }
}

/// The entries of one value in words. How often a token asks for a new value is its own affair; a reader asks twice.
fn entries(need: Need, again: bool, command: &Command, survey: &Survey) -> Vec<String> {
    let called = survey.called(need.role());
    match (again, is_new(need, survey), command.digits) {
        (true, ..) if !command.delimited => {
            vec![format!("the {called} once more, and not a digit too many: the card is not told where it ends")]
        }
        (true, ..) => vec![format!("the {called} once more")],
        (false, true, None) => vec![format!("the new {called}, as often as they ask for it")],
        (false, true, Some((min, max))) => {
            let unit = crate::token::Unit::Digits;
            let limits = policy::limits(Length { min, max: Some(max), unit });
            vec![format!("the new {called} ({limits})"), format!("the new {called} once more")]
        }
        (false, false, _) => vec![match tries(need, survey) {
            Some(tries) => format!("the {called} ({tries})"),
            None => format!("the {called}"),
        }],
    }
}

#[cfg(test)]
mod tests;
