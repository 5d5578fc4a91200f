//! PIV (SP 800-73-4), with the extensions of Yubico and of those who copied them.

mod dialect;
mod management_key;
mod state;
mod yubico;

use anyhow::{Context, Result};

use crate::{
    apdu::{Command, Reply, Status, Transport},
    application::Application,
    dialect::{Answer, Switches},
    model::Dialect,
    secret::Secret,
    store::Stored,
    tlv,
};
use dialect::{PivDialect, Template};
use state::State;

const NAME: &[u8] = &[0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00];

/// The least that SELECT may have of [`NAME`], and the least where a dialect says so: the provider's.
const LEAST_OF_NAME: usize = 9;
const PROVIDER: usize = 5;

const GLOBAL_PIN: u8 = 0x00;
const PIN: u8 = 0x80;
const PUK: u8 = 0x81;
const MANAGEMENT_KEY: u8 = 0x9B;

/// Of a PIN or PUK as it is sent.
const FIELD: usize = 8;

const SHORTEST_PIN: usize = 6;

const SERIAL: [u8; 4] = [0x00, 0x52, 0xF7, 0x43];

pub struct Piv {
    dialect: Dialect<PivDialect>,
    serial: [u8; 4],
    state: State,
}

impl Default for Piv {
    fn default() -> Self {
        Self { dialect: Dialect::new(), serial: SERIAL, state: State::default() }
    }
}

impl Piv {
    /// The PIN for `reference`, where there is one.
    fn pin(&mut self, reference: u8) -> Result<&mut Secret, Status> {
        match reference {
            PIN => Ok(&mut self.state.pin),
            GLOBAL_PIN if self.dialect.own.has_global_pin() => Ok(&mut self.state.global_pin),
            _ => Err(Status::NO_REFERENCE),
        }
    }

    fn verify(&mut self, p1: u8, reference: u8, value: &[u8]) -> Reply {
        let dialect = self.dialect.clone();
        if reference == PUK {
            return dialect.own.puk_query.with(self.state.puk.tries());
        }
        let secret = self.pin(reference)?;
        match (p1, value) {
            (0, []) => dialect.pin.query(secret),
            (0xFF, []) => {
                secret.verified = false;
                Ok(Vec::new())
            }
            (0, _) if dialect.own.contactless.0 => Err(Status::SECURITY),
            (0, _) if value.len() != FIELD => dialect.own.field_length.with(secret.tries()),
            (0, _) => dialect.pin.verify(secret, value, is_pin(value)),
            _ => Err(Status::WRONG_P1_P2),
        }
    }

    fn change(&mut self, reference: u8, data: &[u8]) -> Reply {
        let dialect = self.dialect.clone();
        let secret = match reference {
            PUK => &mut self.state.puk,
            _ => self.pin(reference)?,
        };
        if dialect.own.contactless.0 {
            return Err(Status::SECURITY);
        }
        let Some((old, new)) = fields(data) else { return dialect.own.field_length.with(secret.tries()) };
        if reference != PUK && dialect.own.new_first.0 && !secret.is_blocked() {
            new_pin(new, &dialect)?;
        }
        let before = secret.verified && dialect.own.change_keeps_verified.0;
        dialect.pin.change(secret, old).inspect_err(|_| secret.verified = before)?;
        if reference != PUK {
            new_pin(new, &dialect)?;
        }
        secret.replace(new);
        secret.verified = reference != PUK;
        Ok(Vec::new())
    }

    fn reset_retry_counter(&mut self, reference: u8, data: &[u8]) -> Reply {
        let dialect = self.dialect.clone();
        if reference != PIN {
            return Err(Status::NO_REFERENCE);
        }
        if dialect.own.contactless.0 {
            return Err(Status::SECURITY);
        }
        let Some((puk, new)) = fields(data) else { return dialect.own.field_length.with(self.state.puk.tries()) };
        let new_word = if is_pin(new) { Answer::ACCEPTED } else { dialect.pin.reset_short };
        if dialect.own.new_first.0 && !self.state.puk.is_blocked() {
            new_word.with(0)?;
        }
        dialect.pin.reset(&mut self.state.puk, puk)?;
        new_word.with(0)?;
        self.state.pin.replace(new);
        Ok(Vec::new())
    }

    fn get_data(&self, data: &[u8]) -> Reply {
        let tag = tlv::find(data, &[0x5C]).ok_or(Status::BAD_DATA)?;
        let policy = &self.dialect.own.discovery.0;
        match *tag {
            [0x7E] if !policy.is_empty() => {
                let usage = [tlv::object(0x4F, NAME), tlv::object(0x5F2F, policy)].concat();
                Ok(tlv::object(0x7E, &usage))
            }
            [0x5F, high, low] => {
                self.state.objects.get(&u16::from_be_bytes([high, low])).cloned().ok_or(Status::NO_FILE)
            }
            _ => Err(Status::NO_FILE),
        }
    }

