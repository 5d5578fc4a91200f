//! Finds tokens on every route, and opens the way to them.

pub mod card;
pub mod pkcs11;
mod process;
mod sighting;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use card::iso7816::Profiles;
pub use process::shut;
use sighting::Sighting;

use crate::{
    error::{Error, Instead, Result},
    finding::Finding,
    selector::Selector,
    token::{Application, Found, Identity, Place, Route, Text, Trace},
};

/// The time between two looks; a write of SoftHSM2 takes about 2 ms.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// How devices are reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The modules to load, which may be none at all; p11-kit's proxy where nobody says.
    pub modules: Option<Vec<PathBuf>>,
    /// Where lock files stand.
    pub locks: Option<PathBuf>,
    /// Where stands what must outlive a crash.
    pub state: Option<PathBuf>,
    /// How long to wait for another process or program.
    pub wait: Duration,
    /// How modules are run.
    pub options: pkcs11::Options,
    /// Where APDUs and C_* calls are traced.
    pub trace: Trace,
    /// The cards that are known by a profile.
    pub profiles: Profiles,
}

impl Settings {
    /// Those that concern the slots of modules.
    pub fn slots(&self) -> pkcs11::Settings {
        pkcs11::Settings {
            locks: self.locks.clone(),
            state: self.state.clone(),
            wait: self.wait,
            options: self.options.clone(),
            trace: self.trace.clone(),
        }
    }

    /// Whether a person named modules, on the command line or in a configuration.
    pub fn names_modules(&self) -> bool {
        self.modules.as_ref().is_some_and(|named| !named.is_empty())
    }
}

/// Which tokens are looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The application, where one was named.
    pub application: Option<&'a str>,
    /// The token, where one was named.
    pub selector: Option<&'a Selector>,
    /// Which of several user PINs is meant, where one was named.
    pub reference: Option<&'a str>,
    /// The route, where one was named.
    pub via: Option<Route>,
    /// Whether one token is wanted for an operation, so that the only candidate need not be asked who it is.
    pub sparing: bool,
}

impl Wanted<'_> {
    /// The routes that were asked for, in one way or another.
    fn routes(&self) -> impl Iterator<Item = Route> {
        let of = |application: &str| match application == Application::Pkcs11.name() {
            true => Route::Pkcs11,
            false => Route::Pcsc,
        };
        let by_selector = match self.selector {
            Some(Selector::Pkcs11(_)) => Some(Route::Pkcs11),
            Some(Selector::Card(_)) => Some(Route::Pcsc),
            Some(Selector::Word(_)) | None => None,
        };
        [self.via, self.application.map(of), by_selector].into_iter().flatten()
    }

    /// Whether a route can lead to what is wanted; a module that cannot is not even loaded.
    fn takes(&self, route: Route) -> bool {
        self.routes().all(|wanted| wanted == route)
    }

    /// Whether this route and no other was asked for.
    fn is_for(&self, route: Route) -> bool {
        self.takes(route) && self.routes().next().is_some()
    }
}

/// What hindered a search.
#[derive(Debug)]
pub struct Problem {
    /// What it was.
    pub error: Error,
    /// Whether there is a token that could be meant and could not be looked at.
    pub hides_token: bool,
    /// On which way.
    pub route: Route,
}

/// What a search came to.
#[derive(Default)]
pub struct Search {
    /// The tokens, in the order of routes: cards first, then modules.
    pub found: Vec<Found>,
    /// What hindered it here and there.
    pub problems: Vec<Problem>,
    /// Whether any route could be asked.
    pub answered: bool,
    /// What there is instead of a card that is known: no reader, no card, or another card.
    pub instead: Option<Instead>,
}

/// Looks at the ways to tokens and at what stands in them, as far as they are not left out by `via`: pcscd, readers and cards; modules
/// and their configuration. Spends nothing and changes nothing.
pub fn examine(via: Option<Route>, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if via != Some(Route::Pkcs11) {
        findings.extend(card::doctor::examine(&cards(settings)));
    }
    if via != Some(Route::Pcsc) {
        // Where pcscd does not answer, no reader is left out.
        let readers = card::attached();
        findings.extend(pkcs11::doctor::examine(settings.modules.as_deref(), readers, &settings.slots()));
    }
    findings
}

fn cards(settings: &Settings) -> card::Settings {
    card::Settings { wait: settings.wait, trace: settings.trace.clone(), profiles: settings.profiles.clone() }
}

/// The applications that are looked for.
pub fn known(settings: &Settings) -> Vec<Application> {
    [Application::Pkcs11].into_iter().chain(card::known(&settings.profiles)).collect()
}

