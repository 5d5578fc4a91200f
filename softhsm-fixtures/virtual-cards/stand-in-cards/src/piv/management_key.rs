//! The card management key (9B): GENERAL AUTHENTICATE (SP 800-73-4, part 2, section 3.2.4) by it, both ways or one.

use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

use crate::{
    apdu::{Reply, Status},
    symmetric::{self, Key},
    tlv,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    #[default]
    TripleDes,
    Aes128,
    Aes192,
    Aes256,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::TripleDes, Self::Aes128, Self::Aes192, Self::Aes256];

    /// The identifier of SP 800-78-4, table 6-2.
    pub fn id(self) -> u8 {
        match self {
            Self::TripleDes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0A,
            Self::Aes256 => 0x0C,
        }
    }

    pub fn of_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.id() == id)
    }

    /// Of a key, in bytes.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// Of a block, in bytes.
    fn block_length(self) -> usize {
        if self == Self::TripleDes { 8 } else { 16 }
    }

    pub fn is_aes(self) -> bool {
        self != Self::TripleDes
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ManagementKey {
    pub algorithm: Algorithm,
    #[serde(with = "crate::hex")]
    pub key: Vec<u8>,
    #[serde(skip)]
    pub authenticated: bool,
    #[serde(skip)]
    open: Option<Open>,
}

/// What the host is to send next.
#[derive(Clone, Debug)]
enum Open {
    /// The witness, decrypted.
    Witness(Vec<u8>),
    /// The challenge, encrypted.
    Challenge(Vec<u8>),
}

impl ManagementKey {
    /// The key that cards are delivered with.
    pub fn first(algorithm: Algorithm) -> Self {
        let key = (1..=8).cycle().take(algorithm.key_length()).collect();
        Self { algorithm, key, authenticated: false, open: None }
    }

    pub fn is_first(&self) -> bool {
        self.key == Self::first(self.algorithm).key
    }

    /// Another key; who is authenticated stays so.
    pub fn replace(&mut self, algorithm: Algorithm, key: &[u8]) {
        (self.algorithm, self.key) = (algorithm, key.to_vec());
    }

    /// Forgets what a reset forgets.
    pub fn reset(&mut self) {
        (self.authenticated, self.open) = (false, None);
    }

    /// GENERAL AUTHENTICATE: the dynamic authentication template `data`, by `algorithm`.
    pub fn authenticate(&mut self, algorithm: u8, data: &[u8]) -> Reply {
        let open = self.open.take();
        if algorithm != self.algorithm.id() {
            return Err(Status::WRONG_P1_P2);
        }
        let field = |tag| tlv::find(data, &[0x7C, tag]);
        match (field(0x80), field(0x81), field(0x82), open) {
            (Some([]), None, ..) => {
                let witness = self.random()?;
                let encrypted = self.encrypt(&witness)?;
                self.open = Some(Open::Witness(witness));
                Ok(answer(0x80, &encrypted))
            }
            (Some(witness), Some(challenge), _, Some(Open::Witness(expected))) => {
                if witness != expected {
                    self.authenticated = false;
                    return Err(Status::SECURITY);
                }
                let encrypted = self.encrypt(challenge)?;
                self.authenticated = true;
                Ok(answer(0x82, &encrypted))
            }
            (None, Some([]), ..) => {
                let challenge = self.random()?;
                self.open = Some(Open::Challenge(self.encrypt(&challenge)?));
                Ok(answer(0x81, &challenge))
            }
            (None, None, Some(response), Some(Open::Challenge(expected))) => {
                self.authenticated = response == expected;
                if self.authenticated { Ok(Vec::new()) } else { Err(Status::SECURITY) }
            }
            _ => Err(Status::BAD_DATA),
        }
    }

    fn random(&self) -> Result<Vec<u8>, Status> {
        let mut bytes = vec![0; self.algorithm.block_length()];
        getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|_| Status(0x6F00))?;
        Ok(bytes)
    }

    fn encrypt(&self, block: &[u8]) -> Reply {
        let cipher = if self.algorithm.is_aes() { symmetric::Algorithm::Aes } else { symmetric::Algorithm::Tdes };
        let key = Key::new(cipher, &self.key).filter(|_| block.len() == cipher.block()).ok_or(Status::BAD_DATA)?;
        Ok(key.encrypt(block))
    }
}

fn answer(tag: u16, value: &[u8]) -> Vec<u8> {
    tlv::object(0x7C, &tlv::object(tag, value))
}
