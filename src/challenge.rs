//! Challenge and response in the form in which people hand them on: hexadecimal, plain or in groups that each end in a check digit.
//!
//! The check digit is ours to compute: the formula of Luhn in base 16 is ten lines, and the crates that have it know base 10.

use std::fmt;

use zeroize::Zeroizing;

/// One block of a cipher, eight bytes of 3DES or sixteen of AES: the challenge that a card gives, and the response to it, which
/// has the same length. Wiped when dropped, since a response opens the card.
#[derive(Debug, PartialEq, Eq)]
pub struct Block(Zeroizing<Vec<u8>>);

/// Why a text is no challenge and no response: what follows the name of the option that gave it. It never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Groups whose check digit does not fit, or that hold something else than digits.
    #[error("is mistyped in {}", groups(.0))]
    Mistyped(Vec<Group>),
    /// A group with a digit too many or too few.
    #[error("has {length} in place of {usual} digits in group {ordinal}")]
    Uneven {
        /// Which group, counted from 1.
        ordinal: usize,
        /// How many digits it has.
        length: usize,
        /// How many the others have.
        usual: usize,
    },
    /// Too many or too few digits in all.
    #[error("has {0} digits: 16 or 32 are a plain one, 20 or 40 are one in groups of five with a check digit each")]
    Length(usize),
}

/// A group by its place in what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Which one, counted from 1.
    pub ordinal: usize,
    /// How many digits a group has here.
    pub size: usize,
}

/// Hexadecimal digits of a group, without its check digit.
const PLAIN: usize = 4;
/// Digits of a group with its check digit.
const CHECKED: usize = PLAIN + 1;

impl Block {
    /// A block of that content; none where it has neither 8 nor 16 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 8 | 16).then(|| Self(Zeroizing::new(bytes.to_vec())))
    }

    /// Reads hexadecimal digits in either case, with spaces and dashes anywhere: 16 or 32 plain ones, or 20 or 40 in groups of
    /// five, of which the last one checks the others.
    ///
    /// # Errors
    /// [`Malformed`], which names the groups that are wrong and repeats none.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        // The words and what is made of them are wiped, and have their final size from the start, so that no copy is left behind.
        let mut words = Zeroizing::new(Vec::with_capacity(text.len()));
        words.extend(text.split(is_between).filter(|word| !word.is_empty()).map(digits));
        let digits = Zeroizing::new(words.concat());
        let size = match digits.len() {
            16 | 32 => PLAIN,
            20 | 40 => CHECKED,
            length => return Err(uneven(&words).unwrap_or(Malformed::Length(length))),
        };
        // A digit lost from one group and doubled in another would shift those between them.
        if let Some(uneven) = uneven(&words).filter(|_| size == CHECKED) {
            return Err(uneven);
        }
        let groups: Zeroizing<Vec<Option<[u8; PLAIN]>>> = Zeroizing::new(digits.chunks(size).map(group).collect());
        let wrong = groups.iter().enumerate().filter(|(_, group)| group.is_none());
        let wrong: Vec<Group> = wrong.map(|(index, _)| Group { ordinal: index + 1, size }).collect();
        let mut bytes = Zeroizing::new(Vec::with_capacity(groups.len() * PLAIN / 2));
        bytes.extend(groups.iter().flatten().flat_map(|[a, b, c, d]| [16 * a + b, 16 * c + d]));
        match Self::new(&bytes) {
            Some(block) if wrong.is_empty() => Ok(block),
            _ => Err(Malformed::Mistyped(wrong)),
        }
    }

    /// The bytes, 8 or 16.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The groups to be said on the telephone, four or eight: `0011D`, four digits and one that checks them.
    pub fn groups(&self) -> Vec<String> {
        let group = |pair: &[u8]| {
            let digits: Vec<u8> = pair.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).collect();
            digits.iter().chain([&check_digit(&digits)]).map(|digit| format!("{digit:X}")).collect()
        };
        self.bytes().chunks(PLAIN / 2).map(group).collect()
    }
}

/// Plain hexadecimal, as Windows shows it and takes it.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// What may stand between digits: white space, and dashes of every length, which mail programs put in place of one another.
fn is_between(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The digits of a word; none for each character that is no digit.
fn digits(word: &str) -> Vec<Option<u8>> {
    let mut digits = Vec::with_capacity(word.len());
    digits.extend(word.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())));
    digits
}

/// The four digits of a group, where it holds nothing else and its check digit, if it has one, fits.
fn group(digits: &[Option<u8>]) -> Option<[u8; PLAIN]> {
    let digits: Zeroizing<Vec<u8>> = Zeroizing::new(digits.iter().copied().collect::<Option<_>>()?);
    let (content, check) = digits.split_first_chunk()?;
    (check.is_empty() || check == [check_digit(content)]).then_some(*content)
}

/// Luhn's check digit in base 16, as the MEID of telephones has it (3GPP2 S.R0048): every second digit is doubled, beginning with
/// the last, and the digits of all results add up, together with it, to a multiple of 16.
///
/// It betrays each single wrong digit and each two neighbours in each other's place but 0 and F, whose sums are alike.
fn check_digit(digits: &[u8]) -> u8 {
    let doubled = |digit: &u8| 2 * digit / 16 + 2 * digit % 16;
    let odd: u8 = digits.iter().rev().step_by(2).map(doubled).sum();
    let even: u8 = digits.iter().rev().skip(1).step_by(2).sum();
    (odd + even).wrapping_neg() % 16
}

/// The first group with a digit too many or too few, as against the length that is found most often.
fn uneven(words: &[Vec<Option<u8>>]) -> Option<Malformed> {
    let lengths: Vec<usize> = words.iter().map(Vec::len).collect();
    let count = |length: usize| lengths.iter().filter(|other| **other == length).count();
    let leads = |length: &usize| lengths.iter().all(|other| other == length || count(*other) < count(*length));
    let usual = lengths.iter().copied().find(leads)?;
    let (index, length) = lengths.iter().copied().enumerate().find(|(_, length)| length % usual != 0)?;
    Some(Malformed::Uneven { ordinal: index + 1, length, usual })
}

/// `groups 2 (digits 6 to 10) and 4 (digits 16 to 20)`.
fn groups(wrong: &[Group]) -> String {
    let named = |Group { ordinal, size }: &Group| {
        format!("{ordinal} (digits {} to {})", (ordinal - 1) * size + 1, ordinal * size)
    };
    let named: Vec<String> = wrong.iter().map(named).collect();
    format!("group{} {}", if named.len() == 1 { "" } else { "s" }, named.join(" and "))
}

#[cfg(test)]
mod tests;
