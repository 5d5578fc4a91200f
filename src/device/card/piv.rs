//! PIV (SP 800-73-5 part 2): the PIN and the PUK of the card application, and Yubico's extensions.
//!
//! Every PIN field is 8 bytes, filled up with FF. The PUK resets the PIN and cannot keep it. A plain card does not tell the
//! tries of its PUK; Yubico's GET METADATA does.

mod abilities;
mod erase;
mod management_key;
mod metadata;
mod objects;
mod retries;
mod survey;

use super::{
    apdu::{Command, Data, Response},
    application::{CardApplication, select},
    channel::Channel,
    pad::{Blank, Field, Offer, digits, enter, is_typed},
    refusal::Presented,
    status_word::StatusWord,
};
use crate::{
    error::{Error, Result},
    secret::{Entry, Pages, Pin},
    token::{
        Ability, Application, Authority, Depth, Identity, Limits, Need, Place, Proof, Retries, Role, Survey, Text,
        Token, Verb,
    },
};
use abilities::{Known, abilities};
use management_key::Random;
use metadata::{KeyMetadata, Support};
use objects::PinUsage;

/// The application's identifier without its version, which every card seen takes; one refuses the 5 bytes of its provider.
const AID: [u8; 9] = [0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00];
/// Key references (SP 800-73-5 part 1, table 5).
const GLOBAL_PIN: u8 = 0x00;
const APPLICATION_PIN: u8 = 0x80;
const PUK: u8 = 0x81;
/// The length of a PIN field, and what fills it up.
const BLOCK: usize = 8;
const FILLER: u8 = 0xFF;
/// The same for a reader that fills it in.
const FIELD: Field = Field::Filled { filler: FILLER, length: BLOCK };

/// What can be typed at a reader: each operation is one command.
const OFFERS: &[Offer] = &[
    Offer { verb: Verb::PinVerify, by: None, commands: &[&[Need::Current(Role::UserPin)]] },
    Offer { verb: Verb::PinChange, by: None, commands: &[&[Need::Current(Role::UserPin), Need::New(Role::UserPin)]] },
    Offer { verb: Verb::PukChange, by: None, commands: &[&[Need::Current(Role::Puk), Need::New(Role::Puk)]] },
    Offer {
        verb: Verb::PinReset,
        by: Some(Role::Puk),
        commands: &[&[Need::Current(Role::Puk), Need::New(Role::UserPin)]],
    },
];

/// What GET VERSION tells: major, minor, patch.
type Version = [u8; 3];

/// What is known of a card from one transaction to the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// The serial; none inside where the card was asked and has none.
    serial: Option<Option<Text>>,
    usage: Option<PinUsage>,
    /// What GET METADATA came to; none until that is clear.
    metadata: Option<Support>,
    /// The references of which it told nothing.
    untold: Vec<u8>,
    /// The version; none inside where the card was asked and has none.
    version: Option<Option<Version>>,
    random: Random,
}

impl Memory {
    fn known_abilities(&self) -> &'static [Ability] {
        abilities(Known {
            usage: self.usage,
            metadata: self.metadata,
            has_version: self.version.map(|version| version.is_some()),
            lacks_puk: self.untold.contains(&PUK),
        })
    }

    fn who(&self, place: Place) -> Identity {
        let version = self.version.flatten();
        Identity {
            application: Application::Piv,
            serial: self.serial.clone().flatten(),
            label: None,
            manufacturer: None,
            model: version.map(|[major, minor, patch]| Text::from(format!("PIV {major}.{minor}.{patch}").as_str())),
            place,
            blank: false,
        }
    }
}

/// The PIV application, inside one transaction.
pub struct Piv<'a, 'c> {
    channel: &'a mut Channel<'c>,
    memory: &'a mut Memory,
    place: Place,
    selected: bool,
    /// How many commands were sent.
    sent: usize,
    /// The counter that the command just sent has read; any other command makes it stale.
    counter: Option<(Role, Retries)>,
    /// Whether a RESET RETRY COUNTER was the command just done.
    restored: bool,
    /// Whether the PIN is that of delivery, as the card has told in this transaction or was told to make it.
    delivered: bool,
    /// What the card tells of its management key; none inside where it tells nothing.
    key: Option<Option<KeyMetadata>>,
    /// The type of the management key that was just set.
    new_key: Option<management_key::KeyType>,
}

