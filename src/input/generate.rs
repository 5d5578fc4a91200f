//! New values made by us: random, within the limits of the token, without bias.

use rand::{rand_core::UnwrapErr, rngs::SysRng, seq::IndexedRandom};

use crate::{
    error::{Error, Result},
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

/// Makes a new value for `reference`: 8 digits for a PIN or PUK, 16 characters for an SO PIN or a reset code, as far as its
/// limits allow; a key is as long as the present one, where that is known, else that of 3DES and AES-192.
///
/// The system's own source is asked for each character; where it fails there is nothing left to do, so that is a panic.
///
/// # Errors
/// [`Error::Policy`] where the token wants more than [`Pin::MOST`] bytes.
pub fn generate(reference: &Reference) -> Result<Pin> {
    let (wanted, alphabet) = match (reference.role, reference.length.unit) {
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
    let length = wanted.max(reference.length.min).min(reference.length.max.unwrap_or(usize::MAX));
    if length > Pin::MOST {
        return Err(Error::Policy(format!("the token wants a longer {} than is made here", reference.role)));
    }
    let mut value = Pages::with_capacity(length);
    value.extend((0..length).filter_map(|_| alphabet.choose(&mut UnwrapErr(SysRng)).copied()));
    Ok(Pin::take(value))
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
            let value = generate(&reference).unwrap();
            assert_eq!(policy::check_new(reference.role, &value, &reference, None), Ok(()));
        }
    }

    #[test]
    fn every_digit_comes_up_about_as_often_as_any_other() {
        let reference = reference(Role::UserPin, 8, Some(8), Unit::Digits);
        let mut counts = [0_u32; 10];
        for _ in 0..5_000 {
            generate(&reference).unwrap().bytes().iter().for_each(|byte| counts[usize::from(byte - b'0')] += 1);
        }
        // 40 000 draws: the mean is 4 000, the standard deviation 60; eight of them are as good as never.
        assert!(counts.iter().all(|count| (3_520..=4_480).contains(count)), "{counts:?}");
    }
}
