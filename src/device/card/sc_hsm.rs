//! SmartCard-HSM, Nitrokey HSM and Pico HSM: a user PIN, an SO PIN of 8 bytes that may reset it, and INITIALIZE.
//!
//! CHANGE REFERENCE DATA parts the old value from the new one by the length that is stored: with one character too many the
//! surplus would begin the new value. VERIFY therefore presents the old one alone before.

mod abilities;
mod files;
mod pad;

use zeroize::Zeroizing;

use super::{
    apdu::{Command, Data, Response},
    application::{CardApplication, select},
    channel::Channel,
    pad::is_typed,
    refusal::{Presented, refused_though_right},
    status_word::{Meaning, StatusWord},
};
use crate::{
    error::{Error, Result},
    secret::{Entry, Pages},
    token::{
        Ability, Application, Authority, Beginning, Depth, Identity, InitRules, Length, Need, Place, Proof, Recovery,
        Reference, Retries, Role, State, Survey, Text, Token, Unit,
    },
};
use files::Options;

const AID: [u8; 11] = [0xE8, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x81, 0xC3, 0x1F, 0x02, 0x01];
/// Key references.
const USER_PIN: u8 = 0x81;
const SO_PIN: u8 = 0x88;
/// The hexadecimal digits of an SO PIN.
const SO_DIGITS: usize = 16;
/// The shortest and the longest user PIN that a device may have, whoever set it.
const EVER_SET: (usize, usize) = (4, 16);
/// The tries of a new user PIN, where nobody says how many.
const USUAL_TRIES: u8 = 3;
/// A device whose PIN has 6 characters may have 3 tries of it, and so on: fewer guesses for a PIN that is easier to guess.
const RULES: InitRules = InitRules { needs_label: false, pin: Some(&[(3, 6), (5, 7), (10, 8)]), harm: None };
/// READ BINARY is repeated at most so often: certificates have less than 2 KiB.
const MOST_PARTS: usize = 8;
/// READ BINARY got less than was asked for: the file ends there.
const END_OF_FILE: StatusWord = StatusWord(0x6282);
/// The reference has no usable value: none was ever set, or it must be changed first.
const NOT_USABLE: StatusWord = StatusWord(0x6984);
/// The options do not allow the command.
const NOT_ALLOWED: StatusWord = StatusWord(0x6986);

/// What is known of a device from one transaction to the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// Who it is; none until it was asked.
    known: Option<Known>,
    /// None until it was selected, and on firmware that does not tell.
    options: Option<Options>,
    /// Whether it was never initialised.
    blank: bool,
}

/// Who a device says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    serial: Option<Text>,
    label: Option<Text>,
}

/// The application, inside one transaction.
pub struct ScHsm<'a, 'c> {
    channel: &'a mut Channel<'c>,
    memory: &'a mut Memory,
    place: Place,
    selected: bool,
    /// The counter that the command just sent has read; any other command makes it stale.
    counter: Option<(Role, Retries)>,
}

impl CardApplication for Memory {
    fn application(&self) -> Application {
        Application::ScHsm
    }

    fn abilities(&self) -> &'static [Ability] {
        if self.blank { abilities::OF_A_BLANK_DEVICE } else { abilities::by(self.options) }
    }

    fn identity(&self, place: Place) -> Identity {
        let known = self.known.as_ref();
        Identity {
            application: Application::ScHsm,
            serial: known.and_then(|known| known.serial.clone()),
            label: known.and_then(|known| known.label.clone()),
            manufacturer: None,
            model: None,
            place,
            blank: self.blank,
        }
    }

    fn identify(&mut self, channel: &mut Channel<'_>) -> Result<Option<Text>> {
        self.known = None;
        // Where the device sits makes no difference to what it says.
        let mut device = ScHsm::new(channel, self, Place::Reader(Text::from("")));
        let known = device.known()?;
        let telling = device.telling();
        device.peek(telling)?;
        Ok(known.serial)
    }

    fn token<'a, 'c: 'a>(&'a mut self, channel: &'a mut Channel<'c>, place: Place) -> Box<dyn Token + 'a> {
        Box::new(ScHsm::new(channel, self, place))
    }
}

