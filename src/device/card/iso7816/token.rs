//! A card by its profile, inside one transaction: what is sent is what its templates say.

use super::{
    application::Memory,
    place::Reading,
    profile::{Alphabet, Counter, First, Form, Reference, Select},
    template::{Template, Which},
    verdict::{Known, Refused, Said, said, tells_first},
};
use crate::{
    device::card::{
        apdu::Response,
        channel::Channel,
        pad::is_typed,
        refusal::Presented,
        status_word::{Meaning, StatusWord},
    },
    error::{Error, Result},
    secret::{Entry, Pin},
    token::{self, Authority, Depth, Length, Place, Proof, Retries, Role, State, Survey, Text, Token, Unit},
};

/// The application of a profile, inside one transaction.
pub struct Card<'a, 'c> {
    pub(super) channel: &'a mut Channel<'c>,
    memory: &'a mut Memory,
    place: Place,
    /// The directory below the application that is selected; none where not even that is.
    at: Option<&'static [Select]>,
    /// The counter that was read last; a command that presents a secret makes it stale.
    counter: Option<(&'static Reference, Retries)>,
    /// Whether a RESET RETRY COUNTER behind a verified secret was the command just done.
    restored: bool,
}

/// Whether an answer to reset is one that readers make up for cards that have no contacts (PC/SC part 3, 3.1.3.2.3).
pub fn is_contactless(atr: &[u8]) -> bool {
    matches!(atr, [0x3B, historical, 0x80, 0x01, ..] if historical & 0xF0 == 0x80)
}

impl<'a, 'c> Card<'a, 'c> {
    /// The application behind `channel`; it is selected by the first command that needs it.
    pub fn new(channel: &'a mut Channel<'c>, memory: &'a mut Memory, place: Place) -> Self {
        Self { channel, memory, place, at: None, counter: None, restored: false }
    }

    /// Selects the application, and reads the serial number where the card has one.
    ///
    /// # Errors
    /// [`Error::NoToken`] where the card has no such application, [`Error::Device`].
    pub fn identify(&mut self) -> Result<Option<Text>> {
        self.go(&[])?;
        let serial = match &self.memory.kind.profile().serial {
            Some(serial) => self.read_serial(Reading::Serial(serial))?,
            None => None,
        };
        self.memory.serial = Some(serial.clone());
        Ok(serial)
    }

    fn read_serial(&mut self, reading: Reading<'static>) -> Result<Option<Text>> {
        let Some(response) = self.read(reading)? else { return Ok(None) };
        let serial = self.memory.kind.profile().serial.as_ref();
        Ok(serial.filter(|_| response.status == StatusWord::OK).and_then(|serial| serial.in_answer(&response.data)))
    }

    /// Reads something where it is; none where the card has no such place.
    fn read(&mut self, reading: Reading<'static>) -> Result<Option<Response>> {
        match self.go(reading.place()) {
            // The application itself must be there.
            Err(Error::NoToken(_)) if !reading.place().is_empty() => return Ok(None),
            other => other?,
        }
        reading.command().map(|command| self.channel.send(&command.fill(&[])?)).transpose()
    }

    /// Goes to a place below the application, from where we are.
    fn go(&mut self, to: &'static [Select]) -> Result<()> {
        if self.at == Some(to) {
            return Ok(());
        }
        let profile = self.memory.kind.profile();
        let mut found = None;
        for aid in self.memory.aids.clone() {
            let way = profile.way(aid, self.at, to);
            let begins = self.at.is_none();
            let application = if begins { profile.application(aid).len() } else { 0 };
            self.at = None;
            match self.select(&way)? {
                done if done == way.len() => {
                    found = Some(aid);
                    break;
                }
                // Another identifier may be the card's; a place that is missing is so for good.
                selected if begins && selected < application => {}
                _ => return Err(self.missing()),
            }
        }
        let aid = found.ok_or_else(|| self.missing())?;
        self.memory.aids = vec![aid];
        self.at = Some(to);
        Ok(())
    }

    /// Sends SELECT commands till one finds nothing; how many did find something.
    fn select(&mut self, way: &[Template<'_>]) -> Result<usize> {
        for (done, template) in way.iter().enumerate() {
            let response = self.channel.send(&template.fill(&[])?)?;
            match response.status.meaning() {
                Meaning::Done => {}
                Meaning::NotFound | Meaning::NotSupported | Meaning::Malformed => return Ok(done),
                _ => {
                    let what = format!("the card does not let its {} application be selected", self.name());
                    return Err(Error::device(what, response.status.to_string()));
                }
            }
        }
        Ok(way.len())
    }

    fn name(&self) -> &'static str {
        self.memory.kind.application().name()
    }

