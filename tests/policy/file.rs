//! What stands beside the policy: the doctor's word on it, and the example that is installed.

use std::{fs, path::Path};

use serde_json::json;

use super::{CHANGE, ruled, says};
use crate::support::{administrator::Administrator, desk::set_mode, home, pukka};

#[test]
fn the_doctor_tells_of_a_policy_that_does_not_hold_and_of_one_that_would_loosen() {
    let configuration = |administrator: &str, user: &str| {
        let home = home();
        let file = home.path().join("config/pukka/config.toml");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, user).unwrap();
        let call = pukka(home.path(), ["doctor", "--via", "pkcs11", "--json"]);
        let run = Administrator::new(administrator).over(call).run().json();
        let checks = run["checks"].as_array().unwrap().clone();
        let problems =
            checks.into_iter().filter(|check| check["check"] == "configuration" && check["state"] == "problem");
        problems.map(|problem| problem["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(configuration("[[policy]]\nmin = 6\n", "[[policy]]\nmin = 7\n"), [""; 0]);
    let wrong = configuration("[[policy]]\nmni = 6\n", "");
    assert!(wrong[0].contains("/etc/pukka/config.toml, line 2, column 1"), "{wrong:?}");
    let looser = configuration("[[policy]]\nmin = 6\n", "[[policy]]\nmin = 5\n");
    assert!(
        looser[0].contains("config.toml, line 2: min is looser there than in /etc/pukka/config.toml, line 2"),
        "{looser:?}"
    );
}

#[test]
fn every_line_of_the_example_is_a_comment_and_holds_once_it_is_none() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/config.toml");
    let text = fs::read_to_string(path).unwrap();
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "it changes nothing as it is installed");
    // A key stands behind `#` alone, what explains it behind a blank too.
    let keys = text.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(' '));
    let plain: String = keys.map(|line| format!("{line}\n")).collect();
    let desk = ruled(&plain);
    fs::write(desk.administrator.path("common-pins.txt"), "26485927\n").unwrap();
    let json = desk.call(&["policy", "check", "--json"], "").run().code(0).json();
    let pin = &json["rulings"][0];
    for key in ["min", "max", "characters", "refuse", "authorities", "allow_last_try"] {
        assert_ne!(pin[key], json!(null), "{key} is not shown: {json}");
    }
    assert!(pin["generate"]["length"].is_u64() && !pin["common_pins"].as_array().unwrap().is_empty(), "{json}");
    let keys = ["modules", "wait", "module-timeout", "application", "serial", "label", "manufacturer", "roles"];
    for key in keys {
        assert!(plain.lines().any(|line| line.starts_with(key)), "{key} is not shown");
    }
    // As it is installed nothing is laid down.
    let as_installed = ruled(&text).call(&["policy", "check"], "").run().code(0);
    assert!(as_installed.out.starts_with("no policy"), "{as_installed:?}");
}

#[test]
fn a_list_that_the_administrator_names_and_others_can_change_is_exit_2_and_the_doctor_tells_of_it() {
    let desk = ruled("[[policy]]\ncommon-pins = \"/etc/pukka/lists/common\"\n");
    let list = desk.administrator.path("lists/common");
    let directory = list.parent().unwrap();
    fs::create_dir(directory).unwrap();
    fs::write(&list, "26485927\n").unwrap();
    let problems = || {
        let checks = desk.call(&["doctor", "--via", "pkcs11", "--json"], "").run().json()["checks"].clone();
        let of_lists = |check: &&serde_json::Value| check["path"] == "/etc/pukka/lists/common";
        checks.as_array().unwrap().iter().filter(of_lists).map(|check| check["state"].clone()).collect::<Vec<_>>()
    };
    for (mode, of_directory, what) in [
        (0o666, 0o755, "/etc/pukka/lists/common can be changed by every user"),
        (0o644, 0o777, "/etc/pukka/lists can be changed by every user"),
    ] {
        set_mode(&list, mode);
        set_mode(directory, of_directory);
        says(&desk.refused(&CHANGE, "26485928", 2, "usage"), &[what, "/etc/pukka/config.toml, line 2"]);
        assert_eq!(problems(), ["problem"], "{what}");
    }
    set_mode(directory, 0o755);
    assert_eq!(problems(), [""; 0]);
    says(&desk.refused(&CHANGE, "26485927", 6, "policy"), &["rule common"]);
    // What the user adds is the user's own to keep: it can only refuse more.
    let own = desk.desk.file("common", "26485929\n");
    set_mode(&own, 0o666);
    let user = desk.desk.file("own.toml", format!("[[policy]]\ncommon-pins = {own:?}\n"));
    let words = [&CHANGE[..], &["--config", user.to_str().unwrap()]].concat();
    says(&desk.refused(&words, "26485929", 6, "policy"), &["rule common"]);
}

#[test]
fn the_command_that_shows_what_was_refused_shows_it_of_the_same_token_and_the_same_file() {
    let desk = ruled("");
    let user = desk.desk.file("it's.toml", "[[policy]]\nlabel = \"desk-7\"\nmin = 9\n");
    let words = [&CHANGE[..], &["--config", user.to_str().unwrap()]].concat();
    let error = desk.refused(&words, "26485927", 6, "policy");
    let hint = error["hint"].as_str().unwrap().to_owned();
    assert!(hint.starts_with("pukka policy check --token 'pkcs11:") && hint.contains(" --config '"), "{hint}");
    // As a shell reads it.
    let words =
        std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {hint}")]).output().unwrap().stdout;
    let words = String::from_utf8(words).unwrap();
    let words: Vec<&str> = words.lines().skip(1).collect();
    let shown = desk.call(&[&words[..], &["--json"]].concat(), "").run().code(0).json();
    assert_eq!(shown["rulings"][0]["min"], 9, "{shown}");
}

#[test]
fn a_file_that_is_a_pipe_or_has_no_end_is_exit_2_and_keeps_nobody_waiting() {
    let desk = ruled("");
    let pipe = desk.desk.at_home("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (file, why) in [(pipe.to_str().unwrap(), "it is no file"), ("/dev/zero", "it is longer than")] {
        let error = desk.refused(&["policy", "check", "--json", "--config", file], "", 2, "usage");
        says(&error, &["the configuration ", "cannot be read: ", why]);
        desk.refused(&["profile", "check", file, "--json"], "", 2, "usage");
    }
    let own = desk.desk.at_home("config/pukka/config.toml");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::rename(&pipe, &own).unwrap();
    says(&desk.refused(&CHANGE, "26485927", 2, "usage"), &["it is no file"]);
    fs::remove_file(&own).unwrap();
    let list = desk.desk.at_home("list");
    nix::unistd::mkfifo(&list, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(&own, format!("[[policy]]\ncommon-pins = {list:?}\n")).unwrap();
    says(&desk.refused(&CHANGE, "26485927", 2, "usage"), &["the list ", "it is no file"]);
}
