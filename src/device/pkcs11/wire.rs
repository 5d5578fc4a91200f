//! What the tool and the worker of a module say to each other: one frame for each call, one for its answer.
//!
//! A frame is its length (4 bytes, little endian) and then postcard's encoding. Requests may hold PINs: they are built and read
//! in buffers that are wiped; answers hold none.

use std::io::{self, ErrorKind, Read, Write};

use nix::sys::time::TimeSpec;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroize;

use crate::{error::Error, secret::Pages};

/// The longest request in bytes: two PINs, or a path, an initialisation string or [`SLOTS_AT_ONCE`] and what stands around them.
const LONGEST_REQUEST: usize = 16 * 1024;
/// The longest answer in bytes: far more than the list of all slots that a module ever showed.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// How many slots one request may name.
pub const SLOTS_AT_ONCE: usize = 1024;

/// Bytes of the length before a frame.
const HEADER: usize = 4;

/// A call that the worker is to make. It has no `Debug`: it may hold PINs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Load the library of this path.
    Load {
        /// As the system spells it.
        path: &'a [u8],
    },
    /// C_Initialize.
    Initialize {
        /// What a module wants in pReserved (NSS: its parameters); none as a rule.
        #[serde(borrow)]
        init: Option<&'a [u8]>,
    },
    /// C_Finalize.
    Finalize,
    /// C_GetInfo.
    Info,
    /// C_GetSlotList, of slots with a token.
    Slots,
    /// C_GetSlotInfo.
    SlotInfo {
        /// CK_SLOT_ID.
        slot: u64,
    },
    /// C_GetTokenInfo.
    TokenInfo {
        /// CK_SLOT_ID.
        slot: u64,
    },
    /// C_GetTokenInfo of several, as many from the first on as a moment allows.
    TokenInfos {
        /// CK_SLOT_ID of each.
        slots: Vec<u64>,
    },
    /// C_OpenSession.
    OpenSession {
        /// CK_SLOT_ID.
        slot: u64,
        /// Read/write, or read-only.
        write: bool,
    },
    /// C_CloseSession.
    CloseSession {
        /// CK_SESSION_HANDLE.
        session: u64,
    },
    /// C_Login.
    Login {
        /// CK_SESSION_HANDLE.
        session: u64,
        /// CK_USER_TYPE.
        user: u64,
        /// None where it is typed at the token.
        #[serde(borrow)]
        pin: Option<&'a [u8]>,
    },
    /// C_SetPIN.
    SetPin {
        /// CK_SESSION_HANDLE.
        session: u64,
        /// None where it is typed at the token.
        #[serde(borrow)]
        old: Option<&'a [u8]>,
        /// None where it is typed at the token.
        #[serde(borrow)]
        new: Option<&'a [u8]>,
    },
    /// C_InitPIN.
    InitPin {
        /// CK_SESSION_HANDLE.
        session: u64,
        /// None where it is typed at the token.
        #[serde(borrow)]
        new: Option<&'a [u8]>,
    },
    /// C_InitToken.
    InitToken {
        /// CK_SLOT_ID.
        slot: u64,
        /// None where it is typed at the token.
        #[serde(borrow)]
        so_pin: Option<&'a [u8]>,
        /// Filled up with blanks.
        label: [u8; 32],
    },
    /// Take the lock of a token, and keep it till [`Request::Unlock`] or the worker's end.
    Lock {
        /// The lock directory.
        directory: &'a [u8],
        /// The lock's file name.
        name: &'a str,
        /// Alone, to write, or shared.
        alone: bool,
        /// How long to wait for it, in milliseconds.
        wait: u64,
    },
    /// Let go of it.
    Unlock,
}

