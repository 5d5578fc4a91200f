//! `pukka policy …`

use clap::{Subcommand, ValueEnum};

use super::{
    Asked,
    sources::{Pin, gather, named},
};
use crate::token::Role;

/// The verbs of the policy.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check that the policy of the configuration files holds, and say what it lays down; with --pin, whether this PIN would pass
    #[command(
        after_help = "With --token that one is looked at; else every policy counts that could be for one of --application\nExample: pukka policy check --application piv --pin prompt"
    )]
    Check {
        #[command(flatten)]
        pin: Pin,
        /// Whose new value --pin gives
        #[arg(long, value_name = "ROLE", value_enum, default_value = "user-pin")]
        role: Whose,
    },
}

/// Whose value a policy can be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    /// The user PIN's
    UserPin,
    /// The PUK's
    Puk,
    /// The SO PIN's
    #[value(alias = "admin-pin")]
    SoPin,
    /// The reset code's
    ResetCode,
}

impl Verb {
    /// What was asked for.
    pub fn asked(&self) -> Asked {
        match self {
            Self::Check { pin, role } => {
                let role = match role {
                    Whose::UserPin => Role::UserPin,
                    Whose::Puk => Role::Puk,
                    Whose::SoPin => Role::SoPin,
                    Whose::ResetCode => Role::ResetCode,
                };
                Asked::Policy { role, sources: gather([named(pin)]) }
            }
        }
    }
}