/// Looks for tokens on every route that can lead to what is wanted. A route that fails is a problem, and the others go on.
pub fn find(wanted: Wanted<'_>, settings: &Settings) -> Search {
    let mut search = Search::default();
    let mut readers = None;
    if wanted.takes(Route::Pcsc) {
        readers = in_readers(wanted, settings, &mut search);
    }
    if wanted.takes(Route::Pkcs11) {
        behind_modules(wanted, settings, readers, &mut search);
    }
    if settings.names_modules() {
        // Who named a module wants to hear of that first, not of a reader that nobody asked for. (The sort is stable.)
        search.problems.sort_by_key(|problem| problem.route != Route::Pkcs11);
    }
    search
}

/// Looks for cards. Returns the readers that hold one, where PC/SC could tell.
fn in_readers(wanted: Wanted<'_>, settings: &Settings, search: &mut Search) -> Option<Vec<Text>> {
    let sought = card::Wanted {
        application: wanted.application.or(wanted.selector.and_then(Selector::application)),
        selector: wanted.selector,
        reference: wanted.reference,
        sparing: wanted.sparing,
    };
    match card::find(sought, &cards(settings)) {
        Ok(cards) => {
            search.answered = true;
            search.instead = cards.instead;
            search.found.extend(cards.found);
            search.problems.extend(cards.problems.into_iter().map(|error| Problem {
                error,
                hides_token: true,
                route: Route::Pcsc,
            }));
            Some(cards.readers)
        }
        Err(error) => {
            search.problems.push(Problem { error, hides_token: false, route: Route::Pcsc });
            None
        }
    }
}

/// Looks for the tokens of modules, and leaves out what was seen before: on a card, or through another module.
fn behind_modules(wanted: Wanted<'_>, settings: &Settings, readers: Option<Vec<Text>>, search: &mut Search) {
    let slots = settings.slots();
    // Where nobody asked for PKCS#11, a machine without p11-kit simply has no such tokens.
    let is_asked_for = wanted.is_for(Route::Pkcs11) || settings.names_modules();
    let modules = modules(wanted, settings);
    if modules.is_empty() && is_asked_for {
        let what = "no PKCS#11 module is loaded, since the configuration names none; name one with --module";
        search.problems.push(Problem { error: Error::NoToken(what.into()), hides_token: false, route: Route::Pkcs11 });
    }
    let is_compared = !search.found.is_empty() || modules.len() > 1;
    let hidden = |error| Problem { error, hides_token: true, route: Route::Pkcs11 };
    let mut shown = Vec::new();
    let look = |module: &Path| settled(wanted, settings.wait, || pkcs11::find(module, &slots));
    for looked in patiently(wanted.selector, &search.found, &modules, look) {
        match looked {
            Ok(mut slots) => {
                search.answered = true;
                search.found.append(&mut slots.found);
                search.problems.extend(slots.problems.drain(..).map(hidden));
                shown.push(slots);
            }
            Err(error) if is_asked_for => {
                // A module that was named may have the token that is meant.
                let hides_token = settings.names_modules();
                search.problems.push(Problem { error, hides_token, route: Route::Pkcs11 });
            }
            Err(_) => {}
        }
    }
    let readers = if is_compared { readers.unwrap_or_else(card::readers) } else { Vec::new() };
    search.problems.extend(unread(&mut shown, &search.found, &readers).into_iter().map(hidden));
    if is_compared {
        search.found = once(std::mem::take(&mut search.found), &shown, &readers, wanted.selector);
    }
}

/// Why modules could not look at tokens of theirs, unless PC/SC could: it is the same card then.
fn unread(shown: &mut [pkcs11::Slots], found: &[Found], readers: &[Text]) -> Vec<Error> {
    let is_read = |reader: &Text| found.iter().any(|one| one.identity.place == Place::Reader(reader.clone()));
    let mut problems = Vec::new();
    for slots in shown {
        for (place, error) in std::mem::take(&mut slots.unread) {
            let known = !readers.is_empty()
                && slots
                    .description(&place)
                    .is_some_and(|text| sighting::described(&text, readers).is_some_and(is_read));
            problems.extend((!known).then_some(error));
        }
    }
    problems
}

