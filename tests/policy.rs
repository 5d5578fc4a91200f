//! The policy of the configuration: what it refuses, whom it permits, and that nobody at the desk can loosen it.

mod cards;
mod check;
mod file;
mod loosen;
mod prompts;
mod routes;

use serde_json::{Value, json};

use crate::support::{
    Pukka,
    administrator::Administrator,
    desk::{Desk, SO, SO2, set_mode},
};

const CHANGE: [&str; 7] = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEXT", "--json"];

/// A desk with one token, and a file of the administrator's.
struct Ruled {
    desk: Desk,
    administrator: Administrator,
}

fn ruled(config: &str) -> Ruled {
    Ruled { desk: Desk::new(), administrator: Administrator::new(config) }
}

impl Ruled {
    /// The tool under this policy, on the module that logs what it is asked; `next` is in the variable `NEXT`.
    fn call(&self, words: &[&str], next: &str) -> Pukka {
        self.administrator.over(self.desk.logged(words).env("NEXT", next))
    }

    /// Runs it to a refusal of this kind, and makes sure that no secret was sent.
    #[track_caller]
    fn refused(&self, words: &[&str], next: &str, code: i32, kind: &str) -> Value {
        let error = self.call(words, next).run().code(code).json()["error"].clone();
        assert_eq!((&error["kind"], &error["exit_code"]), (&json!(kind), &json!(code)), "{error}");
        self.desk.nothing_was_sent();
        assert!(next.is_empty() || !error.to_string().contains(next), "{error}");
        error
    }

    #[track_caller]
    fn changed_to(&self, next: &str) {
        self.call(&CHANGE, next).run().code(0);
        self.desk.calls();
        assert!(self.desk.is_pin(next));
        self.put_back(next);
    }

    /// Gives the token its PIN back, with no policy in the way.
    #[track_caller]
    fn put_back(&self, from: &str) {
        let back = "pin change --token desk-7 --pin env:FROM --new-pin env:PIN";
        self.desk.call(back).env("FROM", from).run().code(0);
    }
}

#[track_caller]
fn says(error: &Value, parts: &[&str]) {
    let said = error.to_string();
    parts.iter().for_each(|part| assert!(said.contains(part), "{part:?} is not said: {said}"));
}

#[test]
fn a_new_pin_that_a_rule_refuses_is_exit_6_with_the_rule_and_its_line_and_nothing_is_sent() {
    let desk = ruled("[[policy]]\nmin = 6\nmax = 10\ncharacters = \"digits\"\nrefuse = [\"sequences\", \"dates\"]\n");
    for (next, rule, line) in [
        ("26485", "min", 2),
        ("26485927310", "max", 3),
        ("2648592a", "characters", 4),
        ("23456789", "sequences", 5),
        ("24121987", "dates", 5),
    ] {
        let error = desk.refused(&CHANGE, next, 6, "policy");
        says(&error, &[&format!("rule {rule}: /etc/pukka/config.toml, line {line}"), "the new PIN"]);
        desk.refused(&[&CHANGE[..], &["--dry-run"]].concat(), next, 6, "policy");
    }
    desk.changed_to("26485927");
}

#[test]
fn without_a_configuration_nothing_is_refused_but_what_the_token_does_not_take() {
    let desk = ruled("");
    desk.changed_to("1111");
    says(&desk.refused(&CHANGE, "xyz", 6, "policy"), &["too short: this token takes 4 to 255 bytes"]);
}

#[test]
fn a_policy_is_for_the_tokens_that_every_pattern_of_it_matches_and_of_several_the_stricter_holds() {
    let policy = |patterns: &str, min: usize| format!("[[policy]]\n{patterns}\nmin = {min}\n");
    for (patterns, is_meant) in [
        ("application = \"pkcs11\"", true),
        ("application = \"p*\"", true),
        ("application = \"piv\"", false),
        ("label = \"desk-?\"", true),
        ("label = \"desk-??\"", false),
        ("label = \"desk-*\"\nmanufacturer = \"Soft*\"", true),
        ("label = \"desk-*\"\nmanufacturer = \"Yubico*\"", false),
        ("serial = \"*\"", true),
        ("serial = \"\"", false),
        ("roles = [\"so-pin\", \"puk\"]", false),
        ("roles = [\"puk\", \"user-pin\"]", true),
    ] {
        let desk = ruled(&(policy("", 5) + &policy(patterns, 12)));
        let error = desk.refused(&CHANGE, "2648", 6, "policy");
        let line = if is_meant { format!("line {}", 5 + patterns.lines().count()) } else { "line 3".into() };
        says(&error, &[&line]);
        if is_meant {
            says(&desk.refused(&CHANGE, "26485927", 6, "policy"), &[&line]);
        } else {
            desk.changed_to("26485927");
        }
    }
}