impl CardApplication for Memory {
    fn application(&self) -> Application {
        Application::Piv
    }

    fn abilities(&self) -> &'static [Ability] {
        self.known_abilities()
    }

    fn identity(&self, place: Place) -> Identity {
        self.who(place)
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
        Self {
            channel,
            memory,
            place,
            selected: false,
            sent: 0,
            counter: None,
            restored: false,
            delivered: false,
            key: None,
            new_key: None,
        }
    }

    fn select(&mut self) -> Result<()> {
        if !self.selected {
            self.sent += 1;
            select(self.channel, Application::Piv, &AID)?;
            self.selected = true;
        }
        Ok(())
    }

    /// Sends a command that reads something; its answer makes a counter read before stale.
    fn read(&mut self, name: &'static str, header: [u8; 4], data: Data) -> Result<Response> {
        self.select()?;
        self.counter = None;
        self.sent += 1;
        self.channel.send(&Command { name, header, data, answers: true })
    }

    /// The counter by VERIFY without data; none where the card was left verified.
    fn ask_counter(&mut self, key_reference: u8) -> Result<Option<Retries>> {
        self.select()?;
        self.sent += 1;
        self.channel.ask_counter(key_reference)
    }

    /// The counter of PIN or PUK without changing anything: by VERIFY without data, else by metadata.
    fn peek(&mut self, role: Role) -> Result<Retries> {
        let key_reference = self.key_reference(role)?;
        let told = if role == Role::UserPin { self.ask_counter(key_reference)? } else { None };
        let retries = match told {
            Some(retries) => retries,
            None => self.metadata(key_reference)?.map_or(Retries::Unknown, |metadata| metadata.retries),
        };
        self.counter = Some((role, retries));
        Ok(retries)
    }

    /// Sends a command that presents a PIN or PUK.
    fn present(
        &mut self,
        name: &'static str,
        header: [u8; 4],
        values: &[&Entry],
        presented: Role,
        changed: Option<Role>,
    ) -> Result<()> {
        let data = if is_typed(values)? { None } else { Some(block(values)?) };
        self.select()?;
        if presented == Role::Puk {
            self.check_puk(values)?;
        }
        self.restored = false;
        let before = self.counter.take().filter(|(role, _)| *role == presented).map(|(_, retries)| retries);
        let sent = match data {
            Some(data) => {
                self.channel.send(&Command { name, header, data, answers: false }).map(|answer| answer.status)
            }
            None => self.enter(name, header, presented, changed),
        };
        let presented = Presented { command: name, role: presented, before, changed };
        let now = || self.retries(presented.role).unwrap_or(Retries::Unknown);
        match sent {
            Ok(StatusWord::OK) => Ok(()),
            Ok(refused) => Err(presented.refused(refused, now)),
            Err(error) => Err(presented.not_entered(error, now)),
        }
    }

    /// Refuses what cannot be the PUK, most likely a PIN in its place: it has 8 bytes (SP 800-73-5 part 1, 3.3), and 6 at the least
    /// where Yubico's extensions are. Whether they are is asked only for one that is shorter.
    fn check_puk(&mut self, values: &[&Entry]) -> Result<()> {
        let is_short = values.first().and_then(|puk| puk.value()).is_some_and(|puk| puk.len() < BLOCK);
        let has_metadata = matches!(self.memory.metadata, Some(Support::Told | Support::Empty));
        if !is_short || has_metadata || self.version()?.is_some() {
            return Ok(());
        }
        Err(Error::Policy("that cannot be the PUK, which has 8 characters on this card; nothing was sent".into()))
    }

    /// Lets the reader ask for what a command presents and sets.
    fn enter(
        &mut self,
        name: &'static str,
        header: [u8; 4],
        presented: Role,
        changed: Option<Role>,
    ) -> Result<StatusWord> {
        let needs: Vec<Need> = [Need::Current(presented)].into_iter().chain(changed.map(Need::New)).collect();
        let references = [Role::UserPin, Role::Puk].map(|role| self.reference(role, Retries::Unknown, None));
        let references = references.into_iter().collect::<Result<Vec<_>>>()?;
        let digits = digits(&needs, &references)?;
        enter(self.channel, Blank { name, header, needs: &needs, field: FIELD, digits })
    }

    fn verify_pin(&mut self, role: Role, pin: &Entry) -> Result<()> {
        let key_reference = self.key_reference(role)?;
        self.present("VERIFY", [0x00, 0x20, 0x00, key_reference], &[pin], role, None)
    }

    fn change_pin(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        let key_reference = self.key_reference(role)?;
        self.present("CHANGE REFERENCE DATA", [0x00, 0x24, 0x00, key_reference], &[old, new], role, Some(role))
    }
}

