//! Cards of Microsoft's Generic Identity Device Specification 2.0: the user PIN, and the admin key that resets it.
//!
//! A PIN is 4 to 16 characters as they are, without filling, so that CHANGE REFERENCE DATA cannot tell where the old one ends:
//! the old one is verified before. The admin key is 3DES, and cards do not count wrong ones.

mod admin;
mod objects;
mod pad;

use super::{
    apdu::{Command, Data, Response},
    application::{CardApplication, select},
    channel::Channel,
    pad::is_typed,
    reader::Continuity,
    refusal::{Presented, refused_though_right},
    status_word::{Meaning, StatusWord},
};
use crate::{
    challenge::Block,
    error::{Error, Result},
    secret::{AdminKey, Entry, Pages},
    token::{
        Ability, Application, Authority, Depth, Identity, Length, Need, Place, Proof, Reference, Retries, Role, State,
        Survey, Text, Token, Unit, Verb,
    },
};

/// What a GIDS card can do.
const ABILITIES: &[Ability] = &[
    Ability {
        verb: Verb::PinSet,
        by: None,
        commands: &[SELECT, COUNTER, UNSET, CARD_ID, "VERIFY (00 20 00 82, logs everyone out)", FIRST, PROOF],
    },
    Ability {
        verb: Verb::PinChange,
        by: None,
        commands: &[SELECT, COUNTER, "VERIFY (00 20 00 80)", "CHANGE REFERENCE DATA (00 24 00 80)", PROOF],
    },
    Ability { verb: Verb::PinVerify, by: None, commands: &[SELECT, COUNTER, "VERIFY (00 20 00 80)"] },
    Ability {
        verb: Verb::PinReset,
        by: Some(Role::AdminKey),
        commands: &[SELECT, KEY, AUTHENTICATE, "RESET RETRY COUNTER (00 2C 02 80)", COUNTER, PROOF],
    },
    Ability {
        verb: Verb::PinReset,
        by: Some(Role::Response),
        commands: &[
            SELECT,
            COUNTER,
            KEY,
            "GENERAL AUTHENTICATE (00 87 00 00, asks for the challenge)",
            "GENERAL AUTHENTICATE (00 87 00 00, the response, with nothing sent in between)",
            "RESET RETRY COUNTER (00 2C 02 80)",
            COUNTER,
            PROOF,
        ],
    },
    Ability {
        verb: Verb::AdminKeyChange,
        by: None,
        commands: &[SELECT, KEY, AUTHENTICATE, "PUT DATA (00 DB 3F FF)", "authentication by the new key, as proof"],
    },
];
const SELECT: &str = "SELECT (00 A4 04 00)";
const COUNTER: &str = "GET DATA (00 CB 3F FF, reads the counter)";
const UNSET: &str = "VERIFY without data (tells whether there is a PIN)";
const CARD_ID: &str = "GET DATA (00 CB A0 12, reads the card identifier)";
const FIRST: &str = "CHANGE REFERENCE DATA (00 24 01 80)";
const KEY: &str = "MANAGE SECURITY ENVIRONMENT (00 22 81 A4)";
const AUTHENTICATE: &str = "GENERAL AUTHENTICATE (00 87 00 00) twice";
const PROOF: &str = "VERIFY with the new value, as proof";

/// The application's identifier without its version.
const AID: [u8; 9] = [0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59];
/// The key reference of the user PIN, and in its own file that of the admin key.
const USER_PIN: u8 = 0x80;
const ADMIN_KEY: u8 = 0x80;
/// The lengths of a user PIN.
const SHORTEST: usize = 4;
const LONGEST: usize = 16;

/// What is known of a card from one transaction to the next.
pub struct Memory {
    /// The card identifier; none inside where the card was asked and has none.
    serial: Option<Option<Text>>,
    /// Whether the card told the state of its PIN by GET DATA.
    tells_status: bool,
    /// Whether it gave a challenge, which the next command must answer.
    is_asked: bool,
    /// Where random bytes come from.
    random: fn() -> Result<[u8; 23]>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { serial: None, tells_status: false, is_asked: false, random: admin::random }
    }
}

/// The GIDS application, inside one transaction.
pub struct Gids<'a, 'c> {
    channel: &'a mut Channel<'c>,
    memory: &'a mut Memory,
    place: Place,
    selected: bool,
    /// The counter of the PIN that the command just sent has read; any other command makes it stale.
    counter: Option<Retries>,
    /// Whether the card refused to be authenticated mutually.
    refuses_mutual: bool,
}

