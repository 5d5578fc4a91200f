//! Finds tokens on every route, and opens the way to them.

pub mod card;
pub mod pkcs11;

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use card::iso7816::Profiles;

use crate::{
    error::{Error, Result},
    finding::Finding,
    selector::Selector,
    token::{Application, Found, Identity, Place, Route, Text, Trace},
};

/// The time between two looks; a write of SoftHSM2 takes about 2 ms.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// The milliseconds before each new look for a token that was named and is not listed: a program that knows no lock may be
/// writing it, or a reader may not have seen it yet.
const BEFORE_LOOKING_AGAIN: [u64; 5] = [10, 20, 40, 80, 150];

/// How devices are reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The modules to load; p11-kit's proxy where none is named.
    pub modules: Vec<PathBuf>,
    /// Where lock files stand.
    pub locks: Option<PathBuf>,
    /// How long to wait for another process or program.
    pub wait: Duration,
    /// How modules are run.
    pub limits: pkcs11::Limits,
    /// Where APDUs and C_* calls are traced.
    pub trace: Trace,
    /// The cards that are known by a profile.
    pub profiles: Profiles,
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
    pub instead: Option<String>,
}

/// Looks at the ways to tokens and at what stands in them, as far as they are not left out by `via`: pcscd, readers and cards; modules
/// and their configuration. Spends nothing and changes nothing.
pub fn examine(via: Option<Route>, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if via != Some(Route::Pkcs11) {
        findings.extend(card::doctor::examine(&cards(settings)));
    }
    if via != Some(Route::Pcsc) {
        findings.extend(pkcs11::doctor::examine(&settings.modules, &slots(settings)));
    }
    findings
}

fn cards(settings: &Settings) -> card::Settings {
    card::Settings { wait: settings.wait, trace: settings.trace.clone(), profiles: settings.profiles.clone() }
}

fn slots(settings: &Settings) -> pkcs11::Settings {
    pkcs11::Settings {
        locks: settings.locks.clone(),
        wait: settings.wait,
        limits: settings.limits.clone(),
        trace: settings.trace.clone(),
    }
}

/// The applications that are looked for.
pub fn known(settings: &Settings) -> Vec<Application> {
    [Application::Pkcs11].into_iter().chain(card::known(&settings.profiles)).collect()
}

/// Looks for tokens on every route that can lead to what is wanted. A route that fails is a problem, and the others go on.
pub fn find(wanted: Wanted<'_>, settings: &Settings) -> Search {
    let mut search = Search::default();
    if wanted.takes(Route::Pcsc) {
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
            }
            Err(error) => search.problems.push(Problem { error, hides_token: false, route: Route::Pcsc }),
        }
    }
    if wanted.takes(Route::Pkcs11) {
        let slots = slots(settings);
        // Where nobody asked for PKCS#11, a machine without p11-kit simply has no such tokens.
        let is_asked_for = wanted.is_for(Route::Pkcs11) || !settings.modules.is_empty();
        let look = |module: &Path| settled(wanted, settings.wait, || pkcs11::find(module, &slots));
        for looked in patiently(wanted.selector, &search.found, &modules(wanted, settings), look) {
            match looked {
                Ok(slots) => {
                    search.answered = true;
                    search.found.extend(slots.found);
                    let hidden = |error| Problem { error, hides_token: true, route: Route::Pkcs11 };
                    search.problems.extend(slots.problems.into_iter().map(hidden));
                }
                Err(error) if is_asked_for => {
                    // A module that was named may have the token that is meant.
                    let hides_token = !settings.modules.is_empty();
                    search.problems.push(Problem { error, hides_token, route: Route::Pkcs11 });
                }
                Err(_) => {}
            }
        }
    }
    only_natively(&mut search.found);
    if !settings.modules.is_empty() {
        // Who named a module wants to hear of that first, not of a reader that nobody asked for. (The sort is stable.)
        search.problems.sort_by_key(|problem| problem.route != Route::Pkcs11);
    }
    search
}

/// Leaves out what a module shows of a card that was found in its reader too: that is one token, and the native way to it can
/// do more. Both read its serial from the card.
fn only_natively(found: &mut Vec<Found>) {
    let is_card = |identity: &Identity| matches!(identity.place, Place::Reader(_));
    let cards: Vec<Text> =
        found.iter().filter(|one| is_card(&one.identity)).filter_map(|one| one.identity.serial.clone()).collect();
    found.retain(|one| is_card(&one.identity) || !one.identity.serial.as_ref().is_some_and(|own| cards.contains(own)));
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
    let answered: Vec<PathBuf> =
        modules.iter().zip(&looked).filter(|(_, looked)| looked.is_ok()).map(|(module, _)| module.clone()).collect();
    for pause in BEFORE_LOOKING_AGAIN {
        let listed = looked.iter().flatten().flat_map(|slots| &slots.found);
        let identities: Vec<&Identity> = found.iter().chain(listed).map(|one| &one.identity).collect();
        if answered.is_empty() || selector.is_none_or(|selector| !selector.matches(&identities).is_empty()) {
            break;
        }
        // Before the next look a module must have been finalised.
        looked.iter_mut().flatten().for_each(|slots| *slots = pkcs11::Slots::default());
        thread::sleep(Duration::from_millis(pause));
        let again = in_parallel(&answered, &look);
        let places = looked.iter_mut().filter(|looked| looked.is_ok());
        places.zip(again).for_each(|(place, again)| *place = again.or_else(|error| Ok(failed(error))));
    }
    looked
}

/// What a module shows that fails after it has answered before.
fn failed(error: Error) -> pkcs11::Slots {
    pkcs11::Slots { problems: vec![error], ..pkcs11::Slots::default() }
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
        None if settings.modules.is_empty() => vec![pkcs11::PROXY.into()],
        None => settings.modules.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::Result,
        token::{Access, Connection, Token},
    };

    /// A way that nobody goes.
    struct Nowhere;

    impl Connection for Nowhere {
        fn transact(&mut self, _: Access, _: &mut dyn FnMut(&mut dyn Token) -> Result<()>) -> Result<()> {
            Ok(())
        }
    }

    fn found(place: Place, serial: Option<&str>) -> Found {
        let application = if matches!(place, Place::Reader(_)) { Application::ScHsm } else { Application::Pkcs11 };
        let identity = Identity {
            application,
            serial: serial.map(Text::from),
            label: None,
            manufacturer: None,
            model: None,
            place,
            blank: false,
        };
        Found { identity, abilities: &[], connection: Box::new(Nowhere) }
    }

    #[test]
    fn a_card_that_a_module_shows_too_is_one_token_and_one_without_a_serial_is_not_taken_for_it() {
        let reader = || Place::Reader(Text::from("R"));
        let slot = |id| Place::Slot { id, module: "/m.so".into() };
        let mut all = vec![
            found(reader(), Some("A")),
            found(reader(), None),
            found(slot(0), Some("A")),
            found(slot(1), Some("B")),
            found(slot(2), None),
        ];
        only_natively(&mut all);
        let left: Vec<_> =
            all.iter().map(|one| (one.identity.application.name(), one.identity.serial.clone())).collect();
        let (a, b) = (Some(Text::from("A")), Some(Text::from("B")));
        assert_eq!(left, [("sc-hsm", a), ("sc-hsm", None), ("pkcs11", b), ("pkcs11", None)]);
    }
}
