//! Where openCryptoki keeps a soft token, and whether what stands there is one.
//!
//! A token is a directory below `/var/lib/opencryptoki`, named by `tokname` in the configuration (seen with 3.8.1). `NVTOK.DAT` holds
//! what C_GetTokenInfo tells, and the hashes of both PINs; each C_Login writes it anew from an empty file. `MK_SO` and `MK_USER` hold the
//! master key, encrypted under the PIN of each; a new PIN is written to its hash first, and to the key then. Whoever is cut off
//! between the two leaves a PIN that opens nothing. Every soft token has the serial 123, so it is the label that tells.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::directory::{Content, content};
use crate::token::{Identity, Place, Text};

/// The configuration, and where tokens are: both are compiled in.
const CONFIGURATION: &str = "/etc/opencryptoki/opencryptoki.conf";
const TOKENS: &str = "/var/lib/opencryptoki";
/// The library of soft tokens, and their directory unless the configuration says so.
const LIBRARY: &str = "libpkcs11_sw.so";
const DIRECTORY: &str = "swtok";
/// The files, in the order in which a new PIN is written to them.
const INFO: &str = "NVTOK.DAT";
const KEYS: [&str; 2] = ["MK_SO", "MK_USER"];
/// The least of a master key under a PIN.
const KEY: usize = 48;
/// The length of `NVTOK.DAT` in the form of the default `tokversion`, and where the hashes of the SO PIN and the user PIN are in it.
const KNOWN: usize = 232;
const HASHES: [std::ops::Range<usize>; 2] = [0xB8..0xCC, 0xA0..0xB4];
/// What stands in the place of the hash of a PIN that is not set.
const UNSET: u8 = b'0';

/// The files of a token; none where this process does not find them, or cannot tell which they are.
pub fn files(identity: &Identity) -> Option<Vec<PathBuf>> {
    files_below(Path::new(TOKENS), &fs::read_to_string(CONFIGURATION).ok()?, identity)
}

fn files_below(tokens: &Path, configuration: &str, identity: &Identity) -> Option<Vec<PathBuf>> {
    let is_told = |info: &[u8]| describes(info, identity) && holds(info, 0..32, identity.label.as_ref());
    let is_ours = |directory: &Path| content(&directory.join(INFO)).is_ok_and(|info| is_told(&info.bytes));
    let ours: Vec<(u64, PathBuf)> = soft_tokens(configuration)
        .into_iter()
        .map(|(slot, name)| (slot, tokens.join(name)))
        .filter(|(_, directory)| is_ours(directory))
        .collect();
    let is_slot = |slot: u64| matches!(identity.place, Place::Slot { id, .. } if id == slot);
    // p11-kit's proxy gives slots other numbers, so those count only where labels do not tell.
    let directory = match ours.as_slice() {
        [(_, only)] => only,
        several => &several.iter().find(|(slot, _)| is_slot(*slot))?.1,
    };
    // Until the first C_InitPIN there is no key of the user's.
    let keys = KEYS.map(|name| directory.join(name)).into_iter().filter(|path| path.exists());
    Some([directory.join(INFO)].into_iter().chain(keys).collect())
}

/// The soft tokens of a configuration: slot and directory of each.
fn soft_tokens(configuration: &str) -> Vec<(u64, String)> {
    let plain: Vec<&str> = configuration.lines().map(|line| line.split('#').next().unwrap_or_default()).collect();
    let spaced = plain.join("\n").replace('=', " = ").replace('{', " { ").replace('}', " } ");
    let slot = |block: &str| {
        let words: Vec<&str> = block.split_whitespace().collect();
        let value = |name: &str| match words.iter().position(|word| *word == name).map(|at| words.get(at + 1..)) {
            Some(Some(["=", value, ..])) => Some(value.trim_matches('"')),
            _ => None,
        };
        let number = words.first()?.parse().ok()?;
        let is_plain = |name: &&str| !name.contains('/') && *name != "..";
        let name = value("tokname").unwrap_or(DIRECTORY);
        (value("stdll") == Some(LIBRARY)).then_some(name).filter(is_plain).map(|name| (number, name.to_owned()))
    };
    let blocks = spaced.split('}').filter_map(|block| block.split_once("slot ").map(|(_, slot)| slot));
    blocks.filter_map(slot).collect()
}

/// Whether these are a whole token: what it says of itself, and each key. Its label may be another: C_InitToken takes one.
pub fn is_intact(contents: &[Content], identity: &Identity) -> bool {
    let [info, keys @ ..] = contents else { return false };
    let is_key = |key: &Content| key.bytes.len() >= KEY && key.bytes.iter().any(|byte| *byte != 0);
    describes(&info.bytes, identity) && !keys.is_empty() && keys.iter().all(is_key)
}

/// Whether a new PIN was written to its hash and not to its key, as a copy from before tells: the token is listed, and cannot be
/// opened.
pub fn is_torn(before: &[Content], now: &[Content]) -> bool {
    let of = |contents: &[Content], name: &str| {
        contents.iter().find(|content| content.path.ends_with(name)).map(|content| content.bytes.clone())
    };
    let (Some(then), Some(info)) = (of(before, INFO), of(now, INFO)) else { return false };
    if then.len() != KNOWN || info.len() != KNOWN {
        return false;
    }
    KEYS.into_iter().zip(HASHES).any(|(key, hash)| {
        let (old, new) = (then.get(hash.clone()).unwrap_or_default(), info.get(hash).unwrap_or_default());
        let is_set = new.iter().any(|byte| *byte != UNSET);
        old != new && is_set && of(before, key).is_some() && of(before, key) == of(now, key)
    })
}

