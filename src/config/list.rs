//! A site's own list of common values, one a line.

use std::{fs, path::Path};

use super::{ADMINISTRATOR, permissions, text};
use crate::{
    error::{Error, Result},
    policy::{Common, Origin},
};

/// The longest list in bytes that is read.
const MOST: u64 = 1 << 24;

/// The list at `path`, which stands in the configuration at `named`. One that the administrator named has to be as safe from
/// others as the configuration itself.
///
/// # Errors
/// [`Error::Usage`] where it cannot be read: a rule that is not looked into lets everything pass; or where others can change it.
pub fn list(path: &Path, named: &Origin) -> Result<Common> {
    let shown = path.display().to_string().escape_debug().to_string();
    let unreadable = |why: String| Error::Usage(format!("the list {shown} ({named}) cannot be read: {why}"));
    let (text, metadata) = text::read(path, MOST).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is no file".into()));
    }
    if *named.file == *ADMINISTRATOR {
        let directory = path.parent().and_then(|directory| Some((directory, fs::metadata(directory).ok()?)));
        let of_directory = directory.and_then(|(directory, metadata)| {
            let directory = directory.display().to_string().escape_debug().to_string();
            permissions::loosened(&metadata).map(|why| (directory, why))
        });
        let loosened = permissions::loosened(&metadata).map(|why| (shown, why)).or(of_directory);
        if let Some((what, why)) = loosened {
            return Err(Error::Usage(format!("{what} {why}, so that the list that {named} names could be anyone's")));
        }
    }
    Ok(Common::of(&text))
}
