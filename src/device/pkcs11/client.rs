//! The tool's end of the pipe to a worker: starts it, asks it, and says what became of it.

use std::{
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader},
    os::{fd::AsFd, unix::process::ExitStatusExt},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::Signal,
};
use serde::de::DeserializeOwned;

use super::{
    wire::{self, Incoming, Request},
    worker::WORKER,
};
use crate::{
    child::{Child, Errors, Pipes, Program, Reach},
    error::{Error, Result},
    token::Trace,
};

/// The tool's own program, also when another has taken its place on disk.
const MYSELF: &str = "/proc/self/exe";
/// How long what a module still prints is waited for when its worker has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A running worker.
pub struct Client {
    /// The module, for sentences.
    module: String,
    /// What is loaded.
    path: PathBuf,
    /// The environment variables that hold secrets.
    withheld: Vec<OsString>,
    trace: Trace,
    /// How long a call may take, where nobody types at the token.
    limit: Duration,
    running: Mutex<State>,
}

enum State {
    Running(Running),
    /// It has ended, or does not answer any more: what has been told of it.
    Lost(Lost),
}

struct Running {
    child: Child,
    to: File,
    from: File,
    /// Comes to its end when all that the module printed was passed on.
    printed: Option<mpsc::Receiver<()>>,
    /// Whether the module was given a secret, which it may print from then on.
    had_secret: Arc<AtomicBool>,
}

/// What became of a worker that does not answer any more.
#[derive(Clone)]
struct Lost {
    what: String,
    cure: &'static str,
    /// Whether it may still write.
    writes: bool,
}

impl From<Lost> for Error {
    fn from(lost: Lost) -> Self {
        Self::Device { what: lost.what, cure: Some(lost.cure.into()), detail: None }
    }
}

impl Client {
    /// Starts the worker of the module at `path`, without the environment variables of `withheld`, which hold secrets. A call may
    /// take as long as `limit`.
    ///
    /// # Errors
    /// [`Error::Device`] where the system starts no process.
    pub fn start(path: &Path, limit: Duration, withheld: &[OsString], trace: &Trace) -> Result<Self> {
        let running = Mutex::new(State::Running(spawn(path, withheld, trace)?));
        let module = path.display().to_string().escape_debug().to_string();
        Ok(Self { module, path: path.to_owned(), withheld: withheld.to_vec(), trace: trace.clone(), limit, running })
    }

    /// Starts another worker in the place of one that ended; what that one held is gone.
    ///
    /// # Errors
    /// [`Error::Device`] where the first one may still write, or the system starts no process.
    pub fn restart(&self) -> Result<()> {
        let mut state = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Running(_) => Ok(()),
            State::Lost(lost) if lost.writes => Err(lost.clone().into()),
            State::Lost(_) => {
                *state = State::Running(spawn(&self.path, &self.withheld, &self.trace)?);
                Ok(())
            }
        }
    }

    /// Cuts the worker off; it is asked nothing now, so that nothing is written.
    pub fn stop(&self) {
        let mut state = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Running(running) = &mut *state {
            running.kill();
            let what = format!("{}: the module was ended", self.module);
            *state = State::Lost(Lost { what, cure: "try again", writes: false });
        }
    }

    /// Asks for one call.
    ///
    /// # Errors
    /// [`Error::Device`] where the worker ended or did not answer in time.
    pub fn ask<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T> {
        self.ask_within(request, self.limit)
    }

    /// The same, where the worker may wait for something else as long as `longer`, beside the call itself.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn ask_longer<T: DeserializeOwned>(&self, request: &Request<'_>, longer: Duration) -> Result<T> {
        self.ask_within(request, self.limit.saturating_add(longer))
    }

    fn ask_within<T: DeserializeOwned>(&self, request: &Request<'_>, limit: Duration) -> Result<T> {
        let limit = if request.is_at_pad() { None } else { Some(limit) };
        self.with(request, |running| {
            // What presents a secret is what may write.
            running.had_secret.fetch_or(request.is_write(), Ordering::SeqCst);
            wire::ask(&mut running.to, request).map_err(|_| Why::Ended)?;
            running.receive(limit)
        })
    }

    /// Whether it still answers.
    pub fn is_running(&self) -> bool {
        matches!(*self.running.lock().unwrap_or_else(PoisonError::into_inner), State::Running(_))
    }

    /// Whether it was left behind in the middle of a write.
    pub fn may_still_write(&self) -> bool {
        matches!(&*self.running.lock().unwrap_or_else(PoisonError::into_inner), State::Lost(lost) if lost.writes)
    }

    /// Does `work` with a worker that runs; where it is lost by that, says so from now on.
    fn with<T>(&self, request: &Request<'_>, work: impl FnOnce(&mut Running) -> Result<T, Why>) -> Result<T> {
        let mut state = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match &mut *state {
            State::Running(running) => running,
            State::Lost(lost) => return Err(lost.clone().into()),
        };
        let why = match work(running) {
            Ok(done) => return Ok(done),
            Err(why) => why,
        };
        let lost = self.lost(request, running, why);
        *state = State::Lost(lost.clone());
        Err(lost.into())
    }

    /// What became of the worker in this call; a read that hangs is cut off, a write never is.
    fn lost(&self, request: &Request<'_>, running: &mut Running, why: Why) -> Lost {
        let (module, call, during) = (&self.module, request.name(), during(request));
        let ended = match why {
            // What it started may hold its pipe, so that its end was not seen.
            Why::Silent => running.child.end_within(Duration::ZERO),
            Why::Ended => running.end(),
        };
        let what = match (ended, why) {
            (Some(status), _) => format!("{module}: the module {} {during}", said(status)),
            (None, Why::Silent) => {
                format!("{module}: {call} has not come back within {} s (--module-timeout)", self.limit.as_secs())
            }
            (None, Why::Ended) => format!("{module}: the module has cut its worker off {during}"),
        };
        match (request.is_write(), ended) {
            (true, Some(_)) => Lost { what, cure: after_write(request), writes: false },
            (true, None) => Lost {
                what: format!(
                    "{what}; its worker, process {}, is left to end it, and holds the lock of the token until then",
                    running.child.id()
                ),
                cure: "leave the token where it is until that process has ended, then see by `pukka pin verify` which value it has",
                writes: true,
            },
            (false, Some(status)) => Lost { what, cure: after_read(status), writes: false },
            (false, None) => {
                running.kill();
                Lost {
                    what: format!("{what} and was cut off; it writes nothing"),
                    cure: "give it longer with --module-timeout SECONDS, or leave this module out",
                    writes: false,
                }
            }
        }
    }
}

