//! `pukka reset-code …`

use clap::Subcommand;

use super::{
    Request,
    sources::{NewResetCode, SoPin, gather, named},
};
use crate::operation::Operation;

/// The verbs of the reset code.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Set the reset code, or another one in its place, by the Admin PIN
    #[command(after_help = "Example: pukka reset-code set --so-pin prompt --new-reset-code generate")]
    Set {
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        new_reset_code: NewResetCode,
    },
    /// Take the reset code away, by the Admin PIN
    #[command(after_help = "Example: pukka reset-code clear --application openpgp --so-pin prompt")]
    Clear {
        #[command(flatten)]
        so_pin: SoPin,
    },
}

impl Verb {
    /// The operation and its sources.
    pub fn request(&self) -> Request {
        match self {
            Self::Set { so_pin, new_reset_code } => {
                Request::new(Operation::SetCode, gather([named(so_pin), named(new_reset_code)]))
            }
            Self::Clear { so_pin } => Request::new(Operation::ClearCode, gather([named(so_pin)])),
        }
    }
}
