//! The policy of the configuration, applied to one token, or to what is told of one.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    config,
    device::Settings,
    error::{Error, Result},
    input::{Collector, Rules},
    operation::Plan,
    policy::{self, Beside, Clause, Common, Facts, Origin, Policy, Refused, Ruling},
    render::{Failure, Laid, Listed},
    secret::Pin,
    selector::Selection,
    token::{Ability, Found, Need, Role, Survey, Verb},
};

/// The question for a value that is only looked at.
const QUESTION: &str = "Value to check against the policy: ";

/// Whether the policy has to reckon with a card of another name behind this token. A module is asked only where that makes a
/// difference.
pub fn hides_card(policy: &Policy, found: &Found) -> bool {
    policy.tells_tokens_apart() && found.connection.hides_card()
}

/// Why no new PIN of this token can meet the policy, where none can. What would set one is taken from the survey, so that nobody is
/// led to it.
pub fn unmet(policy: &Policy, facts: &Facts, survey: &mut Survey) -> Option<Error> {
    let length = survey.reference(Role::UserPin)?.length;
    let why = policy.ruling(facts, Role::UserPin).can_be_met(Role::UserPin, Some(length)).err()?;
    let sets = |able: &Ability| matches!(able.verb, Verb::PinSet | Verb::PinChange | Verb::PinReset);
    let (forbidden, free): (Vec<Ability>, Vec<Ability>) = survey.abilities.iter().copied().partition(sets);
    survey.abilities = free.into();
    survey.forbidden.extend(forbidden);
    Some(why)
}

/// What holds for the new values of `plan`, with those of the site's lists that are looked into.
///
/// # Errors
/// [`Error::Policy`] where no value can be what is demanded; [`Error::Usage`] where a list cannot be read.
pub fn rules(policy: &Policy, lists: &Lists, facts: Facts, plan: &Plan, survey: &Survey) -> Result<Rules> {
    let mut by_role = BTreeMap::new();
    for role in Collector::given(plan, survey) {
        let ruling = policy.ruling(&facts, role);
        ruling.can_be_met(role, survey.reference(role).map(|reference| reference.length))?;
        let lists = lists.of(&ruling)?;
        by_role.insert(role, (ruling, lists));
    }
    Ok(Rules { by_role, facts: Some(facts) })
}

/// What the policy lays down: for the token that is named, else for those of the application that is, or for all. Where the value of a
/// source is given, whether `role` may get it. Nothing is changed, and no try is spent.
///
/// # Errors
/// [`Error::AgainstPolicy`] where the value would not pass; [`Error::Policy`] where none can; [`Error::Usage`] where a list or the
/// source cannot be read; those of [`super::look`].
pub fn check_policy(
    policy: &Policy,
    selection: &Selection,
    settings: &Settings,
    role: Role,
    collector: &mut Collector,
) -> Result<Laid, Failure> {
    super::check_names(selection, settings, policy).map_err(Failure::bare)?;
    let is_given = collector.names(Need::Current(Role::UserPin));
    let value = is_given.then(|| collector.without_token(Need::Current(Role::UserPin), QUESTION)).transpose();
    let value = value.map_err(Failure::bare)?;
    let token = selection.selector.as_ref().map(|_| the_token(policy, selection, settings)).transpose()?;
    // What a profile of the caller's own calls a card tells nothing of what holds for it.
    let is_self_named = |name: &&str| settings.profiles.kinds().any(|kind| kind.is_self_named(name));
    let application = selection.application.as_deref().filter(|name| !is_self_named(name));
    match judge(policy, application, token.as_ref(), role, value.as_ref()) {
        Ok(rulings) => {
            let unchecked = if value.is_some() { unchecked(&rulings, role, token.as_ref()) } else { Vec::new() };
            Ok(Laid { rulings, passed: value.map(|_| role), unchecked, token })
        }
        Err(error) => Err(Failure { hint: None, ..Failure::bare(error) }),
    }
}

