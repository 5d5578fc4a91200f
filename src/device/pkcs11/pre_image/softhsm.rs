//! Where SoftHSM2 keeps a token, and whether what stands there is one.
//!
//! A token is a directory named by a UUID, whose fourth and fifth group are the serial (seen with 2.6.1), with one file for the token
//! itself, `token.object`, that C_Login, C_SetPIN, C_InitPIN and C_InitToken write anew from an empty file, and one for each object,
//! which these leave alone or delete for good. With the backend `db` a journal of SQLite guards the token, and no copy is needed.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The administrator's configuration: Debian's place, and the one that SoftHSM2 has by itself.
const ADMINISTRATOR: [&str; 2] = ["/etc/softhsm/softhsm2.conf", "/etc/softhsm2.conf"];
/// Where tokens are kept unless the configuration says so.
const TOKENS: &str = "/var/lib/softhsm/tokens";
/// The file of the token itself.
const TOKEN: &str = "token.object";
/// The attributes that every token has: CKA_VENDOR_DEFINED, `SH`, and a number.
const SERIAL: u64 = 0x8000_534A;
const SO_PIN: u64 = 0x8000_534C;
const USER_PIN: u64 = 0x8000_534D;

/// The file of the token of `serial`; none where this process does not find it.
pub fn file(serial: &[u8]) -> Option<PathBuf> {
    let user = env::var_os("HOME").map(|home| Path::new(&home).join(".config/softhsm2/softhsm2.conf"));
    let by_default = || user.into_iter().chain(ADMINISTRATOR.map(PathBuf::from)).find(|path| path.is_file());
    let configuration = env::var_os("SOFTHSM2_CONF").map(PathBuf::from).or_else(by_default)?;
    let tokens = tokens(&fs::read_to_string(configuration).ok()?)?;
    token_directory(&fs::canonicalize(tokens).ok()?, serial).map(|directory| directory.join(TOKEN))
}

/// The directory of all tokens, as a configuration says; none where they are not in files.
fn tokens(configuration: &str) -> Option<PathBuf> {
    // As SoftHSM2 reads it: `#` opens a comment anywhere, a second `=` ends the value, and the last line counts.
    let value = |name: &str| {
        configuration.lines().rev().find_map(|line| {
            let mut parts = line.split('#').next()?.split('=').map(str::trim);
            (parts.next()? == name).then(|| parts.next()).flatten().filter(|value| !value.is_empty())
        })
    };
    let in_files = value("objectstore.backend").is_none_or(|backend| backend == "file");
    in_files.then(|| value("directories.tokendir").unwrap_or(TOKENS).into())
}

/// The one directory below `tokens` whose name ends like the serial.
fn token_directory(tokens: &Path, serial: &[u8]) -> Option<PathBuf> {
    let serial = std::str::from_utf8(serial).ok().filter(|serial| serial.len() == 16 && serial.is_ascii())?;
    let (fourth, fifth) = serial.split_at_checked(4)?;
    let end = format!("-{fourth}-{fifth}");
    let mut named = fs::read_dir(tokens).ok()?.flatten().filter(|entry| {
        entry.file_name().to_string_lossy().ends_with(&end) && entry.file_type().is_ok_and(|kind| kind.is_dir())
    });
    let only = named.next()?;
    named.next().is_none().then(|| only.path())
}

/// Whether `file` is the whole of a token with that serial: a number of the generation, then attributes to its end, among them
/// the serial and an SO PIN. (What a crash leaves is empty, cut off, or filled with NULs.)
pub fn is_intact(file: &[u8], serial: &[u8]) -> bool {
    let mut rest = file;
    let Some(_generation) = number(&mut rest) else { return false };
    let (mut is_ours, mut has_so_pin) = (false, false);
    while !rest.is_empty() {
        let Some((name, value)) = attribute(&mut rest) else { return false };
        is_ours |= name == SERIAL && value.trim_ascii_end() == serial;
        has_so_pin |= name == SO_PIN && !value.is_empty();
    }
    is_ours && has_so_pin
}

