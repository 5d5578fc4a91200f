//! PIV (SP 800-73-5 part 2): the PIN and the PUK of the card application.
//!
//! Every PIN field is 8 bytes, filled up with FF. The PUK resets the PIN and cannot keep it. A plain card does not tell the
//! tries of its PUK; Yubico's GET METADATA does.

mod objects;

use super::{
    apdu::{Command, Data},
    channel::Channel,
    status_word::{Meaning, StatusWord},
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

/// Who the card is, as far as that is known.
pub fn identity(memory: &Memory, place: Place) -> Identity {
    Identity {
        application: Application::Piv,
        serial: memory.serial.clone().flatten(),
        label: None,
        manufacturer: None,
        model: None,
        place,
        blank: false,
    }
}

impl<'a, 'c> Piv<'a, 'c> {
    /// The application behind `channel`; it is selected by the first command that needs it.
    pub fn new(channel: &'a mut Channel<'c>, memory: &'a mut Memory, place: Place) -> Self {
        Self { channel, memory, place, selected: false, counter: None }
    }

    /// Reads who the card is.
    ///
    /// # Errors
    /// [`Error::NoToken`] where it has no PIV application, [`Error::Device`].
    pub fn identify(&mut self) -> Result<()> {
        self.select()?;
        if self.memory.serial.is_none() {
            self.memory.serial = Some(self.serial()?);
        }
        Ok(())
    }

    /// Makes sure that this is still the card that was chosen, after another program reset it.
    ///
    /// # Errors
    /// [`Error::Device`] where it is another one.
    pub fn recognise(&mut self) -> Result<()> {
        let Some(known) = self.memory.serial.clone() else { return Ok(()) };
        self.select()?;
        match self.serial()? == known {
            true => Ok(()),
            false => Err(Error::Device {
                what: "another card is in the reader now".into(),
                cure: Some("look again with `pukka list`".into()),
                detail: None,
            }),
        }
    }

    fn select(&mut self) -> Result<()> {
        if self.selected {
            return Ok(());
        }
        let select = Command {
            name: "SELECT",
            header: [0x00, 0xA4, 0x04, 0x00],
            data: Data::Plain(AID.to_vec()),
            answers: true,
        };
        let status = self.channel.send(&select)?.status;
        match status.meaning() {
            Meaning::Done => {
                self.selected = true;
                Ok(())
            }
            Meaning::NotFound | Meaning::NotSupported | Meaning::Malformed => {
                Err(Error::NoToken("the card has no PIV application".into()))
            }
            _ => Err(Error::device("the card does not let its PIV application be selected", status.to_string())),
        }
    }

    /// Sends a command that reads something; its answer makes a counter read before stale.
    fn read(&mut self, name: &'static str, header: [u8; 4], data: Data) -> Result<super::apdu::Response> {
        self.select()?;
        self.counter = None;
        self.channel.send(&Command { name, header, data, answers: true })
    }

    /// The serial number: Yubico's in decimal, as printed on the key, else the GUID of the cardholder identifier.
    fn serial(&mut self) -> Result<Option<Text>> {
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
            Role::SoPin | Role::AdminKey => Err(Error::unsupported(format!("{role}"))),
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

    /// VERIFY without data. None where the card was left verified, which says nothing of its counter.
    fn ask_counter(&mut self, key_reference: u8) -> Result<Option<Retries>> {
        let status = self.channel.ask("VERIFY (counter)", [0x00, 0x20, 0x00, key_reference])?;
        Ok(match status.meaning() {
            Meaning::Done => None,
            Meaning::Wrong(Some(left)) => Some(Retries::counted(left, None)),
            Meaning::Blocked => Some(Retries::Blocked),
            _ => Some(Retries::Unknown),
        })
    }

    /// The counter of the PIN without changing anything: by VERIFY without data, else by metadata.
    fn peek(&mut self, role: Role) -> Result<Retries> {
        let key_reference = self.key_reference(role)?;
        self.select()?;
        let told = if role == Role::UserPin { self.ask_counter(key_reference)? } else { None };
        let retries = match told {
            Some(retries) => retries,
            None => self.metadata(key_reference)?.map_or(Retries::Unknown, |metadata| metadata.retries),
        };
        self.counter = Some((role, retries));
        Ok(retries)
    }

    /// The error of a command that presented the secret of `presented`, and set that of `changed` where it sets one.
    ///
    /// Malformed may mean either value; the counter tells whether a try was spent, and a card that says "wrong" without
    /// a number is asked for it before anything is said.
    fn refused(
        &mut self,
        command: &'static str,
        status: StatusWord,
        before: Option<Retries>,
        presented: Role,
        changed: Option<Role>,
    ) -> Error {
        let detail = || Some(status.to_string());
        let had_tries = matches!(before, Some(Retries::Left { .. }));
        let counted = |retries| match retries {
            Retries::Blocked => Error::Blocked { role: presented, now: had_tries, detail: detail() },
            retries => Error::WrongSecret { role: presented, retries, detail: detail() },
        };
        let meaning = status.meaning();
        match meaning {
            Meaning::Wrong(Some(left)) => counted(Retries::counted(left, None)),
            Meaning::Blocked => counted(Retries::Blocked),
            Meaning::Wrong(None) | Meaning::Malformed => {
                let now = self.retries(presented).unwrap_or(Retries::Unknown);
                // Metadata tells a limit that a status word does not, so the tries alone are compared.
                let unspent = match (before, now) {
                    (Some(Retries::Left { left: before, .. }), Retries::Left { left: now, .. }) => before == now,
                    _ => false,
                };
                let why = if unspent {
                    "it does not meet the card's own rules"
                } else {
                    "one of the two values does not meet the card's own rules"
                };
                match changed {
                    Some(role) if meaning == Meaning::Malformed && (unspent || now == Retries::Unknown) => {
                        Error::NewValueRefused { role, why, detail: detail() }
                    }
                    // A contactless reader makes some cards say "security status not satisfied" to a right PIN.
                    _ if meaning == Meaning::Wrong(None) && unspent => Error::Device {
                        what: format!(
                            "the card refuses {command} without looking at the {presented}; no try was spent"
                        ),
                        cure: Some("use a reader with contacts, if this one is contactless".into()),
                        detail: detail(),
                    },
                    _ => counted(now),
                }
            }
            Meaning::NotFound => Error::unsupported(format!("{presented}")),
            Meaning::NotSupported => Error::Unsupported { what: format!("the card does not know {command}") },
            Meaning::Done | Meaning::Other => {
                Error::device(format!("the card answers {command} with an error"), detail())
            }
        }
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
            other => Err(self.refused(name, other, before, presented, changed)),
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
        let usage = self.usage()?;
        let mut references = Vec::new();
        match depth {
            Depth::Full => {
                for role in [Role::UserPin, Role::Puk] {
                    let key_reference = self.key_reference(role)?;
                    let metadata = self.metadata(key_reference)?;
                    let default = metadata.and_then(|metadata| metadata.default);
                    let retries = match metadata.map(|metadata| metadata.retries) {
                        Some(retries) if retries != Retries::Unknown => retries,
                        _ if role == Role::UserPin => self.ask_counter(key_reference)?.unwrap_or(Retries::Unknown),
                        _ => Retries::Unknown,
                    };
                    references.push(self.reference(role, retries, default)?);
                }
                self.identify()?;
            }
            Depth::Only(roles) => {
                for role in [Role::UserPin, Role::Puk] {
                    let retries = if roles.contains(&role) { self.peek(role)? } else { Retries::Unknown };
                    references.push(self.reference(role, retries, None)?);
                }
            }
        }
        Ok(Survey {
            identity: identity(self.memory, self.place.clone()),
            references,
            abilities: if usage == PinUsage::Global { WITH_GLOBAL_PIN } else { ABILITIES },
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
        let retries = match self.ask_counter(key_reference)? {
            Some(retries) => retries,
            None => {
                self.channel.ask("VERIFY (drop the verified state)", [0x00, 0x20, 0xFF, key_reference])?;
                match self.ask_counter(key_reference)? {
                    Some(retries) => retries,
                    // Cards before SP 800-73-4 do not know that form; a reset drops the state on any.
                    None => {
                        self.channel.reset()?;
                        self.selected = false;
                        self.select()?;
                        self.ask_counter(key_reference)?.unwrap_or(Retries::Unknown)
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
