//! A credential of systemd: one secret in a file that the service manager has made for this process.
//!
//! As `env:`, and unlike `file:`, it is one value and not a source of lines: each credential has a name of its own.
//! <https://systemd.io/CREDENTIALS/>

use std::path::{Path, PathBuf};

use super::{
    file,
    lines::{Lines, no_line},
};
use crate::{
    error::{Error, Result},
    secret::Pin,
    token::Need,
};

/// What names the directory.
const VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// The longest name in bytes (FDNAME_MAX of systemd).
const NAME: usize = 255;

/// Whether systemd gives such a name (`credential_name_valid`): that of a file, in printable ASCII, without a colon.
pub fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'/' | b':');
    (1..=NAME).contains(&name.len()) && !matches!(name, "." | "..") && name.bytes().all(is_plain)
}

/// The value of a credential: what its file holds, without the end of its line.
///
/// # Errors
/// [`Error::Usage`] where there is no such credential, it holds more than a line, or others can read it.
pub fn read(name: &str, need: Need) -> Result<Pin> {
    let option = need.option();
    let folder = std::env::var_os(VARIABLE).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let path = folder.as_deref().map(|folder: &Path| folder.join(name)).ok_or_else(|| {
        Error::Usage(format!(
            "--{option} names a credential, and {VARIABLE} is not set: systemd sets it for a unit with LoadCredential=, \
             SetCredential= or their encrypted forms (`systemd-run --property=LoadCredential=NAME:PATH` for one call)"
        ))
    })?;
    if !path.exists() {
        return Err(Error::Usage(format!(
            "the credential that --{option} names was not given to this unit: see its LoadCredential= or SetCredential="
        )));
    }
    let mut lines = Lines::read(file::open(&path, need)?, need)?;
    let value = lines.next_line().ok_or_else(|| no_line(need))?;
    match lines.is_done() {
        true => Ok(value),
        false => Err(Error::Usage(format!(
            "the credential that --{option} names holds more than one line: each secret is a credential of its own"
        ))),
    }
}
