//! OpenPGP cards, 2.0 to 3.4: PW1 (81, 82), PW3 (83) and the reset code.
//!
//! Only DO C4 tells the counters on every card: some have one status word for wrong, blocked and not authorised. The old
//! and the new value of a change are not parted, so that the old one is verified first.

mod abilities;
mod erase;
mod kdf;
mod objects;
mod pad;
mod present;

use zeroize::Zeroizing;

use super::{
    apdu::{Command, Data, Response},
    application::{CardApplication, ask_to_select, selected},
    channel::Channel,
    status_word::{Meaning, StatusWord},
    tlv::find,
};
use crate::{
    error::{Error, Result},
    secret::{Entry, Pages, Pin},
    token::{
        Ability, Application, Authority, Depth, Identity, Length, LimitRules, Limits, Place, Proof, Reference, Retries,
        Role, State, Survey, Text, Token, Unit,
    },
};
use kdf::Kdf;
use objects::{Aid, PinStatus, Related};
use present::joined;

/// The application's identifier without version, maker and serial number (OpenPGP card 3.4, 4.2.1).
const AID: [u8; 6] = [0xD2, 0x76, 0x00, 0x01, 0x24, 0x01];
/// Key references: PW1 for signatures and for all else, PW3.
const PW1: u8 = 0x81;
const PW1_OTHER: u8 = 0x82;
const PW3: u8 = 0x83;
/// The values of delivery (OpenPGP card 3.4, 4.2).
const DELIVERED_PW1: &[u8] = b"123456";
const DELIVERED_PW3: &[u8] = b"12345678";

/// What a survey notes of a card with KDF.
pub(super) const KDF_IS_ON: &str =
    "KDF is on: the card gets a hash of each PIN, and programs and keypads that do not know of that waste its tries";
pub(super) const KDF_IS_UNCLEAR: &str = "KDF is on in a form that is not understood: no PIN is sent to this card";
const HALF_ERASED: &str = "its erasure was begun and not ended: `pukka token erase` ends it";
const TOO_OLD: &str = "a card of version 1 is only shown: its PINs work in another way";

/// What is known of a card from one transaction to the next.
#[derive(Debug, Default)]
pub struct Memory {
    aid: Option<Aid>,
    has_kdf: Option<bool>,
    has_life_cycle: Option<bool>,
    /// Whether it was terminated and not activated again.
    terminated: bool,
}

/// The OpenPGP application, inside one transaction.
pub struct OpenPgp<'a, 'c> {
    channel: &'a mut Channel<'c>,
    memory: &'a mut Memory,
    place: Place,
    selected: bool,
    /// What becomes of PINs; read anew in each transaction, since another program may have changed it.
    kdf: Option<Kdf>,
    pins: Option<PinStatus>,
    /// Whether the command just sent has read the counters; any other makes them stale.
    is_fresh: bool,
    /// The tries of the reset code before it was set.
    code_before: Retries,
}

impl CardApplication for Memory {
    fn application(&self) -> Application {
        Application::OpenPgp
    }

    fn abilities(&self) -> &'static [Ability] {
        match self.aid {
            _ if self.terminated => abilities::ERASURE_ONLY,
            Some(Aid { version: (..2, _), .. }) => &[],
            _ if self.has_life_cycle == Some(false) => abilities::WITHOUT_ERASURE,
            Some(aid) if !aid.is_yubico() => abilities::WITHOUT_LIMITS,
            _ => abilities::ALL,
        }
    }

    fn identity(&self, place: Place) -> Identity {
        Identity {
            application: Application::OpenPgp,
            serial: self.aid.map(|aid| aid.serial()),
            label: None,
            manufacturer: self.aid.and_then(|aid| aid.manufacturer()),
            model: self.aid.map(|aid| aid.model()),
            place,
            blank: false,
        }
    }

    fn identify(&mut self, channel: &mut Channel<'_>) -> Result<Option<Text>> {
        *self = Self::default();
        // Where the card sits makes no difference to what it says.
        let mut card = OpenPgp::new(channel, self, Place::Reader(Text::from("")));
        card.select()?;
        if !card.memory.terminated {
            let told = card.get(0x4F)?;
            let inner = find(&told.data, &[0x4F]);
            card.memory.terminated = is_terminated(told.status);
            card.memory.aid = Aid::parse(inner.as_deref().unwrap_or(&told.data));
        }
        Ok(self.aid.map(|aid| aid.serial()))
    }

    fn token<'a, 'c: 'a>(&'a mut self, channel: &'a mut Channel<'c>, place: Place) -> Box<dyn Token + 'a> {
        Box::new(OpenPgp::new(channel, self, place))
    }
}

