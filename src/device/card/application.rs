//! What a card application is to the code that finds cards: it is looked for, asked who it is, and lent out as a token.

use super::{
    apdu::{Command, Data, Response},
    channel::Channel,
    reader::Continuity,
    status_word::{Meaning, StatusWord},
};
use crate::{
    error::{Error, Result},
    token::{Ability, Application, Identity, Place, Text, Token},
};

/// One application on one card, with what is known of it from one transaction to the next.
///
/// A new kind of card is a file with an implementation of this and of [`Token`], and one word in the list of `card.rs`.
pub trait CardApplication: Send {
    /// Its name.
    fn application(&self) -> Application;

    /// What its kind can do, as far as the card has told yet.
    fn abilities(&self) -> &'static [Ability];

    /// Who the card is, as far as it has told yet.
    fn identity(&self, place: Place) -> Identity;

    /// Selects the application and reads the card's serial number, always anew. Changes nothing.
    ///
    /// # Errors
    /// [`Error::NoToken`] where the card has no such application, [`Error::Device`].
    fn identify(&mut self, channel: &mut Channel<'_>) -> Result<Option<Text>>;

    /// Whether its names are of the caller's own making, so that it may be a card of other names.
    fn is_self_named(&self) -> bool {
        false
    }

    /// Takes note that a transaction begins, on a card that was left alone since the last or not.
    ///
    /// # Errors
    /// [`Error::Stale`] where an open challenge was lost.
    fn resume(&mut self, _continuity: Continuity) -> Result<()> {
        Ok(())
    }

    /// Lends the application out as a token, for one transaction. It selects itself before its first command.
    fn token<'a, 'c: 'a>(&'a mut self, channel: &'a mut Channel<'c>, place: Place) -> Box<dyn Token + 'a>;
}

/// Selects an application by its identifier (ISO 7816-4, 11.1.1) and returns what the card says of it.
///
/// # Errors
/// [`Error::NoToken`] where the card has none of that identifier, [`Error::Device`].
pub fn select(channel: &mut Channel<'_>, application: Application, aid: &[u8]) -> Result<Response> {
    let response = ask_to_select(channel, aid)?;
    selected(application, response.status).map(|()| response)
}

/// Selects an application, and leaves it to the caller what the status word means.
///
/// # Errors
/// [`Error::Device`].
pub fn ask_to_select(channel: &mut Channel<'_>, aid: &[u8]) -> Result<Response> {
    let data = Data::Plain(aid.to_vec());
    channel.send(&Command { name: "SELECT", header: [0x00, 0xA4, 0x04, 0x00], data, answers: true })
}

/// Whether that status word means that the application is there and selected.
///
/// # Errors
/// As [`select`].
pub fn selected(application: Application, status: StatusWord) -> Result<()> {
    match status.meaning() {
        Meaning::Done => Ok(()),
        Meaning::NotFound | Meaning::NotSupported | Meaning::Malformed => {
            Err(Error::NoToken(format!("the card has no {} application", application.title())))
        }
        _ => Err(Error::device(
            format!("the card does not let its {} application be selected", application.title()),
            status.to_string(),
        )),
    }
}
