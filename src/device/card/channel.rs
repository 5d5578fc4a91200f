//! The channel to a card inside one transaction: commands out, whole responses back, secrets withheld from the trace.

use std::{collections::BTreeMap, time::Duration};

use super::{
    apdu::{Command, Data, Protocol, Response, hex},
    pad::Pad,
    status_word::{Meaning, StatusWord},
};
use crate::{
    error::{Error, Result, Trouble},
    secret::Pages,
    token::{Retries, Role, Trace},
};

/// What carries APDUs: a transaction of PC/SC, or a script in a test.
pub trait Transport {
    /// The protocol that was agreed on.
    fn protocol(&self) -> Protocol;

    /// Sends one APDU and returns what the card answers, status word included.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn transmit(&mut self, apdu: &[u8]) -> Result<Vec<u8>>;

    /// Resets the card: every verified state is dropped, and no application is selected.
    ///
    /// # Errors
    /// [`Error::Device`].
    fn reset(&mut self) -> Result<()>;

    /// Asks the reader itself for something (SCardControl), which may take as long as `limit`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there is no such reader, [`Error::Device`].
    fn control(&mut self, _code: u32, _data: &[u8], _limit: Duration) -> Result<Vec<u8>> {
        Err(Error::unsupported("reader that takes requests of its own".into()))
    }
}

/// A channel over a [`Transport`].
pub struct Channel<'a> {
    transport: &'a mut dyn Transport,
    trace: &'a Trace,
    presented: bool,
    broken: bool,
    /// The keys of the reader; none inside where it was asked and has none.
    pad: Option<Option<Pad>>,
    /// How many digits they take for new values, where that is less than the card does.
    narrowed: BTreeMap<Role, (usize, usize)>,
}

/// GET RESPONSE is asked for at most so often: a card that never ends its answer is broken.
const MOST_PARTS: usize = 64;

impl<'a> Channel<'a> {
    /// A channel over `transport`.
    pub fn new(transport: &'a mut dyn Transport, trace: &'a Trace) -> Self {
        Self { transport, trace, presented: false, broken: false, pad: None, narrowed: BTreeMap::new() }
    }

    /// Whether a secret was presented, so that the card must be reset before others may use it.
    pub fn presented(&self) -> bool {
        self.presented
    }

    /// Narrows how many digits the keys of the reader take for a new value of `role`.
    pub fn narrow_keys(&mut self, role: Role, digits: (usize, usize)) {
        self.narrowed.insert(role, digits);
    }

    /// How many digits they take for it, where that was narrowed.
    pub fn narrowed_keys(&self, role: Role) -> Option<(usize, usize)> {
        self.narrowed.get(&role).copied()
    }

    /// Whether the card failed to answer at all.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The counter of a reference by VERIFY without data (ISO 7816-4, 11.5.6). None where the card was left verified, which
    /// says nothing of its counter.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn ask_counter(&mut self, key_reference: u8) -> Result<Option<Retries>> {
        let status = self.ask("VERIFY (counter)", [0x00, 0x20, 0x00, key_reference])?;
        Ok(match status.meaning() {
            Meaning::Done => None,
            Meaning::Wrong(Some(left)) => Some(Retries::counted(left, None)),
            Meaning::Blocked => Some(Retries::Blocked),
            _ => Some(Retries::Unknown),
        })
    }

    /// Sends a command, as a chain where it is long, and collects its whole answer (61xx, 6Cxx).
    ///
    /// # Errors
    /// [`Error::Device`] when the card does not answer, or not with an APDU. A status word is no error here.
    pub fn send(&mut self, command: &Command) -> Result<Response> {
        self.presented |= command.is_secret();
        self.trace.line(format_args!("> {command:?}"));
        let chain = command.encode(self.transport.protocol());
        let mut response = None;
        for apdu in &chain {
            let answer = self.exchange(apdu)?;
            let refused = answer.status != StatusWord::OK;
            response = Some(answer);
            if refused {
                break;
            }
        }
        let mut response = response.ok_or_else(|| Error::Internal("a command without an APDU".into()))?;
        // A command with a secret is never sent twice: a card could have counted the first. One that expects no answer has no
        // length to be corrected: what stands there could be taken for that of a value to come.
        let again = response.status.right_length().filter(|_| command.answers && !command.is_secret());
        if let (Some(length), Some(last)) = (again, chain.last()) {
            response = self.exchange(&with_length(last, command, length))?;
        }
        let [cla, ..] = command.header;
        let mut parts = 0;
        while let Some(length) = response.status.more() {
            parts += 1;
            if parts > MOST_PARTS {
                return Err(Error::device("the card's answer does not end", response.status.to_string()));
            }
            let next = self.exchange(&[cla, 0xC0, 0x00, 0x00, length])?;
            response.data.extend_from_slice(&next.data);
            response.status = next.status;
        }
        self.trace.line(format_args!("< {} {}", hex(&response.data), response.status));
        Ok(response)
    }

    /// Sends a command without data that expects none: a case 1 APDU.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn ask(&mut self, name: &'static str, header: [u8; 4]) -> Result<StatusWord> {
        self.send(&Command { name, header, data: Data::None, answers: false }).map(|response| response.status)
    }

    /// Resets the card within the transaction.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn reset(&mut self) -> Result<()> {
        self.trace.line(format_args!("> (card reset)"));
        self.transport.reset()
    }

    /// The keys of the reader, which is asked once.
    pub fn pad(&mut self) -> Option<Pad> {
        if let Some(pad) = self.pad {
            return pad;
        }
        let pad = Pad::ask(self);
        self.pad = Some(pad);
        pad
    }

    /// Takes note that a secret is presented which does not pass through here.
    pub fn presents(&mut self) {
        self.presented = true;
    }

    /// Asks the reader for something. What is sent holds no secret, and what is typed at the reader never comes here.
    ///
    /// # Errors
    /// As [`Transport::control`].
    pub fn control(&mut self, name: &str, code: u32, data: &[u8], limit: Duration) -> Result<Vec<u8>> {
        self.trace.line(format_args!("> reader {code:08X} {name} {}", hex(data)));
        let answer = self.transport.control(code, data, limit);
        match &answer {
            Ok(answer) => self.trace.line(format_args!("< reader {}", hex(answer))),
            Err(error) => self.trace.line(format_args!("< reader ({})", error.detail().unwrap_or("nothing"))),
        }
        answer
    }

    fn exchange(&mut self, apdu: &[u8]) -> Result<Response> {
        let answer = self.transport.transmit(apdu).inspect_err(|_| self.broken = true)?;
        Response::parse(&answer).ok_or_else(|| Error::Device {
            what: "the card stopped answering, as one does that is pulled".into(),
            cure: Some(Trouble::Pulled.cure()),
            detail: Some(format!("{} bytes, where a status word has 2", answer.len())),
        })
    }
}

/// The same command with the Le that the card asked for (ISO 7816-4, 5.1.3, SW 6Cxx).
fn with_length(apdu: &[u8], command: &Command, length: u8) -> Pages {
    let mut again = Pages::with_capacity(apdu.len() + 1);
    let keep = match (&command.data, apdu.get(4)) {
        (Data::None, _) | (_, None) => 4,
        (_, Some(count)) => 5 + usize::from(*count),
    };
    again.extend_from_slice(apdu.get(..keep).unwrap_or(apdu));
    again.push(length);
    again
}
