//! What a person is told before the keys of a token light up: what they will ask for, in their order.

use super::{Collector, is_new, tries};
use crate::{
    error::Result,
    operation::{Action, Plan},
    token::{Need, Survey},
};

impl Collector {
    /// Tells what is to be entered on the token's keys, where anything is.
    pub(super) fn announce(&mut self, plan: &Plan, survey: &Survey) -> Result<()> {
        let typed = |need: &Need| {
            !self.at_hand.contains_key(need) && !self.is_made(*need) && self.is_typed_at_token(*need, plan, survey)
        };
        let unseen: Vec<String> =
            plan.needs().into_iter().filter(typed).filter_map(|need| self.unseen(need, survey)).collect();
        let needs: Vec<Need> = plan.steps.iter().flat_map(|step| asked_by(&step.action)).filter(typed).collect();
        let told = |(index, need): (usize, &Need)| {
            let before = needs.iter().take(index);
            entry(*need, before.filter(|earlier| *earlier == need).count() > 0, survey)
        };
        let told: Vec<String> = needs.iter().enumerate().map(told).collect();
        let Some(first) = needs.first() else { return Ok(()) };
        let prompter = self.asked(*first)?;
        unseen.iter().for_each(|asked| prompter.tell(asked));
        let token = &survey.identity;
        if let [only] = told.as_slice() {
            prompter.tell(&format!("to be entered on the keys of {token}: {only}"));
            return Ok(());
        }
        prompter.tell(&format!("to be entered on the keys of {token}, in this order:"));
        told.iter().enumerate().for_each(|(index, entry)| prompter.tell(&format!("  {}. {entry}", index + 1)));
        Ok(())
    }
}

/// What the calls behind an action ask the keys for: a change logs in first, so that a wrong old value is seen.
fn asked_by(action: &Action) -> Vec<Need> {
    match action {
        Action::Change { role } => vec![Need::Current(*role), Need::Current(*role), Need::New(*role)],
        other => other.needs(),
    }
}

/// One entry in words. How often a new value is asked for is each token's own affair.
fn entry(need: Need, again: bool, survey: &Survey) -> String {
    let called = survey.called(need.role());
    match (again, is_new(need, survey)) {
        (true, _) => format!("the {called} once more"),
        (false, true) => format!("the new {called}, as often as they ask for it"),
        (false, false) => match tries(need, survey) {
            Some(tries) => format!("the {called} ({tries})"),
            None => format!("the {called}"),
        },
    }
}
