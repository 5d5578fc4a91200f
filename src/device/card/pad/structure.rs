//! What a reader is told of an entry: PIN_VERIFY_STRUCTURE and PIN_MODIFY_STRUCTURE (PC/SC part 10, 2.5), each with the APDU into
//! which it puts what is typed.
//!
//! Numbers of two and four bytes have the least significant one first. There is no secret in these bytes.

use super::{Properties, field::Field};
use crate::token::Need;

/// bTimerOut and bTimerOut2 in seconds: OpenSC and the Belgian middleware let a person look for a key that long.
const SECONDS: u8 = 30;
/// bEntryValidationCondition: the most digits are there; the key that confirms was pressed.
const AT_THE_MOST: u8 = 0x01;
const BY_KEY: u8 = 0x02;
/// bConfirmPIN: the new value is asked for twice; the old one is asked for.
const TWICE: u8 = 0x01;
const OLD_TOO: u8 = 0x02;
/// wLangId: English of the United States, the only messages that every display has.
const ENGLISH: u16 = 0x0409;

/// A command of which the reader fills the values in.
#[derive(Debug, Clone, Copy)]
pub struct Blank<'a> {
    /// The standard's name for it.
    pub name: &'static str,
    /// CLA, INS, P1, P2.
    pub header: [u8; 4],
    /// The values, in the order in which they stand in its data.
    pub needs: &'a [Need],
    /// How each stands there.
    pub field: Field,
    /// The fewest and the most digits of each.
    pub digits: (usize, usize),
}

impl Blank<'_> {
    /// Whether one present value is asked for, and no new one.
    pub fn is_single(&self) -> bool {
        matches!(self.needs, [Need::Current(_)])
    }

    /// The structure for a reader of these properties.
    pub fn structure(&self, properties: &Properties) -> Vec<u8> {
        let mut bytes = vec![SECONDS, SECONDS];
        bytes.extend(self.field.format());
        if !self.is_single() {
            let old = self.needs.iter().any(|need| !need.is_new());
            let second = if old { self.field.length() } else { 0 };
            bytes.extend([0, u8::try_from(second).unwrap_or(u8::MAX)]);
            bytes.extend(self.extra_digits());
            bytes.push(if old { TWICE | OLD_TOO } else { TWICE });
            bytes.push(end(properties));
            // How many messages, and which: the first is for a present value, the second for a new one, the third repeats it.
            let (count, messages) = if old { (3, [0, 1, 2]) } else { (2, [1, 2, 2]) };
            bytes.push(if properties.display { count } else { 0 });
            bytes.extend(language(properties));
            bytes.extend(messages);
        } else {
            bytes.extend(self.extra_digits());
            bytes.push(end(properties));
            bytes.push(u8::from(properties.display));
            bytes.extend(language(properties));
            bytes.push(0);
        }
        bytes.extend([0; 3]);
        let apdu = self.apdu(properties);
        bytes.extend(u32::try_from(apdu.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(apdu);
        bytes
    }

    /// wPINMaxExtraDigit: the least in its upper byte, the most in its lower one.
    fn extra_digits(&self) -> [u8; 2] {
        let byte = |digits: usize| u8::try_from(digits).unwrap_or(u8::MAX);
        let (least, most) = self.digits;
        u16::from_be_bytes([byte(least), byte(most)]).to_le_bytes()
    }

    /// The APDU with its fields filled up, or with Lc = 00 where they are as long as what is typed.
    fn apdu(&self, properties: &Properties) -> Vec<u8> {
        let data = self.field.template().repeat(self.needs.len());
        let mut apdu = self.header.to_vec();
        // The SPRx32 does not touch an Lc that is there, and adds one that is not (OpenSC#309; GnuPG leaves it out too).
        if !data.is_empty() || properties.device != Some(SPRX32) {
            apdu.push(u8::try_from(data.len()).unwrap_or(u8::MAX));
        }
        apdu.extend(data);
        apdu
    }
}

/// SCM's and Identive's SPR 332 and 532.
const SPRX32: (u16, u16) = (0x04E6, 0xE003);

/// How the entry ends: by its key, unless the reader has none.
fn end(properties: &Properties) -> u8 {
    match properties.ends {
        Some(ends) if ends & BY_KEY == 0 && ends & AT_THE_MOST != 0 => AT_THE_MOST,
        _ => BY_KEY,
    }
}

fn language(properties: &Properties) -> [u8; 2] {
    if properties.display { ENGLISH.to_le_bytes() } else { [0; 2] }
}

#[cfg(test)]
mod tests;
