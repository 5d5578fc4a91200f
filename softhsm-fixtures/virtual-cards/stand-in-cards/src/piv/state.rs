//! What a PIV card keeps without power.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{dialect::PivDialect, management_key::ManagementKey};
use crate::secret::Secret;

/// Padded, as they are sent and kept.
pub const PIN: &[u8; 8] = b"123456\xFF\xFF";
pub const PUK: &[u8; 8] = b"12345678";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub pin: Secret,
    pub global_pin: Secret,
    pub puk: Secret,
    pub management_key: ManagementKey,
    /// Are the keys of the holder there? As delivered there is one, in slot 9A.
    pub keys: bool,
    /// By the last two bytes of the tag, which begins with 5F.
    pub objects: BTreeMap<u16, Vec<u8>>,
}

impl State {
    pub fn new(dialect: &PivDialect) -> Self {
        Self {
            pin: Secret::new(PIN, dialect.tries),
            global_pin: Secret::new(PIN, dialect.tries),
            puk: Secret::new(PUK, dialect.puk_tries),
            management_key: ManagementKey::first(dialect.first_key()),
            keys: true,
            objects: BTreeMap::new(),
        }
    }
}
