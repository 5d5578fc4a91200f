//! Tokens behind PKCS#11 modules.

mod info;
mod lock;
mod module;
mod quirks;
mod raw;
mod slot;
mod verdict;

use std::{
    ffi::CStr,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use module::Module;
use slot::Slot;

use crate::{
    error::{Error, Result},
    token::{Ability, Found, Place, Role, Trace, Verb},
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
const PROOF: &str = "C_Login (CKU_USER) from a fresh session, as proof";

/// What the slots of every module have in common.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where lock files stand.
    pub locks: Option<PathBuf>,
    /// How long to wait for one.
    pub wait: Duration,
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

/// The tokens of the module at `path` that have PINs; `init` is what its C_Initialize is to be told.
///
/// # Errors
/// [`crate::error::Error::Device`] where the module does not load or list its slots.
pub fn find(path: &Path, init: Option<&CStr>, settings: &Settings) -> Result<Slots> {
    let module = Rc::new(Module::load(path, init, settings.trace.clone())?);
    let mut slots = Slots::default();
    for id in module.slots()? {
        let info = match module.token_info_if_any(id) {
            Ok(Some(info)) => info,
            Ok(None) => continue,
            Err(error) => {
                slots.problems.push(error);
                continue;
            }
        };
        if info::has_pins(&info) {
            let identity = info::identity(&info, Place::Slot { id, module: module.path().to_owned() });
            let connection = Box::new(Slot::new(Rc::clone(&module), id, identity.clone(), settings.clone()));
            let abilities: &[Ability] = if identity.blank { &OF_A_BLANK_TOKEN } else { &ABILITIES };
            slots.found.push(Found { identity, abilities, connection });
        }
    }
    let written = |locks: &PathBuf| lock::is_any_written(locks, module.initialized());
    slots.unsettled = settings.locks.as_ref().is_some_and(written);
    Ok(slots)
}
