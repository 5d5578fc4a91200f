//! `pukka retries …`

use clap::Subcommand;

use super::{
    Request,
    sources::{AdminKey, NewPin, NewPuk, NewResetCode, NewSoPin, Pin, SoPin, gather, named},
};
use crate::{operation::Operation, token::Role};

/// The verbs of the retry counters.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Set the limits of the retry counters; a PIV card puts PIN and PUK back to those of delivery, so it wants new ones too
    #[command(after_help = "Example: pukka retries set --application piv --pin-tries 5 --puk-tries 5")]
    Set {
        /// Tries of the PIN, 1 to 255
        #[arg(long, value_name = "N", value_parser = tries)]
        pin_tries: Option<u8>,
        /// Tries of the PUK, 1 to 255
        #[arg(long, value_name = "N", value_parser = tries)]
        puk_tries: Option<u8>,
        /// Tries of the SO PIN, 1 to 255
        #[arg(long, value_name = "N", visible_alias = "admin-pin-tries", value_parser = tries)]
        so_pin_tries: Option<u8>,
        /// Tries of the reset code, 1 to 255
        #[arg(long, value_name = "N", value_parser = tries)]
        reset_code_tries: Option<u8>,
        #[command(flatten)]
        pin: Pin,
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        admin_key: AdminKey,
        #[command(flatten)]
        new_pin: NewPin,
        #[command(flatten)]
        new_puk: NewPuk,
        #[command(flatten)]
        new_so_pin: NewSoPin,
        #[command(flatten)]
        new_reset_code: NewResetCode,
    },
}

/// A number of tries; the reason against another text is what follows the name of the option.
pub(super) fn tries(typed: &str) -> Result<u8, &'static str> {
    typed.parse().ok().filter(|tries| *tries > 0).ok_or("takes a number from 1 to 255")
}

impl Verb {
    /// The operation and its sources.
    pub fn request(&self) -> Request {
        let Self::Set {
            pin_tries,
            puk_tries,
            so_pin_tries,
            reset_code_tries,
            pin,
            so_pin,
            admin_key,
            new_pin,
            new_puk,
            new_so_pin,
            new_reset_code,
        } = self;
        let limits = [
            (Role::UserPin, pin_tries),
            (Role::Puk, puk_tries),
            (Role::SoPin, so_pin_tries),
            (Role::ResetCode, reset_code_tries),
        ];
        let limits = limits.into_iter().filter_map(|(role, tries)| Some((role, (*tries)?))).collect();
        let sources = [
            named(pin),
            named(so_pin),
            named(admin_key),
            named(new_pin),
            named(new_puk),
            named(new_so_pin),
            named(new_reset_code),
        ];
        Request::new(Operation::SetRetries { limits }, gather(sources))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_a_number_from_1_to_255_and_another_text_is_told_so_in_plain_words() {
        assert_eq!((tries("1"), tries("255")), (Ok(1), Ok(255)));
        for typed in ["0", "256", "-1", "three", ""] {
            assert_eq!(tries(typed), Err("takes a number from 1 to 255"), "{typed}");
        }
    }
}