impl Request<'_> {
    /// The C function, or what is done instead of one.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Load { .. } => "loading",
            Self::Initialize { .. } => "C_Initialize",
            Self::Finalize => "C_Finalize",
            Self::Info => "C_GetInfo",
            Self::Slots => "C_GetSlotList",
            Self::SlotInfo { .. } => "C_GetSlotInfo",
            Self::TokenInfo { .. } | Self::TokenInfos { .. } => "C_GetTokenInfo",
            Self::OpenSession { .. } => "C_OpenSession",
            Self::CloseSession { .. } => "C_CloseSession",
            Self::Login { .. } => "C_Login",
            Self::SetPin { .. } => "C_SetPIN",
            Self::InitPin { .. } => "C_InitPIN",
            Self::InitToken { .. } => "C_InitToken",
            Self::Lock { .. } | Self::Unlock => "locking",
        }
    }

    /// Whether the module may write meanwhile, so that cutting it could cost the token. A login counts its tries in the token.
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Login { .. } | Self::SetPin { .. } | Self::InitPin { .. } | Self::InitToken { .. })
    }

    /// Whether it presents no secret and changes nothing, so that it can be made again.
    pub fn is_read(&self) -> bool {
        matches!(
            self,
            Self::Info
                | Self::Slots
                | Self::SlotInfo { .. }
                | Self::TokenInfo { .. }
                | Self::TokenInfos { .. }
                | Self::OpenSession { .. }
        )
    }

    /// Whether somebody types at the token meanwhile, who has the token's own time for it.
    pub fn is_at_pad(&self) -> bool {
        match self {
            Self::Login { pin, .. } => pin.is_none(),
            Self::SetPin { old, new, .. } => old.is_none() || new.is_none(),
            Self::InitPin { new, .. } => new.is_none(),
            Self::InitToken { so_pin, .. } => so_pin.is_none(),
            _ => false,
        }
    }
}

/// Sends a request; the buffer it was built in is wiped.
///
/// # Errors
/// Those of `to`; [`ErrorKind::InvalidInput`] where it is longer than any that makes sense.
pub fn ask(to: &mut impl Write, request: &Request<'_>) -> io::Result<()> {
    let mut buffer = Pages::filled(HEADER + LONGEST_REQUEST, 0);
    let body = buffer.get_mut(HEADER..).unwrap_or_default();
    let length = postcard::to_slice(request, body).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?.len();
    send(to, &mut buffer, length)
}

/// Sends an answer.
///
/// # Errors
/// Those of `to`.
pub fn answer(to: &mut impl Write, answer: &impl Serialize) -> io::Result<()> {
    let mut buffer = vec![0; HEADER];
    buffer = postcard::to_extend(answer, buffer).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    let length = buffer.len() - HEADER;
    send(to, &mut buffer, length)
}

/// Writes the length before a frame that stands in `buffer`, and sends both in one piece.
fn send(to: &mut impl Write, buffer: &mut [u8], length: usize) -> io::Result<()> {
    let header = u32::try_from(length).map_err(|_| io::Error::from(ErrorKind::InvalidData))?.to_le_bytes();
    if let Some(place) = buffer.get_mut(..HEADER) {
        place.copy_from_slice(&header);
    }
    to.write_all(buffer.get(..HEADER + length).unwrap_or_default())
}

/// The place where a worker reads requests: used again for each, and wiped in between.
pub struct Inbox(Pages);

impl Inbox {
    /// An empty one.
    pub fn new() -> Self {
        Self(Pages::filled(LONGEST_REQUEST, 0))
    }

