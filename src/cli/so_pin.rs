//! `pukka so-pin …`

use clap::Subcommand;

use super::{
    Request,
    sources::{NewSoPin, SoPin, gather, named},
};
use crate::{operation::Operation, token::Role};

/// The verbs of the SO PIN.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Change the SO PIN, knowing the old one
    #[command(after_help = "Example: pukka so-pin change --token desk-7")]
    Change {
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        new_so_pin: NewSoPin,
    },
    /// What is left where the SO PIN is forgotten: no token gives another without it
    #[command(after_help = "Example: pukka so-pin reset --token desk-7")]
    Reset {
        #[command(flatten)]
        new_so_pin: NewSoPin,
    },
}

impl Verb {
    /// The operation and its sources.
    pub fn request(&self) -> Request {
        match self {
            Self::Change { so_pin, new_so_pin } => {
                Request::new(Operation::Change { role: Role::SoPin }, gather([named(so_pin), named(new_so_pin)]))
            }
            Self::Reset { new_so_pin } => Request::new(Operation::ResetSoPin, gather([named(new_so_pin)])),
        }
    }
}
