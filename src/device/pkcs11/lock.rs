//! One lock file for each token, so that two processes never change one token at once.
//!
//! The file is named by what the token says of itself (manufacturer, model, serial), so that a token reached through two
//! modules, p11-kit's proxy and the module behind it say, has one lock; a token without a serial is named by module and slot.
//!
//! The file also tells who changed the token last: a writer writes its process id at the start and empties the file at the
//! end, so the time of modification says when the token may have changed. SoftHSM2 needs that: it checks PINs against what
//! it read at C_Initialize, and would let a process with an old view overwrite a new PIN in silence.

mod left;

pub use left::examine;

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    fcntl::{Flock, FlockArg, OFlag},
    sys::{
        stat::{major, minor},
        time::TimeSpec,
    },
    time::{ClockId, clock_gettime},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use super::wire::NoLock;
use crate::{
    error::Error,
    token::{Access, Identity, Place, Text},
};

/// How long to sleep between two looks at a lock that is held.
const PAUSE: Duration = Duration::from_millis(10);

/// A held lock; released when dropped, and by the system when the process ends in any way.
pub struct Lock {
    file: Flock<File>,
    access: Access,
    /// When another may last have changed the token; none where a writer was cut off in the middle.
    changed: Option<TimeSpec>,
}

impl Lock {
    /// When another process may last have changed the token, on the clock of file times; none where one was cut off in the middle.
    pub fn changed(&self) -> Option<TimeSpec> {
        self.changed
    }

    /// Marks the beginning of a write.
    fn begin(file: Flock<File>, access: Access, is_new: bool) -> std::io::Result<Self> {
        let metadata = file.metadata()?;
        let changed = match metadata.len() {
            0 if is_new => Some(TimeSpec::new(0, 0)),
            0 => Some(TimeSpec::new(metadata.mtime(), metadata.mtime_nsec())),
            _ => None,
        };
        let lock = Self { file, access, changed };
        if access == Access::Write {
            (&*lock.file).write_all(format!("{}\n", std::process::id()).as_bytes())?;
        }
        Ok(lock)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.access == Access::Write {
            // First a new time, then no content: a file system shows the two of a truncation one after the other (seen on ext4),
            // and who looks in between must not take the old time for the last. Where this fails the file keeps its content,
            // and the next process reads the token anew.
            let _ = (&*self.file).write_all(b"\n").and_then(|()| self.file.set_len(0));
        }
    }
}

/// The time on the clock that stamps files, so that the two compare.
pub fn now() -> TimeSpec {
    clock_gettime(ClockId::CLOCK_REALTIME_COARSE).unwrap_or(TimeSpec::new(0, 0))
}

/// Why there is no lock where nothing says where they stand.
pub fn nowhere() -> Error {
    Error::Device {
        what: "the token cannot be locked against other processes: nothing says where lock files stand".into(),
        cure: Some("set HOME or XDG_STATE_HOME".into()),
        detail: None,
    }
}

/// Takes the lock of this name in `directory`, waiting at most `wait`: shared for reading, alone for writing.
///
/// # Errors
/// [`NoLock`] naming the process that holds it, or saying why no lock can be made there.
pub fn take(directory: &Path, name: &str, access: Access, wait: Duration) -> Result<Lock, NoLock> {
    let path = directory.join(format!("{name}.lock"));
    let kind = match access {
        Access::Read => FlockArg::LockSharedNonblock,
        Access::Write => FlockArg::LockExclusiveNonblock,
    };
    let (mut file, is_new) = open(directory, &path).map_err(|error| no_lock(directory, &error))?;
    let deadline = Instant::now() + wait;
    loop {
        match Flock::lock(file, kind) {
            Ok(held) => return Lock::begin(held, access, is_new).map_err(|error| no_lock(directory, &error)),
            Err((back, nix::errno::Errno::EWOULDBLOCK)) => file = back,
            Err((_, error)) => return Err(no_lock(directory, &error.into())),
        }
        if Instant::now() >= deadline {
            let holder = holder(&file).unwrap_or_else(|| "another process".into());
            return Err(NoLock {
                what: format!("the token is in use by {holder}"),
                cure: "wait until it has finished, or give it longer with --wait SECONDS".into(),
                detail: None,
            });
        }
        std::thread::sleep(PAUSE.min(deadline.saturating_duration_since(Instant::now())));
    }
}

/// Whether any token that is locked in `directory` has been written since `time`, or is being written now.
pub fn is_any_written(directory: &Path, time: TimeSpec) -> bool {
    let state = |path: &Path| {
        let metadata = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some((TimeSpec::new(metadata.mtime(), metadata.mtime_nsec()), metadata.len()))
    };
    let is_written = |path: PathBuf| match state(&path) {
        None => false,
        Some((changed, _)) if changed >= time => true,
        Some((_, 0)) => false,
        // A writer that was cut off leaves its mark too, but no lock. One that has just ended has changed the file meanwhile.
        marked => is_held(&path) || state(&path) != marked,
    };
    fs::read_dir(directory).into_iter().flatten().flatten().any(|entry| is_written(entry.path()))
}

