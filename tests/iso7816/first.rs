//! The first PIN of a card: of none, of null bytes, of delivery; and what is kept when a counter is restored.

use std::fs;

use serde_json::json;

use super::{Desk, ESTONIA_2025, ISOAPPLET, Kind, desk, error, stand_in};
use crate::support::Pukka;

/// A card like those of TCOS, which the stand-in calls null-pin, selected by the name that it has by default there.
pub const NULL_PIN: &str = r#"name = "tcos"
title = "A card whose holder sets the first PIN"
status = "from documents"
source = "its manual"
select = ["00 A4 00 0C 02 3F 00"]
atr = ["3B 80 80 01 01"]

[status-words]
6985 = "unset"

[[reference]]
name = "PIN"
role = "user-pin"
key = 0x00
encoding = "ascii"
least = 6
most = 16
counter = "verify"
reset = [{ by = "PUK", forms = [3] }]
first.null-pin = { value = "00 00 00 00 00 00" }

[[reference]]
name = "PUK"
role = "puk"
key = 0x01
encoding = "ascii"
least = 8
most = 16
counter = "none"
"#;

const HOLDER: Kind = Kind { pin: "648219", puk: "12345678", ..ISOAPPLET };

/// A call for the card of that profile.
fn call(desk: &Desk, profile: &str, line: &str) -> Pukka {
    let file = desk.home.path().join("own.toml");
    fs::write(&file, profile).unwrap();
    desk.call(HOLDER, &format!("{line} --json --profile {}", file.display()))
}

#[test]
fn a_null_pin_is_told_as_unset_and_replaced_by_the_holder() {
    let desk = desk(stand_in("null-pin"));
    let run = |line: &str| call(&desk, NULL_PIN, line).run();
    let status = run("status").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "unset", "{status}");
    let told = error(&run("pin verify --pin env:PIN").code(5));
    assert_eq!(told["kind"], "unset");
    assert!(told["hint"].as_str().unwrap().starts_with("pukka pin set --token "), "{told}");
    let done = run("pin set --new-pin env:PIN").code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("set"), &json!(true)));
    assert_eq!(desk.presented(), ["002400000C000000000000363438323139", "0020000006363438323139"]);
    run("pin verify --pin env:PIN").code(0);
    assert_eq!(error(&run("pin set --new-pin env:NEW").code(7))["kind"], "unsupported");
}

#[test]
fn a_pin_that_was_kept_works_again_after_the_puk_unblocked_it() {
    let desk = desk(stand_in("null-pin").dialect("first=set"));
    let kept = Kind { pin: "123456", ..HOLDER };
    let file = desk.home.path().join("own.toml");
    fs::write(&file, NULL_PIN).unwrap();
    let run = |line: &str| desk.call(kept, &format!("{line} --json --profile {}", file.display())).run();
    for _ in 0..3 {
        desk.pcscd.send(0, &["0020000006393939393939"]);
    }
    run("pin verify --pin env:PIN").code(5);
    assert_eq!(error(&run("pin reset --puk env:PUK --new-pin env:NEW").code(7))["kind"], "unsupported");
    assert_eq!(error(&run("pin unblock --puk env:WRONG_PUK").code(4))["role"], "puk");
    let done = run("pin unblock --puk env:PUK").code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("unblocked"), &json!(true)));
    run("pin verify --pin env:PIN").code(0);
    // A PIN of variable length is verified before it is changed.
    let told = error(&run("pin change --pin env:WRONG --new-pin env:NEW").code(4));
    assert_eq!((&told["tries_left"], desk.headers().last()), (&json!(2), Some(&"00200000".to_owned())));
    run("pin change --pin env:PIN --new-pin env:NEW").code(0);
    assert_eq!(desk.headers(), ["00A4000C", "00200000", "00200000", "00240000", "00200000"]);
}

#[test]
fn one_character_too_many_in_the_old_pin_is_a_wrong_pin_and_the_pin_stays() {
    let desk = desk(stand_in("null-pin").dialect("first=set"));
    let surplus = Kind { pin: "1234569", ..HOLDER };
    let file = desk.home.path().join("own.toml");
    fs::write(&file, NULL_PIN).unwrap();
    let run = |kind, line: &str| desk.call(kind, &format!("{line} --json --profile {}", file.display())).run();
    run(surplus, "pin change --pin env:PIN --new-pin env:NEW").code(4);
    run(Kind { pin: "123456", ..HOLDER }, "pin verify --pin env:PIN").code(0);
}

