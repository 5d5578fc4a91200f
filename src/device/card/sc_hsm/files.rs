//! What a SmartCard-HSM tells and stores of itself: its options, its certificate, its label.

use crate::{device::card::tlv::find, token::Text};

/// EF.C_DevAut, the device's certificate.
pub const CERTIFICATE: [u8; 2] = [0x2F, 0x02];
/// EF.TokenInfo of PKCS#15, which everybody may read and the user PIN writes.
pub const TOKEN_INFO: [u8; 2] = [0x2F, 0x03];

/// The digits behind the serial number in the certificate's holder reference, which count certificates.
const SEQUENCE: usize = 5;

/// What the device was initialised with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options(u8);

impl Options {
    /// RESET RETRY COUNTER by the SO PIN is allowed.
    pub const RESET: Self = Self(0x01);
    /// The user PIN must be changed before it is good for anything.
    pub const TRANSPORT: Self = Self(0x02);
    /// RESET RETRY COUNTER may keep the PIN.
    pub const UNBLOCK: Self = Self(0x20);

    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and those.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The two bytes that INITIALIZE takes.
    pub fn field(self) -> [u8; 2] {
        [0, self.0]
    }
}

/// What SELECT tells in tag 85 of its control information: options, kind, version. Older firmware tells the version alone.
/// None where this is no SmartCard-HSM: some cards say yes to any name.
pub fn control(answer: &[u8]) -> Option<Option<Options>> {
    let field = find(answer, &[0x6F, 0x85])?;
    match field.as_slice() {
        [.., options, _kind, _major, _minor] => Some(Some(Options(*options))),
        _ => Some(None),
    }
}

/// The length of the object that begins here, its header included; none where that does not tell.
pub fn length(object: &[u8]) -> Option<usize> {
    let (tag, rest) = object.split_first()?;
    let rest = if tag & 0x1F == 0x1F { rest.get(1..)? } else { rest };
    let header = object.len() - rest.len();
    match *rest {
        [short @ 0..=0x7F, ..] => Some(header + 1 + usize::from(short)),
        [0x81, length, ..] => Some(header + 2 + usize::from(length)),
        [0x82, high, low, ..] => Some(header + 3 + usize::from(u16::from_be_bytes([high, low]))),
        _ => None,
    }
}

/// The serial number: the holder's name in the device's certificate (BSI TR-03110, tag 5F20) without its last digits.
pub fn serial(certificate: &[u8]) -> Option<Text> {
    // The issuer's own certificate may stand behind it.
    let own = certificate.get(..length(certificate)?)?;
    let holder = find(own, &[0x7F21, 0x7F4E, 0x5F20])?;
    Text::trimmed(holder.get(..holder.len().checked_sub(SEQUENCE)?)?)
}

/// The label in a TokenInfo (PKCS#15, 6.9: tag 80).
pub fn label(token_info: &[u8]) -> Option<Text> {
    find(token_info, &[0x30, 0x80]).and_then(|label| Text::trimmed(&label))
}

/// A TokenInfo of version 0 with this label, at most 32 bytes, and the flag of a random generator.
pub fn token_info(label: &str) -> Vec<u8> {
    let label = object(0x80, label.as_bytes());
    object(0x30, &[&[0x02, 0x01, 0x00][..], &label, &[0x03, 0x02, 0x05, 0x20]].concat())
}

/// An object whose value has less than 128 bytes.
pub fn object(tag: u8, value: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(value.len()).unwrap_or(u8::MAX)], value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_stand_before_kind_and_version_and_older_firmware_has_none() {
        let answer = |field: &[u8]| control(&object(0x6F, &object(0x85, field)));
        assert_eq!(answer(&[0x00, 0x21, 0xFF, 0x03, 0x05]), Some(Some(Options::RESET.and(Options::UNBLOCK))));
        assert_eq!(answer(&[0x00, 0x00, 0xFF, 0x02, 0x00]), Some(Some(Options::NONE)));
        assert_eq!(answer(&[0x01, 0x02]), Some(None));
        assert_eq!(control(&object(0x6F, &object(0x84, &[1]))), None, "a card that says yes to any name");
    }

    #[test]
    fn the_serial_is_the_holder_without_the_number_of_its_certificate() {
        // 7F21 { 7F4E { 42 issuer, 5F20 holder }, 5F37 signature }
        let body = [&object(0x42, b"DEISSUER00001")[..], &[0x5F], &object(0x20, b"DECC010012300001")].concat();
        let body = [&[0x7F], &object(0x4E, &body)[..], &[0x5F, 0x37, 0x02, 0x00, 0x00]].concat();
        let own = [&[0x7F], &object(0x21, &body)[..]].concat();
        assert_eq!(serial(&own), Some(Text::from("DECC0100123")));
        assert_eq!(serial(&[&own[..], &own].concat()), Some(Text::from("DECC0100123")), "with its issuer's behind it");
        assert_eq!(serial(&own[..own.len() - 1]), None, "cut short");
        assert_eq!(length(&[0x7F, 0x21, 0x82, 0x01, 0x10, 0x00]), Some(277));
        for broken in [&[][..], &[0x7F], &[0x7F, 0x21], &[0x7F, 0x21, 0x84, 1, 2], &[0x30, 0x00]] {
            assert_eq!(serial(broken), None, "{broken:02X?}");
        }
    }

    #[test]
    fn a_label_is_read_as_it_was_written() {
        assert_eq!(token_info("ca"), [0x30, 0x0B, 2, 1, 0, 0x80, 2, b'c', b'a', 3, 2, 5, 0x20]);
        assert_eq!(label(&token_info("root CA 7")), Some(Text::from("root CA 7")));
        assert_eq!(label(&[0x30, 0x03, 2, 1, 0]), None);
    }
}
