//! The lines of Assuan that a pinentry takes and gives, with nothing kept of a secret but the secret.
//!
//! <https://www.gnupg.org/documentation/manuals/assuan/>, and `doc/pinentry.texi` of pinentry for the commands.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::secret::{Pages, Pin};

/// The longest line in bytes, its end included (ASSUAN_LINELENGTH).
const LINE: usize = 1000;
/// The most lines of one answer: far more than any pinentry says.
const LINES: usize = 256;
/// How long a pinentry may take for what asks nobody.
const PATIENCE: Duration = Duration::from_secs(10);
/// What may not stand in a line as it is; letters beyond ASCII are escaped by themselves.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b'\\');

/// The low 16 bits of an error are its code (libgpg-error), those above name who says so.
const CODE: u32 = 0xFFFF;
const GPG_ERR_TIMEOUT: u32 = 62;
const GPG_ERR_CANCELED: u32 = 99;
const GPG_ERR_NOT_CONFIRMED: u32 = 114;
const GPG_ERR_FULLY_CANCELED: u32 = 198;

/// What was entered.
#[derive(Debug)]
pub struct Reply {
    /// The value; empty where nothing was entered.
    pub value: Pin,
    /// Whether the pinentry had it entered twice.
    pub repeated: bool,
}

/// Why nothing was. It never holds what the pinentry said, which could be anything.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A person wanted it so, or closed the window.
    Cancelled,
    /// The pinentry has a time of its own.
    TimedOut,
    /// An error of the pinentry, by number.
    Refused(u32),
    /// It ended, or was ended.
    Ended,
    /// It does not answer.
    Silent,
    /// What it says is no Assuan, or has no end.
    Garbled,
    /// The system does not start it.
    NotStarted(Errno),
}

type Result<T> = std::result::Result<T, Trouble>;

/// The pipes to a pinentry.
pub struct Assuan {
    to: File,
    from: File,
}

impl Assuan {
    /// Over these pipes.
    pub fn new(to: File, from: File) -> Self {
        Self { to, from }
    }

    /// Takes the line with which a server begins.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn greet(&mut self) -> Result<()> {
        self.reply(Some(PATIENCE)).map(drop)
    }

    /// Says something that a pinentry has to know.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn set(&mut self, command: &str, text: &str) -> Result<()> {
        self.send(command, text)?;
        self.reply(Some(PATIENCE)).map(drop)
    }

    /// Says something that a pinentry may not know: then it goes on without.
    ///
    /// # Errors
    /// As [`Assuan::set`], but for a refusal.
    pub fn offer(&mut self, command: &str, text: &str) -> Result<()> {
        match self.set(command, text) {
            Err(Trouble::Refused(_)) => Ok(()),
            said => said,
        }
    }

    /// Asks the person, for as long as that takes.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn get_pin(&mut self) -> Result<Reply> {
        self.send("GETPIN", "")?;
        self.reply(None)
    }

    /// Says goodbye; whether anybody listens makes no difference.
    pub fn bye(&mut self) {
        let _ = self.to.write_all(b"BYE\n");
    }

    fn send(&mut self, command: &str, text: &str) -> Result<()> {
        let line = match text {
            "" => format!("{command}\n"),
            _ => format!("{command} {}\n", escaped(text, LINE - command.len() - 2)),
        };
        self.to.write_all(line.as_bytes()).map_err(|_| Trouble::Ended)
    }

    /// Reads to the OK or ERR that ends an answer.
    fn reply(&mut self, limit: Option<Duration>) -> Result<Reply> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        // Neither ever grows, so no copy is left behind when it is wiped.
        let mut line = Pages::with_capacity(LINE);
        let mut value = Pages::with_capacity(Pin::MOST + 1);
        let mut repeated = false;
        for _ in 0..LINES {
            self.read_line(&mut line, deadline)?;
            let (word, rest) = match line.iter().position(|byte| *byte == b' ') {
                Some(blank) => line.split_at_checked(blank).unwrap_or_default(),
                None => (&*line, &[][..]),
            };
            let rest = rest.get(1..).unwrap_or_default();
            match word {
                b"OK" => return Ok(Reply { value: Pin::take(value), repeated }),
                b"ERR" => return Err(refusal(rest)),
                b"D" => unescape(rest, &mut value)?,
                b"S" => repeated |= rest.starts_with(b"PIN_REPEATED"),
                [b'#', ..] => {}
                _ => return Err(Trouble::Garbled),
            }
        }
        Err(Trouble::Garbled)
    }

    fn read_line(&mut self, line: &mut Pages, deadline: Option<Instant>) -> Result<()> {
        let mut byte = Zeroizing::new([0_u8]);
        line.truncate(0);
        while line.len() < LINE {
            self.wait(deadline)?;
            match self.from.read(byte.as_mut_slice()) {
                Ok(0) => return Err(Trouble::Ended),
                Ok(_) if byte[0] == b'\n' => return Ok(()),
                Ok(_) => line.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Trouble::Ended),
            }
        }
        Err(Trouble::Garbled)
    }

    /// Waits till there is something to read.
    fn wait(&self, deadline: Option<Instant>) -> Result<()> {
        let Some(deadline) = deadline else { return Ok(()) };
        let left = deadline.saturating_duration_since(Instant::now());
        let mut asked = [PollFd::new(self.from.as_fd(), PollFlags::POLLIN)];
        match poll(&mut asked, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) => Err(Trouble::Silent),
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(_) => Err(Trouble::Ended),
        }
    }
}

/// The error that `ERR` names.
fn refusal(rest: &[u8]) -> Trouble {
    let digits = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let Some(error) = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u32>().ok()) else {
        return Trouble::Garbled;
    };
    match error & CODE {
        GPG_ERR_CANCELED | GPG_ERR_FULLY_CANCELED | GPG_ERR_NOT_CONFIRMED => Trouble::Cancelled,
        GPG_ERR_TIMEOUT => Trouble::TimedOut,
        _ => Trouble::Refused(error),
    }
}

/// Adds what a data line holds to `value`, which is never longer than makes it too long.
fn unescape(mut rest: &[u8], value: &mut Pages) -> Result<()> {
    while let Some((first, behind)) = rest.split_first() {
        let (byte, behind) = match (first, behind.split_at_checked(2)) {
            (b'%', Some((digits, behind))) => {
                let mut byte = Zeroizing::new([0_u8]);
                base16ct::mixed::decode(digits, byte.as_mut_slice()).map_err(|_| Trouble::Garbled)?;
                (byte[0], behind)
            }
            (b'%', None) => return Err(Trouble::Garbled),
            _ => (*first, behind),
        };
        if value.len() > Pin::MOST {
            return Err(Trouble::Garbled);
        }
        value.push(byte);
        rest = behind;
    }
    Ok(())
}

/// The text in at most so many bytes, safe in a line; of a longer one the middle is left out, since what is asked stands before
/// and the tries that are left behind.
fn escaped(text: &str, most: usize) -> String {
    let whole = utf8_percent_encode(text, ESCAPED).to_string();
    if whole.len() <= most {
        return whole;
    }
    let characters: Vec<char> = text.chars().collect();
    let cut = |keep: usize| -> String {
        let (head, tail) = (characters.iter().take(keep), characters.iter().skip(characters.len() - keep));
        head.chain(['…'].iter()).chain(tail).collect()
    };
    // Of a character at most twelve bytes.
    let keep = (0..=characters.len() / 2).rev().map(cut);
    keep.map(|text| utf8_percent_encode(&text, ESCAPED).to_string()).find(|line| line.len() <= most).unwrap_or_default()
}
