//! The data objects of a GIDS card, and the files that they stand in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    apdu::{Reply, Status},
    hex, tlv,
};

/// The file identifier that stands for the application itself.
pub const APPLICATION: u16 = 0x3FFF;
/// Read by everyone, written by the admin.
pub const ADMIN_WRITES: u16 = 0xA012;
const MASTER: u16 = 0xA000;
const USER_WRITES: u16 = 0xA010;

/// A directory of eight, a file name of eight, the object and the file (little endian), as Windows' minidriver has it.
const RECORD: usize = 28;

/// Which objects there are.
#[derive(Default, Serialize, Deserialize)]
pub struct Files {
    made: BTreeSet<u16>,
    /// Made, and not yet activated.
    #[serde(default)]
    open: bool,
    /// By file and tag in hex.
    objects: BTreeMap<String, String>,
}

impl Files {
    /// As `gids-tool --initialize` makes them: an index, and what it names, among that the card identifier.
    pub fn initialised(card_identifier: [u8; 16]) -> Self {
        let records = [
            record("mscp", "", 0, MASTER),
            record("", "cardid", 0xDF20, ADMIN_WRITES),
            record("", "cardapps", 0xDF21, USER_WRITES),
            record("", "cardcf", 0xDF22, USER_WRITES),
            record("mscp", "cmapfile", 0xDF23, USER_WRITES),
        ];
        let mut files = Self { made: [MASTER, USER_WRITES, ADMIN_WRITES].into(), ..Self::default() };
        files.put(MASTER, 0xDF1F, &[&[1], records.concat().as_slice()].concat());
        files.put(ADMIN_WRITES, 0xDF20, &card_identifier);
        files.put(USER_WRITES, 0xDF21, b"mscp\0\0\0\0");
        files.put(USER_WRITES, 0xDF22, &[0; 6]);
        files.put(USER_WRITES, 0xDF23, &[]);
        files
    }

    pub fn has(&self, file: u16) -> bool {
        self.made.contains(&file)
    }

    pub fn read(&self, file: u16, tag: u16) -> Reply {
        if !self.has(file) {
            return Err(Status::NO_FILE);
        }
        let value = self.objects.get(&name(file, tag)).ok_or(Status::NO_REFERENCE)?;
        Ok(tlv::object(tag, &hex::decode(value).map_err(|_| Status(0x6F00))?))
    }

    pub fn write(&mut self, file: u16, object: &[u8]) -> Reply {
        if !self.has(file) {
            return Err(Status::NO_FILE);
        }
        match tlv::objects(object).as_deref() {
            Some(&[(tag, value)]) => self.put(file, tag, value),
            _ => return Err(Status::BAD_DATA),
        }
        Ok(Vec::new())
    }

    /// CREATE FILE, by its control parameters.
    pub fn create(&mut self, parameters: &[u8]) -> Reply {
        let Some(&[high, low]) = tlv::find(parameters, &[0x62, 0x83]) else { return Err(Status::BAD_DATA) };
        self.made.insert(u16::from_be_bytes([high, low]));
        self.open = true;
        Ok(Vec::new())
    }

    /// ACTIVATE FILE; true where that was no file of its own.
    pub fn activate(&mut self) -> bool {
        !std::mem::take(&mut self.open)
    }

    fn put(&mut self, file: u16, tag: u16, value: &[u8]) {
        self.objects.insert(name(file, tag), hex::encode(value));
    }
}

fn name(file: u16, tag: u16) -> String {
    format!("{file:04X}.{tag:04X}")
}

fn record(directory: &str, file: &str, object: u16, place: u16) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..directory.len()].copy_from_slice(directory.as_bytes());
    record[9..9 + file.len()].copy_from_slice(file.as_bytes());
    record[20..22].copy_from_slice(&object.to_le_bytes());
    record[24..26].copy_from_slice(&place.to_le_bytes());
    record
}
