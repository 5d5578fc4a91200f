//! GIDS cards at the keys of a reader: the user PIN, as long as it is typed. The admin key has no place there.

use super::{Gids, Presented};
use crate::{
    device::card::{
        pad::{Blank, Field, Offer, digits, enter, offered},
        status_word::StatusWord,
    },
    error::Result,
    token::{Need, Pad, Reference, Retries, Role, State, Verb},
};

pub const PIN: Need = Need::Current(Role::UserPin);
pub const NEW_PIN: Need = Need::New(Role::UserPin);

/// What can be typed at a reader, command by command.
const OFFERS: &[Offer] = &[
    Offer { verb: Verb::PinSet, by: None, commands: &[&[NEW_PIN]] },
    Offer { verb: Verb::PinChange, by: None, commands: &[&[PIN], &[PIN, NEW_PIN]] },
    Offer { verb: Verb::PinVerify, by: None, commands: &[&[PIN]] },
    Offer { verb: Verb::PinReset, by: Some(Role::AdminKey), commands: &[&[NEW_PIN]] },
];

impl Gids<'_, '_> {
    /// What the keys of the reader take of a card of these references.
    pub fn pad(&mut self, references: &[Reference]) -> Pad {
        offered(self.channel, OFFERS, references, Field::Open)
    }

    /// Lets the reader ask for the values of a command. Where nothing came of that, the counter tells whether a try went.
    pub fn enter(&mut self, name: &'static str, header: [u8; 4], needs: &[Need]) -> Result<StatusWord> {
        self.select()?;
        let before = self.counter.take();
        let reference = self.reference(Role::UserPin, State::Unknown, Retries::Unknown);
        let digits = digits(needs, &[reference])?;
        enter(self.channel, Blank { name, header, needs, field: Field::Open, digits }).map_err(|error| {
            // A new value alone spends no try.
            let before = before.filter(|_| needs.contains(&PIN));
            let presented = Presented { command: name, role: Role::UserPin, before, changed: None };
            presented.not_entered(error, || self.count())
        })
    }

    /// CHANGE REFERENCE DATA behind a VERIFY: the old PIN is typed once more, and may be wrong this time.
    pub fn change_at_keys(&mut self, name: &'static str, header: [u8; 4]) -> Result<()> {
        let role = Role::UserPin;
        let before = self.count();
        match self.enter(name, header, &[PIN, NEW_PIN])? {
            StatusWord::OK => Ok(()),
            status => {
                let presented = Presented { command: name, role, before: Some(before), changed: Some(role) };
                Err(presented.refused(status, || self.count()))
            }
        }
    }

    /// The counter of the PIN, as far as it is told.
    fn count(&mut self) -> Retries {
        self.pin_state(false).map_or(Retries::Unknown, |(_, retries)| retries)
    }
}
