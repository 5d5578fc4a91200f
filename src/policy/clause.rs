//! One `[[policy]]` of a configuration file: for which tokens and secrets it is, and what it lays down.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Characters, Demands, Pattern};
use crate::token::{Application, Identity, Role};

/// Where something was laid down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file, as messages have it.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file, self.line)
    }
}

/// What a token is known by, as far as a policy asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    application: &'static str,
    hides_card: bool,
    serial: Option<String>,
    labels: Vec<String>,
    manufacturer: Option<String>,
}

impl Facts {
    /// Of this token; `label` is the one that it is about to get: it is bound by what holds for either.
    pub fn of(identity: &Identity, label: Option<&str>) -> Self {
        let own = identity.label.as_ref().map(|label| label.lossless());
        Self {
            application: identity.application.name(),
            hides_card: false,
            serial: identity.serial.as_ref().map(|serial| serial.lossless()),
            labels: own.into_iter().chain(label.map(str::to_owned)).collect(),
            manufacturer: identity.manufacturer.as_ref().map(|manufacturer| manufacturer.lossless()),
        }
    }

    /// The same of a token behind a module that may be a card, which has another application over PC/SC, and other names:
    /// each module spells serial numbers, labels and makers in its own way.
    #[must_use]
    pub fn hiding_card(self, hides_card: bool) -> Self {
        Self { hides_card, ..self }
    }

    /// The serial number.
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// The label that the token is to have.
    pub fn label(&self) -> Option<&str> {
        self.labels.last().map(String::as_str)
    }
}

/// Which tokens are meant: those that match every pattern that is there, and those of which nobody knows that they do not.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Of the application's name.
    pub application: Option<Pattern>,
    /// Of the serial number as printed on the token.
    pub serial: Option<Pattern>,
    /// Of the label.
    pub label: Option<Pattern>,
    /// Of the manufacturer.
    pub manufacturer: Option<Pattern>,
}

impl Scope {
    /// A fact that a token does not tell lets every pattern of it hold, and so does everything that a module says of what may be
    /// a card, unless the module's words are what is meant: else the way through the module would lead around the policy.
    fn holds(&self, facts: &Facts) -> bool {
        if facts.hides_card && !self.is_for_modules() {
            return true;
        }
        let may_be = |pattern: &Option<Pattern>, known: &[&str]| {
            let matches = |pattern: &Pattern| known.is_empty() || known.iter().any(|name| pattern.matches(name));
            pattern.as_ref().is_none_or(matches)
        };
        let labels: Vec<&str> = facts.labels.iter().map(String::as_str).collect();
        may_be(&self.application, &[facts.application])
            && may_be(&self.serial, facts.serial.as_deref().as_slice())
            && may_be(&self.label, &labels)
            && may_be(&self.manufacturer, facts.manufacturer.as_deref().as_slice())
    }

    /// Whether tokens behind modules are meant and no others, so that names are those that modules give.
    fn is_for_modules(&self) -> bool {
        self.application.as_ref().is_some_and(|pattern| pattern.is_exactly(Application::Pkcs11.name()))
    }

    /// Whether it certainly means every token of this application.
    pub fn is_sure_for(&self, application: Option<&str>) -> bool {
        let is_met = |pattern: &Pattern| application.is_some_and(|name| pattern.matches(name));
        self.patterns().all(|(key, pattern)| key == "application" && is_met(pattern))
    }

    /// Whether there may be a token that matches both; so it is unless two patterns cannot match one name. Where a pattern holds
    /// only because nobody knows better, the clause adds to another and is no attempt to take from it.
    fn meets(&self, other: &Self) -> bool {
        let may = |one: &Option<Pattern>, another: &Option<Pattern>| {
            one.as_ref().zip(another.as_ref()).is_none_or(|(one, another)| one.meets(another))
        };
        may(&self.application, &other.application)
            && may(&self.serial, &other.serial)
            && may(&self.label, &other.label)
            && may(&self.manufacturer, &other.manufacturer)
    }

    /// Its patterns by key.
    pub fn patterns(&self) -> impl Iterator<Item = (&'static str, &Pattern)> {
        let all = [
            ("application", &self.application),
            ("serial", &self.serial),
            ("label", &self.label),
            ("manufacturer", &self.manufacturer),
        ];
        all.into_iter().filter_map(|(key, pattern)| Some((key, pattern.as_ref()?)))
    }
}

