//! Who may be asked in a call: the person at the terminal, and the one before the desktop's pinentry.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{
    cli::Global,
    error::Error,
    input::{Collector, Destroy, Dialog, Pinentry, Prompter, Restorer, Source, Terminal},
    interrupt::Interrupts,
    render::{Failure, Render},
    token::Need,
};

/// How long an interrupted process tries to say so.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Who may be asked.
pub struct Asking {
    /// Whether anybody may be.
    is_allowed: bool,
    terminal: Option<Terminal>,
    /// The program that the configuration names.
    pinentry: Option<PathBuf>,
    dialog: Dialog,
}

impl Asking {
    /// As the call allows it.
    pub fn of(global: &Global) -> Self {
        let is_allowed = !global.no_input;
        let terminal = if is_allowed { Terminal::open() } else { None };
        Self { is_allowed, terminal, pinentry: None, dialog: Dialog::default() }
    }

    /// Watches for signals: whatever asks is ended by one, and the terminal is put back.
    pub fn watch(&self, command: &'static str, render: Render) -> Result<Interrupts, Failure> {
        let restorer = self.terminal.as_ref().map(Terminal::restorer);
        let (pausing, resuming) = (restorer.clone(), restorer.clone());
        let dialog = self.dialog.clone();
        let interrupted = move || {
            dialog.end();
            restorer.iter().for_each(Restorer::restore);
            // In a thread of its own: whoever does not read our output must not keep us from ending.
            let (say, said) = mpsc::channel();
            thread::spawn(move || {
                render.failure(Some(command), &Failure::bare(Error::Interrupted));
                let _ = say.send(());
            });
            let _ = said.recv_timeout(LAST_WORDS);
            // Not `std::process::exit`: it would run the exit handlers of a module beside a thread that is inside it.
            signal_hook::low_level::exit(Error::Interrupted.exit_code().into());
        };
        let stops = move || pausing.iter().for_each(Restorer::pause);
        let goes_on = move || resuming.iter().for_each(Restorer::resume);
        Interrupts::watch(interrupted, stops, goes_on)
            .map_err(|error| Error::device("the system refuses to let signals be held off", error.to_string()).into())
    }

    /// Where a source names a pinentry, it is this one, unless the environment names another.
    pub fn by_pinentry(&mut self, program: Option<&Path>) {
        self.pinentry = program.map(Path::to_owned);
    }

    /// The person at the terminal, where there is one.
    pub fn person(&mut self) -> Option<&mut dyn Prompter> {
        self.terminal.as_mut().map(|terminal| terminal as &mut dyn Prompter)
    }

    /// What collects secrets from `sources`, and from whoever may be asked.
    pub fn collector(self, sources: BTreeMap<Need, Source>, destroy: Destroy) -> Collector {
        let ask = self.terminal.map(|terminal| Box::new(terminal) as Box<dyn Prompter>);
        let withheld = super::withheld(&sources);
        let pinentry = Pinentry::new(self.pinentry.as_deref(), withheld, self.dialog);
        let pinentry = self.is_allowed.then(|| Box::new(pinentry) as Box<dyn Prompter>);
        Collector::new(sources, ask, destroy).with_pinentry(pinentry)
    }
}
