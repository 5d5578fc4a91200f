//! How PIV cards differ.

use std::{fmt, str::FromStr};

use anyhow::{Context, Error, Result};

use super::management_key::Algorithm;
use crate::{
    apdu::Status,
    dialect::{Answer, Bytes, YesNo},
    model::{Model, Modelled},
};

crate::switches! {
    /// The switches that other applications do not have.
    #[derive(Debug)]
    pub struct PivDialect {
        /// SELECT by the first five bytes of the name is taken
        short_aid: YesNo = YesNo(false),
        /// the answer to SELECT: `full`, with label and address, or `short`
        template: Template = Template::Short,
        /// PIN usage policy in the discovery object, two bytes; `none`: no such object. 20 in the first: global PIN
        discovery: Bytes = Bytes(vec![0x40, 0x10]),
        /// tries of PIN, and of the global PIN, after delivery
        tries: u8 = 3,
        /// tries of PUK after delivery
        puk_tries: u8 = 3,
        /// empty VERIFY of the PUK
        puk_query: Answer = Answer::Fixed(Status::NO_REFERENCE),
        /// a field that is not eight bytes long
        field_length: Answer = Answer::Fixed(Status::BAD_DATA),
        /// CHANGE, the new PIN has other characters than digits; `9000`: accepted
        change_letters: Answer = Answer::Fixed(Status::BAD_DATA),
        /// CHANGE with a wrong old PIN leaves the PIN verified, if it was
        change_keeps_verified: YesNo = YesNo(false),
        /// CHANGE and RESET RETRY COUNTER look at the new PIN before the old value, so that a bad one is free
        new_first: YesNo = YesNo(true),
        /// RESET RETRY COUNTER with another P1 than 00
        reset_p1: Status = Status::UNSUPPORTED,
        /// an instruction that is not there
        unknown: Status = Status::NO_INSTRUCTION,
        /// VERIFY, CHANGE and RESET RETRY COUNTER are 6982, and free, as through a contactless reader
        contactless: YesNo = YesNo(false),
        /// the keys are erased when PIN and PUK are both blocked
        erases_keys: YesNo = YesNo(false),
        /// version, in FD: decides on F7 (5.3), F8 (5.0.3), on AES (5.4) and the first key (AES-192 from 5.7)
        version: Version = Version([5, 4, 3]),
        /// F8, GET SERIAL: `version` decides, or `absent`
        serial: Serial = Serial::Version,
        /// F7, GET METADATA: `version` decides, `empty`, or `absent`
        metadata: Metadata = Metadata::Version,
        /// FA, SET PIN RETRIES: `set` by P1 and P2, `zero-only`: known with P1=P2=00 and does nothing, or `absent`
        retries: Retries = Retries::Set,
        /// FB, RESET: obeyed when `both-blocked`, when `pin-blocked`, or `absent`
        device_reset: DeviceReset = DeviceReset::BothBlocked,
        /// FB while that is not so
        device_reset_refused: Status = Status::CONDITIONS,
        /// FD, GET VERSION, and FF, SET MANAGEMENT KEY, are there
        yubico: YesNo = YesNo(true),
        /// management key as delivered: `version` decides, or `3des`, `aes128`, `aes192`, `aes256`
        management_key: FirstKey = FirstKey::Version,
    }
}

