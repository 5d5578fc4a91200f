//! Readers, the cards in them, and transactions over PC/SC.

use std::{
    ffi::CString,
    time::{Duration, Instant},
};

use pcsc::{Context, Disposition, Protocols, ReaderState, Scope, ShareMode, State};

use super::{
    apdu::Protocol,
    channel::Transport,
    failure::{failure, service},
    handle::{Handle, SILENCE},
};
use crate::{
    error::{Error, Result},
    token::Text,
};

/// A reader in which there is a card.
#[derive(Clone)]
pub struct Reader {
    /// Its name, as PC/SC gives it.
    pub name: Text,
    context: Context,
    path: CString,
    /// The card's answer to reset.
    pub atr: Vec<u8>,
    /// How many cards came and went so far.
    events: u32,
    /// Whether other programs were connected to the card when the reader was found.
    pub sharing: Sharing,
}

/// Who is connected to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody.
    Free,
    /// Programs that let others in.
    Shared,
    /// One that lets nobody else in.
    Exclusive,
}

/// The readers that hold a card, and how many readers there are.
///
/// # Errors
/// [`Error::Device`] where there is no pcscd, or it turns us away.
pub fn with_cards() -> Result<(Vec<Reader>, usize)> {
    let attached = attached()?;
    let count = attached.len();
    Ok((attached.into_iter().filter_map(|(_, reader)| reader).collect(), count))
}

/// The names of all readers, and the reader where it holds a card.
///
/// # Errors
/// As [`with_cards`].
pub fn attached() -> Result<Vec<(Text, Option<Reader>)>> {
    let context = Context::establish(Scope::User).map_err(service)?;
    let names = match context.list_readers_owned() {
        Err(pcsc::Error::NoReadersAvailable) => return Ok(Vec::new()),
        other => other.map_err(service)?,
    };
    let mut states: Vec<ReaderState> = names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
    if !states.is_empty() {
        context.get_status_change(Duration::ZERO, &mut states).map_err(service)?;
    }
    let reader = |state: &ReaderState| {
        let name = Text::trimmed(state.name().to_bytes())?;
        let now = state.event_state();
        let sharing = match () {
            () if now.contains(State::EXCLUSIVE) => Sharing::Exclusive,
            () if now.contains(State::INUSE) => Sharing::Shared,
            () => Sharing::Free,
        };
        let (path, atr, events) = (state.name().to_owned(), state.atr().to_vec(), state.event_count());
        let reader = Reader { name: name.clone(), context: context.clone(), path, atr, events, sharing };
        Some((name, Some(reader).filter(|_| now.contains(State::PRESENT))))
    };
    Ok(states.iter().filter_map(reader).collect())
}

impl Reader {
    /// Connects to the card, shared with others, waiting at most `wait` for one who holds it for himself or keeps it locked.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn connect(mut self, wait: Duration) -> Result<Card> {
        let deadline = Instant::now() + wait;
        // Its own: pcscd serves the calls of one context one after the other, whichever reader they are for.
        self.context = Context::establish(Scope::User).map_err(service)?;
        loop {
            let (context, path) = (self.context.clone(), self.path.clone());
            let left = deadline.saturating_duration_since(Instant::now());
            match Handle::connect(move || context.connect(&path, ShareMode::Shared, Protocols::ANY), left) {
                None => return Err(kept_locked(&self.name)),
                Some(Ok(handle)) => return Ok(Card { handle, reader: self }),
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
    handle: Handle,
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
    /// Locks the card and begins a transaction, waiting at most `wait` for another program's to end; a card that another
    /// program reset is connected anew.
    ///
    /// # Errors
    /// [`Error::Device`], also when the card was pulled since it was connected.
    pub fn begin(&mut self, wait: Duration) -> Result<(Transaction<'_>, Continuity)> {
        let reader = &self.reader.name;
        let begun = self.handle.begin(wait).ok_or_else(|| kept_locked(reader))?;
        let (protocol, continuity) = begun.map_err(|error| failure(error, reader))?;
        let transaction = Transaction { handle: &mut self.handle, protocol, reader };
        if continuity == Continuity::Reset {
            if let Err(error) = self.reader.same_card() {
                transaction.end(false);
                return Err(error);
            }
        }
        Ok((transaction, continuity))
    }
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
    handle: &'a mut Handle,
    protocol: Protocol,
    reader: &'a Text,
}

impl Transaction<'_> {
    /// Ends it. A card to which a secret was presented is reset, so that no other program finds it verified.
    pub fn end(self, presented: bool) {
        self.handle.end(if presented { Disposition::ResetCard } else { Disposition::LeaveCard });
    }

    fn silent(&self) -> Error {
        Error::Device {
            what: format!("the card in {} has not answered for {} seconds", self.reader, SILENCE.as_secs()),
            cure: Some("take the card out, insert it again and look at it with `pukka status`".into()),
            detail: None,
        }
    }
}

impl Transport for Transaction<'_> {
    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, apdu: &[u8]) -> Result<Vec<u8>> {
        let answer = self.handle.transmit(apdu).ok_or_else(|| self.silent())?;
        answer.map_err(|error| failure(error, self.reader))
    }

    fn control(&mut self, code: u32, data: &[u8], limit: Duration) -> Result<Vec<u8>> {
        let silent = || Error::Device {
            what: format!("the reader {} has not answered for {} seconds", self.reader, limit.as_secs()),
            cure: Some("unplug the reader, plug it in again and look with `pukka status`".into()),
            detail: None,
        };
        let answer = self.handle.control(code, data, limit).ok_or_else(silent)?;
        answer.map_err(|error| failure(error, self.reader))
    }

    fn reset(&mut self) -> Result<()> {
        let answer = self.handle.reset().ok_or_else(|| self.silent())?;
        answer.map_err(|error| failure(error, self.reader))
    }
}
