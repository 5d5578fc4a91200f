//! A token store that takes no more: what was not stored is never said to be.

use serde_json::{Value, json};

use super::{CHANGE, CHANGE_SO, RESET};
use crate::support::{
    desk::{Desk, NEW, PIN, SO},
    running::shell,
};

/// The same call with files that cannot grow beyond so many bytes; the module hears of it as a write that fails.
fn limited(bytes: u32) -> String {
    format!(r#"trap "" XFSZ; exec prlimit --fsize={bytes} "$PUKKA" "$@""#)
}

#[test]
fn a_store_that_does_not_take_the_new_value_is_found_out() {
    for words in [CHANGE, RESET, CHANGE_SO] {
        // Enough for the mark in the lock, and too little for the token's file, or for the copy of it.
        for bytes in [20, 100, 200] {
            let desk = Desk::new();
            let run = shell(desk.call(&format!("{words} --json")), limited(bytes));
            assert!([8, 11].contains(&run.code), "{words} with {bytes}: {run:?}");
            let json = run.json();
            assert_eq!(json["outcome"], Value::Null, "{words} with {bytes}: {json}");
            assert_eq!(json["error"]["exit_code"], json!(run.code), "{json}");
        }
    }
}

#[test]
fn a_store_with_room_enough_takes_the_new_value() {
    let desk = Desk::new();
    let json = shell(desk.call(&format!("{CHANGE} --json")), limited(1_000_000)).code(0).json();
    assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("changed"), &json!(true)), "{json}");
    assert!(desk.is_pin(NEW) && !desk.is_pin(PIN) && desk.is_so_pin(SO));
}
