//! What an OpenPGP card tells of itself: its identifier, what it can do, and the state of its PINs.

use crate::{
    device::card::tlv::find,
    token::{Retries, Role, Text},
};

/// The application related data (DO 6E), as far as PINs are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The application identifier, with its version and serial number.
    pub aid: Option<Aid>,
    /// Whether the card has a KDF-DO (C0, bit 1 of the first byte); none where it does not tell.
    pub has_kdf: Option<bool>,
    /// Whether it has life-cycle management, so that it can be erased.
    pub has_life_cycle: bool,
    /// The state of its PINs.
    pub pins: Option<PinStatus>,
}

impl Related {
    /// Reads the object, which some cards send with its own tag and length and some without.
    pub fn parse(object: &[u8]) -> Self {
        let inner = find(object, &[0x6E]);
        let object = inner.as_deref().unwrap_or(object);
        let discretionary = |tag| find(object, &[0x73, tag]).or_else(|| find(object, &[tag]));
        Self {
            aid: find(object, &[0x4F]).as_deref().and_then(Aid::parse),
            has_kdf: discretionary(0xC0).as_deref().and_then(<[u8]>::first).map(|flags| flags & 0x01 != 0),
            has_life_cycle: find(object, &[0x5F52]).is_some_and(|bytes| has_life_cycle(&bytes)),
            pins: discretionary(0xC4).as_deref().and_then(PinStatus::parse),
        }
    }
}

/// The status indicator of the historical bytes (OpenPGP card 3.4, 6.2): 03 initialisation and 05 operational state both mean
/// that TERMINATE DF and ACTIVATE FILE are there, 00 that nothing is told.
fn has_life_cycle(historical: &[u8]) -> bool {
    matches!(historical, [0x00, .., 0x03 | 0x05, _, _])
}

/// The application identifier (OpenPGP card 3.4, 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aid {
    /// The version of the specification: major, minor.
    pub version: (u8, u8),
    manufacturer: u16,
    serial: [u8; 4],
}

impl Aid {
    /// Reads the 16 bytes; none where they are another application's.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [0xD2, 0x76, 0x00, 0x01, 0x24, 0x01, major, minor, m1, m2, s1, s2, s3, s4, ..] => Some(Self {
                version: (major, minor),
                manufacturer: u16::from_be_bytes([m1, m2]),
                serial: [s1, s2, s3, s4],
            }),
            _ => None,
        }
    }

    /// The serial number as printed: eight hexadecimal digits; Yubico's, whose digits are decimal, without leading zeros.
    pub fn serial(&self) -> Text {
        let digits: String = self.serial.iter().map(|byte| format!("{byte:02X}")).collect();
        match (self.is_yubico(), digits.parse::<u32>()) {
            (true, Ok(decimal)) => Text::from(decimal.to_string().as_str()),
            // Not all keys have their number in decimal digits.
            (true, Err(_)) => Text::from(u32::from_be_bytes(self.serial).to_string().as_str()),
            (false, _) => Text::from(digits.as_str()),
        }
    }

    /// Who made it, where the number is one that is known here.
    pub fn manufacturer(&self) -> Option<Text> {
        let name = match self.manufacturer {
            0x0005 => "ZeitControl",
            YUBICO => "Yubico",
            0x0009 => "Fidesmo",
            0x000B => "Feitian",
            0x000F => "Nitrokey",
            0xF517 => "FSIJ",
            _ => return None,
        };
        Some(Text::from(name))
    }

    /// The kind of card.
    pub fn model(&self) -> Text {
        let (major, minor) = self.version;
        Text::from(format!("OpenPGP card {major}.{minor}").as_str())
    }

    /// Whether it is Yubico's, which knows commands of its own.
    pub fn is_yubico(&self) -> bool {
        self.manufacturer == YUBICO
    }

    /// Whether it is a YubiKey NEO, whose PINs fall back to those of delivery when limits are set. Later keys say 2.1 or more.
    pub fn is_neo(&self) -> bool {
        self.is_yubico() && self.version == (2, 0)
    }
}

const YUBICO: u16 = 0x0006;

/// The PW status bytes (DO C4). The first, whether one VERIFY serves several signatures, is no concern of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinStatus {
    longest: [u8; 3],
    tries: [u8; 3],
}