/// Whether a writer holds the lock at `path`.
fn is_held(path: &Path) -> bool {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    file.is_ok_and(|file| Flock::lock(file, FlockArg::LockSharedNonblock).is_err())
}

/// The token's name as that of a file: at most 32, 16 and 16 bytes, percent-encoded, so always below the 255 of a file system.
pub fn name(identity: &Identity) -> String {
    let encode =
        |text: Option<&Text>| percent_encode(text.map_or(b"".as_slice(), Text::bytes), NON_ALPHANUMERIC).to_string();
    match (&identity.serial, &identity.place) {
        (None, Place::Slot { id, module }) => {
            let module = fs::canonicalize(module).unwrap_or_else(|_| module.clone());
            let file = module.file_name().unwrap_or_default().as_encoded_bytes();
            format!("slot-{id}-{}", percent_encode(file, NON_ALPHANUMERIC))
        }
        (serial, _) => format!(
            "{}-{}-{}",
            encode(identity.manufacturer.as_ref()),
            encode(identity.model.as_ref()),
            encode(serial.as_ref())
        ),
    }
}

/// Opens the lock file without following a link, and makes it where there is none. Whether it was made: then no process
/// with this lock has written the token before.
fn open(directory: &Path, path: &Path) -> std::io::Result<(File, bool)> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).bits();
    let existing = || OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
    let (file, is_new) = match existing().map(|file| (file, false)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)
            {
                Ok(file) => {
                    // In a directory that the administrator shares, every user must be able to lock it and to mark it.
                    let shared = fs::metadata(directory)?.mode() & 0o002 != 0;
                    file.set_permissions(fs::Permissions::from_mode(if shared { 0o666 } else { 0o600 }))?;
                    Ok((file, true))
                }
                // Another process was faster.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => existing().map(|file| (file, false)),
                Err(error) => Err(error),
            }
        }
        other => other,
    }?;
    let metadata = file.metadata()?;
    // A link in the lock's place, hard or soft, could make us empty another file.
    match metadata.is_file() && metadata.nlink() == 1 {
        true => Ok((file, is_new)),
        false => Err(std::io::Error::new(ErrorKind::InvalidInput, "the lock is no regular file of its own")),
    }
}

/// Who holds a lock on `file`: as the system's own list of locks tells (Linux), else as the holder's mark in the file says. The
/// list is read in pieces, and may leave one out while locks come and go.
fn holder(file: &File) -> Option<String> {
    let pid = listed_holder(file).or_else(|| marked_holder(file))?;
    let name = fs::read_to_string(PathBuf::from(format!("/proc/{pid}/comm"))).ok();
    Some(match name {
        Some(name) => format!("{} (process {pid})", name.trim_end().escape_debug()),
        None => format!("process {pid}"),
    })
}

fn listed_holder(file: &File) -> Option<u32> {
    let metadata = file.metadata().ok()?;
    let place = format!("{:02x}:{:02x}:{}", major(metadata.dev()), minor(metadata.dev()), metadata.ino());
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    locks
        .lines()
        .map(fields)
        .find(|line| line.get(1).is_some_and(|kind| kind == "FLOCK") && line.get(5) == Some(&place))
        .and_then(|line| line.get(4)?.parse().ok())
}

fn marked_holder(file: &File) -> Option<u32> {
    let mut mark = [0; 16];
    let length = file.read_at(&mut mark, 0).ok()?;
    std::str::from_utf8(mark.get(..length)?).ok()?.lines().next()?.parse().ok()
}

/// What makes a directory take a lock, by why it does not.
fn to_lock_there(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room in that directory",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "make that directory writable",
        _ => "see that there is room in that directory, and that it is writable",
    }
}

fn no_lock(directory: &Path, error: &std::io::Error) -> NoLock {
    NoLock {
        what: format!(
            "the token cannot be locked against other processes in {}",
            directory.display().to_string().escape_debug()
        ),
        cure: format!("{}, or name another with XDG_STATE_HOME", to_lock_there(error.kind())),
        detail: Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_not_cured_by_permissions() {
        let cure = |kind: ErrorKind| no_lock(Path::new("/locks"), &kind.into()).cure;
        assert!(cure(ErrorKind::StorageFull).contains("room") && !cure(ErrorKind::StorageFull).contains("writable"));
        let denied = cure(ErrorKind::PermissionDenied);
        assert!(denied.contains("writable") && !denied.contains("room"), "{denied}");
        for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Other] {
            assert!(cure(kind).contains("XDG_STATE_HOME"), "{kind}");
        }
    }
}
