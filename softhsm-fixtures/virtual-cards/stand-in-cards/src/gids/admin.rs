//! Authentication by the admin key: external, by one block, or mutual.

use rustix::rand::{GetRandomFlags, getrandom};

use super::Gids;
use crate::{
    apdu::{Command, Reply, Status},
    symmetric::Key,
    tlv,
};

/// How far the authentication is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    None,
    /// The key is chosen.
    Selected,
    /// The card has sent this; whether a key was chosen is only asked with the answer.
    External {
        selected: bool,
        challenge: Vec<u8>,
    },
    /// Both have sent theirs.
    Mutual {
        selected: bool,
        card: [u8; 16],
        host: [u8; 16],
    },
    Authenticated,
}

impl Admin {
    fn has_key(&self) -> bool {
        match self {
            Self::Selected | Self::Authenticated => true,
            Self::External { selected, .. } | Self::Mutual { selected, .. } => *selected,
            Self::None => false,
        }
    }
}

impl Gids {
    /// The key, where the card's cipher has such.
    pub(super) fn key(&self, key: &[u8]) -> Option<Key> {
        Key::new(self.dialect.admin_cipher, key)
    }

    /// MANAGE SECURITY ENVIRONMENT: which key is meant.
    pub(super) fn set_environment(&mut self, command: &Command) -> Reply {
        match (command.p1, command.p2) {
            (0x81 | 0xC1, 0xA4) => match tlv::find(&command.data, &[0x83]) {
                Some([0x80]) => {
                    self.admin = Admin::Selected;
                    Ok(Vec::new())
                }
                Some(_) => Err(Status::NO_REFERENCE),
                None => Err(Status::UNUSABLE),
            },
            (0x41, _) => Err(Status::UNUSABLE),
            _ => Err(Status::UNSUPPORTED),
        }
    }

    /// GENERAL AUTHENTICATE: a challenge is asked for, or answered.
    pub(super) fn authenticate(&mut self, data: &[u8]) -> Reply {
        if !self.memory.operational {
            return Err(Status::NOT_ALLOWED);
        }
        let template = tlv::find(data, &[0x7C]).ok_or(Status::UNUSABLE)?;
        if let Some(host) = tlv::find(template, &[0x81]) {
            return self.challenge(host);
        }
        let answer = tlv::find(template, &[0x82]).ok_or(Status::UNUSABLE)?;
        // Whatever comes of it: an answer is taken once.
        match std::mem::replace(&mut self.admin, Admin::None) {
            Admin::External { selected: true, challenge } => self.external(&challenge, answer),
            Admin::Mutual { selected: true, card, host } => self.mutual(card, host, answer),
            _ => Err(Status::CONDITIONS),
        }
    }

    fn challenge(&mut self, host: &[u8]) -> Reply {
        let selected = self.admin.has_key();
        let tries = self.memory.pin.tries();
        let challenge = match *host {
            [] => {
                self.dialect.external.with(tries)?;
                let challenge = random(self.dialect.admin_cipher.block())?;
                self.admin = Admin::External { selected, challenge: challenge.clone() };
                challenge
            }
            ref host if self.dialect.mutual.is_acceptance() => {
                let host = host.try_into().map_err(|_| Status::UNUSABLE)?;
                let challenge = random(16)?;
                let card = challenge[..].try_into().map_err(|_| Status(0x6F00))?;
                self.admin = Admin::Mutual { selected, card, host };
                challenge
            }
            _ => return self.dialect.mutual.with(tries),
        };
        Ok(tlv::object(0x7C, &tlv::object(0x81, &challenge)))
    }

    fn external(&mut self, challenge: &[u8], answer: &[u8]) -> Reply {
        let key = self.key(&self.memory.admin_key).ok_or(Status::UNUSABLE)?;
        if answer != key.encrypt(challenge) {
            return Err(Status::SECURITY);
        }
        self.admin = Admin::Authenticated;
        Ok(Vec::new())
    }

    /// The host proves that it has the key by both challenges and half of a session key; the card likewise.
    fn mutual(&mut self, card: [u8; 16], host: [u8; 16], answer: &[u8]) -> Reply {
        let key = self.key(&self.memory.admin_key).ok_or(Status::UNUSABLE)?;
        let plain = key.decrypt_chained(answer);
        if answer.len() != 40 || !plain.starts_with(&[card, host].concat()) {
            return Err(Status::SECURITY);
        }
        self.admin = Admin::Authenticated;
        let half = [&random(7)?[..], &[0x80]].concat();
        let proof = key.encrypt_chained(&[&host[..], &card, &half].concat());
        Ok(tlv::object(0x7C, &tlv::object(0x82, &proof)))
    }
}

fn random(length: usize) -> Result<Vec<u8>, Status> {
    let mut bytes = vec![0; length];
    getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|_| Status(0x6F00))?;
    Ok(bytes)
}