/// Whether two files of one token hold the same PINs: generation and flags change with a mere C_Login.
pub fn has_same_pins(one: &[u8], other: &[u8]) -> bool {
    let pins = |mut rest: &[u8]| {
        let _generation = number(&mut rest);
        let all = std::iter::from_fn(|| attribute(&mut rest));
        all.filter(|(name, _)| [SO_PIN, USER_PIN].contains(name)).map(|(_, value)| value.to_vec()).collect::<Vec<_>>()
    };
    pins(one) == pins(other)
}

/// The next attribute: its name, its type, and a value of that type.
fn attribute<'a>(rest: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let name = number(rest)?;
    let length = match number(rest)? {
        1 => 1,                             // a boolean
        2 => 8,                             // a number
        3 | 4 => number(rest)?,             // bytes, or attributes within
        5 => number(rest)?.checked_mul(8)?, // mechanisms
        _ => return None,
    };
    let (value, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some((name, value))
}

/// Eight bytes, the highest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u64::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &[u8] = b"9672f829f8e860c1";

    /// A token as 2.6.1 writes it: label, serial, flags, SO PIN.
    fn token() -> Vec<u8> {
        let bytes = |name: u64, value: &[u8]| {
            let head = [name, 3, value.len() as u64].map(u64::to_be_bytes).concat();
            [head.as_slice(), value].concat()
        };
        let label = bytes(0x8000_5349, &[b'a'; 32]);
        let flags = [0x8000_534B, 2, 0x42D].map(u64::to_be_bytes).concat();
        [9u64.to_be_bytes().to_vec(), label, bytes(SERIAL, OURS), flags, bytes(SO_PIN, &[7; 72])].concat()
    }

    #[test]
    fn a_whole_token_is_intact_and_no_part_of_it_is() {
        let whole = token();
        assert!(is_intact(&whole, OURS));
        for length in 0..whole.len() {
            assert!(!is_intact(&whole[..length], OURS), "the first {length} bytes");
        }
    }

    #[test]
    fn neither_another_token_nor_nuls_nor_something_behind_it_is_intact() {
        let whole = token();
        assert!(!is_intact(&whole, b"0000000000000000"));
        assert!(!is_intact(&vec![0; whole.len()], OURS));
        assert!(!is_intact(&[whole.as_slice(), b"x"].concat(), OURS));
        let endless = [9, SERIAL, 5, u64::MAX].map(u64::to_be_bytes).concat();
        assert!(!is_intact(&endless, OURS));
    }

    #[test]
    fn pins_are_the_same_whatever_else_changed() {
        let (one, mut other) = (token(), token());
        other[7] += 1;
        assert!(has_same_pins(&one, &other));
        *other.last_mut().unwrap() ^= 1;
        assert!(!has_same_pins(&one, &other));
    }

    #[test]
    fn the_configuration_is_read_as_softhsm_reads_it() {
        let said = |text: &str| tokens(text).map(|path| path.display().to_string());
        assert_eq!(said("").as_deref(), Some("/var/lib/softhsm/tokens"));
        assert_eq!(said("directories.tokendir = /a b/ # c\nobjectstore.backend=file").as_deref(), Some("/a b/"));
        assert_eq!(
            said("#directories.tokendir = /a\ndirectories.tokendir=/b\nx.directories.tokendir=/c").as_deref(),
            Some("/b")
        );
        assert_eq!(said("directories.tokendir = /a\nobjectstore.backend = db"), None);
    }

    #[test]
    fn a_token_is_found_by_the_end_of_its_uuid_where_only_one_has_it() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str| fs::create_dir(place.path().join(name)).unwrap();
        let ours = place.path().join("bae5adc2-0d86-fa3c-9672-f829f8e860c1");
        make("bae5adc2-0d86-fa3c-9672-f829f8e860c1");
        make("bae5adc2-0d86-fa3c-9672-f829f8e860c2");
        assert_eq!(token_directory(place.path(), OURS), Some(ours));
        assert_eq!(token_directory(place.path(), b"0000000000000000"), None);
        assert_eq!(token_directory(place.path(), b"f829f8e860c1"), None);
        assert_eq!(token_directory(place.path(), b""), None);
        make("00000000-0d86-fa3c-9672-f829f8e860c1");
        assert_eq!(token_directory(place.path(), OURS), None);
    }
}