impl PinStatus {
    /// Reads the seven bytes, with the object's tag and length before them or not; none where there are fewer.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [_, pw1, code, pw3, tries_pw1, tries_code, tries_pw3]
            | [0xC4, 0x07, _, pw1, code, pw3, tries_pw1, tries_code, tries_pw3] => {
                Some(Self { longest: [pw1, code, pw3], tries: [tries_pw1, tries_code, tries_pw3] })
            }
            _ => None,
        }
    }

    /// The tries left of a PIN.
    pub fn retries(&self, role: Role) -> Retries {
        let [pw1, code, pw3] = self.tries;
        match role {
            Role::UserPin => Retries::counted(pw1, None),
            Role::ResetCode => Retries::counted(code, None),
            Role::SoPin => Retries::counted(pw3, None),
            _ => Retries::Unknown,
        }
    }

    /// Whether a card of version 3 wants it as a PIN block (OpenPGP card 3.4, 4.3.1, bit 8 of the lengths).
    pub fn wants_blocks(&self, role: Role) -> bool {
        self.longest(role) & 0x80 != 0
    }

    /// The most bytes that a PIN may have, in the form in which it is sent.
    pub fn longest(&self, role: Role) -> usize {
        let [pw1, code, pw3] = self.longest;
        usize::from(match role {
            Role::UserPin => pw1,
            Role::ResetCode => code,
            _ => pw3,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aid(version: [u8; 2], manufacturer: [u8; 2], serial: [u8; 4]) -> Aid {
        let bytes = [&[0xD2, 0x76, 0x00, 0x01, 0x24, 0x01], &version[..], &manufacturer, &serial, &[0, 0]].concat();
        Aid::parse(&bytes).unwrap()
    }

    #[test]
    fn a_serial_is_as_printed_in_hexadecimal_and_yubicos_in_decimal() {
        let text = |aid: Aid| aid.serial().to_string();
        assert_eq!(text(aid([3, 4], [0, 0], [0x00, 0xDE, 0xC0, 0xDE])), "00DEC0DE");
        assert_eq!(text(aid([3, 4], [0, 5], [0x00, 0x00, 0x12, 0x34])), "00001234");
        assert_eq!(text(aid([3, 4], [0, 6], [0x05, 0x43, 0x72, 0x51])), "5437251");
        assert_eq!(text(aid([3, 4], [0, 6], [0x00, 0x00, 0x00, 0xFF])), "255");
    }

    #[test]
    fn a_card_says_its_version_and_a_maker_that_is_not_known_has_no_name() {
        let card = aid([3, 4], [0, 6], [0; 4]);
        assert_eq!(card.model(), Text::from("OpenPGP card 3.4"));
        assert_eq!(card.manufacturer(), Some(Text::from("Yubico")));
        assert_eq!(aid([3, 4], [0xAB, 0xCD], [0; 4]).manufacturer(), None);
        assert!(aid([2, 0], [0, 6], [0; 4]).is_neo() && !aid([2, 1], [0, 6], [0; 4]).is_neo());
        assert!(!aid([2, 0], [0, 5], [0; 4]).is_neo());
    }

    #[test]
    fn another_applications_identifier_is_none() {
        assert_eq!(Aid::parse(&[0xA0, 0x00, 0x00, 0x03, 0x08]), None);
        assert_eq!(Aid::parse(&[0xD2, 0x76, 0x00, 0x01, 0x24, 0x02, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn any_policy_byte_is_taken_and_the_counters_stand_behind_the_lengths() {
        for policy in [0x00, 0x01, 0xFF] {
            let status = PinStatus::parse(&[policy, 0x7F, 0x40, 0x20, 3, 0, 1]).unwrap();
            assert_eq!(status.retries(Role::UserPin), Retries::counted(3, None));
            assert_eq!(status.retries(Role::ResetCode), Retries::Blocked);
            assert_eq!(status.retries(Role::SoPin), Retries::counted(1, None));
            let longest = [Role::UserPin, Role::ResetCode, Role::SoPin].map(|role| status.longest(role));
            assert_eq!(longest, [127, 64, 32]);
        }
        assert_eq!(PinStatus::parse(&[0x00, 0x7F, 0x7F, 0x7F, 3, 0]), None);
    }

    #[test]
    fn the_related_data_is_read_with_its_tag_and_without() {
        let hex = "4F10D276000124010304000000DEC0DE00005F520A0031F573C00160059000\
                   7315C00A3F0010001000100000 01C407007F7F7F030003";
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let bare: Vec<u8> =
            digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
        let length = u8::try_from(bare.len()).unwrap();
        let tagged = [&[0x6E, length][..], &bare].concat();
        let related = Related::parse(&bare);
        assert_eq!(Related::parse(&tagged), related);
        assert_eq!((related.has_kdf, related.has_life_cycle), (Some(true), true));
        assert_eq!(related.aid.map(|aid| aid.version), Some((3, 4)));
        assert_eq!(related.pins.map(|pins| pins.retries(Role::UserPin)), Some(Retries::counted(3, None)));
    }

    #[test]
    fn a_card_that_tells_nothing_of_its_life_cycle_cannot_be_erased() {
        for (status, can) in [(0x00, false), (0x03, true), (0x05, true), (0x07, false)] {
            assert_eq!(has_life_cycle(&[0x00, 0x31, 0xF5, 0x73, 0xC0, 0x01, 0x60, status, 0x90, 0x00]), can);
        }
        assert!(!has_life_cycle(&[0x80, 0x05, 0x90, 0x00]) && !has_life_cycle(&[0x05, 0x90, 0x00]));
    }

    #[test]
    fn nonsense_tells_nothing() {
        for object in [&b""[..], &[0x6E], &[0x6E, 0x82, 0xFF], &[0xFF; 40]] {
            let related = Related::parse(object);
            assert_eq!((related.aid, related.has_kdf, related.pins), (None, None, None));
        }
    }
}
