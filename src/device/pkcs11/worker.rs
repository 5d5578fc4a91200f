//! The worker: a process of its own for each module, which makes the C_* calls that the tool asks for over a pipe.
//!
//! A module may crash, hang, print, or write its token in steps that must not be cut. So it lives apart: in a session of its own,
//! out of reach of what stops the tool, without the tool's output, terminal and descriptors. When the tool ends in the middle of
//! a write, that write comes to its end here, under the token's lock.

use std::{
    ffi::{CString, OsStr},
    fs::File,
    io,
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt, fs::FileTypeExt},
    },
    panic,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use cryptoki_sys::{CKR_ARGUMENTS_BAD, CKR_CRYPTOKI_NOT_INITIALIZED};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::prctl,
    unistd,
};

use super::{
    info::{LibraryInfo, SlotInfo, TokenInfo},
    lock::{self, Lock},
    raw::{Raw, Rv},
    wire::{self, Inbox, Locked, Request},
};
use crate::{
    child,
    device::shut,
    error::{Error, Result},
    token::Access,
};

/// The first argument of a process that is to be a worker; the module's path follows, for whoever lists processes.
pub const WORKER: &str = "module-worker";

/// How long a worker goes on with calls of which each is quick, before it answers those it has made.
pub const A_MOMENT: Duration = Duration::from_millis(20);

/// How long a worker whose tool has ended may take to end its module, beside a write, which has all the time it needs.
const GRACE: Duration = Duration::from_secs(2);

/// Serves the tool at the other end of standard input and output till it ends. It does not come back: what a library runs at
/// the exit of its process is run by nobody's wish.
///
/// # Errors
/// [`Error::Usage`] where no tool is at the other end; [`Error::Device`] where the process cannot be set apart. No module is
/// loaded then.
pub fn serve() -> Result<()> {
    let no_tool = || {
        Error::Usage(format!(
            "`{WORKER}` is not for people: pukka starts itself so, to load a module in a process of its own"
        ))
    };
    if !(is_pipe(io::stdin()) && is_pipe(io::stdout())) {
        return Err(no_tool());
    }
    let apart =
        |error: io::Error| Error::device("the process of a module cannot be set apart from others", error.to_string());
    let (mut from, mut to) = set_apart().map_err(apart)?;
    let writing = Arc::new(Mutex::new(Instant::now()));
    watch(from.try_clone().map_err(apart)?, Arc::clone(&writing)).map_err(apart)?;
    let mut worker = Worker { raw: None, is_initialized: false, lock: None, writing };
    let mut inbox = Inbox::new();
    let begun = inbox.next(&mut from, |request| worker.answer(&mut to, request));
    if !matches!(begun, Ok(Some(_))) {
        return Err(no_tool());
    }
    // Where the tool is gone, or talks what is no request, nobody can be told.
    while let Ok(Some(Ok(()))) = inbox.next(&mut from, |request| worker.answer(&mut to, request)) {}
    worker.end();
    signal_hook::low_level::exit(0)
}

/// Whether a program is at the other end, rather than a person or a file.
fn is_pipe(end: impl AsFd) -> bool {
    let metadata = end.as_fd().try_clone_to_owned().and_then(|end| File::from(end).metadata());
    metadata.is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Leaves what a process has of the tool beside its session and signals, which the tool keeps from it; what is left is the pipe to it
/// and back.
fn set_apart() -> io::Result<(File, File)> {
    let _ = prctl::set_name(c"pukka-worker");
    shut()?;
    panic::set_hook(Box::new(|_| {}));
    // A thread of the tool that talks to a reader may have opened a descriptor in the moment in which this process began.
    for descriptor in child::open_descriptors()? {
        // One of them was the listing's own, which is closed already.
        let _ = unistd::close(descriptor);
    }
    let from = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    unistd::dup2_stdin(File::open("/dev/null")?)?;
    unistd::dup2_stdout(io::stderr())?;
    Ok((from, to))
}

/// Ends the worker when its tool has ended and it does not do so itself, because a call hangs; a write is waited for, and what
/// comes after it gets its time as well: the lock is let go of in order.
fn watch(from: File, writing: Arc<Mutex<Instant>>) -> io::Result<()> {
    let wait = move || {
        let mut tool = [PollFd::new(from.as_fd(), PollFlags::empty())];
        while poll(&mut tool, PollTimeout::NONE).is_err() {}
        let gone = Instant::now();
        loop {
            let written = writing.lock().unwrap_or_else(PoisonError::into_inner);
            let left = (gone.max(*written) + GRACE).saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Still under the guard: nothing is written meanwhile.
                signal_hook::low_level::exit(0);
            }
            drop(written);
            thread::sleep(left);
        }
    };
    thread::Builder::new().name("watch".into()).spawn(wait).map(drop)
}

