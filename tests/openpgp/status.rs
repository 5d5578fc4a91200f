//! What `status` and `list` say of an OpenPGP card.

use serde_json::json;

use super::desk;

#[test]
fn status_shows_the_three_values_with_their_tries_and_lengths_in_three_commands() {
    let desk = desk();
    let status = desk.run("status --application openpgp --json").code(0).json();
    let [token] = status["tokens"].as_array().unwrap().as_slice() else { panic!("{status}") };
    let length = |min: u8| json!({"min": min, "max": 127, "unit": "characters"});
    let reference = |role: &str, name: &str, key: Option<&str>, state: &str, left: u8, min: u8| {
        json!({"role": role, "name": name, "key_reference": key, "state": state, "tries": {"left": left, "limit": null},
               "default": null, "temporary": null, "expires": null, "length": length(min)})
    };
    let expected = [
        reference("user-pin", "PIN", Some("81"), "ready", 3, 6),
        reference("reset-code", "reset code", None, "unset", 0, 8),
        reference("so-pin", "Admin PIN", Some("83"), "ready", 3, 8),
    ];
    assert_eq!(token["references"], json!(expected));
    for (field, value) in [
        ("selector", json!("card:serial=00DEC0DE;application=openpgp")),
        ("application", json!("openpgp")),
        ("serial", json!("00DEC0DE")),
        ("label", json!(null)),
        ("manufacturer", json!(null)),
        ("model", json!("OpenPGP card 3.4")),
        ("reader", json!("Virtual PCD 00 00")),
    ] {
        assert_eq!(token[field], value, "{field}");
    }
    let can = token["can"].as_array().unwrap();
    for able in [
        json!({"operation": "pin change"}),
        json!({"operation": "pin reset", "by": "so-pin"}),
        json!({"operation": "so-pin change"}),
        json!({"operation": "reset-code set", "by": "so-pin"}),
        json!({"operation": "token erase"}),
    ] {
        assert!(can.contains(&able), "{able}: {can:?}");
    }
    // No reset code is set, so that none can be used or cleared.
    assert!(!can.contains(&json!({"operation": "pin reset", "by": "reset-code"})), "{can:?}");
    assert!(can.iter().all(|able| {
        !["reset-code clear", "retries set", "pin unblock", "pin set"].contains(&able["operation"].as_str().unwrap())
    }));
    assert!(desk.headers().len() <= 7, "{:?}", desk.headers());
    assert_eq!((desk.telling(), desk.card.resets()), (vec![], 0));
}

#[test]
fn status_as_text_says_the_same() {
    let desk = desk();
    let run = desk.run("status --application openpgp").code(0);
    let line = |name: &str| run.out.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
    assert!(line("PIN").contains("3 tries left; takes 6 to 127 characters"), "{run:?}");
    assert!(line("reset code").contains("not set"), "{run:?}");
    assert!(line("Admin PIN").contains("3 tries left; takes 8 to 127 characters"), "{run:?}");
}

#[test]
fn a_status_leaves_a_verified_card_verified() {
    let desk = desk();
    let held = desk.pcscd.hold(0, crate::support::cards::Hold::Shared, &[super::SELECT, "0020008106313233343536"]);
    assert_eq!(held.responses[1], "9000");
    desk.run("status --application openpgp --json").code(0);
    assert_eq!(desk.telling(), [""; 0]);
    assert_eq!(desk.counters(), [3, 0, 3]);
}

#[test]
fn list_names_it_by_serial() {
    let run = desk().run("list --via pcsc --json").code(0).json();
    assert_eq!(run["tokens"].as_array().unwrap().len(), 1, "{run}");
    assert_eq!(run["tokens"][0]["selector"], "card:serial=00DEC0DE;application=openpgp");
}

#[test]
fn what_it_cannot_do_is_refused_with_a_hint_of_what_it_can() {
    let desk = desk();
    for (line, hint) in [
        ("pin unblock --application openpgp --so-pin env:ADMIN", "pukka pin reset "),
        ("pin set --application openpgp --new-pin env:NEW", "pukka pin reset "),
        ("puk change --application openpgp --puk env:ADMIN --new-puk env:ADMIN2", "pukka so-pin change "),
        ("retries set --application openpgp --so-pin env:ADMIN --pin-tries 5", "pukka status "),
        (
            "admin-key change --application openpgp --admin-key env:ADMIN --new-admin-key env:ADMIN2",
            "pukka so-pin change ",
        ),
    ] {
        let refused = desk.refused(line, 7);
        assert_eq!(refused["kind"], "unsupported");
        assert!(refused["hint"].as_str().unwrap().starts_with(hint), "{line}: {refused}");
        assert_eq!(desk.telling(), [""; 0], "{line}");
    }
    assert_eq!(desk.counters(), [3, 0, 3]);
}