#[test]
fn what_the_user_file_adds_holds_too() {
    let desk = ruled("[[policy]]\nmin = 5\n");
    let user = desk.desk.at_home("config/pukka/config.toml");
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    std::fs::write(&user, "[[policy]]\nmin = 8\n").unwrap();
    says(&desk.refused(&CHANGE, "26485", 6, "policy"), &[&format!("{}, line 2", user.display())]);
    says(&desk.refused(&[&CHANGE[..], &["--config", "/dev/null"]].concat(), "2648", 6, "policy"), &["/etc/pukka"]);
}

#[test]
fn the_own_list_of_a_site_is_looked_into_whatever_else_is_refused_and_one_that_cannot_be_read_is_exit_2() {
    let desk = ruled("[[policy]]\ncommon-pins = \"/etc/pukka/common\"\n");
    let missing = desk.refused(&CHANGE, "26485927", 2, "usage");
    says(&missing, &["the list /etc/pukka/common (/etc/pukka/config.toml, line 2) cannot be read"]);
    std::fs::write(desk.administrator.path("common"), "# ours\n26485927\n").unwrap();
    says(&desk.refused(&CHANGE, "26485927", 6, "policy"), &["rule common: /etc/pukka/config.toml, line 2"]);
    desk.changed_to("26485928");
    // What gives no new value has no use for the list.
    std::fs::remove_file(desk.administrator.path("common")).unwrap();
    desk.call(&["pin", "verify", "--pin", "env:PIN"], "").run().code(0);
}

#[test]
fn demands_that_the_token_cannot_meet_are_exit_6_with_the_line_and_the_limit_and_nobody_is_asked() {
    let desk = ruled("[[policy]]\nmin = 300\n");
    let error = desk.refused(&["pin", "change", "--json"], "", 6, "policy");
    says(&error, &["/etc/pukka/config.toml, line 2", "300", "255"]);
    let letters = ruled("[[policy]]\ncharacters = \"digits\"\n[[policy]]\ncharacters = \"letters\"\n");
    let error = letters.refused(&["pin", "change", "--json"], "", 6, "policy");
    says(&error, &["/etc/pukka/config.toml, line 2", "/etc/pukka/config.toml, line 4"]);
}

#[test]
fn a_label_that_a_token_is_about_to_get_counts_as_one_that_it_has() {
    let desk =
        Ruled { desk: Desk::blank(), administrator: Administrator::new("[[policy]]\nlabel = \"staff-*\"\nmin = 8\n") };
    let init = |label| ["token", "init", "--label", label, "--new-so-pin", "env:SO", "--new-pin", "env:NEXT", "--json"];
    desk.refused(&init("staff-1"), "26485", 6, "policy");
    desk.call(&init("guest"), "26485").run().code(0);
}

#[test]
fn the_so_pin_of_a_blank_token_is_a_new_one_under_whichever_option_it_comes() {
    let config = "[[policy]]\nroles = [\"so-pin\"]\nmin = 10\n";
    let desk = Ruled { desk: Desk::blank(), administrator: Administrator::new(config) };
    for option in ["--so-pin", "--new-so-pin"] {
        desk.refused(&["token", "init", "--label", "a", option, "env:SO", "--json"], "", 6, "policy");
    }
    let live = ruled(config);
    let change = ["so-pin", "change", "--so-pin", "env:SO", "--new-so-pin", "env:SO2", "--json"];
    live.refused(&change, "", 6, "policy");
    assert!(SO2.len() < 10 && live.desk.is_so_pin(SO));
}

