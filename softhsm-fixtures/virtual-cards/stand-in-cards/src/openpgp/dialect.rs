//! How OpenPGP cards differ.

use std::{fmt, str::FromStr};

use anyhow::{Context, Error, Result};

use super::kdf::{Form, Hash};
use crate::{
    apdu::Status,
    dialect::{Answer, Bytes, YesNo},
    model::{Model, Modelled},
};

crate::switches! {
    /// The switches that other applications do not have.
    #[derive(Debug)]
    pub struct OpenPgpDialect {
        /// version in the AID
        version: Version = Version(0x0304),
        /// manufacturer in the AID, four hex digits
        manufacturer: Bytes = Bytes(vec![0, 0]),
        /// tries of PW1, reset code and PW3 after delivery
        tries: u8 = 3,
        /// an empty VERIFY: `yes`, it is taken for a wrong PIN and costs a try
        query_counts: YesNo = YesNo(false),
        /// VERIFY with P1=FF drops the verified state
        deauthenticate: YesNo = YesNo(true),
        /// RESET RETRY COUNTER with a reset code, and none is set
        reset_unset: Answer = Answer::Fixed(Status::SECURITY),
        /// RESET RETRY COUNTER after VERIFY of PW3, new value too short; `9000`: accepted
        reset_admin_short: Answer = Answer::Fixed(Status::BAD_DATA),
        /// PUT DATA D3 without data; `9000`: the reset code is cleared
        clear_reset_code: Answer = Answer::ACCEPTED,
        /// first byte of DO C4, in hex
        policy: Bytes = Bytes(vec![0]),
        /// the greatest length of each value, as in DO C4
        longest: u8 = 127,
        /// DO F9 as delivered: `absent`, `off`, `one-salt`, `three-salts`
        kdf: Kdf = Kdf::Off,
        /// with which hash: `sha256`, `sha512`
        kdf_hash: Hash = Hash::Sha256,
        /// and how many bytes of salt and PIN are hashed
        kdf_count: u32 = 100_000,
        /// PUT DATA F9 sets PW1 and PW3 to the values that are in it, and clears the reset code
        kdf_sets_pins: YesNo = YesNo(true),
        /// command F1, Yubico's version, two BCD digits a byte; `none`: it is not there
        firmware: Bytes = Bytes(Vec::new()),
        /// command F2: `absent`, `set`, or `set-and-reset`, PW1 and PW3 going back to their defaults
        retries: Retries = Retries::Absent,
        /// TERMINATE DF without PW3: `absent` (and no ACTIVATE FILE), when `admin-blocked`, when `both-blocked`
        terminate: Terminate = Terminate::AdminBlocked,
        /// SELECT of a terminated card
        terminated_select: Answer = Answer::Fixed(Status(0x6285)),
        /// life-cycle byte in the historical bytes, in hex; 00: no information
        life_cycle: Bytes = Bytes(vec![5]),
        /// DO 6E: `bare`, or `tagged`, with its own tag and length
        related_data: RelatedData = RelatedData::Bare,
    }
}

impl Modelled for OpenPgpDialect {
    const MODELS: &'static [Model] = &[
        (
            "opcard",
            &[
                ("blocked", "63Cx"),
                ("change-wrong", "6300"),
                ("change-last", "6300"),
                ("change-blocked", "6300"),
                ("reset-blocked", "63Cx"),
                ("reset-short", "6982"),
                ("query-blocked", "63Cx"),
            ],
        ),
        (
            "yubikey",
            &[
                ("manufacturer", "0006"),
                ("wrong", "6982"),
                ("last", "6983"),
                ("verify-length", "6700"),
                ("change-wrong", "6982"),
                ("change-last", "6983"),
                ("reset-wrong", "6982"),
                ("reset-last", "6983"),
                ("clear-reset-code", "6700"),
                ("firmware", "050403"),
                ("retries", "set"),
                ("terminate", "both-blocked"),
                ("terminated-select", "9000"),
                ("related-data", "tagged"),
            ],
        ),
        // 6982 for what is wrong, blocked or not asked for: only DO C4 tells.
        (
            "yubikey-mute",
            &[
                ("card", "yubikey"),
                ("last", "6982"),
                ("blocked", "6982"),
                ("change-last", "6982"),
                ("change-blocked", "6982"),
                ("reset-last", "6982"),
                ("reset-blocked", "6982"),
                ("query", "6982"),
                ("query-blocked", "6982"),
            ],
        ),
        (
            "neo",
            &[
                ("card", "yubikey-mute"),
                ("version", "2.0"),
                ("firmware", "010004"),
                ("policy", "FF"),
                ("kdf", "absent"),
                ("deauthenticate", "no"),
                ("query", "6A80"),
                ("query-verified", "6A80"),
                ("query-blocked", "6A80"),
                ("retries", "set-and-reset"),
            ],
        ),
        (
            "v2",
            &[
                ("version", "2.1"),
                ("manufacturer", "0005"),
                ("kdf", "absent"),
                ("deauthenticate", "no"),
                ("wrong", "6982"),
                ("last", "6983"),
                ("verify-length", "6700"),
                ("change-wrong", "6982"),
                ("change-last", "6983"),
                ("reset-wrong", "6982"),
                ("reset-last", "6983"),
                ("query", "6A80"),
                ("query-verified", "6A80"),
                ("query-blocked", "6A80"),
                ("terminate", "both-blocked"),
                ("related-data", "tagged"),
            ],
        ),
    ];
}

crate::choice! {
    /// The KDF-DO of a card as delivered. Where it is absent, the extended capabilities do not announce it.
    pub enum Kdf { Absent = "absent", Off = "off", OneSalt = "one-salt", ThreeSalts = "three-salts" }
}

impl Kdf {
    /// `None` where PINs are sent as they are.
    pub fn form(self) -> Option<Form> {
        match self {
            Self::Absent | Self::Off => None,
            Self::OneSalt => Some(Form::OneSalt),
            Self::ThreeSalts => Some(Form::ThreeSalts),
        }
    }
}

crate::choice! {
    /// Yubico's command F2, which sets the limits.
    pub enum Retries { Absent = "absent", Set = "set", SetAndReset = "set-and-reset" }
}

crate::choice! {
    /// When TERMINATE DF is obeyed though PW3 is not verified.
    pub enum Terminate { Absent = "absent", AdminBlocked = "admin-blocked", BothBlocked = "both-blocked" }
}

crate::choice! {
    /// What GET DATA 6E answers with.
    pub enum RelatedData { Bare = "bare", Tagged = "tagged" }
}

/// Major and minor, a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u16);

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (major, minor) = text.split_once('.').with_context(|| format!("{text}: no version such as 3.4"))?;
        Ok(Self(u16::from_be_bytes([major.parse()?, minor.parse()?])))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor] = self.0.to_be_bytes();
        write!(formatter, "{major}.{minor}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::every_model_has_only_switches_that_exist;

    #[test]
    fn every_model_is_one() {
        every_model_has_only_switches_that_exist::<OpenPgpDialect>();
    }
}
