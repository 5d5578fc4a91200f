//! Pre-images: a copy of a token's files on disk before a secret is presented to it, so that a crash cannot take the token away.
//!
//! SoftHSM2 truncates a token's file and writes it anew, three times for a new PIN and once for a wrong one; openCryptoki does
//! alike. Whoever is cut off between the two, by a signal or by the end of the machine's power, leaves a token that is no longer
//! listed. The copy is made under the token's lock, and goes when the files are whole again and on disk.

mod directory;
mod left;
mod opencryptoki;
mod softhsm;

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{OpenOptionsExt, PermissionsExt, fchown},
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use directory::{Content, Directory, Stored};
pub use left::{examine, missing};
use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use super::{Settings, lock};
use crate::{
    error::{Error, Result},
    token::{Access, Condition, Identity, PreImage, Proof, Text},
};

/// How often a file is looked at that is not whole: another program may just be writing it, which takes about 2 ms.
const LOOKS: u32 = 10;
/// The time between two of them.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A store whose tokens are files that are written in place.
#[derive(Debug, Clone, Copy)]
enum Store {
    SoftHsm,
    OpenCryptoki,
}

impl Store {
    /// The store of a token, by what it says of itself, so that it is known through p11-kit's proxy too.
    fn of(identity: &Identity) -> Option<Self> {
        let is = |manufacturer: &str, model: &str| {
            identity.manufacturer.as_ref().is_some_and(|own| own.bytes() == manufacturer.as_bytes())
                && identity.model.as_ref().is_some_and(|own| own.bytes() == model.as_bytes())
        };
        let known =
            [("SoftHSM project", "SoftHSM v2", Self::SoftHsm), ("IBM Corp.", "IBM SoftTok", Self::OpenCryptoki)];
        known.into_iter().find(|(manufacturer, model, _)| is(manufacturer, model)).map(|(.., store)| store)
    }

    /// The files of a token; none where this process does not find them: the module may run elsewhere, or for another user.
    fn files(self, identity: &Identity) -> Option<Vec<PathBuf>> {
        match self {
            Self::SoftHsm => softhsm::file(identity.serial.as_ref()?.bytes()).map(|file| vec![file]),
            Self::OpenCryptoki => opencryptoki::files(identity),
        }
    }

    /// Whether these are the whole of the token.
    fn is_intact(self, contents: &[Content], identity: &Identity) -> bool {
        let serial = identity.serial.as_ref().map(Text::bytes).unwrap_or_default();
        match (self, contents) {
            (Self::SoftHsm, [token]) => softhsm::is_intact(&token.bytes, serial),
            (Self::SoftHsm, _) => false,
            (Self::OpenCryptoki, files) => opencryptoki::is_intact(files, identity),
        }
    }

    /// Whether the PINs are those of before.
    fn has_same_pins(self, before: &[Content], now: &[Content]) -> bool {
        match (self, before, now) {
            (Self::SoftHsm, [before], [now]) => softhsm::has_same_pins(&before.bytes, &now.bytes),
            (Self::SoftHsm, ..) => false,
            (Self::OpenCryptoki, ..) => opencryptoki::has_same_pins(before, now),
        }
    }

    /// Whether some of them are as a call that was cut off left them and the others as before, as a copy tells.
    fn is_torn(self, before: &Stored, now: &[Content]) -> bool {
        match self {
            Self::SoftHsm => false,
            Self::OpenCryptoki => opencryptoki::is_torn(&before.contents, now),
        }
    }
}

/// A copy that is kept while a token is worked on. Dropped without [`Kept::settle`], it stays.
pub struct Kept {
    directory: Directory,
    name: String,
    store: Store,
    stored: Stored,
    /// Whether an earlier call left a copy, as the way back from what came of that.
    was_left: bool,
}

