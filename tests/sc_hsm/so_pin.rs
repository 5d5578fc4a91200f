//! The SO PIN of a SmartCard-HSM: what it may do for the PIN, what a wrong one costs, how it is changed.

use serde_json::json;

use super::{
    COUNTER, SO_COUNTER, VERIFY_NEW, VERIFY_PIN, VERIFY_SO_PIN, VERIFY_WRONG, VERIFY_WRONG_SO_PIN, desk, error,
};

const RESET: &str = "pin reset --application sc-hsm --so-pin env:SO --new-pin env:NEW --json";
const UNBLOCK: &str = "pin unblock --application sc-hsm --so-pin env:SO --json";
const CHANGE: &str = "so-pin change --application sc-hsm --so-pin env:SO --new-so-pin env:SO2 --json";

#[test]
fn a_reset_is_proved_in_at_most_five_apdus_however_many_tries_were_left() {
    for spent in [0, 2, 3] {
        let desk = desk(&[]);
        desk.spend(VERIFY_WRONG, spent);
        let done = desk.run(RESET).code(0).json();
        assert!(desk.sent().len() <= 5, "{:?}", desk.sent());
        assert_eq!(
            (&done["outcome"], &done["by"], &done["confirmed"]),
            (&json!("reset"), &json!("so-pin"), &json!(true))
        );
        assert_eq!(desk.ask(COUNTER), "63C3");
        assert_eq!(desk.ask(VERIFY_NEW), "9000");
    }
}

#[test]
fn a_wrong_so_pin_costs_one_of_its_tries_and_changes_nothing() {
    let desk = desk(&["options=0021"]);
    for (line, left) in [(RESET, 14), (UNBLOCK, 13), (CHANGE, 12)] {
        let wrong = error(&desk.run(&line.replace("env:SO ", "env:SO_WRONG ")).code(4));
        assert_eq!((&wrong["role"], &wrong["tries_left"]), (&json!("so-pin"), &json!(left)), "{line}: {wrong}");
    }
    assert_eq!(desk.ask(SO_COUNTER), "63CC");
    assert_eq!((desk.ask(VERIFY_PIN), desk.ask(VERIFY_SO_PIN)), ("9000".into(), "9000".into()));
}

#[test]
fn what_is_no_so_pin_is_not_sent() {
    let desk = desk(&["options=0021"]);
    for line in [RESET, UNBLOCK, CHANGE] {
        for value in ["env:SO_SHORT ", "env:SO_LETTERS ", "env:PIN "] {
            let refused = error(&desk.run(&line.replace("env:SO ", value)).code(6));
            assert_eq!((&refused["kind"], desk.presented()), (&json!("policy"), vec![]), "{line} {value}: {refused}");
        }
    }
    for value in ["env:SO_SHORT", "env:SO_LETTERS"] {
        let refused = error(&desk.run(&CHANGE.replace("env:SO2", value)).code(6));
        assert_eq!((&refused["kind"], desk.presented()), (&json!("policy"), vec![]), "{refused}");
    }
}

#[test]
fn the_last_try_of_the_so_pin_is_not_spent_unasked_and_none_left_is_final() {
    let desk = desk(&["options=0021", "so-tries=2"]);
    desk.spend(VERIFY_WRONG_SO_PIN, 1);
    for line in [RESET, UNBLOCK, CHANGE] {
        let refused = error(&desk.run(line).code(6));
        assert_eq!((&refused["kind"], &refused["role"]), (&json!("last-try"), &json!("so-pin")), "{refused}");
        assert_eq!(desk.presented(), [""; 0]);
    }
    desk.spend(VERIFY_WRONG_SO_PIN, 1);
    for line in [RESET, UNBLOCK, CHANGE] {
        let blocked = error(&desk.run(line).code(5));
        assert_eq!((&blocked["kind"], &blocked["role"]), (&json!("blocked"), &json!("so-pin")), "{blocked}");
        assert!(blocked["hint"].as_str().unwrap().contains("issue"), "{blocked}");
        assert_eq!(desk.presented(), [""; 0]);
    }
}

#[test]
fn a_device_whose_so_pin_was_given_no_power_says_so_and_is_not_asked() {
    let desk = desk(&["options=0000"]);
    for (line, hint) in [(RESET, "pukka pin change "), (UNBLOCK, "pukka pin change ")] {
        let refused = error(&desk.run(line).code(7));
        assert!(refused["hint"].as_str().unwrap().starts_with(hint), "{refused}");
        assert_eq!(desk.presented(), [""; 0]);
    }
    let status = desk.run("status --application sc-hsm").code(0);
    assert!(status.out.contains("blocked or forgotten is lost"), "{status:?}");
    assert_eq!(desk.ask(SO_COUNTER), "63CF");
}

#[test]
fn an_unblocked_pin_is_kept_and_proved_by_its_counter() {
    let desk = desk(&["options=0021"]);
    desk.spend(VERIFY_WRONG, 3);
    let done = desk.run(UNBLOCK).code(0).json();
    assert_eq!(desk.sent().len(), 4, "{:?}", desk.sent());
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("unblocked"), &json!(true)), "{done}");
    assert_eq!(done["tries"]["left"], 3, "{done}");
    assert_eq!(desk.ask(VERIFY_PIN), "9000");
}

#[test]
fn a_device_that_cannot_keep_the_pin_is_not_asked_to_and_points_to_reset() {
    let desk = desk(&[]);
    desk.spend(VERIFY_WRONG, 3);
    let refused = error(&desk.run(UNBLOCK).code(7));
    assert!(refused["hint"].as_str().unwrap().starts_with("pukka pin reset "), "{refused}");
    assert_eq!((desk.presented(), desk.ask(SO_COUNTER)), (vec![], "63CF".into()));
    // With a new PIN it is a reset.
    desk.run(&format!("{UNBLOCK} --new-pin env:NEW")).code(0);
    assert_eq!(desk.ask(VERIFY_NEW), "9000");
}

#[test]
fn the_so_pin_is_changed_in_five_apdus_its_digits_in_either_case() {
    let desk = desk(&[]);
    let done = desk.run(CHANGE).code(0).json();
    assert_eq!(desk.sent().len(), 5, "{:?}", desk.sent());
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)), "{done}");
    assert_eq!(desk.ask("0020008808A1B2C3D4E5F60718"), "9000");
    let made =
        desk.run("so-pin change --application sc-hsm --so-pin env:SO2 --new-so-pin generate --json").code(0).json();
    let made = made["generated"]["new-so-pin"].as_str().unwrap().to_uppercase();
    assert_eq!(desk.ask(&format!("0020008808{made}")), "9000");
}
