//! The management key (9B): what type it is of, how card and key prove each other, how another takes its place.

use rand::{TryRng, rngs::SysRng};
use subtle::ConstantTimeEq;

use super::{
    Piv, Support,
    metadata::{KeyMetadata, Touch},
};
use crate::{
    device::card::{
        apdu::{Command, Data},
        cipher::{Algorithm, Cipher},
        refusal::Presented,
        status_word::Meaning,
        tlv::find,
    },
    error::{Error, Result},
    secret::{AdminKey, Entry, Pages},
    token::{Need, Proof, Retries, Role},
};

/// Its key reference (SP 800-73-5 part 1, table 5).
pub const MANAGEMENT_KEY: u8 = 0x9B;

/// The type of a management key (SP 800-78-5, table 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// 3DES with three keys.
    TripleDes,
    /// AES-128.
    Aes128,
    /// AES-192.
    Aes192,
    /// AES-256.
    Aes256,
}

impl KeyType {
    /// The type that an algorithm identifier stands for.
    pub fn of_algorithm(identifier: u8) -> Option<Self> {
        match identifier {
            0x03 => Some(Self::TripleDes),
            0x08 => Some(Self::Aes128),
            0x0A => Some(Self::Aes192),
            0x0C => Some(Self::Aes256),
            _ => None,
        }
    }

    fn identifier(self) -> u8 {
        match self {
            Self::TripleDes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0A,
            Self::Aes256 => 0x0C,
        }
    }

    /// Its length in bytes.
    pub fn length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// The type of a present key of that length in bytes, on a card that does not tell. 24 bytes are 3DES: a card that has AES-192
    /// has metadata too (Yubico's do from firmware 5.4), and those without know 3DES or AES-256.
    fn of_present(length: usize) -> Self {
        match length {
            16 => Self::Aes128,
            32 => Self::Aes256,
            _ => Self::TripleDes,
        }
    }

    /// The type of a new key of that length in place of this one: the same where it fits, else the one that the length
    /// implies. On a card whose metadata tells an AES key, 24 bytes are AES-192; else they are what they will be taken for.
    fn successor(self, length: usize, is_told: bool) -> Self {
        match length {
            same if same == self.length() => self,
            24 if is_told => Self::Aes192,
            other => Self::of_present(other),
        }
    }

    fn cipher(self, key: &AdminKey) -> Result<Cipher> {
        let algorithm = if self == Self::TripleDes { Algorithm::TripleDes } else { Algorithm::Aes };
        Cipher::new(algorithm, key)
    }

    fn name(self) -> &'static str {
        match self {
            Self::TripleDes => "3DES",
            Self::Aes128 => "AES-128",
            Self::Aes192 => "AES-192",
            Self::Aes256 => "AES-256",
        }
    }
}

/// Where challenges come from: the system, or a test that knows them beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Random(pub fn(usize) -> Result<Vec<u8>>);

impl Default for Random {
    fn default() -> Self {
        Self(|length| {
            let mut bytes = vec![0; length];
            let filled = SysRng.try_fill_bytes(&mut bytes);
            filled.map_err(|error| Error::device("the system has no random numbers", error.to_string()))?;
            Ok(bytes)
        })
    }
}

impl Piv<'_, '_> {
    /// What the card tells of its management key, once in a transaction.
    pub fn key_metadata(&mut self) -> Result<Option<KeyMetadata>> {
        if let Some(known) = self.key {
            return Ok(known);
        }
        let key = self.ask_metadata(MANAGEMENT_KEY, KeyMetadata::parse)?;
        self.key = Some(key);
        Ok(key)
    }

    /// Card and key prove to each other that they are what they say (SP 800-73-5 part 2, A.1.2): the card's witness is decrypted,
    /// and our challenge encrypted. Returns the type of the key.
    ///
    /// # Errors
    /// [`Error::Policy`] where the key cannot be the card's, [`Error::Unsupported`] where the card does not do this,
    /// [`Error::WrongSecret`], [`Error::Device`] where the card does not prove that it has the key.
    pub fn authenticate(&mut self, key: &Entry, need: Need) -> Result<KeyType> {
        let key = parse(key, need)?;
        let key_type = match self.key_metadata()? {
            Some(told) => told.key_type,
            None => self.new_key.unwrap_or_else(|| KeyType::of_present(key.bytes().len())),
        };
        if key.bytes().len() != key_type.length() {
            return Err(Error::Policy(format!(
                "what --{} gave cannot be the admin key, which is one of {} with {} hexadecimal digits; nothing was sent",
                need.option(),
                key_type.name(),
                2 * key_type.length()
            )));
        }
        let cipher = key_type.cipher(&key)?;
        let name = "GENERAL AUTHENTICATE";
        let header = [0x00, 0x87, key_type.identifier(), MANAGEMENT_KEY];
        let witness = self.read(name, header, Data::Plain(vec![0x7C, 0x02, 0x80, 0x00]))?;
        match witness.status.meaning() {
            Meaning::Done => {}
            Meaning::NotFound | Meaning::NotSupported | Meaning::Malformed => {
                return Err(Error::Unsupported {
                    what: format!("the card has no admin key of {}, or does not authenticate by it", key_type.name()),
                });
            }
            _ => return Err(Error::device("the card gives no witness of its admin key", witness.status.to_string())),
        }
        let malformed = || Error::device("the card's witness of its admin key is malformed", None);
        let decrypted = find(&witness.data, &[0x7C, 0x80]).and_then(|witness| cipher.decrypt(&witness));
        let decrypted = decrypted.ok_or_else(malformed)?;
        let challenge = self.memory.random.0(decrypted.len())?;
        let expected = cipher.encrypt(&challenge).ok_or_else(malformed)?;
        let data = template(&decrypted, &challenge)?;
        let answer = self.channel.send(&Command { name, header, data, answers: true })?;
        if answer.status.meaning() != Meaning::Done {
            let presented = Presented { command: name, role: Role::AdminKey, before: None, changed: None };
            return Err(presented.refused(answer.status, || Retries::Unknown));
        }
        match find(&answer.data, &[0x7C, 0x82]).is_some_and(|proof| bool::from(proof.ct_eq(&expected))) {
            true => Ok(key_type),
            false => Err(Error::device("the card does not prove that it has the admin key, which it was given", None)),
        }
    }

