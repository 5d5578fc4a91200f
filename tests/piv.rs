//! PIV cards: real firmware behind a real pcscd. What the card has is asked of it beside pukka, by another program.

mod extensions;
mod puk;
mod values;
mod which;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    cards::{Card, Hold, Pcscd, VirtualCard},
    home, pukka,
};

const SELECT: &str = "00A4040009A00000030800001000";
const COUNTER: &str = "00200080";
const VERIFY_123456: &str = "0020008008313233343536FFFF";
/// The management key of delivery, and others of the same and of another type.
const KEY: &str = "010203040506070801020304050607080102030405060708";
const KEY2: &str = "8F3A61C20B7E94D5A1187C4F5D926E03B4297AF0C8165DE2";
const AES: &str = "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4";
const CHANGE_WITH_WRONG_OLD: &str = "00240080103939393939393939313233343536FFFF";

/// A desk with one PIV card as delivered: PIN 123456, PUK 12345678, three tries.
struct Desk {
    home: TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
}

fn desk() -> Desk {
    desk_with(Card::piv())
}

fn desk_with(card: Card) -> Desk {
    let (pcscd, [card]) = Pcscd::with([card]);
    Desk { home: home(), pcscd, card }
}

impl Desk {
    /// A call with what the environment holds for it; the card's trace begins with it.
    fn call(&self, line: &str) -> Pukka {
        self.card.clear_trace();
        with_secrets(pukka(self.home.path(), line.split_whitespace()).envs(self.pcscd.envs()))
    }

    #[track_caller]
    fn run(&self, line: &str) -> Run {
        self.call(line).run()
    }

    /// What the card answers to an empty VERIFY: its counter, asked by another program.
    fn counter(&self) -> String {
        self.pcscd.send(0, &[SELECT, COUNTER])[1].clone()
    }

    /// What the card answers to a right or wrong PIN of 8 bytes in hex; it is not left verified.
    fn verify(&self, block: &str) -> String {
        self.pcscd.send(0, &[SELECT, &format!("0020008008{block}"), "0020FF80"])[1].clone()
    }

    /// Spends tries of the PIN till so many are left.
    #[track_caller]
    fn leave_tries(&self, left: usize) {
        let now: usize = self.counter()[3..].parse().unwrap();
        for _ in left..now {
            self.verify("39393939393939FF");
        }
        assert_eq!(self.counter(), format!("63C{left}"));
    }

    /// The commands that the card got since the last call began, as CLA INS P1 P2.
    fn headers(&self) -> Vec<String> {
        self.card.apdus().iter().map(|(command, _)| command[..8].to_owned()).collect()
    }

    /// Those of them that present a secret: VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER with data.
    fn presented(&self) -> Vec<String> {
        presented(&self.card)
    }
}

fn with_secrets(call: Pukka) -> Pukka {
    call.envs([("PIN", "123456"), ("NEW", "271828"), ("WRONG", "999999"), ("PUK", "12345678"), ("PUK2", "87654321")])
        .envs([
            ("KEY", KEY),
            ("KEY2", KEY2),
            ("AES", AES),
            ("ODD", &KEY2[..40]),
            ("WRONG_KEY", &KEY2.replace('8', "9")),
        ])
}

fn presented(card: &VirtualCard) -> Vec<String> {
    let secret = |command: &String| ["20", "24", "2C"].contains(&&command[2..4]) && command.len() > 10;
    card.apdus().into_iter().map(|(command, _)| command).filter(secret).collect()
}

/// The error object of a run with `--json`, whose exit code it names.
#[track_caller]
fn error(run: &Run) -> Value {
    let object = run.json();
    assert_eq!(object["schema"], 1, "{run:?}");
    assert_eq!(object["error"]["exit_code"], run.code, "{run:?}");
    object["error"].clone()
}

const CHANGE: &str = "pin change --application piv --pin env:PIN --new-pin env:NEW";
const VERIFY: &str = "pin verify --application piv --pin env:PIN";
const VERIFY_WRONG: &str = "pin verify --application piv --pin env:WRONG";