/// Each device once. Where a token was named, only what the name means is compared, so that what a module says in its own way,
/// a serial say, still leads to the module's token; and a description, a call for each slot, is asked for these only.
fn once(found: Vec<Found>, shown: &[pkcs11::Slots], readers: &[Text], selector: Option<&Selector>) -> Vec<Found> {
    let identities: Vec<&Identity> = found.iter().map(|one| &one.identity).collect();
    let meant = selector.map_or_else(|| (0..found.len()).collect(), |selector| selector.matches(&identities));
    if meant.len() < 2 {
        return found;
    }
    let described = |identity: &Identity| shown.iter().find_map(|slots| slots.description(&identity.place));
    let sightings = meant.iter().filter_map(|index| identities.get(*index));
    let sightings: Vec<Sighting<'_>> =
        sightings.map(|identity| Sighting { identity, description: described(identity) }).collect();
    let repeated: BTreeSet<usize> =
        sighting::repeated(&sightings, readers).into_iter().filter_map(|at| meant.get(at).copied()).collect();
    found.into_iter().enumerate().filter(|(index, _)| !repeated.contains(index)).map(|(_, one)| one).collect()
}

/// Looks at every module at once, so that the slowest alone is waited for.
fn in_parallel(
    modules: &[PathBuf],
    look: impl Fn(&Path) -> Result<pkcs11::Slots> + Sync,
) -> Vec<Result<pkcs11::Slots>> {
    let look = &look;
    thread::scope(|scope| {
        let (others, last) = modules.split_at(modules.len().saturating_sub(1));
        let others: Vec<_> = others.iter().map(|module| scope.spawn(move || look(module))).collect();
        // The last one, which is the only one as a rule, needs no thread of its own.
        let last: Vec<_> = last.iter().map(|module| look(module)).collect();
        let panicked = |_| Err(Error::Internal("a look at a module panicked".into()));
        others.into_iter().map(|other| other.join().unwrap_or_else(panicked)).chain(last).collect()
    })
}

/// Looks at every module; again for a moment where none of those that answer lists the token that was named, and no card
/// among `found` is it.
fn patiently(
    selector: Option<&Selector>,
    found: &[Found],
    modules: &[PathBuf],
    look: impl Fn(&Path) -> Result<pkcs11::Slots> + Sync,
) -> Vec<Result<pkcs11::Slots>> {
    let mut looked = in_parallel(modules, &look);
    for pause in pkcs11::BEFORE_LOOKING_AGAIN {
        let listed = looked.iter().flatten().flat_map(|slots| &slots.found);
        let identities: Vec<&Identity> = found.iter().chain(listed).map(|one| &one.identity).collect();
        let is_met = selector.is_none_or(|selector| !selector.matches(&identities).is_empty());
        let answered = modules.iter().zip(&looked).filter(|(_, looked)| looked.is_ok());
        let answered: Vec<PathBuf> = answered.map(|(module, _)| module.clone()).collect();
        if is_met || answered.is_empty() {
            break;
        }
        // Before the next look a module must have been finalised.
        let errors: Vec<Option<Error>> = looked.into_iter().map(Result::err).collect();
        thread::sleep(Duration::from_millis(pause));
        let mut again = in_parallel(&answered, &look).into_iter();
        looked = errors
            .into_iter()
            .filter_map(|error| error.map_or_else(|| again.next(), |error| Some(Err(error))))
            .collect();
    }
    looked
}

/// Looks again while another process writes a token, till `--wait` ends: SoftHSM2 does not list a token whose file is being
/// written, so that the one that is meant could seem absent, or another one the only one. A serial that was found leaves no
/// doubt. A look that stays in doubt is no answer.
fn settled(wanted: Wanted<'_>, wait: Duration, look: impl Fn() -> Result<pkcs11::Slots>) -> Result<pkcs11::Slots> {
    let deadline = Instant::now() + wait;
    loop {
        let mut slots = look()?;
        let identities: Vec<&Identity> = slots.found.iter().map(|found| &found.identity).collect();
        let is_certain = wanted.selector.is_some_and(|selector| selector.is_met_by_serial(&identities));
        if !slots.unsettled || is_certain {
            return Ok(slots);
        }
        if Instant::now() >= deadline {
            slots.problems.push(Error::Device {
                what: "other processes keep writing tokens of this module, so that not all of them can be seen".into(),
                cure: Some("name the token by its serial, or give it longer with --wait SECONDS".into()),
                detail: None,
            });
            return Ok(slots);
        }
        // Before the next look the module must have been finalised.
        drop(slots);
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// The modules to load: the one that the selector carries, else those that were named, else p11-kit's proxy; each once.
fn modules(wanted: Wanted<'_>, settings: &Settings) -> Vec<PathBuf> {
    let named = match wanted.selector.and_then(Selector::module) {
        Some(module) => vec![module],
        None => settings.modules.clone().unwrap_or_else(|| vec![pkcs11::PROXY.into()]),
    };
    let mut seen = Vec::new();
    named
        .into_iter()
        .filter(|module| {
            let file = std::fs::canonicalize(module).unwrap_or_else(|_| module.clone());
            let new = !seen.contains(&file);
            seen.push(file);
            new
        })
        .collect()
}
