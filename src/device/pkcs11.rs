//! Tokens behind PKCS#11 modules.

mod client;
pub mod doctor;
mod info;
mod lock;
mod module;
mod opensc;
mod p11_kit;
mod quirks;
mod raw;
mod slot;
mod verdict;
mod wire;
mod worker;

pub use module::Limits;
pub use worker::{WORKER, serve};

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use module::Module;
use slot::Slot;

use crate::{
    error::{Error, Result},
    token::{Ability, Found, InitRules, Place, Role, Text, Trace, Verb},
};

/// p11-kit's proxy, which speaks for every module that the system is configured for; the linker finds it.
pub const PROXY: &str = "p11-kit-proxy.so";

/// What a token behind a module can do.
const ABILITIES: [Ability; 6] = [
    Ability { verb: Verb::PinSet, by: Some(Role::SoPin), commands: &["C_Login (CKU_SO)", "C_InitPIN", PROOF] },
    Ability { verb: Verb::PinChange, by: None, commands: &["C_Login (CKU_USER)", "C_SetPIN", PROOF] },
    Ability { verb: Verb::PinVerify, by: None, commands: &["C_Login (CKU_USER)"] },
    Ability { verb: Verb::PinReset, by: Some(Role::SoPin), commands: &["C_Login (CKU_SO)", "C_InitPIN", PROOF] },
    Ability {
        verb: Verb::SoPinChange,
        by: None,
        commands: &[
            "C_Login (CKU_SO)",
            "C_SetPIN",
            "C_Login (CKU_SO) from a fresh session, as proof where the module checks it",
        ],
    },
    Ability {
        verb: Verb::TokenInit,
        by: None,
        commands: &["C_InitToken", "C_Login (CKU_SO), C_InitPIN and C_Login (CKU_USER) where a user PIN is given"],
    },
];
/// What a slot can do whose token was never initialised: it is nobody's candidate for anything else.
const OF_A_BLANK_TOKEN: [Ability; 1] = {
    let [.., init] = ABILITIES;
    [init]
};
/// C_InitToken takes a label, and C_InitPIN sets the user PIN afterwards.
const INIT_RULES: InitRules = InitRules { needs_label: true, pin: None };
const PROOF: &str = "C_Login (CKU_USER) from a fresh session, as proof";

/// What the slots of every module have in common.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where lock files stand.
    pub locks: Option<PathBuf>,
    /// How long to wait for one.
    pub wait: Duration,
    /// How modules are run.
    pub limits: Limits,
    /// Where calls are traced.
    pub trace: Trace,
}

/// What a module showed.
#[derive(Default)]
pub struct Slots {
    /// The tokens that have PINs.
    pub found: Vec<Found>,
    /// Why others could not be looked at.
    pub problems: Vec<Error>,
    /// Whether another process wrote a token meanwhile, so that one may be missing.
    pub unsettled: bool,
}

/// What a module says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Who made it.
    pub manufacturer: Option<Text>,
    /// What it is.
    pub description: Option<Text>,
    /// Its version, major and minor.
    pub version: (u8, u8),
}

/// The tokens of the module at `path` that have PINs.
///
/// # Errors
/// [`crate::error::Error::Device`] where the module does not load or list its slots.
pub fn find(path: &Path, settings: &Settings) -> Result<Slots> {
    show(&Arc::new(Module::load(path, &settings.limits, settings.trace.clone())?), settings)
}

/// The same, and what the module says of itself.
///
/// # Errors
/// As [`find`].
pub fn introduce(path: &Path, settings: &Settings) -> Result<(Library, Slots)> {
    let module = Arc::new(Module::load(path, &settings.limits, settings.trace.clone())?);
    let library = info::library(&module.info()?);
    show(&module, settings).map(|slots| (library, slots))
}

fn show(module: &Arc<Module>, settings: &Settings) -> Result<Slots> {
    let mut slots = Slots::default();
    let ids = module.slots()?;
    for (id, info) in ids.iter().copied().zip(module.token_infos(&ids)?) {
        let info = match info {
            Ok(Some(info)) => info,
            Ok(None) => continue,
            Err(error) => {
                slots.problems.push(error);
                continue;
            }
        };
        if info::has_pins(&info) {
            let identity = info::identity(&info, Place::Slot { id, module: module.path().to_owned() });
            let connection = Box::new(Slot::new(Arc::clone(module), id, identity.clone(), settings.clone()));
            let abilities: &[Ability] = if identity.blank { &OF_A_BLANK_TOKEN } else { &ABILITIES };
            slots.found.push(Found { identity, abilities, connection });
        }
    }
    let written = |locks: &PathBuf| lock::is_any_written(locks, module.initialized());
    slots.unsettled = settings.locks.as_ref().is_some_and(written);
    Ok(slots)
}