impl CardApplication for Memory {
    fn application(&self) -> Application {
        Application::Gids
    }

    fn abilities(&self) -> &'static [Ability] {
        ABILITIES
    }

    fn identity(&self, place: Place) -> Identity {
        Identity {
            application: Application::Gids,
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
        Gids::new(channel, self, Place::Reader(Text::from("")), false).serial()
    }

    fn resume(&mut self, continuity: Continuity) -> Result<()> {
        match continuity {
            Continuity::Reset if std::mem::take(&mut self.is_asked) => Err(Error::Stale),
            Continuity::Reset | Continuity::Kept => Ok(()),
        }
    }

    fn token<'a, 'c: 'a>(&'a mut self, channel: &'a mut Channel<'c>, place: Place) -> Box<dyn Token + 'a> {
        // What gave a challenge is selected still, and a SELECT would lose it.
        let selected = std::mem::take(&mut self.is_asked);
        Box::new(Gids::new(channel, self, place, selected))
    }
}

impl<'a, 'c> Gids<'a, 'c> {
    fn new(channel: &'a mut Channel<'c>, memory: &'a mut Memory, place: Place, selected: bool) -> Self {
        Self { channel, memory, place, selected, counter: None, refuses_mutual: false }
    }

    fn select(&mut self) -> Result<()> {
        if !self.selected {
            select(self.channel, Application::Gids, &AID)?;
            self.selected = true;
        }
        Ok(())
    }

    /// Sends a command, the first one after the application was selected; it makes a counter read before stale.
    fn send(&mut self, name: &'static str, header: [u8; 4], data: Data, answers: bool) -> Result<Response> {
        self.select()?;
        self.counter = None;
        self.channel.send(&Command { name, header, data, answers })
    }

    fn get_data(&mut self, file: [u8; 2], tags: [u8; 4]) -> Result<Response> {
        let [high, low] = file;
        self.send("GET DATA", [0x00, 0xCB, high, low], Data::Plain(tags.to_vec()), true)
    }

    /// The card identifier, which Windows' driver and OpenSC give each card.
    fn serial(&mut self) -> Result<Option<Text>> {
        if let Some(serial) = &self.memory.serial {
            return Ok(serial.clone());
        }
        let told = self.get_data([0xA0, 0x12], objects::CARD_ID)?;
        let serial = if told.status == StatusWord::OK { objects::card_id(&told.data) } else { None };
        self.memory.serial = Some(serial.clone());
        Ok(serial)
    }

    /// The counter of the PIN by GET DATA, which tells its limit too; none where the card does not have that.
    fn pin_status(&mut self) -> Result<Option<Retries>> {
        let told = self.get_data([0x3F, 0xFF], objects::PIN_STATUS)?;
        let retries = if told.status == StatusWord::OK { objects::pin_status(&told.data) } else { None };
        self.memory.tells_status |= retries.is_some();
        Ok(retries)
    }

    /// The state of the PIN and its counter. Whether there is a PIN at all is told by VERIFY without data alone, which is sent
    /// where GET DATA tells nothing, or for a `first` PIN.
    fn pin_state(&mut self, first: bool) -> Result<(State, Retries)> {
        let told = self.pin_status()?;
        let (state, retries) = match told {
            Some(Retries::Blocked) => (State::Blocked, Retries::Blocked),
            Some(retries) if !first => (State::Ready, retries),
            _ => {
                let status = self.send("VERIFY (counter)", [0x00, 0x20, 0x00, USER_PIN], Data::None, false)?.status;
                match (status.0, status.meaning()) {
                    // 9000 is that of a card not yet initialised: GIDS cards seen say 63Cx of a verified PIN as well.
                    (0x9000 | 0x6984 | 0x6A88, _) => (State::Unset, Retries::Unknown),
                    (_, Meaning::Blocked) => (State::Blocked, Retries::Blocked),
                    (_, Meaning::Wrong(Some(left))) => (State::Ready, told.unwrap_or(Retries::counted(left, None))),
                    _ => (State::Ready, told.unwrap_or(Retries::Unknown)),
                }
            }
        };
        self.counter = Some(retries);
        Ok((state, retries))
    }

    /// Sends a command with a new value alone, which is typed at the reader where there is none.
    fn renew(&mut self, name: &'static str, header: [u8; 4], new: Option<Data>) -> Result<StatusWord> {
        match new {
            Some(new) => self.send(name, header, new, false).map(|answer| answer.status),
            None => self.enter(name, header, &[pad::NEW_PIN]),
        }
    }

