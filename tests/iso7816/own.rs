//! A site's own profiles: a file that is named, and directories.

use std::fs;

use serde_json::json;

use super::{Desk, ISOAPPLET, Kind, MYEID, desk, error, first::NULL_PIN, stand_in};
use crate::support::{Pukka, Run};

/// A card that pukka has never heard of, by nothing but a file: the stand-in's block of GlobalPlatform, under a name of its own.
const STAFF: &str = r#"name = "staff"
title = "Staff card of 2024"
status = "tested"
source = "its manual"
aid = ["A0 00 00 01 77 50 4B 43 53 2D 31 35"]

[[reference]]
name = "PIN"
role = "user-pin"
key = 0x01
encoding = "glp"
least = 4
most = 12
counter = "verify"
tries = 3
"#;

const HOLDER: Kind = Kind { pin: "1234", new: "27182818", wrong: "9999", ..ISOAPPLET };

fn staff() -> Desk {
    let desk = desk(stand_in("glp"));
    fs::write(desk.home.path().join("staff.toml"), STAFF).unwrap();
    desk
}

impl Desk {
    fn by_file(&self, line: &str) -> Run {
        let file = self.home.path().join("staff.toml");
        self.call(HOLDER, &format!("{line} --json --profile {}", file.display())).run()
    }

    /// Puts a file into the user's own directory of profiles.
    fn own(&self, file: &str, text: &str) {
        let directory = self.home.path().join("config/pukka/profiles.d");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(file), text).unwrap();
    }

    fn plain(&self, line: &str) -> Pukka {
        self.call(HOLDER, &format!("{line} --json"))
    }
}

#[test]
fn a_card_of_your_own_needs_nothing_but_its_file() {
    let desk = staff();
    assert_eq!(error(&desk.plain("status --via pcsc --application isoapplet").run().code(3))["kind"], "no-token");
    let status = desk.by_file("status").code(0).json();
    let [token] = status["tokens"].as_array().unwrap().as_slice() else { panic!("{status}") };
    assert_eq!((&token["application"], &token["model"]), (&json!("staff"), &json!("Staff card of 2024")));
    assert_eq!(token["references"][0]["tries"], json!({"left": 3, "limit": 3}));
    assert_eq!(error(&desk.by_file("pin verify --pin env:WRONG").code(4))["tries_left"], 2);
    let done = desk.by_file("pin change --pin env:PIN --new-pin env:NEW").code(0).json();
    assert_eq!((&done["confirmed"], &done["tries"]), (&json!(true), &json!({"left": 3, "limit": 3})));
    assert_eq!(desk.presented()[0], "0024000110241234FFFFFFFFFF2827182818FFFFFF");
    let told = error(&desk.by_file("pin reset --puk env:PUK --new-pin env:PIN").code(7));
    assert!(told["hint"].as_str().unwrap().contains("pin change"), "{told}");
}

#[test]
fn a_hint_names_the_profile_that_the_call_named() {
    let desk = staff();
    let told = error(&desk.by_file("pin unblock --puk env:PUK").code(7));
    let hint = told["hint"].as_str().unwrap();
    assert!(hint.ends_with(&format!("--profile '{}'", desk.home.path().join("staff.toml").display())), "{hint}");
}

#[test]
fn who_names_a_profile_means_its_card_and_no_other() {
    let desk = desk(stand_in("myeid"));
    fs::write(desk.home.path().join("staff.toml"), STAFF).unwrap();
    assert_eq!(error(&desk.by_file("status").code(3))["kind"], "no-token");
    let line = "pin verify --pin env:PIN --application myeid";
    let file = desk.home.path().join("staff.toml");
    desk.call(MYEID, &format!("{line} --profile {}", file.display())).run().code(0);
}

