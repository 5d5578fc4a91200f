//! One operation on the token that was chosen, from survey to report.

mod challenge;

use super::policy::Lists;
use crate::{
    error::{Error, Result},
    input::Collector,
    interrupt::Interrupts,
    ledger::{Intent, Ledger},
    operation::{Action, Hint, Operation, Orders, Outcome, Plan, Secrets, Stage, Step, advise, listed, remedy},
    policy::{Facts, Policy},
    render::{Failure, Render, Report},
    selector::selectors,
    token::{Access, Depth, Found, Holds, Identity, Need, Proof, Retries, Role, State, Survey, Token, Verb},
};

/// One operation on one token.
pub struct Job<'a> {
    /// What is asked.
    pub operation: &'a Operation,
    /// What the caller laid down.
    pub orders: Orders,
    /// What the configuration lays down.
    pub policy: &'a Policy,
    /// Whether to stop before acting.
    pub dry_run: bool,
    /// Which of several user PINs is meant, where one was named.
    pub reference: Option<&'a str>,
    /// What names the token.
    pub selector: String,
    /// How it talks on its way.
    pub render: Render,
    /// Where secrets come from.
    pub collector: &'a mut Collector,
    /// Where it is recorded.
    pub ledger: &'a mut dyn Ledger,
    /// Holds signals off while the token is written.
    pub interrupts: &'a Interrupts,
}

/// How far it has come; what a failure needs to tell.
#[derive(Default)]
struct Progress {
    survey: Option<Survey>,
    /// Whether it was planned, so that only what it needs can be missing.
    planned: bool,
    /// Whether the intent was recorded, so that an outcome has to be.
    recorded: bool,
    /// Whether act has begun, so that a write may have happened.
    acting: bool,
    /// Who the token is from now on, where it began anew.
    identity: Option<Identity>,
    done: Vec<Outcome>,
    /// Which value holds after a write that nobody is sure of, where that was looked into.
    holds: Option<Holds>,
    /// Whether the token said yes to a step, so that a failure behind it undoes nothing.
    performed: bool,
}

/// What act and confirm came to.
#[derive(Debug, PartialEq, Eq)]
struct Effect {
    unproved: Vec<&'static str>,
    retries: Retries,
    at_least: Option<u8>,
}