    /// Replaces the management key, by the present one.
    ///
    /// # Errors
    /// As [`Piv::authenticate`]; [`Error::NewValueRefused`].
    pub fn change_key(&mut self, old: &Entry, new: &Entry) -> Result<()> {
        let key = parse(new, Need::New(Role::AdminKey))?;
        let present = self.authenticate(old, Need::Current(Role::AdminKey))?;
        let key_type = present.successor(key.bytes().len(), self.key_metadata()?.is_some());
        let mut data = Pages::with_capacity(3 + key_type.length());
        data.extend([key_type.identifier(), MANAGEMENT_KEY, length(key.bytes())?]);
        data.extend_from_slice(key.bytes());
        let header = [0x00, 0xFF, 0xFF, self.touch()?];
        let set = Command { name: "SET MANAGEMENT KEY", header, data: Data::Secret(data), answers: false };
        let status = self.channel.send(&set)?.status;
        match status.meaning() {
            Meaning::Done => {}
            Meaning::Malformed => {
                let why = "it does not meet the card's own rules, or is of a type that it does not know";
                return Err(Error::NewValueRefused { role: Role::AdminKey, why, detail: Some(status.to_string()) });
            }
            Meaning::NotFound | Meaning::NotSupported => {
                return Err(Error::Unsupported { what: "the card does not let its admin key be changed".into() });
            }
            _ => return Err(Error::device("the card answers SET MANAGEMENT KEY with an error", status.to_string())),
        }
        // What was told before is told of the old one.
        self.key = Some(None);
        self.new_key = Some(key_type);
        Ok(())
    }

    /// Proves the new management key: authentication by the old one does not stand in for it, since each is a new one.
    pub fn prove_key(&mut self, key: &Entry) -> Result<Proof> {
        self.authenticate(key, Need::New(Role::AdminKey)).map(|_| Proof::Proved)
    }

    /// P2 of SET MANAGEMENT KEY, so that the touch policy stays as it is: Yubico's is FF for none, FE for always, FD for cached.
    ///
    /// Nitrokey's application, whose metadata has no body, has it the other way round: there FE is none, and FF always.
    fn touch(&mut self) -> Result<u8> {
        Ok(match self.key_metadata()?.and_then(|told| told.touch) {
            Some(Touch::Always) => 0xFE,
            Some(Touch::Cached) => 0xFD,
            None if self.memory.metadata == Some(Support::Empty) => 0xFE,
            Some(Touch::Never) | None => 0xFF,
        })
    }
}

fn parse(key: &Entry, need: Need) -> Result<AdminKey> {
    AdminKey::parse(need, key.value().ok_or_else(|| Error::unsupported("PIN pad".into()))?)
}

/// 7C { 80 the witness, decrypted; 81 our challenge }. It opens the card, so that it is as secret as a PIN.
fn template(witness: &[u8], challenge: &[u8]) -> Result<Data> {
    let (witnessed, challenged) = (length(witness)?, length(challenge)?);
    let mut data = Pages::with_capacity(6 + witness.len() + challenge.len());
    data.extend([0x7C, 4 + witnessed + challenged, 0x80, witnessed]);
    data.extend_from_slice(witness);
    data.extend([0x81, challenged]);
    data.extend_from_slice(challenge);
    Ok(Data::Secret(data))
}

/// A length that fits one byte of BER: blocks and keys have at most 32 bytes.
fn length(bytes: &[u8]) -> Result<u8> {
    u8::try_from(bytes.len())
        .ok()
        .filter(|length| *length <= 32)
        .ok_or_else(|| Error::Internal("a block or key of more than 32 bytes".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_keeps_the_type_where_its_length_allows_and_else_implies_one() {
        use KeyType::{Aes128, Aes192, Aes256, TripleDes};
        for (present, length, told, untold) in [
            (TripleDes, 24, TripleDes, TripleDes),
            (Aes192, 24, Aes192, Aes192),
            (Aes256, 32, Aes256, Aes256),
            (TripleDes, 16, Aes128, Aes128),
            (TripleDes, 32, Aes256, Aes256),
            (Aes256, 24, Aes192, TripleDes),
            (Aes128, 24, Aes192, TripleDes),
        ] {
            let types = [true, false].map(|is_told| present.successor(length, is_told));
            assert_eq!(types, [told, untold], "{present:?} {length}");
        }
    }

    #[test]
    fn challenges_of_the_system_have_the_length_asked_for_and_differ() {
        let draw = |length| Random::default().0(length).unwrap();
        assert_eq!([draw(8).len(), draw(16).len()], [8, 16]);
        assert_ne!(draw(16), draw(16));
    }
}
