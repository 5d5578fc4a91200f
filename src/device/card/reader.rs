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
/// What pcscd may take to grant at once what nobody disputes, however short one is willing to wait.
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

/// The readers that hold a card, and how many readers there are.
///
/// # Errors
/// [`Error::Device`] where there is no pcscd, or it turns us away.
pub fn with_cards() -> Result<(Vec<Reader>, usize)> {
    let context = Context::establish(Scope::User).map_err(service)?;
    let names = match context.list_readers_owned() {
        Err(pcsc::Error::NoReadersAvailable) => return Ok((Vec::new(), 0)),
        other => other.map_err(service)?,
    };
    let mut states: Vec<ReaderState> = names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
    if !states.is_empty() {
        context.get_status_change(Duration::ZERO, &mut states).map_err(service)?;
    }
    let with_cards = states
        .iter()
        .filter(|state| state.event_state().contains(State::PRESENT))
        .filter_map(|state| {
            let name = Text::trimmed(state.name().to_bytes())?;
            let (path, events) = (state.name().to_owned(), state.event_count());
            Some(Reader { name, context: context.clone(), path, events })
        })
        .collect();
    Ok((with_cards, states.len()))
}

impl Reader {
    /// Connects to the card, shared with others, waiting at most `wait` for one who holds it for himself or keeps it locked.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn connect(self, wait: Duration) -> Result<Card> {
        let deadline = Instant::now() + wait;
        loop {
            let (context, path) = (self.context.clone(), self.path.clone());
            let left = deadline.saturating_duration_since(Instant::now());
            match within(
                left,
                move || context.connect(&path, ShareMode::Shared, Protocols::ANY),
                |card| card.map_or((), leave),
            ) {
                None => return Err(kept_locked(&self.name)),
                Some(Ok(card)) => return Ok(Card { card: Some(card), reader: self, is_fresh: true }),
                Some(Err(pcsc::Error::SharingViolation)) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50).min(left));
                }
                Some(Err(error)) => return Err(failure(error, &self.name)),
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
    /// Whether it was connected just now: then nobody has a transaction, for which SCardConnect would have waited.
    is_fresh: bool,
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
    /// Waits at most `wait` until no other program has a transaction on the card.
    fn await_turn(&mut self, wait: Duration) -> Result<()> {
        let Some(mut card) = self.card.take() else {
            return Err(failure(pcsc::Error::InvalidHandle, &self.reader.name));
        };
        let turn = move || {
            // Whatever is wrong with the card, the transaction that follows says so.
            drop(card.transaction());
            card
        };
        self.card = Some(within(wait, turn, leave).ok_or_else(|| kept_locked(&self.reader.name))?);
        Ok(())
    }

    /// Locks the card and begins a transaction, waiting at most `wait` for another program's to end; a card that another
    /// program reset is connected anew.
    ///
    /// # Errors
    /// [`Error::Device`], also when the card was pulled since it was connected.
    pub fn begin(&mut self, wait: Duration) -> Result<(Transaction<'_>, Continuity)> {
        if !std::mem::take(&mut self.is_fresh) {
            self.await_turn(wait)?;
        }
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
        if let Some(card) = self.card.take() {
            leave(card);
        }
    }
}

/// Disconnects and leaves the card as it is; `pcsc` would reset it when dropped.
fn leave(card: pcsc::Card) {
    // A card that was pulled has nothing left to disconnect.
    let _ = card.disconnect(Disposition::LeaveCard);
}

/// Does in a thread what cannot be called off: SCardConnect and SCardBeginTransaction wait for another program's transaction
/// for ever. After `limit` the thread is left to itself, and what it still comes to is given to `late`.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
    late: impl FnOnce(T) + Send + 'static,
) -> Option<T> {
    let (give, take) = mpsc::channel();
    std::thread::spawn(move || {
        if let Err(mpsc::SendError(result)) = give.send(work()) {
            late(result);
        }
    });
    take.recv_timeout(limit.max(AT_ONCE)).ok()
}

fn kept_locked(reader: &Text) -> Error {
    Error::Device {
        what: format!("another program keeps the card in {reader} locked"),
        cure: Some("wait until it has finished, or give it longer with --wait SECONDS".into()),
        detail: None,
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
