//! Yubico's PIV extensions: on a stand-in that answers as a YubiKey does, on real firmware that has some of them, and on cards without.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use super::{COUNTER, Desk, KEY, SELECT, desk, desk_with, error};
use crate::support::{cards::Card, home, terminal::Terminal};

const SET: &str = "pin set --application piv --new-pin env:NEW";
const SET_RETRIES: &str = "retries set --application piv --admin-key env:KEY --pin env:PIN --pin-tries 5 --puk-tries 4 --new-pin env:NEW --new-puk env:PUK2";
const CHANGE_KEY: &str = "admin-key change --application piv --admin-key env:KEY --new-admin-key env:KEY2";
const CHANGE_KEY_BACK: &str = "admin-key change --application piv --admin-key env:KEY2 --new-admin-key env:KEY";
const ERASE: &str = "token erase --application piv --destroy 5437251";

/// A PIV card like this one, as delivered.
fn like(model: &str) -> Desk {
    desk_with(Card::stand_in("piv").dialect(&format!("card={model}")))
}

fn yubikey() -> Desk {
    like("yubikey")
}

impl Desk {
    fn status(&self) -> Value {
        let mut status = self.run("status --application piv --json").code(0).json();
        status["tokens"][0].take()
    }

    fn can(&self) -> Vec<String> {
        let status = self.status();
        status["can"].as_array().unwrap().iter().map(|able| able["operation"].as_str().unwrap().to_owned()).collect()
    }

    /// What another program gets to a command of its own.
    fn ask(&self, apdu: &str) -> String {
        self.pcscd.send(0, &[SELECT, apdu])[1].clone()
    }

    /// The instructions that the card got since the last call began.
    fn instructions(&self) -> Vec<String> {
        self.card.apdus().iter().map(|(command, _)| command[2..4].to_owned()).collect()
    }

    #[track_caller]
    fn leave_puk_tries(&self, left: u8) {
        for _ in left..3 {
            self.ask("002C0080103939393939393939313233343536FFFF");
        }
    }
}

const PIN_METADATA: &str = "00F7008000";
const PUK_METADATA: &str = "00F7008100";

#[test]
fn status_of_a_yubikey_takes_seven_apdus_and_tells_limits_defaults_version_and_management_key() {
    let desk = yubikey();
    let token = desk.status();
    assert_eq!(desk.headers().len(), 7, "{:?}", desk.headers());
    assert_eq!((desk.presented(), desk.card.resets()), (vec![], 0));
    assert_eq!((&token["serial"], &token["model"]), (&json!("5437251"), &json!("PIV 5.4.3")));
    let told = |index: usize| {
        let own = &token["references"][index];
        [&own["role"], &own["key_reference"], &own["tries"], &own["default"]].map(Value::clone)
    };
    let tries = json!({"left": 3, "limit": 3});
    assert_eq!(told(0), [json!("user-pin"), json!("80"), tries.clone(), json!(true)]);
    assert_eq!(told(1), [json!("puk"), json!("81"), tries, json!(true)]);
    assert_eq!(told(2), [json!("admin-key"), json!("9B"), json!(null), json!(true)]);
    assert_eq!(token["references"][2]["name"], "management key");
    let text = desk.run("status --application piv").code(0).out;
    assert!(text.contains("still the value of delivery") && text.contains("management key"), "{text}");
    let can = desk.can();
    for able in ["pin set", "pin change", "pin reset", "puk change", "retries set", "admin-key change", "token erase"] {
        assert!(can.contains(&able.to_owned()), "{able}: {can:?}");
    }
}

