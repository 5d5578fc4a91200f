//! The bytes that a profile writes down, each kind checked while the file is read, so that its errors have line and column.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// Reads a string of the file as `T`. That is done while the string is visited, as serde's `try_from` is not: else an error in
/// an array would have the place of the array.
struct Written<T>(PhantomData<T>);

impl<T: TryFrom<String, Error = String>> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::try_from(text.to_owned()).map_err(E::custom)
    }
}

macro_rules! written {
    ($($kind:ty),*) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Written(PhantomData))
            }
        }
    )*};
}

written!(Bytes, Aid, Select, GetData, TagPath, Atr, Pattern);

/// Hexadecimal digits, two a byte, blanks between bytes or not.
fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .ok_or("bytes are written in hexadecimal")?;
    if digits.is_empty() {
        return Err("there are no bytes".into());
    }
    if digits.len() % 2 != 0 {
        return Err("a byte has two hexadecimal digits, and one is missing".into());
    }
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

/// Bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        hex(&text).map(Self)
    }
}

/// An application identifier: 5 to 16 bytes (ISO 7816-4, 8.2.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aid(pub Vec<u8>);

impl TryFrom<String> for Aid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let aid = hex(&text)?;
        match (5..=16).contains(&aid.len()) {
            true => Ok(Self(aid)),
            false => Err(format!("an application identifier has 5 to 16 bytes, not {}", aid.len())),
        }
    }
}

/// A command that reads or selects, as a profile writes it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apdu {
    /// CLA, INS, P1, P2.
    pub header: [u8; 4],
    /// The command data.
    pub data: Vec<u8>,
    /// Whether response data is expected (Le = 00).
    pub answers: bool,
}

impl Apdu {
    /// Reads a short APDU of any case whose instruction is one of `instructions`: a profile cannot make us send another.
    fn parse(text: &str, name: &str, instructions: &[u8]) -> Result<Self, String> {
        let bytes = hex(text)?;
        let (header, body) =
            bytes.split_first_chunk::<4>().ok_or("a command has at least the 4 bytes of its header")?;
        let [class, instruction, ..] = *header;
        if !instructions.contains(&instruction) {
            return Err(format!("instruction {instruction:02X} is not {name}"));
        }
        // FF goes to the reader (PC/SC part 3); the other bits announce secure messaging, a chain, a channel.
        if class & 0x7F != 0 {
            return Err(format!("class {class:02X} is neither 00 nor 80"));
        }
        let (data, rest) = match body {
            [] | [_] => (&[][..], body),
            [length, rest @ ..] => rest
                .split_at_checked(usize::from(*length))
                .filter(|(data, _)| !data.is_empty())
                .ok_or_else(|| format!("Lc says {length} bytes of data, and {} follow", rest.len()))?,
        };
        let answers = match rest {
            [] => false,
            [0] => true,
            _ => return Err("behind the data there is nothing but Le, which is 00".into()),
        };
        Ok(Self { header: *header, data: data.to_vec(), answers })
    }
}

/// A SELECT command (INS A4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select(pub Apdu);

impl TryFrom<String> for Select {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Apdu::parse(&text, "SELECT, A4", &[0xA4]).map(Self)
    }
}

/// A GET DATA command (INS CA or CB).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetData(pub Apdu);

impl TryFrom<String> for GetData {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let apdu = Apdu::parse(&text, "GET DATA, CA or CB", &[0xCA, 0xCB])?;
        match apdu.answers {
            true => Ok(Self(apdu)),
            false => Err("GET DATA ends in Le, 00: an answer is wanted".into()),
        }
    }
}

/// The tags that lead to a value, from the outermost: `"70 BF8101 A0 9B"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPath(pub Vec<u64>);

impl TryFrom<String> for TagPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let tag = |word: &str| {
            let bytes = hex(word)?;
            // Further bytes follow where the low five bits are all set, and go on while the high bit is (ISO 7816-4, 5.2.2.1).
            let is_tag = match bytes.as_slice() {
                [first] => first & 0x1F != 0x1F && *first != 0,
                [first, last] => first & 0x1F == 0x1F && last & 0x80 == 0,
                [first, middle, last] => first & 0x1F == 0x1F && middle & 0x80 != 0 && last & 0x80 == 0,
                _ => false,
            };
            match is_tag {
                true => Ok(bytes.iter().fold(0, |tag, byte| tag << 8 | u64::from(*byte))),
                false => Err("a tag is not one of BER-TLV (1 to 3 bytes, blanks between tags)".to_owned()),
            }
        };
        let tags: Vec<u64> = text.split_whitespace().map(tag).collect::<Result<_, _>>()?;
        if tags.is_empty() { Err("a tag path has at least one tag".into()) } else { Ok(Self(tags)) }
    }
}

/// An answer to reset, or a pattern of some: `xx` is any byte, `*` any number of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atr(Vec<AtrPart>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtrPart {
    Byte(u8),
    Any,
    Rest,
}

/// The longest answer to reset (ISO 7816-3, 8.2.1).
const LONGEST_ATR: usize = 33;

impl TryFrom<String> for Atr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let spaced = text.replace('*', " * ").replace(':', " ");
        let mut parts = Vec::new();
        for word in spaced.split_whitespace() {
            match word {
                "*" => parts.push(AtrPart::Rest),
                "xx" => parts.push(AtrPart::Any),
                bytes => parts.extend(hex(bytes)?.into_iter().map(AtrPart::Byte)),
            }
        }
        let known = parts.iter().filter(|part| matches!(part, AtrPart::Byte(_))).count();
        match (known, parts.iter().filter(|part| **part != AtrPart::Rest).count()) {
            (0 | 1, _) => {
                Err("that fits cards of every kind: an answer to reset needs more bytes that are known".into())
            }
            (_, length) if length > LONGEST_ATR => Err(format!("an answer to reset has at most {LONGEST_ATR} bytes")),
            _ => Ok(Self(parts)),
        }
    }
}

