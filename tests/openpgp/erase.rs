//! `token erase`: what it asks for, what it does, and what becomes of one that was cut off.

use serde_json::json;

use super::{SELECT, desk};

const ERASE: &str = "token erase --application openpgp";

#[test]
fn an_erasure_is_confirmed_by_the_serial_and_brings_the_values_of_delivery() {
    let desk = desk().with_reset_code();
    desk.run("pin change --application openpgp --pin env:PIN --new-pin env:NEW").code(0);
    for line in [ERASE.to_owned(), format!("{ERASE} --destroy 00DEC0DF")] {
        let refused = desk.run(&format!("{line} --no-input --json"));
        assert!([2, 6].contains(&refused.code), "{refused:?}");
        assert_eq!(desk.telling(), [""; 0]);
    }
    let selector = "--token card:serial=00DEC0DE;application=openpgp";
    let done = desk.run(&format!("token erase {selector} --destroy 00DEC0DE --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("erased"), &json!(true)), "{done}");
    assert_eq!(desk.counters(), [3, 0, 3]);
    assert_eq!((desk.verify(0x81, "123456"), desk.verify(0x83, "12345678")), ("9000".into(), "9000".into()));
}

#[test]
fn an_erasure_that_was_cut_off_is_told_and_ended() {
    let desk = desk();
    desk.leave_tries(0x81, 0);
    desk.leave_tries(0x83, 0);
    assert_eq!(desk.pcscd.send(0, &[SELECT, "00E60000"])[1], "9000");
    let status = desk.run("status --application openpgp").code(0);
    assert!(status.out.contains("pukka token erase"), "{status:?}");
    let can = desk.run("status --application openpgp --json").code(0).json()["tokens"][0]["can"].clone();
    assert_eq!(can, json!([{"operation": "token erase"}]));

    let refused = desk.refused("pin change --application openpgp --pin env:PIN --new-pin env:NEW", 7);
    assert!(refused["hint"].as_str().unwrap().starts_with("pukka token erase "), "{refused}");

    let confirmed = ["token", "erase", "--application", "openpgp", "--destroy", "Virtual PCD 00 00"];
    crate::support::pukka(desk.home.path(), confirmed).envs(desk.pcscd.envs()).run().code(0);
    assert_eq!(desk.counters(), [3, 0, 3]);
    assert_eq!(desk.verify(0x83, "12345678"), "9000");
}
