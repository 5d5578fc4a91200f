//! New values under a policy: what is asked for beforehand, what is refused, and what is made.

use std::{collections::BTreeMap, sync::Arc};

use super::{Collector, is_new, question};
use crate::{
    error::{Error, Result},
    input::generate,
    operation::{Plan, Secrets},
    policy::{self, Beside, Common, Demands, Facts, Ruling},
    secret::{AdminKey, Pin},
    token::{Need, Pad, Role, Survey},
};

/// The longest question that leaves room to type on a line of 80 columns.
const LONGEST_QUESTION: usize = 68;

/// What a policy lays down for the new values of one operation.
#[derive(Debug, Default)]
pub struct Rules {
    /// By secret, with the site's lists of common values.
    pub by_role: BTreeMap<Role, (Ruling, Vec<Arc<Common>>)>,
    /// Whose they are, where that is known.
    pub facts: Option<Facts>,
}

impl Rules {
    /// Checks a new value against what is laid down for it.
    ///
    /// # Errors
    /// [`Error::AgainstPolicy`].
    pub fn check(&self, role: Role, value: &Pin, old: Option<&Pin>, others: Vec<(Role, &Pin)>) -> Result<()> {
        let Some((ruling, lists)) = self.by_role.get(&role) else { return Ok(()) };
        let lists = lists.iter().map(Arc::as_ref).collect();
        ruling.check(role, value, &Beside { lists, ..self.beside(old, others) })
    }

    fn beside<'a>(&'a self, old: Option<&'a Pin>, others: Vec<(Role, &'a Pin)>) -> Beside<'a> {
        let facts = self.facts.as_ref();
        let (serial, label) = (facts.and_then(Facts::serial), facts.and_then(Facts::label));
        Beside { old, others, serial, label, lists: Vec::new() }
    }

    pub(super) fn demands(&self, role: Role) -> Demands {
        self.by_role.get(&role).map(|(ruling, _)| ruling.demands()).unwrap_or_default()
    }
}

impl Collector {
    /// Holds new values to these rules from now on.
    pub fn obey(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Which secrets the token is to get.
    pub fn given(plan: &Plan, survey: &Survey) -> Vec<Role> {
        plan.needs().into_iter().filter(|need| is_new(*need, survey)).map(Need::role).collect()
    }

    /// Checks a value that is at hand or was typed, by what the token takes and by the policy.
    pub(super) fn check_value(&self, need: Need, value: &Pin, survey: &Survey) -> Result<()> {
        let role = need.role();
        if role == Role::AdminKey {
            AdminKey::parse(need, value)?;
        }
        let reference = survey.reference(role);
        if !is_new(need, survey) {
            return reference.map_or(Ok(()), |reference| policy::check_current(need, value, reference));
        }
        let old = self.old(need);
        reference.map_or(Ok(()), |reference| policy::check_new(value, reference, old))?;
        // A token that tells nothing of this secret is no reason to take whatever comes.
        self.rules.check(role, value, old, self.others(role))
    }

    /// Makes a value that the token takes and the policy lets pass; the values that go with it are in `secrets` by now.
    pub(super) fn draw(&self, need: Need, survey: &Survey, secrets: &Secrets) -> Result<Pin> {
        let role = need.role();
        let reference = survey.reference(role).ok_or_else(|| Error::unsupported(role.to_string()))?;
        let beside = |other: Need| secrets.value(other).or_else(|| self.at_hand.get(&other));
        let old = beside(Need::Current(role));
        let all = || {
            Role::ALL.into_iter().filter(|other| *other != role).flat_map(|role| [Need::Current(role), Need::New(role)])
        };
        let passes = |value: &Pin| {
            let others = all().filter_map(|other| Some((other.role(), beside(other)?))).collect();
            policy::check_new(value, reference, old).and_then(|()| self.rules.check(role, value, old, others))
        };
        let generator = self.rules.by_role.get(&role).map(|(ruling, _)| ruling.generator()).unwrap_or_default();
        generate::generate(reference, generator, &self.rules.demands(role), &passes)
    }

    /// The question for a new value, with what is wanted in it; where that is long, it is told before, in a sentence of its own.
    pub(super) fn wanted(&self, need: Need, survey: &Survey) -> (Option<String>, String) {
        let (called, token) = (survey.called(need.role()), &survey.identity);
        let Some(reference) = survey.reference(need.role()) else { return (None, question(need, survey)) };
        let demands = self.rules.demands(need.role());
        let ask = |demands: &Demands| format!("New {called} of {token} ({}): ", demands.in_words(reference.length));
        let whole = ask(&demands);
        if demands.refuse.is_none() || whole.chars().count() <= LONGEST_QUESTION {
            return (None, whole);
        }
        let told = format!("a new {called} here: {}", demands.in_words(reference.length));
        (Some(told), ask(&Demands { refuse: None, ..demands }))
    }

    /// What a person should know of a value that nothing refuses, where no policy says what it must be.
    pub(super) fn weakness(&self, need: Need, value: &Pin, survey: &Survey) -> Option<String> {
        let role = need.role();
        if self.rules.demands(role) != Demands::default() || role == Role::AdminKey {
            return None;
        }
        let facts = Facts::of(&survey.identity, None);
        let beside = self.rules.beside(self.old(need), self.others(role));
        let beside = Beside { serial: facts.serial(), label: facts.label(), ..beside };
        let weak = Demands::weakness(value, &beside)?;
        Some(format!("note: the new {} {weak}: it is taken all the same, but guessed early", survey.called(role)))
    }

    /// What the policy asks of a value that is typed on the token's own keys, where nobody can check it.
    pub(super) fn unseen(&self, need: Need, survey: &Survey) -> Option<String> {
        let demands = self.rules.demands(need.role());
        let reference =
            survey.reference(need.role()).filter(|_| is_new(need, survey) && demands != Demands::default())?;
        let called = survey.called(need.role());
        let checked = match survey.pad {
            Pad::Reader(_) => "of what is typed on the keys only the digits are counted, and nothing else is checked",
            Pad::Path | Pad::None => "what is typed on the keys is not seen, and so not checked",
        };
        Some(format!("the policy asks for a new {called} of {}; {checked}", demands.in_words(reference.length)))
    }

    fn old(&self, need: Need) -> Option<&Pin> {
        self.at_hand.get(&Need::Current(need.role())).filter(|_| need.is_new())
    }

    fn others(&self, role: Role) -> Vec<(Role, &Pin)> {
        let others = self.at_hand.iter().filter(|(need, _)| need.role() != role);
        others.map(|(need, value)| (need.role(), value)).collect()
    }
}

#[cfg(test)]
mod tests;
