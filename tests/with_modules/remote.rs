//! p11-kit's remote: SoftHSM2 in another process, which p11-kit's client module shows as it is.

use std::process::Command;

use serde_json::json;

use super::caller::{Caller, Daemon, library};
use crate::support::desk::{Desk, LABEL, NEW, OTHER, PIN, SO, SO2};
use crate::support::softhsm::softhsm_module;

const INIT: &str = "token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN";
const VERIFY: &str = "pin verify --token desk-7 --pin env:";
const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW";
const RESET: &str = "pin reset --token desk-7 --so-pin env:SO --new-pin env:OTHER";
const CHANGE_SO: &str = "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2";

/// A server of the desk's tokens, on a socket of its own.
struct Remote {
    desk: Desk,
    caller: Caller,
    daemon: Option<Daemon>,
}

impl Remote {
    #[track_caller]
    fn of(desk: Desk) -> Self {
        let socket = desk.path("server.sock");
        let mut command = Command::new("p11-kit");
        command.args(["server", "--foreground", "--name"]).arg(&socket).arg("--provider").arg(softhsm_module());
        command.arg("pkcs11:").env("XDG_RUNTIME_DIR", desk.store.dir());
        desk.store.envs(&mut command);
        let daemon = Daemon::start(&mut command, &desk.path("server.log"), || socket.exists());
        let environment = vec![
            ("P11_KIT_SERVER_ADDRESS".into(), format!("unix:path={}", socket.display())),
            ("P11_KIT_SERVER_PID".into(), daemon.id().to_string()),
        ];
        // The tool has none of the variables of SoftHSM2: what it sees came from the server.
        let caller = Caller::new(library("pkcs11/p11-kit-client.so", "p11-kit-modules"), environment);
        Self { desk, caller, daemon: Some(daemon) }
    }
}

#[test]
fn a_token_lives_through_every_operation_and_each_is_confirmed() {
    let Remote { desk, caller, daemon: _daemon } = &Remote::of(Desk::blank());
    caller.done(INIT, "initialised");
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
    caller.done(&format!("{VERIFY}PIN"), "verified");
    caller.done(CHANGE, "changed");
    assert!(desk.is_pin(NEW));
    caller.done(RESET, "reset");
    assert!(desk.is_pin(OTHER));
    caller.done(CHANGE_SO, "changed");
    assert!(desk.is_so_pin(SO2));
}

#[test]
fn its_failures_are_those_of_the_module_behind() {
    let Remote { desk, caller, daemon: _daemon } = &Remote::of(Desk::new());
    let change = "pin change --token desk-7 --pin env:WRONG --new-pin env:NEW";
    let reset = "pin reset --token desk-7 --so-pin env:WRONG --new-pin env:NEW";
    let change_so = "so-pin change --token desk-7 --so-pin env:WRONG --new-so-pin env:SO2";
    for (role, words) in
        [("user-pin", &*format!("{VERIFY}WRONG")), ("user-pin", change), ("so-pin", reset), ("so-pin", change_so)]
    {
        let error = caller.refused_to(role, words, 4, "wrong-secret");
        assert_eq!(error["detail"], "CKR_PIN_INCORRECT (0xA0)");
    }
    let tokens = caller.tokens();
    let live = tokens.iter().find(|token| token["label"] == LABEL).unwrap();
    for reference in live["references"].as_array().unwrap() {
        assert_eq!(reference["tries"], json!({"flag": "low"}), "SoftHSM2 warns from the first wrong one: {live}");
    }
    let short = caller.call("pin change --token desk-7 --pin env:PIN --new-pin env:ODD --json").env("ODD", "123").run();
    assert_eq!(short.code(6).json()["error"]["kind"], "policy");
    caller.refused("pin set --token desk-7 --so-pin env:SO --new-pin env:NEW", 7, "unsupported");
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
}

#[test]
fn a_user_pin_that_was_never_set_is_unset_and_the_first_one_can_be_set() {
    let desk = Desk::blank();
    desk.store.token(LABEL, SO, None);
    let Remote { desk, caller, daemon: _daemon } = &Remote::of(desk);
    caller.refused_to("user-pin", &format!("{VERIFY}PIN"), 5, "unset");
    caller.done("pin set --token desk-7 --so-pin env:SO --new-pin env:PIN", "set");
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_live_token_begins_anew_by_its_so_pin_alone() {
    let desk = Desk::blank();
    let serial = desk.store.token(LABEL, SO, Some(PIN));
    let Remote { desk, caller, daemon: _daemon } = &Remote::of(desk);
    let anew = format!("token init --token desk-7 --destroy {serial}");
    caller.refused_to("so-pin", &format!("{anew} --so-pin env:WRONG"), 4, "wrong-secret");
    assert!(desk.is_pin(PIN));
    caller.done(&format!("{anew} --so-pin env:SO"), "initialised");
    caller.refused_to("user-pin", &format!("{VERIFY}PIN"), 5, "unset");
}

/// The client starts all the same then, and shows no slot: it cannot be told from one that serves no token.
#[test]
fn without_its_server_there_is_no_token() {
    let mut remote = Remote::of(Desk::new());
    remote.caller.done(&format!("{VERIFY}PIN"), "verified");
    drop(remote.daemon.take());
    remote.caller.refused(&format!("{VERIFY}PIN"), 3, "no-token");
    assert!(remote.desk.is_pin(PIN));
}
