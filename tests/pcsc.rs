//! The way to cards: pcscd, readers that are empty, cards that go, and other programs.

mod others;
mod pulled;

use std::{
    ffi::OsString,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    Pukka, Run,
    cards::{Card, Pcscd, VirtualCard},
    desk::Desk,
    home, pukka,
    terminal::Terminal,
};

const SELECT: &str = "00A4040009A00000030800001000";
const COUNTER: &str = "00200080";
/// All secrets come from a person.
const ASK: &str = "pin change --application piv";
/// None does.
const CHANGE: &str = "pin change --application piv --pin env:PIN --new-pin env:NEW";

/// A call as `pcscd`'s client, with its secrets in the environment.
fn call(pcscd: &Pcscd, line: &str) -> Pukka {
    let home = Path::new("/dev/null/home"); // a card needs no state
    pukka(home, line.split_whitespace()).envs(pcscd.envs()).env("PIN", "123456").env("NEW", "271828")
}

/// A call that waits for the PIN: the card has been looked at, and nothing is locked.
#[track_caller]
fn at_the_prompt(pcscd: &Pcscd, line: &str) -> Terminal {
    let mut terminal = Terminal::spawn(call(pcscd, line).command());
    terminal.expect("PIN of ").expect(": ");
    terminal
}

/// Types the old PIN and twice the new one, and waits for the end.
#[track_caller]
fn answer(mut terminal: Terminal) -> (i32, String) {
    terminal.send("123456\r").expect("New PIN").expect(": ").send("271828\r").expect("again: ").send("271828\r");
    terminal.wait()
}

/// The commands with a secret that the card was given.
fn presented(card: &VirtualCard) -> Vec<String> {
    let secret = |command: &String| ["20", "24", "2C"].contains(&&command[2..4]) && command.len() > 10;
    card.apdus().into_iter().map(|(command, _)| command).filter(secret).collect()
}

#[track_caller]
fn error(run: &Run) -> Value {
    run.json()["error"].clone()
}

#[track_caller]
fn sentence_and_hint(run: &Run) -> (String, String) {
    let error = error(run);
    let text = |name: &str| error[name].as_str().unwrap_or_else(|| panic!("no {name}: {error}")).to_owned();
    (text("message"), text("hint"))
}

#[test]
fn without_a_pcscd_the_error_says_how_to_start_it() {
    let home = home();
    for line in ["pin change --application piv --json", "status --application piv --json"] {
        let run = pukka(home.path(), line.split_whitespace()).run().code(8);
        assert_eq!(error(&run)["kind"], "device");
        let (message, hint) = sentence_and_hint(&run);
        assert!(message.contains("pcscd") && message.contains("not running"), "{message}");
        assert!(hint.contains("systemctl start pcscd") && hint.contains("apt install pcscd"), "{hint}");
    }
}

#[test]
fn a_pcscd_that_turns_the_user_away_is_told_from_none_and_the_rule_is_named() {
    let home = home();
    let rejecting = Pcscd::rejecting();
    for line in ["pin change --application piv --json", "status --application piv --json"] {
        let run = pukka(home.path(), line.split_whitespace()).envs(rejecting.envs()).run().code(8);
        assert_eq!(error(&run)["kind"], "device");
        let (message, hint) = sentence_and_hint(&run);
        assert!(!message.contains("not running"), "{message}");
        assert!(hint.contains("polkit") && hint.contains("org.debian.pcsc-lite.access_pcsc"), "{hint}");
    }
}

#[test]
fn empty_readers_hold_no_token() {
    let pcscd = Pcscd::start();
    for line in [
        "pin change --application piv --pin env:PIN --new-pin env:NEW --json",
        "pin change --via pcsc --pin env:PIN --new-pin env:NEW --json",
        "pin change --token card:serial=5437251 --pin env:PIN --new-pin env:NEW --json",
        "status card:serial=5437251 --json",
    ] {
        assert_eq!(error(&call(&pcscd, line).run().code(3))["kind"], "no-token", "{line}");
    }
    for command in ["list", "status"] {
        let listing = call(&pcscd, &format!("{command} --via pcsc --json")).run().code(0).json();
        assert_eq!((&listing["command"], &listing["tokens"]), (&json!(command), &json!([])));
    }
}

#[test]
fn where_there_is_no_reader_there_is_no_token() {
    let home = home();
    let pcscd = Pcscd::without_readers();
    let run = |line: &str| pukka(home.path(), line.split_whitespace()).envs(pcscd.envs()).run();
    for line in ["pin change --application piv --json", "status --application piv --json"] {
        assert_eq!(error(&run(line).code(3))["kind"], "no-token", "{line}");
    }
    assert_eq!(run("list --via pcsc --json").code(0).json()["tokens"], json!([]));
}

#[test]
fn a_mistyped_name_is_no_token_even_where_no_card_could_be_asked() {
    let desk = Desk::new();
    for words in ["pin verify --token dsek-7 --pin env:PIN --json", "status dsek-7 --json"] {
        let run = desk.run(words).code(3);
        assert_eq!(error(&run)["kind"], "no-token", "{words}");
    }
    // Who asks for a card hears that there is no way to one.
    for words in ["pin verify --application piv --pin env:PIN --json", "pin verify --via pcsc --pin env:PIN --json"] {
        assert_eq!(error(&desk.run(words).code(8))["kind"], "device", "{words}");
    }
}

#[test]
fn no_reader_an_empty_one_and_an_unknown_card_are_three_sentences() {
    let (without, empty) = (Pcscd::without_readers(), Pcscd::start());
    let (pcscd, [card]) = Pcscd::with([Card::openpgp()]);
    let home = home();
    let said = |envs: [(&'static str, OsString); 1], words: &str, code: i32| {
        let call = pukka(home.path(), words.split_whitespace()).envs(envs).env("PIN", "123456");
        call.run().code(code).err
    };
    for (words, code, other) in [
        (
            "list --application piv",
            3,
            "the card in Virtual PCD 00 00 has no application that is looked for; its answer to reset is 3B ",
        ),
        ("pin verify --application piv --pin env:PIN", 3, "the card has no PIV application"),
    ] {
        let [none, empty, unknown] = [without.envs(), empty.envs(), pcscd.envs()].map(|envs| said(envs, words, code));
        assert!(none.contains("no card reader is attached"), "{words}: {none}");
        assert!(empty.contains("no reader holds a card"), "{words}: {empty}");
        assert!(unknown.contains(other), "{words}: {unknown}");
    }
    assert_eq!(presented(&card), [""; 0]);
}

#[test]
fn the_cards_in_several_readers_are_asked_at_once() {
    let delay = Duration::from_millis(100);
    let card = || Card::stand_in("gids").delay_ms(100);
    let (pcscd, cards) = Pcscd::with([card(), card(), card(), card(), card(), card(), card(), card()]);
    cards.iter().for_each(VirtualCard::clear_trace);
    let start = Instant::now();
    let listed = call(&pcscd, "list --via pcsc --json").run().code(0).json();
    let took = start.elapsed();
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 8, "{listed}");
    let in_turn = delay * cards.iter().map(|card| card.apdus().len() as u32).sum();
    assert!(took < in_turn / 2, "{took:?}, where one after the other would be {in_turn:?}");
}

#[test]
fn a_card_needs_no_place_for_locks() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    let homeless = |line: &str| {
        call(&pcscd, line).with(|command| {
            for name in ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
                command.env_remove(name);
            }
        })
    };
    homeless("list").run().code(0);
    homeless(CHANGE).run().code(0);
    assert_eq!(presented(&card).len(), 2, "the change and its proof");
}
