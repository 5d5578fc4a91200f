//! `pukka policy check`: what holds, from which line, and whether a value would pass.

use std::fs;

use serde_json::json;

use super::{ruled, says};
use crate::support::{Run, administrator::Administrator, home, pukka};

const POLICY: &str = r#"
[[policy]]
roles = ["user-pin", "puk"]
min = 6
refuse = ["sequences"]

[[policy]]
application = "piv"
max = 8
characters = "digits"
authorities = ["puk"]
allow-last-try = false
generate = { length = 8 }

[[policy]]
application = "openpgp"
min = 10
"#;

/// Checks a value against it, with more words.
fn check(value: &str, words: &str) -> Run {
    let home = home();
    let words = format!("policy check {words}");
    Administrator::new(POLICY).over(pukka(home.path(), words.split_whitespace()).env("VALUE", value)).run()
}

#[test]
fn what_holds_is_said_merged_with_the_lines_it_comes_from() {
    let run = check("", "--application piv").code(0);
    let said: Vec<String> = run.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        said,
        [
            "user-pin",
            "min 6",
            "max 8",
            "characters digits",
            "refuse sequences",
            "authorities puk",
            "allow-last-try false",
            "generate 8",
            "from /etc/pukka/config.toml, line 2: every token",
            "from /etc/pukka/config.toml, line 7: application = \"piv\"",
            "",
            "puk",
            "min 6",
            "refuse sequences",
            "from /etc/pukka/config.toml, line 2: every token",
        ]
    );
    assert_eq!(run.err, "");
    let json = check("", "--application piv --json").code(0).json();
    assert_eq!(
        (&json["schema"], &json["command"], &json["outcome"]),
        (&json!(1), &json!("policy check"), &json!("checked"))
    );
    let pin = &json["rulings"][0];
    assert_eq!((&pin["role"], &pin["min"], &pin["max"]), (&json!("user-pin"), &json!(6), &json!(8)));
    assert_eq!((&pin["refuse"], &pin["authorities"]), (&json!(["sequences"]), &json!(["puk"])));
    assert_eq!((&pin["allow_last_try"], &pin["generate"]["length"]), (&json!(false), &json!(8)));
    assert_eq!(pin["clauses"][1]["line"], 7);
    assert_eq!(json["rulings"][1]["max"], json!(null), "nothing is laid down for a PUK of that");
}

#[test]
fn without_a_policy_that_is_said() {
    let home = home();
    let run = pukka(home.path(), ["policy", "check"]).run().code(0);
    assert!(run.out.starts_with("no policy: nothing is refused"), "{run:?}");
    let json = pukka(home.path(), ["policy", "check", "--json"]).run().code(0).json();
    assert_eq!(json["rulings"], json!([]));
}

#[test]
fn a_value_that_would_pass_is_0_and_one_that_would_not_is_6_with_the_rule_and_never_the_value() {
    let run = check("264859", "--application piv --pin env:VALUE").code(0);
    assert!(run.err.contains("this PIN passes the policy"), "{run:?}");
    let json = check("264859", "--application piv --pin env:VALUE --json").code(0).json();
    assert_eq!((&json["outcome"], &json["role"]), (&json!("passed"), &json!("user-pin")));
    for (value, words, line) in [
        ("26485", "--application piv", 4),
        ("264859273", "--application piv", 9),
        ("26485a", "--application piv", 10),
        ("23456789", "--application piv", 5),
        ("23456789", "--application piv --role puk", 5),
        // Where no token is named, every policy counts that could hold.
        ("264859", "--application openpgp", 17),
        ("26485a", "", 10),
        ("26485927", "", 17),
    ] {
        let words = format!("{words} --pin env:VALUE --json");
        let error = check(value, &words).code(6).json()["error"].clone();
        assert_eq!((&error["kind"], &error["hint"]), (&json!("policy"), &json!(null)), "{error}");
        says(&error, &[&format!("/etc/pukka/config.toml, line {line}")]);
        assert!(!error.to_string().contains(value), "{error}");
    }
    check("26485a", "--application piv --role puk --pin env:VALUE").code(0);
}

#[test]
fn what_is_for_some_tokens_only_is_told_with_what_is_for_all() {
    let json = check("", "--json").code(0).json();
    let rulings = json["rulings"].as_array().unwrap().iter().filter(|ruling| ruling["role"] == "user-pin");
    let told: Vec<_> = rulings.map(|ruling| (ruling["min"].clone(), ruling["max"].clone())).collect();
    // For all, for those of PIV, for those of OpenPGP.
    assert_eq!(told, [(json!(6), json!(null)), (json!(6), json!(8)), (json!(10), json!(null))]);
}

#[test]
fn policies_that_nothing_can_meet_together_are_told_for_whom_that_is_so() {
    let home = home();
    let administrator = Administrator::new("[[policy]]\nmin = 10\n[[policy]]\napplication = \"piv\"\nmax = 8\n");
    for (application, code) in [("piv", 6), ("openpgp", 0)] {
        let call = pukka(home.path(), ["policy", "check", "--json", "--application", application]);
        let run = administrator.over(call).run().code(code);
        if code == 6 {
            says(&run.json()["error"], &["/etc/pukka/config.toml, line 2", "/etc/pukka/config.toml, line 5"]);
        }
    }
    administrator.over(pukka(home.path(), ["policy", "check"])).run().code(6);
}

