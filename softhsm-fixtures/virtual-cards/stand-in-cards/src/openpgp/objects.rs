//! The data objects of an OpenPGP card, read and written.

use super::{
    OpenPgp, PREFIX, SHORTEST_RESET_CODE, Verified,
    dialect::{Kdf, OpenPgpDialect, RelatedData},
    kdf,
};
use crate::{
    apdu::{Reply, Status},
    tlv,
};

/// Written by the holder's tools, kept as they are: names, login, URL, private objects, certificate.
const STORED: [u16; 13] = [0x5B, 0x5E, 0x5F2D, 0x5F35, 0x5F50, 0x7F21, 0x101, 0x102, 0x103, 0x104, 0xC7, 0xC8, 0xC9];

const RSA_2048: &[u8] = &[1, 8, 0, 0, 0x20, 0];

impl OpenPgp {
    pub(super) fn get_data(&self, tag: u16) -> Reply {
        Ok(match tag {
            0x6E if self.dialect.own.related_data == RelatedData::Tagged => tlv::object(0x6E, &self.related_data()),
            0x6E => self.related_data(),
            0x73 => tlv::object(0x73, &self.discretionary()),
            0x65 => tlv::object(0x65, &self.holder()),
            0x7A => tlv::object(0x7A, &tlv::object(0x93, &[0; 3])),
            0x4F => self.identifier(),
            0x5F52 => self.historical(),
            0xC0 => self.capabilities(),
            0xC1..=0xC3 => RSA_2048.to_vec(),
            0xC4 => self.pin_status(),
            0xC5 | 0xC6 => vec![0; 60],
            0xCD => vec![0; 12],
            0xD6..=0xD8 if self.is_version_3() => NO_TOUCH.to_vec(),
            0xF9 if self.dialect.own.kdf != Kdf::Absent => self.state.kdf.clone(),
            0x7F66 if self.is_version_3() => tlv::object(0x7F66, EXTENDED_LENGTHS),
            tag if STORED.contains(&tag) => self.state.objects.get(&tag).cloned().unwrap_or_default(),
            _ => return Err(Status::NO_REFERENCE),
        })
    }

    pub(super) fn put_data(&mut self, tag: u16, data: &[u8]) -> Reply {
        if !self.verified.admin {
            return Err(Status::SECURITY);
        }
        match tag {
            0xD3 => return self.set_reset_code(data),
            0xC4 => match data {
                [0 | 1] => self.state.policy = data.to_vec(),
                _ => return Err(Status::BAD_DATA),
            },
            0xF9 if self.dialect.own.kdf != Kdf::Absent => {
                kdf::parse(data).ok_or(Status::BAD_DATA)?;
                self.state.kdf = data.to_vec();
                if self.dialect.own.kdf_sets_pins.0 {
                    self.state.reset_pins();
                }
                self.verified = Verified { admin: true, ..Verified::default() };
            }
            tag if STORED.contains(&tag) => {
                self.state.objects.insert(tag, data.to_vec());
            }
            _ => return Err(Status::NO_REFERENCE),
        }
        Ok(Vec::new())
    }

    fn set_reset_code(&mut self, code: &[u8]) -> Reply {
        if code.is_empty() {
            self.dialect.own.clear_reset_code.with(0)?;
            self.state.reset_code.replace(&[]);
            return Ok(Vec::new());
        }
        if !self.is_between(SHORTEST_RESET_CODE, code) {
            return Err(Status::BAD_DATA);
        }
        self.state.reset_code.replace(code);
        Ok(Vec::new())
    }

    /// The AID, which has version, manufacturer and serial in it.
    pub(super) fn identifier(&self) -> Vec<u8> {
        let OpenPgpDialect { version, manufacturer, .. } = &self.dialect.own;
        [PREFIX, &version.0.to_be_bytes(), &manufacturer.0, &self.serial, &[0, 0]].concat()
    }

    pub(super) fn is_version_3(&self) -> bool {
        self.dialect.own.version.0 >= 0x0300
    }

    fn related_data(&self) -> Vec<u8> {
        let mut data = [tlv::object(0x4F, &self.identifier()), tlv::object(0x5F52, &self.historical())].concat();
        if self.is_version_3() {
            data.extend(tlv::object(0x7F66, EXTENDED_LENGTHS));
            data.extend(tlv::object(0x7F74, &tlv::object(0x81, &[0x20])));
        }
        data.extend(tlv::object(0x73, &self.discretionary()));
        data
    }

    fn discretionary(&self) -> Vec<u8> {
        let mut data = tlv::object(0xC0, &self.capabilities());
        for tag in 0xC1..=0xC3 {
            data.extend(tlv::object(tag, RSA_2048));
        }
        data.extend(tlv::object(0xC4, &self.pin_status()));
        data.extend([tlv::object(0xC5, &[0; 60]), tlv::object(0xC6, &[0; 60]), tlv::object(0xCD, &[0; 12])].concat());
        if self.is_version_3() {
            data.extend(tlv::object(0xDE, &[1, 0, 2, 0, 3, 0]));
            for tag in 0xD6..=0xD8 {
                data.extend(tlv::object(tag, NO_TOUCH));
            }
        }
        data
    }

    /// Extended capabilities: no secure messaging, key import and the rest; the last bit of the first byte is KDF.
    fn capabilities(&self) -> Vec<u8> {
        let kdf = u8::from(self.dialect.own.kdf != Kdf::Absent);
        let lengths = if self.is_version_3() { [0x10, 0, 0x10, 0, 0, 1] } else { [0x08, 0, 0x08, 0, 0x08, 0] };
        [&[0x3E | kdf, 0, 0x10, 0][..], &lengths].concat()
    }

    fn historical(&self) -> Vec<u8> {
        let life_cycle = if self.state.terminated { &[3][..] } else { &self.dialect.own.life_cycle.0 };
        [&[0, 0x31, 0xF5, 0x73, 0xC0, 1, 0x60][..], life_cycle, &[0x90, 0]].concat()
    }

    /// DO C4: policy, the greatest lengths and the tries of PW1, reset code and PW3.
    fn pin_status(&self) -> Vec<u8> {
        let (longest, state) = (self.dialect.own.longest, &self.state);
        let reset_code = if state.reset_code.is_set() { state.reset_code.tries() } else { 0 };
        [&state.policy[..], &[longest; 3], &[state.pw1.tries(), reset_code, state.pw3.tries()]].concat()
    }

    fn holder(&self) -> Vec<u8> {
        let stored = |tag| self.state.objects.get(&tag).map_or(&[][..], Vec::as_slice);
        let sex = if stored(0x5F35).is_empty() { &b"9"[..] } else { stored(0x5F35) };
        let language = if stored(0x5F2D).is_empty() { &b"en"[..] } else { stored(0x5F2D) };
        [tlv::object(0x5B, stored(0x5B)), tlv::object(0x5F2D, language), tlv::object(0x5F35, sex)].concat()
    }
}

/// User interaction of a key: none, though the card has a button.
const NO_TOUCH: &[u8] = &[0, 0x20];

/// The longest command and response, 7609 bytes each.
const EXTENDED_LENGTHS: &[u8] = &[0x02, 0x02, 0x1D, 0xB9, 0x02, 0x02, 0x1D, 0xB9];