    /// Reads the next request and does `work` with it; none where the other side has ended.
    ///
    /// # Errors
    /// Those of `from`; [`ErrorKind::InvalidData`] for what is no request.
    pub fn next<T>(&mut self, from: &mut impl Read, work: impl FnOnce(Request<'_>) -> T) -> io::Result<Option<T>> {
        let mut header = [0; HEADER];
        match from.read_exact(&mut header) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let length = u32::from_le_bytes(header) as usize;
        let bad = || io::Error::from(ErrorKind::InvalidData);
        let frame = self.0.get_mut(..length).ok_or_else(bad)?;
        let done = from.read_exact(frame).and_then(|()| postcard::from_bytes(frame).map(work).map_err(|_| bad()));
        frame.zeroize();
        done.map(Some)
    }
}

/// An answer that comes in pieces, by itself: no other is on its way.
#[derive(Default)]
pub struct Incoming(Vec<u8>);

impl Incoming {
    /// How many bytes are still missing, as far as is known.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] for what is no answer.
    pub fn missing(&self) -> io::Result<usize> {
        let Some(header) = self.0.first_chunk::<HEADER>() else { return Ok(HEADER - self.0.len()) };
        let length = u32::from_le_bytes(*header) as usize;
        if length > LONGEST_ANSWER {
            return Err(ErrorKind::InvalidData.into());
        }
        (HEADER + length).checked_sub(self.0.len()).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    /// Takes the next piece from `from`, which has one. Whether there was any.
    ///
    /// # Errors
    /// Those of `from`.
    pub fn take(&mut self, from: &mut impl Read) -> io::Result<bool> {
        // A small answer is there at once, length and all.
        let mut piece = vec![0; self.missing()?.clamp(1024, 64 * 1024)];
        let read = from.read(&mut piece)?;
        self.0.extend_from_slice(piece.get(..read).unwrap_or_default());
        Ok(read > 0)
    }

    /// The answer, once nothing is missing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] for what is no such answer.
    pub fn open<T: DeserializeOwned>(&self) -> io::Result<T> {
        let body = self.0.get(HEADER..).unwrap_or_default();
        postcard::from_bytes(body).map_err(|_| ErrorKind::InvalidData.into())
    }
}

/// What a worker that took a lock tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked(Option<(i64, i64)>);

impl Locked {
    /// Seconds and nanoseconds on the clock of file times; none where a writer was cut off in the middle.
    pub fn since(changed: Option<TimeSpec>) -> Self {
        Self(changed.map(|time| (time.tv_sec(), time.tv_nsec())))
    }

    /// Whether another process may have changed the token since `time`, on the clock of file times.
    pub fn changed_since(self, time: TimeSpec) -> bool {
        self.0.is_none_or(|(seconds, nanoseconds)| TimeSpec::new(seconds, nanoseconds) >= time)
    }
}

impl From<NoLock> for Error {
    fn from(NoLock { what, cure, detail }: NoLock) -> Self {
        Self::Device { what, cure: Some(cure), detail }
    }
}

/// Why a lock cannot be had, as [`crate::error::Error::Device`] tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoLock {
    /// What happened.
    pub what: String,
    /// What can be done about it.
    pub cure: String,
    /// What the system said.
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_all_the_slots_that_it_may_whatever_their_numbers() {
        let request = Request::TokenInfos { slots: vec![u64::MAX; SLOTS_AT_ONCE] };
        let mut sent = Vec::new();
        ask(&mut sent, &request).unwrap();
        assert_eq!(Inbox::new().next(&mut sent.as_slice(), |read| read == request).unwrap(), Some(true));
    }

    #[test]
    fn an_answer_is_whole_however_it_is_cut_and_what_stands_behind_it_is_none() {
        let mut sent = Vec::new();
        answer(&mut sent, &vec![7_u8; 3000]).unwrap();
        for length in [1, HEADER, 1024, sent.len()] {
            let mut incoming = Incoming::default();
            for piece in sent.chunks(length) {
                assert!(incoming.missing().unwrap() > 0);
                let mut piece = piece;
                while !piece.is_empty() {
                    assert!(incoming.take(&mut piece).unwrap());
                }
            }
            assert_eq!(incoming.missing().unwrap(), 0);
            assert_eq!(incoming.open::<Vec<u8>>().unwrap(), [7; 3000]);
        }
        let mut two = Vec::new();
        answer(&mut two, &1_u8).unwrap();
        answer(&mut two, &2_u8).unwrap();
        let mut incoming = Incoming::default();
        incoming.take(&mut two.as_slice()).unwrap();
        assert!(incoming.missing().is_err());
    }
}
