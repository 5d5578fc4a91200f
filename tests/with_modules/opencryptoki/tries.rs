//! Its counters: three tries, told by flags, kept on disk.

use serde_json::{Value, json};

use super::{Bench, SO, flag, module};
use crate::support::{
    desk::{NEW, PIN, WRONG},
    softhsm::{Faults, calls},
};

const VERIFY_WRONG: &str = "pin verify --token desk-7 --pin env:WRONG";
const RESET_WRONG: &str = "pin reset --token desk-7 --so-pin env:WRONG --new-pin env:NEW";

#[test]
fn three_wrong_pins_block_it_and_each_is_told_by_its_flag() {
    let mut bench = Bench::new();
    assert_eq!(bench.state(0), ("ready".into(), Value::Null));

    bench.refused(VERIFY_WRONG, 4, "wrong-secret");
    assert_eq!(bench.state(0), ("ready".into(), flag("low")));
    let error = bench.refused(VERIFY_WRONG, 4, "wrong-secret");
    assert_eq!(error["tries_left"], 1, "FINAL_TRY is one try");
    assert_eq!(bench.state(0), ("ready".into(), flag("final")));

    // The last one is not spent unasked, and what is asked for blocks at once: CKR_PIN_INCORRECT still, but the flag says it.
    bench.refused(VERIFY_WRONG, 6, "last-try");
    assert_eq!(bench.state(0), ("ready".into(), flag("final")));
    let error = bench.refused(&format!("{VERIFY_WRONG} --allow-last-try"), 5, "blocked");
    assert_eq!((&error["tries_left"], &error["detail"]), (&json!(0), &json!("CKR_PIN_INCORRECT (0xA0)")));
    assert_eq!(bench.state(0), ("blocked".into(), flag("locked")));
    assert_eq!(bench.logs_in("user", PIN), Err("CKR_PIN_LOCKED".into()));

    // It is on disk, not in the memory of the daemon.
    bench.daemon.restart();
    assert_eq!(bench.state(0), ("blocked".into(), flag("locked")));
    bench.refused("pin verify --token desk-7 --pin env:PIN", 5, "blocked");
}

#[test]
fn a_right_pin_gives_the_tries_back() {
    let bench = Bench::new();
    for _ in 0..3 {
        bench.refused(VERIFY_WRONG, 4, "wrong-secret");
        bench.done("pin verify --token desk-7 --pin env:PIN", "verified");
        assert_eq!(bench.state(0), ("ready".into(), Value::Null));
    }
}

/// C_SetPIN does not mind: it changes the PIN of a locked token and leaves it locked.
#[test]
fn a_blocked_pin_is_not_changed_behind_its_lock() {
    const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW";
    let bench = Bench::new();
    for _ in 0..3 {
        assert_eq!(bench.logs_in("user", WRONG), Err("CKR_PIN_INCORRECT".into()));
    }
    let before = bench.daemon.stored();
    bench.refused(CHANGE, 5, "blocked");
    bench.refused(&format!("{CHANGE} --allow-last-try"), 5, "blocked");
    assert_eq!(bench.daemon.stored(), before, "the PIN was changed");

    // Where the flag does not tell, as if another program had blocked it since: C_Login does.
    let log = bench.home.path().join("calls.log");
    let faults = Faults::before(module()).rule("token-flags=-0x40000").log(&log);
    let call = bench.call(&format!("{CHANGE} --json --module {}", faults.module().display()));
    let error = call.with(|command| faults.envs(command)).run().code(5).json()["error"].clone();
    assert_eq!((&error["kind"], &error["detail"]), (&json!("blocked"), &json!("CKR_PIN_LOCKED (0xA4)")));
    assert!(calls(&log).iter().any(|call| call.starts_with("C_Login")), "{:?}", calls(&log));
    assert!(!calls(&log).iter().any(|call| call.starts_with("C_SetPIN")), "{:?}", calls(&log));
    let key = |stored: Vec<(String, Vec<u8>)>| stored.into_iter().find(|(name, _)| name == "MK_USER");
    assert_eq!(key(bench.daemon.stored()), key(before), "the PIN was changed");
}

#[test]
fn a_wrong_old_pin_counts_as_one_wrong_login() {
    let bench = Bench::new();
    bench.refused("pin change --token desk-7 --pin env:WRONG --new-pin env:NEW", 4, "wrong-secret");
    assert_eq!(bench.state(0), ("ready".into(), flag("low")));
    assert_eq!(bench.logs_in("user", PIN), Ok(()));
}

#[test]
fn the_so_unblocks_by_a_new_pin() {
    let bench = Bench::new();
    for _ in 0..3 {
        assert_eq!(bench.logs_in("user", WRONG), Err("CKR_PIN_INCORRECT".into()));
    }
    let error = bench.refused("pin verify --token desk-7 --pin env:PIN", 5, "blocked");
    assert!(error["hint"].as_str().unwrap().starts_with("pukka pin reset"), "{error}");
    bench.done("pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW", "reset");
    assert_eq!(bench.state(0), ("ready".into(), Value::Null));
    assert_eq!(bench.logs_in("user", NEW), Ok(()));
}

#[test]
fn three_wrong_so_pins_block_the_so_and_the_user_keeps_the_token() {
    let bench = Bench::new();
    for tries in ["low", "final"] {
        let error = bench.refused(RESET_WRONG, 4, "wrong-secret");
        assert_eq!(error["role"], "so-pin");
        assert_eq!(bench.state(1).1, flag(tries));
    }
    bench.refused(RESET_WRONG, 6, "last-try");
    bench.refused(&format!("{RESET_WRONG} --allow-last-try"), 6, "last-try");
    bench.refused(&format!("{RESET_WRONG} --allow-last-try=so-pin"), 5, "blocked");
    assert_eq!(bench.state(1), ("blocked".into(), flag("locked")));
    assert_eq!(bench.logs_in("so", SO), Err("CKR_PIN_LOCKED".into()));
    for words in [
        "pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW",
        "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2",
        // C_InitToken answers CKR_PIN_LOCKED even to the right one.
        "token init --token desk-7 --destroy 123 --so-pin env:SO",
    ] {
        assert_eq!(bench.refused(words, 5, "blocked")["role"], "so-pin");
    }
    bench.done("pin change --token desk-7 --pin env:PIN --new-pin env:NEW", "changed");
}
