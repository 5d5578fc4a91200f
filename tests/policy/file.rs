//! What stands beside the policy: the doctor's word on it, and the example that is installed.

use std::{fs, path::Path};

use serde_json::json;

use super::ruled;
use crate::support::{administrator::Administrator, home, pukka};

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
