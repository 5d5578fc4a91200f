//! What PIV cards tell in their data objects: which PIN is meant, and who the card is.

use iso7816_tlv::simple;

use crate::{device::card::tlv::find, token::Text};

/// Tag list that asks for the discovery object (SP 800-73-5 part 1, 3.3.2).
pub const DISCOVERY: [u8; 3] = [0x5C, 0x01, 0x7E];
/// Tag list that asks for the cardholder unique identifier.
pub const CHUID: [u8; 5] = [0x5C, 0x03, 0x5F, 0xC1, 0x02];

/// Which PIN unlocks the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinUsage {
    /// The application's own, 80.
    Application,
    /// The card's global PIN, 00.
    Global,
}

impl PinUsage {
    /// Reads the PIN usage policy (tag 5F2F) of a discovery object; the application's PIN where it tells nothing else.
    ///
    /// Byte 1: bit 40 the application PIN counts, bit 20 the global one does too. Byte 2: 20 means that the global one comes first.
    pub fn parse(object: &[u8]) -> Self {
        match find(object, &[0x7E, 0x5F2F]).as_deref() {
            Some([policy, first, ..]) if policy & 0x20 != 0 && (policy & 0x40 == 0 || *first == 0x20) => Self::Global,
            _ => Self::Application,
        }
    }
}

/// The GUID (tag 34) of a cardholder unique identifier, in hexadecimal; none where it is all zero.
///
/// Its fields are simple TLV: in BER their tags would announce constructed values (SP 800-73-5 part 1, table 9).
pub fn guid(object: &[u8]) -> Option<Text> {
    let content = find(object, &[0x53])?;
    let objects = simple::Tlv::parse_all(&content);
    let tag = simple::Tag::try_from(0x34).ok()?;
    let guid = objects.iter().find(|object| object.tag() == tag)?.value();
    let hex: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
    (guid.len() == 16 && guid.iter().any(|byte| *byte != 0)).then(|| Text::from(hex.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 7E { 4F AID, 5F2F 02 policy first }
    fn discovery(policy: u8, first: u8) -> Vec<u8> {
        let mut object = vec![0x7E, 0x12, 0x4F, 0x0B, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0, 0x5F, 0x2F, 0x02];
        object.extend([policy, first]);
        object
    }

    #[test]
    fn the_discovery_object_tells_which_pin_is_meant() {
        assert_eq!(PinUsage::parse(&discovery(0x40, 0x10)), PinUsage::Application);
        assert_eq!(PinUsage::parse(&discovery(0x60, 0x10)), PinUsage::Application);
        assert_eq!(PinUsage::parse(&discovery(0x60, 0x20)), PinUsage::Global);
        assert_eq!(PinUsage::parse(&discovery(0x20, 0x00)), PinUsage::Global);
    }

    #[test]
    fn without_a_usable_object_the_application_pin_is_meant() {
        for object in [&b""[..], &[0x7E], &[0x7E, 0x7F, 0x5F], &[0xFF; 20]] {
            assert_eq!(PinUsage::parse(object), PinUsage::Application);
        }
    }

    #[test]
    fn the_guid_is_a_serial_unless_it_is_all_zero() {
        let chuid = |guid: [u8; 16]| [&[0x53, 0x17, 0x30, 0x03, 1, 2, 3, 0x34, 0x10][..], &guid].concat();
        assert_eq!(guid(&chuid([0xAB; 16])), Some(Text::from("ab".repeat(16).as_str())));
        assert_eq!(guid(&chuid([0; 16])), None);
        assert_eq!(guid(&[0x53, 0x00]), None);
    }
}