#[test]
fn status_shows_three_tries_and_what_the_card_does_not_tell_in_every_field_of_the_schema() {
    let desk = desk();
    let status = desk.run("status --application piv --json").code(0).json();
    assert_eq!((&status["schema"], &status["command"]), (&json!(1), &json!("status")));
    let [token] = status["tokens"].as_array().unwrap().as_slice() else { panic!("{status}") };
    let expected = json!([
        {"role": "user-pin", "name": "PIN", "key_reference": "80", "state": "ready", "tries": {"left": 3, "limit": null},
         "default": null, "temporary": null, "expires": null, "length": {"min": 6, "max": 8, "unit": "characters"}},
        {"role": "puk", "name": "PUK", "key_reference": "81", "state": "unknown", "tries": null, "default": null,
         "temporary": null, "expires": null, "length": {"min": 8, "max": 8, "unit": "characters"}},
    ]);
    assert_eq!(token["references"], expected);
    for (field, value) in [
        ("selector", json!("card:serial=5437251;application=piv")), // the card says 0052F743
        ("application", json!("piv")),
        ("serial", json!("5437251")),
        ("label", json!(null)),
        ("route", json!("pcsc")),
        ("reader", json!("Virtual PCD 00 00")),
        ("slot", json!(null)),
        ("module", json!(null)),
    ] {
        assert_eq!(token[field], value, "{field}");
    }
    assert!(token.get("manufacturer").is_some() && token.get("model").is_some());
    let can = token["can"].as_array().unwrap();
    for able in [json!({"operation": "pin change"}), json!({"operation": "pin reset", "by": "puk"})] {
        assert!(can.contains(&able), "{able}: {can:?}");
    }
    assert!(!can.iter().any(|able| ["pin unblock", "pin set"].contains(&able["operation"].as_str().unwrap())));
}

#[test]
fn status_as_text_shows_the_tries_and_says_that_those_of_the_puk_are_not_told() {
    let run = desk().run("status --application piv").code(0);
    let line = |role: &str| run.out.lines().find(|line| line.trim_start().starts_with(role)).unwrap().to_owned();
    assert!(line("PIN ").contains("3 tries left"), "{run:?}");
    assert!(line("PUK ").contains("not told"), "{run:?}");
    assert!(run.out.contains("card:serial=5437251;application=piv"), "{run:?}");
}

#[test]
fn list_has_neither_references_nor_abilities() {
    let run = desk().run("list --via pcsc --json").code(0).json();
    assert_eq!(run["command"], "list");
    let token = &run["tokens"][0];
    assert_eq!(token["selector"], "card:serial=5437251;application=piv");
    assert!(token.get("references").is_none() && token.get("can").is_none(), "{token}");
}

#[test]
fn a_status_takes_at_most_seven_apdus_spends_nothing_and_leaves_the_card_as_it_is() {
    let desk = desk();
    let held = desk.pcscd.hold(0, Hold::Shared, &[SELECT, VERIFY_123456]);
    assert_eq!(held.responses[1], "9000");
    desk.run("status --application piv --json").code(0);
    assert!(desk.headers().len() <= 7, "{:?}", desk.headers());
    assert_eq!(desk.presented(), [""; 0]);
    assert!(!desk.headers().contains(&"0020FF80".into()), "the verified state is not ours to drop");
    assert_eq!(desk.card.resets(), 0);
    assert_eq!(desk.pcscd.send(0, &[COUNTER]), ["9000"], "still verified");
}

#[test]
fn a_change_with_its_secrets_ready_is_five_apdus_guard_and_proof_included() {
    let desk = desk();
    let done = desk.run(&format!("{CHANGE} --json")).code(0).json();
    let sent: Vec<String> = desk.card.apdus().into_iter().map(|(command, _)| command).collect();
    assert_eq!(
        sent,
        [
            "00A4040009A0000003080000100000",
            "00CB3FFF035C017E00",
            "00200080",
            "0024008010313233343536FFFF323731383238FFFF",
            "0020008008323731383238FFFF",
        ]
    );
    assert_eq!(desk.card.resets(), 1, "nobody shall find the card verified");
    for (field, value) in [
        ("schema", json!(1)),
        ("command", json!("pin change")),
        ("outcome", json!("changed")),
        ("confirmed", json!(true)),
        ("role", json!("user-pin")),
        ("by", json!("user-pin")),
        ("generated", json!({})),
    ] {
        assert_eq!(done[field], value, "{done}");
    }
    assert_eq!(done["token"]["application"], "piv");
    assert!(done.get("tries").is_some() && done["token"].get("serial").is_some(), "{done}");
    let selector = done["token"]["selector"].as_str().unwrap();
    desk.run(&format!("pin verify --token {} --pin env:NEW", selector)).code(0);
    assert_eq!(desk.counter(), "63C3");
    assert_eq!(desk.verify("313233343536FFFF"), "63C2", "the old PIN is dead");
}