impl<'a, 'c> ScHsm<'a, 'c> {
    /// The application behind `channel`; it is selected by the first command that needs it.
    pub fn new(channel: &'a mut Channel<'c>, memory: &'a mut Memory, place: Place) -> Self {
        Self { channel, memory, place, selected: false, counter: None }
    }

    fn select(&mut self) -> Result<()> {
        if !self.selected {
            let answer = select(self.channel, Application::ScHsm, &AID)?;
            let none = || Error::NoToken("the card has no SmartCard-HSM application".into());
            self.memory.options = files::control(&answer.data).ok_or_else(none)?;
            self.selected = true;
        }
        Ok(())
    }

    /// Sends a command; a counter read before is stale then.
    fn send(&mut self, name: &'static str, header: [u8; 4], data: Data, answers: bool) -> Result<Response> {
        self.select()?;
        self.counter = None;
        self.channel.send(&Command { name, header, data, answers })
    }

    /// The file of this identifier, as far as its first object goes; empty where it is not there.
    fn read(&mut self, [high, low]: [u8; 2]) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        for _ in 0..MOST_PARTS {
            let [from_high, from_low] = u16::try_from(file.len()).unwrap_or(u16::MAX).to_be_bytes();
            let offset = Data::Plain(vec![0x54, 0x02, from_high, from_low]);
            let part = self.send("READ BINARY", [0x00, 0xB1, high, low], offset, true)?;
            if !matches!(part.status, StatusWord::OK | END_OF_FILE) || part.data.is_empty() {
                break;
            }
            file.extend(part.data);
            if files::length(&file).is_none_or(|length| length <= file.len()) {
                break;
            }
        }
        Ok(file)
    }

    /// Who the device is, read once.
    fn known(&mut self) -> Result<Known> {
        if let Some(known) = &self.memory.known {
            return Ok(known.clone());
        }
        let serial = files::serial(&self.read(files::CERTIFICATE)?);
        let label = files::label(&self.read(files::TOKEN_INFO)?);
        let known = Known { serial, label };
        self.memory.known = Some(known.clone());
        Ok(known)
    }

    /// The state of a reference by VERIFY without data, which changes nothing.
    fn peek(&mut self, role: Role) -> Result<(State, Retries)> {
        let status = self.send("VERIFY (counter)", [0x00, 0x20, 0x00, key_reference(role)?], Data::None, false)?.status;
        let (state, retries) = self.state(role, status);
        if role == self.telling() {
            self.memory.blank = state == State::Unset;
        }
        self.counter = Some((role, retries));
        Ok((state, retries))
    }

    /// The reference that tells whether the device was ever initialised. Firmware that does not tell its options knows no
    /// VERIFY of the SO PIN either.
    fn telling(&self) -> Role {
        if self.memory.options.is_some() { Role::SoPin } else { Role::UserPin }
    }

    fn state(&self, role: Role, status: StatusWord) -> (State, Retries) {
        let options = self.memory.options;
        match (status, status.meaning()) {
            (NOT_USABLE, _) if role == Role::UserPin && options.is_some_and(|own| own.has(Options::TRANSPORT)) => {
                (State::MustChange, Retries::Unknown)
            }
            (_, Meaning::NotFound) if role == Role::SoPin && options.is_none() => (State::Unknown, Retries::Unknown),
            (NOT_USABLE, _) | (_, Meaning::NotFound) => (State::Unset, Retries::Unknown),
            (_, Meaning::Wrong(Some(left))) => (State::Ready, Retries::counted(left, None)),
            (_, Meaning::Blocked) => (State::Blocked, Retries::Blocked),
            // A device that was left verified does not tell its counter.
            (_, Meaning::Done) => (State::Ready, Retries::Unknown),
            _ => (State::Unknown, Retries::Unknown),
        }
    }

    /// Sends a command that presents the secret of `presented`, to give `changed` a new value where there is one.
    fn present(
        &mut self,
        name: &'static str,
        header: [u8; 4],
        data: Option<Pages>,
        (presented, changed): (Role, Option<Role>),
    ) -> Result<()> {
        self.select()?;
        let before = self.counter.filter(|(role, _)| *role == presented).map(|(_, retries)| retries);
        let sent = match data {
            Some(data) => self.send(name, header, Data::Secret(data), false).map(|answer| answer.status),
            None => {
                let needs: Vec<Need> = [Need::Current(presented)].into_iter().chain(changed.map(Need::New)).collect();
                self.enter(name, header, &needs)
            }
        };
        let status = sent.map_err(|error| {
            let presented = Presented { command: name, role: presented, before, changed };
            presented.not_entered(error, || self.retries(presented.role).unwrap_or(Retries::Unknown))
        })?;
        match (status, self.state(presented, status).0) {
            (StatusWord::OK, _) => Ok(()),
            (NOT_USABLE, State::MustChange) => {
                Err(Error::MustChange { role: presented, detail: Some(status.to_string()) })
            }
            (_, State::Unset) => Err(Error::Unset { role: presented }),
            (NOT_ALLOWED, _) if changed == Some(Role::UserPin) => Err(Error::Unsupported {
                what: "this device was initialised so that its SO PIN has no such power over the PIN".into(),
            }),
            _ => {
                let presented = Presented { command: name, role: presented, before, changed };
                Err(presented.refused(status, || self.retries(presented.role).unwrap_or(Retries::Unknown)))
            }
        }
    }

    fn present_alone(&mut self, role: Role, pin: &Entry) -> Result<()> {
        let data = if is_typed(&[pin])? { None } else { Some(field(role, pin)?) };
        self.present("VERIFY", [0x00, 0x20, 0x00, key_reference(role)?], data, (role, None))
    }

    /// RESET RETRY COUNTER of the user PIN by the SO PIN, with a new value or without.
    fn recover(&mut self, form: u8, role: Role, authority: Authority<'_>, new: Option<&Entry>) -> Result<()> {
        if role != Role::UserPin || authority.role != Role::SoPin {
            return Err(Error::unsupported(format!("way from the {} to the {role}", authority.role)));
        }
        let mut data = field(Role::SoPin, authority.secret)?;
        if let Some(new) = new {
            data = joined(&[&data, &field(role, new)?]);
        }
        self.present("RESET RETRY COUNTER", [0x00, 0x2C, form, USER_PIN], Some(data), (Role::SoPin, Some(role)))
    }

    fn reference(&self, role: Role, (state, retries): (State, Retries)) -> Result<Reference> {
        let so = role == Role::SoPin;
        Ok(Reference {
            role,
            name: role.title(),
            key_reference: Some(key_reference(role)?),
            state,
            retries,
            default: None,
            length: match so {
                true => Length { min: SO_DIGITS, max: Some(SO_DIGITS), unit: Unit::HexDigits },
                false => Length { min: 6, max: Some(15), unit: Unit::Characters },
            },
            current_length: Some(if so { (SO_DIGITS, SO_DIGITS) } else { EVER_SET }),
        })
    }

    fn notes(&self, pin: State) -> Vec<&'static str> {
        let lost = "its SO PIN was given no power over the PIN: one that is blocked or forgotten is lost";
        let transport = "the PIN is a transport PIN, good for its own change only";
        let is_lost = self.memory.options.is_some_and(|own| !own.has(Options::RESET)) && !self.memory.blank;
        [(is_lost, lost), (pin == State::MustChange, transport)]
            .into_iter()
            .filter_map(|(is_so, note)| is_so.then_some(note))
            .collect()
    }

    /// INITIALIZE (80 50), with the first user PIN and the SO PIN in one.
    fn initialise(&mut self, beginning: &Beginning<'_>, pin: &Entry) -> Result<()> {
        let recovery = match beginning.terms.recovery {
            None | Some(Recovery::Reset) => Options::RESET,
            Some(Recovery::Unblock) => Options::RESET.and(Options::UNBLOCK),
            Some(Recovery::Nothing) => Options::NONE,
        };
        let options = if beginning.terms.transport { recovery.and(Options::TRANSPORT) } else { recovery };
        let tries = beginning.terms.tries.unwrap_or(USUAL_TRIES);
        let data = joined(&[
            &files::object(0x80, &options.field()),
            &Zeroizing::new(files::object(0x81, &field(Role::UserPin, pin)?)),
            &Zeroizing::new(files::object(0x82, &field(Role::SoPin, beginning.so_pin)?)),
            &files::object(0x91, &[tries]),
        ]);
        let status = self.send("INITIALIZE", [0x80, 0x50, 0x00, 0x00], Data::Secret(data), false)?.status;
        if status != StatusWord::OK {
            return Err(Error::device("the device refuses to be initialised", status.to_string()));
        }
        // It is another device now, with the options that SELECT will tell from now on.
        let options = self.memory.options.map(|_| options);
        *self.memory = Memory { known: None, options, blank: false };
        Ok(())
    }

    /// Writes the label, which the user PIN may; nobody has given the device a name yet.
    fn name(&mut self, label: &str, pin: &Entry) -> Result<()> {
        self.present_alone(Role::UserPin, pin)?;
        let text = files::object(0x53, &files::token_info(label));
        let [high, low] = files::TOKEN_INFO;
        let data = Data::Plain([&[0x54, 0x02, 0x00, 0x00][..], &text].concat());
        match self.send("UPDATE BINARY", [0x00, 0xD7, high, low], data, false)?.status {
            StatusWord::OK => Ok(()),
            refused => Err(Error::device("the device does not take the label", refused.to_string())),
        }
    }
}

