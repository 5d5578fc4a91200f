//! Which card, which of its PINs, and through which reader.

use serde_json::json;

use super::{CHANGE, ESTONIA_2018, ISOAPPLET, Kind, MYEID, desk, error, stand_in};
use crate::support::{
    cards::{Card, Pcscd},
    home, pukka,
    terminal::Terminal,
};

#[test]
fn a_list_names_the_card_by_its_profile_and_its_serial_number() {
    let desk = desk(stand_in("esteid-2018").serial("4E53303030"));
    let listed = desk.call(ESTONIA_2018, "list --via pcsc --json").run().code(0).json();
    let [token] = listed["tokens"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    for (field, value) in [
        ("application", "esteid-2018"),
        ("serial", "NS000"),
        ("selector", "card:serial=NS000;application=esteid-2018"),
        ("model", "Estonian identity card of 2018 (IDEMIA)"),
        ("route", "pcsc"),
    ] {
        assert_eq!(token[field], value, "{token}");
    }
    let line = "pin verify --reference PIN1 --pin env:PIN --token card:serial=NS000;application=esteid-2018";
    desk.call(ESTONIA_2018, line).run().code(0);
}

#[test]
fn a_status_shows_every_reference_with_its_tries_and_limits() {
    let desk = desk(stand_in("esteid-2018"));
    desk.spend(ESTONIA_2018, 1);
    let status = desk.call(ESTONIA_2018, "status --application esteid-2018 --json").run().code(0).json();
    let references = &status["tokens"][0]["references"];
    let row = |index: usize| {
        let own = &references[index];
        json!([own["role"], own["name"], own["key_reference"], own["state"], own["tries"], own["length"]["min"]])
    };
    assert_eq!(row(0), json!(["user-pin", "PIN1", "01", "ready", {"left": 2, "limit": 3}, 4]));
    assert_eq!(row(1), json!(["user-pin", "PIN2", "85", "ready", {"left": 3, "limit": 3}, 5]));
    assert_eq!(row(2), json!(["puk", "PUK", "02", "ready", {"left": 3, "limit": 3}, 8]));
    assert!(status["tokens"][0]["notes"][0].as_str().unwrap().contains("from documents only"), "{status}");
}

#[test]
fn a_card_of_which_not_each_operation_was_seen_says_so() {
    // The first PIN of an IsoApplet was read in its source.
    let desk = desk(stand_in("isoapplet"));
    let status = desk.run(ISOAPPLET, "status").code(0).json();
    assert!(status["tokens"][0]["notes"][0].as_str().unwrap().contains("from documents only"), "{status}");
}

#[test]
fn of_several_pins_none_is_guessed_and_each_has_its_own_counter() {
    let desk = desk(stand_in("esteid-2018"));
    let line = "pin verify --application esteid-2018 --pin env:WRONG --json";
    let told = error(&desk.call(ESTONIA_2018, line).run().code(2));
    assert!(told["message"].as_str().unwrap().contains("PIN1, PIN2"), "{told}");
    assert_eq!(desk.presented(), [""; 0]);
    let told = error(&desk.call(ESTONIA_2018, &format!("{line} --reference PUK")).run().code(2));
    assert!(told["message"].as_str().unwrap().contains("PIN1, PIN2"), "{told}");
    desk.spend(ESTONIA_2018, 3);
    desk.call(ESTONIA_2018, &format!("{line} --reference PIN1")).run().code(5);
    let status = desk.call(ESTONIA_2018, "status --application esteid-2018 --json").run().code(0).json();
    let can = |operation: &str, name: &str| {
        let can = status["tokens"][0]["can"].as_array().unwrap();
        can.iter().any(|able| able["operation"] == operation && able["reference"] == name)
    };
    let told = ["pin change", "pin reset"].map(|operation| [can(operation, "PIN1"), can(operation, "PIN2")]);
    assert_eq!(told, [[false, true], [true, true]], "{status}");
    assert_eq!(error(&desk.call(ESTONIA_2018, &format!("{line} --reference PIN2")).run().code(6))["kind"], "policy");
    let second = Kind { wrong: "99999", ..ESTONIA_2018 };
    assert_eq!(error(&desk.call(second, &format!("{line} --reference PIN2")).run().code(4))["tries_left"], 2);
}

#[test]
fn what_to_do_next_is_said_of_each_pin_by_a_command_that_names_it() {
    let desk = desk(stand_in("esteid-2018"));
    desk.spend(ESTONIA_2018, 3);
    let mut terminal = Terminal::spawn(desk.call(ESTONIA_2018, "").command());
    terminal.expect("PIN1 is blocked; ").expect("PIN2 is ready; ");
    terminal.expect("pukka pin reset --token ").expect("--reference PIN1");
    terminal.expect("pukka pin change --token ").expect("--reference PIN2");
    terminal.expect("Your choice (").expect(" or q): ").send("q\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn a_prompt_names_the_pin_of_several_that_is_meant() {
    let desk = desk(stand_in("esteid-2018"));
    let call = desk.call(ESTONIA_2018, "pin verify --application esteid-2018 --reference PIN2");
    let mut terminal = Terminal::spawn(call.command());
    terminal.expect("PIN2 of ").expect("3 of 3 tries left").expect(": ").send("12345\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn the_answer_to_reset_decides_between_cards_that_share_their_name() {
    let (pcscd, cards) = Pcscd::with([stand_in("myeid"), stand_in("esteid-2025")]);
    let home = home();
    let listed = pukka(home.path(), ["list", "--via", "pcsc", "--json"]).envs(pcscd.envs()).run().code(0).json();
    let names: Vec<&str> =
        listed["tokens"].as_array().unwrap().iter().map(|token| token["application"].as_str().unwrap()).collect();
    assert_eq!(names, ["myeid", "esteid-2025"]);
    for card in &cards {
        let sent = card.apdus();
        let shared = sent.iter().filter(|(command, _)| command.starts_with("00A404000CA000000063504B43532D3135"));
        assert_eq!(shared.count(), 1, "each name is selected once: {sent:?}");
    }
    let run = pukka(home.path(), ["pin", "verify", "--application", "isoapplet", "--pin", "env:PIN", "--json"]);
    let told = error(&run.envs(pcscd.envs()).env("PIN", "123456").run().code(3));
    assert_eq!(told["kind"], "no-token");
}

#[test]
fn an_application_beside_it_is_another_token() {
    let desk = desk(Card::stand_in("iso7816,gids"));
    let listed = desk.call(ISOAPPLET, "list --via pcsc --json").run().code(0).json();
    let tokens = listed["tokens"].as_array().unwrap();
    assert!(tokens.iter().any(|token| token["application"] == "isoapplet"), "{listed}");
    desk.run(ISOAPPLET, CHANGE).code(0);
}

#[test]
fn the_name_of_a_profile_is_an_application_and_another_is_refused() {
    let desk = desk(stand_in("myeid"));
    desk.run(MYEID, "pin verify --pin env:PIN").code(0);
    let told = error(&desk.call(MYEID, "pin verify --application myeidx --pin env:PIN --json").run().code(2));
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("myeid") && !message.contains("myeidx"), "{message}");
}
