//! The admin key: authentication in either form, the reset that it allows, and its own change.

use serde_json::json;

use super::*;
use crate::{stand_in::opensc_does, support::desk::secret_file};

const CHANGE_KEY: &str = "admin-key change --application gids --admin-key env:KEY --new-admin-key env:NEW_KEY";

/// What is asked and answered in an authentication, by the first bytes behind the header.
fn authentication(desk: &Desk) -> Vec<String> {
    let asked = desk.sent().into_iter().filter(|command| command.starts_with("0087"));
    asked.map(|command| command[10..18].to_owned()).collect()
}

const MUTUAL: [&str; 2] = ["7C128110", "7C2A8228"];
const EXTERNAL: [&str; 2] = ["7C028100", "7C0A8208"];

#[test]
fn a_reset_by_the_admin_key_is_seven_apdus_and_the_card_is_authenticated_too() {
    let desk = Desk::new();
    desk.leave_tries(0);
    let done = desk.run(&format!("{RESET} --json")).code(0).json();
    assert_eq!(desk.headers(), ["00A40400", "002281A4", "00870000", "00870000", "002C0280", "00CB3FFF", "00200080"]);
    assert_eq!(authentication(&desk), MUTUAL);
    assert_eq!((&done["outcome"], &done["by"]), (&json!("reset"), &json!("admin-key")));
    assert_eq!((&done["confirmed"], &done["tries"]), (&json!(true), &json!({"left": 3, "limit": 3})));
    assert_eq!(desk.card.resets(), 1);
    assert!(desk.is_pin("271828"));
}

#[test]
fn a_card_that_is_not_authenticated_mutually_is_reset_in_seven_apdus_as_well() {
    for status in ["6A80", "6A81", "6985", "6D00"] {
        let desk = Desk::with(&[&format!("mutual={status}")]);
        desk.run(RESET).code(0);
        assert_eq!(authentication(&desk), [&MUTUAL[..1], &EXTERNAL].concat());
        assert!(desk.sent().len() <= 7, "{:?}", desk.sent());
        assert!(desk.is_pin("271828"));
    }
}

#[test]
fn a_card_that_gives_no_external_challenge_is_reset_all_the_same() {
    let desk = Desk::with(&["external=6A81"]);
    desk.run(RESET).code(0);
    assert_eq!(authentication(&desk), MUTUAL);
    assert!(desk.is_pin("271828"));
}

#[test]
fn a_key_of_aes_answers_the_challenge_of_a_card_that_has_one() {
    let key = "000102030405060708090A0B0C0D0E0F";
    let desk = Desk::with(&["admin-cipher=aes", &format!("admin-key={key}")]);
    desk.call(RESET).env("KEY", key).run().code(0);
    assert!(desk.is_pin("271828"));
}

#[test]
fn a_key_comes_from_a_file_in_hexadecimal_of_either_case() {
    let desk = Desk::new();
    let path = desk.home.path().join("key");
    secret_file(&path, format!("{}\n", KEY.to_lowercase()).as_bytes());
    let call = "pin reset --application gids --new-pin env:NEW --admin-key file:";
    desk.run(&format!("{call}{}", path.display())).code(0);
    assert!(desk.is_pin("271828"));
}

#[test]
fn a_wrong_admin_key_is_exit_4_with_no_tries_told_and_is_presented_once() {
    for dialect in [&[][..], &["mutual=6A80"]] {
        let desk = Desk::with(dialect);
        for call in [
            "pin reset --application gids --admin-key env:WRONG_KEY --new-pin env:NEW",
            "admin-key change --application gids --admin-key env:WRONG_KEY --new-admin-key env:KEY",
        ] {
            let error = error(&desk.run(&format!("{call} --json")).code(4));
            assert_eq!((&error["kind"], &error["role"]), (&json!("wrong-secret"), &json!("admin-key")));
            assert_eq!((&error["tries_left"], &error["detail"]), (&json!(null), &json!("SW 6982")));
            assert_eq!(desk.presented().len(), 1, "{:?}", desk.sent());
        }
        assert!(desk.is_pin("123456"));
    }
}

#[test]
fn an_admin_key_is_changed_and_the_new_one_proved() {
    let desk = Desk::new();
    let done = desk.run(&format!("{CHANGE_KEY} --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)));
    assert_eq!((&done["role"], &done["by"]), (&json!("admin-key"), &json!("admin-key")));
    assert_eq!(authentication(&desk), [MUTUAL, MUTUAL].concat());
    desk.run(RESET).code(4);
    desk.run("pin reset --application gids --admin-key env:NEW_KEY --new-pin env:NEW").code(0);
}

#[test]
fn a_key_changed_here_is_the_one_by_which_opensc_resets_the_pin_and_the_other_way_round() {
    let desk = Desk::new();
    desk.run(CHANGE_KEY).code(0);
    let said = opensc_does(&desk.pcscd, "gids-tool", &["--unblock", "--admin-key", NEW_KEY, "--pin", "777777"]);
    assert!(said.contains("successfully") && desk.is_pin("777777"), "{said}");
    let back = ["--change-admin-key", "--admin-key", NEW_KEY, "--new-admin-key", KEY];
    opensc_does(&desk.pcscd, "gids-tool", &back);
    desk.run(RESET).code(0);
    assert!(desk.is_pin("271828"));
}

#[test]
fn a_generated_admin_key_is_of_the_length_that_the_card_has() {
    let desk = Desk::new();
    let run = desk.run("admin-key change --application gids --admin-key env:KEY --new-admin-key generate").code(0);
    let key = run.out.trim_end();
    assert!(key.len() == 48 && key.bytes().all(|digit| digit.is_ascii_hexdigit()), "{run:?}");
    desk.call("pin reset --application gids --admin-key env:MADE --new-pin env:NEW").env("MADE", key).run().code(0);
}

#[test]
fn a_dry_run_shows_the_authority_and_the_commands_and_presents_nothing() {
    let desk = Desk::new();
    let planned = desk.run(&format!("{RESET} --dry-run --json")).code(0).json();
    assert_eq!((&planned["outcome"], &planned["plan"]["by"]), (&json!("planned"), &json!("admin-key")));
    assert_eq!(planned["plan"]["needs"], json!(["admin-key", "new-pin"]));
    assert_eq!(desk.presented(), [""; 0]);
}