#[test]
fn a_card_of_the_standard_alone_offers_none_of_it_refuses_it_and_gets_no_secret() {
    let desk = like("plain");
    let status = desk.status();
    assert!(desk.headers().len() <= 7, "{:?}", desk.headers());
    assert_eq!(status["references"].as_array().unwrap().len(), 2);
    assert_eq!(desk.can(), ["pin change", "pin verify", "pin reset", "puk change"]);
    let erase = ERASE.replace("--destroy 5437251", "--destroy any");
    for (command, instead) in
        [(SET, "pin reset"), (SET_RETRIES, "status"), (CHANGE_KEY, "puk change"), (&erase, "status")]
    {
        let refused = error(&desk.run(&format!("{command} --json")).code(7));
        assert_eq!(refused["kind"], "unsupported", "{command}");
        assert!(refused["hint"].as_str().unwrap().starts_with(&format!("pukka {instead} --token ")), "{refused}");
        assert_eq!((desk.presented(), desk.instructions().contains(&"87".into())), (vec![], false), "{command}");
    }
    assert_eq!(desk.counter(), "63C3");
}

#[test]
fn the_first_pin_is_set_where_that_of_delivery_stands_and_not_again() {
    let desk = yubikey();
    let done = desk.run(&format!("{SET} --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"], &done["by"]), (&json!("set"), &json!(true), &json!(null)));
    assert_eq!(desk.verify("323731383238FFFF"), "9000");
    let refused = error(&desk.run(&format!("{SET} --json")).code(7));
    assert!(refused["hint"].as_str().unwrap().starts_with("pukka pin reset "), "{refused}");
    assert_eq!(desk.presented(), [""; 0]);
    assert!(!desk.can().contains(&"pin set".into()));
}

#[test]
fn the_first_pin_is_not_set_by_the_last_try_nor_where_none_is_left() {
    let desk = yubikey();
    desk.leave_tries(1);
    assert_eq!(error(&desk.run(&format!("{SET} --json")).code(6))["kind"], "last-try");
    assert_eq!(desk.presented(), [""; 0]);
    desk.leave_tries(0);
    assert_eq!(error(&desk.run(&format!("{SET} --json")).code(5))["kind"], "blocked");
    assert_eq!(desk.presented(), [""; 0]);
}

#[test]
fn limits_are_set_in_the_safe_order_and_new_values_stand_at_the_end() {
    let desk = yubikey();
    let key = desk.home.path().join("KEY");
    fs::write(&key, format!("{KEY}\n")).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let call = desk.call("retries set --application piv --admin-key file:KEY --pin env:PIN --pin-tries 5 --puk-tries 5 --new-pin env:NEW --new-puk env:PUK2");
    let mut command = call.command();
    let run = command.current_dir(desk.home.path()).output().unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(0), "{said}");
    assert!(said.contains("the PIN and the PUK back to the value of delivery"), "said beforehand: {said}");
    let sent = desk.headers();
    let from = sent.iter().position(|header| header == "0087039B").unwrap();
    assert_eq!(
        sent[from..from + 6],
        ["0087039B", "0087039B", "00200080", "00FA0505", "00240080", "00240081"],
        "nothing between the limits and the new values"
    );
    assert_eq!(desk.ask(PIN_METADATA), "0101FF050100060205059000");
    assert_eq!(desk.ask(PUK_METADATA), "0101FF050100060205059000");
    assert_eq!(desk.verify("323731383238FFFF"), "9000");
    desk.run("pin reset --application piv --puk env:PUK2 --new-pin env:PIN").code(0);
}

