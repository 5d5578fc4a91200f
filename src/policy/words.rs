//! Demands in words, as a prompt tells them beforehand, and what cannot be met.

use super::Demands;
use crate::token::Length;

impl Demands {
    /// What a new value must be by these demands and the token's own limits: `6 to 8 digits, no sequence, no date, none of the common
    /// ones`.
    pub fn in_words(&self, length: Length) -> String {
        super::limits(length)
    }

    /// Why no value at all can meet these demands, and the token's own limits where they are told; none where one can.
    pub fn contradiction(&self, _length: Option<Length>) -> Option<String> {
        None
    }
}
