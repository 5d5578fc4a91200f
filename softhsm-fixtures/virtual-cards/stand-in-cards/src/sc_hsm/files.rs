//! The files of a SmartCard-HSM.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    apdu::{Reply, Status},
    hex, tlv,
};

/// The device certificate, which says who it is.
const DEVICE_CERTIFICATE: u16 = 0x2F02;

/// Transparent files by identifier, in hex.
#[derive(Default, Serialize, Deserialize)]
pub struct Files(BTreeMap<u16, String>);

impl Files {
    /// What every device has.
    pub fn new(serial: [u8; 4]) -> Self {
        Self([(DEVICE_CERTIFICATE, hex::encode(&certificate(serial)))].into())
    }

    pub fn size(&self, file: u16) -> Option<usize> {
        self.0.get(&file).map(|text| text.len() / 2)
    }

    /// Up to `length` bytes from `offset`, which has two bytes; none beyond the end.
    pub fn read(&self, file: u16, offset: &[u8], length: usize) -> Reply {
        let text = hex::decode(self.0.get(&file).ok_or(Status::NO_FILE)?).map_err(|_| Status(0x6F00))?;
        Ok(text.into_iter().skip(place(offset)?).take(length).collect())
    }

    /// Makes the file where there is none.
    pub fn write(&mut self, file: u16, offset: &[u8], text: &[u8]) -> Reply {
        let place = place(offset)?;
        let old = self.0.get(&file).map_or("", String::as_str);
        let mut whole = hex::decode(old).map_err(|_| Status(0x6F00))?;
        whole.resize(whole.len().max(place + text.len()), 0);
        whole[place..place + text.len()].copy_from_slice(text);
        self.0.insert(file, hex::encode(&whole));
        Ok(Vec::new())
    }

    /// The identifiers, one after another.
    pub fn list(&self) -> Vec<u8> {
        self.0.keys().flat_map(|file| file.to_be_bytes()).collect()
    }
}

fn place(offset: &[u8]) -> Result<usize, Status> {
    match *offset {
        [high, low] => Ok(usize::from(u16::from_be_bytes([high, low]))),
        _ => Err(Status::WRONG_OFFSET),
    }
}

/// A card-verifiable certificate (BSI TR-03110) of the shape that hosts read, its key and signature made up. The name of
/// its holder is the serial number, then five digits that count certificates.
fn certificate(serial: [u8; 4]) -> Vec<u8> {
    let holder = format!("DEV{}00000", hex::encode(&serial));
    let body = [
        tlv::object(0x5F29, &[0]),
        tlv::object(0x42, b"DESTANDIN00001"),
        tlv::object(
            0x7F49,
            // ecdsa-plain-SHA-256, and a point that is none
            &[tlv::object(0x06, &[4, 0, 0x7F, 0, 7, 2, 2, 2, 2, 3]), tlv::object(0x86, &[4; 65])].concat(),
        ),
        tlv::object(0x5F20, holder.as_bytes()),
    ];
    tlv::object(0x7F21, &[tlv::object(0x7F4E, &body.concat()), tlv::object(0x5F37, &[0; 64])].concat())
}
