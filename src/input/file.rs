//! Files of secrets: read only where nobody else can, written once and synced.

mod access;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use nix::errno::Errno;

use crate::{
    error::{Error, Result},
    input::lines::unreadable,
    secret::Pin,
    token::Need,
};

/// Opens a file of secrets.
///
/// # Errors
/// [`Error::Usage`] where it cannot be read, or where group or others could read or write it.
pub fn open(path: &Path, need: Need) -> Result<File> {
    let file = File::open(path).map_err(|error| unreadable(need, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(need, &error))?;
    if !metadata.is_file() && !metadata.file_type().is_fifo() {
        return Err(Error::Usage(format!("what --{} names is neither a file nor a pipe", need.option())));
    }
    let mode = metadata.mode();
    if access::is_open_to_others(&file, mode) {
        return Err(Error::Usage(format!(
            "the file that --{} names is open to other users (mode {:03o}); make it yours alone with `chmod 600`",
            need.option(),
            mode & 0o777
        )));
    }
    Ok(file)
}

/// Refuses a place for a generated value where something is already, be it a link to nowhere.
///
/// # Errors
/// [`Error::Usage`].
pub fn is_free(path: &Path, need: Need) -> Result<()> {
    if path.symlink_metadata().is_ok() { Err(taken(need)) } else { Ok(()) }
}

fn taken(need: Need) -> Error {
    Error::Usage(format!("the file that --{} names is there already, and is not overwritten", need.option()))
}

/// The failure of writing a generated value. Where the system fails, another name would not help.
fn unwritten(need: Need, error: &io::Error) -> Error {
    match (unreadable(need, error), error.raw_os_error().map(Errno::from_raw)) {
        (_, Some(Errno::EEXIST)) => taken(need),
        (Error::Usage(text), code) => {
            let what = text.replace("cannot be read", "cannot be written");
            match code {
                Some(
                    Errno::ENOSPC
                    | Errno::EDQUOT
                    | Errno::EFBIG
                    | Errno::EIO
                    | Errno::EROFS
                    | Errno::EMFILE
                    | Errno::ENFILE,
                ) => Error::Device { what, cure: None, detail: Some(error.to_string()) },
                _ => Error::Usage(what),
            }
        }
        (other, _) => other,
    }
}

/// Writes a generated value to a new file of mode 0600, and syncs the file and its folder before returning.
///
/// # Errors
/// [`Error::Usage`] where the file is there already or cannot be written there; [`Error::Device`] where the disk is full or the system
/// fails. Nothing was sent to the token.
pub fn write_new(path: &Path, value: &Pin, need: Need) -> Result<()> {
    let failed = |error: io::Error| unwritten(need, &error);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let written = file.write_all(value.bytes()).and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_all());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    written.and_then(|()| File::open(folder)?.sync_all()).map_err(|error| {
        remove(path);
        failed(error)
    })
}

/// Keeps a generated value that standard output did not take, in a new file below `directory`, as `file:` reads it.
///
/// # Errors
/// As [`write_new`].
pub fn keep(directory: &Path, need: Need, value: &Pin) -> Result<PathBuf> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| unreadable(need, &error))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let path = directory.join(format!("{}-{now}-{}", need.option(), std::process::id()));
    write_new(&path, value, need).map(|()| path)
}

/// Removes a generated value that the token certainly did not take, so that nobody takes it for the real one.
pub fn remove(path: &Path) {
    // A file that cannot be removed is only a value of nothing.
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Role;

    #[test]
    fn a_disk_that_is_full_or_fails_is_no_wrong_call_but_a_wrong_name_is() {
        let code =
            |errno: Errno| unwritten(Need::New(Role::UserPin), &io::Error::from_raw_os_error(errno as i32)).exit_code();
        for fails in [Errno::ENOSPC, Errno::EDQUOT, Errno::EFBIG, Errno::EIO, Errno::EROFS] {
            assert_eq!(code(fails), 8, "{fails}");
        }
        for wrong in [Errno::EEXIST, Errno::ENOENT, Errno::EACCES, Errno::ENOTDIR, Errno::EISDIR] {
            assert_eq!(code(wrong), 2, "{wrong}");
        }
    }
}
