//! Who may read and write pukka's files: what others can change could lead a PIN to a module of theirs.

use std::{
    fs::{self, Metadata},
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, access, geteuid};

use super::{files, locks, profiles, state};
use crate::{
    finding::{Check, Finding, Value},
    token::Text,
};

/// Others' bits of a mode, and those of group and others.
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;
const NOT_THE_OWNERS: u32 = 0o077;
const STICKY: u32 = 0o1000;
/// How deep state is looked through; it has one directory below another.
const DEPTH: usize = 4;

/// Looks at the configuration files (`named` in place of the user's), the profiles, the state directory and the locks.
pub fn examine(named: Option<&Path>) -> Vec<Finding> {
    let configuration = files(named).into_iter().map(|file| file.path).chain(profiles());
    // Who can write a directory can put another file in the place of one.
    let mut trusted: Vec<PathBuf> =
        configuration.flat_map(|path| [path.parent().map(Path::to_owned), Some(path)]).flatten().collect();
    trusted.extend(state());
    trusted.sort();
    trusted.dedup();
    let mut findings: Vec<Finding> = trusted.iter().filter_map(|path| writers(path)).collect();
    let locks = locks();
    state().iter().for_each(|state| readers(state, locks.as_deref(), DEPTH, &mut findings));
    findings.extend(locks.iter().filter_map(|locks| lockable(locks)));
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Permissions, "nobody else may change pukka's configuration and state"));
    }
    findings
}

/// Why a file or directory is not the administrator's alone; nothing where it is. A group that may write it is the administrator's
/// own affair.
pub fn loosened(metadata: &Metadata) -> Option<&'static str> {
    let is_shared = metadata.is_dir() && metadata.mode() & STICKY != 0;
    match () {
        () if metadata.uid() != 0 => Some("belongs to another user than root"),
        () if metadata.mode() & OTHERS_WRITE != 0 && !is_shared => Some("can be changed by every user"),
        () => None,
    }
}

/// Who else may change what stands at `path`; nothing where nobody may, or where there is nothing.
fn writers(path: &Path) -> Option<Finding> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => return None,
        Err(error) => {
            let what = format!("{} cannot be looked at", shown(path));
            return Some(of(path, Finding::unknown(Check::Permissions, what).detail(error.to_string())));
        }
    };
    let (mode, owner) = (metadata.mode(), metadata.uid());
    let name = shown(path);
    let is_foreign = owner != 0 && owner != geteuid().as_raw();
    // What is in a sticky directory can be replaced by nobody else.
    let finding = match () {
        () if is_foreign => Finding::problem(Check::Permissions, format!("{name} belongs to another user"))
            .cure(format!("make it yours, or root's: `chown` {name}")),
        () if mode & OTHERS_WRITE != 0 && mode & STICKY == 0 => {
            Finding::problem(Check::Permissions, format!("every user can change {name}"))
                .cure(format!("chmod o-w {name}"))
        }
        () if mode & GROUP_WRITE != 0 && mode & STICKY == 0 => {
            let what = format!("the members of group {} can change {name}", metadata.gid());
            Finding::warning(Check::Permissions, what).cure(format!("chmod g-w {name}"))
        }
        () => return None,
    };
    Some(of(path, finding))
}

/// What others can read of the state that is kept through a crash; locks hold no secret, and may be shared.
fn readers(directory: &Path, locks: Option<&Path>, depth: usize, findings: &mut Vec<Finding>) {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            let what = format!("{} cannot be looked at", shown(directory));
            return findings.push(of(directory, Finding::unknown(Check::Permissions, what).detail(error.to_string())));
        }
    };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| Some(path.as_path()) != locks) {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            findings.extend(writers(&path));
            if depth > 0 {
                readers(&path, locks, depth - 1, findings);
            }
        } else if metadata.is_file() && metadata.mode() & NOT_THE_OWNERS != 0 {
            let what = format!("others can read {}, which may hold what a PIN can be tried on", shown(&path));
            let cure = format!("chmod go= {}", shown(&path));
            findings.push(of(&path, Finding::problem(Check::Permissions, what).cure(cure)));
        }
    }
}

/// Whether locks can be made there, and by whom else they can be removed; nothing where they can, and where there are none yet.
fn lockable(locks: &Path) -> Option<Finding> {
    let metadata: Metadata = fs::metadata(locks).ok()?;
    let name = shown(locks);
    let finding = match () {
        () if !metadata.is_dir() => {
            Finding::problem(Check::Permissions, format!("{name} is no directory: no token can be locked, nor changed"))
                .cure(format!("remove {name}; pukka makes a directory there"))
        }
        () if access(locks, AccessFlags::W_OK | AccessFlags::X_OK).is_err() => {
            Finding::problem(Check::Permissions, format!("{name} is not writable: no token can be locked, nor changed"))
                .cure("let its owner give it mode 1777 where users share it, or 0700 where it is one user's")
        }
        () if metadata.mode() & OTHERS_WRITE != 0 && metadata.mode() & STICKY == 0 => {
            Finding::problem(Check::Permissions, format!("in {name} every user can remove the locks of others"))
                .cure(format!("chmod 1777 {name}"))
        }
        () => return None,
    };
    Some(of(locks, finding))
}

fn of(path: &Path, finding: Finding) -> Finding {
    finding.with("path", Value::Name(Text::from(path.display().to_string().as_str())))
}

fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Condition;
    use std::os::unix::fs::PermissionsExt;

    /// A file or directory with this mode, in a directory of its own.
    fn with(mode: u32, is_directory: bool) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("one");
        match is_directory {
            true => fs::create_dir(&path).unwrap(),
            false => fs::write(&path, "").unwrap(),
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (directory, path)
    }

    #[test]
    fn what_others_can_change_is_a_problem_and_what_a_group_can_is_a_warning() {
        for (mode, state) in [
            (0o600, None),
            (0o644, None),
            (0o664, Some(Condition::Warning)),
            (0o666, Some(Condition::Problem)),
            (0o602, Some(Condition::Problem)),
        ] {
            let (_directory, path) = with(mode, false);
            assert_eq!(writers(&path).map(|finding| finding.state), state, "{mode:o}");
        }
        assert_eq!(writers(Path::new("/nonexistent/pukka")), None);
    }

    #[test]
    fn state_that_others_can_read_is_a_problem_and_locks_are_not_state() {
        let (directory, path) = with(0o640, false);
        let locks = directory.path().join("locks");
        fs::create_dir(&locks).unwrap();
        fs::write(locks.join("a.lock"), "").unwrap();
        fs::set_permissions(locks.join("a.lock"), fs::Permissions::from_mode(0o666)).unwrap();
        let look = || {
            let mut findings = Vec::new();
            readers(directory.path(), Some(&locks), DEPTH, &mut findings);
            findings
        };
        assert_eq!(look().len(), 1, "{:?}", look());
        assert!(look()[0].what.starts_with("others can read"), "{:?}", look());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(look(), []);
    }

    #[test]
    fn locks_that_users_share_are_safe_only_where_nobody_can_remove_those_of_others() {
        assert_eq!(lockable(&with(0o1777, true).1), None);
        let (_directory, open) = with(0o777, true);
        assert!(lockable(&open).unwrap().what.contains("every user can remove"));
        let (_directory, file) = with(0o600, false);
        assert!(lockable(&file).unwrap().what.contains("is no directory"));
    }
}
