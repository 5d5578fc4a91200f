//! Waits till a reader has a card, or none: asleep in pcscd, which says when something changes.

use std::{
    ffi::CString,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use pcsc::{Context, Error, ReaderState, Scope, State};

use crate::Presence;

/// How long to sleep in pcscd at once: a count that leaves nought while the state stays as it is wakes nobody.
const ONCE: Duration = Duration::from_millis(100);

/// Waits till it is so, and pcscd has counted a card in or out since `count`; what it has counted then.
///
/// The count tells that pcscd's own watch has noticed, and a card put in later will be a new one to it: a failed reset
/// of a card just pulled already shows as an empty reader, up to 400 ms earlier. The next card, put in before that,
/// would never be seen.
///
/// # Errors
/// Where `patience` is over first, or pcscd has no such reader.
pub fn till(reader: &str, card: Presence, count: Option<u32>, patience: Duration) -> Result<u32> {
    let start = Instant::now();
    let context = Context::establish(Scope::User).context("no pcscd")?;
    let mut readers = [ReaderState::new(CString::new(reader)?, State::UNAWARE)];
    loop {
        let left = patience.saturating_sub(start.elapsed());
        match context.get_status_change(left.min(ONCE), &mut readers) {
            Err(Error::Timeout) if !left.is_zero() => {}
            Err(Error::Timeout) => {
                let seen = readers.iter().map(|state| (state.event_state(), state.event_count())).collect::<Vec<_>>();
                bail!("{reader}: not so within {patience:?}; last seen (state, count): {seen:?}")
            }
            verdict => verdict.with_context(|| reader.to_owned())?,
        }
        for state in &mut readers {
            if is(card, state.event_state()) && Some(state.event_count()) != count {
                return Ok(state.event_count());
            }
            state.sync_current_state();
        }
    }
}

/// A card that was just put in shows as mute till its answer to reset has come.
fn is(card: Presence, state: State) -> bool {
    match card {
        Presence::Present => state.contains(State::PRESENT) && !state.contains(State::MUTE),
        Presence::Absent => state.contains(State::EMPTY),
    }
}
