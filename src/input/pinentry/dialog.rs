//! The process of a pinentry: started with what it may know, ended by whichever thread ends the call.

use std::{
    env,
    ffi::OsString,
    fs::{File, OpenOptions},
    io::IsTerminal,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    fcntl::OFlag,
    sys::{
        signal::Signal,
        termios::{SetArg, Termios, tcgetattr, tcsetattr},
    },
};

use super::assuan::{Assuan, Reply, Trouble};
use crate::child::{Child, Errors, Pipes, Program, Reach};

/// How long a pinentry may take to end once it has been told to, by a word and then by a signal.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A dialogue that may be open.
#[derive(Clone, Default)]
pub struct Dialog(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    child: Option<Child>,
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
            let program = Program {
                path: program,
                arguments: &[program.as_os_str()],
                withheld,
                reach: Reach::Signals,
                errors: Errors::Dropped,
            };
            let (child, Pipes { to, from, .. }) = program.start().map_err(Trouble::NotStarted)?;
            state.child = Some(child);
            state.terminal = place.state();
            Assuan::new(to, from)
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
        if let Some(mut child) = self.child.take() {
            let mut ended = child.end_within(patience);
            for signal in [Signal::SIGTERM, Signal::SIGKILL] {
                if ended.is_none() {
                    child.signal(signal);
                    ended = child.end_within(LAST_WORDS);
                }
            }
            // One that the system cannot end holds nothing of ours any more.
        }
        if let Some((terminal, before)) = self.terminal.take() {
            // What was typed and not taken is nobody else's; a terminal that is gone needs no restoring.
            let _ = tcsetattr(&terminal, SetArg::TCSAFLUSH, &before);
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
