//! Credentials of systemd, in a directory as systemd makes it.

use std::{
    io::Write,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::fs::{XattrFlags, setxattr};

use super::*;
use crate::support::{Pukka, desk::secret_file};

/// A directory of credentials as a unit finds it, mode 0500, each of mode 0400.
fn directory(desk: &Desk, credentials: &[(&str, &[u8])]) -> PathBuf {
    let folder = desk.at_home("credentials");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    for (name, value) in credentials {
        set_mode(&secret_file(&folder.join(name), value), 0o400);
    }
    set_mode(&folder, 0o500);
    folder
}

fn call(desk: &Desk, folder: &Path, words: &[&str]) -> Pukka {
    desk.logged(words).env("CREDENTIALS_DIRECTORY", folder)
}

#[test]
fn each_credential_gives_one_value_with_or_without_the_end_of_its_line() {
    for end in ["", "\n", "\r\n"] {
        let desk = Desk::new();
        let (pin, new) = (format!("{PIN}{end}"), format!("{NEW}{end}"));
        let folder = directory(&desk, &[("pin", pin.as_bytes()), ("desk-7.new pin", new.as_bytes())]);
        let change =
            ["pin", "change", "--pin", "credential:pin", "--new-pin", "credential:desk-7.new pin", "--no-input"];
        call(&desk, &folder, &change).run().code(0);
        assert!(desk.is_pin(NEW), "{end:?}");
        // It is a value and no source of lines: every option that names it gets the same.
        let verify = ["pin", "verify", "--pin", "credential:pin", "--dry-run"];
        call(&desk, &folder, &verify).run().code(0);
    }
}

#[test]
fn a_credential_of_more_lines_or_of_none_is_exit_2_and_opens_nothing() {
    let desk = Desk::new();
    let values: [&[u8]; 5] = [b"123456\n654321\n", b"123456\n\n", b"123456\n ", b"", &[b'1'; 20_000]];
    for value in values {
        let folder = directory(&desk, &[("pin", value)]);
        let run = call(&desk, &folder, &["pin", "verify", "--pin", "credential:pin"]).run().code(2);
        assert!(run.err.contains("--pin") && !run.err.contains("123456"), "{run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn a_credential_is_held_to_the_rules_of_every_value() {
    let desk = Desk::new();
    let values: [&[u8]; 4] = [b" 123456", b"123456 \n", b"12\x003456", b"\n"];
    for value in values {
        let folder = directory(&desk, &[("pin", value)]);
        call(&desk, &folder, &["pin", "verify", "--pin", "credential:pin"]).run().code(6);
        desk.nothing_was_opened();
    }
}

#[test]
fn without_a_directory_or_the_credential_the_cure_names_what_systemd_calls_it() {
    let desk = Desk::new();
    let verify = ["pin", "verify", "--pin", "credential:desk-pin"];
    let folder = directory(&desk, &[("pin", b"123456")]);
    for call in [
        desk.logged(&verify),
        desk.logged(&verify).env("CREDENTIALS_DIRECTORY", ""),
        desk.logged(&verify).env("CREDENTIALS_DIRECTORY", "credentials"),
        call(&desk, &folder, &verify),
        call(&desk, Path::new("/nonexistent"), &verify),
    ] {
        let run = call.run().code(2);
        assert!(run.err.contains("--pin") && run.err.contains("LoadCredential="), "{run:?}");
        assert!(!run.err.contains("desk-pin"), "{run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn what_is_no_name_of_a_credential_is_exit_2_and_reaches_no_other_file() {
    let desk = Desk::new();
    let folder = directory(&desk, &[("pin", b"123456")]);
    desk.file("outside", "123456\n");
    for name in ["../outside", "..", ".", "/etc/hostname", "a/b", "a:b", "zoë", "", &"n".repeat(256)] {
        let source = format!("credential:{name}");
        let run = call(&desk, &folder, &["pin", "verify", "--pin", &source]).run().code(2);
        assert!(run.err.contains("--pin") && (name.len() < 3 || !run.err.contains(name)), "{run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn a_credential_that_others_can_read_is_refused() {
    let desk = Desk::new();
    let folder = directory(&desk, &[("pin", b"123456")]);
    for mode in [0o440, 0o404, 0o444, 0o460] {
        set_mode(&folder.join("pin"), mode);
        let run = call(&desk, &folder, &["pin", "verify", "--pin", "credential:pin"]).run().code(2);
        assert!(run.err.contains("open to other users"), "{mode:o}: {run:?}");
        desk.nothing_was_opened();
    }
}

/// Gives a file the list that systemd does: its owner and user `id` read, nobody else.
fn give(file: &Path, id: u32) {
    let entries: [(u16, u16, u32); 5] =
        [(1, 4, u32::MAX), (2, 4, id), (4, 0, u32::MAX), (0x10, 4, u32::MAX), (0x20, 0, u32::MAX)];
    let entry = |(tag, rights, id): (u16, u16, u32)| {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let list: Vec<u8> = [2, 0, 0, 0].into_iter().chain(entries.into_iter().flat_map(entry)).collect();
    setxattr(file, "system.posix_acl_access", &list, XattrFlags::empty()).unwrap();
}

#[test]
fn a_credential_that_a_list_gives_to_the_units_user_alone_is_taken_though_its_mode_says_0440() {
    use std::os::unix::fs::MetadataExt;
    let me = nix::unistd::geteuid().as_raw();
    let desk = Desk::new();
    let folder = directory(&desk, &[("pin", b"123456")]);
    let pin = folder.join("pin");
    let verify = || call(&desk, &folder, &["pin", "verify", "--pin", "credential:pin"]).run();
    give(&pin, me);
    assert_eq!(fs::metadata(&pin).unwrap().mode() & 0o777, 0o440, "as systemd leaves it");
    verify().code(0);
    give(&pin, me + 4711);
    let run = verify().code(2);
    assert!(run.err.contains("open to other users"), "{run:?}");
}

#[test]
fn the_user_of_a_unit_reads_the_credential_that_root_made_for_them() {
    if !nix::unistd::geteuid().is_root() {
        // Only root can make one for somebody else. (Tests have their standard error kept back, but not by this way.)
        writeln!(std::io::stderr(), "NOT TRIED, for lack of root: a credential that root made for the user of a unit")
            .unwrap();
        return;
    }
    let nobody = 65534;
    let desk = Desk::new();
    let folder = directory(&desk, &[("key", b"0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123")]);
    give(&folder.join("key"), nobody);
    // Where the file system has no lists, systemd gives the file away instead.
    let away = secret_file(&folder.join("away"), "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123");
    set_mode(&away, 0o400);
    chown(&away, Some(nobody), Some(nobody)).unwrap();
    for above in [desk.home.path(), &folder] {
        set_mode(above, 0o755);
    }
    for source in ["credential:key", "credential:away"] {
        let respond = ["respond", "--challenge", "5468652071756663", "--admin-key", source];
        let mut launcher = Command::new("setpriv");
        launcher.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]);
        // The tool where that user can run it.
        let tool = desk.at_home("pukka");
        fs::copy(env!("CARGO_BIN_EXE_pukka"), &tool).unwrap();
        launcher.arg(&tool).args(respond).env_clear().env("CREDENTIALS_DIRECTORY", &folder).stdin(Stdio::null());
        let output = launcher.output().unwrap();
        assert_eq!(output.stdout, b"A826FD8CE53B855F\n", "{output:?}");
    }
}

#[test]
fn a_unit_without_a_home_writes_where_its_state_directory_is_named_and_is_told_what_is_missing_else() {
    let desk = Desk::new();
    let folder = directory(&desk, &[("pin", PIN.as_bytes()), ("new", NEW.as_bytes())]);
    let change = ["pin", "change", "--pin", "credential:pin", "--new-pin", "credential:new", "--no-input"];
    // As systemd starts it: nothing in the environment but what the unit names.
    let unit = |words: &[&str]| {
        call(&desk, &folder, words).with(|command| {
            for name in ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
                command.env_remove(name);
            }
        })
    };
    let refused = unit(&change).run().code(8);
    assert!(refused.err.contains("XDG_STATE_HOME") && desk.is_pin(PIN), "{refused:?}");
    let told = unit(&["doctor", "--via", "pkcs11"]).run();
    assert!(
        told.out.contains("no token behind a module can be changed") && told.out.contains("StateDirectory="),
        "{told:?}"
    );
    unit(&change).env("XDG_STATE_HOME", desk.at_home("unit")).run().code(0);
    assert!(desk.is_pin(NEW) && desk.at_home("unit/pukka").is_dir());
}
