//! A card with files and PINs (ISO 7816-4), which its dialect makes the card of a country or an applet.

mod dialect;
mod field;
mod files;
mod pkcs15;
mod reference;
mod state;

use anyhow::{Result, ensure};

use crate::{
    apdu::{Command, Reply, Status, Transport},
    application::Application,
    dialect::Switches,
    model::Dialect,
    store::Stored,
    tlv,
};
use dialect::{Counter, First, IsoDialect};
use files::Selection;
use reference::{Reference, Role};
use state::{Kept, NULL_PIN, State};

const SERIAL: &[u8] = b"AB0123456";

/// Where the serial number begins in what GET DATA 01A0 answers, and how long it is there.
const SERIAL_OFFSET: usize = 8;
const SERIAL_LENGTH: usize = 10;

pub struct Iso7816 {
    dialect: Dialect<IsoDialect>,
    serial: Vec<u8>,
    state: State,
    selection: Selection,
}

impl Default for Iso7816 {
    fn default() -> Self {
        let (state, selection) = (State::default(), Selection::default());
        Self { dialect: Dialect::new(), serial: SERIAL.to_vec(), state, selection }
    }
}

impl Iso7816 {
    /// The reference data that VERIFY, CHANGE and RESET RETRY COUNTER mean by `reference`, where they are now.
    fn reference(&self, reference: u8) -> Result<Reference, Status> {
        let own = &self.dialect.own;
        let is_local = reference & 0x80 != 0 && !own.inner_name.0.is_empty();
        let known = own.references.0.iter().find(|one| one.reference == reference && one.role != Role::Code);
        match known {
            Some(known) if !is_local || self.selection.is_within(&own.inner_file.0) => Ok(known.clone()),
            _ => Err(own.unknown_reference),
        }
    }

    fn kept(&mut self, reference: u8) -> Result<&mut Kept, Status> {
        self.state.secrets.get_mut(&reference).ok_or(self.dialect.own.unknown_reference)
    }

    /// A value as it was sent, padded as it is kept.
    fn field(&self, sent: &[u8], reference: &Reference) -> Result<Vec<u8>, Option<Status>> {
        let own = &self.dialect.own;
        let good = match field::fixed_length(own) {
            Some(length) => sent.len() == length || (own.unpadded.0 && reference.length.contains(&sent.len())),
            None => !sent.is_empty(),
        };
        if !good {
            own.field_length.with(0).map_err(Some)?;
            return Err(None);
        }
        Ok(field::pad(sent, own))
    }

    fn fits(&self, field: &[u8], reference: &Reference) -> bool {
        field::characters(field, &self.dialect.own).is_some_and(|characters| reference.length.contains(&characters))
    }

    fn verify(&mut self, p1: u8, reference: u8, sent: &[u8]) -> Reply {
        let reference = self.reference(reference)?;
        let dialect = self.dialect.clone();
        if p1 != 0 {
            return Err(Status::WRONG_P1_P2);
        }
        if sent.is_empty() {
            let Kept { secret, is_first } = self.kept(reference.reference)?;
            return match reference.role {
                Role::Pin if *is_first && dialect.own.first == First::NullPin => Err(Status::CONDITIONS),
                Role::Pin => dialect.pin.query(secret),
                _ => dialect.own.puk_query.with(secret.tries()),
            };
        }
        if reference.role == Role::Puk && !verifies_puk(&dialect.own) {
            return Err(dialect.own.unknown_reference);
        }
        if dialect.own.contactless.0 {
            return Err(Status::SECURITY);
        }
        let field = match self.field(sent, &reference) {
            Ok(field) => field,
            Err(refusal) => return refusal.map_or(Ok(Vec::new()), Err),
        };
        let fits = self.fits(&field, &reference);
        let Kept { secret, is_first } = self.kept(reference.reference)?;
        if *is_first && dialect.own.first == First::NullPin {
            return Err(Status::CONDITIONS);
        }
        dialect.pin.verify(secret, &field, fits)
    }

