//! Readers with a PIN pad, behind a real pcscd: the driver forms what the card gets from the structures that pukka sends.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Pukka,
    administrator::Administrator,
    cards::{Card, Pcscd, VirtualCard},
    home, pukka,
    terminal::Terminal,
};

/// A desk with one card in a reader with a PIN pad, and a terminal.
struct Desk {
    home: TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
}

fn desk(card: Card) -> Desk {
    let (pcscd, [card]) = Pcscd::with_pad([card]);
    Desk { home: home(), pcscd, card }
}

impl Desk {
    fn call(&self, line: &str) -> Pukka {
        self.card.clear_trace();
        let call = pukka(self.home.path(), line.split_whitespace()).envs(self.pcscd.envs());
        call.envs([("PIN", "123456"), ("NEW", "271828"), ("OTHER", "314159")])
    }

    /// Runs the command at a terminal of its own while that is typed at the reader: exit code, and what was shown.
    fn run(&self, line: &str, typed: &[&str]) -> (i32, String) {
        self.pcscd.type_at_pad(typed);
        Terminal::spawn(self.call(line).command()).wait()
    }

    /// The same under this policy of the administrator's.
    fn run_under(&self, policy: &str, line: &str, typed: &[&str]) -> (i32, String) {
        let administrator = Administrator::new(policy);
        self.pcscd.type_at_pad(typed);
        Terminal::spawn(administrator.over(self.call(line)).command()).wait()
    }

    fn is_pin(&self, name: &str, application: &str) -> bool {
        let line = format!("pin verify --application {application} --pin env:{name}");
        self.call(&line).run().code == 0
    }

    /// What the card was sent that has that beginning.
    fn sent(&self, header: &str) -> Vec<String> {
        self.card.apdus().into_iter().map(|(command, _)| command).filter(|sent| sent.starts_with(header)).collect()
    }
}

fn error(shown: &str) -> Value {
    let line = shown.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON: {shown}"));
    serde_json::from_str::<Value>(line).unwrap()["error"].clone()
}

#[test]
fn a_piv_card_is_verified_changed_and_reset_at_its_reader() {
    let desk = desk(Card::piv());
    let (code, shown) = desk.run("pin verify --application piv", &["123456"]);
    assert_eq!(code, 0, "{shown}");
    let (code, shown) = desk.run("pin change --application piv --json", &["123456", "271828", "271828"]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("\"confirmed\":false"), "{shown}");
    assert_eq!(desk.sent("00240080"), ["0024008010313233343536FFFF323731383238FFFF"]);
    assert!(desk.is_pin("NEW", "piv"));
    let (code, shown) = desk.run("pin reset --application piv", &["12345678", "314159", "314159"]);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(desk.sent("002C0080"), ["002C0080103132333435363738333134313539FFFF"]);
    assert!(desk.is_pin("OTHER", "piv"));
}

#[test]
fn an_openpgp_card_is_changed_at_its_reader_once_its_old_pin_was_right() {
    let desk = desk(Card::openpgp());
    let (code, shown) = desk.run("pin change --application openpgp", &["123456", "123456", "271828", "271828"]);
    assert_eq!(code, 0, "{shown}");
    let told = [
        "1. the PIN (3 tries left)",
        "2. the PIN once more",
        "3. the new PIN (6 to 12 digits)",
        "4. the new PIN once more",
    ];
    assert!(told.iter().all(|entry| shown.contains(entry)) && shown.contains("not told where it ends"), "{shown}");
    assert_eq!(desk.sent("00240081"), ["002400810C313233343536323731383238"]);
    assert!(desk.is_pin("NEW", "openpgp"));
    let (code, shown) = desk.run("pin change --application openpgp --json", &["123456", "123456", "271828", "271828"]);
    assert_eq!((code, error(&shown)["tries_left"].clone()), (4, json!(2)), "{shown}");
    assert_eq!(desk.sent("00240081"), [""; 0]);
    let (code, shown) = desk.run("pin reset --application openpgp --by so-pin", &["12345678", "314159", "314159"]);
    assert_eq!(code, 0, "{shown}");
    assert!(desk.is_pin("OTHER", "openpgp"));
}

