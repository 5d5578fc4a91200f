//! What the keys of a token or its reader take, and what a person is told before they light up: what they will ask for, in their
//! order.

use super::{Collector, Rules, is_new, tries};
use crate::{
    error::{Error, Result},
    operation::{Action, Plan},
    policy,
    token::{Entries, Length, Need, Pad, Place, Role, Survey, Unit, common},
};

/// Signals wait as long as the keys do, which may be minutes.
const CANCEL: &str = "to give up, press the key there that cancels: Ctrl-C waits till the keys are done";

/// A command that takes what is typed.
struct Command {
    /// Its entries, in order.
    needs: Vec<Need>,
    /// The digits of each, where a reader asks for them.
    digits: Option<(usize, usize)>,
    /// Whether the policy made fewer of them than card and reader take.
    narrowed: bool,
    /// Whether the card is told where each ends.
    delimited: bool,
}

impl Command {
    fn of_token(needs: Vec<Need>) -> Self {
        Self { needs, digits: None, narrowed: false, delimited: true }
    }

    /// As far as the policy lets it be typed at a reader. Of one command a reader is told one range for all values: the longest one
    /// that is not replaced there must still be among them.
    fn of_reader(entries: &Entries, survey: &Survey, rules: &Rules) -> Option<Self> {
        let (needs, all) = (entries.needs.clone(), entries.digits);
        let mut digits = all;
        for need in needs.iter().filter(|need| need.is_new()) {
            digits = common(digits, rules.demands(need.role()).digits()?)?;
        }
        let is_kept = |need: &&Need| !need.is_new() && !needs.contains(&Need::New(need.role()));
        let longest = |need: &Need| {
            let reference = survey.reference(need.role())?;
            reference.current_length.map(|(_, most)| most).or(reference.length.max)
        };
        let fit = needs.iter().filter(is_kept).all(|need| digits.1 >= longest(need).unwrap_or(all.1).min(all.1));
        let narrowed = digits != all;
        fit.then_some(Self { needs, digits: Some(digits), narrowed, delimited: entries.delimited })
    }
}

/// The commands of a plan that take what is typed, in their order; none where nothing can be typed, or not as the policy asks.
fn commands(plan: &Plan, survey: &Survey, rules: &Rules) -> Vec<Command> {
    match &survey.pad {
        Pad::None => Vec::new(),
        Pad::Path => plan.steps.iter().flat_map(|step| calls(&step.action)).map(Command::of_token).collect(),
        Pad::Reader(reader) => {
            let commands = reader.commands(plan.verb, plan.by).iter();
            let told: Option<Vec<_>> = commands.map(|entries| Command::of_reader(entries, survey, rules)).collect();
            told.unwrap_or_default()
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

/// Why keys that were named cannot be used for that value.
fn refused(need: Need, survey: &Survey) -> Error {
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
    /// Whether that value can be typed at all, in this plan.
    pub(super) fn has_keys_for(&self, need: Need, plan: &Plan, survey: &Survey) -> bool {
        commands(plan, survey, &self.rules).iter().any(|command| command.needs.contains(&need))
    }

    /// The other values that the same command takes: the old value of a change and its new one, on many cards a PUK and the new PIN.
    pub(super) fn companions(&self, need: Need, plan: &Plan, survey: &Survey) -> impl Iterator<Item = Need> + use<> {
        let shared =
            commands(plan, survey, &self.rules).into_iter().filter(move |command| command.needs.contains(&need));
        shared.flat_map(|command| command.needs).filter(move |other| *other != need)
    }

    /// How many digits the policy lets the keys of a reader take for the new values of a plan.
    pub fn typed_digits(&self, plan: &Plan, survey: &Survey) -> Vec<(Role, (usize, usize))> {
        let new = plan.needs().into_iter().filter(|need| need.is_new() && self.has_keys_for(*need, plan, survey));
        new.filter_map(|need| Some((need.role(), self.rules.demands(need.role()).digits()?))).collect()
    }

    /// Why keys that were named cannot be used for that value.
    pub(super) fn refused_keys(&self, need: Need, plan: &Plan, survey: &Survey) -> Error {
        let new = match &survey.pad {
            Pad::Reader(reader) => {
                let typed = reader.commands(plan.verb, plan.by).iter().find(|entries| entries.needs.contains(&need));
                typed.and_then(|_| plan.needs().into_iter().find(|need| need.is_new()))
            }
            Pad::Path | Pad::None => None,
        };
        let Some((new, reference)) = new.and_then(|new| Some((new, survey.reference(new.role())?))) else {
            return refused(need, survey);
        };
        let (called, demands) = (survey.called(new.role()), self.rules.demands(new.role()));
        Error::Policy(format!(
            "the keys of this reader cannot be held to the policy here, which asks for a new {called} of {}; use --{} prompt",
            demands.in_words(reference.length),
            need.option()
        ))
    }

    /// Tells what is to be entered on the keys of the token or its reader, where anything is.
    pub(super) fn announce(&mut self, plan: &Plan, survey: &Survey) -> Result<()> {
        let typed = |need: &Need| {
            !self.at_hand.contains_key(need) && !self.is_made(*need) && self.is_typed_at_token(*need, plan, survey)
        };
        let mut unseen: Vec<String> =
            plan.needs().into_iter().filter(typed).filter_map(|need| self.unseen(need, survey)).collect();
        let mut told = Vec::new();
        let mut before = Vec::new();
        for command in commands(plan, survey, &self.rules) {
            unseen.extend(not_taken(&command, survey).filter(|_| command.needs.iter().any(typed)));
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
        } else {
            prompter.tell(&format!("to be entered on the keys of {whose}, in this order:"));
            told.iter().enumerate().for_each(|(index, entry)| prompter.tell(&format!("  {}. {entry}", index + 1)));
        }
        prompter.tell(CANCEL);
        Ok(())
    }
}

/// What a person is told of an old value that the keys do not take, since they take no other digits of it than of the new one.
fn not_taken(command: &Command, survey: &Survey) -> Option<String> {
    let is_replaced = |need: &&Need| !need.is_new() && command.needs.contains(&Need::New(need.role()));
    let old = command.needs.iter().find(is_replaced).filter(|_| command.narrowed)?;
    let (min, max) = command.digits?;
    let digits = policy::limits(Length { min, max: Some(max), unit: Unit::Digits });
    let called = survey.called(old.role());
    Some(format!(
        "the keys take an old {called} of {digits} only; with --{} prompt another can be changed",
        old.option()
    ))
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
            let limits = policy::limits(Length { min, max: Some(max), unit: Unit::Digits });
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
