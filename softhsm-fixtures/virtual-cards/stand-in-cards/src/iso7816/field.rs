//! A PIN as the bytes that a card takes and keeps.

use super::dialect::IsoDialect;

crate::choice! {
    /// How digits become bytes.
    pub enum Encoding { Ascii = "ascii", Bcd = "bcd", Glp = "glp" }
}

/// Of a GlobalPlatform block: 2 and the number of digits, the digits, F up to the end.
const BLOCK: usize = 8;

/// The bytes for `pin`, padded.
pub fn encode(pin: &[u8], dialect: &IsoDialect) -> Vec<u8> {
    let digits = || pin.iter().map(|character| character & 0x0F).collect::<Vec<_>>();
    match dialect.encoding {
        Encoding::Ascii => pad(pin, dialect),
        Encoding::Bcd => pad(&nibbles(&digits()), dialect),
        Encoding::Glp => {
            let mut block = [vec![2, pin.len() as u8 & 0x0F], digits()].concat();
            block.resize(2 * BLOCK, 0x0F);
            nibbles(&block)
        }
    }
}

/// Two a byte, F after an odd one.
fn nibbles(nibbles: &[u8]) -> Vec<u8> {
    nibbles.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0x0F)).collect()
}

/// As far as it is missing.
pub fn pad(value: &[u8], dialect: &IsoDialect) -> Vec<u8> {
    let mut value = value.to_vec();
    if let ([byte], true) = (&dialect.pad.0[..], value.len() < usize::from(dialect.pad_length)) {
        value.resize(usize::from(dialect.pad_length), *byte);
    }
    value
}

/// How long every value is, where it is padded or a block.
pub fn fixed_length(dialect: &IsoDialect) -> Option<usize> {
    match dialect.encoding {
        Encoding::Glp => Some(BLOCK),
        _ if dialect.pad.0.is_empty() => None,
        _ => Some(usize::from(dialect.pad_length)),
    }
}

/// How many characters `field` stands for; `None` where it cannot be one.
pub fn characters(field: &[u8], dialect: &IsoDialect) -> Option<usize> {
    match (dialect.encoding, &dialect.pad.0[..]) {
        (Encoding::Glp, _) => {
            let length = usize::from(field.first().filter(|first| *first >> 4 == 2)? & 0x0F);
            let digits = field[1..].iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).enumerate();
            let good = |(index, nibble)| if index < length { nibble <= 9 } else { nibble == 0x0F };
            digits.into_iter().all(good).then_some(length)
        }
        (encoding, padding) => {
            let length = match padding {
                [byte] => field.iter().rposition(|one| one != byte).map_or(0, |last| last + 1),
                _ => field.len(),
            };
            let odd = field.get(length.wrapping_sub(1)).is_some_and(|last| last & 0x0F == 0x0F);
            Some(if encoding == Encoding::Bcd { 2 * length - usize::from(odd) } else { length })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dialect::Bytes, hex};

    #[test]
    fn a_block_of_global_platform_says_how_many_digits_it_has() {
        let dialect = IsoDialect { encoding: Encoding::Glp, ..IsoDialect::default() };
        for (pin, block) in [("12345", "2512345FFFFFFFFF"), ("123456789012", "2C123456789012FF")] {
            assert_eq!(hex::encode(&encode(pin.as_bytes(), &dialect)), block);
            assert_eq!(characters(&encode(pin.as_bytes(), &dialect), &dialect), Some(pin.len()));
        }
        assert_eq!(characters(&[0x25, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], &dialect), None);
    }

    #[test]
    fn padding_is_not_counted() {
        let pad = Bytes(vec![0xFF]);
        let dialect = IsoDialect { pad, pad_length: 12, ..IsoDialect::default() };
        assert_eq!(hex::encode(&encode(b"1234", &dialect)), "31323334FFFFFFFFFFFFFFFF");
        assert_eq!(characters(&encode(b"1234", &dialect), &dialect), Some(4));
        let bcd = IsoDialect { encoding: Encoding::Bcd, pad_length: 4, ..dialect };
        assert_eq!(hex::encode(&encode(b"12345", &bcd)), "12345FFF");
        assert_eq!(characters(&encode(b"12345", &bcd), &bcd), Some(5));
    }
}