/// Copies the files of a token to the state directory before anything is sent; none where it has none that could be lost.
///
/// A copy that is there already is replaced where it holds the PINs of now. Where it does not, it is the way back from a write whose
/// end nobody knows, and where the token is not whole it may be all that is left.
///
/// # Errors
/// [`Error::Device`] where the token's files are damaged and an older copy is not, or no copy can be kept.
pub fn keep(state: Option<&Path>, identity: &Identity) -> Result<Option<Kept>> {
    let Some(store) = Store::of(identity).filter(|_| !identity.blank) else { return Ok(None) };
    let Some(files) = store.files(identity) else { return Ok(None) };
    let directory = state.map(Directory::below).ok_or_else(|| Error::Device {
        what: "no copy of the token can be kept for the case of a crash: nothing says where state stands".into(),
        cure: Some("set HOME or XDG_STATE_HOME".into()),
        detail: None,
    })?;
    let name = name(identity, &files);
    let older = directory.read(&name);
    let (condition, contents) = look(store, &files, identity, older.as_ref());
    match (condition, &older) {
        (Condition::Intact, _) => {}
        // Who never had a copy has nothing to put back, and a write may even mend the token, as C_InitPIN does a lost key of
        // openCryptoki. What cannot be read belongs to a module with another user's rights.
        (Condition::Damaged, None) | (Condition::Unreadable, _) => return Ok(None),
        (Condition::Damaged, Some(_)) => {
            let files: Vec<String> = files.iter().map(|file| shown(file)).collect();
            return Err(Error::Device {
                what: format!(
                    "a write was cut off before, and what {identity} is kept in is damaged ({}); nothing was sent",
                    files.join(", ")
                ),
                cure: Some("put the token back from its copy".into()),
                detail: None,
            });
        }
    }
    let was_left = older.is_some();
    if let Some(stored) = older.filter(|older| !store.has_same_pins(&older.contents, &contents)) {
        return Ok(Some(Kept { directory, name, store, stored, was_left }));
    }
    let stored = Stored { identity: identity.clone(), kept: SystemTime::now(), contents };
    directory.write(&name, &stored).map_err(|error| Error::Device {
        what: format!(
            "no copy of the token can be kept for the case of a crash, as {} does not take it",
            shown(&directory.path(&name))
        ),
        cure: Some("make room there, and make its directory your own; or name another with XDG_STATE_HOME".into()),
        detail: Some(error.to_string()),
    })?;
    Ok(Some(Kept { directory, name, store, stored, was_left }))
}

impl Kept {
    /// Removes the copy at the end of what was `done`, once the token's files are whole and on disk. It stays where they are not,
    /// and where a write changed a PIN and failed or could not be proved: then it is the way back. One that an earlier call left goes
    /// only by a success: a wrong PIN tells nothing of what that call did.
    pub fn settle(self, done: &Result<()>) {
        let files: Vec<PathBuf> = self.stored.contents.iter().map(|content| content.path.clone()).collect();
        let (condition, now) = look(self.store, &files, &self.stored.identity, Some(&self.stored));
        let is_settled = match done {
            Ok(()) => true,
            Err(_) if self.was_left => false,
            Err(Error::Unconfirmed { .. } | Error::Device { .. }) => {
                self.store.has_same_pins(&self.stored.contents, &now)
            }
            Err(_) => true,
        };
        // The module does not sync what it writes: after a crash of the machine an old copy could be gone, and the token too.
        let is_on_disk = || files.iter().all(|file| File::open(file).and_then(|file| file.sync_all()).is_ok());
        if condition == Condition::Intact && is_settled && is_on_disk() {
            // One that stays is replaced by the next.
            let _ = self.directory.remove(&self.name);
        }
    }
}

/// Every copy that is kept for this user, with how its token is now.
pub fn all(state: Option<&Path>) -> Vec<PreImage> {
    let stored = state.map(|state| Directory::below(state).all()).unwrap_or_default();
    stored.into_iter().filter_map(pre_image).collect()
}