impl Token for ScHsm<'_, '_> {
    /// Full: SELECT, certificate, label, VERIFY without data of both PINs: five commands, or six with a long certificate.
    fn survey(&mut self, depth: Depth<'_>) -> Result<Survey> {
        self.select()?;
        if depth == Depth::Full {
            self.known()?;
        }
        let mut references = Vec::new();
        for role in [Role::UserPin, Role::SoPin] {
            let read = match depth {
                Depth::Only(roles) if !roles.contains(&role) => (State::Unknown, Retries::Unknown),
                _ => self.peek(role)?,
            };
            references.push(self.reference(role, read)?);
        }
        let pad = self.pad(&references);
        let pin = references.first().map_or(State::Unknown, |reference| reference.state);
        Ok(Survey {
            init_rules: Some(&RULES),
            notes: self.notes(pin),
            pad,
            ..Survey::new(self.memory.identity(self.place.clone()), references, abilities::by(self.memory.options))
        })
    }

    fn narrow_keys(&mut self, role: Role, digits: (usize, usize)) {
        self.channel.narrow_keys(role, digits);
    }

    /// Drops a verified state first, by a reset of the card: there is no other way on every device.
    fn retries(&mut self, role: Role) -> Result<Retries> {
        if let Some((read, retries)) = self.counter {
            if read == role && retries != Retries::Unknown {
                return Ok(retries);
            }
        }
        if let (State::Ready, Retries::Unknown) = self.peek(role)? {
            self.channel.reset()?;
            self.selected = false;
            self.peek(role)?;
        }
        Ok(self.counter.map_or(Retries::Unknown, |(_, retries)| retries))
    }

