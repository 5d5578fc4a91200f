//! The part that a secret plays, whatever the token calls it.

use std::fmt;

/// What part a secret plays; the token says where it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The holder's PIN.
    UserPin,
    /// The PUK, which resets the PIN.
    Puk,
    /// The security officer's PIN (CKU_SO).
    SoPin,
    /// The key that administers a card: PIV's management key, the admin key of GIDS.
    AdminKey,
}

impl Role {
    /// Every role, in the order of their options.
    pub const ALL: [Self; 4] = [Self::UserPin, Self::Puk, Self::SoPin, Self::AdminKey];

    /// The name in JSON and in options: `user-pin`.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserPin => "user-pin",
            Self::Puk => "puk",
            Self::SoPin => "so-pin",
            Self::AdminKey => "admin-key",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::UserPin => "PIN",
            Self::Puk => "PUK",
            Self::SoPin => "SO PIN",
            Self::AdminKey => "admin key",
        })
    }
}
