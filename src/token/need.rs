//! A secret that an operation needs, and the option that names its source.

use super::Role;

/// One secret of an operation: the one the token has now, or the one it is to get.
///
/// The order is that of lines on standard input: `--pin`, then the authority, then new values in the order of their options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The value that the token has now.
    Current(Role),
    /// The value that it is to get.
    New(Role),
}

impl Need {
    /// The role, whichever value is meant.
    pub fn role(self) -> Role {
        match self {
            Self::Current(role) | Self::New(role) => role,
        }
    }

    /// Whether this is a value that the token is to get.
    pub fn is_new(self) -> bool {
        matches!(self, Self::New(_))
    }

    /// Whether it can be known only once the token has asked for it: a response belongs to its challenge.
    pub fn is_late(self) -> bool {
        self.role() == Role::Response
    }

    /// The option without its dashes, which is also its name in JSON: `new-pin`.
    pub fn option(self) -> &'static str {
        match self {
            Self::Current(Role::UserPin) => "pin",
            Self::Current(Role::Puk) => "puk",
            Self::Current(Role::SoPin) => "so-pin",
            Self::Current(Role::AdminKey) => "admin-key",
            Self::Current(Role::ResetCode) => "reset-code",
            // Nothing sets a response: it is given once.
            Self::Current(Role::Response) | Self::New(Role::Response) => "response",
            Self::New(Role::UserPin) => "new-pin",
            Self::New(Role::Puk) => "new-puk",
            Self::New(Role::SoPin) => "new-so-pin",
            Self::New(Role::AdminKey) => "new-admin-key",
            Self::New(Role::ResetCode) => "new-reset-code",
        }
    }
}
