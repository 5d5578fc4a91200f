//! The administrator's file cannot be loosened: tried for every key that a policy has.

use std::{collections::BTreeSet, fs};

use pukka::policy::{Clause, Demands, Generator, Scope};

use super::says;
use crate::support::{administrator::Administrator, home, pukka};

/// What the administrator says of a key, what is looser, and what is as strict or stricter.
const KEYS: [(&str, &str, &[&str], &[&str]); 8] = [
    ("min", "min = 6", &["min = 5", "min = 0"], &["min = 6", "min = 7"]),
    ("max", "max = 8", &["max = 9"], &["max = 8", "max = 6"]),
    (
        "characters",
        "characters = \"letters-and-digits\"",
        &["characters = \"printable\""],
        &["characters = \"letters-and-digits\"", "characters = \"digits\"", "characters = \"letters\""],
    ),
    (
        "refuse",
        "refuse = [\"dates\", \"old\"]",
        &["refuse = []", "refuse = [\"dates\"]", "refuse = [\"sequences\", \"repeats\", \"other\"]"],
        &["refuse = [\"old\", \"dates\"]", "refuse = [\"dates\", \"old\", \"sequences\"]"],
    ),
    (
        "authorities",
        "authorities = [\"so-pin\", \"challenge\"]",
        &["authorities = [\"so-pin\", \"challenge\", \"puk\"]", "authorities = [\"admin-key\"]"],
        &["authorities = [\"challenge\", \"so-pin\"]", "authorities = [\"admin-pin\"]", "authorities = []"],
    ),
    ("allow-last-try", "allow-last-try = false", &["allow-last-try = true"], &["allow-last-try = false"]),
    (
        "generate.length",
        "generate = { length = 8 }",
        &["generate = { length = 7 }", "generate.length = 1"],
        &["generate = { length = 8 }", "generate = { length = 12 }"],
    ),
    (
        "generate.characters",
        "generate = { characters = \"letters\" }",
        &["generate = { characters = \"digits\" }"],
        &["generate = { characters = \"letters\" }", "generate = { characters = \"printable\" }"],
    ),
];

/// The keys that say which secrets of which tokens are meant: no value of one takes anything from another clause.
const SCOPE: [&str; 5] = ["application", "serial", "label", "manufacturer", "roles"];

/// A list of a site's own is looked into beside the administrator's.
const ADDED: [&str; 1] = ["common-pins"];

/// Checks the policy of these two files, with more words.
fn check(administrator: &Administrator, user: &str, more: &[&str]) -> crate::support::Run {
    let home = home();
    let file = home.path().join("user.toml");
    fs::write(&file, user).unwrap();
    let words = ["policy", "check", "--json", "--config", file.to_str().unwrap()];
    administrator.over(pukka(home.path(), words.iter().chain(more))).run()
}

#[test]
fn every_key_of_a_policy_is_tried_here() {
    // Whoever adds a field to one of these finds it missing here, and its key below.
    let fields = |clause: Clause| {
        let Clause {
            origin: _,
            lines: _,
            scope,
            roles: _,
            demands,
            common_pins: _,
            authorities: _,
            allow_last_try: _,
            generate,
        } = clause;
        let Scope { application: _, serial: _, label: _, manufacturer: _ } = scope;
        let Demands { min: _, max: _, characters: _, refuse: _ } = demands;
        let Generator { length: _, characters: _ } = generate;
    };
    let _: fn(Clause) = fields;
    let tried: BTreeSet<&str> = KEYS.iter().map(|(key, ..)| *key).chain(SCOPE).chain(ADDED).collect();
    let known = home();
    let file = known.path().join("config.toml");
    fs::write(&file, "[[policy]]\nno-such-key = 1\n").unwrap();
    let run = pukka(known.path(), ["policy", "check", "--config", file.to_str().unwrap()]).run().code(2);
    // What the tool itself says that it takes: `generate` stands there for both of its keys.
    let told = run.err.split("expected one of").nth(1).unwrap_or_else(|| panic!("{run:?}")).lines().next().unwrap();
    let told: BTreeSet<&str> = told.split('`').skip(1).step_by(2).collect();
    let top: BTreeSet<&str> = tried.iter().map(|key| key.split('.').next().unwrap()).collect();
    assert_eq!(told, top);
}

#[test]
fn the_user_file_loosens_no_key_and_is_told_both_lines() {
    for (key, administrator, looser, _) in KEYS {
        let administrator = Administrator::new(&format!("wait = 5\n[[policy]]\nlabel = \"desk-*\"\n{administrator}\n"));
        for line in looser {
            let user = format!("[[policy]]\n{line}\n");
            let run = check(&administrator, &user, &[]).code(2);
            says(&run.json(), &["user.toml, line 2", key, "/etc/pukka/config.toml, line 4", "cannot be loosened"]);
            assert_eq!(run.json()["error"]["kind"], "usage", "{run:?}");
        }
    }
}

#[test]
fn the_user_file_may_be_stricter_in_every_key() {
    for (_, administrator, _, stricter) in KEYS {
        let administrator = Administrator::new(&format!("[[policy]]\n{administrator}\n"));
        for line in stricter {
            check(&administrator, &format!("[[policy]]\n{line}\n"), &[]).code(0);
        }
    }
}