/// What holds, once a value that is given passes it.
fn judge(
    policy: &Policy,
    application: Option<&str>,
    token: Option<&Listed>,
    role: Role,
    value: Option<&Pin>,
) -> Result<Vec<(Role, Ruling)>> {
    let survey = token.and_then(|token| token.survey.as_ref());
    let facts = token.and_then(|token| token.facts.as_ref());
    let of_role = |role| match facts {
        Some(facts) => vec![policy.ruling(facts, role)],
        None => policy.possible_rulings(application, role),
    };
    let reference = |role| survey.and_then(|survey| survey.reference(role));
    let rulings: Vec<(Role, Ruling)> =
        Role::ALL.into_iter().flat_map(|role| of_role(role).into_iter().map(move |ruling| (role, ruling))).collect();
    if let (Some(value), Some(reference)) = (value, reference(role)) {
        policy::check_new(value, reference, None)?;
    }
    let lists = Lists::ahead(policy);
    for (of, ruling) in &rulings {
        ruling.can_be_met(*of, reference(*of).map(|reference| reference.length))?;
        let lists = lists.of(ruling)?;
        if let Some(value) = value.filter(|_| *of == role) {
            let beside = Beside {
                serial: facts.and_then(Facts::serial),
                label: facts.and_then(Facts::label),
                lists: lists.iter().map(Arc::as_ref).collect(),
                ..Beside::default()
            };
            ruling.check(role, value, &beside)?;
        }
    }
    let rulings = rulings.into_iter().filter(|(_, ruling)| !ruling.is_empty()).collect();
    Ok(rulings)
}

/// What is refused for `role` and was not looked into: nobody presents another secret here, and what a token is called only it tells.
fn unchecked(rulings: &[(Role, Ruling)], role: Role, token: Option<&Listed>) -> Vec<Refused> {
    let facts = token.and_then(|token| token.facts.as_ref());
    let is_unknown = |refused: Refused| match refused {
        Refused::Old | Refused::Other => true,
        Refused::Serial => facts.and_then(Facts::serial).is_none(),
        Refused::Label => facts.and_then(Facts::label).is_none(),
        Refused::Sequences | Refused::Repeats | Refused::Keyboard | Refused::Dates | Refused::Common => false,
    };
    let refuse = |refused| rulings.iter().any(|(of, ruling)| *of == role && ruling.demands().refuse(refused));
    Refused::ALL.into_iter().filter(|refused| is_unknown(*refused) && refuse(*refused)).collect()
}

/// The token that is named, looked at as `status` does.
fn the_token(policy: &Policy, selection: &Selection, settings: &Settings) -> Result<Listed, Failure> {
    let mut tokens = super::look(selection, settings, policy, true)?.tokens;
    match (tokens.pop(), tokens.as_slice()) {
        (Some(token), []) => Ok(token),
        (last, others) => {
            let candidates: Vec<String> = others.iter().chain(&last).map(|token| token.selector.clone()).collect();
            let why = format!("{} tokens could be meant; name one with --token", candidates.len());
            Err(Failure::bare(Error::AmbiguousToken { why, candidates }))
        }
    }
}

/// The site's own lists of common values, by the place that names each.
#[derive(Debug, Default)]
pub struct Lists(BTreeMap<Origin, Arc<Common>>);

impl Lists {
    /// Those of every clause, read before a token is locked; one that cannot be is told where it holds.
    pub fn ahead(policy: &Policy) -> Self {
        let named = policy.clauses().filter_map(Clause::list);
        let read = named.filter_map(|(path, origin)| Some((config::list(path, &origin).ok()?, origin)));
        Self(read.map(|(list, origin)| (origin, Arc::new(list))).collect())
    }

    /// Those that hold.
    fn of(&self, ruling: &Ruling) -> Result<Vec<Arc<Common>>> {
        let list = |(path, origin): (&Path, Origin)| match self.0.get(&origin) {
            Some(list) => Ok(Arc::clone(list)),
            None => config::list(path, &origin).map(Arc::new),
        };
        ruling.lists().map(list).collect()
    }
}
