//! What lock files tell an examination: tokens that are in use now, and writes that were cut off.

use std::{
    fs::{self, OpenOptions},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::fcntl::OFlag;
use percent_encoding::percent_decode_str;

use super::{holder, is_held};
use crate::{
    finding::{Check, Finding, Value},
    token::Text,
};

/// Looks at each lock in `directory`; one that nobody holds and nobody left behind is nothing to tell of.
pub fn examine(directory: &Path) -> Vec<Finding> {
    let shown = directory.display().to_string().escape_debug().to_string();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let what = format!("the locks in {shown} cannot be looked at");
            return vec![Finding::unknown(Check::Lock, what).detail(error.to_string())];
        }
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().filter_map(|path| lock(path)).collect()
}

fn lock(path: &Path) -> Option<Finding> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".lock")?;
    let name = Text::trimmed(&percent_decode_str(stem).collect::<Vec<u8>>())?;
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    // A writer leaves its mark in the file for as long as it writes.
    if file.metadata().ok().is_none_or(|metadata| !metadata.is_file() || metadata.len() == 0) {
        return None;
    }
    let finding = if is_held(path) {
        let who = holder(&file).unwrap_or_else(|| "another process".into());
        let held = Finding::ok(Check::Lock, format!("the token {name} is being written by {who}"));
        held.with("holder", Value::Name(Text::from(who.as_str())))
    } else {
        Finding::warning(Check::Lock, format!("the last write of the token {name} was cut off"))
            .cure("find out by `pukka pin verify` which PIN it has now")
    };
    Some(finding.with("token", Value::Name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Condition;
    use nix::fcntl::{Flock, FlockArg};

    #[test]
    fn a_write_that_goes_on_is_told_from_one_that_was_cut_off_and_from_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            fs::File::open(path).unwrap()
        };
        file("Maker-Model-A.lock", "");
        file("Maker-Model-B%20b.lock", "4194305\n");
        let own = format!("{}\n", std::process::id());
        let _held = Flock::lock(file("Maker-Model-C.lock", &own), FlockArg::LockExclusiveNonblock).unwrap();
        let found = examine(directory.path());
        let said: Vec<_> = found.iter().map(|one| (one.state, one.what.as_str())).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!(said[0], (Condition::Warning, "the last write of the token Maker-Model-B b was cut off"));
        assert_eq!(said[1].0, Condition::Ok);
        assert!(said[1].1.contains(&format!("(process {})", std::process::id())), "{said:?}");
    }
}
