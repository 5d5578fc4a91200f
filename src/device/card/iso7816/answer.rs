//! What a card's answers say of counters and serial numbers.

use super::profile::{CounterData, Serial, Shown};
use crate::{
    device::card::tlv::find,
    token::{Retries, Text},
};

/// What an answer to GET DATA says of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The counter; unknown where the answer does not hold it.
    pub retries: Retries,
    /// Whether the value must be changed before it can be used.
    pub must_change: bool,
}

impl CounterData {
    /// Reads an answer; `limit` is what the profile says where the card does not.
    pub fn read(&self, answer: &[u8], limit: Option<u8>) -> Told {
        let byte = |tags: &[u64]| match find(answer, tags).as_deref() {
            Some([byte]) => Some(*byte),
            _ => None,
        };
        let limit = self.limit.as_ref().map_or(limit, |tags| byte(&tags.0));
        let must_change =
            self.must_change.as_ref().is_some_and(|said| find(answer, &said.tags.0) == Some(said.value.0.clone()));
        Told { retries: byte(&self.left.0).map_or(Retries::Unknown, |left| Retries::counted(left, limit)), must_change }
    }
}

impl Serial {
    /// The serial number in what was read; none where it is not there, or has characters that cannot be printed.
    pub fn in_answer(&self, answer: &[u8]) -> Option<Text> {
        let value = match &self.tags {
            Some(tags) => find(answer, &tags.0)?,
            None => answer.to_vec(),
        };
        let rest = value.get(self.offset..)?;
        let serial = match self.length {
            Some(length) => rest.get(..length)?,
            None => rest,
        };
        match self.shown {
            Shown::Text => Text::trimmed(serial).filter(|text| text.bytes().iter().all(u8::is_ascii_graphic)),
            Shown::Hex if serial.is_empty() => None,
            Shown::Hex => Some(Text::from(crate::device::card::apdu::hex(serial).as_str())),
        }
    }
}

#[cfg(test)]
mod tests;