    fn change(&mut self, p1: u8, reference: u8, data: &[u8]) -> Reply {
        let reference = self.reference(reference)?;
        let dialect = self.dialect.clone();
        if reference.role == Role::Puk && !dialect.own.puk_change.0 && p1 == 0 {
            return Err(dialect.own.unknown_reference);
        }
        if dialect.own.contactless.0 {
            return Err(Status::SECURITY);
        }
        if p1 == 1 {
            return self.set_first(&reference, data);
        }
        let stored = self.kept(reference.reference)?.secret.value().len();
        let is_null = dialect.own.first == First::NullPin && self.kept(reference.reference)?.is_first;
        let length = if is_null { NULL_PIN.len() } else { field::fixed_length(&dialect.own).unwrap_or(stored) };
        let (old, new) = data.split_at_checked(length).unwrap_or((data, &[]));
        if field::fixed_length(&dialect.own).is_some_and(|length| new.len() != length) {
            return dialect.own.field_length.with(0);
        }
        let fits = self.fits(new, &reference);
        let Kept { secret, is_first } = self.kept(reference.reference)?;
        if !secret.is_blocked() {
            if !fits {
                dialect.pin.change_short.with(0)?;
            }
            if secret.value() == new {
                dialect.own.same.with(0)?;
            }
        }
        dialect.pin.change(secret, old)?;
        secret.replace(new);
        *is_first = false;
        Ok(Vec::new())
    }

    /// CHANGE with P1=01: the first value, of a reference that has none yet. Once the PIN is set, no PUK can be.
    fn set_first(&mut self, reference: &Reference, data: &[u8]) -> Reply {
        let pin_is_set = self.dialect.own.references.0.iter().any(|one| {
            one.role == Role::Pin && self.state.secrets.get(&one.reference).is_some_and(|kept| kept.secret.is_set())
        });
        let is_set = self.kept(reference.reference)?.secret.is_set();
        if self.dialect.own.first != First::Unset || is_set || pin_is_set {
            return Err(Status::WRONG_P1_P2);
        }
        let field = match self.field(data, reference) {
            Ok(field) => field,
            Err(refusal) => return refusal.map_or(Ok(Vec::new()), Err),
        };
        self.kept(reference.reference)?.secret.replace(&field);
        Ok(Vec::new())
    }

    fn reset_retry_counter(&mut self, p1: u8, reference: u8, data: &[u8]) -> Reply {
        let reference = self.reference(reference)?;
        let dialect = self.dialect.clone();
        if !dialect.own.reset_forms.0.contains(&p1) {
            return Err(dialect.own.reset_p1);
        }
        if dialect.own.contactless.0 {
            return Err(Status::SECURITY);
        }
        let puk = reference.puk.ok_or(dialect.own.unknown_reference)?;
        let code = &mut self.kept(puk)?.secret;
        if !code.is_set() {
            return Err(Status::tries(0));
        }
        let (code_sent, new) = match p1 {
            0 => {
                let length = field::fixed_length(&dialect.own).unwrap_or(code.value().len());
                data.split_at_checked(length).map_or((Some(data), None), |(code, new)| (Some(code), Some(new)))
            }
            1 => (Some(data), None),
            _ if !code.verified => return Err(dialect.own.reset_unverified),
            2 => (None, Some(data)),
            _ => (None, None),
        };
        let is_blocked = code.is_blocked();
        let new = match new {
            Some(new) => match self.field(new, &reference) {
                Ok(new) => Some(new),
                Err(refusal) => return refusal.map_or(Ok(Vec::new()), Err),
            },
            None if p1 == 0 => return dialect.own.field_length.with(0),
            None => None,
        };
        if let Some(new) = new.as_ref().filter(|_| !is_blocked) {
            if !self.fits(new, &reference) {
                dialect.pin.reset_short.with(0)?;
            }
            if self.kept(reference.reference)?.secret.value() == new {
                dialect.own.same.with(0)?;
            }
        }
        if let Some(sent) = code_sent {
            dialect.pin.reset(&mut self.kept(puk)?.secret, sent)?;
        }
        let Kept { secret, is_first } = self.kept(reference.reference)?;
        match new {
            Some(new) => {
                secret.replace(&new);
                *is_first = false;
            }
            None => secret.unblock(),
        }
        Ok(Vec::new())
    }

