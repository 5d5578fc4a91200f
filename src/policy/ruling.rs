//! What every clause that holds for a secret of a token comes to: of each key the stricter.

use std::{collections::BTreeSet, path::Path};

use super::{Beside, Characters, Clause, Demands, Facts, Generator, Origin, Pattern, Refused, Rule};
use crate::{
    error::{Error, Result},
    secret::Pin,
    token::{Ability, Application, Length, LimitRules, Role, Survey, Verb},
};

/// Every clause of the configuration, the administrator's and the user's.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Those that nobody can loosen.
    pub administrator: Vec<Clause>,
    /// Those that may only tighten.
    pub user: Vec<Clause>,
}

impl Policy {
    /// Refuses a user's clause that is looser than one of the administrator's which may be for the same secret.
    ///
    /// # Errors
    /// [`Error::Usage`] that names both lines.
    pub fn check(&self) -> Result<()> {
        for own in &self.user {
            for administrator in &self.administrator {
                if let Some((key, theirs)) = own.loosens(administrator).first() {
                    let than = if key == theirs { String::new() } else { format!(" {theirs}") };
                    return Err(Error::Usage(format!(
                        "{}: {key} is looser there than{than} in {}, which cannot be loosened",
                        own.at(key),
                        administrator.at(theirs)
                    )));
                }
            }
        }
        Ok(())
    }

    /// Refuses a pattern of an application that matches none of `known`: it would be for nothing, and most likely is a slip.
    ///
    /// # Errors
    /// [`Error::Usage`] with its line.
    pub fn check_applications(&self, known: &[Application]) -> Result<()> {
        let is_known = |pattern: &Pattern| known.iter().any(|application| pattern.matches(application.name()));
        let wrong = |clause: &&Clause| clause.scope.application.as_ref().is_some_and(|pattern| !is_known(pattern));
        let Some(clause) = self.clauses().find(wrong) else { return Ok(()) };
        let names: Vec<&str> = known.iter().map(|application| application.name()).collect();
        Err(Error::Usage(format!(
            "{}: application matches none that pukka knows, which are {}",
            clause.at("application"),
            names.join(", ")
        )))
    }

    /// Every clause, the administrator's first.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.administrator.iter().chain(&self.user)
    }

    /// Whether it must be known which token it is, beyond its application, to tell what holds.
    pub fn asks_who(&self) -> bool {
        self.clauses().any(|clause| {
            let names = clause.scope.patterns().any(|(key, _)| key != "application");
            names || clause.demands.refuse(Refused::Serial) || clause.demands.refuse(Refused::Label)
        })
    }

    /// Whether something is laid down for some tokens only.
    pub fn tells_tokens_apart(&self) -> bool {
        self.clauses().any(|clause| clause.scope.patterns().next().is_some())
    }

    /// What holds for the secret of `role` of this token.
    pub fn ruling(&self, facts: &Facts, role: Role) -> Ruling {
        Ruling(self.clauses().filter(|clause| clause.holds(facts, role)).cloned().collect())
    }

    /// What holds for the secret of `role` of every token of this application, or of all; and behind that, for each clause that is
    /// only for some of them, what holds for those.
    pub fn possible_rulings(&self, application: Option<&str>, role: Role) -> Vec<Ruling> {
        let clauses = self.clauses().filter(|clause| clause.may_hold(application, role)).cloned();
        let (sure, others): (Vec<Clause>, Vec<Clause>) =
            clauses.partition(|clause: &Clause| clause.scope.is_sure_for(application));
        let of_some = others.into_iter().map(|clause| sure.iter().cloned().chain([clause]).collect());
        [sure.clone()].into_iter().chain(of_some).map(Ruling).filter(|ruling| !ruling.is_empty()).collect()
    }

    /// What may not be done with this token.
    pub fn bounds(&self, facts: &Facts) -> Bounds {
        let rulings = Role::ALL.map(|role| (role, self.ruling(facts, role)));
        Bounds { rulings: rulings.into_iter().filter(|(_, ruling)| !ruling.is_empty()).collect() }
    }
}

/// The clauses that hold for one secret.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ruling(Vec<Clause>);

impl Ruling {
    /// Whether nothing is laid down.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The clauses.
    pub fn clauses(&self) -> &[Clause] {
        &self.0
    }