#[test]
fn a_success_is_one_line_on_standard_error_that_names_the_card() {
    let run = desk().run(CHANGE).code(0);
    assert_eq!(run.out, "");
    assert_eq!(run.err.lines().count(), 1, "{run:?}");
    assert!(run.err.contains("PIN changed") && run.err.contains("Virtual PCD 00 00"), "{run:?}");
}

#[test]
fn a_right_pin_is_verified_and_the_card_reset_behind_it() {
    let desk = desk();
    let done = desk.run(&format!("{VERIFY} --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("verified"), &json!(true)));
    assert_eq!(desk.presented(), [VERIFY_123456]);
    assert_eq!(desk.card.resets(), 1);
    assert_eq!(desk.pcscd.send(0, &[SELECT, COUNTER])[1], "63C3", "nobody finds it verified");
}

#[test]
fn a_wrong_pin_costs_one_try_and_says_how_many_are_left() {
    for wrong in [VERIFY_WRONG, "pin change --application piv --pin env:WRONG --new-pin env:NEW"] {
        let desk = desk();
        let error = error(&desk.run(&format!("{wrong} --json")).code(4));
        assert_eq!(error["kind"], "wrong-secret");
        assert_eq!((&error["role"], &error["tries_left"]), (&json!("user-pin"), &json!(2)), "{error}");
        assert_eq!(desk.card.resets(), 1);
        assert_eq!(desk.counter(), "63C2", "the card's own counter");
        let text = desk.run(wrong).code(4);
        assert!(text.err.contains("error: wrong PIN; 1 try left"), "{text:?}");
    }
}

#[test]
fn the_last_try_is_not_spent_unasked() {
    let desk = desk();
    desk.leave_tries(1);
    for command in [VERIFY, VERIFY_WRONG, CHANGE] {
        for allowed in ["", " --allow-last-try=puk"] {
            let error = error(&desk.run(&format!("{command} --json{allowed}")).code(6));
            assert_eq!((&error["kind"], &error["role"]), (&json!("last-try"), &json!("user-pin")), "{error}");
            assert_eq!(desk.presented(), [""; 0], "{command}");
        }
    }
    assert_eq!(desk.counter(), "63C1");
}

#[test]
fn a_right_pin_at_the_last_try_is_taken_where_that_is_allowed_and_brings_all_tries_back() {
    let desk = desk();
    desk.leave_tries(1);
    let done = desk.run(&format!("{CHANGE} --allow-last-try --json")).code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)));
    assert_eq!(desk.counter(), "63C3");
    assert_eq!(desk.verify("323731383238FFFF"), "9000");
}

#[test]
fn a_pin_blocked_by_its_last_try_stays_so_and_the_hint_that_is_given_resets_it() {
    let desk = desk();
    desk.leave_tries(1);
    let last = error(&desk.run(&format!("{VERIFY_WRONG} --allow-last-try --json")).code(5));
    assert_eq!((&last["kind"], &last["tries_left"]), (&json!("blocked"), &json!(0)));
    assert_eq!(desk.counter(), "63C0");
    for command in [VERIFY, CHANGE] {
        for allowed in ["", " --allow-last-try"] {
            let error = error(&desk.run(&format!("{command} --json{allowed}")).code(5));
            assert_eq!((&error["kind"], &error["role"]), (&json!("blocked"), &json!("user-pin")), "{error}");
            assert_eq!(desk.presented(), [""; 0], "{command}");
        }
    }
    let text = desk.run(VERIFY).code(5);
    let hint = text.err.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap();
    assert!(hint.starts_with("pukka pin reset "), "{hint}");
    let status = desk.run("status --application piv --json").code(0).json();
    let token = &status["tokens"][0];
    assert_eq!(token["references"][0]["state"], "blocked");
    assert_eq!(token["references"][0]["tries"]["left"], 0);
    let can = token["can"].as_array().unwrap();
    assert!(can.iter().all(|able| able["operation"] != "pin change" && able["operation"] != "pin verify"), "{can:?}");

    let pasted = hint.strip_prefix("pukka ").unwrap().replace('\'', "");
    desk.run(&format!("{pasted} --puk env:PUK --new-pin env:NEW")).code(0);
    assert_eq!(desk.counter(), "63C3");
    assert_eq!(desk.verify("323731383238FFFF"), "9000");
}

