//! The tokens that a call can mean: how they are reached, which one it names, and how a command names it again.

use std::{collections::BTreeMap, ffi::OsString};

use crate::{
    cli::Global,
    config::{self, Config},
    device::{Settings, card::iso7816::Profiles, pkcs11::Options},
    error::Result,
    input::Source,
    operation::{Hint, Operation},
    policy::Policy,
    render::{self, Failure, Listing, Render, Report},
    run::{self, Call, Named},
    selector::{Selection, Selector},
    token::{Need, Trace},
};

/// The tokens of a call.
pub struct Tokens<'a> {
    /// What the call says of them.
    pub global: &'a Global,
    /// What the configuration lays down for them.
    pub policy: &'a Policy,
    /// How they are reached.
    pub settings: Settings,
    /// The profile that the call names.
    profile: Option<Named>,
}

impl<'a> Tokens<'a> {
    /// Those that are reached as the call and the configuration say; what reaches them gets no secret of `sources`.
    pub fn of(global: &'a Global, config: &'a Config, sources: &BTreeMap<Need, Source>) -> Result<Self> {
        let (profiles, profile) = run::profiles(global.profile.as_deref(), &config::profiles())?;
        let settings = settings(global, config, profiles, super::withheld(sources));
        Ok(Self { global, policy: &config.policy, settings, profile })
    }

    /// The same for what has nothing to do with profiles, also with those that do not hold.
    pub fn without_profiles(global: &'a Global, config: &'a Config) -> Self {
        let settings = settings(global, config, Profiles::default(), Vec::new());
        Self { global, policy: &config.policy, settings, profile: None }
    }

    /// Which one is meant; `token` is the one named by position.
    pub fn selection(&self, token: Option<Selector>) -> Result<Selection> {
        let mut selection = self.global.selection(token)?;
        self.profile.iter().for_each(|profile| profile.narrow(&mut selection));
        Ok(selection)
    }

    /// Looks at those that are meant, and with `full` at their state.
    pub fn look(&self, token: Option<Selector>, full: bool) -> Result<Listing, Failure> {
        run::look(&self.selection(token)?, &self.settings, self.policy, full)
    }

    /// An operation on the one that is meant by `selection`.
    pub fn call(
        &self,
        operation: Operation,
        sources: BTreeMap<Need, Source>,
        selection: Selection,
        render: Render,
    ) -> Call {
        let (allow_last_try, dry_run) = (self.global.allowed_last_tries(), self.global.dry_run);
        Call { operation, selection, sources, allow_last_try, policy: self.policy.clone(), dry_run, render }
    }

    /// A command that finds the token as this call does.
    pub fn as_called(&self, hint: Hint) -> Hint {
        let hint = hint.with_modules(&self.global.modules);
        self.profile.iter().fold(hint, |hint, profile| hint.with_profile(&profile.application, &profile.file))
    }

    /// A failure whose command names the modules of this call.
    pub fn with_modules(&self, failure: Failure) -> Failure {
        failure.with_modules(&self.global.modules)
    }

    /// A failure whose command names the profile of this call.
    pub fn with_profile(&self, failure: Failure) -> Failure {
        let with = |failure: Failure, profile: &Named| failure.with_profile(&profile.application, &profile.file);
        self.profile.iter().fold(failure, with)
    }

    /// What a person should know of the token as it is now.
    pub fn next(&self, report: &Report) -> Option<String> {
        report.next(&self.global.modules)
    }
}

/// How devices are reached, as the call and the configuration say.
pub fn settings(global: &Global, config: &Config, profiles: Profiles, withheld: Vec<OsString>) -> Settings {
    Settings {
        modules: global.modules(config),
        locks: config::locks(),
        state: config::state(),
        wait: global.wait(config),
        options: Options { timeout: global.module_timeout(config), withheld, inits: config.inits() },
        trace: if global.trace { render::trace() } else { Trace::default() },
        profiles,
    }
}