#[test]
fn a_value_comes_from_a_source_as_everywhere_and_is_no_word_of_the_call() {
    let run = check("", "--pin 264859 --application piv").code(2);
    assert!(!run.err.contains("264859"), "{run:?}");
    check("", "--pin pinpad --application piv").code(2);
    check("", "--pin env:NONE --application piv").code(2);
    check(" 264859", "--pin env:VALUE --application piv").code(6);
}

#[test]
fn a_token_that_is_named_is_looked_at_for_its_limits_and_its_names_and_nothing_is_spent() {
    let desk = ruled(
        "[[policy]]\nlabel = \"desk-7\"\nmin = 5\nrefuse = [\"label\"]\n[[policy]]\nlabel = \"other\"\nmin = 9\n",
    );
    let check = ["policy", "check", "--token", "desk-7", "--pin", "env:NEXT", "--json"];
    let json = desk.call(&check, "26485").run().code(0).json();
    assert_eq!(json["rulings"][0]["clauses"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(json["token"]["label"], "desk-7", "{json}");
    desk.refused(&check, "2648", 6, "policy");
    desk.refused(&check, "Xdesk-7X", 6, "policy");
    desk.refused(&["policy", "check", "--token", "absent", "--json"], "", 3, "no-token");
    let impossible = ruled("[[policy]]\nmin = 256\n");
    says(&impossible.refused(&["policy", "check", "--token", "desk-7", "--json"], "", 6, "policy"), &["line 2", "255"]);
}

#[test]
fn a_file_that_does_not_hold_is_exit_2_with_line_and_column() {
    let home = home();
    let file = home.path().join("own.toml");
    for (text, place, why) in [
        ("[[policy]]\nmni = 6\n", "line 2, column 1", "unknown field `mni`"),
        ("[[policy]]\nmin = \"6\"\n", "line 2, column 7", "invalid type"),
        ("[[policy]]\nrefuse = [\"dats\"]\n", "line 2, column 11", "unknown variant `dats`"),
        ("[[policy]]\nroles = [\"admin-key\"]\n", "line 2, column 10", "unknown variant `admin-key`"),
        ("[[policy]]\nroles = []\n", "line 2, column 9", "for nothing"),
        ("[[policy]]\nmax = 4\nmin = 5\n", "line 3, column 7", "min is more than max"),
        ("[[policy]]\ncommon-pins = \"common\"\n", "line 2, column 15", "the whole path"),
        ("[[policy]]\nroles = [\"puk\"]\nauthorities = [\"so-pin\"]\n", "line 3, column 15", "user-pin and reset-code"),
        ("[[policy]]\ngenerate = { length = 0 }\n", "line 2, column 23", "from 1 to 1024"),
        ("[[policy]]\nmin = 6\ngenerate = { length = 4 }\n", "line 3, column 23", "within"),
        (
            "[[policy]]\ncharacters = \"digits\"\ngenerate = { characters = \"letters\" }\n",
            "line 3, column 27",
            "none that characters allows",
        ),
        ("policy = 1\n", "line 1, column 10", "invalid type"),
        ("# https://user:hunter2@example.org/\n", "line 1, column 8", "a URL with a password in it"),
    ] {
        fs::write(&file, text).unwrap();
        let run = pukka(home.path(), ["policy", "check", "--config", file.to_str().unwrap()]).run().code(2);
        assert!(run.err.contains(&format!("own.toml, {place}: ")) && run.err.contains(why), "{text}: {run:?}");
        assert!(!run.err.contains("hunter2"), "{run:?}");
    }
}

#[test]
fn an_authority_has_the_names_in_the_policy_that_by_takes_and_is_shown_by_one() {
    use clap::Parser;
    let names = ["puk", "so-pin", "admin-pin", "admin-key", "management-key", "reset-code", "challenge"];
    for name in names {
        pukka::cli::Cli::try_parse_from(["pukka", "pin", "reset", "--by", name]).unwrap();
        let home = home();
        let administrator = Administrator::new(&format!("[[policy]]\nauthorities = [\"{name}\"]\n"));
        let run = administrator.over(pukka(home.path(), ["policy", "check", "--json"])).run().code(0).json();
        let shown = match name {
            "admin-pin" => "so-pin",
            "management-key" => "admin-key",
            other => other,
        };
        assert_eq!(run["rulings"][0]["authorities"], json!([shown]));
    }
    for role in ["user-pin", "puk", "so-pin", "admin-pin", "reset-code"] {
        let words = ["pukka", "policy", "check", "--role", role, &format!("--allow-last-try={role}")];
        pukka::cli::Cli::try_parse_from(words).unwrap();
        let home = home();
        let administrator = Administrator::new(&format!("[[policy]]\nroles = [\"{role}\"]\nmin = 6\n"));
        let run = administrator.over(pukka(home.path(), ["policy", "check", "--json"])).run().code(0).json();
        assert_eq!(run["rulings"][0]["role"], json!(if role == "admin-pin" { "so-pin" } else { role }));
    }
}
