//! The beginning of a token: its SO PIN is known to the world, and once that was changed there is no way to begin anew.

use std::{
    fs::File,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{Bench, INIT, SO, module};
use crate::support::{
    desk::{PIN, SO2},
    running::Running,
};

const ANEW: &str = "token init --token desk-7 --destroy 123";

#[test]
fn a_blank_token_says_what_its_so_pin_is_and_takes_no_other() {
    let bench = Bench::blank();
    let status = bench.status();
    assert_eq!(status["references"][1]["state"], "unset");
    assert!(status["notes"].to_string().contains(SO), "{status}");
    let error =
        bench.refused("token init --label desk-7 --new-so-pin env:SO2 --new-pin env:PIN", 6, "new-value-refused");
    assert_eq!((&error["role"], &error["detail"]), (&json!("so-pin"), &json!("CKR_PIN_INCORRECT (0xA0)")));
    assert_eq!(bench.status()["references"][1]["state"], "unset", "it was initialised nevertheless");

    bench.done(INIT, "initialised");
    let status = bench.status();
    assert_eq!(status["references"][1]["state"], "must-change");
    assert_eq!(status["notes"], json!(null));
    bench.run("so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2").code(0);
    assert_eq!(bench.status()["references"][1]["state"], "ready");
}

#[test]
fn a_live_token_begins_anew_by_its_first_so_pin_alone() {
    let bench = Bench::new();
    bench.refused(&format!("{ANEW} --so-pin env:WRONG"), 4, "wrong-secret");
    assert_eq!(bench.logs_in("user", PIN), Ok(()), "a wrong SO PIN destroyed the token");
    bench.done(&format!("{ANEW} --so-pin env:SO"), "initialised");
    assert_eq!(bench.logs_in("user", PIN), Err("CKR_USER_PIN_NOT_INITIALIZED".into()));
    bench.done("pin set --token desk-7 --so-pin env:SO --new-pin env:PIN", "set");
}

#[test]
fn a_user_pin_that_was_never_set_is_unset_and_nothing_is_sent() {
    let bench = Bench::blank();
    bench.run("token init --label desk-7 --new-so-pin env:SO").code(0);
    let before = bench.daemon.stored();
    for words in
        ["pin verify --token desk-7 --pin env:PIN", "pin change --token desk-7 --pin env:PIN --new-pin env:NEW"]
    {
        let error = bench.refused(words, 5, "unset");
        assert!(error["hint"].as_str().unwrap().starts_with("pukka pin set"), "{error}");
    }
    assert_eq!(bench.daemon.stored(), before);
}

#[test]
fn after_a_change_of_the_so_pin_it_does_not_begin_anew_unless_that_is_forced() {
    let bench = Bench::new();
    bench.done("so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2", "changed");
    let before = bench.daemon.stored();
    for words in [format!("{ANEW} --so-pin env:SO2"), format!("{ANEW} --so-pin env:SO2 --dry-run")] {
        let error = bench.refused(&words, 7, "unsupported");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("SO PIN was changed") && message.contains("--force-init"), "{message}");
    }
    assert_eq!(bench.daemon.stored(), before, "it was refused after something had been sent");
    assert!(!bench.status()["can"].to_string().contains("token init"), "it is offered");

    // Whoever wants it gets what was foretold, and is not told that all is well.
    bench.refused(&format!("{ANEW} --so-pin env:SO2 --force-init"), 11, "unconfirmed");
    assert_eq!(bench.logs_in("so", SO2), Err("CKR_FUNCTION_FAILED".into()));
    assert_eq!(bench.logs_in("so", SO), Err("CKR_PIN_INCORRECT".into()));
    bench.refused("pin set --token desk-7 --so-pin env:SO2 --new-pin env:PIN", 8, "device");
}

/// Opens a pipe for writing, once somebody has opened it for reading.
fn till_read(pipe: &Path) -> File {
    let start = Instant::now();
    loop {
        match File::options().write(true).custom_flags(nix::libc::O_NONBLOCK).open(pipe) {
            Ok(file) => return file,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(20), "nobody reads: {error}"),
        }
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_token_in_use_does_not_begin_anew() {
    let bench = Bench::new();
    // pkcs11-tool reads what it is to store when it has a session and is logged in.
    let file = bench.home.path().join("object");
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut user = bench.daemon.enter();
    user.args(["pkcs11-tool", "--module"]).arg(module()).args(["--login", "--pin", PIN, "--session-rw"]);
    user.args(["--type", "data", "--label", "deed", "--write-object"]).arg(&file);
    let user = Running::spawn(&mut user);
    let mut content = till_read(&file);
    let error = bench.refused(&format!("{ANEW} --so-pin env:SO"), 8, "device");
    assert_eq!(error["detail"], "CKR_SESSION_EXISTS (0xB6)");
    content.write_all(b"precious").unwrap();
    drop(content);
    user.finish().code(0);
    assert_eq!(bench.logs_in("user", PIN), Ok(()));
}

/// The flag tells it of a blank token too: its SO logs in before C_InitToken.
#[test]
fn a_blank_token_whose_so_pin_was_changed_is_not_initialised_either() {
    let bench = Bench::blank();
    let mut command = bench.daemon.enter();
    command.args(["pkcs11-tool", "--module"]).arg(module());
    let change = ["--login", "--login-type", "so", "--so-pin", SO, "--change-pin", "--pin", SO, "--new-pin", SO2];
    let output = command.args(change).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let before = bench.daemon.stored();
    bench.refused("token init --label desk-7 --new-so-pin env:SO2", 7, "unsupported");
    assert_eq!(bench.daemon.stored(), before);
}
