//! PW1 and PW3, changed and verified by who knows them.

use serde_json::json;

use super::desk;

const CHANGE: &str = "pin change --application openpgp --pin env:PIN --new-pin env:NEW";
const CHANGE_BY_WRONG: &str = "pin change --application openpgp --pin env:WRONG --new-pin env:NEW";
const VERIFY: &str = "pin verify --application openpgp --pin env:PIN";
const VERIFY_WRONG: &str = "pin verify --application openpgp --pin env:WRONG";
const CHANGE_ADMIN: &str = "so-pin change --application openpgp --so-pin env:ADMIN --new-so-pin env:ADMIN2";
const CHANGE_ADMIN_BY_WRONG: &str = "so-pin change --application openpgp --admin-pin env:ADMIN2 --new-so-pin env:ADMIN";

#[test]
fn a_change_is_six_apdus_with_guard_kdf_check_and_proof() {
    let desk = desk();
    let done = desk.run(&format!("{CHANGE} --json")).code(0).json();
    let sent: Vec<String> = desk.card.apdus().into_iter().map(|(command, _)| command).collect();
    assert_eq!(
        sent,
        [
            "00A4040006D2760001240100",
            "00CA00F900",
            "00CA00C400",
            "0020008106313233343536",
            "002400810C313233343536323731383238",
            "0020008106323731383238",
        ]
    );
    assert_eq!(desk.card.resets(), 1, "nobody shall find the card verified");
    for (field, value) in [
        ("command", json!("pin change")),
        ("outcome", json!("changed")),
        ("confirmed", json!(true)),
        ("role", json!("user-pin")),
        ("by", json!("user-pin")),
    ] {
        assert_eq!(done[field], value, "{done}");
    }
    assert_eq!(done["token"]["application"], "openpgp");
    assert_eq!((desk.verify(0x81, "271828"), desk.verify(0x82, "271828")), ("9000".into(), "9000".into()));
    assert_eq!(desk.verify(0x81, "123456"), "63C2", "the old PIN is dead");
}

#[test]
fn an_admin_pin_is_changed_likewise() {
    let desk = desk();
    let done = desk.run(&format!("{CHANGE_ADMIN} --json")).code(0).json();
    assert_eq!((&done["role"], &done["confirmed"]), (&json!("so-pin"), &json!(true)));
    assert_eq!(desk.headers().len(), 6, "{:?}", desk.headers());
    assert_eq!((desk.verify(0x83, "87654321"), desk.verify(0x83, "12345678")), ("9000".into(), "63C2".into()));
}