impl Drop for Client {
    /// Lets the worker end, and takes note of it; one that does not want to is cut off, since nothing is written any more.
    fn drop(&mut self) {
        let State::Running(Running { mut child, to, from, printed, .. }) = std::mem::replace(
            self.running.get_mut().unwrap_or_else(PoisonError::into_inner),
            State::Lost(Lost { what: String::new(), cure: "", writes: false }),
        ) else {
            return;
        };
        drop(to);
        if !is_ready(&from, Some(self.limit)) {
            child.signal(Signal::SIGKILL);
        }
        child.end_within(LAST_WORDS);
        hear_out(printed);
    }
}

/// Why there is no answer.
#[derive(Clone, Copy)]
enum Why {
    Silent,
    Ended,
}

impl Running {
    /// Waits for an answer; where `limit` is none, as long as it takes.
    fn receive<T: DeserializeOwned>(&mut self, limit: Option<Duration>) -> Result<T, Why> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut incoming = Incoming::default();
        while incoming.missing().map_err(|_| Why::Ended)? > 0 {
            if !is_ready(&self.from, deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))) {
                return Err(Why::Silent);
            }
            if !incoming.take(&mut self.from).map_err(|_| Why::Ended)? {
                return Err(Why::Ended);
            }
        }
        incoming.open().map_err(|_| Why::Ended)
    }

    /// Cuts it off.
    fn kill(&mut self) {
        self.child.signal(Signal::SIGKILL);
        self.end();
    }

    /// How it ended by itself; none where it has not.
    fn end(&mut self) -> Option<ExitStatus> {
        // Which takes a moment after its pipe has ended.
        let status = self.child.end_within(LAST_WORDS);
        hear_out(self.printed.take());
        status
    }
}

/// When a worker was lost, for a sentence.
fn during(request: &Request<'_>) -> String {
    match request {
        Request::Load { .. } => "while it was loaded".into(),
        Request::Lock { .. } => "while its token was being locked".into(),
        Request::Unlock => "while its token was being let go of".into(),
        call => format!("in {}", call.name()),
    }
}

