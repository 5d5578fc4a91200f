//! `token init` of a SmartCard-HSM: SO PIN and first PIN come with one command, and what was there is gone.

use serde_json::json;

use super::{COUNTER, SO_COUNTER, VERIFY_NEW, VERIFY_PIN, VERIFY_SO_PIN, desk, error};

const BLANK: &str = "token init --application sc-hsm --new-so-pin env:SO --new-pin env:NEW --json";
const LIVE: &str = "token init --token DEV00DEC0DE --so-pin env:SO --new-pin env:NEW --destroy DEV00DEC0DE --json";

#[test]
fn a_blank_device_gets_both_pins_in_one_command_without_a_label() {
    let desk = desk(&["delivered=new"]);
    let status = desk.run("status --application sc-hsm --json").code(0).json();
    let token = &status["tokens"][0];
    assert_eq!(
        (&token["references"][0]["state"], &token["references"][1]["state"]),
        (&json!("unset"), &json!("unset"))
    );
    assert_eq!(token["can"], json!([{"operation": "token init"}]));
    let unset = error(&desk.run("pin verify --application sc-hsm --pin env:PIN --json").code(5));
    assert_eq!(unset["kind"], "unset");
    assert!(unset["hint"].as_str().unwrap().starts_with("pukka token init "), "{unset}");

    let done = desk.run(BLANK).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("initialised"), &json!(true)), "{done}");
    assert_eq!((desk.ask(VERIFY_NEW), desk.ask(VERIFY_SO_PIN)), ("9000".into(), "9000".into()));
    assert_eq!(desk.ask(COUNTER), "63C3");
    // It is live now, and no candidate any more.
    let refused = error(&desk.run(BLANK).code(3));
    assert!(refused["message"].as_str().unwrap().contains("--token"), "{refused}");
}

#[test]
fn a_blank_device_needs_its_first_pin() {
    let desk = desk(&["delivered=new"]);
    let refused = error(&desk.run("token init --application sc-hsm --new-so-pin env:SO --json").code(2));
    assert!(refused["message"].as_str().unwrap().contains("--new-pin"), "{refused}");
    assert_eq!(desk.presented(), [""; 0]);
}

#[test]
fn a_live_device_is_destroyed_only_under_its_serial_and_by_its_own_so_pin() {
    let desk = desk(&[]);
    let unnamed = LIVE.replace(" --destroy DEV00DEC0DE", "");
    for (line, code, kind) in [
        (unnamed.clone(), 2, "usage"),
        (format!("{unnamed} --yes"), 2, "usage"),
        (format!("{unnamed} --destroy sc-hsm"), 6, "not-confirmed-by-user"),
        (LIVE.replace("--so-pin env:SO", "--new-so-pin env:SO"), 2, "usage"),
        (LIVE.replace("env:SO ", "env:SO_SHORT "), 6, "policy"),
        (LIVE.replace("env:NEW", "env:SHORT"), 6, "policy"),
    ] {
        let refused = error(&desk.run(&line).code(code));
        assert_eq!((&refused["kind"], desk.presented()), (&json!(kind), vec![]), "{line}: {refused}");
    }
    let wrong = error(&desk.run(&LIVE.replace("env:SO ", "env:SO_WRONG ")).code(4));
    assert_eq!((&wrong["role"], &wrong["tries_left"]), (&json!("so-pin"), &json!(14)), "{wrong}");
    assert_eq!((desk.ask(SO_COUNTER), desk.ask(VERIFY_PIN)), ("63CE".into(), "9000".into()));
    assert!(!desk.sent().iter().any(|command| command.starts_with("8050")));

    let done = desk.run(LIVE).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("initialised"), &json!(true)), "{done}");
    assert_eq!((desk.ask(VERIFY_NEW), desk.ask(VERIFY_PIN)), ("9000".into(), "63C2".into()));
}

