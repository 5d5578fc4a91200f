//! GIDS cards: a stand-in that answers as recorded cards did, behind a real pcscd. What the card has is asked of it beside
//! pukka, by another program.

mod admin;
mod dialects;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    cards::{Card, Hold, Pcscd, VirtualCard},
    home,
    marks::found,
    pukka,
};

pub const SELECT: &str = "00A4040009A00000039742544659";
const STATUS: &str = "00CB3FFF045C027F7100";
/// The admin key of every card here, as it is given and as the card is told it.
pub const KEY: &str = "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123";
const NEW_KEY: &str = "FEDCBA9876543210DCBA9876543210FEBA9876543210FEDC";

/// A desk with one GIDS card: PIN 123456, three tries, [`KEY`].
pub struct Desk {
    pub home: TempDir,
    pub pcscd: Pcscd,
    pub card: VirtualCard,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With a card of this dialect.
    pub fn with(dialect: &[&str]) -> Self {
        let card = Card::stand_in("gids").dialect(&format!("admin-key={KEY}"));
        let (pcscd, [card]) = Pcscd::with([dialect.iter().fold(card, |card, switch| card.dialect(switch))]);
        Self { home: home(), pcscd, card }
    }

    /// A call with what the environment holds for it; the card's trace begins with it.
    pub fn call(&self, line: &str) -> Pukka {
        self.card.clear_trace();
        let secrets = [
            ("PIN", "123456"),
            ("NEW", "271828"),
            ("WRONG", "999999"),
            ("SURPLUS", "1234562"),
            ("SHORT", "271"),
            ("LONG", "27182818284590452"),
            ("KEY", KEY),
            ("NEW_KEY", NEW_KEY),
            ("WRONG_KEY", NEW_KEY),
        ];
        pukka(self.home.path(), line.split_whitespace()).envs(self.pcscd.envs()).envs(secrets)
    }

    #[track_caller]
    pub fn run(&self, line: &str) -> Run {
        self.call(line).run()
    }

    /// The tries left and their limit, asked by another program.
    #[track_caller]
    pub fn tries(&self) -> (u8, u8) {
        let status = self.pcscd.send(0, &[SELECT, STATUS])[1].clone();
        let number = |at: usize| u8::from_str_radix(&status[at..at + 2], 16).unwrap();
        assert!(status.starts_with("7F7106970") && status.ends_with("9000"), "{status}");
        (number(10), number(16))
    }

    /// Whether `pin` is the user PIN, asked by another program; a wrong one costs a try.
    pub fn is_pin(&self, pin: &str) -> bool {
        let digits: String = pin.bytes().map(|byte| format!("{byte:02X}")).collect();
        let verify = format!("00200080{:02X}{digits}", pin.len());
        self.pcscd.send(0, &[SELECT, &verify, "00200082"])[1] == "9000"
    }

    /// Spends tries of the PIN till so many are left.
    #[track_caller]
    pub fn leave_tries(&self, left: u8) {
        for _ in left..self.tries().0 {
            assert!(!self.is_pin("999999"));
        }
        assert_eq!(self.tries().0, left);
    }

    /// The commands that the card got since the last call began.
    pub fn sent(&self) -> Vec<String> {
        self.card.apdus().into_iter().map(|(command, _)| command).collect()
    }

    /// The same, as CLA INS P1 P2.
    pub fn headers(&self) -> Vec<String> {
        self.sent().iter().map(|command| command[..8].to_owned()).collect()
    }

    /// Those that present or set a secret.
    pub fn presented(&self) -> Vec<String> {
        let secret = |command: &String| match &command[2..4] {
            "20" | "24" | "2C" | "DB" => command.len() > 10,
            "87" => command[14..].starts_with("82"),
            _ => false,
        };
        self.sent().into_iter().filter(secret).collect()
    }
}

/// The error object of a run with `--json`, whose exit code it names.
#[track_caller]
pub fn error(run: &Run) -> Value {
    let object = run.json();
    assert_eq!(object["error"]["exit_code"], run.code, "{run:?}");
    object["error"].clone()
}

const CHANGE: &str = "pin change --application gids --pin env:PIN --new-pin env:NEW";
const VERIFY: &str = "pin verify --application gids --pin env:PIN";
const VERIFY_WRONG: &str = "pin verify --application gids --pin env:WRONG";
const RESET: &str = "pin reset --application gids --admin-key env:KEY --new-pin env:NEW";