#[test]
fn a_pin_is_verified_for_signatures_and_for_all_else() {
    let desk = desk();
    let done = desk.run(&format!("{VERIFY} --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("verified"), &json!(true)));
    assert_eq!(desk.telling(), ["00200081", "00200082"]);
    assert_eq!(desk.card.resets(), 1);
    assert_eq!(desk.counters(), [3, 0, 3]);
}

#[test]
fn a_wrong_value_costs_one_try_which_is_read_back() {
    for (line, role, counters) in [
        (VERIFY_WRONG, "user-pin", [2, 0, 3]),
        (CHANGE_BY_WRONG, "user-pin", [2, 0, 3]),
        (CHANGE_ADMIN_BY_WRONG, "so-pin", [3, 0, 2]),
    ] {
        let desk = desk();
        let wrong = desk.refused(line, 4);
        assert_eq!(wrong["kind"], "wrong-secret");
        assert_eq!((&wrong["role"], &wrong["tries_left"]), (&json!(role), &json!(2)), "{wrong}");
        assert_eq!(desk.telling().len(), 1, "{line}");
        assert_eq!(desk.counters(), counters, "{line}");
    }
}

#[test]
fn the_old_pin_with_one_character_too_many_changes_nothing() {
    let desk = desk();
    let wrong = desk.refused("pin change --application openpgp --pin env:SURPLUS --new-pin env:NEW", 4);
    assert_eq!(wrong["tries_left"], 2);
    assert_eq!(desk.verify(0x81, "123456"), "9000", "the PIN is the old one");
    let admin = "so-pin change --application openpgp --so-pin env:LONG --new-so-pin env:ADMIN2 --json";
    desk.call(admin).env("LONG", "123456789").run().code(4);
    assert_eq!(desk.verify(0x83, "12345678"), "9000", "the Admin PIN is the old one");
}

#[test]
fn the_last_try_is_not_spent_unasked_and_is_where_that_is_allowed() {
    let desk = desk();
    desk.leave_tries(0x81, 1);
    for line in [VERIFY, VERIFY_WRONG, CHANGE] {
        let refused = desk.refused(line, 6);
        assert_eq!((&refused["kind"], &refused["role"]), (&json!("last-try"), &json!("user-pin")), "{refused}");
        assert!(refused["hint"].as_str().unwrap().starts_with("pukka pin reset "), "{refused}");
        assert_eq!(desk.telling(), [""; 0], "{line}");
    }
    assert_eq!(desk.counters(), [1, 0, 3]);
    desk.run(&format!("{CHANGE} --allow-last-try")).code(0);
    assert_eq!(desk.counters(), [3, 0, 3]);
    assert_eq!(desk.verify(0x81, "271828"), "9000");

    desk.leave_tries(0x83, 1);
    for allowed in ["", " --allow-last-try"] {
        let refused = desk.refused(&format!("{CHANGE_ADMIN}{allowed}"), 6);
        assert_eq!((&refused["kind"], &refused["role"]), (&json!("last-try"), &json!("so-pin")), "{refused}");
    }
    desk.run(&format!("{CHANGE_ADMIN} --allow-last-try=so-pin")).code(0);
    assert_eq!(desk.verify(0x83, "87654321"), "9000");
}

#[test]
fn a_pin_blocked_by_its_last_try_stays_so_and_the_hint_resets_it() {
    let desk = desk();
    desk.leave_tries(0x81, 1);
    let last = desk.refused(&format!("{VERIFY_WRONG} --allow-last-try"), 5);
    assert_eq!((&last["kind"], &last["tries_left"]), (&json!("blocked"), &json!(0)));
    for line in [VERIFY, CHANGE] {
        let refused = desk.refused(line, 5);
        assert_eq!((&refused["kind"], &refused["role"]), (&json!("blocked"), &json!("user-pin")));
        assert_eq!(desk.telling(), [""; 0], "{line}");
    }
    let text = desk.run(VERIFY).code(5);
    let hint = text.err.lines().find_map(|line| line.strip_prefix("hint: pukka ")).unwrap().replace('\'', "");
    assert!(hint.starts_with("pin reset "), "{hint}");
    // There is no reset code, and the call says whose secret it will ask for.
    assert!(hint.ends_with(" --by so-pin"), "{hint}");
    desk.run(&format!("{hint} --so-pin env:ADMIN --new-pin env:NEW")).code(0);
    assert_eq!(desk.counters(), [3, 0, 3]);
    assert_eq!(desk.verify(0x81, "271828"), "9000");
}

#[test]
fn a_value_that_cannot_be_is_refused_unsent() {
    let desk = desk();
    for (line, value) in [
        ("pin verify --application openpgp --pin env:VALUE", "12345"),
        ("pin change --application openpgp --pin env:VALUE --new-pin env:NEW", "12345"),
        ("pin change --application openpgp --pin env:PIN --new-pin env:VALUE", "27182"),
        ("pin change --application openpgp --pin env:PIN --new-pin env:VALUE", "123456"),
        ("so-pin change --application openpgp --so-pin env:ADMIN --new-so-pin env:VALUE", "8765432"),
        ("pin reset --application openpgp --so-pin env:ADMIN --new-pin env:VALUE", "27182"),
        ("reset-code set --application openpgp --so-pin env:ADMIN --new-reset-code env:VALUE", "2468246"),
        ("pin change --application openpgp --pin env:PIN --new-pin env:VALUE", &"9".repeat(128)),
    ] {
        let run = desk.call(&format!("{line} --json")).env("VALUE", value).run().code(6);
        assert_eq!(run.json()["error"]["kind"], "policy", "{run:?}");
        assert_eq!(desk.telling(), [""; 0], "{line}");
    }
    assert_eq!(desk.counters(), [3, 0, 3]);
}

#[test]
fn a_dry_run_presents_nothing() {
    let desk = desk();
    let planned = desk.run(&format!("{CHANGE} --dry-run --json")).code(0).json();
    assert_eq!((&planned["outcome"], &planned["plan"]["needs"]), (&json!("planned"), &json!(["pin", "new-pin"])));
    assert_eq!((desk.telling(), desk.card.resets()), (vec![], 0));
}
