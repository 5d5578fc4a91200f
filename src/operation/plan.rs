//! A plan: what will be done, by whom, with which secrets, at what risk.

use std::collections::BTreeSet;

use super::{Action, Step};
use crate::{
    error::{Error, Result},
    policy::{self, Bounds},
    token::{Limits, Need, Retries, Role, Survey, Verb},
};

/// What the caller laid down beside the operation itself.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// The secrets whose source was named.
    pub offered: BTreeSet<Need>,
    /// The roles whose last try may be spent.
    pub allow_last_try: Vec<Role>,
    /// What the policy forbids on the token that is meant.
    pub bounds: Bounds,
    /// What must be typed to confirm the destruction of a live token: its serial, else its label.
    pub destroy_word: Option<String>,
}

impl Orders {
    /// Refuses to spend a try that is not there, and the last one unless that is allowed.
    ///
    /// # Errors
    /// [`Error::Blocked`], [`Error::LastTry`], [`Error::LastTryForbidden`].
    pub fn may_spend(&self, role: Role, retries: Retries) -> Result<()> {
        match (policy::may_spend(role, retries, &self.allow_last_try), self.bounds.forbids_last_try(role)) {
            (Ok(()) | Err(Error::LastTry { .. }), Some(by)) if retries.is_last() => {
                Err(Error::LastTryForbidden { role, by: by.to_string() })
            }
            (answer, _) => answer,
        }
    }
}

/// What a successful operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The first value was set.
    Set,
    /// The value was changed.
    Changed,
    /// The value is right.
    Verified,
    /// The counter is full again, the value kept.
    Unblocked,
    /// A new value was set on another's authority.
    Reset,
    /// The value was taken away.
    Cleared,
    /// The token began anew.
    Initialised,
    /// The application is as it was delivered.
    Erased,
}

impl Outcome {
    /// The name in JSON, and the word in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Changed => "changed",
            Self::Verified => "verified",
            Self::Unblocked => "unblocked",
            Self::Reset => "reset",
            Self::Cleared => "cleared",
            Self::Initialised => "initialised",
            Self::Erased => "erased",
        }
    }
}

/// How an operation will be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The verb it was asked by.
    pub verb: Verb,
    /// Whose secret it is about.
    pub role: Role,
    /// By whose authority, where it takes one.
    pub by: Option<Role>,
    /// What it will have done.
    pub outcome: Outcome,
    /// The steps, each confirmed before the next.
    pub steps: Vec<Step>,
    /// What must be typed before a live token is destroyed.
    pub destroys: Option<String>,
}

impl Plan {
    /// The secrets it needs, in the order in which they are asked for.
    pub fn needs(&self) -> Vec<Need> {
        let needs: BTreeSet<Need> = self.steps.iter().flat_map(|step| step.action.needs()).collect();
        needs.into_iter().collect()
    }

    /// What it may cost the token of `survey`, in words.
    pub fn costs(&self, survey: &Survey) -> Vec<String> {
        let tries = self
            .steps
            .iter()
            .filter_map(|step| step.spends)
            .filter(|role| role.is_counted())
            .map(|role| format!("one try of the {}, if it is wrong", survey.called(role)));
        let destroyed = self.destroys.iter().map(|_| "everything on the token".to_owned());
        let fresh = self.steps.iter().any(|step| matches!(step.action, Action::Init { .. })) && self.destroys.is_none();
        tries
            .chain(self.restored())
            .chain(destroyed)
            .chain(fresh.then(|| "nothing: the token is blank".to_owned()))
            .collect()
    }

    /// The limits that it sets, where it sets some.
    pub fn limits(&self) -> Option<&Limits> {
        self.steps.iter().find_map(|step| match &step.action {
            Action::SetLimits { limits, .. } => Some(limits),
            _ => None,
        })
    }

    /// The roles that it puts back to the value of delivery on its way.
    pub fn restores(&self) -> Vec<Role> {
        let anew = self.steps.iter().filter_map(|step| match step.action {
            Action::Set { role } => Some(role),
            _ => None,
        });
        anew.filter(|_| self.limits().is_some()).collect()
    }

    /// What a person should know before anything is asked: nothing of it has happened yet.
    pub fn warning(&self) -> Option<String> {
        let permits = |by: Role| format!("setting the limits, once the {by} permits it, puts");
        self.by.map(permits).zip(self.restored()).map(|(setting, restored)| format!("{setting} {restored}"))
    }

    /// What it puts back to the value of delivery on its way, in words.
    pub fn restored(&self) -> Option<String> {
        let roles = self.restores();
        (!roles.is_empty())
            .then(|| format!("{} back to the value of delivery, till the new one replaces it", listed(&roles)))
    }

    /// The survey as it holds for this plan: a user PIN that is to have many tries must be a long one on some tokens.
    pub fn narrow(&self, survey: &mut Survey) {
        let tries = self.steps.iter().find_map(|step| match &step.action {
            Action::Init { terms, .. } => terms.tries,
            _ => None,
        });
        let rules = survey.init_rules.and_then(|rules| rules.pin).unwrap_or_default();
        let least = tries.and_then(|tries| rules.iter().find(|(most, _)| tries <= *most)).map(|(_, least)| *least);
        let pin = survey.references.iter_mut().find(|reference| reference.role == Role::UserPin);
        if let (Some(least), Some(pin)) = (least, pin) {
            pin.length.min = pin.length.min.max(least);
        }
    }

    /// The commands it will send, as the application names them.
    pub fn commands(&self, survey: &Survey) -> Vec<String> {
        let able =
            survey.abilities.iter().find(|able| able.verb == self.verb && (able.by.is_none() || able.by == self.by));
        able.map(|able| able.commands.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }
}

/// "the PIN and the PUK".
pub fn listed(roles: &[Role]) -> String {
    roles.iter().map(|role| format!("the {role}")).collect::<Vec<_>>().join(" and ")
}