#[test]
fn status_shows_the_tries_with_their_limit_in_at_most_seven_apdus_and_changes_nothing() {
    let desk = Desk::new();
    let held = desk.pcscd.hold(0, Hold::Shared, &[SELECT, "0020008006313233343536"]);
    assert_eq!(held.responses[1], "9000");
    let status = desk.run("status --application gids --json").code(0).json();
    let [token] = status["tokens"].as_array().unwrap().as_slice() else { panic!("{status}") };
    let expected = json!([
        {"role": "user-pin", "name": "PIN", "key_reference": "80", "state": "ready", "tries": {"left": 3, "limit": 3},
         "default": null, "temporary": null, "expires": null, "length": {"min": 4, "max": 16, "unit": "characters"}},
        {"role": "admin-key", "name": "admin key", "key_reference": "80", "state": "unknown", "tries": null,
         "default": null, "temporary": null, "expires": null, "length": {"min": 48, "max": 48, "unit": "characters"}},
    ]);
    assert_eq!(token["references"], expected);
    // What the card says to `00 CB A0 12 04 5C 02 DF 20 00`: "a GIDS card.", a zero, and three bytes more.
    assert_eq!(token["serial"], "61204749445320636172642e00dec0de");
    assert_eq!(token["selector"], "card:serial=61204749445320636172642e00dec0de;application=gids");
    let can = token["can"].as_array().unwrap();
    for able in [
        json!({"operation": "pin change"}),
        json!({"operation": "pin verify"}),
        json!({"operation": "pin reset", "by": "admin-key"}),
        json!({"operation": "pin reset", "by": "challenge"}),
        json!({"operation": "admin-key change"}),
    ] {
        assert!(can.contains(&able), "{able}: {can:?}");
    }
    assert!(can.iter().all(|able| able["operation"] != "pin set"), "{can:?}");
    assert!(desk.sent().len() <= 7, "{:?}", desk.sent());
    assert_eq!((desk.presented(), desk.card.resets()), (vec![], 0));
}

#[test]
fn a_change_is_five_apdus_guard_and_proof_included_and_the_old_pin_is_verified_before() {
    let desk = Desk::new();
    let done = desk.run(&format!("{CHANGE} --json")).code(0).json();
    assert_eq!(
        desk.sent(),
        [
            "00A4040009A0000003974254465900",
            "00CB3FFF045C027F7100",
            "0020008006313233343536",
            "002400800C313233343536323731383238",
            "0020008006323731383238",
        ]
    );
    assert_eq!(desk.card.resets(), 1, "nobody shall find the card verified");
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)));
    assert_eq!(done["tries"], json!({"left": 3, "limit": 3}));
    assert!(desk.is_pin("271828") && !desk.is_pin("123456"));
}

#[test]
fn a_right_pin_is_verified_and_a_wrong_one_costs_one_try_and_says_how_many_are_left() {
    let desk = Desk::new();
    desk.run(VERIFY).code(0);
    assert_eq!(desk.card.resets(), 1);
    for (wrong, left) in [(VERIFY_WRONG, 2), ("pin change --application gids --pin env:WRONG --new-pin env:NEW", 1)] {
        let error = error(&desk.run(&format!("{wrong} --json")).code(4));
        assert_eq!((&error["kind"], &error["tries_left"]), (&json!("wrong-secret"), &json!(left)), "{error}");
        assert_eq!(desk.tries(), (left, 3), "the card's own counter");
    }
    assert!(desk.is_pin("123456"));
}

#[test]
fn one_character_too_many_of_the_old_pin_is_a_wrong_one_and_the_pin_is_unchanged() {
    let desk = Desk::new();
    desk.run("pin change --application gids --pin env:SURPLUS --new-pin env:NEW").code(4);
    assert!(desk.headers().iter().all(|header| !header.starts_with("0024")), "{:?}", desk.headers());
    assert_eq!(desk.tries(), (2, 3));
    assert!(desk.is_pin("123456"));
}

#[test]
fn what_has_an_impossible_length_is_never_sent() {
    let desk = Desk::with(&["change-short=9000", "reset-short=9000"]);
    for call in [
        "pin change --application gids --pin env:PIN --new-pin env:SHORT",
        "pin change --application gids --pin env:PIN --new-pin env:LONG",
        "pin change --application gids --pin env:SHORT --new-pin env:NEW",
        "pin verify --application gids --pin env:LONG",
        "pin reset --application gids --admin-key env:KEY --new-pin env:SHORT",
        "pin reset --application gids --admin-key env:PIN --new-pin env:NEW",
        "admin-key change --application gids --admin-key env:KEY --new-admin-key env:PIN",
    ] {
        assert_eq!(error(&desk.run(&format!("{call} --json")).code(6))["kind"], "policy", "{call}");
        assert_eq!(desk.presented(), [""; 0], "{call}");
    }
    assert!(desk.is_pin("123456"));
}

