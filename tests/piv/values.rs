//! Values that a PIV card cannot take or have: refused before anything is sent.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{desk, error};

/// New PINs, and whether the value alone tells that nobody meant it, before a card is looked at.
const NEW_PINS: [(&str, bool); 8] = [
    ("27182", false),
    ("271828182", false),
    ("27182a", false),
    ("123456", false), // the old one
    ("", true),
    (" 271828", true),
    ("271828 ", true),
    ("271828\u{a0}", true),
];

#[test]
fn a_new_pin_that_the_card_must_not_get_is_refused_unsent() {
    let desk = desk();
    let long = "9".repeat(300);
    for (new, early) in NEW_PINS.into_iter().chain([(long.as_str(), false)]) {
        for command in [
            "pin change --application piv --pin env:PIN --new-pin env:TRY",
            "pin reset --application piv --puk env:PUK --new-pin env:TRY",
        ] {
            if new == "123456" && command.starts_with("pin reset") {
                continue; // who resets does not know the old one, nor does pukka
            }
            let run = desk.call(&format!("{command} --json")).env("TRY", new).run().code(6);
            assert_eq!(error(&run)["kind"], "policy", "{new:?}");
            assert!(new.is_empty() || !run.out.contains(new), "{run:?}");
            assert_eq!(desk.presented(), [""; 0], "{new:?}");
            assert!(!early || desk.headers().is_empty(), "{new:?}: {:?}", desk.headers());
        }
    }
    assert_eq!((desk.counter().as_str(), desk.verify("313233343536FFFF").as_str()), ("63C3", "9000"));
}

#[test]
fn a_new_pin_with_nul_in_a_file_is_refused_before_the_card_is_looked_at() {
    let desk = desk();
    let file = desk.home.path().join("new");
    fs::write(&file, "271\x00828\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let line = format!("pin change --application piv --pin env:PIN --new-pin file:{} --json", file.display());
    assert_eq!(error(&desk.run(&line).code(6))["kind"], "policy");
    assert_eq!(desk.headers(), [""; 0]);
}

#[test]
fn the_end_of_a_line_is_no_part_of_a_new_pin() {
    for end in ["\n", "\r\n", ""] {
        let desk = desk();
        let file = desk.home.path().join("new");
        fs::write(&file, format!("271828{end}")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let line = format!("pin change --application piv --pin env:PIN --new-pin file:{}", file.display());
        desk.run(&line).code(0);
        assert_eq!(desk.verify("323731383238FFFF"), "9000", "{end:?}");
    }
}

#[test]
fn a_present_value_of_an_impossible_length_is_refused_unsent() {
    let desk = desk();
    for value in ["12345", "123456789"] {
        for command in [
            "pin verify --application piv --pin env:TRY",
            "pin change --application piv --pin env:TRY --new-pin env:NEW",
            "pin reset --application piv --puk env:TRY --new-pin env:NEW",
            "puk change --application piv --puk env:TRY --new-puk env:PUK2",
        ] {
            let run = desk.call(&format!("{command} --json")).env("TRY", value).run().code(6);
            assert_eq!(error(&run)["kind"], "policy", "{command}");
            assert_eq!(desk.presented(), [""; 0], "{command}");
        }
    }
    assert_eq!(desk.counter(), "63C3");
}

#[test]
fn a_new_puk_has_eight_characters() {
    let desk = desk();
    for value in ["1234567", "123456789", "1234567é", "12345678"] {
        let call = desk.call("puk change --application piv --puk env:PUK --new-puk env:TRY --json");
        assert_eq!(error(&call.env("TRY", value).run().code(6))["kind"], "policy");
        assert_eq!(desk.presented(), [""; 0], "{value}");
    }
}

#[test]
fn a_generated_pin_is_one_that_the_card_takes_and_stands_alone_on_standard_output() {
    let desk = desk();
    let run = desk.run("pin change --application piv --pin env:PIN --new-pin generate").code(0);
    let pin = run.out.strip_suffix('\n').unwrap();
    assert!((6..=8).contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit()), "{run:?}");
    desk.call("pin verify --application piv --pin env:TRY").env("TRY", pin).run().code(0);
}
