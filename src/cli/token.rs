//! `pukka token …`

use clap::{Args, Subcommand, ValueEnum};

use super::{
    Asked, Request,
    retries::tries,
    sources::{NewPin, NewSoPin, SoPin, gather, named},
};
use crate::{
    error::Result,
    input::Destroy,
    operation::Operation,
    selector::Selector,
    token::{Harm, Recovery, Terms},
};

/// The verbs of a token as a whole.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Begin a token anew: a blank one, or a live one whose content is destroyed
    #[command(after_help = "Example: pukka token init --label desk-7 --new-so-pin prompt --new-pin prompt")]
    Init {
        /// The token's name, at most 32 bytes
        #[arg(long, value_name = "LABEL", value_hint = clap::ValueHint::Other)]
        label: Option<String>,
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        new_so_pin: NewSoPin,
        #[command(flatten)]
        new_pin: NewPin,
        #[command(flatten)]
        terms: PinTerms,
        /// Confirm that this live token is destroyed: its serial (its label, where the serial is empty or shared)
        #[arg(long, value_name = "NAME", value_hint = clap::ValueHint::Other)]
        destroy: Option<String>,
        /// Go on where the module is known to destroy more than it says
        #[arg(long)]
        force_init: bool,
    },
    /// Put a token back that a crash took away while it was written, from the copy that was made before
    #[command(after_help = "Example: pukka token restore 9672f829f8e860c1")]
    Restore {
        /// The token's serial or label, or a pkcs11: URI; the only one that is lost, if not given
        #[arg(id = "named", value_name = "SERIAL", value_hint = clap::ValueHint::Other)]
        token: Option<String>,
        /// Confirm that a token that is there goes back to what it was: its serial
        #[arg(long, value_name = "NAME", value_hint = clap::ValueHint::Other)]
        destroy: Option<String>,
    },
    /// Put a card application back to the state of delivery: every key, certificate and PIN on it is lost
    #[command(after_help = "Example: pukka token erase --application piv")]
    Erase {
        /// Confirm that this token is destroyed: its serial (its reader, where it tells none)
        #[arg(long, value_name = "NAME", value_hint = clap::ValueHint::Other)]
        destroy: Option<String>,
    },
}

/// The terms of the first user PIN, on a token that takes it with its beginning.
#[derive(Debug, Args)]
pub struct PinTerms {
    /// Tries of the PIN; a SmartCard-HSM takes up to 3, with 7 characters 5, with 8 or more 10
    #[arg(long, value_name = "N", value_parser = tries)]
    pin_tries: Option<u8>,
    /// What the SO PIN may do for a PIN that is blocked or forgotten (SmartCard-HSM); reset, if not said
    #[arg(long, value_name = "WAY", value_enum)]
    pin_recovery: Option<Way>,
    /// The holder must change the PIN before the first use (SmartCard-HSM)
    #[arg(long)]
    transport_pin: bool,
}

/// What the SO PIN may do for a lost user PIN.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    /// Give it a new value
    Reset,
    /// Restore its tries and keep its value, too
    Unblock,
    /// Nothing: what the PIN guards is lost with it
    None,
}

impl PinTerms {
    fn terms(&self) -> Terms {
        let recovery = self.pin_recovery.map(|way| match way {
            Way::Reset => Recovery::Reset,
            Way::Unblock => Recovery::Unblock,
            Way::None => Recovery::Nothing,
        });
        Terms { tries: self.pin_tries, recovery, transport: self.transport_pin }
    }
}

impl Verb {
    /// The operation and its sources.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] for a malformed selector.
    pub fn asked(&self) -> Result<Asked> {
        let confirmed = |destroy: &Option<String>| destroy.clone().map_or(Destroy::Ask, Destroy::Named);
        Ok(match self {
            Self::Init { label, so_pin, new_so_pin, new_pin, terms, destroy, force_init } => Asked::Operate(Request {
                operation: Operation::Init {
                    label: label.clone(),
                    terms: terms.terms(),
                    harm: if *force_init { Harm::Accepted } else { Harm::Refused },
                },
                sources: gather([named(so_pin), named(new_so_pin), named(new_pin)]),
                destroy: confirmed(destroy),
            }),
            Self::Erase { destroy } => Asked::Operate(Request {
                operation: Operation::Erase,
                sources: gather([]),
                destroy: confirmed(destroy),
            }),
            Self::Restore { token, destroy } => Asked::Restore {
                token: token.as_deref().map(Selector::parse).transpose()?,
                destroy: confirmed(destroy),
            },
        })
    }
}