    /// What a new value must be.
    pub fn demands(&self) -> Demands {
        let all = self.0.iter().map(|clause| {
            let mut demands = clause.demands.clone();
            if clause.common_pins.is_some() {
                demands.refuse.get_or_insert_default().insert(Refused::Common);
            }
            demands
        });
        all.fold(Demands::default(), Demands::stricter)
    }

    /// Whether it says anything of what a value must be.
    pub fn has_demands(&self) -> bool {
        self.demands() != Demands::default()
    }

    /// The site's own lists of common values, and where each is named.
    pub fn lists(&self) -> impl Iterator<Item = (&Path, Origin)> {
        self.0.iter().filter_map(Clause::list)
    }

    /// Checks a new value of `role`.
    ///
    /// # Errors
    /// As [`Demands::check`], with the line of the rule.
    pub fn check(&self, role: Role, value: &Pin, beside: &Beside<'_>) -> Result<()> {
        let demands = self.demands();
        demands.check(role, value, beside).map_err(|error| {
            let origin = demands.broken(value, beside).first().and_then(|rule| self.origin(*rule));
            match (error, origin) {
                (Error::AgainstPolicy { why, detail }, Some(origin)) => {
                    Error::AgainstPolicy { why, detail: format!("{detail}: {origin}") }
                }
                (error, _) => error,
            }
        })
    }

    /// Refuses demands that no value can meet on a token that takes `length`.
    ///
    /// # Errors
    /// [`Error::Policy`] that names what contradicts what, and the lines.
    pub fn can_be_met(&self, role: Role, length: Option<Length>) -> Result<()> {
        let Some(why) = self.demands().contradiction(length) else { return Ok(()) };
        let keys = ["min", "max", "characters"];
        let set = self
            .0
            .iter()
            .flat_map(|clause| keys.into_iter().filter(|key| clause.lines.contains_key(key)).map(|key| clause.at(key)));
        let lines: BTreeSet<String> = set.map(|origin| origin.to_string()).collect();
        let lines: Vec<String> = lines.into_iter().collect();
        Err(Error::Policy(format!("no new {role} can meet the policy ({}): {why}", lines.join("; "))))
    }

    /// How a value is made: by the longest length and the richest alphabet that are asked for, as far as the demands allow.
    pub fn generator(&self) -> Generator {
        let demands = self.demands();
        let length = self.0.iter().filter_map(|clause| clause.generate.length).max();
        let length =
            length.map(|length| length.max(demands.min.unwrap_or(length)).min(demands.max.unwrap_or(usize::MAX)));
        let characters = self.0.iter().filter_map(|clause| clause.generate.characters);
        let allowed = |asked: Characters| match demands.characters {
            // Where nothing is left of what was asked for, it is made of what is allowed.
            Some(allowed) => Some(asked.and(allowed)).filter(|left| *left != Characters::Nothing).unwrap_or(allowed),
            None => asked,
        };
        Generator { length, characters: characters.max_by_key(|asked: &Characters| asked.count()).map(allowed) }
    }

    /// The authorities that every clause permits; none where no clause speaks of them.
    pub fn authorities(&self) -> Option<BTreeSet<Role>> {
        let sets = self.0.iter().filter_map(|clause| clause.authorities.clone());
        sets.reduce(|one, other| one.intersection(&other).copied().collect())
    }

    /// Whether the last try may be allowed; none where no clause speaks of it.
    pub fn allows_last_try(&self) -> Option<bool> {
        self.0.iter().filter_map(|clause| clause.allow_last_try).min()
    }

    /// Who forbids this authority, where somebody does.
    pub fn forbids(&self, by: Role) -> Option<Origin> {
        let clause = self.0.iter().find(|clause| clause.authorities.as_ref().is_some_and(|all| !all.contains(&by)))?;
        Some(clause.at("authorities"))
    }

    /// Who forbids that the last try is spent, where somebody does.
    pub fn forbids_last_try(&self) -> Option<Origin> {
        let clause = self.0.iter().find(|clause| clause.allow_last_try == Some(false))?;
        Some(clause.at("allow-last-try"))
    }

