//! What is read of a PIV card, and no more than an operation needs: identity, references, counters.

use super::{
    APPLICATION_PIN, FIELD, GLOBAL_PIN, OFFERS, PUK, Piv, Version,
    abilities::LIMIT_RULES,
    management_key::MANAGEMENT_KEY,
    metadata::{KeyMetadata, Metadata, Support, Touch},
    objects::{self, PinUsage},
};
use crate::{
    device::card::{
        apdu::Data,
        pad::offered,
        status_word::{Meaning, StatusWord},
    },
    error::{Error, Result},
    token::{Depth, Length, Reference, Retries, Role, State, Survey, Text, Unit, Verb},
};

/// The most commands of one survey; what is merely informative stays out beyond that.
const MOST: usize = 7;

impl Piv<'_, '_> {
    /// Full: SELECT, discovery object, metadata of PIN and PUK, VERIFY without data, serial, version, metadata of the
    /// management key: as many as fit into [`MOST`].
    pub fn read_survey(&mut self, depth: Depth<'_>) -> Result<Survey> {
        self.select()?;
        let references = match depth {
            Depth::Full => self.read_all()?,
            Depth::Only(roles) => self.read_only(roles)?,
        };
        let pad = offered(self.channel, OFFERS, &references, FIELD);
        let abilities = self.memory.known_abilities();
        let key = self.key.flatten();
        Ok(Survey {
            limit_rules: abilities.iter().any(|able| able.verb == Verb::RetriesSet).then_some(&LIMIT_RULES),
            notes: key.and_then(|key| key.touch).and_then(note).into_iter().collect(),
            pad,
            ..Survey::new(self.memory.who(self.place.clone()), references, abilities)
        })
    }

    fn read_all(&mut self) -> Result<Vec<Reference>> {
        self.usage()?;
        let mut references = Vec::new();
        for role in [Role::UserPin, Role::Puk] {
            let key_reference = self.key_reference(role)?;
            let metadata = self.metadata(key_reference)?;
            let default = metadata.and_then(|metadata| metadata.default);
            self.delivered |= role == Role::UserPin && default == Some(true);
            let retries = match metadata.map(|metadata| metadata.retries) {
                Some(retries) if retries != Retries::Unknown => retries,
                _ if role == Role::UserPin => self.ask_counter(key_reference)?.unwrap_or(Retries::Unknown),
                _ => Retries::Unknown,
            };
            references.push(self.reference(role, retries, default)?);
        }
        self.serial()?;
        let tells = self.memory.metadata == Some(Support::Told);
        if !tells || self.sent < MOST {
            self.version()?;
        }
        if tells && self.sent < MOST {
            if let Some(key) = self.key_metadata()? {
                references.push(key_reference(Some(key)));
            }
        }
        Ok(references)
    }

    fn read_only(&mut self, roles: &[Role]) -> Result<Vec<Reference>> {
        let mut told = [Retries::Unknown; 2];
        for (role, told) in [Role::UserPin, Role::Puk].into_iter().zip(&mut told) {
            if roles.contains(&role) {
                *told = self.peek(role)?;
            }
        }
        let key = if roles.contains(&Role::AdminKey) { Some(self.key_metadata()?) } else { None };
        self.usage()?;
        if key.is_some() && self.memory.metadata != Some(Support::Told) {
            // A management key can be changed on cards of the family only.
            self.version()?;
        }
        let [pin, puk] = told;
        let mut references = vec![self.reference(Role::UserPin, pin, None)?, self.reference(Role::Puk, puk, None)?];
        references.extend(key.map(key_reference));
        Ok(references)
    }

    /// The serial number: Yubico's in decimal, as printed on the key, else the GUID of the cardholder identifier.
    pub fn serial(&mut self) -> Result<Option<Text>> {
        if let Some(serial) = &self.memory.serial {
            return Ok(serial.clone());
        }
        let serial = self.read_serial()?;
        self.memory.serial = Some(serial.clone());
        Ok(serial)
    }

    fn read_serial(&mut self) -> Result<Option<Text>> {
        let yubico = self.read("GET SERIAL", [0x00, 0xF8, 0x00, 0x00], Data::None)?;
        if let (StatusWord::OK, Ok(number)) = (yubico.status, <[u8; 4]>::try_from(yubico.data.as_slice())) {
            return Ok(Some(Text::from(u32::from_be_bytes(number).to_string().as_str())));
        }
        let chuid = self.read("GET DATA", [0x00, 0xCB, 0x3F, 0xFF], Data::Plain(objects::CHUID.to_vec()))?;
        Ok(if chuid.status == StatusWord::OK { objects::guid(&chuid.data) } else { None })
    }

    /// The version of the application, which only Yubico's and its clones tell.
    pub fn version(&mut self) -> Result<Option<Version>> {
        if let Some(version) = self.memory.version {
            return Ok(version);
        }
        let answer = self.read("GET VERSION", [0x00, 0xFD, 0x00, 0x00], Data::None)?;
        let version = Version::try_from(answer.data.as_slice()).ok().filter(|_| answer.status == StatusWord::OK);
        self.memory.version = Some(version);
        Ok(version)
    }

