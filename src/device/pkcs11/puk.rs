//! A PUK behind a module: the standard has none, so that C_SetPIN takes one only by a convention of the module's own.

use crate::{
    error::{Error, Result},
    secret::{Entry, Pages, Pin},
    token::Role,
};

/// What stands before the values of C_SetPIN where the old one is a PUK, in a session in which nobody is logged in. A module
/// without that convention takes the whole for the old PIN, and a try of the PIN is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convention {
    /// Before a PUK, the old one or the new one.
    pub puk: &'static [u8],
    /// Before the new user PIN that the PUK is to set.
    pub pin: &'static [u8],
}

impl Convention {
    /// Both values of C_SetPIN by which this PUK gives `changed` its new value.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where one is to be typed at the token.
    pub fn values(&self, puk: &Entry, changed: Role, new: &Entry) -> Result<(Entry, Entry)> {
        let before_new = if changed == Role::Puk { self.puk } else { self.pin };
        Ok((marked(self.puk, puk)?, marked(before_new, new)?))
    }

    /// Whether the module would take this old PIN for a PUK.
    pub fn misreads(&self, pin: &Entry) -> bool {
        pin.value().is_some_and(|pin| pin.bytes().starts_with(self.puk))
    }
}

/// The value behind its mark, in memory that is wiped like the value's own.
fn marked(mark: &[u8], value: &Entry) -> Result<Entry> {
    let value = value.value().ok_or_else(|| Error::unsupported("PUK that is typed at it".into()))?;
    let mut bytes = Pages::with_capacity(mark.len() + value.len());
    bytes.extend_from_slice(mark);
    bytes.extend_from_slice(value.bytes());
    Ok(Entry::Value(Pin::take(bytes)))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    const CONVENTION: Convention = Convention { puk: b"puk:", pin: b"pin:" };

    fn entry(value: &str) -> Entry {
        Entry::Value(Pin::take(Zeroizing::new(value.as_bytes().to_vec())))
    }

    fn bytes(entry: &Entry) -> &[u8] {
        entry.value().unwrap().bytes()
    }

    #[test]
    fn each_value_stands_behind_the_mark_of_what_it_is() {
        for (changed, expected) in [(Role::UserPin, b"pin:654321"), (Role::Puk, b"puk:654321")] {
            let (old, new) = CONVENTION.values(&entry("12345678"), changed, &entry("654321")).unwrap();
            assert_eq!((bytes(&old), bytes(&new)), (b"puk:12345678".as_slice(), expected.as_slice()));
        }
    }

    #[test]
    fn what_is_typed_at_the_token_has_no_place_for_a_mark() {
        for (puk, new) in [(Entry::Pad, entry("654321")), (entry("12345678"), Entry::Pad)] {
            assert_eq!(CONVENTION.values(&puk, Role::UserPin, &new).unwrap_err().exit_code(), 7);
        }
    }

    #[test]
    fn a_pin_that_looks_like_a_puk_is_known() {
        assert!(CONVENTION.misreads(&entry("puk:1234")));
        assert!(!CONVENTION.misreads(&entry("1234puk:")) && !CONVENTION.misreads(&Entry::Pad));
    }
}
