//! Every application at once, as no card has them: for what must hold of each, whatever a card answers.

use std::sync::OnceLock;

use super::{
    CardApplication, built_in,
    iso7816::{Candidate, Memory, Profiles},
};
use crate::token::Role;

/// Those that need no profile, and every profile that is compiled in, by each of its user PINs.
pub fn every_application() -> Vec<Box<dyn CardApplication>> {
    static PROFILES: OnceLock<Profiles> = OnceLock::new();
    // They are compiled in, and a test reads them all.
    let profiles = PROFILES.get_or_init(|| Profiles::with(Vec::new()).unwrap_or_default());
    let mut every = built_in();
    for kind in profiles.kinds() {
        let aids = || (0..kind.profile().aid.len().max(1)).collect();
        for pin in kind.profile().references.iter().filter(|own| own.role == Role::UserPin) {
            every.push(Box::new(Memory::new(Candidate { kind, aids: aids() }, &[], Some(&pin.name))));
        }
    }
    every
}
