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
    let is_marked = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len() > 0;
    let finding = match (is_held(path), is_marked) {
        (true, _) => {
            let who = holder(&file).unwrap_or_else(|| "another process".into());
            let held = if is_marked { "being written" } else { "locked" };
            Finding::ok(Check::Lock, format!("the token {name} is {held} by {who}"))
                .with("holder", Value::Name(Text::from(who.as_str())))
        }
        (false, true) => Finding::warning(Check::Lock, format!("the last write of the token {name} was cut off"))
            .cure("find out by `pukka pin verify` which PIN it has now"),
        (false, false) => return None,
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
        let _by_another = Flock::lock(file("Maker-Model-D.lock", ""), FlockArg::LockExclusiveNonblock).unwrap();
        let found = examine(directory.path());
        let said: Vec<_> = found.iter().map(|one| (one.state, one.what.as_str())).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said[0], (Condition::Warning, "the last write of the token Maker-Model-B b was cut off"));
        assert_eq!(said[1].0, Condition::Ok);
        assert!(said[1].1.contains(&format!("(process {})", std::process::id())), "{said:?}");
        assert!(said[1].1.contains("C is being written by") && said[2].1.contains("D is locked by"), "{said:?}");
    }
}
