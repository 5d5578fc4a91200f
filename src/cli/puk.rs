//! `pukka puk …`

use clap::Subcommand;

use super::{
    Request,
    sources::{NewPuk, Puk, gather, named},
};
use crate::{operation::Operation, token::Role};

/// The verbs of the PUK.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Change the PUK, knowing the old one
    #[command(after_help = "Example: pukka puk change --application piv")]
    Change {
        #[command(flatten)]
        puk: Puk,
        #[command(flatten)]
        new_puk: NewPuk,
    },
}

impl Verb {
    /// The operation and its sources.
    pub fn request(&self) -> Request {
        match self {
            Self::Change { puk, new_puk } => {
                Request::new(Operation::Change { role: Role::Puk }, gather([named(puk), named(new_puk)]))
            }
        }
    }
}
