//! What an OpenPGP card keeps without power.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    dialect::OpenPgpDialect,
    kdf::{self, Hash},
};
use crate::secret::Secret;

const PW1: &[u8] = b"123456";
const PW3: &[u8] = b"12345678";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub pw1: Secret,
    pub reset_code: Secret,
    pub pw3: Secret,
    pub terminated: bool,
    /// DO F9.
    #[serde(with = "crate::hex")]
    pub kdf: Vec<u8>,
    /// The first byte of DO C4.
    #[serde(with = "crate::hex")]
    pub policy: Vec<u8>,
    /// What was written with PUT DATA and has no meaning here, by its tag.
    pub objects: BTreeMap<u16, Vec<u8>>,
}

impl State {
    /// As the card is handed out.
    pub fn new(dialect: &OpenPgpDialect) -> Self {
        let mut state = Self::factory(dialect);
        if let Some(form) = dialect.kdf.form() {
            state.kdf = kdf::object(form, dialect.kdf_hash, dialect.kdf_count, PW1, PW3);
            state.reset_pins();
        }
        state
    }

    /// As TERMINATE DF and ACTIVATE FILE leave it.
    pub fn factory(dialect: &OpenPgpDialect) -> Self {
        Self {
            pw1: Secret::new(PW1, dialect.tries),
            reset_code: Secret::new(&[], dialect.tries),
            pw3: Secret::new(PW3, dialect.tries),
            terminated: false,
            kdf: kdf::OFF.to_vec(),
            policy: dialect.policy.0.clone(),
            objects: BTreeMap::new(),
        }
    }

    /// The hash by which PINs are derived before they are sent.
    pub fn hash(&self) -> Option<Hash> {
        kdf::parse(&self.kdf).flatten().map(|kdf| kdf.hash)
    }

    /// PW1 and PW3 to their defaults, which the KDF-DO has where it is on; no reset code.
    pub fn reset_pins(&mut self) {
        let defaults = kdf::parse(&self.kdf).flatten();
        let (pw1, pw3) = defaults.map_or((PW1.to_vec(), PW3.to_vec()), |kdf| (kdf.pw1, kdf.pw3));
        self.pw1.replace(&pw1);
        self.pw3.replace(&pw3);
        self.reset_code.replace(&[]);
    }

    pub fn set_limits(&mut self, pw1: u8, reset_code: u8, pw3: u8) {
        self.pw1.set_limit(pw1);
        self.reset_code.set_limit(reset_code);
        self.pw3.set_limit(pw3);
    }
}
