//! The secrets of one operation, by need.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result},
    secret::{Entry, Pin},
    token::Need,
};

/// The secrets that were collected; wiped when dropped.
#[derive(Debug, Default)]
pub struct Secrets(BTreeMap<Need, Entry>);

impl Secrets {
    /// Adds one.
    pub fn put(&mut self, need: Need, entry: Entry) {
        self.0.insert(need, entry);
    }

    /// Every one that we hold the value of.
    pub fn into_values(self) -> impl Iterator<Item = (Need, Pin)> {
        self.0.into_iter().filter_map(|(need, entry)| match entry {
            Entry::Value(pin) => Some((need, pin)),
            Entry::Pad => None,
        })
    }

    /// The value for `need`, where it was collected and is not typed at the token.
    pub fn value(&self, need: Need) -> Option<&Pin> {
        self.0.get(&need).and_then(Entry::value)
    }

    /// The one for `need`.
    ///
    /// # Errors
    /// [`Error::Internal`] where it was not collected: the plan and the collection disagree.
    pub fn get(&self, need: Need) -> Result<&Entry> {
        self.0.get(&need).ok_or_else(|| Error::Internal(format!("--{} was not collected", need.option())))
    }
}
