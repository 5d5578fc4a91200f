//! The text of a file that somebody named: never more of it than is meant, and never a wait for a writer.

use std::{
    fs::{Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use nix::fcntl::OFlag;

/// What stands at `path`, of at most so many bytes, and of what kind it is, which is asked of what was opened.
///
/// # Errors
/// As the system says; [`io::ErrorKind::InvalidInput`] where it is a pipe, a socket or a directory, is longer, or no UTF-8.
pub fn read(path: &Path, most: u64) -> io::Result<(String, Metadata)> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    // To open a pipe could mean to wait for ever, and what is looked at before it is opened can be another by then.
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if !kind.is_file() && !kind.is_char_device() {
        return Err(wrong("it is no file".into()));
    }
    let mut text = Vec::new();
    file.take(most + 1).read_to_end(&mut text)?;
    if text.len() as u64 > most {
        return Err(wrong(format!("it is longer than {most} bytes")));
    }
    let text = String::from_utf8(text).map_err(|_| wrong("it is not UTF-8".into()))?;
    Ok((text, metadata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_pipe_is_not_waited_for_and_what_has_no_end_is_not_read_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let why = |path: &Path| read(path, 16).unwrap_err().to_string();
        assert_eq!(why(&pipe), "it is no file");
        assert_eq!(why(directory.path()), "it is no file");
        assert_eq!(why(Path::new("/dev/zero")), "it is longer than 16 bytes");
        let file = directory.path().join("file");
        assert_eq!(read(&file, 16).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&file, "0123456789abcdef").unwrap();
        assert_eq!(read(&file, 16).unwrap().0, "0123456789abcdef");
        assert_eq!(read(Path::new("/dev/null"), 16).unwrap().0, "");
        fs::write(&file, "0123456789abcdefg").unwrap();
        assert_eq!(why(&file), "it is longer than 16 bytes");
        fs::write(&file, b"\xFF").unwrap();
        assert_eq!(why(&file), "it is not UTF-8");
    }
}
