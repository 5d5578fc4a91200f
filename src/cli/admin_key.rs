//! `pukka admin-key …`

use clap::Subcommand;

use super::{
    Request,
    sources::{AdminKey, NewAdminKey, gather, named},
};
use crate::{operation::Operation, token::Role};

/// The verbs of the admin key.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Change the admin key, knowing the old one; keys are hexadecimal
    #[command(after_help = "Example: pukka admin-key change --admin-key prompt --new-admin-key generate:NEW")]
    Change {
        #[command(flatten)]
        admin_key: AdminKey,
        #[command(flatten)]
        new_admin_key: NewAdminKey,
    },
}

impl Verb {
    /// The operation and its sources.
    pub fn request(&self) -> Request {
        match self {
            Self::Change { admin_key, new_admin_key } => Request::new(
                Operation::Change { role: Role::AdminKey },
                gather([named(admin_key), named(new_admin_key)]),
            ),
        }
    }
}
