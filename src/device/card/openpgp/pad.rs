//! OpenPGP cards at the keys of a reader: values as long as they are typed, and none at all where KDF is on.
//!
//! The old and the new value of a change are not parted: as at the keyboard the old one is verified before, so that who is wrong
//! about it is told. A reset code cannot be verified, and a digit too many of it would begin the new PIN unseen: it is not typed
//! there.

use super::{Kdf, OpenPgp};
use crate::{
    device::card::{
        pad::{ASKS_EMPTY, Blank, Field, Offer, digits, enter, offered, refused},
        status_word::StatusWord,
    },
    error::{Error, Result},
    token::{Need, Pad, Reference, Role, Verb},
};

const PIN: Need = Need::Current(Role::UserPin);
const ADMIN_PIN: Need = Need::Current(Role::SoPin);

/// What can be typed at a reader, command by command.
const OFFERS: &[Offer] = &[
    Offer { verb: Verb::PinVerify, by: None, commands: &[&[PIN]] },
    Offer { verb: Verb::PinChange, by: None, commands: &[&[PIN], &[PIN, Need::New(Role::UserPin)]] },
    Offer { verb: Verb::SoPinChange, by: None, commands: &[&[ADMIN_PIN], &[ADMIN_PIN, Need::New(Role::SoPin)]] },
    Offer { verb: Verb::PinReset, by: Some(Role::SoPin), commands: &[&[ADMIN_PIN], &[Need::New(Role::UserPin)]] },
    Offer { verb: Verb::ResetCodeSet, by: None, commands: &[&[ADMIN_PIN]] },
    Offer { verb: Verb::ResetCodeClear, by: None, commands: &[&[ADMIN_PIN]] },
];

const HASHED: &str = "KDF is on, and no reader makes the hash of a PIN that the card wants";
const IN_BLOCKS: &str = "the card wants its PINs as PIN blocks of format 2";

impl OpenPgp<'_, '_> {
    /// What the keys of the reader take of a card of these references.
    pub fn pad(&mut self, references: &[Reference]) -> Pad {
        match self.no_keys() {
            Some(why) => refused(self.channel, why),
            None => offered(self.channel, OFFERS, references, Field::Open),
        }
    }

    /// Why no keys of a reader can serve this card. To an empty VERIFY some tell their tries, and of others it takes one.
    fn no_keys(&mut self) -> Option<&'static str> {
        let told = match (&self.kdf, self.pins) {
            (Some(Kdf::Off), Some(pins)) if pins.wants_blocks(Role::UserPin) && !self.is_before_3() => Some(IN_BLOCKS),
            (Some(Kdf::Off), _) => None,
            _ => Some(HASHED),
        };
        told.or_else(|| self.channel.pad().filter(|keys| keys.asks_empty()).map(|_| ASKS_EMPTY))
    }

    /// Makes sure that keys can serve this card at all, before anything is presented.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    pub fn check_keys(&mut self) -> Result<()> {
        if self.kdf.is_none() {
            self.read(false)?;
        }
        let why = self.no_keys();
        why.map_or(Ok(()), |why| Err(Error::Unsupported { what: format!("{why}; use --pin prompt") }))
    }

    /// Lets the reader ask for the values of a command.
    pub fn enter(&mut self, name: &'static str, header: [u8; 4], needs: &[Need]) -> Result<StatusWord> {
        self.select()?;
        self.is_fresh = false;
        let references = [Role::UserPin, Role::SoPin].map(|role| self.reference(role));
        let digits = digits(needs, &references)?;
        enter(self.channel, Blank { name, header, needs, field: Field::Open, digits })
    }
}