    fn missing(&self) -> Error {
        Error::NoToken(format!("the card has no {} application", self.name()))
    }

    /// The reference that plays `role` for the user PIN that is meant.
    pub(super) fn reference(&self, role: Role) -> Result<&'static Reference> {
        self.memory.kind.reference(role, self.memory.chosen).ok_or_else(|| Error::unsupported(role.to_string()))
    }

    fn said(&self, status: StatusWord) -> Said {
        said(self.memory.kind, self.memory.is_contactless, status)
    }

    /// Asks for the counter of a reference, and what its answer says of its state; nothing is sent where the card does not tell.
    fn ask(&mut self, reference: &'static Reference) -> Result<Told> {
        let Some(response) = reference.ask().and(self.read(Reading::Counter(reference))?) else {
            return Ok(Told::NOTHING);
        };
        let told = match (&reference.counter, self.said(response.status)) {
            (_, Said::Unset) => Told { state: Some(State::Unset), ..Told::NOTHING },
            (_, Said::MustChange) => Told { state: Some(State::MustChange), ..Told::NOTHING },
            (_, Said::Contactless) => Told::NOTHING,
            (Counter::GetData(data), Said::Meaning(Meaning::Done)) => {
                let told = data.read(&response.data, reference.tries);
                let state = told.must_change.then_some(State::MustChange);
                Told { state, retries: told.retries, verified: false }
            }
            (Counter::GetData(_) | Counter::None, _) => Told::NOTHING,
            (Counter::Verify, Said::Meaning(meaning)) => match meaning {
                Meaning::Done => Told { verified: true, ..Told::NOTHING },
                Meaning::Wrong(Some(left)) => Told::counted(Retries::counted(left, reference.tries)),
                Meaning::Blocked => Told::counted(Retries::Blocked),
                _ => Told::NOTHING,
            },
        };
        self.counter = (!told.verified).then_some((reference, told.retries));
        Ok(told)
    }

    /// Presents secrets, or sets one, where the reference of the command is.
    fn present(
        &mut self,
        to: &'static Reference,
        template: Option<Template<'static>>,
        values: &[&Entry],
        what: Presents,
    ) -> Result<()> {
        let template = template.ok_or_else(|| Error::unsupported(what.role.to_string()))?;
        let command = match is_typed(values)? {
            true => None,
            false => Some(template.fill(&values.iter().filter_map(|entry| entry.value()).collect::<Vec<&Pin>>())?),
        };
        self.go(&to.select)?;
        self.restored = false;
        let owner = self.reference(what.role)?;
        let before = self.counter.take().filter(|(read, _)| *read == owner).map(|(_, retries)| retries);
        let known = match what.known {
            Known::Counter(_) => Known::Counter(before),
            known => known,
        };
        let sent = match command {
            Some(command) => self.channel.send(&command).map(|answer| answer.status),
            None => self.enter(&template),
        };
        let status = sent.map_err(|error| {
            let before = if let Known::Counter(before) = known { before } else { None };
            let presented = Presented { command: template.name, role: what.role, before, changed: what.changed };
            presented.not_entered(error, || self.retries(what.role).unwrap_or(Retries::Unknown))
        })?;
        let said = self.said(status);
        let refused = Refused { command: template.name, role: what.role, known, changed: what.changed };
        let now = || self.retries(what.role).unwrap_or(Retries::Unknown);
        refused.error(said, status, now).map_or(Ok(()), Err)
    }

    /// The way by which `role` resets the user PIN that is meant, of those that keep its value or not.
    pub(super) fn way(
        &self,
        role: Role,
        authority: Role,
        keeps: bool,
    ) -> Result<(&'static Reference, &'static Reference, Form)> {
        let what = if keeps { "unblocking of" } else { "reset of" };
        let none = || Error::unsupported(format!("{what} the {role} by the {authority}"));
        let (reference, by) = (self.reference(role)?, self.reference(authority).map_err(|_| none())?);
        let ways = reference.reset.iter().filter(|way| way.by == by.name);
        let form = ways.flat_map(|way| &way.forms).find(|form| form.keeps_value() == keeps).ok_or_else(none)?;
        Ok((reference, by, *form))
    }