impl Memory {
    fn limit_rules(&self) -> Option<&'static LimitRules> {
        let aid = self.aid.filter(|aid| aid.is_yubico() && !self.terminated)?;
        Some(if aid.is_neo() { &abilities::LIMIT_RULES_OF_NEO } else { &abilities::LIMIT_RULES })
    }
}

/// Whether a card says that it was terminated. Some let themselves be selected all the same, and refuse what comes then.
fn is_terminated(status: StatusWord) -> bool {
    matches!(status.0, 0x6285 | 0x6985)
}

impl<'a, 'c> OpenPgp<'a, 'c> {
    /// The application behind `channel`; it is selected by the first command that needs it.
    pub fn new(channel: &'a mut Channel<'c>, memory: &'a mut Memory, place: Place) -> Self {
        let code_before = Retries::Unknown;
        Self { channel, memory, place, selected: false, kdf: None, pins: None, is_fresh: false, code_before }
    }

    fn select(&mut self) -> Result<()> {
        if self.selected {
            return Ok(());
        }
        let status = ask_to_select(self.channel, &AID)?.status;
        self.memory.terminated = is_terminated(status);
        if !self.memory.terminated {
            selected(Application::OpenPgp, status)?;
        }
        self.selected = true;
        Ok(())
    }

    fn send(&mut self, name: &'static str, header: [u8; 4], data: Data, answers: bool) -> Result<Response> {
        self.select()?;
        self.is_fresh = false;
        self.channel.send(&Command { name, header, data, answers })
    }

    fn get(&mut self, object: u8) -> Result<Response> {
        self.send("GET DATA", [0x00, 0xCA, 0x00, object], Data::None, true)
    }

    /// Reads what the card says of its PINs; their counters last, so that they are fresh. `whole` is all that it says of
    /// itself, an object so long that many cards send it in two parts.
    fn read(&mut self, whole: bool) -> Result<()> {
        self.select()?;
        if self.memory.terminated {
            return Ok(());
        }
        let kdf = match self.memory.has_kdf {
            Some(false) => None,
            _ => Some(self.get(0xF9)?).filter(|kdf| kdf.status == StatusWord::OK),
        };
        // A card that has the object is of version 3, and tells nothing else that matters for a PIN.
        if let (false, Some(kdf)) = (whole, &kdf) {
            self.count()?;
            if self.pins.is_some() {
                self.kdf = Some(Kdf::parse(&kdf.data));
                return Ok(());
            }
        }
        let told = self.get(0x6E)?;
        if is_terminated(told.status) {
            self.memory.terminated = true;
            return Ok(());
        }
        if told.status != StatusWord::OK {
            return Err(Error::device("the card does not tell what it is", told.status.to_string()));
        }
        let related = Related::parse(&told.data);
        self.kdf = Some(match (related.has_kdf, kdf) {
            (Some(false), _) | (None, None) => Kdf::Off,
            (_, Some(kdf)) => Kdf::parse(&kdf.data),
            (Some(true), None) => Kdf::Unclear("it does not tell how"),
        });
        self.memory.aid = related.aid.or(self.memory.aid);
        self.memory.has_kdf = related.has_kdf;
        self.memory.has_life_cycle = Some(related.has_life_cycle);
        self.pins = related.pins;
        self.is_fresh = true;
        Ok(())
    }

    /// Reads the counters alone.
    fn count(&mut self) -> Result<()> {
        let told = self.get(0xC4)?;
        self.pins = if told.status == StatusWord::OK { PinStatus::parse(&told.data) } else { None };
        self.is_fresh = true;
        Ok(())
    }

    /// The counter as it was read last.
    fn told(&self, role: Role) -> Retries {
        self.pins.map_or(Retries::Unknown, |pins| pins.retries(role))
    }

    /// Everything that may be another's after an erasure.
    fn forget(&mut self) {
        *self.memory = Memory { aid: self.memory.aid, ..Memory::default() };
        (self.selected, self.kdf, self.pins, self.is_fresh) = (false, None, None, false);
    }