/// What to do where the worker ended in a call that may have written.
fn after_write(request: &Request<'_>) -> &'static str {
    match request {
        // Only a token that begins has it last: for one with a PIN before, a command is offered that names it.
        Request::InitToken { .. } | Request::InitPin { .. } => {
            "look with `pukka list`: a token that is half made is finished by `pukka pin set --token TOKEN`, or begun anew by `pukka token init --token TOKEN`"
        }
        _ => "see by `pukka pin verify` which value the token has, before anything else is tried",
    }
}

/// What to do where it ended in a call that writes nothing. No module kills itself: that is the system's or a person's doing.
fn after_read(status: ExitStatus) -> &'static str {
    match is_killed(status) {
        true => "nothing was changed by that; try again, and see whether memory ran out (the system's log tells)",
        false => "nothing was changed by that; leave this module out, or ask whoever made it",
    }
}

fn is_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGKILL as i32)
}

/// How a process ended, as the second half of a sentence.
fn said(status: ExitStatus) -> String {
    if is_killed(status) {
        return "had its process killed from outside (SIGKILL), by the system or by somebody,".into();
    }
    let signal = status.signal().map(|number| {
        Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
    });
    match (signal, status.code()) {
        (Some(signal), _) => format!("crashed ({signal})"),
        (None, Some(code)) => format!("ended its process with code {code}"),
        (None, None) => "ended its process".into(),
    }
}

/// Waits till there is something to read, or the other side has ended; with `limit`, at most that long.
fn is_ready(from: &File, limit: Option<Duration>) -> bool {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // Rounded up, so that a limit below a millisecond is not taken for one that is over.
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left.saturating_add(Duration::from_micros(999))).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut [PollFd::new(from.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return false,
            Ok(0) | Err(Errno::EINTR | Errno::EAGAIN) => {}
            Ok(_) | Err(_) => return true,
        }
    }
}

/// Passes on what a module prints, a line each, where somebody asked for a trace; what it prints once it has a secret could hold that.
fn pass_on(printed: File, trace: Trace, had_secret: Arc<AtomicBool>) -> mpsc::Receiver<()> {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(printed).split(b'\n').map_while(Result::ok) {
            match had_secret.load(Ordering::SeqCst) {
                false => trace.line(format_args!("module: {}", String::from_utf8_lossy(&line).escape_debug())),
                true => trace.line(format_args!("module: (withheld, since it has been given a secret)")),
            }
        }
        drop(done);
    });
    is_done
}

/// Waits a moment for the rest of it; a program that the module left behind may keep it open.
fn hear_out(printed: Option<mpsc::Receiver<()>>) {
    let _ = printed.map(|printed| printed.recv_timeout(LAST_WORDS));
}

/// Starts this program once more, as a worker.
fn spawn(module: &Path, withheld: &[OsString], trace: &Trace) -> Result<Running> {
    let program = Some(PathBuf::from(MYSELF)).filter(|path| path.exists());
    let program = Program {
        path: &program.map_or_else(std::env::current_exe, Ok).map_err(no_worker)?,
        arguments: &["pukka".as_ref(), WORKER.as_ref(), module.as_os_str()],
        withheld,
        reach: Reach::Apart,
        errors: if trace.is_on() { Errors::Piped } else { Errors::Dropped },
    };
    let (child, Pipes { to, from, errors }) = program.start().map_err(no_worker)?;
    let had_secret = Arc::new(AtomicBool::new(false));
    let printed = errors.map(|printed| pass_on(printed, trace.clone(), Arc::clone(&had_secret)));
    Ok(Running { child, to, from, printed, had_secret })
}

fn no_worker(error: impl Into<std::io::Error>) -> Error {
    Error::Device {
        what: "no process can be started to load the module in".into(),
        cure: Some("see how many processes may run here (`ulimit -u`), and how much memory is left".into()),
        detail: Some(error.into().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_was_killed_is_told_from_a_module_that_crashed() {
        let [killed, crashed] = [Signal::SIGKILL, Signal::SIGSEGV].map(|signal| ExitStatus::from_raw(signal as i32));
        assert!(said(killed).contains("killed from outside") && !said(killed).contains("crashed"));
        assert!(after_read(killed).contains("try again") && after_read(killed).contains("memory"));
        assert!(!after_read(killed).contains("leave this module out"));
        assert_eq!(said(crashed), "crashed (SIGSEGV)");
        assert!(after_read(crashed).contains("leave this module out"));
    }

    #[test]
    fn what_is_no_call_of_the_module_is_said_in_words() {
        assert_eq!(during(&Request::Load { path: b"" }), "while it was loaded");
        let lock = Request::Lock { directory: b"", name: "", alone: true, wait: 0 };
        assert_eq!(during(&lock), "while its token was being locked");
        assert_eq!(during(&Request::Info), "in C_GetInfo");
    }
}
