//! What an ISO 7816 card keeps without power.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    dialect::{First, IsoDialect},
    field,
    reference::{Reference, Role},
};
use crate::secret::Secret;

/// What stands in the place of a PIN that the holder is to choose.
pub const NULL_PIN: &[u8] = &[0; 6];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By reference, padded.
    pub secrets: BTreeMap<u8, Kept>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    pub secret: Secret,
    /// Has the holder still to replace the value it was delivered with?
    pub is_first: bool,
}

impl State {
    pub fn new(dialect: &IsoDialect) -> Self {
        let kept = |one: &Reference| {
            let value = field::encode(one.value.as_bytes(), dialect);
            let (value, is_first) = match (one.role, dialect.first) {
                (_, First::Unset) => (Vec::new(), false),
                (Role::Pin, First::NullPin) => (NULL_PIN.to_vec(), true),
                (Role::Pin, First::TransportPin) => (value, true),
                _ => (value, false),
            };
            (one.reference, Kept { secret: Secret::new(&value, one.tries), is_first })
        };
        Self { secrets: dialect.references.0.iter().map(kept).collect() }
    }
}
