//! `pukka profile check`: what a profile would send, and every reason why it is none, without a reader.

use std::fs;

use crate::support::{Run, home, pukka};

/// Runs `profile check` on a file with this text. There is no pcscd at the socket that is named.
#[track_caller]
fn check(text: &str, more: &[&str]) -> Run {
    let home = home();
    let file = home.path().join("card.toml");
    fs::write(&file, text).unwrap();
    let arguments = ["profile", "check", file.to_str().unwrap()].iter().chain(more).copied().collect::<Vec<_>>();
    pukka(home.path(), arguments).env("PCSCLITE_CSOCK_NAME", "/nonexistent/pcscd").run()
}

pub const CARD: &str = r#"name = "staff"
title = "Staff card"
status = "from documents"
source = "its manual"
aid = ["A0 00 00 00 63 50 4B 43 53 2D 31 35"]

[[reference]]
name = "PIN"
role = "user-pin"
key = 0x01
encoding = "ascii"
pad = { byte = 0x00, to = 12 }
least = 6
most = 12
counter = "verify"
reset = [{ by = "PUK", forms = [0, 3] }]

[[reference]]
name = "PUK"
role = "puk"
key = 0x02
encoding = "ascii"
pad = { byte = 0x00, to = 12 }
least = 8
most = 12
counter = "none"
"#;

#[test]
fn a_profile_that_holds_says_what_it_would_send_with_secrets_by_name() {
    let run = check(CARD, &[]).code(0);
    assert_eq!(run.err, "");
    let change = "
pin change
  SELECT                 00 A4 04 00 0C A0 00 00 00 63 50 4B 43 53 2D 31 35 00
  VERIFY                 00 20 00 01
  CHANGE REFERENCE DATA  00 24 00 01 18 {PIN 00-padded to 12} {new PIN 00-padded to 12}
  VERIFY                 00 20 00 01 0C {new PIN 00-padded to 12}
";
    let reset = "
pin reset --by puk
  SELECT                 00 A4 04 00 0C A0 00 00 00 63 50 4B 43 53 2D 31 35 00
  RESET RETRY COUNTER    00 2C 00 01 18 {PUK 00-padded to 12} {new PIN 00-padded to 12}
  VERIFY                 00 20 00 01
  VERIFY                 00 20 00 01 0C {new PIN 00-padded to 12}
";
    let unblock = "
pin unblock --by puk
  SELECT                 00 A4 04 00 0C A0 00 00 00 63 50 4B 43 53 2D 31 35 00
  VERIFY                 00 20 00 02 0C {PUK 00-padded to 12}
  RESET RETRY COUNTER    00 2C 03 01
  VERIFY                 00 20 00 01
";
    assert!(run.out.starts_with("staff  Staff card\nfrom documents: its manual\n\nstatus\n"), "{}", run.out);
    for paragraph in [change, reset, unblock] {
        assert!(run.out.contains(paragraph), "{}", run.out);
    }
}

#[test]
fn programs_get_the_same_as_json() {
    let object = check(CARD, &["--json"]).code(0).json();
    assert_eq!((&object["schema"], &object["command"]), (&1.into(), &"profile check".into()));
    assert_eq!(object["profile"]["status"], "from documents");
    let operations: Vec<&str> =
        object["operations"].as_array().unwrap().iter().map(|one| one["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["status", "pin change", "pin verify", "pin unblock", "pin reset", "puk change"]);
    assert_eq!(object["operations"][2]["commands"][2]["apdu"], "00 20 00 01 0C {PIN 00-padded to 12}");
    assert_eq!(object["operations"][4]["by"], "puk");
}

#[test]
fn every_refusal_is_exit_2_with_line_and_column() {
    for (right, wrong, place) in [
        ("title", "titel", "line 2, column 1: unknown field `titel`"),
        ("key = 0x01", "key = 0x101", "line 10, column 7: "),
        ("most = 12", "most = 65", "line 14, column 8: a length is 1 to 64 characters"),
        ("least = 6", "least = 13", "line 13, column 9: the fewest characters are 1 to 12, which are the most"),
        ("to = 12", "to = 11", "line 12, column 27: 12 characters are 12 bytes, more than it is filled up to"),
        ("name = \"PUK\"", "name = \"PIN\"", "line 19, column 8: there are two references PIN"),
        ("key = 0x02", "key = 0x01", "line 21, column 7: PIN and PUK are one: key 01 at the same place"),
        ("by = \"PUK\"", "by = \"PUK2\"", "line 16, column 17: there is no reference of that name"),
        ("\"staff\"", "\"openpgp\"", "line 1, column 8: that is the name of an application that is no profile"),
        ("\"staff\"", "\"Staff\"", "line 1, column 8: a name has 1 to 32 lower-case letters, digits and dashes"),
        ("counter = \"verify\"", "counter.get-data = { command = \"00 CA 00 C4 00\" }", "line 15, column "),
    ] {
        let text = CARD.replacen(right, wrong, 1);
        let run = check(&text, &[]).code(2);
        assert!(run.err.contains(place) && run.err.starts_with("error: ") && run.out.is_empty(), "{wrong}: {run:?}");
        let object = check(&text, &["--json"]).code(2).json();
        assert_eq!(object["error"]["kind"], "usage");
        assert_eq!(object["command"], "profile check");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_exit_2() {
    let home = home();
    let call = |file: &str| pukka(home.path(), ["profile", "check", file]).run().code(2);
    assert!(call("/nonexistent/card.toml").err.contains("cannot be read"));
    assert!(call("/dev/zero").err.contains("longer than"));
    assert!(call(home.path().to_str().unwrap()).err.contains("cannot be read"));
    fs::write(home.path().join("latin1.toml"), b"title = \"\xE9\"").unwrap();
    assert!(call(home.path().join("latin1.toml").to_str().unwrap()).err.contains("not UTF-8"));
}

#[test]
fn every_profile_that_is_compiled_in_can_be_checked_like_one_s_own() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/device/card/profiles");
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(check(&text, &[]).code(0).out.contains("pin change"));
    }
}
