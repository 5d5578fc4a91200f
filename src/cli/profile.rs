//! `pukka profile …`

use std::path::PathBuf;

use clap::Subcommand;

use super::Asked;

/// The verbs of an ISO 7816 profile.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check a profile and say what it would send for each operation, without a card
    #[command(after_help = "Example: pukka profile check my-card.toml")]
    Check {
        /// The TOML file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl Verb {
    /// What was asked for.
    pub fn asked(&self) -> Asked {
        match self {
            Self::Check { file } => Asked::Profile { file: file.clone() },
        }
    }
}
