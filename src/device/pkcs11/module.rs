//! One loaded PKCS#11 module: its calls, traced with PINs withheld, and its sessions, closed when dropped.
//!
//! The calls themselves are made by a worker, a process of its own.

mod session;
mod transaction;

pub use session::Session;
pub use transaction::Lock;

use std::{
    ffi::{CStr, CString, OsString},
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cryptoki_sys::{
    CK_SLOT_ID, CKR_ARGUMENTS_BAD, CKR_FUNCTION_FAILED, CKR_GENERAL_ERROR, CKR_TOKEN_NOT_PRESENT,
    CKR_TOKEN_NOT_RECOGNIZED,
};
use nix::sys::time::TimeSpec;
use serde::de::DeserializeOwned;

use super::{
    BEFORE_LOOKING_AGAIN, PROXY,
    client::Client,
    info::{LibraryInfo, SlotInfo, TokenInfo},
    lock,
    raw::{LoadError, Rv},
    verdict::{failure, number},
    wire::{Locked, NoLock, Request, SLOTS_AT_ONCE},
    worker::A_MOMENT,
};
use crate::{
    error::{Error, Result, Trouble},
    secret::Entry,
    token::{Access, Identity, Text, Trace},
};
use session::{bytes, shown};

/// What helps a module such as NSS.
const LACKS_INIT: &str = "if this module wants to be told something at its start, say it in the configuration: modules = [{ path = \"…\", init = \"…\" }]";
/// What is amiss where it was told something and does not take that.
const WRONG_INIT: &str = "see what the configuration gives this module as `init`";

/// A module that was loaded and initialised; finalised when dropped.
pub struct Module {
    path: PathBuf,
    /// What C_Initialize is to be told, each time.
    init: Option<CString>,
    worker: Client,
    /// What it says of itself.
    library: LibraryInfo,
    trace: Trace,
    /// When it read its tokens, on the clock of file times.
    initialized: Mutex<TimeSpec>,
    /// The lock that the worker holds, which another one takes over from it.
    held: Mutex<Option<Held>>,
    /// Whether the worker that runs has taken it.
    has_lock: AtomicBool,
}

/// A lock, as it is asked for.
#[derive(Clone)]
struct Held {
    directory: PathBuf,
    name: String,
    alone: bool,
    wait: Duration,
}

/// How a module is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a call may take.
    pub timeout: Duration,
    /// The environment variables that hold secrets, which are none of its business.
    pub withheld: Vec<OsString>,
    /// What the C_Initialize of the module at a path is to be told, in whichever way that module was named.
    pub inits: Vec<(PathBuf, CString)>,
}

impl Options {
    fn init(&self, module: &Path) -> Option<CString> {
        // A name without a path is for the linker to find.
        let file = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        self.inits.iter().find(|(path, _)| file(path) == file(module)).map(|(_, init)| init.clone())
    }
}

/// Why a call did not do what it should.
#[derive(Debug)]
pub enum Refusal {
    /// The module said so.
    Said(Rv),
    /// Its worker ended or did not answer: what came of the call is not known.
    Lost(Error),
}

impl Refusal {
    /// The error of a call that presents and sets no secret.
    fn of(self, call: &str) -> Error {
        match self {
            Self::Said(rv) => failure(rv, call),
            Self::Lost(error) => error,
        }
    }
}

impl Module {
    /// Loads and initialises the module at `path`, in a worker.
    ///
    /// # Errors
    /// [`Error::Device`] where it is missing, is no module, or does not initialise.
    pub fn load(path: &Path, options: &Options, trace: Trace) -> Result<Self> {
        let worker = Client::start(path, options.timeout, &options.withheld, &trace)?;
        let (initialized, held, has_lock) = (Mutex::new(lock::now()), Mutex::new(None), AtomicBool::new(false));
        let (path, init, library) = (path.to_owned(), options.init(path), LibraryInfo::default());
        let mut module = Self { path, init, worker, library, trace, initialized, held, has_lock };
        module.open()?;
        module.initialize()?;
        module.library = module.info()?;
        Ok(module)
    }

    /// Loads the library.
    fn open(&self) -> Result<()> {
        let path = self.path();
        let shown = path.display().to_string().escape_debug().to_string();
        let loaded: Result<(), LoadError> = self.worker.ask(&Request::Load { path: path.as_os_str().as_bytes() })?;
        loaded.map_err(|error| {
            let trouble = if path == Path::new(PROXY) { Trouble::NoProxy } else { Trouble::NoModule };
            let (what, detail) = match error {
                LoadError::Linker(detail) if !is_there(path) => (format!("there is no module {shown}"), Some(detail)),
                LoadError::Linker(detail) => (format!("{shown} cannot be loaded as a PKCS#11 module"), Some(detail)),
                LoadError::NoModule => (format!("{shown} is no PKCS#11 module: it gives no function list"), None),
            };
            Error::Device {
                what,
                cure: Some(trouble.cure()),
                detail: detail.map(|text| text.escape_debug().to_string()),
            }
        })
    }

