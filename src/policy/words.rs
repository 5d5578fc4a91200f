//! Demands in words, as a prompt tells them beforehand, and those that nothing can meet.

use super::{Characters, Demands, Refused, limits, range};
use crate::token::{Length, Unit};

impl Demands {
    /// What a new value must be by these demands and the token's own limits: `6 to 8 digits, no sequence, no date, none of the common
    /// ones`.
    pub fn in_words(&self, length: Length) -> String {
        let refused = self.refuse.iter().flatten().map(|refused| in_words(*refused).to_owned());
        [self.lengths(length)].into_iter().chain(refused).collect::<Vec<_>>().join(", ")
    }

    fn lengths(&self, length: Length) -> String {
        if (self.min, self.max, self.characters) == (None, None, None) {
            return limits(length);
        }
        let min = self.min.unwrap_or_default().max(length.min);
        let max = [self.max, length.max].into_iter().flatten().min();
        let unit = match (length.unit, self.characters) {
            (Unit::Digits, _) => Characters::Digits.in_words(),
            (Unit::HexDigits, Some(Characters::Digits)) => Characters::Digits.in_words(),
            (Unit::HexDigits, _) => "hexadecimal digits",
            (Unit::Bytes | Unit::Characters, Some(characters)) => characters.in_words(),
            (Unit::Bytes | Unit::Characters, None) => "characters",
        };
        range(min, max, unit)
    }

    /// Why no value at all can meet these demands, nor the token's own limits with them where those are told; none where one can.
    pub fn contradiction(&self, length: Option<Length>) -> Option<String> {
        if self.characters == Some(Characters::Nothing) {
            return Some("the policy allows no character at all: what one part of it allows another does not".into());
        }
        let clash = self.min.zip(self.max).filter(|(min, max)| min > max);
        if let Some((min, max)) = clash {
            return Some(format!("the policy asks for at least {min} characters and allows at most {max}"));
        }
        let length = length?;
        let token = limits(length);
        match (self.min, self.max, length.max) {
            (Some(min), _, Some(most)) if min > most => {
                Some(format!("the policy asks for at least {min} characters, and this token takes {token}"))
            }
            // A value of wider characters than ASCII has could meet both, and nobody is asked for such a one.
            (_, Some(max), _) if max < length.min => {
                Some(format!("the policy allows at most {max} characters, and this token takes {token}"))
            }
            _ if length.unit == Unit::Digits && self.characters == Some(Characters::Letters) => {
                Some(format!("the policy allows letters only, and this token takes {token}"))
            }
            _ => None,
        }
    }
}

/// What is refused, as a prompt says it.
fn in_words(refused: Refused) -> &'static str {
    match refused {
        Refused::Sequences => "no sequence",
        Refused::Repeats => "no repetition",
        Refused::Keyboard => "no row of keys",
        Refused::Dates => "no date",
        Refused::Common => "none of the common ones",
        Refused::Old => "not the old one",
        Refused::Other => "not another secret of this token",
        Refused::Serial => "nothing of its number",
        Refused::Label => "nothing of its label",
    }
}