    fn reference(&self, role: Role) -> Reference {
        let (name, key_reference, min) = match role {
            Role::UserPin => (role.title(), Some(PW1), 6),
            Role::SoPin => ("Admin PIN", Some(PW3), 8),
            _ => (role.title(), None, 8),
        };
        let retries = self.told(role);
        let state = match (role, retries) {
            // A reset code that was never set and one that is blocked look alike in DO C4; neither can be used.
            (Role::ResetCode, Retries::Blocked) => State::Unset,
            (_, Retries::Blocked) => State::Blocked,
            (_, Retries::Unknown) => State::Unknown,
            _ => State::Ready,
        };
        // What the card limits is what it gets: of a hash that says nothing of the PIN.
        let is_hashed = matches!(self.kdf, Some(Kdf::On(_)));
        let max = self.pins.map(|pins| pins.longest(role)).filter(|max| *max >= min && !is_hashed);
        let length = Length { min, max, unit: Unit::Characters };
        let current_length = Some((min, max.unwrap_or(Pin::MOST)));
        Reference { role, name, key_reference, state, retries, default: None, length, current_length }
    }
}

impl Token for OpenPgp<'_, '_> {
    /// SELECT, KDF-DO, and then all that the card says of itself, or the counters alone.
    fn survey(&mut self, depth: Depth<'_>) -> Result<Survey> {
        self.read(depth == Depth::Full)?;
        let roles: &[Role] = if self.memory.terminated { &[] } else { &[Role::UserPin, Role::ResetCode, Role::SoPin] };
        let is_old = self.memory.aid.is_some_and(|aid| aid.version.0 < 2);
        let notes = [
            (matches!(self.kdf, Some(Kdf::On(_))), KDF_IS_ON),
            (matches!(self.kdf, Some(Kdf::Unclear(_))), KDF_IS_UNCLEAR),
            (self.memory.terminated, HALF_ERASED),
            (is_old, TOO_OLD),
        ];
        let references: Vec<Reference> = roles.iter().map(|role| self.reference(*role)).collect();
        let pad = self.pad(&references);
        Ok(Survey {
            limit_rules: self.memory.limit_rules(),
            notes: notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect(),
            pad,
            ..Survey::new(self.memory.identity(self.place.clone()), references, self.memory.abilities())
        })
    }

    fn narrow_keys(&mut self, role: Role, digits: (usize, usize)) {
        self.channel.narrow_keys(role, digits);
    }

    fn retries(&mut self, role: Role) -> Result<Retries> {
        match self.kdf {
            _ if self.is_fresh => {}
            Some(_) => self.count()?,
            None => self.read(false)?,
        }
        Ok(self.told(role))
    }

    /// What was told before the command tells enough: none left is nothing to lose, and of two a proof leaves one. Which
    /// says nothing of the counter now.
    fn retries_before_proof(&mut self, role: Role) -> Result<Retries> {
        match role {
            Role::UserPin | Role::SoPin if self.told(role).is_last() => self.retries(role),
            _ => Ok(Retries::Unknown),
        }
    }

    /// PW1 is wanted in two ways, which have one value and one counter.
    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()> {
        match role {
            Role::UserPin => {
                let value = self.values(&[(role, pin)])?;
                let again = value.as_ref().map(|value| Pages::from(&**value));
                self.present("VERIFY", [0x00, 0x20, 0x00, PW1], again, role, None)?;
                // What was typed at a reader would have to be typed again, for the same answer.
                if value.is_none() {
                    return Ok(());
                }
                self.present("VERIFY", [0x00, 0x20, 0x00, PW1_OTHER], value, role, None)
            }
            Role::SoPin => self.present_pin(PW3, role, pin),
            other => Err(Error::unsupported(format!("{other} that can be verified"))),
        }
    }

    fn change(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        let key_reference = match role {
            Role::UserPin => PW1,
            Role::SoPin => PW3,
            other => return Err(Error::unsupported(format!("change of the {other}"))),
        };
        let both = self.values(&[(role, old), (role, new)])?;
        let old = self.values(&[(role, old)])?;
        let (name, header) = ("CHANGE REFERENCE DATA", [0x00, 0x24, 0x00, key_reference]);
        self.present("VERIFY", [0x00, 0x20, 0x00, key_reference], old, role, None)?;
        if both.is_none() {
            // The old value is typed once more, and may be wrong this time.
            self.count()?;
            return self.present(name, header, both, role, Some(role));
        }
        self.renew(name, header, both, role)
    }

