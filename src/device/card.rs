//! Cards in PC/SC readers, and the applications on them.

mod apdu;
mod channel;
mod failure;
pub mod iso7816;
mod piv;
mod reader;
mod status_word;
mod tlv;

use std::time::Duration;

use channel::Channel;
use piv::{Memory, Piv};
use reader::{Card, Continuity};

use crate::{
    error::{Error, Result},
    selector::Selector,
    token::{Access, Application, Connection, Found, Identity, Place, Text, Token, Trace},
};

/// What every card connection has in common.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long to wait for a program that holds a card for itself.
    pub wait: Duration,
    /// Where APDUs are traced.
    pub trace: Trace,
}

/// Which cards are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The application, where one was named.
    pub application: Option<Application>,
    /// The token, where one was named.
    pub selector: Option<&'a Selector>,
    /// Whether the token alone is wanted, so that a single candidate need not be asked who it is: the survey will see.
    pub sparing: bool,
}

/// What a search came to.
pub struct Search {
    /// The tokens.
    pub found: Vec<Found>,
    /// What hindered it here and there: a card that another holds, one that does not answer.
    pub problems: Vec<Error>,
    /// What there is instead of a card that is known, in a sentence.
    pub instead: Option<String>,
}

/// Looks for applications on the cards in all readers.
///
/// # Errors
/// [`Error::Device`] where there is no pcscd, or it turns us away.
pub fn find(wanted: Wanted<'_>, settings: &Settings) -> Result<Search> {
    let (mut readers, attached) = reader::with_cards()?;
    if let Some(name) = wanted.selector.and_then(Selector::reader) {
        readers.retain(|reader| reader.name.bytes() == name);
    }
    let decided =
        wanted.application == Some(Application::Piv) && wanted.selector.is_none_or(Selector::is_decided_by_reader);
    let spared = wanted.sparing && decided && readers.len() == 1;
    let mut search = Search { found: Vec::new(), problems: Vec::new(), instead: None };
    search.instead = match (attached, readers.as_slice()) {
        (0, _) => Some("no card reader is attached".into()),
        (_, []) => Some("no reader holds a card: insert it".into()),
        (_, [reader, ..]) => Some(format!("the card in {} has no application that is looked for", reader.name)),
    };
    for reader in readers {
        let name = reader.name.clone();
        let looked = reader.connect(settings.wait).and_then(|card| {
            let mut connection = PivCard::new(card, name, settings.clone());
            let identity = if spared { connection.identity() } else { connection.identify()? };
            Ok(Found { identity, abilities: piv::ABILITIES, connection: Box::new(connection) })
        });
        match looked {
            Ok(found) => search.found.push(found),
            // A card without the application is simply none of ours.
            Err(Error::NoToken(_)) => {}
            Err(problem) => search.problems.push(problem),
        }
    }
    Ok(search)
}

/// The connection to a PIV card: powered, not locked, with what is known of it.
struct PivCard {
    card: Card,
    reader: Text,
    memory: Memory,
    settings: Settings,
}

impl PivCard {
    fn new(card: Card, reader: Text, settings: Settings) -> Self {
        Self { card, reader, memory: Memory::default(), settings }
    }

    /// Who the card is, as far as that is known.
    fn identity(&self) -> Identity {
        piv::identity(&self.memory, Place::Reader(self.reader.clone()))
    }

    /// Asks the card who it is.
    fn identify(&mut self) -> Result<Identity> {
        self.with(&mut |piv| piv.identify())?;
        Ok(self.identity())
    }

    fn with(&mut self, work: &mut dyn FnMut(&mut Piv<'_, '_>) -> Result<()>) -> Result<()> {
        let (mut transaction, continuity) = self.card.begin(self.settings.wait)?;
        let mut channel = Channel::new(&mut transaction, &self.settings.trace);
        let mut piv = Piv::new(&mut channel, &mut self.memory, Place::Reader(self.reader.clone()));
        // The handle that was kept proves that the card is the same one; after a reset its serial is asked as well.
        let same = if continuity == Continuity::Reset { piv.recognise() } else { Ok(()) };
        let done = same.and_then(|()| work(&mut piv));
        let presented = channel.presented();
        transaction.end(presented);
        done
    }
}

impl Connection for PivCard {
    fn transact(&mut self, _access: Access, work: &mut dyn FnMut(&mut dyn Token) -> Result<()>) -> Result<()> {
        // A transaction of PC/SC locks the card for reading and writing alike.
        self.with(&mut |piv| work(piv))
    }
}