    fn origin(&self, rule: Rule) -> Option<Origin> {
        let says = |clause: &&Clause| {
            let demands = &clause.demands;
            match rule {
                Rule::Min => demands.min.is_some() && demands.min == self.demands().min,
                Rule::Max => demands.max.is_some() && demands.max == self.demands().max,
                Rule::Characters => demands.characters.is_some(),
                Rule::Refused(refused) => {
                    demands.refuse(refused) || (refused == Refused::Common && clause.common_pins.is_some())
                }
            }
        };
        let clause = self.0.iter().find(says)?;
        let key = match rule {
            Rule::Refused(refused) if !clause.demands.refuse(refused) => "common-pins",
            Rule::Refused(_) => "refuse",
            other => other.name(),
        };
        Some(clause.at(key))
    }
}

/// What a policy keeps from being done with one token.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Bounds {
    rulings: Vec<(Role, Ruling)>,
}

impl Bounds {
    fn ruling(&self, role: Role) -> Option<&Ruling> {
        self.rulings.iter().find(|(own, _)| *own == role).map(|(_, ruling)| ruling)
    }

    /// Who forbids `verb` by this authority, where somebody does. A holder's change by the old value is always the holder's own.
    pub fn forbids(&self, verb: Verb, by: Role) -> Option<Origin> {
        let role = match verb {
            Verb::PinSet | Verb::PinReset | Verb::PinUnblock => Role::UserPin,
            Verb::ResetCodeSet | Verb::ResetCodeClear => Role::ResetCode,
            Verb::PinChange
            | Verb::PinVerify
            | Verb::PukChange
            | Verb::SoPinChange
            | Verb::SoPinReset
            | Verb::AdminKeyChange
            | Verb::RetriesSet
            | Verb::TokenInit
            | Verb::TokenErase => return None,
        };
        (by != role).then(|| self.ruling(role)?.forbids(by)).flatten()
    }

    /// Whose secret would get a new value by `retries set` on the word of those who are presented, and who forbids that, where
    /// somebody does: a card that puts a PIN back to the value of delivery asks nobody for the old one.
    pub fn forbids_limits(&self, rules: &LimitRules, by: Role) -> Option<(Role, Origin)> {
        let is_presented = |role: &Role| *role == by || rules.beside.contains(role);
        let given = [Role::UserPin, Role::ResetCode].into_iter();
        let mut given = given.filter(|role| rules.restores.contains(role) && !is_presented(role));
        given.find_map(|role| Some((role, self.ruling(role)?.forbids(by)?)))
    }

    /// Who forbids that the last try of `role` is spent, where somebody does.
    pub fn forbids_last_try(&self, role: Role) -> Option<Origin> {
        self.ruling(role)?.forbids_last_try()
    }

    /// Takes from a survey what may not be done, so that nobody is led to it.
    pub fn narrow(&self, survey: &mut Survey) {
        let is_free = |able: &Ability| {
            let spends = able.by.or(own(able.verb));
            let is_last = |role| survey.reference(role).is_some_and(|reference| reference.retries.is_last());
            let spent = spends.filter(|role| is_last(*role)).and_then(|role| self.forbids_last_try(role));
            let limits = survey.limit_rules.filter(|_| able.verb == Verb::RetriesSet);
            let restored = limits.zip(able.by).and_then(|(rules, by)| self.forbids_limits(rules, by));
            spent.is_none() && restored.is_none() && able.by.and_then(|by| self.forbids(able.verb, by)).is_none()
        };
        let (free, forbidden): (Vec<Ability>, Vec<Ability>) = survey.abilities.iter().copied().partition(is_free);
        if !forbidden.is_empty() {
            survey.abilities = free.into();
            survey.forbidden.extend(forbidden);
        }
    }
}

/// Whose old value a verb takes that names no authority.
fn own(verb: Verb) -> Option<Role> {
    match verb {
        Verb::PinChange | Verb::PinVerify => Some(Role::UserPin),
        Verb::PukChange => Some(Role::Puk),
        Verb::SoPinChange | Verb::TokenInit => Some(Role::SoPin),
        Verb::PinSet
        | Verb::PinReset
        | Verb::PinUnblock
        | Verb::SoPinReset
        | Verb::AdminKeyChange
        | Verb::ResetCodeSet
        | Verb::ResetCodeClear
        | Verb::RetriesSet
        | Verb::TokenErase => None,
    }
}

#[cfg(test)]
mod tests;