#[test]
fn what_ends_at_the_reader_reaches_no_card() {
    let desk = desk(Card::piv());
    for (typed, kind, code) in [
        (&["cancel"][..], "interrupted", 130),
        (&["123456", "271828", "cancel"], "interrupted", 130),
        (&[], "device", 8),
        (&["123456", "271828", "271829"], "new-value-refused", 6),
        (&["123456", "27182", "27182"], "policy", 6),
    ] {
        let (exit, shown) = desk.run("pin change --application piv --json", typed);
        let error = error(&shown);
        assert_eq!((exit, &error["kind"], &error["exit_code"]), (code, &json!(kind), &json!(code)), "{shown}");
        assert_eq!(desk.sent("0024"), [""; 0], "{typed:?}");
    }
    assert!(desk.is_pin("PIN", "piv"));
}

#[test]
fn a_wrong_pin_at_the_reader_spends_a_try_and_the_last_one_is_kept() {
    let desk = desk(Card::piv());
    for left in [2, 1] {
        let (code, shown) = desk.run("pin verify --application piv --json", &["999999"]);
        assert_eq!((code, error(&shown)["tries_left"].clone()), (4, json!(left)), "{shown}");
    }
    let (code, shown) = desk.run("pin verify --application piv --json", &["999999"]);
    assert_eq!((code, error(&shown)["kind"].clone()), (6, json!("last-try")), "{shown}");
    let (code, shown) = desk.run("pin verify --application piv --allow-last-try --json", &["999999"]);
    assert_eq!((code, error(&shown)["kind"].clone()), (5, json!("blocked")), "{shown}");
}

#[test]
fn the_pad_is_told_of_and_left_alone_where_nobody_may_be_asked_or_another_source_is_named() {
    let desk = desk(Card::piv());
    let status = desk.call("status --application piv").run();
    assert!(status.out.contains("PIN pad       of the reader: pin verify, pin change"), "{}", status.out);
    let found = desk.call("doctor").run();
    assert!(found.out.contains("a PIN pad of the reader"), "{}", found.out);
    desk.pcscd.type_at_pad(&["123456"]);
    assert_eq!(desk.call("pin verify --application piv --no-input").run().code, 2);
    assert_eq!(desk.call("pin change --application piv --pin env:PIN --new-pin env:NEW").run().code, 0);
    let (code, shown) = desk.run("pin change --application piv --pin pinpad --new-pin env:NEW", &["271828"]);
    assert_eq!(code, 2, "{shown}");
    assert_eq!(desk.sent("0024"), [""; 0]);
}

#[test]
fn the_lengths_of_the_policy_reach_the_keys_of_the_reader() {
    let desk = desk(Card::piv());
    let policy = "[[policy]]\napplication = \"piv\"\nmin = 7\n";
    let change = "pin change --application piv --json";
    // The old PIN of six digits is too short for the one range that a reader is told.
    let (code, shown) = desk.run_under(policy, change, &["123456", "2718281", "2718281"]);
    assert_eq!((code, error(&shown)["kind"].clone()), (6, json!("policy")), "{shown}");
    assert!(shown.contains("the new PIN (7 to 8 digits)") && shown.contains("an old PIN of 7 to 8 digits"), "{shown}");
    assert_eq!(desk.sent("0024"), [""; 0]);
    let reset = "pin reset --application piv --by puk --json";
    let (code, shown) = desk.run_under(policy, reset, &["12345678", "271828", "271828"]);
    assert_eq!((code, error(&shown)["kind"].clone()), (6, json!("policy")), "{shown}");
    assert_eq!(desk.sent("002C"), [""; 0]);
    let (code, shown) = desk.run_under(policy, reset, &["12345678", "2718281", "2718281"]);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(desk.sent("002C0080"), ["002C0080103132333435363738323731383238 31FF".replace(' ', "")]);
    let (code, shown) = desk.run_under(policy, change, &["2718281", "3141592", "3141592"]);
    assert_eq!(code, 0, "{shown}");
    // What no value at all can be is told before a key is lit.
    let beyond = "[[policy]]\nmin = 9\n";
    let (code, shown) = desk.run_under(beyond, change, &["3141592", "271828182", "271828182"]);
    assert_eq!((code, error(&shown)["kind"].clone()), (6, json!("policy")), "{shown}");
    assert!(shown.contains("/etc/pukka/config.toml, line 2") && !shown.contains("to be entered"), "{shown}");
}
