//! `profile check`: what a profile would send, without a card.

use std::{fs::File, io::Read, path::Path};

use crate::{
    device::card::iso7816::{self, profile::Profile},
    error::{Error, Result},
    token::Preview,
};

/// The longest profile in bytes that is read.
const MOST: u64 = 1 << 18;

/// Reads a profile and tells what it would send for each operation. No reader is asked.
///
/// # Errors
/// [`Error::Usage`], with line and column where the file can be read.
pub fn check_profile(path: &Path) -> Result<Preview> {
    let shown = path.display().to_string().escape_debug().to_string();
    let unreadable = |why: String| Error::Usage(format!("the profile {shown} cannot be read: {why}"));
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    file.take(MOST + 1).read_to_end(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > MOST {
        return Err(unreadable(format!("it is longer than {MOST} bytes")));
    }
    let text = String::from_utf8(text).map_err(|_| unreadable("it is not UTF-8".into()))?;
    Ok(iso7816::preview(&Profile::parse(&text, &shown)?))
}