    /// A PIN that was just reset is verified already, and has all its tries.
    fn retries_before_proof(&mut self, role: Role) -> Result<Retries> {
        self.peek(role).map(|(_, retries)| retries)
    }

    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()> {
        self.present_alone(role, pin)
    }

    fn change(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        if is_typed(&[old, new])? {
            return self.change_at_keys(role);
        }
        let data = joined(&[&field(role, old)?, &field(role, new)?]);
        let looked_at = match self.present_alone(role, old) {
            // A transport PIN can be presented to be changed only.
            Err(Error::MustChange { .. }) => false,
            other => other.map(|()| true)?,
        };
        let (name, header) = ("CHANGE REFERENCE DATA", [0x00, 0x24, 0x00, key_reference(role)?]);
        if !looked_at {
            return self.present(name, header, Some(data), (role, Some(role)));
        }
        // The old value was right a moment ago, so the new one alone can be malformed.
        match self.send(name, header, Data::Secret(data), false)?.status {
            StatusWord::OK => Ok(()),
            status => Err(refused_though_right(name, role, status)),
        }
    }

    fn reset(&mut self, role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        self.recover(0x00, role, authority, Some(new))
    }

    fn unblock(&mut self, role: Role, authority: Authority<'_>) -> Result<()> {
        self.recover(0x01, role, authority, None)
    }

