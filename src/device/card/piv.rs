//! PIV (SP 800-73-5 part 2): the PIN and the PUK of the card application.
//!
//! Every PIN field is 8 bytes, filled up with FF. The PUK resets the PIN and cannot keep it. A plain card does not tell the
//! tries of its PUK; Yubico's GET METADATA does.

mod objects;

use super::{
    apdu::{Command, Data},
    application::{CardApplication, select},
    channel::Channel,
    refusal::Presented,
    status_word::StatusWord,
};
use crate::{
    error::{Error, Result},
    secret::{Entry, Pin},
    token::{
        Ability, Application, Authority, Depth, Identity, Length, Place, Proof, Reference, Retries, Role, State,
        Survey, Text, Token, Unit, Verb,
    },
};
use objects::{Metadata, PinUsage};

/// What a PIV card can do.
pub const ABILITIES: &[Ability] = &[
    Ability {
        verb: Verb::PinChange,
        by: None,
        commands: &[SELECT, COUNTER, "CHANGE REFERENCE DATA (00 24 00 80)", PROOF],
    },
    Ability { verb: Verb::PinVerify, by: None, commands: &[SELECT, COUNTER, "VERIFY (00 20 00 80)"] },
    Ability {
        verb: Verb::PinReset,
        by: Some(Role::Puk),
        commands: &[SELECT, "RESET RETRY COUNTER (00 2C 00 80)", PROOF],
    },
    Ability { verb: Verb::PukChange, by: None, commands: &[SELECT, "CHANGE REFERENCE DATA (00 24 00 81)"] },
];
/// A card whose global PIN (00) stands for the application's: RESET RETRY COUNTER knows the application PIN only.
const WITH_GLOBAL_PIN: &[Ability] = &[
    Ability {
        verb: Verb::PinChange,
        by: None,
        commands: &[SELECT, COUNTER, "CHANGE REFERENCE DATA (00 24 00 00)", PROOF],
    },
    Ability { verb: Verb::PinVerify, by: None, commands: &[SELECT, COUNTER, "VERIFY (00 20 00 00)"] },
    Ability { verb: Verb::PukChange, by: None, commands: &[SELECT, "CHANGE REFERENCE DATA (00 24 00 81)"] },
];
const SELECT: &str = "SELECT (00 A4 04 00), GET DATA (discovery object)";
const COUNTER: &str = "VERIFY without data (reads the counter)";
const PROOF: &str = "VERIFY with the new value, as proof";

/// The application's identifier without its version, which every card seen takes; one refuses the 5 bytes of its provider.
const AID: [u8; 9] = [0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00];
/// Key references (SP 800-73-5 part 1, table 5).
const GLOBAL_PIN: u8 = 0x00;
const APPLICATION_PIN: u8 = 0x80;
const PUK: u8 = 0x81;
/// The length of a PIN field, and what fills it up.
const BLOCK: usize = 8;
const FILLER: u8 = 0xFF;

/// What is known of a card from one transaction to the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// The serial; none inside where the card was asked and has none.
    serial: Option<Option<Text>>,
    usage: Option<PinUsage>,
    /// Whether the card answers GET METADATA with what it asks for; none until it was tried.
    metadata: Option<bool>,
}

/// The PIV application, inside one transaction.
pub struct Piv<'a, 'c> {
    channel: &'a mut Channel<'c>,
    memory: &'a mut Memory,
    place: Place,
    selected: bool,
    /// The counter that the command just sent has read; any other command makes it stale.
    counter: Option<(Role, Retries)>,
}

impl CardApplication for Memory {
    fn application(&self) -> Application {
        Application::Piv
    }

    fn abilities(&self) -> &'static [Ability] {
        if self.usage == Some(PinUsage::Global) { WITH_GLOBAL_PIN } else { ABILITIES }
    }

    fn identity(&self, place: Place) -> Identity {
        Identity {
            application: Application::Piv,
            serial: self.serial.clone().flatten(),
            label: None,
            manufacturer: None,
            model: None,
            place,
            blank: false,
        }
    }

    fn identify(&mut self, channel: &mut Channel<'_>) -> Result<Option<Text>> {
        self.serial = None;
        // Where the card sits makes no difference to what it says.
        Piv::new(channel, self, Place::Reader(Text::from(""))).serial()
    }

    fn token<'a, 'c: 'a>(&'a mut self, channel: &'a mut Channel<'c>, place: Place) -> Box<dyn Token + 'a> {
        Box::new(Piv::new(channel, self, place))
    }
}

