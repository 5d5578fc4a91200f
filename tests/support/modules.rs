//! Modules for cards, as the system has them.

use std::path::PathBuf;

/// OpenSC's, for every card that it knows.
pub fn opensc() -> PathBuf {
    module("opensc-pkcs11.so", "opensc-pkcs11")
}

/// Yubico's, which looks into readers of Yubico only.
pub fn ykcs11() -> PathBuf {
    module("libykcs11.so.2", "ykcs11")
}

/// A module of the multiarch directory.
fn module(name: &str, package: &str) -> PathBuf {
    let mut places = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path().join(name));
    places.find(|module| module.is_file()).unwrap_or_else(|| panic!("no {name}: it is in the package {package}"))
}