fn pre_image(stored: Stored) -> Option<PreImage> {
    let files: Vec<PathBuf> = stored.contents.iter().map(|content| content.path.clone()).collect();
    let condition = look(Store::of(&stored.identity)?, &files, &stored.identity, Some(&stored)).0;
    Some(PreImage { identity: stored.identity, kept: stored.kept, files, condition })
}

/// Puts the files of a copy back in their places, on disk when this returns, and looks whether one of `modules` lists the token
/// again. Then the copy is removed; else it stays.
///
/// # Errors
/// [`Error::Device`] where the token is in use, the copy is gone or damaged, or a file cannot be written; that one is then as it
/// was before. [`Error::Unseen`] where a module of the token's kind does not list it.
pub fn restore(settings: &Settings, of: &PreImage, modules: &[PathBuf]) -> Result<Proof> {
    let PreImage { identity, files, condition, .. } = of;
    let locks = settings.locks.as_deref().ok_or_else(lock::nowhere)?;
    let _lock = lock::take(locks, &lock::name(identity), Access::Write, settings.wait)?;
    let gone = || Error::device("the copy of the token is no longer there, or damaged", None);
    let directory = settings.state.as_deref().map(Directory::below).ok_or_else(gone)?;
    let name = name(identity, files);
    let stored = directory.read(&name).ok_or_else(gone)?;
    let store = Store::of(identity).filter(|store| store.is_intact(&stored.contents, identity)).ok_or_else(gone)?;
    // Nobody was asked about a token that is there.
    if *condition == Condition::Damaged && look(store, files, identity, Some(&stored)).0 == Condition::Intact {
        return Err(Error::device("the token has come back meanwhile, so nothing was put in its place", None));
    }
    // The first file last: it holds what the others are checked by, so that what is cut off here is still known for damage.
    for content in stored.contents.iter().rev() {
        write(content).map_err(|error| Error::Device {
            what: format!("{} cannot be put back", shown(&content.path)),
            cure: Some(match error.kind() {
                ErrorKind::NotFound => {
                    "put the directory back from a backup, and then this file by the same call".into()
                }
                _ => format!("let this user write there; the copy is {}", shown(&directory.path(&name))),
            }),
            detail: Some(error.to_string()),
        })?;
    }
    let proof = seen(settings, identity, modules)?;
    if proof == Proof::Proved {
        // One that stays is replaced by the next.
        let _ = directory.remove(&name);
    }
    Ok(proof)
}

/// Whether one of `modules` lists the token.
fn seen(settings: &Settings, identity: &Identity, modules: &[PathBuf]) -> Result<Proof> {
    let shown = modules.iter().filter_map(|module| super::find(module, settings).ok());
    let shown: Vec<Identity> = shown.flat_map(|slots| slots.found).map(|found| found.identity).collect();
    let is_kind = |other: &&Identity| other.manufacturer == identity.manufacturer && other.model == identity.model;
    let of_its_kind: Vec<&Identity> = shown.iter().filter(is_kind).collect();
    match of_its_kind.iter().any(|other| other.serial == identity.serial && other.label == identity.label) {
        true => Ok(Proof::Proved),
        // SoftHSM2 shows a blank slot beside all others, so a module of this kind is known even where it has no other token.
        false if !of_its_kind.is_empty() => Err(Error::Unseen(format!(
            "the files of {identity} are back in their places, but the module does not list the token; the copy is still kept"
        ))),
        false => {
            Ok(Proof::NotPossible("no module that could list the token was there to be asked; the copy is still kept"))
        }
    }
}

/// What a copy is called: by the token, as its lock is, and by its first file, since some tokens all have one serial.
fn name(identity: &Identity, files: &[PathBuf]) -> String {
    let first = files.first().map(|file| file.as_os_str().as_bytes()).unwrap_or_default();
    let place: String = Sha256::digest(first).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{place}", lock::name(identity))
}

