//! A handle of PC/SC in a thread of its own, since none of its calls can be called off: SCardConnect and
//! SCardBeginTransaction wait for another program for ever, and SCardTransmit for a card that fell silent.

use std::{
    sync::mpsc::{self, Receiver, Sender, SyncSender},
    time::Duration,
};

use pcsc::{Disposition, Protocols, ShareMode};

use super::{apdu::Protocol, reader::Continuity};

use crate::secret::Pages;

/// How long a card may take for one command. It sends signs of life meanwhile, which the reader keeps to itself.
pub const SILENCE: Duration = Duration::from_secs(30);
/// What pcscd may take to grant at once what nobody disputes, however short one is willing to wait.
const AT_ONCE: Duration = Duration::from_millis(500);
/// The longest response of a short APDU: 256 bytes and the status word.
const RESPONSE: usize = 258;

type Answer<T> = Result<T, pcsc::Error>;

/// What is asked of the thread. A request that nobody waits for any more is undone where it locked something.
enum Request {
    Begin(SyncSender<Answer<(Protocol, Continuity)>>),
    Transmit(Pages, SyncSender<Answer<Vec<u8>>>),
    Control(u32, Vec<u8>, SyncSender<Answer<Vec<u8>>>),
    Reset(SyncSender<Answer<()>>),
    End(Disposition, SyncSender<()>),
}

/// A connected card. When dropped it is disconnected and left as it is.
pub struct Handle {
    requests: Option<Sender<Request>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Handle {
    /// Connects by `connect`; none where that takes longer than `limit`.
    pub fn connect(
        connect: impl FnOnce() -> Answer<pcsc::Card> + Send + 'static,
        limit: Duration,
    ) -> Option<Answer<Self>> {
        let (requests, taken) = mpsc::channel();
        let (say, said) = mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || match connect() {
            Ok(mut card) => {
                if say.send(Ok(())).is_ok() {
                    serve(&mut card, &taken);
                }
                // A card that was pulled has nothing left to disconnect. `pcsc` would reset it when dropped.
                let _ = card.disconnect(Disposition::LeaveCard);
            }
            // Nobody waits for it any more.
            Err(error) => drop(say.send(Err(error))),
        });
        let connected = said.recv_timeout(limit.max(AT_ONCE)).ok()?;
        Some(connected.map(|()| Self { requests: Some(requests), thread: Some(thread) }))
    }

    /// Begins a transaction; none where another program keeps the card longer than `limit`.
    pub fn begin(&mut self, limit: Duration) -> Option<Answer<(Protocol, Continuity)>> {
        self.ask(limit.max(AT_ONCE), Request::Begin)
    }

    /// Sends one APDU; none where the card is silent for [`SILENCE`].
    pub fn transmit(&mut self, apdu: &[u8]) -> Option<Answer<Vec<u8>>> {
        let apdu = Pages::from(apdu);
        self.ask(SILENCE, |answer| Request::Transmit(apdu, answer))
    }

    /// Asks the reader for something; none where it is silent for `limit`.
    pub fn control(&mut self, code: u32, data: &[u8], limit: Duration) -> Option<Answer<Vec<u8>>> {
        let data = data.to_vec();
        self.ask(limit, |answer| Request::Control(code, data, answer))
    }

    /// Resets the card; none where it is silent.
    pub fn reset(&mut self) -> Option<Answer<()>> {
        self.ask(SILENCE, Request::Reset)
    }

    /// Ends the transaction. A card that was pulled is locked no longer; there is nothing left to end.
    pub fn end(&mut self, disposition: Disposition) {
        let _ = self.ask(SILENCE, |answer| Request::End(disposition, answer));
    }

    /// Asks the thread. One that does not answer in time hangs in its call, and is left to itself.
    fn ask<T>(&mut self, limit: Duration, request: impl FnOnce(SyncSender<T>) -> Request) -> Option<T> {
        let (say, said) = mpsc::sync_channel(1);
        let asked = self.requests.as_ref().is_some_and(|requests| requests.send(request(say)).is_ok());
        let answer = said.recv_timeout(limit).ok().filter(|_| asked);
        if answer.is_none() {
            self.requests = None;
            self.thread = None;
        }
        answer
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Without requests to come the thread disconnects, and that is waited for: a process that ends in the middle of it
        // would make pcscd reset the card.
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic; and if it did, there is nothing left to disconnect.
            let _ = thread.join();
        }
    }
}

/// Serves transactions till nobody can ask for one any more.
fn serve(card: &mut pcsc::Card, requests: &Receiver<Request>) {
    while let Ok(request) = requests.recv() {
        // Outside a transaction nothing else makes sense; whoever asks for it hears that it is not answered.
        let Request::Begin(say) = request else { continue };
        match begin(card) {
            Ok((transaction, protocol, continuity)) => match say.send(Ok((protocol, continuity))) {
                Ok(()) => within(transaction, requests),
                // Whoever asked gave up meanwhile.
                Err(_) => drop(transaction.end(Disposition::LeaveCard)),
            },
            Err(error) => drop(say.send(Err(error))),
        }
    }
}

/// Locks the card; one that another program reset is connected anew.
fn begin(card: &mut pcsc::Card) -> Answer<(pcsc::Transaction<'_>, Protocol, Continuity)> {
    let mut continuity = Continuity::Kept;
    let mut transaction = match card.transaction2() {
        Ok(transaction) => transaction,
        Err((card, pcsc::Error::ResetCard)) => {
            card.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard)?;
            continuity = Continuity::Reset;
            card.transaction()?
        }
        Err((_, error)) => return Err(error),
    };
    // pcscd lets a transaction begin on a card that was reset, and complains at the first command only.
    let protocol = match transaction.status2_owned() {
        Err(pcsc::Error::ResetCard) => {
            transaction.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard)?;
            continuity = Continuity::Reset;
            transaction.status2_owned()
        }
        other => other,
    };
    let protocol = match protocol?.protocol2() {
        Some(pcsc::Protocol::T0) => Protocol::T0,
        _ => Protocol::T1,
    };
    Ok((transaction, protocol, continuity))
}

/// Serves the commands of one transaction to its end.
fn within(mut transaction: pcsc::Transaction<'_>, requests: &Receiver<Request>) {
    while let Ok(request) = requests.recv() {
        // Nobody hears the answer who gave up waiting for it.
        match request {
            Request::Begin(say) => drop(say.send(Err(pcsc::Error::SharingViolation))),
            Request::Transmit(apdu, say) => {
                let mut buffer = [0; RESPONSE];
                let answer = transaction.transmit(&apdu, &mut buffer).map(<[u8]>::to_vec);
                drop(apdu);
                drop(say.send(answer));
            }
            Request::Control(code, data, say) => {
                let mut buffer = [0; RESPONSE];
                let answer = transaction.control(code.into(), &data, &mut buffer).map(<[u8]>::to_vec);
                drop(say.send(answer));
            }
            Request::Reset(say) => {
                let _ = say.send(transaction.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::ResetCard));
            }
            Request::End(disposition, say) => {
                // A card that was pulled is locked no longer.
                drop(transaction.end(disposition));
                let _ = say.send(());
                return;
            }
        }
    }
    // Nobody is left who could end it: a secret may have been presented.
    drop(transaction.end(Disposition::ResetCard));
}
