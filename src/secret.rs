//! Secrets: wiped when dropped, never printed, never copied, compared in constant time.

mod admin_key;
mod stack;

pub use admin_key::AdminKey;
pub use stack::on_wiped_stack;

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The value of one secret: a PIN, a PUK, an SO PIN. At most [`Pin::MOST`] bytes.
///
/// It has no `Display`, `Clone` or `Serialize`, and its `Debug` shows nothing of it.
pub struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    /// The longest value in bytes that a source may hold; no token takes more.
    pub const MOST: usize = 1024;

    /// Takes the bytes over. The caller filled them without growing the vector, so no copy is left behind.
    pub fn take(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
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

    /// The value padded on the right to `length` bytes, on the heap and wiped like the value itself.
    pub fn padded(&self, length: usize, filler: u8) -> Zeroizing<Vec<u8>> {
        let mut block = Zeroizing::new(Vec::with_capacity(length.max(self.len())));
        block.extend_from_slice(self.bytes());
        block.resize(length.max(self.len()), filler);
        block
    }
}

impl PartialEq for Pin {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
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
        Pin::take(Zeroizing::new(value.as_bytes().to_vec()))
    }

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Entry::Value(pin("271828"))), "Value(Pin(withheld))");
    }

    #[test]
    fn padding_fills_to_the_length_and_never_cuts() {
        assert_eq!(*pin("123456").padded(8, 0xFF), b"123456\xFF\xFF");
        assert_eq!(*pin("123456789").padded(8, 0xFF), b"123456789");
    }

    #[test]
    fn values_are_equal_by_content_only() {
        assert_eq!(pin("123456"), pin("123456"));
        assert_ne!(pin("123456"), pin("1234567"));
    }
}