    /// What the refusal of a PIN means.
    fn refused(&mut self, before: Option<Retries>, status: StatusWord) -> Error {
        let presented = Presented { command: "VERIFY", role: Role::UserPin, before, changed: None };
        // Some cards say so of a PIN that is blocked, others where there is none.
        if matches!(status.0, 0x6984 | 0x6A88) {
            match self.pin_state(true) {
                Ok((State::Unset, _)) => return Error::Unset { role: Role::UserPin },
                Ok((_, retries)) => return presented.by_counter(status, retries),
                Err(error) => return error,
            }
        }
        presented.refused(status, || self.retries(Role::UserPin).unwrap_or(Retries::Unknown))
    }

    fn reference(&self, role: Role, state: State, retries: Retries) -> Reference {
        let (key_reference, length, current_length) = match role {
            Role::UserPin => {
                let length = Length { min: SHORTEST, max: Some(LONGEST), unit: Unit::Characters };
                (USER_PIN, length, (SHORTEST, LONGEST))
            }
            // One that is there may be of AES, on cards that go beyond the specification.
            _ => (ADMIN_KEY, Length { min: 48, max: Some(48), unit: Unit::HexDigits }, (32, 64)),
        };
        Reference {
            role,
            name: role.title(),
            key_reference: Some(key_reference),
            state,
            retries,
            default: None,
            length,
            current_length: Some(current_length),
        }
    }
}

impl Token for Gids<'_, '_> {
    /// Full: SELECT, GET DATA, VERIFY without data, GET DATA (card identifier): four commands.
    fn survey(&mut self, depth: Depth<'_>) -> Result<Survey> {
        let (state, retries) = match depth {
            Depth::Full => self.pin_state(true)?,
            // Who asks for the PIN alone presents it next, and learns then whether there is one.
            Depth::Only(roles) if roles.iter().any(|role| matches!(role, Role::UserPin | Role::Response)) => {
                self.pin_state(false)?
            }
            Depth::Only(_) => (State::Unknown, Retries::Unknown),
        };
        if depth == Depth::Full {
            self.serial()?;
        }
        let references = vec![
            self.reference(Role::UserPin, state, retries),
            self.reference(Role::AdminKey, State::Unknown, Retries::Unknown),
        ];
        let pad = self.pad(&references);
        Ok(Survey { pad, ..Survey::new(self.memory.identity(self.place.clone()), references, ABILITIES) })
    }

    fn narrow_keys(&mut self, role: Role, digits: (usize, usize)) {
        self.channel.narrow_keys(role, digits);
    }

    /// Sends nothing for the admin key, of which the card counts no tries, and for the response to its challenge.
    fn retries(&mut self, role: Role) -> Result<Retries> {
        match (role, self.counter) {
            (Role::UserPin, Some(retries)) => Ok(retries),
            (Role::UserPin, None) => self.pin_state(false).map(|(_, retries)| retries),
            _ => Ok(Retries::Unknown),
        }
    }

    /// Where a second request for a challenge was needed, the counter is not read: the admin key, which has no counter, would
    /// give back at once the PIN that a proof blocked.
    fn retries_before_proof(&mut self, role: Role) -> Result<Retries> {
        if self.refuses_mutual { Ok(Retries::Unknown) } else { self.retries(role) }
    }

    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()> {
        if role != Role::UserPin {
            return Err(Error::unsupported(format!("{role} that can be verified")));
        }
        let before = self.counter;
        let (name, header) = ("VERIFY", [0x00, 0x20, 0x00, USER_PIN]);
        let status = match is_typed(&[pin])? {
            true => self.enter(name, header, &[pad::PIN])?,
            false => self.send(name, header, value(&[pin])?, false)?.status,
        };
        if status == StatusWord::OK { Ok(()) } else { Err(self.refused(before, status)) }
    }

    /// VERIFY comes first: CHANGE REFERENCE DATA takes as many bytes for the old PIN as it has, and a character too many of it
    /// would become the first one of the new PIN.
    fn change(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        match role {
            Role::UserPin => {
                let (name, header) = ("CHANGE REFERENCE DATA", [0x00, 0x24, 0x00, USER_PIN]);
                if is_typed(&[old, new])? {
                    self.verify(role, old)?;
                    return self.change_at_keys(name, header);
                }
                let both = value(&[old, new])?;
                self.verify(role, old)?;
                let status = self.send(name, header, both, false)?.status;
                taken(role, name, status)
            }
            Role::AdminKey => {
                let new = key(Need::New(role), new)?;
                self.authenticate(Need::Current(role), old)?;
                let data = Data::Secret(objects::new_key(&new));
                let status = self.send("PUT DATA", [0x00, 0xDB, 0x3F, 0xFF], data, false)?.status;
                taken(role, "PUT DATA", status)
            }
            _ => Err(Error::unsupported(format!("change of the {role}"))),
        }
    }

