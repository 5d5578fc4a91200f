//! The desktop's pinentry: a program that asks a person in a window or on a terminal, and hands over what was typed (Assuan).
//!
//! The crate `pinentry` (0.8.0) is not used: what it reads passes through a `BufReader`, which is freed with the secret in it; the
//! program gets the whole environment, with the variables that hold other secrets, and every descriptor that a script left
//! open; its lines and answers have no bound; a question of more than a thousand bytes or a number out of range is a panic; a
//! secret that is not UTF-8 is lost; and nothing ends the program where a signal ends the call.

mod assuan;
mod dialog;

use std::{
    ffi::OsString,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, access};

pub use dialog::Dialog;

use super::Prompter;
use crate::{
    error::{Error, Result},
    secret::Pin,
};
use assuan::{Reply, Trouble};

/// The program that stands on every desktop; a system's alternatives decide which it is.
const PROGRAM: &str = "pinentry";
/// What names another one, before the configuration does.
const VARIABLE: &str = "PINENTRY";
/// What stands before the field.
const FIELD: &str = "Value:";
/// What stands before the second one.
const AGAIN: &str = "The same again:";

/// Asks a person through a program of their desktop, started anew for each question.
pub struct Pinentry {
    program: PathBuf,
    /// What named it, for the cure.
    named_by: &'static str,
    /// The environment variables that hold secrets.
    withheld: Vec<OsString>,
    dialog: Dialog,
    /// What is said with the next question.
    said: Option<String>,
}

impl Pinentry {
    /// The program that `PINENTRY` names, else that of the configuration, else `pinentry`; a bare name is looked for on `PATH`. It
    /// does not get the environment variables of `withheld`, and `dialog` can end it.
    pub fn new(configured: Option<&Path>, withheld: Vec<OsString>, dialog: Dialog) -> Self {
        let of_environment = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        let (program, named_by) = match (of_environment, configured) {
            (Some(program), _) => (program, "the environment variable PINENTRY"),
            (None, Some(program)) => (program.to_owned(), "`pinentry` in the configuration"),
            (None, None) => (PROGRAM.into(), ""),
        };
        Self { program, named_by, withheld, dialog, said: None }
    }

    /// Where the program stands.
    fn path(&self) -> Result<PathBuf> {
        let may_run = |path: &Path| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
        let mut candidates = match self.program.as_os_str().as_bytes().contains(&b'/') {
            true => vec![self.program.clone()],
            false => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                std::env::split_paths(&path)
                    .filter(|folder| folder.is_absolute())
                    .map(|folder| folder.join(&self.program))
                    .collect()
            }
        };
        if let Some(found) = candidates.iter().position(|path| may_run(path)) {
            return Ok(candidates.swap_remove(found));
        }
        let is_there = candidates.iter().any(|path| path.exists());
        let why = if is_there { "is no program that may be run" } else { "is not installed here" };
        let cure = match self.named_by {
            "" => "install one (on Debian pinentry-gtk2, pinentry-qt or pinentry-curses), name yours by PINENTRY, or use prompt".into(),
            named_by => format!("{named_by} names it: correct that, or use prompt"),
        };
        Err(Error::Device { what: format!("the pinentry {} {why}", self.shown()), cure: Some(cure), detail: None })
    }

    fn shown(&self) -> String {
        self.program.display().to_string().escape_debug().to_string()
    }

    /// One question from the start of the program to its end; `again` has it ask for the same twice, where it can.
    fn ask(&mut self, question: &str, again: bool) -> Result<(Pin, bool)> {
        let path = self.path()?;
        let refused = self.said.take();
        let answered = self.dialog.hold(&path, &self.withheld, |assuan, terminal| {
            assuan.greet()?;
            terminal.options().iter().try_for_each(|option| assuan.offer("OPTION", option))?;
            assuan.offer("SETTITLE", "pukka")?;
            assuan.set("SETDESC", question.trim_end_matches([':', ' ']))?;
            assuan.set("SETPROMPT", FIELD)?;
            if let Some(refused) = &refused {
                assuan.offer("SETERROR", refused)?;
            }
            if again {
                assuan.offer("SETREPEAT", AGAIN)?;
                assuan.offer("SETREPEATERROR", "the two entries differ")?;
            }
            assuan.get_pin()
        });
        answered.map(|Reply { value, repeated }| (value, repeated)).map_err(|trouble| self.failure(&trouble))
    }

    fn failure(&self, trouble: &Trouble) -> Error {
        let other = || "see that it works by itself, name another one by PINENTRY, or use prompt".to_owned();
        let screen = "see that it reaches your desktop or terminal (DISPLAY, WAYLAND_DISPLAY, GPG_TTY), or use prompt";
        let shown = self.shown();
        let (what, cure, detail) = match trouble {
            Trouble::Cancelled => return Error::Interrupted,
            Trouble::TimedOut => (
                format!("the pinentry {shown} waited as long as it does, and nothing was entered"),
                "run the same command again when somebody is there to enter it".into(),
                None,
            ),
            Trouble::Refused(code) => {
                (format!("the pinentry {shown} cannot ask anybody"), screen.into(), Some(format!("ERR {code}")))
            }
            Trouble::Ended => (format!("the pinentry {shown} ended before anything was entered"), screen.into(), None),
            Trouble::Silent => (format!("the pinentry {shown} does not answer"), other(), None),
            Trouble::Garbled => (format!("{shown} does not speak as a pinentry does"), other(), None),
            Trouble::NotStarted(why) => {
                (format!("the pinentry {shown} cannot be started"), other(), Some(why.desc().to_owned()))
            }
        };
        Error::Device { what: format!("{what}; nothing was sent"), cure: Some(cure), detail }
    }
}

impl Prompter for Pinentry {
    fn secret(&mut self, question: &str) -> Result<Pin> {
        self.ask(question, false).map(|(value, _)| value)
    }

    fn new_secret(&mut self, question: &str) -> Result<(Pin, bool)> {
        self.ask(question, true)
    }

    /// Nothing that is shown by a pinentry is a word; whatever destroys is confirmed on the terminal.
    fn word(&mut self, _question: &str) -> Result<String> {
        Err(Error::Internal("a pinentry is asked for no words".into()))
    }

    fn tell(&mut self, sentence: &str) {
        self.said = Some(sentence.to_owned());
    }

    /// On standard error: what a window says stands above its field, and is about that.
    fn note(&mut self, sentence: &str) {
        // Who has closed it reads nothing.
        let _ = writeln!(io::stderr(), "{sentence}");
    }

    fn can_ask(&self) -> Result<()> {
        self.path().map(drop)
    }
}