impl Token for Piv<'_, '_> {
    fn survey(&mut self, depth: Depth<'_>) -> Result<Survey> {
        self.read_survey(depth)
    }

    fn narrow_keys(&mut self, role: Role, digits: (usize, usize)) {
        self.channel.narrow_keys(role, digits);
    }

    /// Drops a verified state first: a verified card answers 9000 whatever is left.
    fn retries(&mut self, role: Role) -> Result<Retries> {
        if role == Role::AdminKey {
            // Cards count no tries of it.
            return Ok(Retries::Unknown);
        }
        if let Some((read, retries)) = self.counter {
            if read == role && retries != Retries::Unknown {
                return Ok(retries);
            }
        }
        if role != Role::UserPin {
            return self.peek(role);
        }
        let key_reference = self.key_reference(role)?;
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
                        self.ask_counter(key_reference)?.unwrap_or(Retries::Unknown)
                    }
                }
            }
        };
        self.counter = Some((role, retries));
        Ok(retries)
    }

    /// Behind a RESET RETRY COUNTER that was done, a card without metadata is not asked: 9000 means that the counter is back at
    /// its limit (SP 800-73-5 part 2, 3.2.3), so that there is a try for the proof, and the round trip is spared. The PIN's tries
    /// were not the ones at risk, and where the card tells a limit the counter is read all the same, to be reported.
    fn retries_before_proof(&mut self, role: Role) -> Result<Retries> {
        let spared = self.restored && role == Role::UserPin && self.memory.metadata != Some(Support::Told);
        if spared { Ok(Retries::Unknown) } else { self.retries(role) }
    }

    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()> {
        self.verify_pin(role, pin)
    }

    fn change(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        match role {
            Role::AdminKey => self.change_key(old, new),
            role => self.change_pin(role, old, new),
        }
    }

    fn reset(&mut self, role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        if role != Role::UserPin || authority.role != Role::Puk || self.usage()? == PinUsage::Global {
            return Err(Error::unsupported(format!("reset of the {role} by the {}", authority.role)));
        }
        let header = [0x00, 0x2C, 0x00, APPLICATION_PIN];
        self.present("RESET RETRY COUNTER", header, &[authority.secret, new], Role::Puk, Some(role))?;
        self.restored = true;
        Ok(())
    }

    fn set(&mut self, role: Role, new: &Entry) -> Result<()> {
        self.replace_delivered(role, new)
    }

    fn set_limits(&mut self, limits: &Limits, authorities: &[Authority<'_>]) -> Result<()> {
        self.set_pin_retries(limits, authorities)
    }

    fn erase(&mut self) -> Result<()> {
        self.reset_application()
    }

    fn prove(&mut self, role: Role, pin: &Entry) -> Result<Proof> {
        match role {
            Role::UserPin => self.verify_pin(role, pin).map(|()| Proof::Proved),
            Role::AdminKey => self.prove_key(pin),
            _ => Ok(Proof::NotPossible("a PUK can be proved only by risking one of its tries")),
        }
    }
}

/// The values, each filled up with FF to 8 bytes.
fn block(values: &[&Entry]) -> Result<Data> {
    let mut data = Pages::with_capacity(values.len() * BLOCK);
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