#[test]
fn the_tries_that_are_reported_are_those_that_were_set() {
    let done = yubikey().run(&format!("{SET_RETRIES} --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["tries"]), (&json!("set"), &json!({"left": 5, "limit": 5})));
    assert_eq!(done["by"], "admin-key");
}

#[test]
fn a_limit_that_is_not_given_stays_as_it_is() {
    let desk = yubikey();
    desk.run(&SET_RETRIES.replace("--puk-tries 4 ", "")).code(0);
    assert_eq!(desk.ask(PUK_METADATA), "0101FF050100060203039000");
}

#[test]
fn limits_are_not_set_without_both_new_values() {
    let desk = yubikey();
    for missing in ["--new-pin env:NEW", "--new-puk env:PUK2"] {
        let call = format!("{} --json --no-input", SET_RETRIES.replace(missing, ""));
        let usage = error(&desk.run(&call).code(2));
        assert_eq!(usage["kind"], "usage");
        let option = missing.split(' ').next().unwrap();
        assert!(usage["message"].as_str().unwrap().contains(option), "{usage}");
        assert_eq!(desk.presented(), [""; 0]);
    }
}

#[test]
fn on_a_terminal_new_values_are_asked_for_behind_the_warning_that_the_limits_need_them() {
    let desk = yubikey();
    let line = SET_RETRIES.replace(" --new-pin env:NEW --new-puk env:PUK2", "");
    let mut terminal = Terminal::spawn(desk.call(&line).command());
    terminal.expect("note: setting the limits, once the ").expect("New PIN of ").send("271828\r");
    terminal.expect("again: ").send("271828\r").expect("New PUK of ").send("87654321\r");
    terminal.expect("again: ").send("87654321\r");
    let (code, shown) = terminal.wait();
    assert_eq!((code, shown.matches("note: setting the limits").count()), (0, 1), "{shown}");
    assert_eq!(desk.verify("323731383238FFFF"), "9000");
}

#[test]
fn a_wrong_secret_sets_no_limits_and_the_last_try_of_the_pin_is_not_spent() {
    let desk = yubikey();
    let wrong_key = SET_RETRIES.replace("env:KEY", "env:WRONG_KEY");
    let wrong = error(&desk.run(&format!("{wrong_key} --json")).code(4));
    assert_eq!((&wrong["role"], &wrong["tries_left"]), (&json!("admin-key"), &json!(null)));
    assert_eq!(desk.presented(), [""; 0], "the PIN is not risked");
    assert_eq!(desk.card.resets(), 1);
    let wrong_pin = SET_RETRIES.replace("env:PIN", "env:WRONG");
    let wrong = error(&desk.run(&format!("{wrong_pin} --json")).code(4));
    assert_eq!((&wrong["role"], &wrong["tries_left"]), (&json!("user-pin"), &json!(2)));
    desk.leave_tries(1);
    assert_eq!(error(&desk.run(&format!("{SET_RETRIES} --json")).code(6))["kind"], "last-try");
    assert!(!desk.instructions().contains(&"87".into()));
    let last = format!("{wrong_pin} --allow-last-try --json");
    assert_eq!(error(&desk.run(&last).code(5))["kind"], "blocked");
    assert_eq!(error(&desk.run(&format!("{SET_RETRIES} --json")).code(5))["kind"], "blocked");
    assert!(!desk.instructions().contains(&"FA".into()));
}

#[test]
fn limits_that_a_clone_does_not_take_are_refused_with_nothing_lost() {
    let untold = || desk_with(Card::stand_in("piv").dialect("card=yubikey").dialect("retries=zero-only"));
    for (desk, offered) in [(untold(), true), (like("nitrokey"), false), (desk(), false)] {
        assert_eq!(desk.can().contains(&"retries set".into()), offered);
        let refused = error(&desk.run(&format!("{SET_RETRIES} --json")).code(7));
        assert_eq!((&refused["kind"], desk.instructions().contains(&"FA".into())), (&json!("unsupported"), offered));
        let hint = refused["hint"].as_str().unwrap();
        assert!(!hint.contains("pin reset") && !hint.contains("retries set"), "{refused}");
        assert_eq!(desk.verify("313233343536FFFF"), "9000", "the old PIN");
        desk.run("pin reset --application piv --puk env:PUK --new-pin env:NEW").code(0);
    }
}

#[test]
fn a_card_pulled_while_its_limits_are_set_is_not_left_at_its_values_of_delivery_unsaid() {
    for (fault, code) in [
        ("pull-before@87:2", 8),
        ("pull-before@FA:1", 8),
        ("pull-after@FA:1", 8),
        ("pull-before@24:1", 8),
        ("pull-before@24:2", 8),
        ("pull-after@24:2", 8),
        ("pull-before@20:3", 11), // the counter, behind the new values
    ] {
        let directory = home();
        let card = Card::stand_in("piv").dialect("card=yubikey").file(&directory.path().join("card"));
        let mut desk = desk_with(card.clone());
        desk.run("pin change --application piv --pin env:PIN --new-pin env:NEW").code(0);
        desk.run("puk change --application piv --puk env:PUK --new-puk env:PUK2").code(0);
        desk.card.fail(&[fault]);
        let call =
            SET_RETRIES.replace("--pin env:PIN", "--pin env:NEW").replace("--new-pin env:NEW", "--new-pin env:WRONG");
        let error = error(&desk.run(&format!("{call} --json")).code(code));
        desk.card.wait_till_pulled();
        desk.card = desk.pcscd.insert(0, card);
        let is_delivered = |apdu: &str| desk.ask(apdu).starts_with("0101FF050101");
        let message = error["message"].as_str().unwrap();
        for (role, apdu) in [("PIN", PIN_METADATA), ("PUK", PUK_METADATA)] {
            let said = message.contains("of delivery") && message.contains(role);
            assert!(!is_delivered(apdu) || said, "{fault}: {role}: {error}");
        }
        assert!(code == 11 || error["hint"].as_str().unwrap().contains("pukka status"), "{fault}: {error}");
    }
}

#[test]
fn what_every_card_can_takes_no_more_apdus_on_one_that_can_more() {
    for model in ["nitrokey", "yubikey", "neo", "pivapplet", "plain"] {
        let desk = like(model);
        for (command, most) in [
            ("status --application piv", 7),
            ("pin change --application piv --pin env:PIN --new-pin env:NEW", 5),
            ("pin reset --application piv --puk env:PUK --new-pin env:PIN", 5),
        ] {
            desk.run(command).code(0);
            assert!(desk.headers().len() <= most, "{model}: {command}: {:?}", desk.headers());
        }
    }
}

#[test]
fn a_card_with_one_word_for_every_refusal_is_erased_by_its_counters() {
    let desk = desk_with(Card::stand_in("piv").dialect("card=yubikey").dialect("refusals=6982"));
    desk.run(ERASE).code(0);
    assert_eq!(desk.counter(), "63C3");
}

#[test]
fn a_card_without_a_way_back_is_not_blocked_to_no_end() {
    let desk = desk_with(Card::stand_in("piv").dialect("card=yubikey").dialect("device-reset=absent"));
    let refused = error(&desk.run(&format!("{ERASE} --json")).code(7));
    assert_eq!((&refused["kind"], desk.presented()), (&json!("unsupported"), vec![]));
    assert_eq!(desk.counter(), "63C3");
}

#[test]
fn a_contactless_reader_lets_nothing_be_blocked_and_so_nothing_be_erased() {
    let desk = desk_with(Card::stand_in("piv").dialect("card=yubikey").dialect("contactless=yes"));
    assert_eq!(error(&desk.run(&format!("{ERASE} --json")).code(8))["kind"], "device");
    let sent = desk.instructions();
    let asked = sent.iter().rposition(|instruction| instruction == "FB");
    assert!(asked < sent.iter().position(|instruction| instruction == "2C"), "no RESET behind it: {sent:?}");
    assert_eq!(desk.ask(PUK_METADATA), "0101FF050101060203039000");
}

#[test]
fn a_new_pin_that_the_card_refuses_does_not_leave_the_puk_at_its_value_of_delivery() {
    let desk = yubikey();
    desk.card.fail(&["answer=6A80@24:1"]);
    let error = error(&desk.run(&format!("{SET_RETRIES} --json")).code(8));
    assert!(error["message"].as_str().unwrap().contains("the PIN may be at the value of delivery"), "{error}");
    assert_eq!(desk.ask(PUK_METADATA), "0101FF050100060204049000");
}

#[test]
fn a_management_key_is_changed_and_confirmed_and_the_old_one_is_dead() {
    for desk in [yubikey(), like("nitrokey"), like("pivapplet"), like("neo"), desk()] {
        let done = desk.run(&format!("{CHANGE_KEY} --json")).code(0).json();
        assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)));
        assert_eq!((&done["role"], &done["tries"]), (&json!("admin-key"), &json!(null)));
        assert_eq!(desk.card.resets(), 1, "nobody finds it authenticated");
        assert_eq!(error(&desk.run(&format!("{CHANGE_KEY} --json")).code(4))["tries_left"], json!(null));
        desk.run(CHANGE_KEY_BACK).code(0);
    }
}