impl<'a, 'c> Piv<'a, 'c> {
    /// The application behind `channel`; it is selected by the first command that needs it.
    pub fn new(channel: &'a mut Channel<'c>, memory: &'a mut Memory, place: Place) -> Self {
        Self { channel, memory, place, selected: false, counter: None }
    }

    fn select(&mut self) -> Result<()> {
        if !self.selected {
            select(self.channel, Application::Piv, &AID)?;
            self.selected = true;
        }
        Ok(())
    }

    /// Sends a command that reads something; its answer makes a counter read before stale.
    fn read(&mut self, name: &'static str, header: [u8; 4], data: Data) -> Result<super::apdu::Response> {
        self.select()?;
        self.counter = None;
        self.channel.send(&Command { name, header, data, answers: true })
    }

    /// The serial number: Yubico's in decimal, as printed on the key, else the GUID of the cardholder identifier.
    fn serial(&mut self) -> Result<Option<Text>> {
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

    /// Which PIN the card wants, by its discovery object; the application's where it has none.
    fn usage(&mut self) -> Result<PinUsage> {
        if let Some(usage) = self.memory.usage {
            return Ok(usage);
        }
        let object = self.read("GET DATA", [0x00, 0xCB, 0x3F, 0xFF], Data::Plain(objects::DISCOVERY.to_vec()))?;
        let usage = if object.status == StatusWord::OK { PinUsage::parse(&object.data) } else { PinUsage::Application };
        self.memory.usage = Some(usage);
        Ok(usage)
    }

    fn key_reference(&mut self, role: Role) -> Result<u8> {
        match role {
            Role::UserPin => Ok(match self.usage()? {
                PinUsage::Application => APPLICATION_PIN,
                PinUsage::Global => GLOBAL_PIN,
            }),
            Role::Puk => Ok(PUK),
            other => Err(Error::unsupported(other.to_string())),
        }
    }

    /// Yubico's metadata of a PIN or PUK; some clones answer 9000 with an empty body, plain cards do not know the command.
    fn metadata(&mut self, key_reference: u8) -> Result<Option<Metadata>> {
        if self.memory.metadata == Some(false) {
            return Ok(None);
        }
        let answer = self.read("GET METADATA", [0x00, 0xF7, 0x00, key_reference], Data::None)?;
        let metadata = if answer.status == StatusWord::OK { Metadata::parse(&answer.data) } else { None };
        self.memory.metadata = Some(metadata.is_some());
        Ok(metadata)
    }

    /// The counter of the PIN without changing anything: by VERIFY without data, else by metadata.
    fn peek(&mut self, role: Role) -> Result<Retries> {
        let key_reference = self.key_reference(role)?;
        self.select()?;
        let told = if role == Role::UserPin { self.channel.ask_counter(key_reference)? } else { None };
        let retries = match told {
            Some(retries) => retries,
            None => self.metadata(key_reference)?.map_or(Retries::Unknown, |metadata| metadata.retries),
        };
        self.counter = Some((role, retries));
        Ok(retries)
    }

    /// Sends a command that presents a secret.
    fn present(
        &mut self,
        name: &'static str,
        header: [u8; 4],
        values: &[&Entry],
        presented: Role,
        changed: Option<Role>,
    ) -> Result<()> {
        let data = block(values)?;
        self.select()?;
        let before = self.counter.take().filter(|(role, _)| *role == presented).map(|(_, retries)| retries);
        let status = self.channel.send(&Command { name, header, data, answers: false })?.status;
        match status {
            StatusWord::OK => Ok(()),
            other => {
                let presented = Presented { command: name, role: presented, before, changed };
                Err(presented.refused(other, || self.retries(presented.role).unwrap_or(Retries::Unknown)))
            }
        }
    }

    fn reference(&mut self, role: Role, retries: Retries, default: Option<bool>) -> Result<Reference> {
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

impl Token for Piv<'_, '_> {
    /// Full: SELECT, discovery object, metadata of PIN and PUK, VERIFY without data, serial: at most seven commands.
    fn survey(&mut self, depth: Depth<'_>) -> Result<Survey> {
        self.select()?;
        self.usage()?;
        let mut references = Vec::new();
        match depth {
            Depth::Full => {
                for role in [Role::UserPin, Role::Puk] {
                    let key_reference = self.key_reference(role)?;
                    let metadata = self.metadata(key_reference)?;
                    let default = metadata.and_then(|metadata| metadata.default);
                    let retries = match metadata.map(|metadata| metadata.retries) {
                        Some(retries) if retries != Retries::Unknown => retries,
                        _ if role == Role::UserPin => {
                            self.channel.ask_counter(key_reference)?.unwrap_or(Retries::Unknown)
                        }
                        _ => Retries::Unknown,
                    };
                    references.push(self.reference(role, retries, default)?);
                }
                self.serial()?;
            }
            Depth::Only(roles) => {
                for role in [Role::UserPin, Role::Puk] {
                    let retries = if roles.contains(&role) { self.peek(role)? } else { Retries::Unknown };
                    references.push(self.reference(role, retries, None)?);
                }
            }
        }
        Ok(Survey {
            identity: self.memory.identity(self.place.clone()),
            references,
            abilities: self.memory.abilities(),
            limit_rules: None,
            set_before: None,
            notes: Vec::new(),
            pad: false,
        })
    }

    /// Drops a verified state first: a verified card answers 9000 whatever is left.
    fn retries(&mut self, role: Role) -> Result<Retries> {
        if let Some((read, retries)) = self.counter {
            if read == role && retries != Retries::Unknown {
                return Ok(retries);
            }
        }
        if role != Role::UserPin {
            return self.peek(role);
        }
        let key_reference = self.key_reference(role)?;
        self.select()?;
        let retries = match self.channel.ask_counter(key_reference)? {
            Some(retries) => retries,
            None => {
                self.channel.ask("VERIFY (drop the verified state)", [0x00, 0x20, 0xFF, key_reference])?;
                match self.channel.ask_counter(key_reference)? {
                    Some(retries) => retries,
                    // Cards before SP 800-73-4 do not know that form; a reset drops the state on any.
                    None => {
                        self.channel.reset()?;
                        self.selected = false;
                        self.select()?;
                        self.channel.ask_counter(key_reference)?.unwrap_or(Retries::Unknown)
                    }
                }
            }
        };
        self.counter = Some((role, retries));
        Ok(retries)
    }

    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()> {
        let key_reference = self.key_reference(role)?;
        self.present("VERIFY", [0x00, 0x20, 0x00, key_reference], &[pin], role, None)
    }

    fn change(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        let key_reference = self.key_reference(role)?;
        self.present("CHANGE REFERENCE DATA", [0x00, 0x24, 0x00, key_reference], &[old, new], role, Some(role))
    }

    fn reset(&mut self, role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        if role != Role::UserPin || authority.role != Role::Puk || self.usage()? == PinUsage::Global {
            return Err(Error::unsupported(format!("reset of the {role} by the {}", authority.role)));
        }
        let header = [0x00, 0x2C, 0x00, APPLICATION_PIN];
        self.present("RESET RETRY COUNTER", header, &[authority.secret, new], Role::Puk, Some(role))
    }

    fn prove(&mut self, role: Role, pin: &Entry) -> Result<Proof> {
        if role != Role::UserPin {
            return Ok(Proof::NotPossible("a PUK can be proved only by risking one of its tries"));
        }
        self.verify(role, pin).map(|()| Proof::Proved)
    }
}

/// The values, each filled up with FF to 8 bytes.
fn block(values: &[&Entry]) -> Result<Data> {
    let mut data = zeroize::Zeroizing::new(Vec::with_capacity(values.len() * BLOCK));
    for value in values {
        let pin: &Pin = value.value().ok_or_else(|| Error::unsupported("PIN pad".into()))?;
        if pin.is_empty() || pin.len() > BLOCK {
            return Err(Error::Policy("a PIV value has at most 8 bytes; nothing was sent".into()));
        }
        data.extend_from_slice(&pin.padded(BLOCK, FILLER));
    }
    Ok(Data::Secret(data))
}

#[cfg(test)]
mod tests;