/// Reads the files of a token, again while they are not whole; `before` is the copy of them, where there is one.
fn look(store: Store, files: &[PathBuf], identity: &Identity, before: Option<&Stored>) -> (Condition, Vec<Content>) {
    let is_intact = |contents: &[Content]| {
        store.is_intact(contents, identity) && !before.is_some_and(|before| store.is_torn(before, contents))
    };
    let mut condition = Condition::Damaged;
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(BETWEEN_LOOKS);
        }
        condition = match files.iter().map(|file| directory::content(file)).collect::<io::Result<Vec<_>>>() {
            Ok(contents) if is_intact(&contents) => return (Condition::Intact, contents),
            Err(error) if error.kind() != ErrorKind::NotFound => return (Condition::Unreadable, Vec::new()),
            _ => Condition::Damaged,
        };
    }
    (condition, Vec::new())
}

/// Writes one file in its place: the old content or the new, whatever happens meanwhile.
fn write(content: &Content) -> io::Result<()> {
    let (above, name) = content.path.parent().zip(content.path.file_name()).ok_or(ErrorKind::InvalidInput)?;
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let directory = OpenOptions::new().read(true).custom_flags(flags.bits()).open(above)?;
    let new = above.join(format!(".{}.pukka", name.to_string_lossy()));
    // The token is locked: what stands there was left by a process that was cut off.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(&new)
        .and_then(|mut file| {
            file.write_all(&content.bytes)?;
            // Who is not root makes the file his own, as openCryptoki does too, for the group that shared it.
            let (user, group) = content.owner;
            fchown(&file, Some(user), Some(group)).or_else(|_| fchown(&file, None, Some(group)))?;
            file.set_permissions(Permissions::from_mode(content.mode))?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&new, &content.path))
        .and_then(|()| directory.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{Application, Place};

    #[test]
    fn what_the_files_of_a_token_are_checked_by_is_put_back_last() {
        let place = tempfile::tempdir().unwrap();
        let text = |text: &str| Some(Text::from(text));
        let identity = Identity {
            application: Application::Pkcs11,
            serial: text("123"),
            label: text("a"),
            manufacturer: text("IBM Corp."),
            model: text("IBM SoftTok"),
            place: Place::Slot { id: 3, module: "/m.so".into() },
            blank: false,
        };
        let mut info = format!("{:<32}{:<32}{:<16}{:<16}", "a", "IBM Corp.", "IBM SoftTok", "123").into_bytes();
        info.resize(232, 1);
        let of = |name: &str, bytes| Content { path: place.path().join(name), owner: (0, 0), mode: 0o600, bytes };
        let contents = vec![of("NVTOK.DAT", info), of("MK_SO", vec![1; 48]), of("MK_USER", vec![2; 48])];
        let files: Vec<PathBuf> = contents.iter().map(|content| content.path.clone()).collect();
        let stored = Stored { identity: identity.clone(), kept: SystemTime::now(), contents };
        let state = place.path().join("state");
        Directory::below(&state).write(&name(&identity, &files), &stored).unwrap();
        // What stands in the way of a key.
        fs::write(&files[0], "as it was").unwrap();
        fs::create_dir(&files[2]).unwrap();
        let settings = Settings {
            locks: Some(place.path().join("locks")),
            state: Some(state.clone()),
            wait: Duration::ZERO,
            options: super::super::Options { timeout: Duration::ZERO, withheld: Vec::new(), inits: Vec::new() },
            trace: crate::token::Trace::default(),
        };
        let of = PreImage { identity, kept: stored.kept, files: files.clone(), condition: Condition::Damaged };
        assert!(restore(&settings, &of, &[]).is_err());
        assert_eq!(fs::read(&files[0]).unwrap(), b"as it was");
        fs::remove_dir(&files[2]).unwrap();
        assert!(restore(&settings, &of, &[]).is_ok());
        assert!(stored.contents.iter().all(|content| fs::read(&content.path).unwrap() == content.bytes));
        assert_eq!(all(Some(&state)).len(), 1, "no module was there to be asked, so that the copy stays");
    }
}
