//! SmartCard-HSMs: a stand-in behind a real pcscd. What the device has is asked of it beside pukka, by another program.

mod init;
mod so_pin;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    cards::{Card, Hold, Pcscd, VirtualCard},
    home, pukka,
};

const SELECT: &str = "00A404000BE82B0601040181C31F0201";
const COUNTER: &str = "00200081";
const SO_COUNTER: &str = "00200088";
/// VERIFY of the PIN that the device is delivered with, and of another.
const VERIFY_PIN: &str = "0020008106363438323139";
const VERIFY_NEW: &str = "0020008106323731383238";
const VERIFY_WRONG: &str = "0020008106393939393939";
const VERIFY_SO_PIN: &str = "00200088083537363231383830";
const VERIFY_WRONG_SO_PIN: &str = "00200088083939393939393939";

/// A desk with one device: PIN 648219 with 3 tries, SO PIN 3537363231383830 with 15, which may reset the PIN.
struct Desk {
    home: TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
}

fn desk(switches: &[&str]) -> Desk {
    let card = switches.iter().fold(Card::stand_in("sc-hsm"), |card, switch| card.dialect(switch));
    let (pcscd, [card]) = Pcscd::with([card]);
    Desk { home: home(), pcscd, card }
}

impl Desk {
    /// A call with what the environment holds for it; the card's trace begins with it.
    fn call(&self, line: &str) -> Pukka {
        self.card.clear_trace();
        let secrets = [
            ("PIN", "648219"),
            ("NEW", "271828"),
            ("WRONG", "999999"),
            ("LONGER", "6482191"),
            ("SHORT", "27182"),
            ("LONG", "2718281828459045"),
            ("SO", "3537363231383830"),
            ("SO2", "a1b2C3D4e5f60718"),
            ("SO_WRONG", "3939393939393939"),
            ("SO_SHORT", "353736323138383"),
            ("SO_LETTERS", "353736323138383x"),
            ("SEVEN", "2718281"),
            ("EIGHT", "27182818"),
        ];
        pukka(self.home.path(), line.split_whitespace()).envs(self.pcscd.envs()).envs(secrets)
    }

    #[track_caller]
    fn run(&self, line: &str) -> Run {
        self.call(line).run()
    }

    /// What the device answers to one command after SELECT, asked by another program that leaves nothing verified.
    fn ask(&self, apdu: &str) -> String {
        self.pcscd.send(0, &[SELECT, apdu, SELECT])[1].clone()
    }

    /// Spends tries by that VERIFY.
    fn spend(&self, verify: &str, times: usize) {
        (0..times).for_each(|_| {
            self.ask(verify);
        });
    }

    /// The commands that the card got since the last call began; an answer that was fetched is no command of its own.
    fn sent(&self) -> Vec<String> {
        self.card.apdus().into_iter().map(|(command, _)| command).filter(|command| &command[2..4] != "C0").collect()
    }

    /// Those of them that present a secret, or destroy.
    fn presented(&self) -> Vec<String> {
        let secret = |command: &String| ["20", "24", "2C", "50"].contains(&&command[2..4]) && command.len() > 10;
        self.sent().into_iter().filter(secret).collect()
    }
}

/// The error object of a run with `--json`, whose exit code it names.
#[track_caller]
fn error(run: &Run) -> Value {
    let object = run.json();
    assert_eq!(object["error"]["exit_code"], run.code, "{run:?}");
    object["error"].clone()
}

const CHANGE: &str = "pin change --application sc-hsm --pin env:PIN --new-pin env:NEW --json";
const VERIFY: &str = "pin verify --application sc-hsm --pin env:PIN --json";

