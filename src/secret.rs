//! Secrets: in locked pages, wiped when dropped, never printed, never copied, compared in constant time.

mod admin_key;
mod pages;
mod stack;

pub use admin_key::AdminKey;
pub use pages::{Pages, refusal, unlocked};
pub use stack::on_wiped_stack;

use std::fmt;

/// The value of one secret: a PIN, a PUK, an SO PIN. At most [`Pin::MOST`] bytes.
///
/// It has no `Display`, `Clone` or `Serialize`, and its `Debug` shows nothing of it.
#[derive(PartialEq)]
pub struct Pin(Pages);

impl Pin {
    /// The longest value in bytes that a source may hold; no token takes more.
    pub const MOST: usize = 1024;

    /// Takes the bytes over. Those of a vector go into pages of their own; the caller filled it without growing it, so that no
    /// copy is left behind.
    pub fn take(bytes: impl Into<Pages>) -> Self {
        Self(bytes.into())
    }

    /// The value, for the one call that hands it to a token or a file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the value has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value padded on the right to `length` bytes, kept like the value itself.
    pub fn padded(&self, length: usize, filler: u8) -> Pages {
        let mut block = Pages::with_capacity(length.max(self.len()));
        block.extend_from_slice(self.bytes());
        block.resize(length.max(self.len()), filler);
        block
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(withheld)")
    }
}

/// How a value reaches the token: from us, or from its own keys (the protected authentication path).
#[derive(Debug)]
pub enum Entry {
    /// A value that we hold and send.
    Value(Pin),
    /// The person types it at the token; we never see it, and PKCS#11 gets a NULL pointer.
    Pad,
}

impl Entry {
    /// The value where we hold one.
    pub fn value(&self) -> Option<&Pin> {
        match self {
            Self::Value(pin) => Some(pin),
            Self::Pad => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(value: &str) -> Pin {
        Pin::take(value.as_bytes())
    }

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Entry::Value(pin("271828"))), "Value(Pin(withheld))");
    }

    #[test]
    fn padding_fills_to_the_length_and_never_cuts() {
        assert_eq!(*pin("123456").padded(8, 0xFF), *b"123456\xFF\xFF");
        assert_eq!(*pin("123456789").padded(8, 0xFF), *b"123456789");
    }

    #[test]
    fn values_are_equal_by_content_only() {
        assert_eq!(pin("123456"), pin("123456"));
        assert_ne!(pin("123456"), pin("1234567"));
    }
}
