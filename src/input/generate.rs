//! New values made by us: random, within the limits of the token, without bias.

use rand::{rand_core::UnwrapErr, rngs::SysRng, seq::IndexedRandom};

use crate::{
    error::{Error, Result},
    policy::{Demands, Generator},
    secret::{Pages, Pin},
    token::{Reference, Role, Unit},
};

/// Digits, for what a person types at a pad or a desk.
const DIGITS: &[u8] = b"0123456789";
/// Letters and digits that are not mistaken for one another, for what an operator keeps.
const CLEAR: &[u8] = b"23456789abcdefghijkmnpqrstuvwxyz";

/// Hexadecimal digits, for keys.
const HEXADECIMAL: &[u8] = b"0123456789abcdef";
/// The digits of a key for 3DES or AES-192.
const KEY: usize = 48;

/// How many values are made till one passes; the rules of a policy refuse few of many.
const DRAWS: usize = 200;

/// Makes a new value for `reference`: 8 digits for a PIN or PUK, 16 characters for an SO PIN or a reset code, or what `generator`
/// says, as far as the limits of the token and `demands` allow; a key is as long as the present one, where that is known, else that
/// of 3DES and AES-192. What `passes` refuses is thrown away as a whole, so that all that pass stay equally likely.
///
/// The system's own source is asked for each character; where it fails there is nothing left to do, so that is a panic.
///
/// # Errors
/// [`Error::Policy`] where the token wants more than [`Pin::MOST`] bytes, or nothing passes.
pub fn generate(
    reference: &Reference,
    generator: Generator,
    demands: &Demands,
    passes: &dyn Fn(&Pin) -> Result<()>,
) -> Result<Pin> {
    let (role, unit) = (reference.role, reference.length.unit);
    let (wanted, usual) = match (role, unit) {
        (_, Unit::HexDigits) => {
            let present = reference.current_length.filter(|(min, max)| min == max);
            (present.map_or(KEY, |(_, length)| length), HEXADECIMAL)
        }
        (Role::SoPin, Unit::Bytes | Unit::Characters) => (16, CLEAR),
        (Role::SoPin, Unit::Digits) => (16, DIGITS),
        (Role::ResetCode, Unit::Bytes | Unit::Characters) => (16, CLEAR),
        (Role::AdminKey | Role::Response, _) | (Role::ResetCode, Unit::Digits) => (16, DIGITS),
        (Role::UserPin | Role::Puk, _) => (8, DIGITS),
    };
    let least = reference.length.min.max(demands.min.unwrap_or_default());
    let most = [reference.length.max, demands.max].into_iter().flatten().min().unwrap_or(usize::MAX);
    let length = generator.length.unwrap_or(wanted).max(least).min(most);
    if length > Pin::MOST {
        return Err(Error::Policy(format!("the token wants a longer {role} than is made here")));
    }
    let alphabet = alphabet(unit, usual, generator, demands);
    let mut refused = Error::Policy(format!("no character is left of which a new {role} could be made"));
    for _ in 0..if alphabet.is_empty() { 0 } else { DRAWS } {
        let mut value = Pages::with_capacity(length);
        value.extend((0..length).filter_map(|_| alphabet.choose(&mut UnwrapErr(SysRng)).copied()));
        let value = Pin::take(value);
        match passes(&value) {
            Ok(()) => return Ok(value),
            Err(error) => refused = error,
        }
    }
    Err(Error::Policy(format!("no {role} of {length} characters could be made that may be set: {refused}")))
}

/// The characters to draw from: those that were asked for, else the usual ones, of which only what is allowed is left; where that
/// is nothing, all that are allowed. A blank is in none: nobody sees it at the end of a line.
fn alphabet(unit: Unit, usual: &[u8], generator: Generator, demands: &Demands) -> Vec<u8> {
    let allowed = |byte: &u8| {
        let by_token = match unit {
            Unit::Digits => byte.is_ascii_digit(),
            Unit::HexDigits => byte.is_ascii_hexdigit(),
            Unit::Bytes | Unit::Characters => byte.is_ascii_graphic(),
        };
        by_token && demands.characters.is_none_or(|characters| characters.hold(*byte))
    };
    let printable = || (0..=u8::MAX).filter(u8::is_ascii_graphic);
    let asked: Vec<u8> = match generator.characters {
        Some(characters) => printable().filter(|byte| characters.hold(*byte)).collect(),
        None => usual.to_vec(),
    };
    let left: Vec<u8> = asked.into_iter().filter(allowed).collect();
    if left.is_empty() { printable().filter(allowed).collect() } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        policy,
        token::{Length, Retries, State},
    };

    fn reference(role: Role, min: usize, max: Option<usize>, unit: Unit) -> Reference {
        let length = Length { min, max, unit };
        Reference {
            role,
            name: role.title(),
            key_reference: None,
            state: State::Ready,
            retries: Retries::Unknown,
            default: None,
            length,
            current_length: None,
        }
    }

    #[test]
    fn a_generated_value_meets_the_limits_of_its_token() {
        for reference in [
            reference(Role::UserPin, 6, Some(8), Unit::Digits),
            reference(Role::UserPin, 10, Some(12), Unit::Digits),
            reference(Role::Puk, 8, Some(8), Unit::Characters),
            reference(Role::SoPin, 4, Some(255), Unit::Bytes),
            reference(Role::SoPin, 4, Some(8), Unit::Bytes),
            reference(Role::SoPin, 20, None, Unit::Bytes),
        ] {
            let value = generate(&reference, Generator::default(), &Demands::default(), &|_| Ok(())).unwrap();
            assert_eq!(policy::check_new(&value, &reference, None), Ok(()));
        }
    }

    #[test]
    fn every_digit_comes_up_about_as_often_as_any_other() {
        let reference = reference(Role::UserPin, 8, Some(8), Unit::Digits);
        let mut counts = [0_u32; 10];
        for _ in 0..5_000 {
            generate(&reference, Generator::default(), &Demands::default(), &|_| Ok(()))
                .unwrap()
                .bytes()
                .iter()
                .for_each(|byte| counts[usize::from(byte - b'0')] += 1);
        }
        // 40 000 draws: the mean is 4 000, the standard deviation 60; eight of them are as good as never.
        assert!(counts.iter().all(|count| (3_520..=4_480).contains(count)), "{counts:?}");
    }
}
