//! OpenPGP card 2.x and 3.4: what it takes to administer its PINs.

mod dialect;
mod kdf;
mod objects;
mod state;

use anyhow::{Context, Result};

use crate::{
    apdu::{Command, Reply, Status, Transport},
    application::Application,
    dialect::Switches,
    model::Dialect,
    secret::Secret,
    store::Stored,
};
use dialect::{OpenPgpDialect, Retries, Terminate};
use state::State;

/// The AID up to where version, manufacturer and serial begin.
const PREFIX: &[u8] = &[0xD2, 0x76, 0x00, 0x01, 0x24, 0x01];

const PW1_SIGN: u8 = 0x81;
const PW1_OTHER: u8 = 0x82;
const PW3: u8 = 0x83;

/// The least lengths, where there is no KDF.
const SHORTEST_PW1: usize = 6;
const SHORTEST_PW3: usize = 8;
const SHORTEST_RESET_CODE: usize = 8;

/// A card that nobody has put a serial number on.
const SERIAL: [u8; 4] = [0x00, 0xDE, 0xC0, 0xDE];

pub struct OpenPgp {
    dialect: Dialect<OpenPgpDialect>,
    serial: [u8; 4],
    state: State,
    verified: Verified,
}

/// By reference: 81 and 82 are one secret with a state each.
#[derive(Default)]
struct Verified {
    sign: bool,
    other: bool,
    admin: bool,
}

impl Default for OpenPgp {
    fn default() -> Self {
        Self { dialect: Dialect::new(), serial: SERIAL, state: State::default(), verified: Verified::default() }
    }
}

impl OpenPgp {
    fn verified(&mut self, reference: u8) -> Option<&mut bool> {
        match reference {
            PW1_SIGN => Some(&mut self.verified.sign),
            PW1_OTHER => Some(&mut self.verified.other),
            PW3 => Some(&mut self.verified.admin),
            _ => None,
        }
    }

    fn secret(&mut self, reference: u8) -> &mut Secret {
        if reference == PW3 { &mut self.state.pw3 } else { &mut self.state.pw1 }
    }

    fn verify(&mut self, p1: u8, reference: u8, value: &[u8]) -> Reply {
        let verified = self.verified(reference).ok_or(Status::WRONG_P1_P2)?;
        let before = *verified;
        match p1 {
            0 => {}
            0xFF if self.dialect.own.deauthenticate.0 && value.is_empty() => {
                *self.verified(reference).ok_or(Status::WRONG_P1_P2)? = false;
                return Ok(Vec::new());
            }
            _ => return Err(Status::WRONG_P1_P2),
        }
        let (pin, fits) = (self.dialect.pin.clone(), self.fits(reference, value));
        let query = value.is_empty() && !self.dialect.own.query_counts.0;
        let secret = self.secret(reference);
        secret.verified = before;
        let reply = match (query, value) {
            (true, _) => return pin.query(secret),
            (_, []) => pin.verify(secret, value, true),
            _ => pin.verify(secret, value, fits),
        };
        let after = secret.verified;
        if let Some(verified) = self.verified(reference) {
            *verified = after;
        }
        reply
    }

    /// Has a value for `reference` a length that it could have? With KDF that is the length of the hash.
    fn fits(&self, reference: u8, value: &[u8]) -> bool {
        let shortest = if reference == PW3 { SHORTEST_PW3 } else { SHORTEST_PW1 };
        self.is_between(shortest, value)
    }

    fn is_between(&self, shortest: usize, value: &[u8]) -> bool {
        match self.state.hash() {
            Some(hash) => value.len() == hash.length(),
            None => (shortest..=usize::from(self.dialect.own.longest)).contains(&value.len()),
        }
    }

    /// The card knows by the length it has stored where the old value ends, and looks at the length of the new first.
    fn change(&mut self, reference: u8, data: &[u8]) -> Reply {
        if !matches!(reference, PW1_SIGN | PW3) {
            return Err(Status::WRONG_P1_P2);
        }
        let pin = self.dialect.pin.clone();
        let length = self.secret(reference).value().len();
        let (old, new) = data.split_at_checked(length).unwrap_or((data, &[]));
        if !self.secret(reference).is_blocked() && !self.fits(reference, new) {
            pin.change_short.with(0)?;
        }
        pin.change(self.secret(reference), old)?;
        self.secret(reference).replace(new);
        Ok(Vec::new())
    }

