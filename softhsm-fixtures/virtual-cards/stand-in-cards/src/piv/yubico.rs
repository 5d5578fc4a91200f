//! Yubico's extensions of PIV: version, serial number, metadata, limits, management key and reset.

use super::{
    MANAGEMENT_KEY, PIN, PUK, Piv,
    dialect::{DeviceReset, Metadata, Retries, Version},
    management_key::Algorithm,
    state::{self, State},
};
use crate::{
    apdu::{Command, Reply, Status},
    secret::Secret,
    tlv,
};

/// The algorithm byte of a PIN.
const NO_ALGORITHM: u8 = 0xFF;

/// The algorithm byte of a key on the curve P-256.
const P_256: u8 = 0x11;

/// The slot of the key that is there as delivered.
const KEY: u8 = 0x9A;

/// A point that programs take for a public key: the generator of P-256, uncompressed (SP 800-186, section 3.2.1.3).
#[rustfmt::skip] // a coordinate in two lines
const PUBLIC_KEY: [u8; 65] = [
    0x04,
    0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
    0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96,
    0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16,
    0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
];

impl Piv {
    pub(super) fn extension(&mut self, command: &Command) -> Reply {
        let unknown = Err(self.dialect.own.unknown);
        let own = &self.dialect.own;
        match command.header() {
            (0xFD, 0, 0) if own.yubico.0 => Ok(own.version.0.to_vec()),
            (0xFF, 0xFF, 0xFE | 0xFF) if own.yubico.0 => self.set_management_key(&command.data),
            (0xF8, 0, 0) if own.has_serial() => Ok(self.serial.to_vec()),
            (0xF7, 0, reference) => match own.metadata {
                Metadata::Version if own.version >= Version([5, 3, 0]) => self.metadata(reference),
                Metadata::Empty => Ok(Vec::new()),
                _ => unknown,
            },
            (0xFA, p1, p2) => match own.retries {
                Retries::Set => self.set_retries(p1, p2),
                Retries::ZeroOnly if (p1, p2) == (0, 0) => Err(Status::UNSUPPORTED),
                _ => unknown,
            },
            (0xFB, 0, 0) => self.reset_device(),
            _ => unknown,
        }
    }

    fn metadata(&self, reference: u8) -> Reply {
        let State { pin, puk, management_key, keys, .. } = &self.state;
        let of_pin = |secret: &Secret, first: &[u8]| {
            let counter = tlv::object(0x06, &[secret.limit(), secret.tries()]);
            let is_first = u8::from(secret.value() == first);
            [tlv::object(0x01, &[NO_ALGORITHM]), tlv::object(0x05, &[is_first]), counter].concat()
        };
        match reference {
            PIN => Ok(of_pin(pin, state::PIN)),
            PUK => Ok(of_pin(puk, state::PUK)),
            MANAGEMENT_KEY => Ok([
                tlv::object(0x01, &[management_key.algorithm.id()]),
                tlv::object(0x02, &[0, 1]), // no PIN, no touch
                tlv::object(0x05, &[u8::from(management_key.is_first())]),
            ]
            .concat()),
            KEY if *keys => Ok([
                tlv::object(0x01, &[P_256]),
                tlv::object(0x02, &[2, 1]), // PIN once, no touch
                tlv::object(0x03, &[1]),    // generated on the card
                tlv::object(0x04, &tlv::object(0x86, &PUBLIC_KEY)),
            ]
            .concat()),
            _ => Err(Status::NO_REFERENCE),
        }
    }

    /// Limits, and with them the first PIN and PUK again.
    fn set_retries(&mut self, pin: u8, puk: u8) -> Reply {
        if !self.state.management_key.authenticated || !self.state.pin.verified {
            return Err(Status::SECURITY);
        }
        if pin == 0 || puk == 0 {
            return Err(Status::BAD_DATA);
        }
        self.state.pin = Secret::new(state::PIN, pin);
        self.state.puk = Secret::new(state::PUK, puk);
        Ok(Vec::new())
    }

    fn set_management_key(&mut self, data: &[u8]) -> Reply {
        if !self.state.management_key.authenticated {
            return Err(Status::SECURITY);
        }
        let &[id, MANAGEMENT_KEY, length, ref key @ ..] = data else { return Err(Status::BAD_DATA) };
        let algorithm = Algorithm::of_id(id).ok_or(Status::BAD_DATA)?;
        let fits = key.len() == usize::from(length) && key.len() == algorithm.key_length();
        if !fits || (algorithm.is_aes() && !self.dialect.own.has_aes()) {
            return Err(Status::BAD_DATA);
        }
        self.state.management_key.replace(algorithm, key);
        Ok(Vec::new())
    }

    fn reset_device(&mut self) -> Reply {
        let State { pin, puk, .. } = &self.state;
        let allowed = match self.dialect.own.device_reset {
            DeviceReset::Absent => return Err(self.dialect.own.unknown),
            DeviceReset::PinBlocked => pin.is_blocked(),
            DeviceReset::BothBlocked => pin.is_blocked() && puk.is_blocked(),
        };
        if !allowed {
            return Err(self.dialect.own.device_reset_refused);
        }
        self.state = State { keys: false, ..State::new(&self.dialect.own) };
        Ok(Vec::new())
    }
}
