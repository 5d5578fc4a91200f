//! The directory of copies: each a file of mode 0600 that outlives a crash, and that nobody else can have laid there.
//!
//! A file is one line of JSON with lengths and digests, then the contents of the token's files one after another. One file and not
//! several costs one sync, and tells by itself whether it is whole; and a person without this program still gets the contents by
//! `tail -n +2`.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Error, ErrorKind, Read, Write},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use nix::{fcntl::OFlag, unistd::geteuid};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::token::{Application, Identity, Place, Text};

/// The form of the files.
const VERSION: u8 = 1;
/// How a copy's name ends.
const ENDING: &str = "pre-image";
/// A token's file has some hundred bytes; what is far larger is none of ours.
const LARGEST: u64 = 4 << 20;
/// What stands as it is in the line of JSON, so that a person can read it.
const UNREADABLE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b' ');

/// One file of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Where it stands.
    pub path: PathBuf,
    /// Whose it is.
    pub owner: (u32, u32),
    /// Who may read and write it.
    pub mode: u32,
    /// What is in it: keys, encrypted under the PINs.
    pub bytes: Vec<u8>,
}

/// A copy, read back and found whole.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Whose it is.
    pub identity: Identity,
    /// When it was made.
    pub kept: SystemTime,
    /// The files.
    pub contents: Vec<Content>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    version: u8,
    kept: u64,
    manufacturer: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    label: Option<String>,
    slot: u64,
    module: String,
    files: Vec<FileHead>,
}

#[derive(Serialize, Deserialize)]
struct FileHead {
    path: String,
    uid: u32,
    gid: u32,
    mode: u32,
    length: usize,
    sha256: String,
}

/// The directory of copies, made where it is missing.
pub struct Directory(PathBuf);

impl Directory {
    /// That below the state directory.
    pub fn below(state: &Path) -> Self {
        Self(state.join("pre-images"))
    }

    /// Where a copy of that name stands.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.{ENDING}"))
    }

    /// Writes a copy, in the place of an older one of that name: on disk, file and directory, when this returns.
    pub fn write(&self, name: &str, stored: &Stored) -> io::Result<()> {
        if fs::symlink_metadata(&self.0).is_err() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
            // The name of a new directory is on disk when that above it is; one that was there before and cannot be read need not be.
            self.0
                .ancestors()
                .skip(1)
                .filter_map(|above| File::open(above).ok())
                .try_for_each(|above| above.sync_all())?;
        }
        let directory = self.open()?;
        if directory.metadata()?.mode() & 0o077 != 0 {
            directory.set_permissions(fs::Permissions::from_mode(0o700))?;
        }
        let path = self.path(name);
        // What is cut off while it is written is known for no copy, so that a new one needs no other name meanwhile: a rename would
        // cost the disk a second commit.
        match create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            created => return fill(&path, created?, stored).and_then(|()| directory.sync_all()),
        }
        // An older one stays till the new one is whole.
        let new = self.0.join(format!("{name}.new"));
        // The token is locked: what stands there was left by a process that was cut off.
        remove(&new)?;
        fill(&new, create(&new)?, stored).and_then(|()| fs::rename(&new, &path)).and_then(|()| directory.sync_all())
    }

    /// The copy of that name; none where there is none that is ours and whole.
    pub fn read(&self, name: &str) -> Option<Stored> {
        self.open().ok()?;
        read(&self.path(name))
    }

    /// Removes the copy of that name.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        remove(&self.path(name))
    }

    /// Every copy.
    pub fn all(&self) -> Vec<Stored> {
        self.paths().iter().flatten().filter_map(|path| read(path)).collect()
    }

    /// What stands in the place of a copy and is none: damaged, not to be read, or open to others.
    ///
    /// # Errors
    /// Where the directory is there and cannot be looked into.
    pub fn spoilt(&self) -> io::Result<Vec<PathBuf>> {
        match self.paths() {
            Ok(paths) => Ok(paths.into_iter().filter(|path| read(path).is_none()).collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The directory itself.
    pub fn place(&self) -> &Path {
        &self.0
    }

    fn paths(&self) -> io::Result<Vec<PathBuf>> {
        self.open()?;
        let entries = fs::read_dir(&self.0)?.flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == ENDING)).collect();
        paths.sort();
        Ok(paths)
    }

    /// The directory itself, and no link to another; ours, unless we are root.
    fn open(&self) -> io::Result<File> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let directory = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&self.0)?;
        let owner = directory.metadata()?.uid();
        match geteuid().is_root() || owner == geteuid().as_raw() {
            true => Ok(directory),
            false => Err(Error::new(ErrorKind::PermissionDenied, "it belongs to another user")),
        }
    }
}

/// Reads a regular file that is no link, and not larger than any that is ours.
pub fn content(path: &Path) -> io::Result<Content> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(Error::new(ErrorKind::InvalidData, "it is no file of a token"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(Content { path: path.to_owned(), owner: (about.uid(), about.gid()), mode: about.mode() & 0o7777, bytes })
}

/// A copy that this user made, and nobody else can have changed.
fn read(path: &Path) -> Option<Stored> {
    let found = content(path).ok()?;
    let is_ours = found.owner.0 == geteuid().as_raw() && found.mode & 0o077 == 0;
    is_ours.then(|| decode(&found.bytes)).flatten()
}

fn create(path: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits();
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)
}

