//! What GIDS cards tell and take in TLV: the state of the PIN, the card identifier, the templates of an authentication.

use crate::{
    device::card::{apdu, tlv::find},
    secret::{AdminKey, Pages},
    token::{Retries, Text},
};

/// Tag list that asks for the state of the user PIN.
pub const PIN_STATUS: [u8; 4] = [0x5C, 0x02, 0x7F, 0x71];
/// Tag list that asks for the card identifier, in the file that the card's index names for it on every card.
pub const CARD_ID: [u8; 4] = [0x5C, 0x02, 0xDF, 0x20];
/// Asks the card for a challenge of its own length, which is to be answered (external authentication).
pub const ASK: [u8; 4] = [0x7C, 0x02, 0x81, 0x00];
/// A key reference in a control reference template: the admin key's.
pub const ADMIN_KEY: [u8; 3] = [0x83, 0x01, 0x80];

/// The counter of the user PIN and its limit; none where the object does not tell it.
pub fn pin_status(object: &[u8]) -> Option<Retries> {
    let number = |tag| match find(object, &[0x7F71, tag]).as_deref() {
        Some([number]) => Some(*number),
        _ => None,
    };
    number(0x97).map(|left| Retries::counted(left, number(0x93)))
}

/// The card identifier, in hexadecimal; none where it is all zero.
pub fn card_id(object: &[u8]) -> Option<Text> {
    let id = find(object, &[0xDF20])?;
    let hex = apdu::hex(&id).to_lowercase();
    (id.len() == 16 && id.iter().any(|byte| *byte != 0)).then(|| Text::from(hex.as_str()))
}

/// The challenge in a dynamic authentication template.
pub fn challenge(object: &[u8]) -> Option<Vec<u8>> {
    find(object, &[0x7C, 0x81])
}

/// The answer in a dynamic authentication template.
pub fn response(object: &[u8]) -> Option<Vec<u8>> {
    find(object, &[0x7C, 0x82])
}

/// A dynamic authentication template of one object, which has less than 126 bytes.
pub fn template(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    [&[0x7C, length.saturating_add(2), tag, length], value].concat()
}

/// What PUT DATA takes to replace the admin key of 24 bytes. What stands behind the key is the same whatever it is, in
/// OpenSC and in Windows' own driver; it looks like a key-check value and is none.
pub fn new_key(key: &AdminKey) -> Pages {
    // Of its final size from the start, so that no copy is left behind.
    let mut object = Pages::with_capacity(38);
    object.extend_from_slice(&[0x70, 0x24, 0x84, 0x01, 0x80, 0xA5, 0x1F, 0x87, 0x18]);
    object.extend_from_slice(key.bytes());
    object.extend_from_slice(&[0x88, 0x03, 0xB0, 0x73, 0xDC]);
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_the_pin_tells_the_tries_and_their_limit() {
        let two_of_three = [0x7F, 0x71, 0x06, 0x97, 0x01, 0x02, 0x93, 0x01, 0x03];
        assert_eq!(pin_status(&two_of_three), Some(Retries::Left { left: 2, limit: Some(3) }));
        assert_eq!(pin_status(&[0x7F, 0x71, 0x03, 0x97, 0x01, 0x00]), Some(Retries::Blocked));
        assert_eq!(pin_status(&[0x7F, 0x71, 0x03, 0x93, 0x01, 0x03]), None);
        assert_eq!(pin_status(&[]), None);
    }

    #[test]
    fn the_card_identifier_is_a_serial_unless_it_is_all_zero() {
        let object = |id: [u8; 16]| [&[0xDF, 0x20, 0x10][..], &id].concat();
        assert_eq!(card_id(&object([0xAB; 16])), Some(Text::from("ab".repeat(16).as_str())));
        assert_eq!(card_id(&object([0; 16])), None);
        assert_eq!(card_id(&[0xDF, 0x20, 0x00]), None);
    }
}
