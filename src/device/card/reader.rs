//! Readers, the cards in them, and transactions over PC/SC.

use std::{
    ffi::CString,
    sync::mpsc,
    time::{Duration, Instant},
};

use pcsc::{Context, Disposition, Protocols, ReaderState, Scope, ShareMode, State};

use super::{
    apdu::Protocol,
    channel::Transport,
    failure::{failure, service},
};
use crate::{
    error::{Error, Result},
    token::Text,
};

/// The longest response of a short APDU: 256 bytes and the status word.
const RESPONSE: usize = 258;
/// What pcscd may take to grant a transaction that nobody disputes.
const AT_ONCE: Duration = Duration::from_millis(500);

/// A reader in which there is a card.
pub struct Reader {
    /// Its name, as PC/SC gives it.
    pub name: Text,
    context: Context,
    path: CString,
    /// How many cards came and went so far.
    events: u32,
}

/// The readers that hold a card.
///
/// # Errors
/// [`Error::Device`] where there is no pcscd, or it turns us away.
pub fn with_cards() -> Result<Vec<Reader>> {
    let context = Context::establish(Scope::User).map_err(service)?;
    let names = match context.list_readers_owned() {
        Err(pcsc::Error::NoReadersAvailable) => return Ok(Vec::new()),
        other => other.map_err(service)?,
    };
    let mut states: Vec<ReaderState> = names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
    if !states.is_empty() {
        context.get_status_change(Duration::ZERO, &mut states).map_err(service)?;
    }
    Ok(states
        .iter()
        .filter(|state| state.event_state().contains(State::PRESENT))
        .filter_map(|state| {
            let name = Text::trimmed(state.name().to_bytes())?;
            let (path, events) = (state.name().to_owned(), state.event_count());
            Some(Reader { name, context: context.clone(), path, events })
        })
        .collect())
}

impl Reader {
    /// Connects to the card, shared with others, waiting at most `wait` for one who holds it for himself.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn connect(self, wait: Duration) -> Result<Card> {
        let deadline = Instant::now() + wait;
        loop {
            match self.context.connect(&self.path, ShareMode::Shared, Protocols::ANY) {
                Ok(card) => return Ok(Card { card: Some(card), reader: self }),
                Err(pcsc::Error::SharingViolation) if Instant::now() < deadline => {
                    std::thread::sleep(
                        Duration::from_millis(50).min(deadline.saturating_duration_since(Instant::now())),
                    );
                }
                Err(error) => return Err(failure(error, &self.name)),
            }
        }
    }

    /// Makes sure that no card came or went since the reader was found. pcscd forgets that a handle's card was pulled once
    /// another program resets the card that took its place.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn same_card(&self) -> Result<()> {
        let mut state = [ReaderState::new(self.path.clone(), State::UNAWARE)];
        self.context.get_status_change(Duration::ZERO, &mut state).map_err(|error| failure(error, &self.name))?;
        match state.iter().all(|state| state.event_count() == self.events) {
            true => Ok(()),
            false => Err(failure(pcsc::Error::RemovedCard, &self.name)),
        }
    }
}

/// A connected card, powered but not locked.
pub struct Card {
    /// Taken out only when dropped.
    card: Option<pcsc::Card>,
    reader: Reader,
}

/// Whether the card was reset by another program since the last transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// Nobody reset it.
    Kept,
    /// Somebody did: what was selected and verified is gone.
    Reset,
}

impl Card {
    /// Waits at most `wait` until no other program has a transaction on the card. SCardBeginTransaction itself waits for
    /// ever and cannot be called off, so a thread does that, and is left to itself where it takes too long.
    fn await_turn(&mut self, wait: Duration) -> Result<()> {
        let Some(mut card) = self.card.take() else {
            return Err(failure(pcsc::Error::InvalidHandle, &self.reader.name));
        };
        let (give, take) = mpsc::channel();
        std::thread::spawn(move || {
            // Whatever is wrong with the card, the transaction that follows says so.
            drop(card.transaction());
            if let Err(mpsc::SendError(card)) = give.send(card) {
                // Nobody waits any more; `pcsc` would reset the card under the program that has it.
                let _ = card.disconnect(Disposition::LeaveCard);
            }
        });
        // A transaction that was granted at once is one also where nobody is to be waited for.
        self.card = Some(take.recv_timeout(wait.max(AT_ONCE)).map_err(|_| Error::Device {
            what: format!("another program keeps the card in {} locked", self.reader.name),
            cure: Some("wait until it has finished, or give it longer with --wait SECONDS".into()),
            detail: None,
        })?);
        Ok(())
    }

    /// Locks the card and begins a transaction, waiting at most `wait` for another program's to end; a card that another
    /// program reset is connected anew.
    ///
    /// # Errors
    /// [`Error::Device`], also when the card was pulled since it was connected.
    pub fn begin(&mut self, wait: Duration) -> Result<(Transaction<'_>, Continuity)> {
        self.await_turn(wait)?;
        let reader = &self.reader.name;
        let card = self.card.as_mut().ok_or_else(|| failure(pcsc::Error::InvalidHandle, reader))?;
        let (mut transaction, mut continuity) = match card.transaction2() {
            Ok(transaction) => (transaction, Continuity::Kept),
            Err((card, pcsc::Error::ResetCard)) => {
                card.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard)
                    .map_err(|error| failure(error, reader))?;
                (card.transaction().map_err(|error| failure(error, reader))?, Continuity::Reset)
            }
            Err((_, error)) => return Err(failure(error, reader)),
        };
        // pcscd lets a transaction begin on a card that was reset, and complains at the first command only.
        let protocol = match transaction.status2_owned() {
            Err(pcsc::Error::ResetCard) => {
                transaction
                    .reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard)
                    .map_err(|error| failure(error, reader))?;
                continuity = Continuity::Reset;
                transaction.status2_owned()
            }
            other => other,
        };
        if continuity == Continuity::Reset {
            self.reader.same_card()?;
        }
        let protocol = match protocol.map_err(|error| failure(error, reader))?.protocol2() {
            Some(pcsc::Protocol::T0) => Protocol::T0,
            _ => Protocol::T1,
        };
        Ok((Transaction { transaction, protocol, reader }, continuity))
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // `pcsc` would reset the card; who only looked leaves it as it was.
        if let Some(card) = self.card.take() {
            let _ = card.disconnect(Disposition::LeaveCard);
        }
    }
}

/// A locked card.
pub struct Transaction<'a> {
    transaction: pcsc::Transaction<'a>,
    protocol: Protocol,
    reader: &'a Text,
}

impl Transaction<'_> {
    /// Ends it. A card to which a secret was presented is reset, so that no other program finds it verified.
    pub fn end(self, presented: bool) {
        let disposition = if presented { Disposition::ResetCard } else { Disposition::LeaveCard };
        // A card that was pulled is locked no longer; there is nothing left to end.
        let _ = self.transaction.end(disposition);
    }
}

impl Transport for Transaction<'_> {
    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, apdu: &[u8]) -> Result<Vec<u8>> {
        let mut buffer = [0; RESPONSE];
        let answer = self.transaction.transmit(apdu, &mut buffer).map_err(|error| failure(error, self.reader))?;
        Ok(answer.to_vec())
    }

    fn reset(&mut self) -> Result<()> {
        self.transaction
            .reconnect(ShareMode::Shared, Protocols::ANY, Disposition::ResetCard)
            .map_err(|error| failure(error, self.reader))
    }
}
