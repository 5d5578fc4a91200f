//! Who a token is and where it sits.

use std::{fmt, path::PathBuf};

use super::Text;

/// The application that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Application {
    /// A token behind a PKCS#11 module.
    Pkcs11,
    /// A PIV card (SP 800-73).
    Piv,
    /// An OpenPGP card, 2.0 to 3.4.
    OpenPgp,
    /// A card of Microsoft's Generic Identity Device Specification.
    Gids,
    /// A SmartCard-HSM.
    ScHsm,
    /// A card that a profile describes, by the profile's name.
    Profile(&'static str),
}

impl Application {
    /// Every application that needs no profile, in the order in which they are looked for.
    pub const BUILT_IN: [Self; 5] = [Self::Pkcs11, Self::Piv, Self::OpenPgp, Self::Gids, Self::ScHsm];

    /// What its standard calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pkcs11 => "PKCS#11",
            Self::Piv => "PIV",
            Self::OpenPgp => "OpenPGP",
            Self::Gids => "GIDS",
            Self::ScHsm => "SmartCard-HSM",
            Self::Profile(name) => name,
        }
    }

    /// The name in selectors, options and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pkcs11 => "pkcs11",
            Self::Piv => "piv",
            Self::OpenPgp => "openpgp",
            Self::Gids => "gids",
            Self::ScHsm => "sc-hsm",
            Self::Profile(name) => name,
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A way to tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// APDUs over PC/SC.
    Pcsc,
    /// A PKCS#11 module.
    Pkcs11,
}

/// Where a token sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a PC/SC reader of this name.
    Reader(Text),
    /// In a slot of a module.
    Slot {
        /// CK_SLOT_ID.
        id: u64,
        /// The module's path, as given.
        module: PathBuf,
    },
}

impl Place {
    /// The way that leads there.
    pub fn route(&self) -> Route {
        match self {
            Self::Reader(_) => Route::Pcsc,
            Self::Slot { .. } => Route::Pkcs11,
        }
    }
}

/// Who a token is, as far as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The application that answers.
    pub application: Application,
    /// The serial number as printed on the token.
    pub serial: Option<Text>,
    /// The label.
    pub label: Option<Text>,
    /// Who made it.
    pub manufacturer: Option<Text>,
    /// What it is.
    pub model: Option<Text>,
    /// Where it sits.
    pub place: Place,
    /// Whether it was never initialised (a slot without CKF_TOKEN_INITIALIZED).
    pub blank: bool,
}

/// How people call it: its label, else its serial, else its place.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.blank {
            if let Place::Slot { id, .. } = self.place {
                return write!(f, "the blank token in slot {id}");
            }
        }
        match (&self.label, &self.serial, &self.place) {
            (Some(label), _, _) => write!(f, "{label}"),
            (None, Some(serial), _) => write!(f, "{} {serial}", self.application),
            (None, None, Place::Reader(reader)) => write!(f, "{} in {reader}", self.application),
            (None, None, Place::Slot { id, .. }) => write!(f, "{} in slot {id}", self.application),
        }
    }
}
