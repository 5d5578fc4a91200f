//! `pukka policy …`

use clap::Subcommand;

use super::{
    Asked,
    global::Whose,
    sources::{Pin, gather, named},
};

/// The verbs of the policy.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check that the policy of the configuration holds, and whether a PIN would pass
    #[command(
        after_help = "With --token that one is looked at, with its own limits; without it no token is touched, and\neach policy counts that could be for one of --application\nExample: pukka policy check --application piv --pin prompt"
    )]
    Check {
        #[command(flatten)]
        pin: Pin,
        /// Whose new value --pin gives
        #[arg(long, value_name = "ROLE", value_enum, default_value = "user-pin")]
        role: Whose,
    },
}

impl Verb {
    /// What was asked for.
    pub fn asked(&self) -> Asked {
        match self {
            Self::Check { pin, role } => Asked::Policy { role: (*role).into(), sources: gather([named(pin)]) },
        }
    }
}
