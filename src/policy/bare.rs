//! A value without what people put between its characters, and with every script's digits as those of ASCII: `1-2-3`, `１２３`.

use zeroize::Zeroizing;

/// What stands between characters and makes nothing harder to guess.
const SEPARATORS: &[char] = &[' ', '.', '-', '/', '_'];
/// The noughts of the scripts that have decimal digits of their own (Unicode, general category Nd); nine digits follow each.
const NOUGHTS: [u32; 41] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
];

/// The value in lower case and bare; none where that is the value itself, or nothing is left. What is no UTF-8 is left as it is.
pub(super) fn bare(folded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(folded).ok()?;
    // It never grows, so that no copy of it is left behind.
    let mut bare = Zeroizing::new(Vec::with_capacity(folded.len()));
    let mut buffer = Zeroizing::new([0; 4]);
    for character in text.chars().filter(|character| !SEPARATORS.contains(character)) {
        match digit(character) {
            Some(digit) => bare.push(digit),
            None => bare.extend_from_slice(character.encode_utf8(buffer.as_mut()).as_bytes()),
        }
    }
    (!bare.is_empty() && *bare != folded).then_some(bare)
}

/// The digit of ASCII that has the value of another script's.
fn digit(character: char) -> Option<u8> {
    let own =
        NOUGHTS.iter().find_map(|nought| u32::from(character).checked_sub(*nought).filter(|value| *value < 10))?;
    u8::try_from(own).ok().map(|value| b'0' + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bared(value: &str) -> Option<String> {
        bare(value.as_bytes()).map(|bare| String::from_utf8(bare.to_vec()).unwrap())
    }

    #[test]
    fn what_stands_between_is_left_out_and_digits_of_every_script_are_those_of_ascii() {
        for (value, left) in [
            ("1 2-3.4/5_6", "123456"),
            ("１２３４５６", "123456"),
            ("١٢٣٤", "1234"),
            ("۱۲۳۴", "1234"),
            ("१२३४", "1234"),
            ("𝟏𝟐𝟑𝟒", "1234"),
            ("é-１", "é1"),
        ] {
            assert_eq!(bared(value).as_deref(), Some(left), "{value}");
        }
        for value in ["", "123456", "pässwort", " .-/_", "²³½"] {
            assert_eq!(bared(value), None, "{value}");
        }
        assert_eq!(bare(b"1-\xFF"), None);
    }

    #[test]
    fn every_nought_is_one_and_nothing_but_its_nine_follow_it() {
        for nought in NOUGHTS {
            let is_numeric = |code| char::from_u32(code).is_some_and(char::is_numeric);
            assert!((nought..nought + 10).all(is_numeric), "{nought:X}");
            assert_eq!(char::from_u32(nought).and_then(digit), Some(b'0'), "{nought:X}");
        }
    }
}