impl Atr {
    /// Whether a card's answer to reset is one of these.
    pub fn fits(&self, atr: &[u8]) -> bool {
        // As a shell matches file names: of several `*` only the last ever has to be tried anew.
        let (mut part, mut byte, mut last) = (0, 0, None);
        while byte < atr.len() {
            match self.0.get(part) {
                Some(AtrPart::Rest) => {
                    last = Some((part, byte));
                    part += 1;
                }
                Some(AtrPart::Any) => (part, byte) = (part + 1, byte + 1),
                Some(AtrPart::Byte(wanted)) if atr.get(byte) == Some(wanted) => (part, byte) = (part + 1, byte + 1),
                _ => match last {
                    Some((rest, tried)) => {
                        last = Some((rest, tried + 1));
                        (part, byte) = (rest + 1, tried + 1);
                    }
                    None => return false,
                },
            }
        }
        self.0.get(part..).unwrap_or_default().iter().all(|part| *part == AtrPart::Rest)
    }
}

/// Status words that are alike in their first digits: `6985`, `63Cx`, `64xx`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    digits: String,
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.trim_end_matches('x').to_owned();
        let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_digit() || (b'A'..=b'F').contains(&digit));
        if text.len() != 4 || !hexadecimal || digits.len() < 2 {
            return Err("a status word has four digits, 0 to 9 and A to F; the last two may be x, for any".into());
        }
        if ["90", "61", "6C"].iter().any(|taken| digits.starts_with(taken)) {
            return Err("what 90xx, 61xx and 6Cxx mean is the same on every card".into());
        }
        Ok(Self { digits })
    }
}

impl Pattern {
    /// How many digits are known, where the pattern fits `word`.
    pub fn fits(&self, word: u16) -> Option<usize> {
        format!("{word:04X}").starts_with(&self.digits).then_some(self.digits.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(text: &str) -> Result<Select, String> {
        Select::try_from(text.to_owned())
    }

    #[test]
    fn a_command_of_any_case_is_read() {
        for (text, data, answers) in [
            ("00 A4 00 0C", 0, false),
            ("00A4000000", 0, true),
            ("00 A4 00 0C 02 3F 00", 2, false),
            ("00 a4 04 00 05 A0 00 00 00 63 00", 5, true),
        ] {
            let Select(apdu) = select(text).unwrap();
            assert_eq!((apdu.data.len(), apdu.answers), (data, answers), "{text}");
        }
    }

    #[test]
    fn a_command_that_is_none_or_another_is_refused() {
        for (text, why) in [
            ("00 A4 00", "4 bytes of its header"),
            ("00 20 00 80", "instruction 20 is not SELECT"),
            ("FF A4 00 00", "class FF"),
            ("0C A4 00 00", "class 0C"),
            ("00 A4 00 0C 03 3F 00", "Lc says 3"),
            ("00 A4 00 0C 02 3F 00 10", "Le, which is 00"),
            ("00 A4 00 0C 0", "one is missing"),
            ("00 A4 00 0G", "hexadecimal"),
            ("", "no bytes"),
        ] {
            let refused = select(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        assert!(GetData::try_from("00 CB 00 FF 05 A0 03 83 01 81".to_owned()).unwrap_err().contains("Le"));
    }

    #[test]
    fn tags_are_those_of_ber_tlv() {
        assert_eq!(TagPath::try_from("70 BF8101 A0 9B".to_owned()), Ok(TagPath(vec![0x70, 0xBF8101, 0xA0, 0x9B])));
        for wrong in ["", "BF", "9B00", "DF2", "70 zz", "00"] {
            assert!(TagPath::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_answer_to_reset_fits_byte_by_byte_or_by_its_pattern() {
        let atr = |text: &str| Atr::try_from(text.to_owned());
        let card = [0x3B, 0xF5, 0x18, 0x00, 0x43, 0x4E, 0x53, 0x10];
        assert!(atr("3B F5 18 00 43 4E 53 10").unwrap().fits(&card));
        assert!(atr("3B:F5:xx:00:43:4E:53:10").unwrap().fits(&card));
        assert!(atr("3B * 43 4E 53 xx").unwrap().fits(&card));
        assert!(atr("3B*4E*").unwrap().fits(&card));
        for other in ["3B F5 18 00 43 4E 53", "3B * 43 4E 53", "3B * 43 4F *", "3B F5 18 00 43 4E 53 10 00"] {
            assert!(!atr(other).unwrap().fits(&card), "{other}");
        }
        assert!(atr("3B *").is_err() && atr("xx xx *").is_err() && atr("3B F").is_err());
        assert!(atr(&"3B ".repeat(34)).is_err());
    }

    #[test]
    fn a_status_word_fits_by_its_first_digits() {
        let pattern = |text: &str| Pattern::try_from(text.to_owned());
        assert_eq!(pattern("63Cx").unwrap().fits(0x63C2), Some(3));
        assert_eq!(pattern("63Cx").unwrap().fits(0x6300), None);
        for wrong in ["9000", "61xx", "6C10", "6xxx", "63cx", "x985", "69855", "69"] {
            assert!(pattern(wrong).is_err(), "{wrong}");
        }
    }
}
