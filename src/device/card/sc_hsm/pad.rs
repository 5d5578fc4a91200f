//! A SmartCard-HSM at the keys of a reader: the user PIN, as long as it is typed. An SO PIN is a number of 8 bytes, which no
//! reader makes of what is typed.

use super::{ScHsm, State, key_reference};
use crate::{
    device::card::{
        pad::{Blank, Field, Offer, digits, enter, offered},
        status_word::StatusWord,
    },
    error::{Error, Result},
    token::{Need, Pad, Reference, Retries, Role, Token, Verb},
};

const PIN: Need = Need::Current(Role::UserPin);

/// What can be typed at a reader, command by command.
const OFFERS: &[Offer] = &[
    Offer { verb: Verb::PinVerify, by: None, commands: &[&[PIN]] },
    Offer { verb: Verb::PinChange, by: None, commands: &[&[PIN], &[PIN, Need::New(Role::UserPin)]] },
];

impl ScHsm<'_, '_> {
    /// What the keys of the reader take of a device of these references.
    pub fn pad(&mut self, references: &[Reference]) -> Pad {
        offered(self.channel, OFFERS, references, Field::Open)
    }

    /// Lets the reader ask for the values of a command.
    pub fn enter(&mut self, name: &'static str, header: [u8; 4], needs: &[Need]) -> Result<StatusWord> {
        self.counter = None;
        let reference = self.reference(Role::UserPin, (State::Unknown, Retries::Unknown))?;
        let digits = digits(needs, &[reference])?;
        enter(self.channel, Blank { name, header, needs, field: Field::Open, digits })
    }

    /// VERIFY of the old PIN, and the change, for which it is typed once more and may be wrong this time.
    pub fn change_at_keys(&mut self, role: Role) -> Result<()> {
        let key_reference = key_reference(role)?;
        match self.present("VERIFY", [0x00, 0x20, 0x00, key_reference], None, (role, None)) {
            // A transport PIN can be presented to be changed only.
            Err(Error::MustChange { .. }) => {}
            other => {
                other?;
                // A device that was verified does not tell its counter; without it a mistyped old PIN looks like a bad new one.
                self.retries(role)?;
            }
        }
        self.present("CHANGE REFERENCE DATA", [0x00, 0x24, 0x00, key_reference], None, (role, Some(role)))
    }
}