    fn put_data(&mut self, data: &[u8]) -> Reply {
        if !self.state.management_key.authenticated {
            return Err(Status::SECURITY);
        }
        match tlv::objects(data).as_deref() {
            Some(&[(0x5C, &[0x5F, high, low]), (0x53, value)]) => {
                let object = tlv::object(0x53, value);
                self.state.objects.insert(u16::from_be_bytes([high, low]), object);
                Ok(Vec::new())
            }
            _ => Err(Status::BAD_DATA),
        }
    }

    /// The application property template.
    fn template(&self) -> Vec<u8> {
        let mut template = tlv::object(0x4F, &NAME[PROVIDER..]);
        template.extend(tlv::object(0x79, &tlv::object(0x4F, &NAME[..PROVIDER])));
        if self.dialect.own.template == Template::Full {
            template.extend(tlv::object(0x50, b"Nitrokey PIV"));
            template.extend(tlv::object(0x5F50, b"https://github.com/Nitrokey/piv-authenticator"));
            let algorithms = [0x03, 0x0C, 0x11, 0x07, 0x05, 0x16, 0x14].map(|id| tlv::object(0x80, &[id])).concat();
            template.extend(tlv::object(0xAC, &[algorithms, tlv::object(0x06, &[0])].concat()));
        }
        tlv::object(0x61, &template)
    }

    fn answer(&mut self, command: &Command) -> Reply {
        match command.header() {
            (0x20, p1, p2) => self.verify(p1, p2, &command.data),
            (0x24, 0, p2) => self.change(p2, &command.data),
            (0x24, ..) => Err(Status::WRONG_P1_P2),
            (0x2C, 0, p2) => self.reset_retry_counter(p2, &command.data),
            (0x2C, ..) => Err(self.dialect.own.reset_p1),
            (0x87, algorithm, MANAGEMENT_KEY) => self.state.management_key.authenticate(algorithm, &command.data),
            (0x87, ..) => Err(Status::WRONG_P1_P2),
            (0xCB, 0x3F, 0xFF) => self.get_data(&command.data),
            (0xDB, 0x3F, 0xFF) => self.put_data(&command.data),
            _ => self.extension(command),
        }
    }
}

/// The two fields of CHANGE and RESET RETRY COUNTER.
fn fields(data: &[u8]) -> Option<(&[u8], &[u8])> {
    data.split_at_checked(FIELD).filter(|(_, new)| new.len() == FIELD)
}

/// Six to eight characters, then FF up to the end.
fn is_pin(field: &[u8]) -> bool {
    let length = field.iter().position(|byte| *byte == 0xFF).unwrap_or(field.len());
    let padding = &field[length..];
    length >= SHORTEST_PIN && !field[..length].contains(&0) && padding.iter().all(|byte| *byte == 0xFF)
}

/// Lets a new PIN by that the dialect takes.
fn new_pin(new: &[u8], dialect: &Dialect<PivDialect>) -> Reply {
    if !is_pin(new) {
        dialect.pin.change_short.with(0)?;
    }
    if !new.iter().all(|byte| byte.is_ascii_digit() || *byte == 0xFF) {
        dialect.own.change_letters.with(0)?;
    }
    Ok(Vec::new())
}

impl Application for Piv {
    fn name(&self) -> &'static str {
        "piv"
    }

    fn dialect(&mut self) -> Vec<&mut dyn Switches> {
        vec![&mut self.dialect]
    }

    fn set_serial(&mut self, serial: &[u8]) -> Result<()> {
        self.serial = serial.try_into().context("the serial number of a PIV card has four bytes")?;
        Ok(())
    }

    fn deliver(&mut self) {
        self.state = State::new(&self.dialect.own);
    }

    fn stored(&mut self) -> &mut dyn Stored {
        &mut self.state
    }

    fn transport(&self) -> &Transport {
        &self.dialect.transport
    }

    fn answers_to(&self, name: &[u8]) -> bool {
        let least = if self.dialect.own.short_aid.0 { PROVIDER } else { LEAST_OF_NAME };
        name.len() >= least && NAME.starts_with(name)
    }

    fn select(&mut self, _command: &Command) -> Reply {
        Ok(self.template())
    }

    fn transmit(&mut self, command: &Command) -> Reply {
        if command.cla != 0 {
            return Err(Status::NO_CLASS);
        }
        let reply = self.answer(command);
        if self.dialect.own.erases_keys.0 && self.state.pin.is_blocked() && self.state.puk.is_blocked() {
            self.state.keys = false;
        }
        reply
    }

    fn reset(&mut self) {
        let State { pin, global_pin, puk, management_key, .. } = &mut self.state;
        for secret in [pin, global_pin, puk] {
            secret.verified = false;
        }
        management_key.reset();
    }
}