    fn get_data(&mut self, command: &Command) -> Reply {
        match (command.header(), &command.data[..], self.dialect.own.counter) {
            // Reference 5 is 85, of the second application.
            ((0xCB, 0x3F, 0xFF), &[0x4D, 8, 0x70, 6, 0xBF, 0x81, number, 2, 0xA0, 0x80], Counter::EstEid2018) => {
                let local = self.reference(0x80 | number).or_else(|_| self.reference(number))?;
                let secret = &self.kept(local.reference)?.secret;
                let more = tlv::object(0xA1, &[0x8C, 6, 0xF3, 0, 0, 0x73, 0x43, 0, 0x9C, 6, 0xF3, 0, 0, 0x73, 0x43, 0]);
                let tries = [tlv::object(0x9A, &[secret.limit()]), tlv::object(0x9B, &[secret.tries()]), more].concat();
                let tries = tlv::object(0xA0, &tries);
                // The tag BF81xx has three bytes.
                let numbered = [&[0xBF, 0x81, number, tries.len() as u8], &tries[..]].concat();
                Ok(tlv::object(0x70, &numbered))
            }
            ((0xCB, 0x00, 0xFF), &[0xA0, 3, 0x83, 1, reference], Counter::EstEid2025) => {
                let Kept { secret, is_first } = self.kept(reference)?;
                let state = [tlv::object(0xDF21, &[secret.tries()]), tlv::object(0xDF2F, &[u8::from(!*is_first)])];
                Ok(tlv::object(0xA0, &[tlv::object(0x83, &[reference]), state.concat()].concat()))
            }
            ((0xCA, 0x01, 0xA0), _, _) if self.dialect.own.serial_object.0 => {
                let mut answer = vec![0; SERIAL_OFFSET];
                answer.extend(&self.serial);
                answer.resize(SERIAL_OFFSET + SERIAL_LENGTH + 2, 0);
                Ok(answer)
            }
            ((0xCA, 0x01, 0x01), _, _) if !self.dialect.own.version_object.0.is_empty() => {
                Ok(self.dialect.own.version_object.0.clone())
            }
            _ => Err(Status::NO_REFERENCE),
        }
    }

    /// The transport protection of a PIN: 01 while it stands.
    fn transport_protection(&mut self, reference: u8) -> Reply {
        let stands = self.kept(reference)?.is_first;
        Ok(tlv::object(0xE3, &tlv::object(0x90, &[0, u8::from(stands)])))
    }
}

/// Is there a form of RESET RETRY COUNTER before which the PUK is verified?
fn verifies_puk(dialect: &IsoDialect) -> bool {
    dialect.reset_forms.0.iter().any(|p1| matches!(p1, 2 | 3))
}

impl Application for Iso7816 {
    fn name(&self) -> &'static str {
        "iso7816"
    }

    fn dialect(&mut self) -> Vec<&mut dyn Switches> {
        vec![&mut self.dialect]
    }

    fn set_serial(&mut self, serial: &[u8]) -> Result<()> {
        ensure!((1..=SERIAL_LENGTH).contains(&serial.len()), "the serial number has one to ten bytes");
        self.serial = serial.to_vec();
        Ok(())
    }

    fn deliver(&mut self) {
        self.state = State::new(&self.dialect.own);
    }

    fn stored(&mut self) -> &mut dyn Stored {
        &mut self.state
    }

    fn atr(&self) -> &'static [u8] {
        self.dialect.own.atr.bytes()
    }

    fn transport(&self) -> &Transport {
        &self.dialect.transport
    }

    fn answers_to(&self, name: &[u8]) -> bool {
        let own = &self.dialect.own;
        name.len() >= 5 && [&own.name.0, &own.inner_name.0].iter().any(|one| one.starts_with(name))
    }

    /// Drops what was verified, unless the choice is between the applications of this card.
    fn select(&mut self, command: &Command) -> Reply {
        let own = self.dialect.own.clone();
        if own.name.0.starts_with(&command.data) {
            self.reset();
        } else {
            self.selection.enter(&own.inner_file.0);
        }
        Ok(Vec::new())
    }

    fn transmit(&mut self, command: &Command) -> Reply {
        match (command.cla, command.header()) {
            (0x80, (0xCA, 0, reference)) => self.transport_protection(reference),
            (1.., _) => Err(Status::NO_CLASS),
            (_, (0x20, p1, p2)) => self.verify(p1, p2, &command.data),
            (_, (0x24, p1 @ 0..=1, p2)) => self.change(p1, p2, &command.data),
            (_, (0x2C, p1, p2)) => self.reset_retry_counter(p1, p2, &command.data),
            (_, (0xCA | 0xCB, ..)) => self.get_data(command),
            (_, (0xA4, ..)) => self.selection.select(command, &self.dialect.own, &self.serial),
            (_, (0xB0, 0..=0x7F, _)) => self.selection.read(command, &self.dialect.own, &self.serial),
            (_, (0x24 | 0xB0, ..)) => Err(Status::WRONG_P1_P2),
            _ => Err(Status::NO_INSTRUCTION),
        }
    }

    fn reset(&mut self) {
        self.selection = Selection::default();
        for kept in self.state.secrets.values_mut() {
            kept.secret.verified = false;
        }
    }
}