/// How `generate` makes a value.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Generator {
    /// How many characters.
    pub length: Option<usize>,
    /// Of these.
    pub characters: Option<Characters>,
}

/// One `[[policy]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Where it begins.
    pub origin: Origin,
    /// For which tokens.
    pub scope: Scope,
    /// For which of their secrets.
    pub roles: BTreeSet<Role>,
    /// What a new value must be.
    pub demands: Demands,
    /// The site's own list of common values.
    pub common_pins: Option<PathBuf>,
    /// By whose authority the secret may be set, reset, unblocked or taken away.
    pub authorities: Option<BTreeSet<Role>>,
    /// Whether the last try may be allowed.
    pub allow_last_try: Option<bool>,
    /// How a value is made.
    pub generate: Generator,
    /// The line of each key that is set.
    pub lines: BTreeMap<&'static str, usize>,
}

impl Clause {
    /// Whether it lays something down for this secret of this token.
    pub fn holds(&self, facts: &Facts, role: Role) -> bool {
        self.roles.contains(&role) && self.scope.holds(facts)
    }

    /// Whether it may hold for this secret of some token of this application, or of any. Behind a module any card may stand.
    pub fn may_hold(&self, application: Option<&str>, role: Role) -> bool {
        if application == Some(Application::Pkcs11.name()) {
            return self.roles.contains(&role);
        }
        let scope = Scope { application: application.map(Pattern::new), ..Scope::default() };
        self.roles.contains(&role) && self.scope.meets(&scope)
    }

    /// The site's own list of common values, and where it is named.
    pub fn list(&self) -> Option<(&Path, Origin)> {
        Some((self.common_pins.as_deref()?, self.at("common-pins")))
    }

    /// Where a key of it stands.
    pub fn at(&self, key: &str) -> Origin {
        let line = self.lines.get(key).copied().unwrap_or(self.origin.line);
        Origin { file: Arc::clone(&self.origin.file), line }
    }

    /// The keys that this sets looser than `administrator` does for a secret that both may be for, each with the administrator's
    /// key that it takes from: what a value may be bounds what is generated.
    pub fn loosens(&self, administrator: &Self) -> Vec<(&'static str, &'static str)> {
        if self.roles.is_disjoint(&administrator.roles) || !self.scope.meets(&administrator.scope) {
            return Vec::new();
        }
        let Self { demands, common_pins: _, authorities, allow_last_try, generate, .. } = self;
        let more = |own: &BTreeSet<Role>, theirs: &BTreeSet<Role>| !own.is_subset(theirs);
        let fewer = |own: &Characters, theirs: &Characters| own.count() < theirs.count();
        let cuts = |own: &Characters, theirs: &Characters| own.and(*theirs) != *theirs;
        let theirs = administrator.generate;
        let bounds = [
            ("max", "generate.length", is_looser(demands.max, theirs.length, |own, theirs| own < theirs)),
            (
                "characters",
                "generate.characters",
                is_looser(demands.characters.as_ref(), theirs.characters.as_ref(), cuts),
            ),
        ];
        // Another list is looked into beside the administrator's: it can only refuse more.
        [
            ("authorities", is_looser(authorities.as_ref(), administrator.authorities.as_ref(), more)),
            (
                "allow-last-try",
                is_looser(allow_last_try.as_ref(), administrator.allow_last_try.as_ref(), |own, theirs| own > theirs),
            ),
            (
                "generate.length",
                is_looser(generate.length.as_ref(), administrator.generate.length.as_ref(), |own, theirs| own < theirs),
            ),
            (
                "generate.characters",
                is_looser(generate.characters.as_ref(), administrator.generate.characters.as_ref(), fewer),
            ),
        ]
        .into_iter()
        .filter_map(|(key, is_looser)| is_looser.then_some(key))
        .chain(demands.loosens(&administrator.demands))
        .map(|key| (key, key))
        .chain(bounds.into_iter().filter_map(|(key, theirs, is_looser)| is_looser.then_some((key, theirs))))
        .collect()
    }
}

/// Whether both say something, and the own is looser.
fn is_looser<T>(own: Option<T>, theirs: Option<T>, looser: impl FnOnce(T, T) -> bool) -> bool {
    own.zip(theirs).is_some_and(|(own, theirs)| looser(own, theirs))
}
