//! tpm2-pkcs11 on a TPM in software: what a TPM counts and blocks is its own affair, and its module says little of it.

use std::{net::TcpStream, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::caller::{Caller, Daemon, library, two_free_ports};
use crate::support::desk::{LABEL, NEW, OTHER, PIN, SO, SO2, only};

const INIT: &str = "token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN";
const VERIFY: &str = "pin verify --token desk-7 --pin env:";
const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW";
const RESET: &str = "pin reset --token desk-7 --so-pin env:SO --new-pin env:OTHER";
const CHANGE_SO: &str = "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2";

/// A TPM and its store, which go away with the test.
struct Tpm {
    caller: Caller,
    way: String,
    _daemon: Daemon,
    _directory: TempDir,
}

impl Tpm {
    /// With one blank token, which the module shows beside those that it has.
    #[track_caller]
    fn blank() -> Self {
        let directory = TempDir::new().unwrap();
        let inside = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        for name in ["state", "store"] {
            std::fs::create_dir(inside(name)).unwrap();
        }
        // The library looks for the channel of control next to that of commands.
        let port = two_free_ports();
        let channel = |port| format!("type=tcp,port={port},bindaddr=127.0.0.1");
        let mut command = Command::new("swtpm");
        command.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"]);
        command.arg(format!("dir={}", inside("state")));
        command.args(["--server", &channel(port), "--ctrl", &channel(port + 1)]);
        let log = directory.path().join("swtpm.log");
        let daemon = Daemon::start(&mut command, &log, || TcpStream::connect(("127.0.0.1", port + 1)).is_ok());
        let way = format!("swtpm:host=127.0.0.1,port={port}");
        let environment = vec![("TPM2_PKCS11_STORE".into(), inside("store")), ("TPM2_PKCS11_TCTI".into(), way.clone())];
        let module = library("pkcs11/libtpm2_pkcs11.so", "libtpm2-pkcs11-1");
        Self { caller: Caller::new(module, environment), way, _daemon: daemon, _directory: directory }
    }

    /// With a token of [`LABEL`], [`SO`] and [`PIN`].
    #[track_caller]
    fn new() -> Self {
        let tpm = Self::blank();
        tpm.caller.run(INIT).code(0);
        tpm
    }

    /// The token of this label.
    #[track_caller]
    fn token(&self, label: &str) -> Value {
        self.caller.tokens().into_iter().find(|token| token["label"] == label).unwrap()
    }

    /// Ends the TPM's defence against guessing, as its owner can.
    #[track_caller]
    fn clear_lockout(&self) {
        let mut command = Command::new("tpm2_dictionarylockout");
        let output = command.args(["--clear-lockout", "--tcti", &self.way]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn a_token_lives_through_every_operation() {
    let Tpm { caller, .. } = &Tpm::blank();
    caller.does(INIT, "initialised");
    assert_eq!(caller.logs_in(LABEL, "user", PIN), Ok(()));
    caller.done(&format!("{VERIFY}PIN"), "verified");
    caller.done(CHANGE, "changed");
    assert_eq!(caller.logs_in(LABEL, "user", NEW), Ok(()));
    caller.done(RESET, "reset");
    assert_eq!(caller.logs_in(LABEL, "user", OTHER), Ok(()));
    caller.does(CHANGE_SO, "changed");
    assert_eq!(caller.logs_in(LABEL, "so", SO2), Ok(()));
    caller.done("pin reset --token desk-7 --so-pin env:SO2 --new-pin env:PIN", "reset");
    assert_eq!(caller.logs_in(LABEL, "user", PIN), Ok(()));
}

/// Its C_Login as SO opens what the SO PIN has sealed.
#[test]
fn an_so_pin_is_proved_by_a_login() {
    let Tpm { caller, .. } = &Tpm::blank();
    caller.done(INIT, "initialised");
    caller.done(CHANGE_SO, "changed");
}

#[test]
fn what_it_says_of_itself_is_shown_without_its_nuls() {
    let tpm = Tpm::new();
    let token = tpm.token(LABEL);
    for (name, value) in [("serial", "0000000000000000"), ("manufacturer", "IBM"), ("model", "SW   TPM")] {
        assert_eq!(token[name], value, "{token}");
    }
    let text = tpm.caller.run("list --via pkcs11").code(0).out;
    assert!(!text.contains('\0') && !text.contains("\\0"), "{text}");
}

/// All of them say that their serial is 0000000000000000.
#[test]
fn tokens_of_one_tpm_are_told_apart_and_a_new_one_is_made_beside_the_others() {
    let tpm = Tpm::new();
    let caller = &tpm.caller;
    caller.does("token init --label desk-8 --new-so-pin env:SO2 --new-pin env:NEW", "initialised");
    let selectors: Vec<String> =
        caller.tokens().iter().map(|token| token["selector"].as_str().unwrap().to_owned()).collect();
    let mut unique = selectors.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((selectors.len(), unique.len()), (3, 3), "two tokens and the blank one: {selectors:?}");
    for (label, pin) in [("desk-7", "PIN"), ("desk-8", "NEW")] {
        let token = tpm.token(label);
        caller.done(&format!("pin verify --token {} --pin env:{pin}", token["selector"].as_str().unwrap()), "verified");
    }
    caller.refused("pin verify --pin env:PIN", 3, "ambiguous-token");
    caller.refused("pin verify --token 0000000000000000 --pin env:PIN", 3, "ambiguous-token");
    caller.refused("token init --label desk-8 --new-so-pin env:SO", 3, "ambiguous-token");
}

/// The module says that a user PIN is set as soon as the token is, and its C_SetPIN kills the process before C_InitPIN.
#[test]
fn a_user_pin_that_was_never_set_is_unset_and_c_setpin_is_not_called() {
    let Tpm { caller, .. } = &Tpm::blank();
    caller.run("token init --label desk-7 --new-so-pin env:SO").code(0);
    for words in [&format!("{VERIFY}PIN"), CHANGE] {
        caller.refused_to("user-pin", words, 5, "unset");
        assert!(only(&caller.calls(words), &["C_SetPIN"]).is_empty());
    }
    caller.done(RESET, "reset");
    caller.done(&format!("{VERIFY}OTHER"), "verified");
}

#[test]
fn a_user_pin_that_nobody_can_know_to_be_set_is_of_unknown_state_and_the_first_one_can_be_set() {
    let tpm = Tpm::blank();
    tpm.caller.run("token init --label desk-7 --new-so-pin env:SO").code(0);
    let state = tpm.token(LABEL)["references"][0]["state"].clone();
    let hint = tpm.caller.refused_to("user-pin", &format!("{VERIFY}PIN"), 5, "unset")["hint"].clone();
    assert_eq!(state, "unknown");
    let hint = hint.as_str().unwrap();
    assert!(hint.starts_with("pukka pin set") || hint.starts_with("pukka pin reset"), "{hint}");
    tpm.caller.done("pin set --token desk-7 --so-pin env:SO --new-pin env:PIN", "set");
}

/// C_SetPIN in a public session answers OK to any old PIN, changes nothing and has the TPM count a try.
#[test]
fn a_wrong_old_pin_is_seen_before_c_setpin_and_costs_one_try() {
    let tpm = Tpm::new();
    let caller = &tpm.caller;
    let wrong = "pin change --token desk-7 --pin env:WRONG --new-pin env:NEW";
    caller.refused_to("user-pin", wrong, 4, "wrong-secret");
    assert_eq!(caller.logs_in(LABEL, "user", PIN), Ok(()));
    tpm.clear_lockout();
    assert_eq!(only(&caller.calls(wrong), &["C_Login", "C_SetPIN"]), ["C_Login"]);
    let wrong = "so-pin change --token desk-7 --so-pin env:WRONG --new-so-pin env:SO2";
    caller.refused_to("so-pin", wrong, 4, "wrong-secret");
    assert_eq!(caller.logs_in(LABEL, "so", SO), Ok(()));
}

#[test]
fn a_wrong_secret_of_any_role_is_counted_for_all_of_the_tpm_which_tells_no_tries() {
    let tpm = Tpm::new();
    let caller = &tpm.caller;
    caller.does("token init --label desk-8 --new-so-pin env:SO2 --new-pin env:NEW", "initialised");
    for words in [&format!("{VERIFY}WRONG"), CHANGE_WRONG, RESET_WRONG] {
        let error = caller.refused(words, 4, "wrong-secret");
        assert_eq!(error["tries_left"], Value::Null);
        assert!(error["message"].as_str().unwrap().contains("it may be blocked"), "{error}");
    }
    for (role, words) in [
        ("user-pin", format!("{VERIFY}PIN")),
        ("user-pin", CHANGE.into()),
        ("so-pin", RESET.into()),
        ("so-pin", CHANGE_SO.into()),
        ("user-pin", "pin verify --token desk-8 --pin env:NEW".into()),
    ] {
        let error = caller.refused_to(role, &words, 5, "blocked");
        assert_eq!(error["detail"], "CKR_PIN_LOCKED (0xA4)", "{words}");
    }
    tpm.clear_lockout();
    caller.done(&format!("{VERIFY}PIN"), "verified");
    caller.done(RESET, "reset");
}

const CHANGE_WRONG: &str = "pin change --token desk-7 --pin env:WRONG --new-pin env:NEW";
const RESET_WRONG: &str = "pin reset --token desk-7 --so-pin env:WRONG --new-pin env:NEW";

/// C_InitPIN does not unblock: the SO is shut out with the user, and the TPM lets both in again by itself, or by its owner.
#[test]
fn what_helps_a_tpm_that_blocks_is_neither_a_reset_by_the_so_nor_a_new_token() {
    let Tpm { caller, .. } = &Tpm::new();
    for _ in 0..3 {
        caller.refused(&format!("{VERIFY}WRONG"), 4, "wrong-secret");
    }
    for words in [&format!("{VERIFY}PIN"), RESET] {
        let error = caller.refused(words, 5, "blocked");
        let hint = error["hint"].as_str().unwrap();
        assert!(!hint.contains("pin reset") && !hint.contains("nothing on this token"), "{hint}");
        assert!(hint.contains("tpm2_dictionarylockout"), "{hint}");
    }
}

#[test]
fn a_live_token_is_never_destroyed_by_token_init() {
    let Tpm { caller, .. } = &Tpm::new();
    for so_pin in ["SO", "WRONG"] {
        let run = caller.run(&format!("token init --token desk-7 --destroy desk-7 --so-pin env:{so_pin} --json"));
        assert_ne!(run.code, 0, "{run:?}");
        assert_eq!((caller.logs_in(LABEL, "user", PIN), caller.logs_in(LABEL, "so", SO)), (Ok(()), Ok(())));
    }
}

/// Its C_InitToken answers CKR_ARGUMENTS_BAD to a live token, whatever the SO PIN.
#[test]
fn a_live_token_cannot_begin_anew_which_is_said_before_anything_is_asked_or_sent() {
    let tpm = Tpm::new();
    let words = "token init --token desk-7 --destroy desk-7 --so-pin env:SO";
    let calls = tpm.caller.calls(words);
    let error = tpm.caller.refused(words, 7, "unsupported");
    assert!(only(&calls, &["C_InitToken"]).is_empty(), "{error}");
    let can = tpm.token(LABEL)["can"].clone();
    assert!(!can.to_string().contains("token init"), "{can}");
}

/// It says 0 to 128 and holds nobody to that; a NULL PIN is CKR_HOST_MEMORY, an empty one is taken.
#[test]
fn the_limits_that_it_does_not_hold_are_held_for_it() {
    let Tpm { caller, .. } = &Tpm::new();
    let reset = |pin: &str| caller.call(&format!("{RESET_ODD} --json")).env("ODD", pin).run();
    assert_eq!(reset(&"7".repeat(129)).code(6).json()["error"]["kind"], json!("policy"));
    let empty = reset("");
    assert!(matches!(empty.code, 2 | 6), "{empty:?}");
    assert_eq!(caller.logs_in(LABEL, "user", PIN), Ok(()));
    let long = "7".repeat(128);
    reset(&long).code(0);
    assert_eq!(caller.logs_in(LABEL, "user", &long), Ok(()));
}

const RESET_ODD: &str = "pin reset --token desk-7 --so-pin env:SO --new-pin env:ODD";

/// Debian has p11-kit know the module, so that whoever names none gets there through the proxy, which tells nothing of whose module it is.
#[test]
fn through_p11_kits_proxy_it_is_used_in_the_same_way() {
    let mut tpm = Tpm::blank();
    tpm.caller.run("token init --label desk-7 --new-so-pin env:SO").code(0);
    tpm.caller.module = "p11-kit-proxy.so".into();
    let caller = &tpm.caller;
    for words in [&format!("{VERIFY}PIN"), CHANGE] {
        caller.refused_to("user-pin", words, 5, "unset");
        assert!(only(&caller.calls(words), &["C_SetPIN"]).is_empty());
    }
    caller.done("pin reset --token desk-7 --so-pin env:SO --new-pin env:PIN", "reset");
    caller.done(CHANGE, "changed");
    for words in [CHANGE_WRONG, RESET_WRONG, CHANGE_WRONG] {
        caller.refused(words, 4, "wrong-secret");
    }
    caller.refused_to("user-pin", &format!("{VERIFY}NEW"), 5, "blocked");
}

#[test]
fn a_tpm_that_is_not_there_is_a_fault_and_not_an_empty_listing() {
    let tpm = Tpm::new();
    let port = two_free_ports();
    let call = tpm.caller.call("list --via pkcs11 --json");
    let run = call.env("TPM2_PKCS11_TCTI", format!("swtpm:host=127.0.0.1,port={port}")).run();
    assert_eq!(run.code(8).json()["error"]["kind"], "device");
}
