//! What the Admin PIN and the reset code do for PW1.

use serde_json::json;

use super::desk;

const RESET: &str = "pin reset --application openpgp --admin-pin env:ADMIN --new-pin env:NEW";
const RESET_BY_WRONG: &str = "pin reset --application openpgp --admin-pin env:ADMIN2 --new-pin env:NEW";
const RESET_BY_CODE: &str = "pin reset --application openpgp --reset-code env:RC --new-pin env:NEW";
const RESET_BY_WRONG_CODE: &str = "pin reset --application openpgp --reset-code env:ADMIN --new-pin env:NEW";
const SET_CODE: &str = "reset-code set --application openpgp --so-pin env:ADMIN --new-reset-code env:RC";
const CLEAR_CODE: &str = "reset-code clear --application openpgp --so-pin env:ADMIN";

#[test]
fn a_reset_by_the_admin_pin_is_six_apdus_and_one_more_where_one_try_was_left() {
    let desk = desk();
    for tries in [0, 1, 2, 3] {
        desk.leave_tries(0x81, tries);
        let done = desk.run(&format!("{RESET} --json")).code(0).json();
        assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("reset"), &json!(true)), "{done}");
        assert_eq!((&done["role"], &done["by"]), (&json!("user-pin"), &json!("so-pin")));
        assert_eq!(desk.headers().len(), if tries == 1 { 7 } else { 6 }, "{:?}", desk.headers());
        assert_eq!(desk.telling(), ["00200083", "002C0281", "00200081"]);
        assert_eq!(desk.card.resets(), 1);
        assert_eq!(desk.counters(), [3, 0, 3]);
        assert_eq!(desk.verify(0x81, "271828"), "9000");
    }
}

#[test]
fn a_reset_by_the_reset_code_is_five_apdus() {
    let desk = desk().with_reset_code();
    desk.leave_tries(0x81, 0);
    let done = desk.run(&format!("{RESET_BY_CODE} --json")).code(0).json();
    assert_eq!((&done["by"], &done["confirmed"]), (&json!("reset-code"), &json!(true)));
    assert_eq!(desk.headers(), ["00A40400", "00CA00F9", "00CA00C4", "002C0081", "00200081"]);
    assert_eq!(desk.counters(), [3, 3, 3]);
    assert_eq!(desk.verify(0x81, "271828"), "9000");
}

#[test]
fn a_wrong_authority_costs_one_of_its_own_tries_and_resets_nothing() {
    for (line, role, counters) in
        [(RESET_BY_WRONG, "so-pin", [3, 3, 2]), (RESET_BY_WRONG_CODE, "reset-code", [3, 2, 3])]
    {
        let desk = desk().with_reset_code();
        let wrong = desk.refused(line, 4);
        assert_eq!((&wrong["role"], &wrong["tries_left"]), (&json!(role), &json!(2)), "{wrong}");
        let called = if role == "so-pin" { "Admin PIN" } else { "reset code" };
        assert_eq!(wrong["message"], format!("wrong {called}; 2 tries left"));
        assert_eq!(desk.telling().len(), 1, "{line}");
        assert_eq!(desk.counters(), counters, "{line}");
        assert_eq!(desk.verify(0x81, "123456"), "9000", "the PIN is the old one");
    }
}

#[test]
fn the_last_try_of_an_authority_is_not_spent_unasked_and_none_is_left_after_it() {
    let desk = desk().with_reset_code();
    for _ in 0..2 {
        desk.refused(RESET_BY_WRONG_CODE, 4);
        desk.refused(RESET_BY_WRONG, 4);
    }
    assert_eq!(desk.counters(), [3, 1, 1]);
    for (line, role, place) in [(RESET_BY_WRONG_CODE, "reset-code", 1), (RESET_BY_WRONG, "so-pin", 2)] {
        for allowed in ["", " --allow-last-try"] {
            let refused = desk.refused(&format!("{line}{allowed}"), 6);
            assert_eq!((&refused["kind"], &refused["role"]), (&json!("last-try"), &json!(role)), "{refused}");
            assert_eq!(desk.telling(), [""; 0]);
        }
        let last = desk.refused(&format!("{line} --allow-last-try={role}"), 5);
        assert_eq!((&last["kind"], &last["role"]), (&json!("blocked"), &json!(role)), "{last}");
        assert_eq!(desk.counters()[place], 0);
    }
    // Blocked and never set look alike, and neither is said to be so.
    let neither = desk.refused(RESET_BY_CODE, 5);
    assert_eq!(neither["kind"], "unset");
    assert!(neither["message"].as_str().unwrap().contains("not set, or blocked"), "{neither}");
    let status = desk.run("status --application openpgp").code(0);
    assert!(status.out.contains("not set, or blocked"), "{status:?}");
    let blocked = desk.refused(RESET, 5);
    assert_eq!((&blocked["kind"], &blocked["role"]), (&json!("blocked"), &json!("so-pin")));
    assert_eq!(desk.telling(), [""; 0]);
    assert_eq!(desk.verify(0x81, "123456"), "9000");
}

#[test]
fn a_reset_code_that_is_not_set_is_told_as_such_with_the_way_round_it() {
    let desk = desk();
    let refused = desk.refused(RESET_BY_CODE, 5);
    assert_eq!((&refused["kind"], &refused["role"]), (&json!("unset"), &json!("reset-code")), "{refused}");
    assert!(refused["hint"].as_str().unwrap().starts_with("pukka pin reset "), "{refused}");
    assert_eq!(desk.refused(CLEAR_CODE, 5)["kind"], "unset");
    assert_eq!(desk.telling(), [""; 0]);
}

#[test]
fn a_reset_code_is_set_and_cleared_and_its_counter_proves_both() {
    let desk = desk();
    let done = desk.run(&format!("{SET_CODE} --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("set"), &json!(true)), "{done}");
    assert_eq!((&done["role"], &done["by"]), (&json!("reset-code"), &json!("so-pin")));
    assert_eq!(desk.headers().len(), 6, "{:?}", desk.headers());
    assert_eq!(desk.counters(), [3, 3, 3]);

    let again = desk.run(&format!("{SET_CODE} --json")).code(0).json();
    assert_eq!(again["confirmed"], false, "the counter is the same for the old one: {again}");
    desk.run(RESET_BY_CODE).code(0);

    let done = desk.run(&format!("{CLEAR_CODE} --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("cleared"), &json!(true)), "{done}");
    assert_eq!(desk.counters(), [3, 0, 3]);
}

#[test]
fn a_wrong_admin_pin_sets_no_reset_code() {
    let desk = desk();
    for line in [SET_CODE, CLEAR_CODE] {
        let line = line.replace("env:ADMIN", "env:ADMIN2");
        let desk = if line.contains("clear") { super::desk().with_reset_code() } else { super::desk() };
        let before = desk.counters();
        assert_eq!(desk.refused(&line, 4)["role"], "so-pin");
        assert_eq!(desk.counters(), [before[0], before[1], 2]);
    }
    assert_eq!(desk.counters(), [3, 0, 3]);
}

#[test]
fn a_generated_reset_code_works() {
    let desk = desk();
    let run = desk.run("reset-code set --application openpgp --so-pin env:ADMIN --new-reset-code generate").code(0);
    let code = run.out.trim();
    assert!(code.len() >= 8, "{run:?}");
    desk.call("pin reset --application openpgp --reset-code env:CODE --new-pin env:NEW")
        .env("CODE", code)
        .run()
        .code(0);
    assert_eq!(desk.verify(0x81, "271828"), "9000");
}