#[test]
fn a_management_key_of_another_length_changes_its_type() {
    for desk in [yubikey(), desk()] {
        desk.run(&CHANGE_KEY.replace("env:KEY2", "env:AES")).code(0);
        assert!(desk.headers().contains(&"00870C9B".into()), "AES-256 now: {:?}", desk.headers());
        desk.run(
            &CHANGE_KEY_BACK
                .replace("env:KEY2", "env:AES")
                .replace("--new-admin-key env:KEY", "--new-admin-key env:KEY2"),
        )
        .code(0);
    }
}

#[test]
fn a_key_of_24_bytes_is_of_the_type_that_metadata_tells() {
    let desk = desk_with(Card::stand_in("piv").dialect("card=yubikey").dialect("version=5.7.1"));
    desk.run(CHANGE_KEY).code(0);
    assert!(desk.headers().contains(&"00870A9B".into()), "AES-192: {:?}", desk.headers());
}

#[test]
fn a_key_that_cannot_be_one_is_refused_unsent() {
    let desk = yubikey();
    for (old, new) in [
        ("env:AES", "env:KEY2"),
        ("env:PUK", "env:KEY2"),
        ("env:KEY", "env:PUK"),
        ("env:KEY", "env:KEY"),
        ("env:KEY", "env:ODD"),
    ] {
        let line = format!("admin-key change --application piv --admin-key {old} --new-admin-key {new} --json");
        for line in [&line, &format!("{line} --dry-run")] {
            assert_eq!(error(&desk.run(line).code(6))["kind"], "policy", "{line}");
        }
        assert!(!desk.instructions().contains(&"87".into()), "{line}");
    }
}