#[test]
fn status_shows_both_pins_and_what_can_be_done_in_at_most_seven_apdus() {
    let desk = desk(&[]);
    let status = desk.run("status --application sc-hsm --json").code(0).json();
    assert!(desk.sent().len() <= 7, "{:?}", desk.sent());
    assert_eq!((desk.presented(), desk.card.resets()), (vec![], 0));
    let token = &status["tokens"][0];
    assert_eq!((&token["serial"], &token["application"]), (&json!("DEV00DEC0DE"), &json!("sc-hsm")), "{token}");
    assert_eq!(token["selector"], "card:serial=DEV00DEC0DE;application=sc-hsm");
    let expected = json!([
        {"role": "user-pin", "name": "PIN", "key_reference": "81", "state": "ready", "tries": {"left": 3, "limit": null},
         "default": null, "temporary": null, "expires": null, "length": {"min": 6, "max": 15, "unit": "characters"}},
        {"role": "so-pin", "name": "SO PIN", "key_reference": "88", "state": "ready", "tries": {"left": 15, "limit": null},
         "default": null, "temporary": null, "expires": null, "length": {"min": 16, "max": 16, "unit": "characters"}},
    ]);
    assert_eq!(token["references"], expected);
    let can: Vec<&str> =
        token["can"].as_array().unwrap().iter().map(|able| able["operation"].as_str().unwrap()).collect();
    assert_eq!(can, ["pin change", "pin verify", "pin reset", "so-pin change", "token init"]);
}

#[test]
fn the_serial_is_the_one_that_other_tools_show() {
    let desk = desk(&[]);
    let shown = std::process::Command::new("pkcs15-tool").arg("--dump").envs(desk.pcscd.envs()).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let listed = desk.run("list --via pcsc --json").code(0).json();
    let serial = listed["tokens"][0]["serial"].as_str().unwrap();
    assert!(shown.contains(&format!("Serial number  : {serial}\n")), "{shown}");
}

#[test]
fn a_device_that_a_module_shows_too_is_listed_once() {
    let listed = desk(&[]).run("list --json").code(0).json();
    let own = listed["tokens"].as_array().unwrap().iter().filter(|token| token["serial"] == "DEV00DEC0DE");
    assert_eq!(own.map(|token| token["route"].clone()).collect::<Vec<_>>(), ["pcsc"], "{listed}");
}

#[test]
fn a_change_is_five_apdus_guard_and_proof_included() {
    let desk = desk(&[]);
    let done = desk.run(CHANGE).code(0).json();
    let expected = [
        "00A404000BE82B0601040181C31F020100",
        "00200081",
        VERIFY_PIN,
        "002400810C363438323139323731383238",
        VERIFY_NEW,
    ];
    assert_eq!(desk.sent(), expected);
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)), "{done}");
    assert_eq!(desk.card.resets(), 1, "nobody shall find the device verified");
    assert_eq!((desk.ask(VERIFY_NEW), desk.ask(VERIFY_PIN)), ("9000".into(), "63C2".into()));
}

#[test]
fn a_wrong_pin_costs_one_try_in_every_dialect_and_says_how_many_are_left() {
    for switches in [&[][..], &["wrong=6982", "change-wrong=6982"], &["wrong=6300", "change-wrong=6300"]] {
        for line in [VERIFY, CHANGE] {
            let desk = desk(switches);
            let wrong = error(&desk.run(&line.replace("env:PIN", "env:WRONG")).code(4));
            assert_eq!(
                (&wrong["role"], &wrong["tries_left"]),
                (&json!("user-pin"), &json!(2)),
                "{switches:?}: {wrong}"
            );
            assert_eq!(desk.ask(COUNTER), "63C2");
            assert_eq!(desk.presented().len(), 1);
            assert_eq!(desk.ask(VERIFY_PIN), "9000", "the PIN is the old one");
        }
    }
}

#[test]
fn one_character_too_many_is_a_wrong_pin_and_changes_nothing() {
    let desk = desk(&[]);
    let wrong = error(&desk.run(&CHANGE.replace("env:PIN", "env:LONGER")).code(4));
    assert_eq!(wrong["tries_left"], 2, "{wrong}");
    assert_eq!(desk.ask(VERIFY_PIN), "9000");
}

