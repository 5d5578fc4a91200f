//! `pukka token …`

use clap::Subcommand;

use super::{
    Request,
    sources::{NewPin, NewSoPin, SoPin, gather, named},
};
use crate::{input::Destroy, operation::Operation};

/// The verbs of a token as a whole.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Begin a token anew: a blank one, or a live one whose content is destroyed
    #[command(after_help = "Example: pukka token init --label desk-7 --new-so-pin prompt --new-pin prompt")]
    Init {
        /// The token's name, at most 32 bytes
        #[arg(long, value_name = "LABEL")]
        label: Option<String>,
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        new_so_pin: NewSoPin,
        #[command(flatten)]
        new_pin: NewPin,
        /// Confirm that this live token is destroyed: its serial (its label, where the serial is empty or shared)
        #[arg(long, value_name = "NAME")]
        destroy: Option<String>,
    },
    /// Put a card application back to the state of delivery: every key, certificate and PIN on it is lost
    #[command(after_help = "Example: pukka token erase --application piv")]
    Erase {
        /// Confirm that this token is destroyed: its serial (its reader, where the serial is empty or shared)
        #[arg(long, value_name = "NAME")]
        destroy: Option<String>,
    },
}

impl Verb {
    /// The operation and its sources.
    pub fn request(&self) -> Request {
        match self {
            Self::Init { label, so_pin, new_so_pin, new_pin, destroy } => Request {
                operation: Operation::Init { label: label.clone() },
                sources: gather([named(so_pin), named(new_so_pin), named(new_pin)]),
                destroy: destroy.clone().map_or(Destroy::Ask, Destroy::Named),
            },
            Self::Erase { destroy } => Request {
                operation: Operation::Erase,
                sources: gather([]),
                destroy: destroy.clone().map_or(Destroy::Ask, Destroy::Named),
            },
        }
    }
}