#[test]
fn a_generated_management_key_is_of_the_type_of_the_present_one() {
    for (version, digits) in [("5.4.3", 48), ("5.7.1", 48)] {
        let desk = desk_with(Card::stand_in("piv").dialect("card=yubikey").dialect(&format!("version={version}")));
        let run = desk.run(&CHANGE_KEY.replace("env:KEY2", "generate")).code(0);
        let key = run.out.trim_end().to_owned();
        assert_eq!((key.len(), key.bytes().all(|digit| digit.is_ascii_hexdigit())), (digits, true));
        desk.call(&CHANGE_KEY_BACK.replace("env:KEY2", "env:TRY")).env("TRY", &key).run().code(0);
    }
}

#[test]
fn a_card_that_says_yes_to_any_key_is_not_believed() {
    let desk = yubikey();
    desk.card.fail(&["answer=7C0A820800000000000000009000@87:2"]);
    assert_eq!(error(&desk.run(&format!("{CHANGE_KEY} --json")).code(8))["kind"], "device");
    assert!(!desk.instructions().contains(&"FF".into()));
    desk.card.fail(&["lie@FF:1"]);
    assert_eq!(error(&desk.run(&format!("{CHANGE_KEY} --json")).code(11))["kind"], "unconfirmed");
}

#[test]
fn an_erased_card_is_as_delivered_and_not_without_its_serial() {
    for desk in [yubikey(), like("nitrokey"), like("pivapplet"), desk()] {
        desk.run("pin change --application piv --pin env:PIN --new-pin env:NEW").code(0);
        for refused in ["token erase --application piv --destroy 1234", "token erase --application piv"] {
            let code = if refused.contains("--destroy") { 6 } else { 2 };
            desk.run(refused).code(code);
            assert_eq!(desk.presented(), [""; 0]);
        }
        let done = desk.run(&format!("{ERASE} --json")).code(0).json();
        assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("erased"), &json!(true)));
        assert_eq!(desk.verify("313233343536FFFF"), "9000", "the PIN of delivery");
        desk.run("pin reset --application piv --puk env:PUK --new-pin env:NEW").code(0);
    }
}

