//! Tokens behind PKCS#11 modules.

mod ability;
mod client;
pub mod doctor;
mod info;
mod lock;
mod module;
mod opensc;
mod p11_kit;
pub mod pre_image;
mod puk;
mod quirks;
mod raw;
mod slot;
mod verdict;
mod wire;
mod worker;

pub use module::Options;
pub use worker::{WORKER, serve};

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use module::Module;
use quirks::Quirks;
use slot::Slot;

use crate::{
    error::{Error, Result},
    token::{Found, Place, Text, Trace},
};

/// The milliseconds before each new look at what is not there, or a read that failed: a program that knows no lock may be writing
/// the token, or a reader may just be waking up. After that it is believed.
pub const BEFORE_LOOKING_AGAIN: [u64; 5] = [10, 20, 40, 80, 150];

/// p11-kit's proxy, which speaks for every module that the system is configured for; the linker finds it.
pub const PROXY: &str = "p11-kit-proxy.so";

/// What the slots of every module have in common.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where lock files stand.
    pub locks: Option<PathBuf>,
    /// Where stands what must outlive a crash.
    pub state: Option<PathBuf>,
    /// How long to wait for one.
    pub wait: Duration,
    /// How modules are run.
    pub options: Options,
    /// Where calls are traced.
    pub trace: Trace,
}

/// What a module showed.
pub struct Slots {
    module: Arc<Module>,
    /// The tokens that have PINs.
    pub found: Vec<Found>,
    /// The places where there is a token that could not be looked at, and why.
    pub unread: Vec<(Place, Error)>,
    /// What else hindered the look.
    pub problems: Vec<Error>,
    /// Whether another process wrote a token meanwhile, so that one may be missing.
    pub unsettled: bool,
}

impl Slots {
    /// What the module calls the slot at `place`, where that is one of its own; a call more, so asked only for what is compared.
    pub fn description(&self, place: &Place) -> Option<Text> {
        match place {
            Place::Slot { id, module } if module == self.module.path() => self.module.slot_description(*id),
            Place::Slot { .. } | Place::Reader(_) => None,
        }
    }
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
    show(Arc::new(Module::load(path, &settings.options, settings.trace.clone())?), settings)
}

/// The same, and what the module says of itself.
///
/// # Errors
/// As [`find`].
pub fn introduce(path: &Path, settings: &Settings) -> Result<(Library, Slots)> {
    let module = Arc::new(Module::load(path, &settings.options, settings.trace.clone())?);
    let library = info::library(module.library());
    show(module, settings).map(|slots| (library, slots))
}

fn show(module: Arc<Module>, settings: &Settings) -> Result<Slots> {
    let mut slots = Slots {
        module: Arc::clone(&module),
        found: Vec::new(),
        unread: Vec::new(),
        problems: Vec::new(),
        unsettled: false,
    };
    let ids = module.slots()?;
    let shared = Arc::new(settings.clone());
    for (id, info) in ids.iter().copied().zip(module.token_infos(&ids)?) {
        let place = Place::Slot { id, module: module.path().to_owned() };
        let info = match info {
            Ok(Some(info)) => info,
            Ok(None) => continue,
            Err(error) => {
                slots.unread.push((place, error));
                continue;
            }
        };
        if info::has_pins(&info) {
            let identity = info::identity(&info, place);
            let connection = Box::new(Slot::new(Arc::clone(&module), id, identity.clone(), Arc::clone(&shared)));
            let abilities = Quirks::of(module.library(), &info).abilities(&info);
            slots.found.push(Found { identity, abilities, connection });
        }
    }
    let written = |locks: &PathBuf| lock::is_any_written(locks, module.initialized());
    slots.unsettled = settings.locks.as_ref().is_some_and(written);
    Ok(slots)
}