    /// Logs everyone out first: the command also replaces the PIN of a user who is logged in, and that is no first one.
    fn set(&mut self, role: Role, new: &Entry) -> Result<()> {
        if role != Role::UserPin {
            return Err(Error::unsupported(format!("first {role} to be set")));
        }
        let new = typable(new)?;
        self.send("VERIFY (log out)", [0x00, 0x20, 0x00, 0x82], Data::None, false)?;
        let status = self.renew("CHANGE REFERENCE DATA", [0x00, 0x24, 0x01, USER_PIN], new)?;
        match status.0 {
            0x6982 => Err(Error::Unsupported { what: format!("the {role} is set already") }),
            _ => taken(role, "CHANGE REFERENCE DATA", status),
        }
    }

    fn reset(&mut self, role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        let new = typable(new)?;
        match (role, authority.role) {
            (Role::UserPin, Role::AdminKey) => self.authenticate(Need::Current(Role::AdminKey), authority.secret)?,
            // A challenge that was given and not lost leaves the application selected.
            (Role::UserPin, Role::Response) if !self.selected => return Err(Error::Stale),
            (Role::UserPin, Role::Response) => {
                let response = response(authority.secret)?;
                self.answer(Role::Response, &response)?;
            }
            (_, by) => return Err(Error::unsupported(format!("reset of the {role} by the {by}"))),
        }
        let status = self.renew("RESET RETRY COUNTER", [0x00, 0x2C, 0x02, USER_PIN], new)?;
        taken(role, "RESET RETRY COUNTER", status)
    }

    fn challenge(&mut self) -> Result<Vec<u8>> {
        self.choose_admin_key()?;
        let challenge = self.ask_challenge()?;
        self.memory.is_asked = true;
        Ok(challenge.bytes().to_vec())
    }

    fn prove(&mut self, role: Role, pin: &Entry) -> Result<Proof> {
        match role {
            Role::AdminKey => self.authenticate(Need::New(role), pin),
            _ => self.verify(role, pin),
        }
        .map(|()| Proof::Proved)
    }
}

/// The value as it is; none where it is typed at the reader.
fn typable(entry: &Entry) -> Result<Option<Data>> {
    if is_typed(&[entry])? { Ok(None) } else { value(&[entry]).map(Some) }
}

/// The values one behind the other, as they are.
fn value(values: &[&Entry]) -> Result<Data> {
    let mut data = Pages::with_capacity(values.len() * LONGEST);
    for value in values {
        let pin = value.value().ok_or_else(|| Error::unsupported("PIN pad".into()))?;
        if !(SHORTEST..=LONGEST).contains(&pin.len()) {
            return Err(Error::Policy("a PIN of GIDS has 4 to 16 bytes; nothing was sent".into()));
        }
        data.extend_from_slice(pin.bytes());
    }
    Ok(Data::Secret(data))
}

/// A new admin key, which is one of 3DES.
fn key(need: Need, entry: &Entry) -> Result<AdminKey> {
    let key = AdminKey::parse(need, entry.value().ok_or_else(|| Error::unsupported("PIN pad".into()))?)?;
    match key.bytes().len() {
        24 => Ok(key),
        _ => Err(Error::Policy("the admin key of GIDS has 48 hexadecimal digits; nothing was sent".into())),
    }
}

/// The response to a challenge, in hexadecimal digits.
fn response(entry: &Entry) -> Result<Block> {
    let digits = entry.value().and_then(|digits| std::str::from_utf8(digits.bytes()).ok());
    let response = digits.and_then(|digits| Block::parse(digits).ok());
    response.ok_or_else(|| Error::Internal("a response that nobody checked".into()))
}

/// Whether the card took a new value, whose authority it had accepted by then: what is refused is the value.
fn taken(role: Role, command: &'static str, status: StatusWord) -> Result<()> {
    if status == StatusWord::OK { Ok(()) } else { Err(refused_though_right(command, role, status)) }
}

#[cfg(test)]
mod tests;