    fn initialize(&self) -> Result<()> {
        *self.initialized.lock().unwrap_or_else(PoisonError::into_inner) = lock::now();
        let init = self.init.as_deref().map(CStr::to_bytes);
        self.ask(&Request::Initialize { init }, format_args!("C_Initialize()")).map_err(|refusal| match refusal {
            Refusal::Said(rv) => match failure(rv, "C_Initialize") {
                Error::Device { what, cure, detail } => Error::Device {
                    what: format!("{}: {what}", self.path.display().to_string().escape_debug()),
                    cure: cure.or_else(|| self.to_begin(rv)),
                    detail,
                },
                other => other,
            },
            Refusal::Lost(error) => error,
        })
    }

    /// What can be done where C_Initialize answers so.
    fn to_begin(&self, rv: Rv) -> Option<String> {
        match rv.0 {
            CKR_ARGUMENTS_BAD if self.init.is_some() => Some(WRONG_INIT.into()),
            CKR_ARGUMENTS_BAD => Some(LACKS_INIT.into()),
            CKR_GENERAL_ERROR | CKR_FUNCTION_FAILED => Some(Trouble::CannotBegin.cure()),
            _ => None,
        }
    }

    /// Makes the module read its tokens anew, which SoftHSM2 does at C_Initialize only; one that crashed is begun anew, under the
    /// same lock. No session may be open.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn refresh(&self) -> Result<()> {
        if !self.worker.is_running() {
            return self.begin_anew();
        }
        let ended = self.finalize();
        match (ended, self.initialize()) {
            // One that does not end goes on with what it knew: only another process is sure to read the tokens anew.
            (Err(Refusal::Said(_)), Err(_)) if self.worker.is_running() => {
                self.worker.stop();
                self.begin_anew()
            }
            (_, begun) => begun,
        }
    }

    /// Starts another worker in the place of one that has ended.
    fn begin_anew(&self) -> Result<()> {
        self.has_lock.store(false, Ordering::SeqCst);
        self.worker.restart()?;
        self.open()?;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        held.iter().try_for_each(|held| self.take(held).map(drop))?;
        self.initialize()
    }

    fn finalize(&self) -> Result<(), Refusal> {
        self.ask(&Request::Finalize, format_args!("C_Finalize()"))
    }

    /// When it read its tokens, on the clock of file times.
    pub fn initialized(&self) -> TimeSpec {
        *self.initialized.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its worker was left behind in the middle of a write.
    pub fn may_still_write(&self) -> bool {
        self.worker.may_still_write()
    }

    /// Whether a worker runs that has the lock of the transaction: one that crashes has let go of it.
    pub fn has_lock(&self) -> bool {
        self.worker.is_running() && self.has_lock.load(Ordering::SeqCst)
    }

    /// The path it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who made the module, and which version it is; nothing where it does not say.
    pub fn library(&self) -> &LibraryInfo {
        &self.library
    }

    fn info(&self) -> Result<LibraryInfo> {
        match self.ask(&Request::Info, format_args!("C_GetInfo()")) {
            Err(Refusal::Said(_)) => Ok(LibraryInfo::default()),
            Err(Refusal::Lost(error)) => Err(error),
            Ok(info) => Ok(info),
        }
    }

    /// The slots that hold a token.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn slots(&self) -> Result<Vec<CK_SLOT_ID>> {
        self.ask(&Request::Slots, format_args!("C_GetSlotList()")).map_err(|refusal| refusal.of("C_GetSlotList"))
    }

    /// What the module calls `slot`: the name of its reader where it is one of PC/SC, cut to 64 bytes. None where it does not say.
    pub fn slot_description(&self, slot: CK_SLOT_ID) -> Option<Text> {
        Text::trimmed(&self.slot_info(slot)?.description)
    }

    /// What the module says of `slot`, where it does.
    pub fn slot_info(&self, slot: CK_SLOT_ID) -> Option<SlotInfo> {
        self.ask(&Request::SlotInfo { slot }, format_args!("C_GetSlotInfo({slot})")).ok()
    }

    /// What the token in `slot` says of itself.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn token_info(&self, slot: CK_SLOT_ID) -> Result<TokenInfo> {
        self.ask(&Request::TokenInfo { slot }, format_args!("C_GetTokenInfo({slot})"))
            .map_err(|refusal| refusal.of("C_GetTokenInfo"))
    }

    /// What the tokens in several slots say of themselves; none where there is no token after all, or one that the module knows
    /// nothing to do with.
    ///
    /// # Errors
    /// [`Error::Device`] where the worker is lost; for one slot, where there is a token and the module cannot say which.
    pub fn token_infos(&self, slots: &[CK_SLOT_ID]) -> Result<Vec<Result<Option<TokenInfo>>>> {
        let mut answers = Vec::with_capacity(slots.len());
        // Many for each round trip: a store may have thousands of tokens.
        while let Some(some) = slots.get(answers.len()..).and_then(|rest| rest.chunks(SLOTS_AT_ONCE).next()) {
            let request = Request::TokenInfos { slots: some.to_vec() };
            let mut read: Vec<Result<TokenInfo, Rv>> = self.worker.ask_longer(&request, A_MOMENT)?;
            if read.is_empty() {
                return Err(Error::Internal("a worker that answers for no slot".into()));
            }
            answers.append(&mut read);
        }
        let read = |(slot, answer): (&CK_SLOT_ID, Result<TokenInfo, Rv>)| {
            let name = format!("C_GetTokenInfo({slot})");
            self.called(format_args!("{name}"));
            self.answered(&answer);
            let answer = match answer {
                Err(rv) if may_pass(rv) => self.ask(&Request::TokenInfo { slot: *slot }, format_args!("{name}")),
                answer => answer.map_err(Refusal::Said),
            };
            match answer {
                Ok(info) => Ok(Some(info)),
                Err(Refusal::Said(Rv(CKR_TOKEN_NOT_PRESENT | CKR_TOKEN_NOT_RECOGNIZED))) => Ok(None),
                Err(refusal) => Err(refusal.of("C_GetTokenInfo")),
            }
        };
        Ok(slots.iter().zip(answers).map(read).collect())
    }

    /// Opens a session, read-only or read/write.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn session(&self, slot: CK_SLOT_ID, write: bool) -> Result<Session<'_>> {
        let kind = if write { "read/write" } else { "read-only" };
        self.ask(&Request::OpenSession { slot, write }, format_args!("C_OpenSession({slot}, {kind})"))
            .map(|handle| Session { module: self, handle })
            .map_err(|refusal| refusal.of("C_OpenSession"))
    }

    /// C_InitToken.
    pub fn init_token(&self, slot: CK_SLOT_ID, so_pin: &Entry, label: &[u8; 32]) -> Result<(), Refusal> {
        self.ask(
            &Request::InitToken { slot, so_pin: bytes(so_pin), label: *label },
            format_args!("C_InitToken({slot}, {}, label)", shown(so_pin)),
        )
    }

    /// Takes the lock of a token in `directory`, waiting at most `wait`: shared for reading, alone for writing. The worker holds it,
    /// so that it outlives the tool where a write does.
    ///
    /// # Errors
    /// [`Error::Device`] naming the process that holds it, or saying why no lock can be made there.
    pub fn lock(
        &self,
        directory: Option<&Path>,
        identity: &Identity,
        access: Access,
        wait: Duration,
    ) -> Result<Lock<'_>> {
        let (directory, name) = (directory.ok_or_else(lock::nowhere)?.to_owned(), lock::name(identity));
        let held = Held { directory, name, alone: access == Access::Write, wait };
        let locked = self.take(&held)?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(Lock { module: self, locked })
    }

    fn take(&self, Held { directory, name, alone, wait }: &Held) -> Result<Locked> {
        let directory = directory.as_os_str().as_bytes();
        let milliseconds = wait.as_millis().try_into().unwrap_or(u64::MAX);
        let request = Request::Lock { directory, name, alone: *alone, wait: milliseconds };
        let taken: Result<Locked, NoLock> = self.worker.ask_longer(&request, *wait)?;
        let taken = taken.map_err(Error::from)?;
        self.has_lock.store(true, Ordering::SeqCst);
        Ok(taken)
    }

    /// Makes a call. A read that fails as a token does which another program writes, or a reader that is just waking up, is made
    /// again before that is believed; what presents a secret never is.
    fn ask<T: DeserializeOwned>(&self, request: &Request<'_>, name: std::fmt::Arguments<'_>) -> Result<T, Refusal> {
        let mut pauses = BEFORE_LOOKING_AGAIN.iter().filter(|_| request.is_read());
        loop {
            match (self.ask_once(request, name), pauses.next()) {
                (Err(Refusal::Said(rv)), Some(pause)) if may_pass(rv) => {
                    std::thread::sleep(Duration::from_millis(*pause));
                }
                (answer, _) => return answer,
            }
        }
    }

    /// Traces a call before it is made, which may be the last that is heard of the module, and its answer.
    fn ask_once<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        name: std::fmt::Arguments<'_>,
    ) -> Result<T, Refusal> {
        self.called(name);
        let answer = self.worker.ask(request).map_err(|error| {
            self.trace.line(format_args!("< no answer"));
            Refusal::Lost(error)
        })?;
        self.answered(&answer);
        answer.map_err(Refusal::Said)
    }

    fn called(&self, name: std::fmt::Arguments<'_>) {
        self.trace.line(format_args!("> {name}"));
    }

    fn answered<T>(&self, answer: &Result<T, Rv>) {
        match answer {
            Ok(_) => self.trace.line(format_args!("< CKR_OK")),
            Err(rv) => self.trace.line(format_args!("< {}", number(*rv))),
        }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.worker.is_running() {
            // Nothing can be done about a module that does not want to end; its process does so next.
            let _ = self.finalize();
        }
    }
}

/// Whether an answer to a read may be another one in a moment.
fn may_pass(rv: Rv) -> bool {
    matches!(rv.0, CKR_TOKEN_NOT_PRESENT | CKR_GENERAL_ERROR)
}

/// Whether the linker's failure is that of a missing file; a bare name is looked for by the linker alone.
fn is_there(path: &Path) -> bool {
    path.components().count() == 1 || path.exists()
}