#[test]
fn the_tries_of_an_erased_card_are_those_of_delivery_and_not_what_they_were_set_to() {
    let desk = yubikey();
    desk.run(SET_RETRIES).code(0);
    let done = desk.run(&format!("{ERASE} --json")).code(0).json();
    assert_eq!(desk.ask(PIN_METADATA), "0101FF050101060203039000");
    assert_eq!(done["tries"]["left"], 3, "{done}");
}

#[test]
fn an_erasure_that_was_cut_off_is_brought_to_its_end_by_another() {
    let desk = yubikey();
    desk.card.fail(&["answer=6F00@20:2"]);
    let cut = error(&desk.run(&format!("{ERASE} --json")).code(8));
    assert!(cut["message"].as_str().unwrap().contains("the PUK is blocked"), "{cut}");
    assert!(cut["hint"].as_str().unwrap().starts_with("pukka token erase "), "{cut}");
    desk.run(ERASE).code(0);
    assert_eq!(desk.counter(), "63C3");
}

#[test]
fn a_reset_by_the_puk_takes_five_apdus_and_tells_the_tries_where_metadata_does() {
    let desk = yubikey();
    let done = desk.run("pin reset --application piv --puk env:PUK --new-pin env:NEW --json").code(0).json();
    assert_eq!(desk.headers(), ["00A40400", "00F70081", "002C0080", "00200080", "00200080"]);
    assert_eq!(done["tries"]["left"], 3);
    assert_eq!(desk.verify("323731383238FFFF"), "9000");
}

#[test]
fn the_last_try_of_a_puk_is_refused_with_what_both_blocked_would_mean() {
    let desk = yubikey();
    desk.leave_puk_tries(1);
    desk.leave_tries(0);
    for command in [
        "pin reset --application piv --puk env:PUK2 --new-pin env:NEW",
        "puk change --application piv --puk env:PUK2 --new-puk env:PUK",
    ] {
        for allowed in ["", " --allow-last-try"] {
            let refused = error(&desk.run(&format!("{command} --json{allowed}")).code(6));
            assert_eq!((&refused["kind"], &refused["role"]), (&json!("last-try"), &json!("puk")));
            assert!(refused["hint"].as_str().unwrap().contains("erase their keys"), "{refused}");
            assert_eq!(desk.presented(), [""; 0]);
        }
    }
    assert_eq!(desk.ask(PUK_METADATA), "0101FF050101060203019000");
    assert_eq!(desk.ask(COUNTER), "63C0");
}

#[test]
fn a_card_pulled_at_whichever_command_is_never_called_done() {
    for (command, resumed) in [
        (SET, "pukka pin verify "),
        ("pin reset --application piv --puk env:PUK --new-pin env:NEW", "pukka pin verify "),
        (CHANGE_KEY, ""),
        (ERASE, "pukka token erase "),
    ] {
        let desk = yubikey();
        desk.run(command).code(0);
        let headers = desk.headers();
        for at in 1..=headers.len() {
            let desk = yubikey();
            desk.card.fail(&[&format!("pull-before@{at}")]);
            let run = desk.run(&format!("{command} --json"));
            assert!([8, 11].contains(&run.code), "{command}, {at} of {headers:?}: {run:?}");
            let hint = error(&run)["hint"].as_str().unwrap_or_default().to_owned();
            let writes = ["00240080", "002C0080", "00FB0000"].contains(&headers[at - 1].as_str());
            assert!(!writes || hint.starts_with(resumed), "{command}, {at} of {headers:?}: {hint}");
        }
    }
}