impl Job<'_> {
    /// Survey, plan, collect, act, confirm, record, report.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn run(mut self, mut found: Found) -> Result<Report, Failure> {
        let mut progress = Progress::default();
        let result = self.steps(&mut found, &mut progress);
        if let Some(identity) = &progress.identity {
            // Its serial and slot may be new: the next command must not name what it was before.
            self.selector = selectors(&[identity]).concat();
        }
        // Before the module ends, which is nobody's to trust with what it was not given.
        self.collector.forget();
        if let (Err(error), true) = (&result, progress.recorded) {
            // Whether the record takes it or not, the failure itself is what has to be told.
            let _ = self.ledger.outcome(Err(error));
        }
        if let (Err(error), None) = (&result, &progress.identity) {
            self.look_around(error, &mut found, &mut progress);
        }
        match (result, progress.identity.take()) {
            (Ok(report), Some(identity)) => Ok(Report { identity, selector: self.selector.clone(), ..report }),
            (Ok(report), None) => Ok(report),
            (Err(error), _) => Err(self.failed(error, progress)),
        }
    }

    /// Reads what the operation had no need to, where the hint is drawn from it: what else can be done now.
    fn look_around(&self, error: &Error, found: &mut Found, progress: &mut Progress) {
        let is_drawn = match error {
            Error::WrongSecret { retries, .. } => retries.is_last(),
            Error::Blocked { .. } | Error::Unsupported { .. } | Error::Forbidden(_) => true,
            _ => false,
        };
        // Some cards tell of every reference in one answer: there is nothing more to read.
        let is_partial = progress.survey.as_ref().is_some_and(|survey| {
            let is_told = |role| survey.reference(role).is_some_and(|own| own.state != State::Unknown);
            let by = survey.abilities.iter().filter_map(|able| able.by).filter(|by| *by != Role::Response);
            !by.chain([Role::UserPin]).all(is_told)
        });
        if !is_drawn || !is_partial || self.operation.concerns(&self.orders).is_none() {
            return;
        }
        let mut whole = None;
        let looked = found.connection.transact(Access::Read, &mut |token| {
            whole = Some(token.survey(Depth::Full)?);
            Ok(())
        });
        // It is only for the hint: the failure itself is what has to be told.
        if looked.is_ok() {
            progress.survey = whole.or(progress.survey.take());
        }
    }

    fn steps(&mut self, found: &mut Found, progress: &mut Progress) -> Result<Report> {
        let access = if self.dry_run { Access::Read } else { Access::Write };
        let (mut planned, mut effect) = (None, None);
        let hides_card = super::policy::hides_card(self.policy, found);
        // A long list is read before the token is locked.
        let lists = match self.operation.verb() {
            Verb::PinVerify | Verb::PinUnblock | Verb::ResetCodeClear | Verb::TokenErase => Lists::default(),
            _ => Lists::ahead(self.policy),
        };
        found.connection.transact(access, &mut |token| {
            // What holds may hang on who the token is, which is not among what is read of some with a few references.
            let roles = self.operation.concerns(&self.orders).filter(|_| !self.policy.asks_who());
            let survey = token.survey(roles.as_deref().map_or(Depth::Full, Depth::Only))?;
            let mut survey = progress.survey.insert(survey).clone();
            one_reference(&survey, self.operation, self.reference)?;
            let facts = Facts::of(&survey.identity, self.operation.label()).hiding_card(hides_card);
            self.orders.bounds = self.policy.bounds(&facts);
            let plan = self.operation.plan(&survey, &self.orders)?;
            self.collector.obey(super::policy::rules(self.policy, &lists, facts, &plan, &survey)?);
            progress.planned = true;
            plan.warning().filter(|_| !self.dry_run).iter().for_each(|warning| self.render.note(warning));
            plan.narrow(&mut survey);
            // With every secret at hand, one transaction serves; else nobody types while it is open.
            if !self.dry_run && self.collector.is_ready(&plan, &survey) {
                effect = Some(self.act(token, &plan, &survey, progress)?);
            }
            planned = Some((plan, survey));
            Ok(())
        })?;
        let (plan, survey) = planned.ok_or_else(|| Error::Internal("a transaction without work".into()))?;
        if self.dry_run {
            self.collector.check_ahead(&plan, &survey)?;
            return Ok(self.report(plan, &survey, None));
        }
        if effect.is_none() {
            self.collector.ask(&plan, &survey)?;
            if plan.needs().iter().any(|need| need.is_late()) {
                effect = Some(self.by_challenge(found, &plan, &survey, progress)?);
            } else {
                found.connection.transact(Access::Write, &mut |token| {
                    effect = Some(self.act(token, &plan, &survey, progress)?);
                    Ok(())
                })?;
            }
        }
        self.ledger.outcome(Ok(plan.outcome))?;
        Ok(self.report(plan, &survey, effect))
    }

    /// Act and confirm; the secrets are wiped at the end, whatever happens. What is generated is made here, where no signal can
    /// part it from the token any more.
    fn act(&mut self, token: &mut dyn Token, plan: &Plan, survey: &Survey, progress: &mut Progress) -> Result<Effect> {
        self.interrupts.hold();
        let secrets = self.collector.collect(plan, survey)?;
        self.carry_out(token, plan, survey, &secrets, progress)
    }

    /// Each step of the plan, and its proof.
    fn carry_out(
        &mut self,
        token: &mut dyn Token,
        plan: &Plan,
        survey: &Survey,
        secrets: &Secrets,
        progress: &mut Progress,
    ) -> Result<Effect> {
        self.ledger.intent(Intent { plan, token: &survey.identity })?;
        progress.recorded = true;
        for (role, digits) in self.collector.typed_digits(plan, survey) {
            token.narrow_keys(role, digits);
        }
        let mut effect = Effect { unproved: Vec::new(), retries: Retries::Unknown, at_least: None };
        // What stands at the value of delivery is replaced before anything is confirmed.
        let at_once = if plan.restores().is_empty() { 1 } else { plan.steps.len() };
        for (index, steps) in plan.steps.chunks(at_once).enumerate() {
            let guarded = self.perform(token, steps, plan, secrets, progress)?;
            // What is set stays, whatever becomes of the steps behind it.
            let sets = steps.iter().any(|step| matches!(step.action, Action::Set { .. }));
            progress.done.extend((sets && (index + 1) * at_once < plan.steps.len()).then_some(Outcome::Set));
            for (step, guarded) in steps.iter().zip(guarded) {
                let (proof, seen) = match step.confirm(token, secrets, guarded) {
                    Ok(proved) => proved,
                    Err(error) => match (diagnosis(&error, step, token, secrets), &error) {
                        // What kept the first proof from being made has passed.
                        (Some(Holds::New), Error::Unconfirmed { refused: false, .. }) => {
                            (Proof::Proved, Retries::Unknown)
                        }
                        (holds, _) => {
                            progress.holds = holds;
                            // It has the new value, and is of no use all the same.
                            progress.done.extend(matches!(error, Error::Blocked { .. }).then_some(plan.outcome));
                            return Err(error);
                        }
                    },
                };
                let proved = proof == Proof::Proved;
                if let Proof::NotPossible(why) = proof {
                    effect.unproved.push(why);
                }
                if let Some(limits) = plan.limits() {
                    if let Action::SetLimits { .. } = step.action {
                        effect.retries = limits.get(&plan.role).filter(|_| proved).map_or(Retries::Unknown, full);
                    }
                    continue;
                }
                let before = if step.spends == Some(plan.role) { guarded } else { Retries::Unknown };
                (effect.retries, effect.at_least) = match step.action {
                    // The limit that was surveyed is lost with all else.
                    Action::Erase => (seen, None),
                    _ => restored(token, plan.role, before, survey),
                };
                if let (Retries::Unknown, Retries::Left { .. }) = (effect.retries, seen) {
                    effect.retries = seen;
                }
            }
        }
        Ok(effect)
    }

    /// Guards and does `steps`; returns the counters read before each.
    fn perform(
        &mut self,
        token: &mut dyn Token,
        steps: &[Step],
        plan: &Plan,
        secrets: &Secrets,
        progress: &mut Progress,
    ) -> Result<Vec<Retries>> {
        let mut counters = Vec::new();
        let mut delivered = Vec::new();
        let mut failed = None;
        for step in steps {
            counters.push(step.guard(token, &self.orders)?);
            progress.acting = true;
            match step.perform(token, secrets) {
                Ok(identity) => {
                    progress.performed = true;
                    progress.done.extend(identity.is_some().then_some(Outcome::Initialised));
                    progress.identity = identity.or(progress.identity.take());
                }
                Err(error) if delivered.is_empty() => {
                    progress.holds = diagnosis(&error, step, token, secrets);
                    return Err(error);
                }
                // One that fails is no reason to leave the others at the value of delivery.
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            }
            match step.action {
                Action::SetLimits { .. } => delivered = plan.restores(),
                Action::Set { role } => delivered.retain(|left| *left != role),
                _ => {}
            }
        }
        failed.map_or(Ok(counters), |error| Err(at_delivery(&error, &delivered)))
    }

    fn report(&mut self, plan: Plan, survey: &Survey, effect: Option<Effect>) -> Report {
        let mut report = Report {
            verb: plan.verb,
            outcome: None,
            confirmed: false,
            unproved: Vec::new(),
            role: plan.role,
            called: survey.called(plan.role),
            by: plan.by,
            by_called: plan.by.map(|by| survey.called(by)),
            identity: survey.identity.clone(),
            selector: self.selector.clone(),
            retries: Retries::Unknown,
            at_least: None,
            generated: self.collector.take_generated(),
            commands: plan.commands(survey),
            costs: plan.costs(survey),
            plan: None,
            lacks_pin: false,
        };
        match effect {
            Some(effect) => {
                let gives_pin = plan.needs().contains(&Need::New(Role::UserPin));
                report.lacks_pin = plan.outcome == Outcome::Initialised && !gives_pin;
                report.outcome = Some(plan.outcome);
                report.confirmed = effect.unproved.is_empty();
                report.unproved = effect.unproved;
                report.retries = effect.retries;
                report.at_least = effect.at_least;
            }
            None => report.plan = Some(plan),
        }
        report
    }

    fn failed(&mut self, error: Error, mut progress: Progress) -> Failure {
        // Only where the token certainly kept its old value is a generated one worth nothing.
        let refused = matches!(error, Error::NotEntered { .. }) || matches!(error.exit_code(), 4..=7);
        let unchanged = (refused && !progress.performed) || progress.holds == Some(Holds::Old);
        let kept = !progress.acting || (progress.done.is_empty() && unchanged);
        let generated = self.collector.take_generated();
        let generated = if kept {
            self.collector.discard_files();
            Vec::new()
        } else {
            generated
        };
        // Nobody is led to what the policy forbids.
        progress.survey.iter_mut().for_each(|survey| self.orders.bounds.narrow(survey));
        let verb = self.operation.verb();
        let stage = match (progress.acting, progress.planned) {
            (true, _) => Stage::Acting,
            (false, true) => Stage::Collecting,
            (false, false) => Stage::Planning,
        };
        // A token that begins has no old value: there is nothing to tell apart but whether the new one is there.
        let begins = matches!(self.operation, Operation::Init { .. });
        // New limits put back more than one secret, of which the failure itself tells.
        let is_one = !matches!(self.operation, Operation::SetRetries { .. });
        let holds = progress.holds.filter(|holds| is_one && (!begins || *holds == Holds::New));
        // Where it is known which value holds, nobody has to find out.
        let known = match holds {
            Some(Holds::Old) => {
                Some("go on with the old value, or try again; where it fails again, ask whoever made the module")
            }
            Some(Holds::New) => Some("go on with the new value: nothing has to be done again"),
            Some(Holds::Unknown) | None => None,
        };
        let hint = progress
            .survey
            .as_ref()
            .filter(|_| known.is_none())
            .and_then(|survey| remedy(&error, verb, survey, &self.selector, stage));
        // What is pasted has to mean the same PIN.
        let is_own = |name: &&str| {
            progress.survey.as_ref().is_some_and(|survey| survey.references.iter().any(|own| own.name == *name))
        };
        let hint = hint.map(|hint| match self.reference.filter(is_own) {
            Some(name) => hint.and(&format!(" --reference {name}")),
            None => hint,
        });
        let hint = known.map(|advice| Hint::Advice(advice.into())).or(hint).or_else(|| advise(&error));
        let called = error.role().zip(progress.survey.as_ref()).map(|(role, survey)| survey.called(role));
        let concerned = match self.operation {
            Operation::SetCode => Role::ResetCode,
            operation => operation.concerned(),
        };
        let named = progress.survey.as_ref().map_or(concerned.title(), |survey| survey.called(concerned));
        let holds = holds.map(|holds| (named, holds));
        let (token, done) = (Some(self.selector.clone()), progress.done);
        Failure { error, token, called, hint, done, generated, holds }
    }
}