    /// A live device is begun anew by its own SO PIN only, which is verified before anything is destroyed: INITIALIZE says
    /// little of a wrong one, and some devices take any.
    fn init(&mut self, beginning: &Beginning<'_>) -> Result<Identity> {
        let pin = beginning.pin.ok_or_else(|| Error::Internal("the first user PIN was not planned".into()))?;
        if !self.memory.blank {
            self.present_alone(Role::SoPin, beginning.so_pin)?;
        }
        self.initialise(beginning, pin)?;
        let named = beginning.label.map_or(Ok(()), |label| self.name(label, pin));
        named.and_then(|()| self.known()).map_err(|error| Error::Unconfirmed {
            role: Role::SoPin,
            detail: error.detail().map(str::to_owned),
            refused: false,
            why: format!("the device was initialised, and then {error}"),
        })?;
        Ok(self.memory.identity(self.place.clone()))
    }

    fn prove(&mut self, role: Role, pin: &Entry) -> Result<Proof> {
        match self.present_alone(role, pin) {
            Err(Error::MustChange { .. }) => {
                Ok(Proof::NotPossible("a transport PIN can be presented for its own change only"))
            }
            done => done.map(|()| Proof::Proved),
        }
    }
}

fn key_reference(role: Role) -> Result<u8> {
    match role {
        Role::UserPin => Ok(USER_PIN),
        Role::SoPin => Ok(SO_PIN),
        other => Err(Error::unsupported(other.to_string())),
    }
}

/// The value as the device takes it: characters of the user PIN, 8 bytes of the SO PIN's hexadecimal digits.
fn field(role: Role, value: &Entry) -> Result<Pages> {
    let pin = value.value().ok_or_else(|| Error::unsupported("PIN pad".into()))?;
    if role == Role::SoPin {
        let refused = || Error::Policy(format!("an SO PIN is {SO_DIGITS} hexadecimal digits; nothing was sent"));
        if pin.len() != SO_DIGITS {
            return Err(refused());
        }
        let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut bytes = Pages::with_capacity(SO_DIGITS / 2);
        bytes.extend(pin.bytes().chunks_exact(2).filter_map(|pair| match pair {
            [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
            _ => None,
        }));
        return if bytes.len() == SO_DIGITS / 2 { Ok(bytes) } else { Err(refused()) };
    }
    match pin.is_empty() || pin.len() > EVER_SET.1 {
        true => Err(Error::Policy(format!("a PIN has at most {} characters; nothing was sent", EVER_SET.1))),
        false => Ok(joined(&[pin.bytes()])),
    }
}

/// The parts in one, which is wiped and leaves no copy behind.
fn joined(parts: &[&[u8]]) -> Pages {
    let mut whole = Pages::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| whole.extend_from_slice(part));
    whole
}

#[cfg(test)]
mod tests;
