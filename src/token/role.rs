//! The part that a secret plays, whatever the token calls it.

use std::fmt;

/// What part a secret plays; the token says where it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The holder's PIN.
    UserPin,
    /// The PUK, which resets the PIN.
    Puk,
    /// The security officer's PIN (CKU_SO, the Admin PIN of OpenPGP).
    SoPin,
    /// The key that administers a card: PIV's management key, the admin key of GIDS.
    AdminKey,
    /// The code that resets the PIN of an OpenPGP card.
    ResetCode,
    /// The answer to a challenge that the card gives, which stands in for its admin key once.
    Response,
}

impl Role {
    /// Every role that has a reference of its own, in the order of their options.
    pub const ALL: [Self; 5] = [Self::UserPin, Self::Puk, Self::SoPin, Self::AdminKey, Self::ResetCode];

    /// The name in JSON and in options: `user-pin`.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserPin => "user-pin",
            Self::Puk => "puk",
            Self::SoPin => "so-pin",
            Self::AdminKey => "admin-key",
            Self::ResetCode => "reset-code",
            Self::Response => "challenge",
        }
    }

    /// Whether a wrong value spends a try: of a key no card seen keeps a count.
    pub fn is_counted(self) -> bool {
        !matches!(self, Self::AdminKey | Self::Response)
    }

    /// What it is called in a sentence, where the token has no name of its own for it.
    pub fn title(self) -> &'static str {
        match self {
            Self::UserPin => "PIN",
            Self::Puk => "PUK",
            Self::SoPin => "SO PIN",
            Self::AdminKey => "admin key",
            Self::ResetCode => "reset code",
            Self::Response => "response to the challenge",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}
