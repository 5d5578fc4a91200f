//! pukka's own files: configuration, profiles, permissions, locks.

use std::fs;

use super::{checks, of, only, says};
use crate::support::{
    desk::{Desk, set_mode, start},
    home, pukka,
    running::{kill, wait_for_end, worker},
    softhsm::{Faults, Gate},
};

const DOCTOR: [&str; 3] = ["doctor", "--via=pcsc", "--json"];

#[test]
fn a_configuration_that_does_not_hold_is_told_and_keeps_the_doctor_from_nothing() {
    let home = home();
    let config = home.path().join("config/pukka");
    fs::create_dir_all(config.join("profiles.d")).unwrap();
    fs::write(config.join("config.toml"), "wait = 5\nmodul = \"x\"\n").unwrap();
    fs::write(config.join("profiles.d/own.toml"), "name = 1").unwrap();
    pukka(home.path(), ["list"]).run().code(2);
    let checks = checks(&pukka(home.path(), DOCTOR).run().code(0));
    let problems = of(&checks, "configuration", "problem");
    says(problems[0], &["config.toml, line 2, column 1: unknown field `modul`"]);
    says(problems[1], &["own.toml"]);
    only(&checks, "pcscd", "problem");
    let named = pukka(home.path(), ["doctor", "--via", "pcsc", "--json", "--config", "/nonexistent"]).run().code(0);
    says(of(&super::checks(&named), "configuration", "problem")[0], &["/nonexistent cannot be read"]);
}

#[test]
fn what_the_configuration_names_is_what_is_looked_at() {
    let desk = Desk::new();
    let config = desk.home.path().join("config/pukka");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "modules = [\"/nowhere/missing.so\"]\n").unwrap();
    let checks = checks(&desk.bare("doctor --via pkcs11 --json").run().code(0));
    only(&checks, "configuration", "ok");
    says(only(&checks, "module", "problem"), &["/nowhere/missing.so"]);
}

#[test]
fn files_that_others_can_change_or_read_are_told_with_the_command_that_cures_it() {
    let home = home();
    let (config, state) = (home.path().join("config/pukka"), home.path().join("state/pukka"));
    fs::create_dir_all(&config).unwrap();
    fs::create_dir_all(state.join("locks")).unwrap();
    for directory in [&config, &state, &state.join("locks")] {
        set_mode(directory, 0o700);
    }
    let (file, kept) = (config.join("config.toml"), state.join("kept"));
    fs::write(&file, "wait = 5\n").unwrap();
    fs::write(&kept, "").unwrap();
    let with = |config: u32, kept_mode: u32| {
        set_mode(&file, config);
        set_mode(&kept, kept_mode);
        checks(&pukka(home.path(), DOCTOR).run().code(0))
    };
    only(&with(0o644, 0o600), "permissions", "ok");
    let writable = with(0o666, 0o600);
    let finding = only(&writable, "permissions", "problem");
    says(finding, &["every user can change", "config.toml"]);
    assert_eq!(finding["cure"], format!("chmod o-w {}", file.display()));
    let readable = with(0o644, 0o640);
    says(only(&readable, "permissions", "problem"), &["others can read", "/kept"]);
    // An examination changes nothing, and makes nothing.
    let modes =
        [&file, &kept].map(|path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()));
    assert_eq!(modes.map(|mode| mode & 0o777), [0o644, 0o640]);
}

#[test]
fn where_nothing_is_there_yet_nothing_is_made() {
    let home = home();
    let checks = checks(&pukka(home.path(), DOCTOR).run().code(0));
    says(only(&checks, "configuration", "ok"), &["the defaults hold"]);
    only(&checks, "permissions", "ok");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_looked_at_is_unknown_and_the_exit_code_says_that_the_answer_is_not_whole() {
    let home = home();
    // A link that leads to itself can be opened by nobody, root included.
    fs::create_dir_all(home.path().join("state/pukka")).unwrap();
    std::os::unix::fs::symlink("locks", home.path().join("state/pukka/locks")).unwrap();
    let run =
        pukka(home.path(), ["doctor", "--via", "pkcs11", "--module", "/nowhere/missing.so", "--json"]).run().code(8);
    let checks = checks(&run);
    says(only(&checks, "lock", "unknown"), &["cannot be looked at"]);
    only(&checks, "module", "problem");
    let error = run.json()["error"].clone();
    assert_eq!((&error["kind"], &error["exit_code"]), (&"device".into(), &8.into()), "{error}");
    let text = pukka(home.path(), ["doctor", "--via", "pkcs11", "--module", "/nowhere/missing.so"]).run().code(8);
    assert!(text.out.contains("module ") && text.err.contains("error: one check could not be made"), "{text:?}");
}

#[test]
fn a_token_that_is_being_written_is_told_with_its_writer_and_a_write_that_was_cut_off_too() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let faults = Faults::new().rule(gate.before("C_SetPIN"));
    let words = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW --no-input";
    let mut writer = start(desk.faulty(&faults, words));
    gate.wait();
    let look = || checks(&desk.run("doctor --via pkcs11 --json").code(0));
    let checks = look();
    let worker = worker(writer.id());
    says(only(&checks, "lock", "ok"), &["is being written by", &format!("(process {worker})")]);
    says(only(&checks, "pre-image", "warning"), &["a call that has not ended"]);
    writer.kill().unwrap();
    writer.wait().unwrap();
    kill(worker);
    wait_for_end(worker);
    let finding = look();
    let finding = only(&finding, "lock", "warning");
    says(finding, &["the last write of the token SoftHSM project-SoftHSM v2-", "was cut off"]);
    assert!(finding["cure"].as_str().unwrap().contains("pukka pin verify"), "{finding}");
}

#[test]
fn what_stands_in_the_place_of_a_copy_and_is_none_is_told() {
    let desk = Desk::new();
    let copies = desk.at_home("state/pukka/pre-images");
    fs::create_dir_all(&copies).unwrap();
    crate::support::desk::secret_file(&copies.join("one.pre-image"), "no copy");
    let checks = checks(&desk.run("doctor --via pkcs11 --json").code(0));
    says(only(&checks, "pre-image", "warning"), &["one.pre-image", "damaged"]);
}

#[test]
fn the_text_has_a_line_a_fact_in_columns_and_a_cure_below_each_problem() {
    let home = home();
    let run = pukka(home.path(), ["doctor", "--via", "pcsc"]).run().code(0);
    assert_eq!(run.err, "");
    let lines: Vec<&str> = run.out.lines().collect();
    let problem = lines.iter().position(|line| line.starts_with("pcscd          problem  ")).unwrap();
    assert!(
        lines[problem + 1].starts_with("               cure:    start it with `systemctl start pcscd"),
        "{lines:?}"
    );
    assert!(lines.iter().all(|line| &line[13..15] == "  "), "{lines:?}");
}