    fn reset_retry_counter(
        &mut self,
        (reference, by, form): (&'static Reference, &'static Reference, Form),
        authority: Authority<'_>,
        new: Option<&Entry>,
    ) -> Result<()> {
        let template = reference.reset(form, by);
        let changed = new.map(|_| reference.role);
        if form.is_verified_before() {
            let verify = Presents { role: by.role, known: Known::Counter(None), changed: None };
            self.present(by, by.verify(Which::Current), &[authority.secret], verify)?;
            let what = Presents { role: by.role, known: Known::Right, changed };
            self.present(reference, template, new.as_slice(), what)?;
            self.restored = true;
            return Ok(());
        }
        let values: Vec<&Entry> = [authority.secret].into_iter().chain(new).collect();
        self.present(reference, template, &values, Presents { role: by.role, known: Known::Counter(None), changed })
    }

    /// A reference as the domain knows it.
    fn shown(&self, reference: &'static Reference, told: Told) -> token::Reference {
        let Reference { least, most, .. } = *reference;
        let state = match told {
            Told { retries: Retries::Blocked, .. } => State::Blocked,
            Told { state: Some(state), .. } => state,
            _ if !tells_first(self.memory.kind, reference) => State::Unknown,
            Told { retries: Retries::Unknown, verified: false, .. } => State::Unknown,
            _ => State::Ready,
        };
        let (shortest, longest) = match reference.first {
            Some(First::TransportPin { least: shortest, most: longest }) => (shortest.min(least), longest.max(most)),
            _ => (least, most),
        };
        let unit = match reference.alphabet {
            Alphabet::Digits => Unit::Digits,
            Alphabet::Any => Unit::Characters,
        };
        token::Reference {
            role: reference.role,
            name: &reference.name,
            key_reference: reference.key,
            state,
            retries: told.retries,
            default: None,
            length: Length { min: least, max: Some(most), unit },
            current_length: Some((shortest, longest)),
        }
    }

    /// Every reference, as told, those first that belong to the user PIN that was chosen.
    pub(super) fn references(&self, told: &[(&'static Reference, Told)]) -> Vec<token::Reference> {
        let kind = self.memory.kind;
        let belongs = |own: &Reference| {
            let meant = self.memory.chosen.and_then(|chosen| kind.reference(own.role, Some(chosen)));
            meant.is_none_or(|meant| meant == own)
        };
        let told =
            |own: &Reference| told.iter().find(|(known, _)| *known == own).map_or(Told::NOTHING, |(_, told)| *told);
        let mut references: Vec<&'static Reference> = kind.profile().references.iter().collect();
        references.sort_by_key(|own| !belongs(own));
        references.into_iter().map(|own| self.shown(own, told(own))).collect()
    }

    fn notes(&self) -> Vec<&'static str> {
        let profile = self.memory.kind.profile();
        let contactless = "this card is met by its antenna, where it takes no PIN: use a reader with contacts";
        let unproved = "commands for this kind of card are known from documents only: not each was seen on one yet";
        let notes = [
            (self.memory.is_contactless && profile.contactless_refuses, contactless),
            (profile.status == super::profile::Status::FromDocuments, unproved),
        ];
        notes.into_iter().filter(|(applies, _)| *applies).map(|(_, note)| note).collect()
    }
}

/// What a command presents, and what it sets.
#[derive(Clone, Copy)]
struct Presents {
    role: Role,
    known: Known,
    changed: Option<Role>,
}

/// What a card told of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    state: Option<State>,
    retries: Retries,
    /// Whether it was left verified, which says nothing of its counter.
    verified: bool,
}

impl Told {
    const NOTHING: Self = Self { state: None, retries: Retries::Unknown, verified: false };

    fn counted(retries: Retries) -> Self {
        Self { retries, ..Self::NOTHING }
    }
}