#[test]
fn a_new_pin_that_the_device_would_take_though_too_short_is_not_sent() {
    let desk = desk(&[]);
    let reset = "pin reset --application sc-hsm --so-pin env:SO --new-pin env:NEW --json";
    for line in [CHANGE, reset] {
        for new in ["env:SHORT", "env:LONG", "env:EMPTY"] {
            let run = desk.call(&line.replace("env:NEW", new)).env("EMPTY", "").run();
            assert_eq!(error(&run)["kind"], "policy", "{run:?}");
            assert_eq!(desk.presented(), [""; 0], "{line} {new}");
        }
    }
    let present = error(&desk.call(&CHANGE.replace("env:PIN", "env:ODD")).env("ODD", "123").run().code(6));
    assert_eq!((&present["kind"], desk.presented()), (&json!("policy"), vec![]), "{present}");
}

#[test]
fn a_right_pin_is_verified_in_three_apdus_and_the_device_reset_behind_it() {
    let desk = desk(&[]);
    let done = desk.run(VERIFY).code(0).json();
    assert_eq!((&done["outcome"], desk.sent().len()), (&json!("verified"), 3));
    assert_eq!(desk.card.resets(), 1);
}

#[test]
fn the_last_try_is_not_spent_unasked() {
    let desk = desk(&[]);
    desk.spend(VERIFY_WRONG, 2);
    for line in [VERIFY, CHANGE] {
        let refused = error(&desk.run(line).code(6));
        assert_eq!((&refused["kind"], &refused["role"]), (&json!("last-try"), &json!("user-pin")), "{refused}");
        assert_eq!(desk.presented(), [""; 0]);
    }
    assert_eq!(desk.ask(COUNTER), "63C1");
    desk.run(&format!("{CHANGE} --allow-last-try")).code(0);
    assert_eq!(desk.ask(VERIFY_NEW), "9000");
}

#[test]
fn a_pin_blocked_by_its_last_try_stays_so_and_the_hint_resets_it() {
    for switches in [&[][..], &["last=63C0", "blocked=63C0", "query-blocked=63C0"], &["last=6982", "blocked=6982"]] {
        let desk = desk(switches);
        desk.spend(VERIFY_WRONG, 2);
        let wrong = VERIFY.replace("env:PIN", "env:WRONG");
        let last = error(&desk.run(&format!("{wrong} --allow-last-try")).code(5));
        assert_eq!((&last["kind"], &last["tries_left"]), (&json!("blocked"), &json!(0)), "{switches:?}");
        for line in [VERIFY, CHANGE] {
            let blocked = error(&desk.run(&format!("{line} --allow-last-try")).code(5));
            assert_eq!(
                blocked["hint"],
                "pukka pin reset --token 'card:reader=Virtual%20PCD%2000%2000;application=sc-hsm'"
            );
            assert_eq!(desk.presented(), [""; 0], "{line}");
        }
        desk.run("pin reset --application sc-hsm --so-pin env:SO --new-pin env:NEW").code(0);
        assert_eq!(desk.ask(VERIFY_NEW), "9000");
    }
}

#[test]
fn a_device_that_another_program_left_verified_has_its_true_counter_guarded() {
    let desk = desk(&["verify-restores=no"]);
    desk.spend(VERIFY_WRONG, 2);
    let held = desk.pcscd.hold(0, Hold::Shared, &[SELECT, VERIFY_PIN, COUNTER]);
    assert_eq!(held.responses[1..], ["9000", "9000"], "verified, whatever is left");
    let refused = error(&desk.run(CHANGE).code(6));
    assert_eq!((&refused["kind"], desk.presented()), (&json!("last-try"), vec![]), "{refused}");
    drop(held);
}

#[test]
fn a_transport_pin_is_changed_and_nothing_else() {
    let desk = desk(&["options=0003"]);
    let status = desk.run("status --application sc-hsm --json").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "must-change");
    let refused = error(&desk.run(VERIFY).code(5));
    assert_eq!((&refused["kind"], &refused["role"]), (&json!("must-change"), &json!("user-pin")));
    assert!(refused["hint"].as_str().unwrap().starts_with("pukka pin change "), "{refused}");
    error(&desk.run(&CHANGE.replace("env:PIN", "env:WRONG")).code(4));
    desk.run(CHANGE).code(0);
    assert_eq!(desk.ask(VERIFY_NEW), "9000");
}
