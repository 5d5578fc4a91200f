//! `pukka pin …`

use clap::{Args, Subcommand, ValueEnum};

use super::{
    Request,
    sources::{AdminKey, NewPin, NewPuk, Pin, Puk, ResetCode, Response, SoPin, gather, named},
};
use crate::{
    operation::Operation,
    token::{Need, Role},
};

/// The verbs of the user PIN.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Set the first user PIN of a new token
    #[command(after_help = "Example: pukka pin set --token desk-7 --so-pin prompt --new-pin prompt")]
    Set {
        #[command(flatten)]
        pin: Pin,
        #[command(flatten)]
        puk: Puk,
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        admin_key: AdminKey,
        #[command(flatten)]
        new_pin: NewPin,
        #[command(flatten)]
        new_puk: NewPuk,
    },
    /// Change the user PIN, knowing the old one
    #[command(after_help = "Example: pukka pin change --token 4711")]
    Change {
        #[command(flatten)]
        pin: Pin,
        #[command(flatten)]
        new_pin: NewPin,
    },
    /// Try the user PIN, knowingly
    #[command(after_help = "Example: pukka pin verify --token desk-7 --pin env:PIN")]
    Verify {
        #[command(flatten)]
        pin: Pin,
    },
    /// Unblock the user PIN and keep it; with --new-pin this is `pin reset`
    #[command(after_help = "Example: pukka pin unblock --token 4711")]
    Unblock {
        #[command(flatten)]
        authority: Authority,
        #[command(flatten)]
        new_pin: NewPin,
    },
    /// Give a new user PIN for a forgotten or blocked one
    #[command(after_help = "Example: pukka pin reset --token 4711 --puk prompt")]
    Reset {
        #[command(flatten)]
        authority: Authority,
        #[command(flatten)]
        new_pin: NewPin,
    },
}

/// Who stands behind a reset.
#[derive(Debug, Args)]
pub struct Authority {
    #[command(flatten)]
    puk: Puk,
    #[command(flatten)]
    so_pin: SoPin,
    #[command(flatten)]
    admin_key: AdminKey,
    #[command(flatten)]
    reset_code: ResetCode,
    #[command(flatten)]
    response: Response,
    /// By whose authority; the one whose secret is given, if not named
    #[arg(long, value_name = "ROLE", value_enum)]
    by: Option<By>,
}

/// By whose authority.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// The PUK's
    Puk,
    /// The SO PIN's
    #[value(alias = "admin-pin")]
    SoPin,
    /// The admin key's
    #[value(alias = "management-key")]
    AdminKey,
    /// The reset code's
    ResetCode,
    /// The help desk's, which answers a challenge of the card with its admin key
    Challenge,
}

impl Authority {
    fn role(&self) -> Option<Role> {
        self.by.map(|by| match by {
            By::Puk => Role::Puk,
            By::SoPin => Role::SoPin,
            By::AdminKey => Role::AdminKey,
            By::ResetCode => Role::ResetCode,
            By::Challenge => Role::Response,
        })
    }
}

impl Verb {
    /// The operation and its sources.
    pub fn request(&self) -> Request {
        match self {
            Self::Set { pin, puk, so_pin, admin_key, new_pin, new_puk } => Request::new(
                Operation::Set,
                gather([named(pin), named(puk), named(so_pin), named(admin_key), named(new_pin), named(new_puk)]),
            ),
            Self::Change { pin, new_pin } => {
                Request::new(Operation::Change { role: Role::UserPin }, gather([named(pin), named(new_pin)]))
            }
            Self::Verify { pin } => Request::new(Operation::Verify, gather([named(pin)])),
            Self::Unblock { authority, new_pin } | Self::Reset { authority, new_pin } => {
                let by = authority.role();
                let sources = gather([
                    named(&authority.puk),
                    named(&authority.so_pin),
                    named(&authority.admin_key),
                    named(&authority.reset_code),
                    named(&authority.response),
                    named(new_pin),
                ]);
                let keeps = matches!(self, Self::Unblock { .. }) && !sources.contains_key(&Need::New(Role::UserPin));
                Request::new(if keeps { Operation::Unblock { by } } else { Operation::Reset { by } }, sources)
            }
        }
    }
}
