//! A secret with the counter of its tries.

use serde::{Deserialize, Serialize};

/// What comes of a value that is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    Right,
    /// A try is gone, and some are left.
    Wrong,
    /// A try is gone, and it was the last.
    Last,
    /// No try was left: the value was not looked at.
    Blocked,
}

/// A PIN, PUK, reset code or key. `verified` is forgotten with the power; the rest is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Secret {
    #[serde(with = "crate::hex")]
    value: Vec<u8>,
    tries: u8,
    limit: u8,
    #[serde(skip)]
    pub verified: bool,
}

impl Secret {
    #[must_use]
    pub fn new(value: &[u8], limit: u8) -> Self {
        Self { value: value.to_vec(), tries: limit, limit, verified: false }
    }

    /// Whether it has a value at all: a card may be delivered without.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.value.is_empty()
    }

    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    #[must_use]
    pub fn tries(&self) -> u8 {
        self.tries
    }

    #[must_use]
    pub fn limit(&self) -> u8 {
        self.limit
    }

    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.tries == 0
    }

    /// Compares and counts. A right value gives all tries back; whether it is verified from then on is for the caller.
    pub fn present(&mut self, value: &[u8]) -> Presented {
        if self.is_blocked() {
            return Presented::Blocked;
        }
        if value == self.value {
            self.tries = self.limit;
            return Presented::Right;
        }
        self.tries -= 1;
        self.verified = false;
        if self.is_blocked() { Presented::Last } else { Presented::Wrong }
    }

    /// A new value, and all tries.
    pub fn replace(&mut self, value: &[u8]) {
        self.value = value.to_vec();
        self.tries = self.limit;
    }

    /// All tries again.
    pub fn unblock(&mut self) {
        self.tries = self.limit;
    }

    /// Sets what is left: for a counter that goes its own way.
    pub fn set_tries(&mut self, tries: u8) {
        self.tries = tries.min(self.limit);
    }

    /// Another limit, and as many tries.
    pub fn set_limit(&mut self, limit: u8) {
        (self.limit, self.tries) = (limit, limit);
    }
}