#[test]
fn the_last_try_is_not_spent_unasked() {
    let desk = Desk::new();
    desk.leave_tries(1);
    for command in [VERIFY, VERIFY_WRONG, CHANGE] {
        let error = error(&desk.run(&format!("{command} --json")).code(6));
        assert_eq!((&error["kind"], &error["role"]), (&json!("last-try"), &json!("user-pin")), "{error}");
        assert_eq!(desk.presented(), [""; 0], "{command}");
    }
    desk.run(&format!("{CHANGE} --allow-last-try")).code(0);
    assert_eq!(desk.tries(), (3, 3));
}

#[test]
fn a_pin_blocked_by_its_last_try_stays_so_and_the_hint_that_is_given_resets_it() {
    let desk = Desk::new();
    desk.leave_tries(1);
    let last = error(&desk.run(&format!("{VERIFY_WRONG} --allow-last-try --json")).code(5));
    assert_eq!((&last["kind"], &last["tries_left"]), (&json!("blocked"), &json!(0)));
    for command in [VERIFY, CHANGE] {
        let error = error(&desk.run(&format!("{command} --allow-last-try --json")).code(5));
        assert_eq!((&error["kind"], &error["role"]), (&json!("blocked"), &json!("user-pin")), "{error}");
        assert_eq!(desk.presented(), [""; 0], "{command}");
    }
    let text = desk.run(VERIFY).code(5);
    let hint = text.err.lines().find_map(|line| line.strip_prefix("hint: pukka ")).unwrap().replace('\'', "");
    // Who sits there has the help desk before he has the key.
    assert!(hint.starts_with("pin reset ") && hint.ends_with(" --by challenge"), "{hint}");
    let hint = hint.replace("--by challenge", "--by admin-key");
    desk.run(&format!("{hint} --admin-key env:KEY --new-pin env:NEW")).code(0);
    assert_eq!(desk.tries(), (3, 3));
    assert!(desk.is_pin("271828"));
}

#[test]
fn what_a_gids_card_has_not_is_exit_7_with_a_hint_that_names_what_it_has() {
    let desk = Desk::new();
    for (call, instead) in [
        ("pin unblock --application gids --admin-key env:KEY", "pin reset"),
        ("pin set --application gids --new-pin env:NEW", "pin reset"),
        ("pin reset --application gids --puk env:PIN --new-pin env:NEW", "pin reset"),
        ("puk change --application gids --puk env:PIN --new-puk env:NEW", "admin-key change"),
        ("reset-code set --application gids --so-pin env:PIN --new-reset-code env:NEW", "pin reset"),
        ("token erase --application gids --destroy any", "status"),
    ] {
        let refused = error(&desk.run(&format!("{call} --json")).code(7));
        assert!(
            refused["hint"].as_str().unwrap().starts_with(&format!("pukka {instead} --token ")),
            "{call}: {refused}"
        );
        assert_eq!(desk.presented(), [""; 0], "{call}");
    }
}

#[test]
fn a_first_pin_is_set_where_there_is_none() {
    let desk = Desk::with(&["pin=none"]);
    let status = desk.run("status --application gids --json").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "unset");
    assert!(status["tokens"][0]["can"].as_array().unwrap().contains(&json!({"operation": "pin set"})), "{status}");
    let done = desk.run("pin set --application gids --new-pin env:NEW --json").code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("set"), &json!(true)));
    assert!(desk.is_pin("271828"));
    desk.run("pin set --application gids --new-pin env:NEW").code(7);
    // Before it is initialised, too, a card has none.
    let blank = Desk::with(&["delivered=blank"]);
    let status = blank.run("status --application gids --json").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "unset");
    blank.run("pin set --application gids --new-pin env:NEW").code(0);
    assert!(blank.is_pin("271828"));
}

#[test]
fn no_secret_stands_in_a_trace_or_in_what_is_said() {
    let desk = Desk::new();
    let marks = ["123456", "271828", "999999", KEY, NEW_KEY];
    for (call, code) in [
        (CHANGE, 0),
        (VERIFY_WRONG, 4),
        (RESET, 0),
        ("admin-key change --application gids --admin-key env:KEY --new-admin-key env:NEW_KEY", 0),
        ("pin reset --application gids --admin-key env:KEY --new-pin env:PIN", 4),
    ] {
        let run = desk.run(&format!("{call} --trace -v")).code(code);
        assert!(run.err.contains("trace: > SELECT"), "{run:?}");
        assert_eq!(found(&format!("{run:?}"), &marks), None, "{run:?}");
        // Nor what a challenge was answered with, by which a key could be searched for.
        for answer in desk.presented().iter().filter(|command| command.starts_with("0087")) {
            assert!(!run.err.contains(&answer[18..34]), "{run:?}");
        }
    }
}