    /// Which PIN the card wants, by its discovery object; the application's where it has none.
    pub fn usage(&mut self) -> Result<PinUsage> {
        if let Some(usage) = self.memory.usage {
            return Ok(usage);
        }
        let object = self.read("GET DATA", [0x00, 0xCB, 0x3F, 0xFF], Data::Plain(objects::DISCOVERY.to_vec()))?;
        let usage = if object.status == StatusWord::OK { PinUsage::parse(&object.data) } else { PinUsage::Application };
        self.memory.usage = Some(usage);
        Ok(usage)
    }

    /// The reference of PIN or PUK on this card.
    pub fn key_reference(&mut self, role: Role) -> Result<u8> {
        match role {
            Role::UserPin => Ok(match self.usage()? {
                PinUsage::Application => APPLICATION_PIN,
                PinUsage::Global => GLOBAL_PIN,
            }),
            Role::Puk => Ok(PUK),
            other => Err(Error::unsupported(other.to_string())),
        }
    }

    /// Yubico's metadata of a PIN or PUK.
    pub fn metadata(&mut self, key_reference: u8) -> Result<Option<Metadata>> {
        self.ask_metadata(key_reference, Metadata::parse)
    }

    /// Asks for the metadata of one reference, unless the card has shown that it has none. Some clones answer 9000 with an empty
    /// body, plain cards do not know the command; a card that tells nothing of its PUK may still know its PIN.
    pub fn ask_metadata<M>(&mut self, key_reference: u8, parse: fn(&[u8]) -> Option<M>) -> Result<Option<M>> {
        let memory = &self.memory;
        if matches!(memory.metadata, Some(Support::Empty | Support::Missing)) || memory.untold.contains(&key_reference)
        {
            return Ok(None);
        }
        let answer = self.read("GET METADATA", [0x00, 0xF7, 0x00, key_reference], Data::None)?;
        let done = answer.status == StatusWord::OK;
        let metadata = if done { parse(&answer.data) } else { None };
        let memory = &mut self.memory;
        if metadata.is_some() {
            memory.metadata = Some(Support::Told);
            // Those that tell it, Yubico's and PivApplet, have an application PIN (80) and know no other: VERIFY with P2 of 00 is
            // 6A88 there, and their discovery object is a constant. It need not be read.
            memory.usage.get_or_insert(PinUsage::Application);
            return Ok(metadata);
        }
        memory.untold.push(key_reference);
        if memory.metadata.is_none() {
            let of_pin = key_reference == APPLICATION_PIN || key_reference == GLOBAL_PIN;
            memory.metadata = match answer.status.meaning() {
                Meaning::Done if answer.data.is_empty() => Some(Support::Empty),
                // Every card that has metadata has it of its PIN.
                _ if of_pin || matches!(answer.status.0, 0x6D00 | 0x6E00 | 0x6A81) => Some(Support::Missing),
                _ => None,
            };
        }
        Ok(None)
    }

    /// PIN or PUK as the domain knows it.
    pub fn reference(&mut self, role: Role, retries: Retries, default: Option<bool>) -> Result<Reference> {
        let (length, current_length) = match role {
            // SP 800-73-5 part 1, 3.3: six to eight decimal digits; the PUK has eight bytes. Some cards take a PUK of six.
            Role::UserPin => (Length { min: 6, max: Some(8), unit: Unit::Digits }, Some((6, 8))),
            _ => (Length { min: 8, max: Some(8), unit: Unit::Characters }, Some((6, 8))),
        };
        let state = match retries {
            Retries::Blocked => State::Blocked,
            // A PIN that was left verified has tries, even if the card does not tell how many.
            Retries::Unknown if role != Role::UserPin => State::Unknown,
            _ => State::Ready,
        };
        Ok(Reference {
            role,
            name: role.title(),
            key_reference: Some(self.key_reference(role)?),
            state,
            retries,
            default,
            length,
            current_length,
        })
    }
}

/// The management key, of which no tries are counted. A new one may be of another type than the present one.
fn key_reference(key: Option<KeyMetadata>) -> Reference {
    let digits = key.map(|key| 2 * key.key_type.length());
    Reference {
        role: Role::AdminKey,
        name: "management key",
        key_reference: Some(MANAGEMENT_KEY),
        state: if key.is_some() { State::Ready } else { State::Unknown },
        retries: Retries::Unknown,
        default: key.and_then(|key| key.default),
        length: Length { min: 32, max: Some(64), unit: Unit::HexDigits },
        current_length: Some(digits.map_or((32, 64), |digits| (digits, digits))),
    }
}

fn note(touch: Touch) -> Option<&'static str> {
    match touch {
        Touch::Never => None,
        Touch::Always => Some("the card wants to be touched each time its management key is used"),
        Touch::Cached => Some("the card wants to be touched when its management key is used"),
    }
}