    fn reset_retry_counter(&mut self, p1: u8, reference: u8, data: &[u8]) -> Reply {
        if reference != PW1_SIGN {
            return Err(Status::WRONG_P1_P2);
        }
        let new = match p1 {
            0 => {
                let (pin, state) = (&self.dialect.pin, &self.state);
                if !state.reset_code.is_set() {
                    return self.dialect.own.reset_unset.with(0);
                }
                let length = state.reset_code.value().len();
                let (code, new) = data.split_at_checked(length).unwrap_or((data, &[]));
                if !state.reset_code.is_blocked() && !self.fits(reference, new) {
                    pin.reset_short.with(0)?;
                }
                pin.reset(&mut self.state.reset_code, code)?;
                new
            }
            2 if self.verified.admin => {
                if !self.fits(reference, data) {
                    self.dialect.own.reset_admin_short.with(0)?;
                }
                data
            }
            2 => return Err(Status::SECURITY),
            _ => return Err(Status::WRONG_P1_P2),
        };
        self.state.pw1.replace(new);
        Ok(Vec::new())
    }

    /// F2: the tries of PW1, reset code and PW3.
    fn set_retries(&mut self, data: &[u8]) -> Reply {
        if !self.verified.admin {
            return Err(Status::SECURITY);
        }
        let &[pw1, reset_code, pw3] = data else { return Err(Status::WRONG_LENGTH) };
        if [pw1, reset_code, pw3].contains(&0) {
            return Err(Status::BAD_DATA);
        }
        if self.dialect.own.retries == Retries::SetAndReset {
            self.state.reset_pins();
            self.verified = Verified::default();
        }
        self.state.set_limits(pw1, reset_code, pw3);
        Ok(Vec::new())
    }

    fn terminate(&mut self) -> Reply {
        let State { pw1, pw3, .. } = &self.state;
        let blocked = match self.dialect.own.terminate {
            Terminate::Absent => return Err(Status::NO_INSTRUCTION),
            Terminate::AdminBlocked => pw3.is_blocked(),
            Terminate::BothBlocked => pw1.is_blocked() && pw3.is_blocked(),
        };
        if !self.verified.admin && !blocked {
            return Err(Status::SECURITY);
        }
        self.state.terminated = true;
        self.verified = Verified::default();
        Ok(Vec::new())
    }

    /// Without effect on a card that is not terminated.
    fn activate(&mut self) -> Reply {
        if self.dialect.own.terminate == Terminate::Absent {
            return Err(Status::NO_INSTRUCTION);
        }
        if self.state.terminated {
            self.state = State::factory(&self.dialect.own);
        }
        Ok(Vec::new())
    }
}

impl Application for OpenPgp {
    fn name(&self) -> &'static str {
        "openpgp"
    }

    fn dialect(&mut self) -> Vec<&mut dyn Switches> {
        vec![&mut self.dialect]
    }

    fn set_serial(&mut self, serial: &[u8]) -> Result<()> {
        self.serial = serial.try_into().context("the serial number of an OpenPGP card has four bytes")?;
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
        name.len() >= PREFIX.len() && self.identifier().starts_with(name)
    }

    fn select(&mut self, _command: &Command) -> Reply {
        self.reset();
        if self.state.terminated { self.dialect.own.terminated_select.with(0) } else { Ok(Vec::new()) }
    }

    fn transmit(&mut self, command: &Command) -> Reply {
        if command.cla != 0 {
            return Err(Status::NO_CLASS);
        }
        if self.state.terminated && command.ins != 0x44 {
            return Err(Status(0x6285));
        }
        match command.header() {
            (0x20, p1, p2) => self.verify(p1, p2, &command.data),
            (0x24, 0, p2) => self.change(p2, &command.data),
            (0x2C, p1, p2) => self.reset_retry_counter(p1, p2, &command.data),
            (0xCA, p1, p2) => self.get_data(u16::from_be_bytes([p1, p2])),
            (0xDA, p1, p2) => self.put_data(u16::from_be_bytes([p1, p2]), &command.data),
            (0xF1, 0, 0) if !self.dialect.own.firmware.0.is_empty() => Ok(self.dialect.own.firmware.0.clone()),
            (0xF2, 0, 0) if self.dialect.own.retries != Retries::Absent => self.set_retries(&command.data),
            (0xE6, 0, 0) => self.terminate(),
            (0x44, 0, 0) => self.activate(),
            (0x24, ..) => Err(Status::WRONG_P1_P2),
            (0xA5, 0..=2, 4) if self.is_version_3() => Ok(Vec::new()), // SELECT DATA: one certificate is as empty as another
            (0x47, 0x81, 0) => Err(Status::NO_REFERENCE),              // there is no key to be read
            _ => Err(Status::NO_INSTRUCTION),
        }
    }

    fn reset(&mut self) {
        self.verified = Verified::default();
    }
}