impl Modelled for PivDialect {
    const MODELS: &'static [Model] = &[
        (
            "nitrokey",
            &[
                ("last", "6983"),
                ("verify-length", "6A80"),
                ("change-wrong", "6300"),
                ("change-last", "6300"),
                ("change-blocked", "6300"),
                ("change-short", "6A80"),
                ("change-keeps-verified", "yes"),
                ("reset-short", "9000"),
                ("reset-blocked", "63Cx"),
                ("query-blocked", "63Cx"),
                ("without-le", "61xx"),
                ("template", "full"),
                ("unknown", "6A81"),
                ("version", "6.6.6"),
                ("metadata", "empty"),
                ("retries", "zero-only"),
                ("device-reset", "pin-blocked"),
                ("management-key", "3des"),
            ],
        ),
        (
            "yubikey",
            &[
                ("short-aid", "yes"),
                ("discovery", "none"),
                ("puk-query", "6A80"),
                ("query-blocked", "63Cx"),
                ("verify-length", "9000"),
                ("change-short", "6A80"),
                ("change-letters", "9000"),
                ("new-first", "no"),
                ("reset-short", "6A80"),
                ("reset-p1", "6A86"),
            ],
        ),
        ("neo", &[("card", "yubikey"), ("version", "1.0.4"), ("query-verified", "63Cx")]),
        (
            "pivapplet",
            &[
                ("short-aid", "yes"),
                ("tries", "5"),
                ("puk-tries", "5"),
                ("verify-length", "9000"),
                ("change-short", "9000"),
                ("reset-short", "9000"),
                ("reset-p1", "6A88"),
                ("erases-keys", "yes"),
                ("device-reset-refused", "6982"),
            ],
        ),
        // As the standard has it, and nothing more.
        (
            "plain",
            &[
                ("change-short", "6A80"),
                ("reset-short", "6A80"),
                ("reset-p1", "6A86"),
                ("verify-length", "9000"),
                ("serial", "absent"),
                ("metadata", "absent"),
                ("retries", "absent"),
                ("device-reset", "absent"),
                ("yubico", "no"),
                ("management-key", "3des"),
            ],
        ),
    ];
}

impl PivDialect {
    /// Is there a global PIN, and may it be used?
    pub fn has_global_pin(&self) -> bool {
        self.discovery.0.first().is_some_and(|usage| usage & 0x20 != 0)
    }

    pub fn has_serial(&self) -> bool {
        self.serial == Serial::Version && self.version >= Version([5, 0, 3])
    }

    pub fn has_aes(&self) -> bool {
        self.version >= Version([5, 4, 0])
    }

    pub fn first_key(&self) -> Algorithm {
        match self.management_key {
            FirstKey::Version if self.version >= Version([5, 7, 0]) && self.version < Version([6, 0, 0]) => {
                Algorithm::Aes192
            }
            FirstKey::Version | FirstKey::TripleDes => Algorithm::TripleDes,
            FirstKey::Aes128 => Algorithm::Aes128,
            FirstKey::Aes192 => Algorithm::Aes192,
            FirstKey::Aes256 => Algorithm::Aes256,
        }
    }
}

crate::choice! {
    /// The application property template.
    pub enum Template { Full = "full", Short = "short" }
}

crate::choice! {
    /// GET SERIAL.
    pub enum Serial { Version = "version", Absent = "absent" }
}

crate::choice! {
    /// GET METADATA.
    pub enum Metadata { Version = "version", Empty = "empty", Absent = "absent" }
}

crate::choice! {
    /// SET PIN RETRIES.
    pub enum Retries { Set = "set", ZeroOnly = "zero-only", Absent = "absent" }
}

crate::choice! {
    /// RESET.
    pub enum DeviceReset { BothBlocked = "both-blocked", PinBlocked = "pin-blocked", Absent = "absent" }
}

crate::choice! {
    /// The management key after delivery.
    pub enum FirstKey {
        Version = "version", TripleDes = "3des", Aes128 = "aes128", Aes192 = "aes192", Aes256 = "aes256"
    }
}

/// A version of three parts, a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub [u8; 3]);

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split('.').map(str::parse).collect::<Result<Vec<u8>, _>>()?;
        Ok(Self(parts.try_into().ok().with_context(|| format!("{text}: no version such as 5.4.3"))?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::every_model_has_only_switches_that_exist;

    #[test]
    fn every_model_is_one() {
        every_model_has_only_switches_that_exist::<PivDialect>();
    }
}