#[test]
fn a_card_left_verified_with_one_true_try_left_is_neither_spent_nor_called_blocked() {
    let desk = desk();
    // Wrong old values cost tries, and this firmware stays verified meanwhile.
    let apdus = [SELECT, VERIFY_123456, CHANGE_WITH_WRONG_OLD, CHANGE_WITH_WRONG_OLD, COUNTER];
    let held = desk.pcscd.hold(0, Hold::Shared, &apdus);
    assert_eq!(held.responses[1..], ["9000", "6300", "6300", "9000"], "verified, whatever is left");
    for command in [VERIFY, CHANGE] {
        assert_eq!(desk.pcscd.send(0, &[VERIFY_123456, CHANGE_WITH_WRONG_OLD, CHANGE_WITH_WRONG_OLD])[0], "9000");
        let error = error(&desk.run(&format!("{command} --json")).code(6));
        assert_eq!((&error["kind"], &error["tries_left"]), (&json!("last-try"), &json!(1)), "{error}");
        assert_eq!(desk.presented(), [""; 0]);
        assert_eq!(desk.counter(), "63C1");
    }
}

#[test]
fn a_card_left_verified_with_tries_left_has_its_pin_changed() {
    let desk = desk();
    let held = desk.pcscd.hold(0, Hold::Shared, &[SELECT, VERIFY_123456]);
    assert_eq!(held.responses[1], "9000");
    desk.run(CHANGE).code(0);
    assert_eq!(desk.verify("323731383238FFFF"), "9000");
}

#[test]
fn unblock_is_refused_for_good_and_points_to_reset() {
    let desk = desk();
    for tries in [3, 0] {
        desk.leave_tries(tries);
        let refused = error(&desk.run("pin unblock --application piv --puk env:PUK --json").code(7));
        assert_eq!(refused["kind"], "unsupported");
        assert!(refused["hint"].as_str().unwrap().starts_with("pukka pin reset "), "{refused}");
        assert_eq!(desk.presented(), [""; 0]);
    }
}

#[test]
fn a_first_pin_cannot_be_set_on_a_card_that_has_one() {
    let desk = desk();
    let refused = error(&desk.run("pin set --application piv --new-pin env:NEW --json").code(7));
    assert_eq!(refused["kind"], "unsupported");
    assert!(refused["hint"].as_str().unwrap().starts_with("pukka pin reset "), "{refused}");
    assert_eq!(desk.presented(), [""; 0]);
}

#[test]
fn a_dry_run_presents_nothing_and_prints_the_plan() {
    let desk = desk();
    let planned = desk.run(&format!("{CHANGE} --dry-run --json")).code(0).json();
    assert_eq!((&planned["outcome"], &planned["confirmed"]), (&json!("planned"), &json!(false)));
    assert_eq!(planned["plan"]["by"], "user-pin");
    assert_eq!(planned["plan"]["needs"], json!(["pin", "new-pin"]));
    for part in ["costs", "steps"] {
        assert!(!planned["plan"][part].as_array().unwrap().is_empty(), "{planned}");
    }
    assert_eq!((desk.presented(), desk.card.resets()), (vec![], 0));
    let text = desk.run(&format!("{CHANGE} --dry-run")).code(0);
    for said in ["pin change", "--pin, --new-pin", "one try of the PIN", "CHANGE REFERENCE DATA"] {
        assert!(text.out.contains(said), "{said}: {text:?}");
    }
    assert_eq!(desk.presented(), [""; 0]);
    assert_eq!(desk.counter(), "63C3");
}

#[test]
fn a_dry_run_exits_as_the_call_would() {
    let desk = desk();
    let dry = |line: &str| desk.run(&format!("{line} --dry-run --json"));
    dry("pin change --application piv --pin env:PIN").code(2); // nobody can be asked for the new one
    dry("pin change --application piv --pin env:PIN --new-pin env:PIN").code(6);
    dry("pin unblock --application piv --puk env:PUK").code(7);
    desk.leave_tries(1);
    assert_eq!(error(&dry(CHANGE).code(6))["kind"], "last-try");
    dry(&format!("{CHANGE} --allow-last-try")).code(0);
    desk.leave_tries(0);
    assert_eq!(error(&dry(CHANGE).code(5))["kind"], "blocked");
    dry("pin reset --application piv --puk env:PUK --new-pin env:NEW").code(0);
    assert_eq!(desk.counter(), "63C0");
    assert_eq!(desk.presented(), [""; 0]);
}
