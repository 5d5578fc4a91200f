//! A site's own list of common values, one a line.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use crate::error::{Error, Result};

/// The longest list in bytes that is read.
const MOST: u64 = 1 << 24;

/// The text of the list at `path`, which stands in the configuration at `named`.
///
/// # Errors
/// [`Error::Usage`] where it cannot be read: a rule that is not looked into lets everything pass.
pub fn list(path: &Path, named: &str) -> Result<String> {
    let shown = path.display().to_string().escape_debug().to_string();
    let unreadable = |why: String| Error::Usage(format!("the list {shown} ({named}) cannot be read: {why}"));
    let of_system = |error: std::io::Error| unreadable(error.to_string());
    // To open a pipe could mean to wait for ever.
    if !fs::metadata(path).map_err(of_system)?.is_file() {
        return Err(unreadable("it is no file".into()));
    }
    let file = File::open(path).map_err(of_system)?;
    let mut text = Vec::new();
    file.take(MOST + 1).read_to_end(&mut text).map_err(of_system)?;
    if text.len() as u64 > MOST {
        return Err(unreadable(format!("it is longer than {MOST} bytes")));
    }
    String::from_utf8(text).map_err(|_| unreadable("it is not UTF-8".into()))
}