#[test]
fn what_is_generated_is_of_the_length_and_the_alphabet_that_are_laid_down() {
    let desk = ruled(
        "[[policy]]\nmin = 6\nrefuse = [\"sequences\"]\ngenerate = { length = 11, characters = \"letters-and-digits\" }\n",
    );
    let run = desk.call(&["pin", "change", "--pin", "env:PIN", "--new-pin", "generate"], "").run().code(0);
    let value = run.out.trim_end();
    assert!(value.len() == 11 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{run:?}");
    assert!(desk.desk.is_pin(value));
    // A demand bounds what the generator asks for.
    let bound = ruled("[[policy]]\nmin = 9\ncharacters = \"letters\"\n");
    let run = bound.call(&["pin", "change", "--pin", "env:PIN", "--new-pin", "generate"], "").run().code(0);
    let value = run.out.trim_end();
    assert!(value.len() == 9 && value.bytes().all(|byte| byte.is_ascii_alphabetic()), "{run:?}");
}

#[test]
fn no_value_is_generated_that_a_rule_refuses_and_where_all_are_refused_it_is_exit_6() {
    // Of four digits, every one of which may be a date or a year or stand in the list.
    let desk = ruled("[[policy]]\nmax = 4\ncharacters = \"digits\"\ncommon-pins = \"/etc/pukka/common\"\n");
    let all: String = (0..10_000).map(|value| format!("{value:04}\n")).collect();
    std::fs::write(desk.administrator.path("common"), &all).unwrap();
    let words = ["pin", "change", "--pin", "env:PIN", "--new-pin", "generate", "--json"];
    says(&desk.refused(&words, "", 6, "policy"), &["could be made"]);
    // All but those that begin with 8.
    let most: String = all.lines().filter(|line| !line.starts_with('8')).map(|line| format!("{line}\n")).collect();
    std::fs::write(desk.administrator.path("common"), most).unwrap();
    let run = desk.call(&words, "").run().code(0).json();
    assert!(run["generated"]["new-pin"].as_str().unwrap().starts_with('8'), "{run}");
}

#[test]
fn an_authority_that_is_forbidden_is_exit_6_and_neither_offered_by_status_nor_by_a_hint() {
    let desk = ruled("[[policy]]\nauthorities = []\n");
    let reset = ["pin", "reset", "--so-pin", "env:SO", "--new-pin", "env:NEXT", "--json"];
    let error = desk.refused(&reset, "26485927", 6, "policy");
    says(
        &error,
        &["the policy forbids `pin reset` by the SO PIN (/etc/pukka/config.toml, line 2)", "pukka pin change"],
    );
    desk.refused(&[&reset[..], &["--dry-run"]].concat(), "26485927", 6, "policy");
    let status = desk.call(&["status", "desk-7", "--json"], "").run().code(0).json();
    let can = status["tokens"][0]["can"].to_string();
    assert!(!can.contains("pin reset") && can.contains("pin change"), "{can}");
    desk.desk.calls();
    // The holder's own change is the holder's.
    desk.changed_to("26485927");
}

#[test]
fn a_file_that_others_can_change_or_that_leads_nowhere_is_no_administrators() {
    let desk = ruled("[[policy]]\nmin = 6\n");
    let file = desk.administrator.file();
    for mode in [0o646, 0o666] {
        set_mode(&file, mode);
        says(&desk.refused(&CHANGE, "26485927", 2, "usage"), &["/etc/pukka/config.toml can be changed by every user"]);
        desk.desk.nothing_was_opened();
    }
    set_mode(&file, 0o644);
    set_mode(file.parent().unwrap(), 0o777);
    says(&desk.refused(&CHANGE, "26485927", 2, "usage"), &["/etc/pukka can be changed by every user"]);
    set_mode(file.parent().unwrap(), 0o755);
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/nowhere", &file).unwrap();
    says(&desk.refused(&CHANGE, "26485927", 2, "usage"), &["/etc/pukka/config.toml cannot be read"]);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    says(&desk.refused(&CHANGE, "26485927", 2, "usage"), &["/etc/pukka/config.toml cannot be read"]);
}