/// Writes a copy to a new file, on disk when this returns; one that is not taken whole goes.
fn fill(path: &Path, mut file: File, stored: &Stored) -> io::Result<()> {
    let written = encode(stored).and_then(|bytes| file.write_all(&bytes)).and_then(|()| file.sync_all());
    // A part of a copy is none; where even that cannot be removed, the next one does it.
    written.inspect_err(|_| drop(remove(path)))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn encode(stored: &Stored) -> io::Result<Vec<u8>> {
    let text = |bytes: &[u8]| percent_encode(bytes, UNREADABLE).to_string();
    let of = |text_of: &Option<Text>| text_of.as_ref().map(|own| text(own.bytes()));
    let identity = &stored.identity;
    let (slot, module) = match &identity.place {
        Place::Slot { id, module } => (*id, text(module.as_os_str().as_bytes())),
        Place::Reader(_) => return Err(Error::new(ErrorKind::InvalidInput, "it is a card")),
    };
    let head = Head {
        version: VERSION,
        kept: stored.kept.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        manufacturer: of(&identity.manufacturer),
        model: of(&identity.model),
        serial: of(&identity.serial),
        label: of(&identity.label),
        slot,
        module,
        files: stored
            .contents
            .iter()
            .map(|content| FileHead {
                path: text(content.path.as_os_str().as_bytes()),
                uid: content.owner.0,
                gid: content.owner.1,
                mode: content.mode,
                length: content.bytes.len(),
                sha256: digest(&content.bytes),
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec(&head)?;
    bytes.push(b'\n');
    stored.contents.iter().for_each(|content| bytes.extend_from_slice(&content.bytes));
    Ok(bytes)
}

/// A copy that is whole, in the form that is known.
fn decode(bytes: &[u8]) -> Option<Stored> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, mut rest) = (bytes.get(..end)?, bytes.get(end + 1..)?);
    let head: Head = serde_json::from_slice(head).ok().filter(|head: &Head| head.version == VERSION)?;
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let path = |text: &str| PathBuf::from(std::ffi::OsString::from_vec(decoded(text)));
    let text = |text: Option<String>| text.and_then(|text| Text::trimmed(&decoded(&text)));
    let mut contents = Vec::new();
    for file in head.files {
        let (own, behind) = rest.split_at_checked(file.length)?;
        rest = behind;
        if digest(own) != file.sha256 {
            return None;
        }
        let (owner, mode) = ((file.uid, file.gid), file.mode);
        contents.push(Content { path: path(&file.path), owner, mode, bytes: own.to_vec() });
    }
    let identity = Identity {
        application: Application::Pkcs11,
        serial: text(head.serial),
        label: text(head.label),
        manufacturer: text(head.manufacturer),
        model: text(head.model),
        place: Place::Slot { id: head.slot, module: path(&head.module) },
        blank: false,
    };
    let kept = UNIX_EPOCH.checked_add(Duration::from_secs(head.kept))?;
    (rest.is_empty() && !contents.is_empty()).then_some(Stored { identity, kept, contents })
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Stored {
        let path = PathBuf::from(std::ffi::OsString::from_vec(b"/a b/\xFF\n%41".to_vec()));
        let identity = Identity {
            application: Application::Pkcs11,
            serial: Some(Text::from("1 %41")),
            label: Text::trimmed(b"a\xFF\n\"b"),
            manufacturer: Some(Text::from("M")),
            model: None,
            place: Place::Slot { id: u64::MAX, module: path.clone() },
            blank: false,
        };
        let content = |bytes: &[u8]| Content { path: path.clone(), owner: (1, 2), mode: 0o640, bytes: bytes.to_vec() };
        let kept = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Stored { identity, kept, contents: vec![content(b"one\n"), content(b""), content(b"three")] }
    }

    #[test]
    fn what_is_written_is_read_back_whatever_bytes_it_holds() {
        let place = tempfile::tempdir().unwrap();
        let (directory, stored) = (Directory::below(place.path()), stored());
        assert!(directory.read("a").is_none() && directory.all().is_empty());
        directory.write("a", &stored).unwrap();
        directory.write("b", &stored).unwrap();
        for read in [directory.read("a").unwrap(), directory.all().remove(1)] {
            assert_eq!((&read.identity, read.kept), (&stored.identity, stored.kept));
            assert_eq!(read.contents, stored.contents);
        }
        assert_eq!(directory.all().len(), 2);
        directory.remove("a").unwrap();
        directory.remove("a").unwrap();
        assert!(directory.read("a").is_none());
    }

    #[test]
    fn a_person_without_this_program_still_reads_the_contents() {
        let bytes = encode(&stored()).unwrap();
        let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
        let head: serde_json::Value = serde_json::from_slice(parts.next().unwrap()).unwrap();
        assert_eq!(head["files"][0]["length"], 4);
        assert_eq!(parts.next().unwrap(), b"one\nthree");
    }

    #[test]
    fn no_part_of_a_copy_and_no_copy_with_a_changed_byte_is_one() {
        let whole = encode(&stored()).unwrap();
        assert!(decode(&whole).is_some());
        assert!((0..whole.len()).all(|length| decode(&whole[..length]).is_none()));
        let mut changed = whole;
        *changed.last_mut().unwrap() ^= 1;
        assert!(decode(&changed).is_none());
    }
}
