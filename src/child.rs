//! A program that this process starts: it gets pipes, and of what is here no more than it must.
//!
//! Not `std::process::Command`: that leaves whatever a script left open here open there, and where a variable is taken out, it keeps
//! a copy of the whole environment that nobody wipes.

use std::{
    env,
    ffi::{CStr, CString, OsStr, OsString},
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            ffi::{OsStrExt, OsStringExt},
            process::ExitStatusExt,
        },
    },
    path::Path,
    process::ExitStatus,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    libc,
    spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn},
    sys::{
        signal::{self, SigSet, Signal},
        stat::Mode,
    },
    unistd::{Pid, pipe2},
};
use rustix::process::{WaitOptions, waitpid};
use zeroize::Zeroizing;

/// The time between the first two looks whether a child has ended: as a rule it has within as much. Each further pause is twice as
/// long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// A program, and what it gets.
pub struct Program<'a> {
    /// Where it stands.
    pub path: &'a Path,
    /// What it is called with; the first is its name.
    pub arguments: &'a [&'a OsStr],
    /// The environment variables that hold secrets, which it does not get.
    pub withheld: &'a [OsString],
    /// What reaches it of what ends this process.
    pub reach: Reach,
    /// Where its standard error goes.
    pub errors: Errors,
}

/// What reaches a child of the signals that a terminal or a person sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of them, whatever this process holds off.
    Signals,
    /// Neither the terminal's, since it has a session of its own, nor those that ask a process to end.
    Apart,
}

/// Where the standard error of a child goes. It is never this process's own: whoever reads that to its end would wait for a child
/// that is left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// To nobody.
    Dropped,
    /// Into a pipe.
    Piped,
}

/// This process's ends of a child's pipes.
#[derive(Debug)]
pub struct Pipes {
    /// Its standard input.
    pub to: File,
    /// Its standard output.
    pub from: File,
    /// Its standard error, where that is [`Errors::Piped`].
    pub errors: Option<File>,
}

impl Program<'_> {
    /// Starts it with its pipes, and nothing else that is open here.
    ///
    /// # Errors
    /// The system's own, where it starts no process, or does not tell what is open.
    pub fn start(&self) -> Result<(Child, Pipes), Errno> {
        let (its_input, to) = pipe2(OFlag::O_CLOEXEC)?;
        let (from, its_output) = pipe2(OFlag::O_CLOEXEC)?;
        let (errors, its_errors) = match self.errors {
            Errors::Dropped => (None, None),
            Errors::Piped => pipe2(OFlag::O_CLOEXEC).map(|(errors, its_errors)| (Some(errors), Some(its_errors)))?,
        };
        let actions = actions(&its_input, &its_output, its_errors.as_ref())?;
        let arguments = self.arguments.iter().map(|argument| text(argument)).collect::<Result<Vec<_>, _>>()?;
        let path = text(self.path.as_os_str())?;
        let environment = environment(self.withheld);
        let environment: Vec<&CStr> =
            environment.iter().filter_map(|pair| CStr::from_bytes_with_nul(pair).ok()).collect();
        let process = posix_spawn(path.as_c_str(), &actions, &self.attributes()?, &arguments, &environment)?;
        let pipes = Pipes { to: to.into(), from: from.into(), errors: errors.map(File::from) };
        Ok((Child { process, status: None }, pipes))
    }

    /// Signals are blocked here and wait for a thread of this process: that is not inherited.
    fn attributes(&self) -> Result<PosixSpawnAttr, Errno> {
        let mut flags = PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF;
        let mut blocked = SigSet::empty();
        if self.reach == Reach::Apart {
            flags |= PosixSpawnFlags::from_bits_retain(libc::POSIX_SPAWN_SETSID.into());
            blocked.extend([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]);
        }
        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_flags(flags)?;
        attributes.set_sigmask(&blocked)?;
        // Ignored by whatever Rust begins.
        attributes.set_sigdefault(&SigSet::from_iter([Signal::SIGPIPE]))?;
        Ok(attributes)
    }
}

/// What happens to descriptors in the child before the program begins: its streams are made, and all else is closed.
fn actions(input: &OwnedFd, output: &OwnedFd, errors: Option<&OwnedFd>) -> Result<PosixSpawnFileActions, Errno> {
    let mut actions = PosixSpawnFileActions::init()?;
    actions.add_dup2(input.as_raw_fd(), 0)?;
    actions.add_dup2(output.as_raw_fd(), 1)?;
    match errors {
        Some(errors) => actions.add_dup2(errors.as_raw_fd(), 2)?,
        None => actions.add_open(2, "/dev/null", OFlag::O_WRONLY, Mode::empty())?,
    }
    let open = open_descriptors().map_err(|error| error.raw_os_error().map_or(Errno::EBADF, Errno::from_raw))?;
    // One of them was the listing's own; what is closed already may be closed again.
    open.into_iter().try_for_each(|number| actions.add_close(number))?;
    Ok(actions)
}

/// The descriptors of this process that are open behind its three streams.
///
/// # Errors
/// The system's own, where it does not tell.
pub fn open_descriptors() -> io::Result<Vec<i32>> {
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let listed = fs::read_dir("/proc/self/fd")?.flatten().filter_map(number);
    Ok(listed.filter(|number| *number > 2).collect())
}

/// The environment without what is withheld, each variable with the NUL at its end. To read one is to copy it, so each copy is
/// wiped, be it handed on or not.
fn environment(withheld: &[OsString]) -> Vec<Zeroizing<Vec<u8>>> {
    let pair = |(name, value): (OsString, OsString)| {
        let value = Zeroizing::new(value.into_vec());
        (!withheld.contains(&name)).then(|| Zeroizing::new([name.as_bytes(), b"=", &value, b"\0"].concat()))
    };
    env::vars_os().filter_map(pair).collect()
}

fn text(text: &OsStr) -> Result<CString, Errno> {
    CString::new(text.as_bytes()).map_err(|_| Errno::EINVAL)
}

/// A process that was started here. It is not ended when this is dropped.
#[derive(Debug)]
pub struct Child {
    process: Pid,
    status: Option<ExitStatus>,
}

impl Child {
    /// Its number.
    pub fn id(&self) -> i32 {
        self.process.as_raw()
    }

    /// Sends it a signal, unless it is known to have ended: its number could be another's by then.
    pub fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            // It may have ended meanwhile.
            let _ = signal::kill(self.process, signal);
        }
    }

    /// How it ended, for which it is waited as long as `patience`; none where it has not.
    pub fn end_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        while self.status.is_none() {
            // By number: a signal may have ended it that has no name.
            let ended = waitpid(rustix::process::Pid::from_raw(self.id()), WaitOptions::NOHANG).ok()?;
            self.status = ended.map(|(_, status)| ExitStatus::from_raw(status.as_raw()));
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if self.status.is_none() {
                thread::sleep(pause.min(left));
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
        self.status
    }
}
