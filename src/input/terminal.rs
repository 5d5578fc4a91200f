//! The controlling terminal: questions on it, answers from it, never standard input.
//!
//! The crate `rpassword` (7.5.4) is not used: it takes what was typed so far for the answer when the terminal closes, and
//! drops control characters and escape sequences in silence, so that a value nobody meant would be sent and cost a try;
//! it also leaves copies in memory as its buffer grows.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use nix::sys::termios::{
    FlushArg, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcflush, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    secret::{Pages, Pin},
};

/// Asks a person.
pub trait Prompter {
    /// Asks for a secret; what is typed is not shown.
    ///
    /// # Errors
    /// [`Error::Interrupted`] where the terminal closes or its input ends.
    fn secret(&mut self, question: &str) -> Result<Pin>;

    /// Asks for a secret that is new; the word behind it says whether it was entered twice already.
    ///
    /// # Errors
    /// As [`Prompter::secret`].
    fn new_secret(&mut self, question: &str) -> Result<(Pin, bool)> {
        self.secret(question).map(|value| (value, false))
    }

    /// Asks for a word; what is typed is shown.
    ///
    /// # Errors
    /// As [`Prompter::secret`].
    fn word(&mut self, question: &str) -> Result<String>;

    /// Says something without asking.
    fn tell(&mut self, sentence: &str);

    /// Says something of an answer that was taken; no later question is about it.
    fn note(&mut self, sentence: &str) {
        self.tell(sentence);
    }

    /// Whether it can ask at all, as far as that is known before it does.
    ///
    /// # Errors
    /// [`Error::Device`], with the cure.
    fn can_ask(&self) -> Result<()> {
        Ok(())
    }
}

/// The terminal's state before a question and at it, while one is open.
type Saved = Arc<Mutex<Option<(Termios, Termios)>>>;

/// The controlling terminal.
pub struct Terminal {
    device: File,
    saved: Saved,
}

/// Puts the terminal back as it was, from whichever thread ends the process.
#[derive(Clone)]
pub struct Restorer(Saved);

impl Terminal {
    /// Opens the controlling terminal; none where the process has no such thing, as under cron or in a service.
    pub fn open() -> Option<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        Some(Self { device, saved: Saved::default() })
    }

    /// A way to restore the terminal when a question is cut off by a signal.
    pub fn restorer(&self) -> Restorer {
        Restorer(Arc::clone(&self.saved))
    }

    /// Reads one line, as the terminal's own line editing gives it.
    fn line(&mut self) -> Result<Pages> {
        // The vector never grows, so no copy is left behind when it is wiped.
        let mut line = Pages::with_capacity(Pin::MOST + 2);
        let mut byte = Zeroizing::new([0_u8]);
        loop {
            match self.device.read(byte.as_mut_slice()) {
                // Not the answer so far: whoever closes a terminal has not pressed Enter.
                Ok(0) | Err(_) => return Err(Error::Interrupted),
                Ok(_) if byte[0] == b'\n' => return Ok(line),
                Ok(_) if line.len() <= Pin::MOST => line.push(byte[0]),
                Ok(_) => {}
            }
        }
    }

    /// Turns the echo off for as long as the guard lives. What was typed before the question is thrown away.
    fn hide(&mut self) -> io::Result<Hidden> {
        let before = tcgetattr(&self.device)?;
        let mut hidden = before.clone();
        hidden.local_flags &= !(LocalFlags::ECHO | LocalFlags::ECHONL);
        hidden.local_flags |= LocalFlags::ICANON | LocalFlags::ISIG;
        // A stopped job would leave the shell without an echo.
        if let Some(suspend) = hidden.control_chars.get_mut(SpecialCharacterIndices::VSUSP as usize) {
            *suspend = 0;
        }
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some((before, hidden.clone()));
        tcsetattr(&self.device, SetArg::TCSAFLUSH, &hidden)?;
        Ok(Hidden { restorer: self.restorer() })
    }
}

struct Hidden {
    restorer: Restorer,
}

impl Drop for Hidden {
    fn drop(&mut self) {
        self.restorer.put_back(SetArg::TCSANOW);
    }
}

impl Restorer {
    /// Restores the terminal where a question had changed it. What was typed so far is thrown away, or the shell would take the
    /// beginning of a secret for that of a command and show it.
    pub fn restore(&self) {
        self.put_back(SetArg::TCSAFLUSH);
    }

    /// Leaves the terminal to the shell as it was, while the process is stopped at a question.
    pub fn pause(&self) {
        self.set(|(before, _)| before);
    }

    /// Hides again what is typed, where the process had been stopped at a question.
    pub fn resume(&self) {
        self.set(|(_, hidden)| hidden);
    }

    fn set(&self, which: impl Fn(&(Termios, Termios)) -> &Termios) {
        if let Some(states) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            if let Ok(device) = OpenOptions::new().read(true).write(true).open("/dev/tty") {
                let _ = tcsetattr(&device, SetArg::TCSAFLUSH, which(states));
            }
        }
    }

    fn put_back(&self, how: SetArg) {
        if let Some((before, _)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            if let Ok(mut device) = OpenOptions::new().read(true).write(true).open("/dev/tty") {
                // A terminal that is gone needs no restoring.
                let _ = tcsetattr(&device, how, &before);
                let _ = device.write_all(b"\n");
            }
        }
    }
}

impl Prompter for Terminal {
    fn secret(&mut self, question: &str) -> Result<Pin> {
        let hidden = self.hide().map_err(|_| Error::Interrupted)?;
        self.device.write_all(question.as_bytes()).map_err(|_| Error::Interrupted)?;
        let line = self.line()?;
        drop(hidden);
        Ok(Pin::take(line))
    }

    fn word(&mut self, question: &str) -> Result<String> {
        // What was typed before the question is no answer to it.
        tcflush(&self.device, FlushArg::TCIFLUSH).map_err(|_| Error::Interrupted)?;
        // Nothing is changed here, but where the answer is cut off, even before it begins, what follows stands on a line of its own.
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) =
            tcgetattr(&self.device).ok().map(|before| (before.clone(), before));
        let cut_off = Hidden { restorer: self.restorer() };
        self.device.write_all(question.as_bytes()).map_err(|_| Error::Interrupted)?;
        let line = self.line()?;
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(cut_off);
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    fn tell(&mut self, sentence: &str) {
        // Who cannot be told is not asked either: the question behind this fails in its own words.
        let _ = writeln!(self.device, "{sentence}");
    }
}