    fn reset(&mut self, role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        match (role, authority.role) {
            (Role::UserPin, Role::SoPin) => {
                let value = self.values(&[(role, new)])?;
                self.authorise(authority)?;
                self.renew("RESET RETRY COUNTER", [0x00, 0x2C, 0x02, PW1], value, role)
            }
            (Role::UserPin, Role::ResetCode) => {
                let both = joined(&[self.value(Role::ResetCode, authority.secret)?, self.value(role, new)?]);
                let header = [0x00, 0x2C, 0x00, PW1];
                self.present("RESET RETRY COUNTER", header, Some(both), Role::ResetCode, Some(role))
            }
            (Role::ResetCode, Role::SoPin) => {
                let value = self.value(role, new)?;
                self.code_before = self.told(role);
                self.authorise(authority)?;
                self.renew("PUT DATA", [0x00, 0xDA, 0x00, 0xD3], Some(value), role)
            }
            (_, by) => Err(Error::unsupported(format!("reset of the {role} by the {by}"))),
        }
    }

    /// The first value after the limits were set on a YubiKey NEO, which has put its PINs back to those of delivery.
    fn set(&mut self, role: Role, new: &Entry) -> Result<()> {
        let delivered = match role {
            Role::UserPin => DELIVERED_PW1,
            Role::SoPin => DELIVERED_PW3,
            other => return Err(Error::unsupported(format!("first {other} to be set"))),
        };
        self.change(role, &Entry::Value(Pin::take(Zeroizing::new(delivered.to_vec()))), new)
    }

    fn clear(&mut self, role: Role, authority: Authority<'_>) -> Result<()> {
        if role != Role::ResetCode {
            return Err(Error::unsupported(format!("{role} that can be cleared")));
        }
        self.authorise(authority)?;
        let status = self.send("PUT DATA", [0x00, 0xDA, 0x00, 0xD3], Data::None, false)?.status;
        match status.meaning() {
            Meaning::Done => Ok(()),
            Meaning::Malformed | Meaning::NotSupported => {
                Err(Error::Unsupported { what: format!("the card does not let its {role} be cleared") })
            }
            _ => Err(Error::device("the card answers PUT DATA with an error", status.to_string())),
        }
    }

    fn set_limits(&mut self, limits: &Limits, authorities: &[Authority<'_>]) -> Result<()> {
        if self.memory.aid.is_none() {
            self.read(true)?;
        }
        let roles = self.memory.limit_rules().map_or(&[][..], |rules| rules.roles);
        let data: Vec<u8> = roles.iter().filter_map(|role| limits.get(role).copied()).collect();
        let authority = authorities.first().filter(|_| data.len() == 3);
        let authority = authority.ok_or_else(|| Error::unsupported("retry counter whose limit can be set".into()))?;
        self.authorise(*authority)?;
        match self.send("SET PIN RETRIES", [0x00, 0xF2, 0x00, 0x00], Data::Plain(data), false)?.status {
            StatusWord::OK => Ok(()),
            status if status.meaning() == Meaning::NotSupported => {
                Err(Error::unsupported("retry counter whose limit can be set".into()))
            }
            status => Err(Error::device("the card answers SET PIN RETRIES with an error", status.to_string())),
        }
    }

    fn erase(&mut self) -> Result<()> {
        self.begin_anew()
    }

    fn prove(&mut self, role: Role, pin: &Entry) -> Result<Proof> {
        match role {
            Role::UserPin => self.present_pin(PW1, role, pin)?,
            Role::SoPin => self.present_pin(PW3, role, pin)?,
            // To present it would set a new PIN.
            _ => {
                return match (self.code_before, self.retries(role)?) {
                    (_, Retries::Blocked) => Err(Error::device("the card counts no tries of it", None)),
                    (Retries::Blocked, Retries::Left { .. }) => Ok(Proof::Proved),
                    (Retries::Left { left: before, .. }, Retries::Left { left, .. }) if left > before => {
                        Ok(Proof::Proved)
                    }
                    _ => Ok(Proof::NotPossible("there was a reset code before, and the counter is the same for both")),
                };
            }
        }
        Ok(Proof::Proved)
    }
}

#[cfg(test)]
mod tests;