/// What the worker holds for its tool.
struct Worker {
    raw: Option<Raw>,
    is_initialized: bool,
    lock: Option<Lock>,
    /// Held while the module may write; since when it does not.
    writing: Arc<Mutex<Instant>>,
}

impl Worker {
    /// Does what is asked, and says what came of it.
    fn answer(&mut self, to: &mut File, request: Request<'_>) -> io::Result<()> {
        let writing = Arc::clone(&self.writing);
        let held = request.is_write().then(|| writing.lock().unwrap_or_else(PoisonError::into_inner));
        let answered = self.call(to, request);
        held.into_iter().for_each(|mut written| *written = Instant::now());
        answered
    }

    fn call(&mut self, to: &mut File, request: Request<'_>) -> io::Result<()> {
        match request {
            Request::Load { path } => {
                let loaded = Raw::load(Path::new(OsStr::from_bytes(path)));
                wire::answer(to, &loaded.map(|raw| self.raw = Some(raw)))
            }
            Request::Initialize { init } => wire::answer(to, &self.initialize(init)),
            Request::Finalize => wire::answer(to, &self.finalize()),
            Request::Info => wire::answer(to, &self.raw().and_then(Raw::info).map(LibraryInfo::from)),
            Request::Slots => wire::answer(to, &self.raw().and_then(Raw::slots)),
            Request::SlotInfo { slot } => {
                wire::answer(to, &self.raw().and_then(|raw| raw.slot_info(slot)).map(SlotInfo::from))
            }
            Request::TokenInfo { slot } => {
                wire::answer(to, &self.raw().and_then(|raw| raw.token_info(slot)).map(TokenInfo::from))
            }
            Request::TokenInfos { slots } => wire::answer(to, &self.token_infos(&slots)),
            Request::OpenSession { slot, write } => {
                wire::answer(to, &self.raw().and_then(|raw| raw.open_session(slot, write)))
            }
            Request::CloseSession { session } => {
                wire::answer(to, &self.raw().and_then(|raw| raw.close_session(session)))
            }
            Request::Login { session, user, pin } => {
                wire::answer(to, &self.raw().and_then(|raw| raw.login(session, user, pin)))
            }
            Request::SetPin { session, old, new } => {
                wire::answer(to, &self.raw().and_then(|raw| raw.set_pin(session, old, new)))
            }
            Request::InitPin { session, new } => {
                wire::answer(to, &self.raw().and_then(|raw| raw.init_pin(session, new)))
            }
            Request::InitToken { slot, so_pin, label } => {
                wire::answer(to, &self.raw().and_then(|raw| raw.init_token(slot, so_pin, &label)))
            }
            Request::Lock { directory, name, alone, wait } => {
                let access = if alone { Access::Write } else { Access::Read };
                let directory = Path::new(OsStr::from_bytes(directory));
                let taken = lock::take(directory, name, access, Duration::from_millis(wait));
                wire::answer(to, &taken.map(|lock| Locked::since(self.lock.insert(lock).changed())))
            }
            Request::Unlock => {
                self.lock = None;
                wire::answer(to, &())
            }
        }
    }

    fn raw(&self) -> Result<&Raw, Rv> {
        self.raw.as_ref().ok_or(Rv(CKR_CRYPTOKI_NOT_INITIALIZED))
    }

    /// One at least, and no more once [`A_MOMENT`] is over: who waits for the answer cuts off a call that hangs.
    fn token_infos(&self, slots: &[u64]) -> Vec<Result<TokenInfo, Rv>> {
        let start = Instant::now();
        let read = |slot: &u64| self.raw().and_then(|raw| raw.token_info(*slot)).map(TokenInfo::from);
        let in_time = |index: &usize| *index == 0 || start.elapsed() < A_MOMENT;
        slots.iter().enumerate().take_while(|(index, _)| in_time(index)).map(|(_, slot)| read(slot)).collect()
    }

    fn initialize(&mut self, init: Option<&[u8]>) -> Result<(), Rv> {
        let init = init.map(CString::new).transpose().map_err(|_| Rv(CKR_ARGUMENTS_BAD))?;
        self.raw()?.initialize(init.as_deref())?;
        self.is_initialized = true;
        Ok(())
    }

    fn finalize(&mut self) -> Result<(), Rv> {
        self.raw()?.finalize()?;
        self.is_initialized = false;
        Ok(())
    }

    /// Ends the module where the tool had no time to, and lets go of the lock only then.
    fn end(mut self) {
        if self.is_initialized {
            // Nobody is left to be told.
            let _ = self.finalize();
        }
        self.lock = None;
    }
}
