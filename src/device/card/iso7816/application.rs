//! A card by its profile: looked for, asked who it is, and lent out as a token.

use super::{
    kind::Kind,
    profile::Reference,
    profiles::Candidate,
    token::{Card, is_contactless},
};
use crate::{
    device::card::{application::CardApplication, channel::Channel},
    error::Result,
    token::{Ability, Application, Identity, Place, Text, Token},
};

/// What is known of a card from one transaction to the next.
pub struct Memory {
    /// What kind of card it is taken for.
    pub kind: &'static Kind,
    /// The identifiers to try, by index; the one that was found alone, once one was.
    pub aids: Vec<usize>,
    /// The user PIN that is meant, where one was named.
    pub chosen: Option<&'static Reference>,
    /// Whether it is met by its antenna.
    pub is_contactless: bool,
    /// The serial; none inside where the card was asked and has none.
    pub serial: Option<Option<Text>>,
}

impl Memory {
    /// A card of that answer to reset which may be of a kind; `reference` is the user PIN that is meant, where one was named.
    pub fn new(candidate: Candidate, atr: &[u8], reference: Option<&str>) -> Self {
        let Candidate { kind, aids } = candidate;
        let chosen = reference.and_then(|name| kind.user_pin(name));
        Self { kind, aids, chosen, is_contactless: is_contactless(atr), serial: None }
    }
}

impl CardApplication for Memory {
    fn application(&self) -> Application {
        self.kind.application()
    }

    fn abilities(&self) -> &'static [Ability] {
        self.kind.abilities(self.chosen)
    }

    fn is_self_named(&self) -> bool {
        self.kind.profile().is_own
    }

    fn identity(&self, place: Place) -> Identity {
        Identity {
            application: self.kind.application(),
            serial: self.serial.clone().flatten(),
            label: None,
            manufacturer: None,
            model: Some(Text::from(self.kind.profile().title.as_str())),
            place,
            blank: false,
        }
    }

    fn identify(&mut self, channel: &mut Channel<'_>) -> Result<Option<Text>> {
        self.serial = None;
        // Where the card sits makes no difference to what it says.
        Card::new(channel, self, Place::Reader(Text::from(""))).identify()
    }

    fn token<'a, 'c: 'a>(&'a mut self, channel: &'a mut Channel<'c>, place: Place) -> Box<dyn Token + 'a> {
        Box::new(Card::new(channel, self, place))
    }
}