#[test]
fn a_pin_of_delivery_is_replaced_by_its_holder_who_was_sent_it() {
    let desk = desk(stand_in("esteid-2025"));
    let kind = ESTONIA_2025;
    let status = desk.run(kind, "status").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "must-change", "{status}");
    desk.run(kind, "pin change --pin env:PIN --new-pin env:NEW").code(0);
    let status = desk.run(kind, "status").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "ready", "{status}");

    let desk = super::desk(stand_in("null-pin").dialect("first=transport-pin"));
    let transport =
        NULL_PIN.replace("null-pin = { value = \"00 00 00 00 00 00\" }", "transport-pin = { least = 6, most = 6 }");
    let run = |line: &str| call(&desk, &transport, line).envs([("PIN", "123456")]).run();
    assert_eq!(error(&run("pin set --new-pin env:NEW --no-input").code(2))["kind"], "usage");
    assert_eq!(error(&run("pin set --pin env:WRONG --new-pin env:NEW").code(4))["tries_left"], 2);
    let done = run("pin set --pin env:PIN --new-pin env:NEW").code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("set"), &json!(true)));
    run("pin verify --pin env:NEW").code(0);
}

#[test]
fn an_applet_without_values_gets_its_puk_before_its_pin_or_none() {
    let desk = desk(stand_in("isoapplet").dialect("first=unset"));
    let told = error(&desk.run(ISOAPPLET, "pin set --new-pin env:PIN --no-input").code(2));
    assert!(told["message"].as_str().unwrap().contains("--new-puk"), "{told}");
    assert_eq!(desk.presented(), [""; 0]);
    let done = desk.run(ISOAPPLET, "pin set --new-pin env:PIN --new-puk env:PUK").code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("set"), &json!(false)), "the PUK is not probed: {done}");
    assert_eq!(desk.headers(), ["00A40400", "00200001", "00240102", "00200001", "00240101", "00200001"]);
    desk.run(ISOAPPLET, super::RESET).code(0);
    let told = error(&desk.run(ISOAPPLET, "pin set --new-pin env:PIN --new-puk env:PUK").code(7));
    assert!(told["message"].as_str().unwrap().contains("it has one"), "{told}");
    desk.run(ISOAPPLET, "pin verify --pin env:NEW").code(0);
}

#[test]
fn an_applet_pulled_between_its_puk_and_its_pin_is_brought_to_its_end_by_naming_that_puk() {
    let desk = desk(stand_in("isoapplet").dialect("first=unset"));
    // By a call that was cut off.
    desk.pcscd.send(0, &["00A404000CF276A288BCFBA69D34F31001", "002401021031323334353637383132333435363738"]);
    let told = error(&desk.run(ISOAPPLET, "pin set --new-pin env:PIN --new-puk env:PUK").code(7));
    assert!(told["hint"].as_str().unwrap().contains("--puk"), "{told}");
    let done = desk.run(ISOAPPLET, "pin set --new-pin env:PIN --puk env:PUK").code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("set"), &json!(false)), "no PUK is probed: {done}");
    assert_eq!(desk.headers(), ["00A40400", "00200001", "00240102", "00200001", "00240101", "00200001"]);
    desk.run(ISOAPPLET, super::RESET).code(0);
    // Nobody loses the PUK for ever by a mistake about what the earlier call did.
    let desk = super::desk(stand_in("isoapplet").dialect("first=unset"));
    desk.run(ISOAPPLET, "pin set --new-pin env:PIN --puk env:PUK").code(0);
    desk.run(ISOAPPLET, super::RESET).code(0);
}

#[test]
fn a_generated_puk_that_the_card_took_is_not_thrown_away_with_a_pin_that_it_refused() {
    let desk = desk(stand_in("isoapplet").dialect("first=unset").fault("answer=6A80@24:2"));
    let file = desk.home.path().join("puk");
    let line = format!("pin set --new-pin env:PIN --new-puk generate:{}", file.display());
    let told = error(&desk.run(ISOAPPLET, &line).code(6));
    assert_eq!((&told["kind"], &told["done"]), (&json!("new-value-refused"), &json!(["set"])));
    assert_eq!(fs::read_to_string(file).unwrap().trim().len(), 16);
}
