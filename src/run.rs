//! The spine: survey, plan, collect, act, confirm, record, report, each in one place.

mod choose;
mod doctor;
mod guide;
mod job;
mod policy;
mod profile;
mod respond;
mod restore;

pub use doctor::{configuration, doctor, profiles_that_hold};
pub use guide::{Chosen, guide};
pub use policy::check_policy;
pub use profile::{Named, check_profile, profiles};
pub use respond::respond;
pub use restore::restore;

use std::collections::BTreeMap;

use crate::{
    device::{self, Problem, Search, Settings, Wanted},
    error::{Error, Result},
    input::{Collector, Source},
    interrupt::Interrupts,
    ledger::Ledger,
    operation::{Operation, Orders},
    policy::{Facts, Policy},
    render::{Failure, Listed, Listing, Render, Report},
    selector::{Selection, naming},
    token::{Access, Depth, Found, Identity, Need, Role, Route, Survey},
};

/// An operation as it was called.
#[derive(Debug, Clone)]
pub struct Call {
    /// What is asked.
    pub operation: Operation,
    /// Of which token.
    pub selection: Selection,
    /// Where secrets come from.
    pub sources: BTreeMap<Need, Source>,
    /// The roles whose last try may be spent.
    pub allow_last_try: Vec<Role>,
    /// What the configuration lays down.
    pub policy: Policy,
    /// Whether to stop before acting.
    pub dry_run: bool,
    /// How it talks on its way.
    pub render: Render,
}

/// `list` and `status`: who is there, and with `full` what state each is in, and what can be done that `policy` permits. Changes
/// nothing and spends nothing.
///
/// # Errors
/// [`Error::NoToken`] where a token was named and is not there; a problem where nothing is there and a route failed.
pub fn look(selection: &Selection, settings: &Settings, policy: &Policy, full: bool) -> Result<Listing, Failure> {
    check_names(selection, settings, policy).map_err(Failure::bare)?;
    let Search { mut found, mut problems, answered, instead } = device::find(wanted(selection, full), settings);
    let mut identities: Vec<Identity> = found.iter().map(|found| found.identity.clone()).collect();
    let chosen: Vec<usize> = match &selection.selector {
        Some(selector) => selector.matches(&identities.iter().collect::<Vec<_>>()),
        None => (0..identities.len()).collect(),
    };
    if selection.selector.is_some() && !chosen.is_empty() {
        // Who asked for one token, and has it, need not hear of routes that lead to others.
        problems.clear();
    }
    let mut surveys = Vec::new();
    for index in chosen {
        let Some((found, identity)) = found.get_mut(index).zip(identities.get_mut(index)) else { continue };
        match if full { survey(found).map(Some) } else { Ok(None) } {
            Ok(mut survey) => {
                let hides_card = policy::hides_card(policy, found);
                let facts = survey.as_ref().map(|survey| Facts::of(&survey.identity, None).hiding_card(hides_card));
                let bounds = facts.as_ref().map(|facts| policy.bounds(facts));
                survey.iter_mut().zip(bounds).for_each(|(survey, bounds)| bounds.narrow(survey));
                let judged = survey.as_mut().zip(facts.as_ref());
                let unmet = judged.and_then(|(survey, facts)| policy::unmet(policy, facts, survey));
                // The survey knows the token better than the search, which asks no more than it must.
                survey.iter().for_each(|survey| identity.clone_from(&survey.identity));
                surveys.push((index, survey, facts, unmet));
            }
            Err(error) => problems.push(Problem { error, hides_token: true, route: identity.place.route() }),
        }
    }
    let sought = selection.selector.is_some() || selection.application.is_some();
    if surveys.is_empty() && (sought || !problems.is_empty()) {
        let failure = Failure::bare(choose::nothing(selection, problems, answered, instead));
        return Err(restore::with_rescue(failure, selection, None, settings));
    }
    let name = naming(&identities.iter().collect::<Vec<_>>());
    let listed = surveys.into_iter().filter_map(|(index, survey, facts, unmet)| {
        let identity = identities.get(index)?;
        Some(Listed { selector: name(identity), identity: identity.clone(), survey, facts, unmet })
    });
    let lost = restore::lost(selection, settings);
    // Nothing else that was not seen is of that weight.
    let of_lost = lost.iter().map(restore::Lost::error);
    let problems = of_lost.chain(problems.into_iter().map(|problem| problem.error)).collect();
    let lost = lost.into_iter().map(|lost| (lost.identity, lost.hint)).collect();
    Ok(Listing { tokens: listed.collect(), problems, lost, instead })
}

/// Refuses names of applications that are none, in the call or in the policy.
fn check_names(selection: &Selection, settings: &Settings, policy: &Policy) -> Result<()> {
    let known = device::known(settings);
    selection.check(&known).and_then(|()| policy.check_applications(&known))
}

fn wanted(selection: &Selection, sparing: bool) -> Wanted<'_> {
    Wanted {
        application: selection.application.as_deref(),
        selector: selection.selector.as_ref(),
        reference: selection.reference.as_deref(),
        via: selection.via,
        sparing,
    }
}

fn survey(found: &mut Found) -> Result<Survey> {
    let mut survey = None;
    found.connection.transact(Access::Read, &mut |token| {
        survey = Some(token.survey(Depth::Full)?);
        Ok(())
    })?;
    survey.ok_or_else(|| Error::Internal("a transaction without work".into()))
}

/// Every other command: one operation on one token.
///
/// # Errors
/// [`Failure`], with the token and the hint where they are known.
pub fn operate(
    call: &Call,
    settings: &Settings,
    collector: &mut Collector,
    ledger: &mut dyn Ledger,
    interrupts: &Interrupts,
) -> Result<Report, Failure> {
    check_names(&call.selection, settings, &call.policy).map_err(Failure::bare)?;
    collector.read_ahead().map_err(Failure::bare)?;
    let is_sparing = !call.operation.destroys() && !call.policy.asks_who();
    let mut search = device::find(wanted(&call.selection, is_sparing), settings);
    // A token that is lost could be the one that is meant, as well as one that cannot be looked at.
    search.problems.extend(restore::lost(&call.selection, settings).iter().map(|lost| Problem {
        error: lost.error(),
        hides_token: true,
        route: Route::Pkcs11,
    }));
    // Who named a module means what is behind it.
    let named = if settings.names_modules() {
        Ok(())
    } else {
        choose::beyond_blank(&mut search, &call.selection, &call.operation)
    };
    let chosen =
        named.and_then(|()| choose::choose(&mut search, &call.selection, &call.operation)).map_err(|error| {
            collector.forget();
            restore::with_rescue(Failure::bare(error), &call.selection, None, settings)
        })?;
    drop(search);
    let orders = Orders {
        offered: call.sources.keys().copied().collect(),
        allow_last_try: call.allow_last_try.clone(),
        destroy_word: Some(chosen.destroy_word),
        ..Orders::default()
    };
    let identity = chosen.found.identity.clone();
    let job = job::Job {
        operation: &call.operation,
        orders,
        policy: &call.policy,
        dry_run: call.dry_run,
        reference: call.selection.reference.as_deref(),
        selector: chosen.selector,
        render: call.render,
        collector,
        ledger,
        interrupts,
    };
    let done = job.run(chosen.found);
    done.map_err(|failure| restore::with_rescue(failure, &call.selection, Some(&identity), settings))
}