#[test]
fn what_a_value_may_be_is_no_way_to_have_weaker_ones_generated_than_the_administrator_asks_for() {
    let asks = "[[policy]]\ngenerate.length = 16\ngenerate.characters = \"letters-and-digits\"\n";
    let administrator = Administrator::new(asks);
    for (own, theirs, line) in [
        ("max = 15", "generate.length", 2),
        ("max = 4\ncharacters = \"digits\"", "generate.length", 2),
        ("characters = \"digits\"", "generate.characters", 3),
        ("characters = \"letters\"", "generate.characters", 3),
        ("application = \"piv\"\nmax = 8", "generate.length", 2),
    ] {
        let run = check(&administrator, &format!("[[policy]]\n{own}\n"), &[]).code(2).json();
        says(
            &run,
            &["user.toml, line ", theirs, &format!("/etc/pukka/config.toml, line {line}"), "cannot be loosened"],
        );
    }
    for own in ["max = 16", "characters = \"printable\"", "roles = [\"puk\"]\nmax = 4", "min = 18"] {
        check(&administrator, &format!("[[policy]]\n{own}\n"), &[]).code(0);
    }
    // What is told is what will be made.
    let longer = check(&administrator, "[[policy]]\nmin = 18\n", &["--application", "openpgp"]).code(0).json();
    assert_eq!(longer["rulings"][0]["generate"], serde_json::json!({"length": 18, "characters": "letters-and-digits"}));
    let bounding = Administrator::new(&format!("{asks}[[policy]]\napplication = \"piv\"\nmax = 8\n"));
    let bounded = check(&bounding, "", &["--application", "piv"]).code(0).json();
    assert_eq!(bounded["rulings"][0]["generate"]["length"], 8, "{bounded}");
}

#[test]
fn what_cannot_be_for_the_same_secret_loosens_nothing_and_all_else_may() {
    let administrator = Administrator::new(
        "[[policy]]\napplication = \"piv\"\nserial = \"12*\"\nroles = [\"user-pin\", \"puk\"]\nmin = 8\n",
    );
    for apart in ["application = \"openpgp\"", "serial = \"34*\"", "serial = \"1\"", "roles = [\"so-pin\"]"] {
        check(&administrator, &format!("[[policy]]\n{apart}\nmin = 4\n"), &[]).code(0);
    }
    for same in [
        "",
        "application = \"p?v\"",
        "serial = \"*2*\"",
        "label = \"mine\"",
        "manufacturer = \"none\"",
        "roles = [\"puk\", \"so-pin\"]",
    ] {
        check(&administrator, &format!("[[policy]]\n{same}\nmin = 4\n"), &[]).code(2);
    }
}

#[test]
fn whom_a_policy_is_for_takes_nothing_from_the_administrators() {
    let administrator = Administrator::new("[[policy]]\nmin = 8\n");
    for key in SCOPE {
        let value = if key == "roles" { "[\"puk\"]" } else { "\"o*\"" };
        let run = check(&administrator, &format!("[[policy]]\n{key} = {value}\nmin = 9\n"), &[]).code(0).json();
        let of_pin = run["rulings"].as_array().unwrap().iter().find(|ruling| ruling["role"] == "user-pin").unwrap();
        assert!(of_pin["min"].as_u64().unwrap() >= 8, "{run}");
    }
}

#[test]
fn another_list_is_added_to_the_administrators() {
    let administrator = Administrator::new("[[policy]]\ncommon-pins = \"/etc/pukka/common\"\n");
    fs::write(administrator.path("common"), "31415926\n").unwrap();
    fs::write(administrator.path("other"), "27182818\n").unwrap();
    let user = "[[policy]]\ncommon-pins = \"/etc/pukka/other\"\n";
    for value in ["31415926", "27182818"] {
        let home = home();
        let file = home.path().join("user.toml");
        fs::write(&file, user).unwrap();
        let words = ["policy", "check", "--pin", "env:VALUE", "--config", file.to_str().unwrap()];
        administrator.over(pukka(home.path(), words).env("VALUE", value)).run().code(6);
    }
}

#[test]
fn no_word_of_a_call_and_no_variable_moves_the_administrators_file_or_leaves_it_out() {
    let administrator = Administrator::new("[[policy]]\nmin = 8\n");
    let home = home();
    for (name, value) in [
        ("XDG_CONFIG_HOME", "/nowhere"),
        ("XDG_CONFIG_DIRS", "/nowhere"),
        ("HOME", "/nowhere"),
        ("HOME", ""),
        ("PUKKA_CONFIG", "/dev/null"),
        ("PUKKA_POLICY", "/dev/null"),
    ] {
        let call =
            pukka(home.path(), ["policy", "check", "--pin", "env:VALUE"]).env("VALUE", "264859").env(name, value);
        administrator.over(call).run().code(6);
    }
    let call = pukka(home.path(), ["policy", "check", "--pin", "env:VALUE", "--config", "/dev/null"]);
    administrator.over(call.env("VALUE", "264859")).run().code(6);
    administrator.over(pukka(home.path(), ["--no-policy", "policy", "check"])).run().code(2);
}