#[test]
fn a_profile_in_the_users_directory_is_found_without_being_named() {
    let desk = staff();
    desk.own("10-staff.toml", STAFF);
    desk.own("readme.txt", "no profile");
    desk.own(".10-staff.toml.swp.toml", "no profile");
    let listed = desk.plain("list --via pcsc").run().code(0).json();
    assert_eq!(listed["tokens"][0]["application"], "staff", "{listed}");
    desk.plain("pin verify --application staff --pin env:PIN").run().code(0);
}

#[test]
fn a_file_that_holds_no_profile_is_an_error_with_line_and_column_wherever_it_stands() {
    let desk = staff();
    desk.own("bad.toml", &STAFF.replace("key = 0x01", "key = 0x101"));
    for call in [desk.plain("list"), desk.plain("pin verify --application piv --pin env:PIN")] {
        let told = error(&call.run().code(2));
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("bad.toml, line 10, column 7"), "{message}");
    }
    let file = desk.home.path().join("staff.toml");
    fs::write(&file, STAFF.replace("least = 4", "least = 3")).unwrap();
    assert!(
        error(&desk.by_file("list").code(2))["message"].as_str().unwrap().contains("staff.toml, line 12, column 9")
    );
    let missing = error(&desk.call(HOLDER, "list --json --profile /nonexistent.toml").run().code(2));
    assert!(missing["message"].as_str().unwrap().contains("cannot be read"), "{missing}");
    // What asks no token does not look there.
    desk.call(HOLDER, "completions bash").run().code(0);
}

#[test]
fn two_files_of_one_name_are_refused_and_the_sites_own_takes_the_place_of_a_profile_compiled_in() {
    let desk = staff();
    desk.own("a.toml", STAFF);
    desk.own("b.toml", STAFF);
    let message = error(&desk.plain("list").run().code(2))["message"].clone();
    let message = message.as_str().unwrap();
    assert!(message.contains("a.toml") && message.contains("b.toml") && message.contains("named staff"), "{message}");
    fs::remove_file(desk.home.path().join("config/pukka/profiles.d/b.toml")).unwrap();
    desk.own(
        "isoapplet.toml",
        &STAFF.replace("\"staff\"", "\"isoapplet\"").replace("A0 00 00 01 77", "F0 00 00 01 77"),
    );
    let told = desk.plain("list --via pcsc").run().code(0).json();
    assert_eq!(told["tokens"][0]["application"], "staff");
    assert!(!desk.card.apdus().iter().any(|(command, _)| command.contains("F276A288BCFBA69D34F31001")), "replaced");
    // A file that is named goes before the directory's of the same name.
    let file = desk.home.path().join("staff.toml");
    fs::write(&file, STAFF.replace("Staff card of 2024", "Another")).unwrap();
    assert_eq!(desk.by_file("list").code(0).json()["tokens"][0]["model"], "Another");
}

#[test]
fn through_its_antenna_a_card_that_refuses_every_pin_is_not_told_as_a_wrong_pin() {
    let desk = desk(stand_in("null-pin").dialect("first=set").dialect("contactless=yes"));
    let contactless = NULL_PIN.replace("atr =", "contactless-refuses = true\natr =");
    fs::write(desk.home.path().join("staff.toml"), contactless).unwrap();
    let status = desk.by_file("status").code(0).json();
    assert!(status["tokens"][0]["notes"][0].as_str().unwrap().contains("antenna"), "{status}");
    for line in ["pin verify --pin env:PIN", "pin change --pin env:PIN --new-pin env:NEW"] {
        let kind = Kind { pin: "123456", ..HOLDER };
        let file = desk.home.path().join("staff.toml");
        let told = error(&desk.call(kind, &format!("{line} --json --profile {}", file.display())).run().code(8));
        assert!(told["message"].as_str().unwrap().contains("contacts"), "{told}");
        assert_eq!((&told["kind"], &told["detail"]), (&json!("device"), &json!("SW 6982")));
    }
    assert_eq!(desk.pcscd.send(0, &["00200000"]), ["63C3"], "no try was spent");
}