/// Whether two copies of one token hold the same master keys under the same PINs.
pub fn has_same_pins(one: &[Content], other: &[Content]) -> bool {
    let keys = |contents: &[Content]| contents.iter().skip(1).map(|key| key.bytes.clone()).collect::<Vec<_>>();
    keys(one) == keys(other)
}

/// Whether `NVTOK.DAT` is of a token of that kind: manufacturer, model and serial stand in it behind the label.
fn describes(info: &[u8], identity: &Identity) -> bool {
    let fields = [(&identity.manufacturer, 32..64), (&identity.model, 64..80), (&identity.serial, 80..96)];
    info.len() >= KNOWN && fields.into_iter().all(|(said, place)| holds(info, place, said.as_ref()))
}

fn holds(info: &[u8], place: std::ops::Range<usize>, said: Option<&Text>) -> bool {
    info.get(place).map(<[u8]>::trim_ascii_end) == Some(said.map(Text::bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Application;

    const CONF: &str = "version opencryptoki-3.1\n# slot 9 { stdll = libpkcs11_sw.so }\nslot 0\n{\nstdll = libpkcs11_tpm.so\n}\n\
        slot 3\n{\nstdll = libpkcs11_sw.so\n}\nslot 5 {stdll=libpkcs11_sw.so tokname = alpha}\nslot 6 { stdll = libpkcs11_sw.so tokname = ../x }";

    fn identity(label: &str, slot: u64) -> Identity {
        Identity {
            application: Application::Pkcs11,
            serial: Some(Text::from("123")),
            label: Some(Text::from(label)),
            manufacturer: Some(Text::from("IBM Corp.")),
            model: Some(Text::from("IBM SoftTok")),
            place: Place::Slot { id: slot, module: "/m.so".into() },
            blank: false,
        }
    }

    fn info(label: &str, so: u8, user: u8) -> Vec<u8> {
        let mut info = format!("{label:<32}{:<32}{:<16}{:<16}", "IBM Corp.", "IBM SoftTok", "123").into_bytes();
        info.resize(KNOWN, 0);
        info[HASHES[0].clone()].fill(so);
        info[HASHES[1].clone()].fill(user);
        info
    }

    fn token(info: Vec<u8>, so: u8, user: u8) -> Vec<Content> {
        let one = |name: &str, bytes| Content { path: Path::new("/t").join(name), owner: (0, 0), mode: 0o660, bytes };
        vec![one(INFO, info), one("MK_SO", vec![so; KEY]), one("MK_USER", vec![user; KEY])]
    }

    #[test]
    fn soft_tokens_are_found_in_the_configuration_with_their_directories() {
        assert_eq!(soft_tokens(CONF), [(3, "swtok".to_owned()), (5, "alpha".to_owned())]);
    }

    #[test]
    fn the_directory_is_that_of_the_label_and_of_the_slot_where_labels_are_shared() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str, label: &str| {
            fs::create_dir_all(place.path().join(name)).unwrap();
            fs::write(place.path().join(name).join(INFO), info(label, 1, 2)).unwrap();
            fs::write(place.path().join(name).join("MK_SO"), [1; KEY]).unwrap();
        };
        make("swtok", "a");
        make("alpha", "b");
        let found = |label, slot| files_below(place.path(), CONF, &identity(label, slot));
        let files = |name: &str| Some([INFO, "MK_SO"].map(|file| place.path().join(name).join(file)).to_vec());
        assert_eq!(found("b", 17), files("alpha"));
        assert_eq!(found("c", 3), None);
        make("alpha", "a");
        assert_eq!(found("a", 3), files("swtok"));
        assert_eq!(found("a", 17), None);
    }

    #[test]
    fn a_file_that_is_empty_cut_off_or_nothing_but_nuls_is_damage() {
        let ours = identity("a", 3);
        assert!(is_intact(&token(info("a", 1, 2), 1, 2), &ours));
        assert!(is_intact(&token(info("b", 1, 2), 1, 2), &ours));
        assert!(!is_intact(&token(Vec::new(), 1, 2), &ours));
        assert!(!is_intact(&token(info("a", 1, 2)[..200].to_vec(), 1, 2), &ours));
        for key in [1, 2] {
            for bytes in [Vec::new(), vec![7; KEY - 1], vec![0; KEY]] {
                let mut damaged = token(info("a", 1, 2), 1, 2);
                damaged[key].bytes = bytes;
                assert!(!is_intact(&damaged, &ours));
            }
        }
    }

    #[test]
    fn a_new_hash_beside_an_old_key_is_torn_and_a_counter_or_a_whole_change_is_not() {
        let before = token(info("a", 1, 2), 1, 2);
        assert!(is_torn(&before, &token(info("a", 1, 9), 1, 2)), "the user PIN");
        assert!(is_torn(&before, &token(info("a", 9, 2), 1, 2)), "the SO PIN");
        assert!(!is_torn(&before, &token(info("a", 1, 9), 1, 9)));
        let mut counted = info("a", 1, 2);
        counted[0x60] = 1;
        assert!(!is_torn(&before, &token(counted, 1, 2)));
        // C_InitToken takes the user PIN away and leaves its key as it was.
        assert!(!is_torn(&before, &token(info("a", 1, UNSET), 9, 2)));
    }
}
