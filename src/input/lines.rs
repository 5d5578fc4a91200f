//! Lines of secrets from a file, a descriptor or standard input, read without a buffer that keeps a copy.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Read, Seek, SeekFrom},
};

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    secret::{Pages, Pin},
    token::Need,
};

/// The most that one source may hold, in bytes.
const MOST: usize = 16 * 1024;

/// What holds any secret that a person keeps in a file, in bytes: a page.
const USUAL: usize = 4096;

/// Begins what a key sends that is no character.
const ESCAPE: u8 = 0x1B;

/// What was read from one source: lines in order, each to be taken once.
pub struct Lines {
    text: Pages,
    at: usize,
}

impl Lines {
    /// Reads a source to its end.
    ///
    /// # Errors
    /// [`Error::Usage`] where it cannot be read or is far too long; the sentence names the option, not what it names.
    pub fn read(mut from: impl Read, need: Need) -> Result<Self> {
        // Locked memory is scarce: what is read has one page, unless it is longer.
        let mut text = Pages::filled(USUAL, 0);
        let mut length = 0;
        while length <= MOST {
            if length == text.len() {
                text.resize(MOST + 1, 0);
            }
            match from.read(text.get_mut(length..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(need, &error)),
            }
        }
        if length > MOST {
            return Err(Error::Usage(format!("what --{} names holds far too much for a secret", need.option())));
        }
        text.truncate(length);
        let text = if text.capacity() > USUAL { Pages::from(&*text) } else { text };
        Ok(Self { text, at: 0 })
    }

    /// Reads one line and leaves what follows: whoever answers a question may keep the pipe open for the next.
    ///
    /// # Errors
    /// As [`Self::read`]; [`Error::Usage`] where there is no line.
    pub fn read_one(mut from: impl Read, need: Need) -> Result<Pin> {
        let mut text = Pages::with_capacity(Pin::MOST + 2);
        let mut byte = Zeroizing::new([0_u8]);
        while text.len() < text.capacity() && text.last() != Some(&b'\n') {
            match from.read(byte.as_mut_slice()) {
                Ok(0) => break,
                Ok(_) => text.extend_from_slice(byte.as_slice()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(need, &error)),
            }
        }
        let line = Self { text, at: 0 }.next_line();
        line.ok_or_else(|| no_line(need))
    }

    /// The next line without its end (LF or CRLF); none where there is no more.
    pub fn next_line(&mut self) -> Option<Pin> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = rest.get(..end.unwrap_or(rest.len()))?;
        self.at += line.len() + usize::from(end.is_some());
        // A CR ends a line only together with LF; alone it is a control character, and refused as one.
        let line = line.strip_suffix(b"\r").filter(|_| end.is_some()).unwrap_or(line);
        Some(Pin::take(line))
    }

    /// Whether every line was taken.
    pub fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }
}

/// Standard input without the buffer of `std`, which would keep a copy.
pub fn stdin() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// Descriptor `number`, from where whoever opened it has left it: what is opened anew here begins at its beginning. What cannot be
/// opened anew, as a socket, or a file that only whoever opened it may open, is read as it is.
pub fn descriptor(number: u32) -> io::Result<File> {
    let (mut file, is_anew) = match File::open(format!("/dev/fd/{number}")) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        Err(_) => (shared(number)?, false),
    };
    if file.is_terminal() {
        return Err(io::Error::other("it is a terminal, which would show what is typed"));
    }
    if !is_anew {
        return Ok(file);
    }
    let facts = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
    match facts.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse().ok()) {
        // A pipe has no such thing and says 0.
        None | Some(0) => {}
        Some(offset) => drop(file.seek(SeekFrom::Start(offset))?),
    }
    Ok(file)
}

/// Another descriptor of this process for what `number` is one of; a process may always ask that of itself, where its container
/// does not forbid the call.
fn shared(number: u32) -> io::Result<File> {
    let number = i32::try_from(number).map_err(io::Error::other)?;
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let file = pidfd_getfd(own, number, PidfdGetfdFlags::empty()).map(File::from);
    file.map_err(|_| {
        io::Error::other("the system lets nobody open it anew; pass it through a pipe, as `cat` makes one")
    })
}

/// The sentence for a source that ends before the line that is looked for.
pub fn no_line(need: Need) -> Error {
    Error::Usage(format!("what --{} names holds no line for it", need.option()))
}

/// The sentence for a source that cannot be read.
pub fn unreadable(need: Need, error: &io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        _ => error.raw_os_error().map_or_else(
            || error.to_string(),
            |code| format!("the system says {}", nix::errno::Errno::from_raw(code).desc()),
        ),
    };
    Error::Usage(format!("what --{} names cannot be read: {reason}", need.option()))
}

/// The refusal of a value that was typed: nobody named an option for it.
pub fn as_typed(error: Error, need: Need) -> Error {
    match error {
        Error::Policy(why) => {
            Error::Policy(why.replacen(&format!("what --{} gave", need.option()), "what was typed", 1))
        }
        other => other,
    }
}

