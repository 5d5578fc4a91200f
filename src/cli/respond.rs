//! `pukka respond`

use std::collections::BTreeMap;

use clap::{ArgAction, Args};

use super::sources::{AdminKey, gather, named};
use crate::{input::Source, token::Need};

/// What `respond` takes.
#[derive(Debug, Args)]
pub struct Respond {
    /// The challenge: 16 or 32 hexadecimal digits, or 20 or 40 in groups of five with a check digit each; spaces and dashes are taken here, not in the key
    #[arg(long, value_name = "HEX", required = true, num_args = 1.., action = ArgAction::Set)]
    challenge: Vec<String>,
    #[command(flatten)]
    admin_key: AdminKey,
}

impl Respond {
    /// The challenge as it was typed; its groups may have been words of their own.
    pub fn challenge(&self) -> String {
        self.challenge.join(" ")
    }

    /// Where the key comes from.
    pub fn sources(&self) -> BTreeMap<Need, Source> {
        gather([named(&self.admin_key)])
    }
}