#[test]
fn a_blocked_so_pin_ends_it_and_its_last_try_is_kept() {
    let desk = desk(&["so-tries=2"]);
    desk.spend(super::VERIFY_WRONG_SO_PIN, 1);
    assert_eq!(error(&desk.run(LIVE).code(6))["kind"], "last-try");
    assert_eq!(desk.presented(), [""; 0]);
    desk.spend(super::VERIFY_WRONG_SO_PIN, 1);
    assert_eq!(error(&desk.run(LIVE).code(5))["kind"], "blocked");
    assert_eq!((desk.presented(), desk.ask(VERIFY_PIN)), (vec![], "9000".into()));
}

#[test]
fn a_pin_that_is_easy_to_guess_has_few_tries() {
    for (tries, new, code) in
        [(4, "env:NEW", 6), (5, "env:SEVEN", 0), (6, "env:SEVEN", 6), (10, "env:EIGHT", 0), (11, "env:EIGHT", 6)]
    {
        let desk = desk(&["delivered=new"]);
        let line = format!("{} --pin-tries {tries}", BLANK.replace("env:NEW", new));
        let dry = desk.run(&format!("{line} --dry-run")).code(code);
        assert_eq!(desk.presented(), [""; 0], "{dry:?}");
        let run = desk.run(&line).code(code);
        if code == 0 {
            assert_eq!(desk.ask(COUNTER), format!("63C{tries:X}"));
        } else {
            assert_eq!((error(&run)["kind"].clone(), desk.presented()), (json!("policy"), vec![]));
        }
    }
}

#[test]
fn a_label_is_given_kept_and_shown_by_other_tools() {
    let desk = desk(&["delivered=new"]);
    let done = desk.run(&format!("{BLANK} --label root-CA")).code(0).json();
    assert_eq!((&done["token"]["label"], &done["confirmed"]), (&json!("root-CA"), &json!(true)), "{done}");
    let shown = std::process::Command::new("pkcs15-tool").arg("--dump").envs(desk.pcscd.envs()).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("[root-CA]"), "{shown:?}");
    let again = "token init --token root-CA --so-pin env:SO --new-pin env:NEW --destroy DEV00DEC0DE --json";
    assert_eq!(desk.run(again).code(0).json()["token"]["label"], "root-CA");
}

#[test]
fn what_the_so_pin_may_do_later_is_laid_down_now() {
    for (way, reset, unblock) in [("reset", 0, 7), ("unblock", 0, 0), ("none", 7, 7)] {
        let desk = desk(&["delivered=new"]);
        desk.run(&format!("{BLANK} --pin-recovery {way}")).code(0);
        desk.run("pin unblock --application sc-hsm --so-pin env:SO").code(unblock);
        desk.run("pin reset --application sc-hsm --so-pin env:SO --new-pin env:PIN").code(reset);
    }
}

#[test]
fn a_transport_pin_waits_for_its_holder_and_is_not_called_confirmed() {
    let desk = desk(&["delivered=new"]);
    for dry_run in ["", " --dry-run"] {
        let labelled = error(&desk.run(&format!("{BLANK} --transport-pin --label ca{dry_run}")).code(2));
        assert_eq!((&labelled["kind"], desk.presented()), (&json!("usage"), vec![]), "{labelled}");
    }
    let done = desk.run(&format!("{BLANK} --transport-pin")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("initialised"), &json!(false)), "{done}");
    desk.run("pin change --application sc-hsm --pin env:NEW --new-pin env:PIN").code(0);
    assert_eq!(desk.ask(VERIFY_PIN), "9000");
}

#[test]
fn a_live_device_with_a_label_loses_it_where_it_begins_anew_with_a_transport_pin() {
    let desk = desk(&["delivered=new"]);
    desk.run(&format!("{BLANK} --label root-CA")).code(0);
    let done = desk.run(&format!("{LIVE} --transport-pin")).code(0).json();
    assert_eq!((&done["outcome"], &done["token"]["label"]), (&json!("initialised"), &json!(null)), "{done}");
}

#[test]
fn a_dry_run_tells_what_dies_and_sends_nothing() {
    let desk = desk(&[]);
    let planned = desk.run(&format!("{LIVE} --dry-run")).code(0).json();
    assert_eq!(planned["plan"]["needs"], json!(["so-pin", "new-pin"]), "{planned}");
    assert!(planned["plan"]["costs"].to_string().contains("everything on the token"), "{planned}");
    assert_eq!(desk.presented(), [""; 0]);
}