impl Token for Card<'_, '_> {
    /// Full: the application, and every counter and the serial number where they are, in the order with the fewest commands.
    fn survey(&mut self, depth: Depth<'_>) -> Result<Survey> {
        self.go(&[])?;
        let kind = self.memory.kind;
        let mut told = Vec::new();
        match depth {
            Depth::Full => {
                for reading in kind.profile().readings() {
                    match reading {
                        Reading::Counter(reference) => told.push((reference, self.ask(reference)?)),
                        Reading::Serial(_) if self.memory.serial.is_some() => {}
                        Reading::Serial(_) => self.memory.serial = Some(self.read_serial(reading)?),
                    }
                }
                self.memory.serial.get_or_insert(None);
            }
            Depth::Only(roles) => {
                for role in roles {
                    if let Some(reference) = kind.reference(*role, self.memory.chosen) {
                        told.push((reference, self.ask(reference)?));
                    }
                }
            }
        }
        let references = self.references(&told);
        let pad = self.pad(&references);
        Ok(Survey {
            set_before: self
                .reference(Role::UserPin)?
                .set_after()
                .and_then(|name| kind.profile().reference(name))
                .map(|own| own.role),
            notes: if depth == Depth::Full { self.notes() } else { Vec::new() },
            pad,
            ..Survey::new(
                crate::device::card::application::CardApplication::identity(self.memory, self.place.clone()),
                references,
                kind.abilities(self.memory.chosen),
            )
        })
    }

    fn narrow_keys(&mut self, role: Role, digits: (usize, usize)) {
        self.channel.narrow_keys(role, digits);
    }

    /// Resets a card that was left verified: it would answer 9000 whatever is left.
    fn retries(&mut self, role: Role) -> Result<Retries> {
        let reference = self.reference(role)?;
        if let Some((_, retries)) = self.counter.filter(|(read, _)| *read == reference) {
            return Ok(retries);
        }
        let mut told = self.ask(reference)?;
        if told.verified {
            self.channel.reset()?;
            self.at = None;
            told = self.ask(reference)?;
        }
        Ok(told.retries)
    }

    /// Behind a RESET RETRY COUNTER for which the PUK had to be verified before, the counter is not read: 9000 means that it is
    /// back at its initial value (ISO 7816-4, 11.6.10), so that there is a try for the proof, and the round trip is spared. The
    /// PIN's tries were not the ones at risk.
    fn retries_before_proof(&mut self, role: Role) -> Result<Retries> {
        if self.restored && role == Role::UserPin { Ok(Retries::Unknown) } else { self.retries(role) }
    }

    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()> {
        let reference = self.reference(role)?;
        let what = Presents { role, known: Known::Counter(None), changed: None };
        self.present(reference, reference.verify(Which::Current), &[pin], what)
    }

    /// Verifies the old value first where the card is not told where it ends: one character too many would become the first of
    /// the new one.
    fn change(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        let reference = self.reference(role)?;
        let by_delivery = || reference.set().filter(|_| matches!(reference.first, Some(First::TransportPin { .. })));
        let exchange = reference.exchange().or_else(by_delivery);
        let mut known = Known::Counter(None);
        if exchange.is_some() && !reference.is_delimited() {
            self.verify(role, old)?;
            known = Known::Right;
            if is_typed(&[old])? {
                // It is typed once more, and may be wrong this time.
                self.retries(role)?;
                known = Known::Counter(None);
            }
        }
        self.present(reference, exchange, &[old, new], Presents { role, known, changed: Some(role) })
    }

    fn reset(&mut self, role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        let way = self.way(role, authority.role, false)?;
        self.reset_retry_counter(way, authority, Some(new))
    }

    fn unblock(&mut self, role: Role, authority: Authority<'_>) -> Result<()> {
        let way = self.way(role, authority.role, true)?;
        self.reset_retry_counter(way, authority, None)
    }

    fn set(&mut self, role: Role, new: &Entry) -> Result<()> {
        let reference = self.reference(role)?;
        let known = match reference.first {
            Some(First::Set { .. }) => Known::Nothing,
            // Where there is a PIN after all, the value that stands for none is a wrong one.
            Some(First::NullPin { .. }) => Known::Counter(None),
            Some(First::TransportPin { .. }) | None => {
                return Err(Error::unsupported(format!("first {role} to be set")));
            }
        };
        self.present(reference, reference.set(), &[new], Presents { role, known, changed: Some(role) })
    }

    fn prove(&mut self, role: Role, pin: &Entry) -> Result<Proof> {
        if role == Role::Puk {
            return Ok(Proof::NotPossible("a PUK can be proved only by risking one of its tries"));
        }
        self.verify(role, pin).map(|()| Proof::Proved)
    }
}