/// Which value holds after a failure that does not tell.
fn diagnosis(error: &Error, step: &Step, token: &mut dyn Token, secrets: &Secrets) -> Option<Holds> {
    let is_unsure = matches!(error, Error::Device { .. } | Error::Unconfirmed { .. });
    let refused = matches!(error, Error::Unconfirmed { refused: true, .. });
    is_unsure.then(|| step.diagnose(token, secrets, refused)).flatten()
}

/// The failure behind a step that put these back to the value of delivery: they may stand there now, open to anyone.
fn at_delivery(error: &Error, roles: &[Role]) -> Error {
    Error::Device {
        what: format!(
            "the limits are set, but {} may be at the value of delivery now, which anyone can look up: {error}",
            listed(roles)
        ),
        cure: Some("look at it with `pukka status`, and change what is at the value of delivery at once".into()),
        detail: error.detail().map(str::to_owned),
    }
}

fn full(limit: &u8) -> Retries {
    Retries::counted(*limit, Some(*limit))
}

/// Makes sure which user PIN is meant, or whose PUK: a card with several never has one guessed.
fn one_reference(survey: &Survey, operation: &Operation, named: Option<&str>) -> Result<()> {
    let of = |role| survey.references.iter().filter(move |own| own.role == role).map(|own| own.name);
    let own: Vec<&str> = of(Role::UserPin).collect();
    let concerned = operation.concerned();
    match named {
        None if of(concerned).count() > 1 => {
            let whose = if concerned == Role::UserPin { "one" } else { "the PIN that is meant" };
            Err(Error::Usage(format!(
                "the card has several {concerned}s: name {whose} with --reference, of {}",
                own.join(", ")
            )))
        }
        Some(name) if !own.contains(&name) => {
            Err(Error::Usage(format!("--reference names none of the PINs of this token: {}", own.join(", "))))
        }
        _ => Ok(()),
    }
}

/// The tries after a success: a right value restores the counter (ISO 7816-4, 11.5.6), to a limit that not every card tells.
fn restored(token: &mut dyn Token, role: Role, before: Retries, survey: &Survey) -> (Retries, Option<u8>) {
    let known = survey.reference(role).map_or(Retries::Unknown, |reference| reference.retries);
    match (before, known) {
        (Retries::Left { limit: Some(limit), .. }, _) | (_, Retries::Left { limit: Some(limit), .. }) => {
            (Retries::Left { left: limit, limit: Some(limit) }, None)
        }
        (Retries::Left { left, limit: None }, _) => (Retries::Unknown, Some(left)),
        // Flags cost no round trip, and the token may have cleared them; a failure here does not undo what was proved.
        (Retries::Low | Retries::Final, _) => (token.retries(role).unwrap_or(Retries::Unknown), None),
        _ => (Retries::Unknown, None),
    }
}

#[cfg(test)]
mod tests;
