//! Bytes of a secret in pages of their own: never swapped out, in no core file and in no child, and wiped when dropped.
//!
//! The system may refuse to lock memory (`ulimit -l`); what is held is held all the same, and [`refusal`] tells
//! beforehand, [`unlocked`] afterwards.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

use memmap2::{Advice, MmapMut};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// As much as one operation holds at a time, in bytes: a page of each of its secrets, five of a request on its way to a module, and
/// before that those of at most two sources that are read, five each where they are as long as any may be.
const AT_ONCE: usize = 64 * 1024;

/// Why the system did not lock pages of a secret for the first time, once it did not.
static UNLOCKED: Mutex<Option<String>> = Mutex::new(None);

/// Bytes of a secret. They grow without leaving a copy behind.
///
/// Like [`super::Pin`] they have no `Display`, `Clone` or `Serialize`, and their `Debug` shows nothing of them.
pub struct Pages {
    room: Room,
    length: usize,
}

/// Where the bytes are.
enum Room {
    Mapped(MmapMut),
    /// Where the system maps no page, ordinary memory has to do.
    Ordinary(Box<[u8]>),
}

impl Room {
    fn new(size: usize) -> Self {
        // A mapping has one byte at least.
        let Ok(pages) = MmapMut::map_anon(size.max(1)) else { return Self::Ordinary(vec![0; size].into()) };
        // What the system refuses of this is no reason to give up: the secret is wanted in any case.
        if let Err(error) = pages.lock() {
            let mut unlocked = UNLOCKED.lock().unwrap_or_else(PoisonError::into_inner);
            unlocked.get_or_insert_with(|| error.to_string());
        }
        let _ = (pages.advise(Advice::DontDump), pages.advise(Advice::DontFork));
        Self::Mapped(pages)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(pages) => pages,
            Self::Ordinary(bytes) => bytes,
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Mapped(pages) => pages,
            Self::Ordinary(bytes) => bytes,
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
    }
}

impl Pages {
    /// None yet, with room for `size` of them.
    pub fn with_capacity(size: usize) -> Self {
        Self { room: Room::new(size), length: 0 }
    }

    /// `length` times `byte`.
    pub fn filled(length: usize, byte: u8) -> Self {
        let mut pages = Self::with_capacity(length);
        pages.resize(length, byte);
        pages
    }

    /// How many bytes there is room for.
    pub fn capacity(&self) -> usize {
        self.room.bytes().len()
    }

    /// Adds one.
    pub fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    /// Adds several.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        self.make_room(end);
        if let Some(place) = self.room.bytes_mut().get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }

    /// Cuts, or fills up with `byte`.
    pub fn resize(&mut self, length: usize, byte: u8) {
        self.make_room(length);
        match self.room.bytes_mut().get_mut(self.length..length) {
            Some(added) => {
                added.fill(byte);
                self.length = length;
            }
            None => self.truncate(length),
        }
    }

    /// Cuts; what is cut off is wiped.
    pub fn truncate(&mut self, length: usize) {
        if let Some(cut) = self.room.bytes_mut().get_mut(length..self.length) {
            cut.zeroize();
            self.length = length;
        }
    }

    /// The room that was too small is wiped when the larger one has taken its place.
    fn make_room(&mut self, size: usize) {
        if size > self.capacity() {
            let mut larger = Room::new(size.max(2 * self.capacity()));
            larger.bytes_mut().iter_mut().zip(self.room.bytes()).for_each(|(new, old)| *new = *old);
            self.room = larger;
        }
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.room.bytes().get(..self.length).unwrap_or_default()
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.room.bytes_mut().get_mut(..self.length).unwrap_or_default()
    }
}

impl Extend<u8> for Pages {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, bytes: T) {
        bytes.into_iter().for_each(|byte| self.push(byte));
    }
}

impl From<&[u8]> for Pages {
    fn from(bytes: &[u8]) -> Self {
        let mut pages = Self::with_capacity(bytes.len());
        pages.extend_from_slice(bytes);
        pages
    }
}

/// Takes bytes over that others put into ordinary memory, which is wiped.
impl From<Zeroizing<Vec<u8>>> for Pages {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::from(bytes.as_slice())
    }
}

/// Likewise.
impl From<Vec<u8>> for Pages {
    fn from(bytes: Vec<u8>) -> Self {
        Zeroizing::new(bytes).into()
    }
}

/// In constant time.
impl PartialEq for Pages {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages(withheld)")
    }
}

/// Why the system does not lock as much memory as an operation holds secrets in; none where it does.
pub fn refusal() -> Option<String> {
    let locked = MmapMut::map_anon(AT_ONCE).and_then(|pages| pages.lock());
    locked.err().map(|error| error.to_string())
}

/// Why the system did not lock a secret that was held; none where it locked them all.
pub fn unlocked() -> Option<String> {
    UNLOCKED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_grow_and_are_cut_as_those_of_a_vector() {
        let (mut pages, mut vector) = (Pages::with_capacity(3), Vec::new());
        for length in [0, 1, 3, 2, 4, 4096, 5000, 4097, 20_000, 0, 7] {
            pages.resize(length, 9);
            vector.resize(length, 9);
            pages.push(1);
            vector.push(1);
            pages.extend([4, 5, 6]);
            vector.extend([4, 5, 6]);
            assert_eq!(*pages, *vector, "{length}");
            pages.truncate(length + 2);
            vector.truncate(length + 2);
            assert_eq!((&*pages, pages.len()), (&*vector, vector.len()), "{length}");
        }
    }

    #[test]
    fn what_is_cut_off_is_wiped() {
        let mut pages = Pages::from(&b"271828"[..]);
        pages.truncate(2);
        assert_eq!(&pages.room.bytes()[..6], b"27\0\0\0\0");
        pages.resize(1, 0);
        assert_eq!(&pages.room.bytes()[..6], b"2\0\0\0\0\0");
    }

    #[test]
    fn debug_shows_nothing_of_the_bytes() {
        assert_eq!(format!("{:?}", Pages::from(&b"271828"[..])), "Pages(withheld)");
    }

    #[test]
    fn ordinary_memory_has_to_do_where_no_page_is_mapped() {
        let mut pages = Pages { room: Room::Ordinary(vec![0; 3].into()), length: 0 };
        pages.extend_from_slice(b"27");
        assert_eq!(&*pages, b"27");
        pages.extend_from_slice(b"1828");
        assert_eq!(&*pages, b"271828");
    }
}