/// Refuses a value that nobody meant: empty, with control characters, with white space around it. It is never trimmed.
///
/// # Errors
/// [`Error::Policy`], naming the option.
pub fn check(need: Need, value: &Pin) -> Result<()> {
    let bytes = value.bytes();
    let refuse = |why: &str| Err(Error::Policy(format!("what --{} gave {why}; nothing was sent", need.option())));
    if bytes.is_empty() {
        return refuse("is empty");
    }
    if bytes.len() > Pin::MOST {
        return refuse("is far too long for a secret");
    }
    // Some editors begin a file with it, and nobody sees it.
    if bytes.starts_with("\u{feff}".as_bytes()) {
        return refuse(
            "begins with a byte order mark, which an editor put there: save the file as plain UTF-8 without one",
        );
    }
    // What a person pastes where the terminal marks that is no different to them from what they meant.
    if bytes.contains(&ESCAPE) {
        return refuse("holds an escape sequence, as an arrow key sends it, or a terminal that marks what is pasted");
    }
    let controls = bytes.utf8_chunks().any(|chunk| chunk.valid().chars().any(char::is_control));
    if controls {
        return refuse("holds a control character, such as a tab or NUL");
    }
    let edges = bytes
        .utf8_chunks()
        .flat_map(|chunk| chunk.valid().chars().next())
        .next()
        .into_iter()
        .chain(bytes.utf8_chunks().filter_map(|chunk| chunk.valid().chars().next_back()).last());
    if edges.into_iter().any(char::is_whitespace) {
        return refuse("has white space at its beginning or end, which is refused and not trimmed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Role;

    const PIN: Need = Need::Current(Role::UserPin);

    fn lines(text: &str) -> Vec<String> {
        let mut lines = Lines::read(text.as_bytes(), PIN).unwrap();
        std::iter::from_fn(|| lines.next_line()).map(|pin| String::from_utf8(pin.bytes().to_vec()).unwrap()).collect()
    }

    #[test]
    fn what_was_typed_is_not_said_to_come_by_an_option() {
        let error = as_typed(check(PIN, &Pin::take(Zeroizing::new(b"1\t2".to_vec()))).unwrap_err(), PIN).to_string();
        assert!(error.starts_with("what was typed holds a control character"), "{error}");
    }

    #[test]
    fn a_byte_order_mark_is_refused_and_no_part_of_a_pin() {
        let value = |text: &str| Pin::take(Zeroizing::new(text.as_bytes().to_vec()));
        let error = check(PIN, &value("\u{feff}123456")).unwrap_err();
        assert!(error.exit_code() == 6 && error.to_string().contains("byte order mark"), "{error}");
        assert!(check(PIN, &value("123456")).is_ok());
    }

    #[test]
    fn lf_and_crlf_end_a_line_and_are_no_part_of_it() {
        assert_eq!(lines("123456\n"), ["123456"]);
        assert_eq!(lines("123456\r\n654321"), ["123456", "654321"]);
        assert_eq!(lines("a\n\nb"), ["a", "", "b"]);
        assert!(lines("").is_empty());
    }

    #[test]
    fn a_value_with_white_space_around_it_is_refused_and_not_trimmed() {
        for value in [" 123456", "123456 ", "\u{a0}123456", "123456\t", "12\u{0}456", "", "12\r34"] {
            let value = Pin::take(Zeroizing::new(value.as_bytes().to_vec()));
            assert_eq!(check(PIN, &value).unwrap_err().exit_code(), 6);
        }
    }

    #[test]
    fn inner_blanks_and_bytes_that_are_no_utf_8_pass() {
        for value in [&b"correct horse"[..], b"\xFF\xFE12", "schlüssel".as_bytes()] {
            assert_eq!(check(PIN, &Pin::take(Zeroizing::new(value.to_vec()))), Ok(()));
        }
    }

    #[test]
    fn what_is_read_holds_no_more_memory_than_it_takes() {
        for length in [0, 1, 7, USUAL - 1, USUAL, USUAL + 1, 2 * USUAL, MOST - 1, MOST] {
            let text = vec![b'1'; length];
            // From a pipe it comes in pieces.
            let mut pieces = text.as_slice().chain(io::empty()).take(u64::MAX);
            let mut lines = Lines::read(&mut pieces, PIN).unwrap();
            assert!(lines.text.capacity() <= USUAL.max(length), "{length}: {}", lines.text.capacity());
            assert_eq!(lines.next_line().map(|line| line.len()), Some(length).filter(|length| *length > 0));
            assert!(lines.is_done());
        }
        assert!(Lines::read(&vec![b'1'; MOST + 1][..], PIN).is_err());
    }

    #[test]
    fn a_source_that_never_ends_is_refused() {
        assert_eq!(Lines::read(io::repeat(b'1'), PIN).err().map(|error| error.exit_code()), Some(2));
    }
}
