//! The process of a pinentry: started with what it may know, ended by whichever thread ends the call.

use std::{
    env,
    ffi::{CString, OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::IsTerminal,
    os::{
        fd::AsRawFd,
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn},
    sys::{
        signal::{SigSet, Signal, kill},
        stat::Mode,
        termios::{SetArg, Termios, tcgetattr, tcsetattr},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, pipe2},
};

use super::assuan::{Assuan, Reply, Trouble};

/// How long a pinentry may take to end once it has been told to, by a word and then by a signal.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The time between two looks whether it has.
const PAUSE: Duration = Duration::from_millis(5);

/// A dialogue that may be open.
#[derive(Clone, Default)]
pub struct Dialog(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    process: Option<Pid>,
    terminal: Option<(File, Termios)>,
    /// Whether the call ends, so that nothing is started any more.
    over: bool,
}

impl Dialog {
    /// Ends the pinentry where one is open, and puts the terminal back as it was before; from now on none is started. Called by
    /// whichever thread ends the process.
    pub fn end(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.over = true;
        state.close(Duration::ZERO);
    }

    /// Starts the program and speaks to it; afterwards it has ended, whatever it said.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn hold(
        &self,
        program: &Path,
        withheld: &[OsString],
        speak: impl FnOnce(&mut Assuan, &Place) -> Result<Reply, Trouble>,
    ) -> Result<Reply, Trouble> {
        let place = Place::find();
        let mut assuan = {
            let mut state = self.running();
            let (process, assuan) = start(program, withheld).map_err(Trouble::NotStarted)?;
            state.process = Some(process);
            state.terminal = place.state();
            assuan
        };
        let reply = speak(&mut assuan, &place);
        assuan.bye();
        drop(assuan);
        self.running().close(LAST_WORDS);
        reply
    }

    /// The state of a call that goes on. One that is being ended stays here till it has: what came of its dialogue is no matter.
    fn running(&self) -> std::sync::MutexGuard<'_, State> {
        loop {
            let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !state.over {
                return state;
            }
            drop(state);
            thread::park_timeout(LAST_WORDS);
        }
    }
}

impl State {
    /// Waits as long as `patience` for the end of the process, and then makes it end.
    fn close(&mut self, patience: Duration) {
        if let Some(process) = self.process.take() {
            let ended = has_ended(process, patience)
                || (kill(process, Signal::SIGTERM).is_ok() && has_ended(process, LAST_WORDS))
                || (kill(process, Signal::SIGKILL).is_ok() && has_ended(process, LAST_WORDS));
            // One that the system cannot end holds nothing of ours any more.
            let _ = ended;
        }
        if let Some((terminal, before)) = self.terminal.take() {
            // What was typed and not taken is nobody else's; a terminal that is gone needs no restoring.
            let _ = tcsetattr(&terminal, SetArg::TCSAFLUSH, &before);
        }
    }
}

fn has_ended(process: Pid, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        match waitpid(process, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) if Instant::now() < deadline => thread::sleep(PAUSE),
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => return false,
            _ => return true,
        }
    }
}

/// The terminal on which a pinentry without a window asks.
pub(super) struct Place(Option<(OsString, File)>);

impl Place {
    /// That of `GPG_TTY`, as GnuPG has it; else the controlling terminal, where there is one.
    fn find() -> Self {
        let named = env::var_os("GPG_TTY").filter(|name| Path::new(name).is_absolute());
        let open = |name: OsString| {
            let terminal =
                OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(&name).ok()?;
            terminal.is_terminal().then_some((name, terminal))
        };
        Self(named.and_then(open).or_else(|| open("/dev/tty".into())))
    }

    /// What a pinentry is told of it, and of the language that is spoken there.
    pub(super) fn options(&self) -> Vec<String> {
        let of_terminal = |(name, _): &(OsString, File)| {
            let kind = env::var("TERM").unwrap_or_else(|_| "dumb".into());
            [name.to_str().map(|name| format!("ttyname={name}")), Some(format!("ttytype={kind}"))]
        };
        let locale = |option: &str, variable: &str| {
            let set = |name: &&str| env::var(name).is_ok_and(|value| !value.is_empty());
            let name = ["LC_ALL", variable, "LANG"].into_iter().find(|name| set(name))?;
            Some(format!("{option}={}", env::var(name).ok()?))
        };
        let languages = [locale("lc-ctype", "LC_CTYPE"), locale("lc-messages", "LC_MESSAGES")];
        self.0.iter().flat_map(of_terminal).chain(languages).flatten().collect()
    }

    fn state(&self) -> Option<(File, Termios)> {
        let (_, terminal) = self.0.as_ref()?;
        Some((terminal.try_clone().ok()?, tcgetattr(terminal).ok()?))
    }
}

/// Starts the program with pipes for its input and output and nothing else that is open here: a script may have left a descriptor
/// with secrets. Signals are blocked in this process and wait for a thread of it; there they shall arrive.
fn start(program: &Path, withheld: &[OsString]) -> Result<(Pid, Assuan), Errno> {
    let (its_input, to) = pipe2(OFlag::O_CLOEXEC)?;
    let (from, its_output) = pipe2(OFlag::O_CLOEXEC)?;
    let mut actions = PosixSpawnFileActions::init()?;
    actions.add_dup2(its_input.as_raw_fd(), 0)?;
    actions.add_dup2(its_output.as_raw_fd(), 1)?;
    actions.add_open(2, "/dev/null", OFlag::O_WRONLY, Mode::empty())?;
    for number in open_descriptors() {
        actions.add_close(number)?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
    attributes.set_sigmask(&SigSet::empty())?;
    // Ignored by whatever Rust begins.
    attributes.set_sigdefault(&SigSet::from_iter([Signal::SIGPIPE]))?;
    let text = |bytes: &OsStr| CString::new(bytes.as_bytes()).map_err(|_| Errno::EINVAL);
    let kept = env::vars_os().filter(|(name, _)| !withheld.contains(name));
    let environment = kept.map(|(name, value)| {
        let mut pair = name;
        pair.push("=");
        pair.push(value);
        text(&pair)
    });
    let environment: Vec<CString> = environment.collect::<Result<_, _>>()?;
    let path = text(program.as_os_str())?;
    let process = posix_spawn(path.as_c_str(), &actions, &attributes, &[path.as_c_str()], &environment)?;
    Ok((process, Assuan::new(to.into(), from.into())))
}

/// The descriptors that are open here behind the three streams.
fn open_descriptors() -> Vec<i32> {
    let listed = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|number| *number > 2).collect()
}
