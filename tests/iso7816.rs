//! Cards that are known by a profile: stand-ins behind a real pcscd, asked beside pukka by another program.

mod first;
mod own;
mod which;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    cards::{Card, Pcscd, VirtualCard},
    home, pukka,
};

/// A card, one of its PINs, and what another program says to it.
#[derive(Clone, Copy)]
struct Kind {
    /// The stand-in's name for it.
    card: &'static str,
    /// The profile, and the PIN where there are several.
    call: &'static str,
    pin: &'static str,
    new: &'static str,
    wrong: &'static str,
    puk: &'static str,
    wrong_puk: &'static str,
    /// Too short, and one that a command could carry.
    short: &'static str,
    limit: Option<u8>,
    puk_limit: Option<u8>,
    /// What leads to the PIN from a reset card.
    way: &'static [&'static str],
    /// VERIFY with the wrong value, by another program.
    verify_wrong: &'static str,
    /// The commands of a reset by the PUK, guard and proof included.
    reset: &'static [&'static str],
}

const ISOAPPLET: Kind = Kind {
    card: "isoapplet",
    call: "--application isoapplet",
    pin: "123456",
    new: "271828",
    wrong: "999999",
    puk: "1234567812345678",
    wrong_puk: "9999999999999999",
    short: "123",
    limit: Some(3),
    puk_limit: None,
    way: &["00A404000CF276A288BCFBA69D34F31001"],
    verify_wrong: "002000011039393939393900000000000000000000",
    reset: &["00A40400", "002C0001", "00200001", "00200001"],
};
const MYEID: Kind = Kind {
    card: "myeid",
    call: "--application myeid",
    pin: "123456",
    new: "271828",
    wrong: "999999",
    puk: "11111111",
    wrong_puk: "99999999",
    short: "123",
    limit: None,
    puk_limit: None,
    way: &["00A404000CA000000063504B43532D3135"],
    verify_wrong: "0020000108393939393939FFFF",
    reset: &["00A40400", "002C0001", "00200001", "00200001"],
};
const ESTONIA_2018: Kind = Kind {
    card: "esteid-2018",
    call: "--application esteid-2018 --reference PIN1",
    pin: "1234",
    new: "2718",
    wrong: "9999",
    puk: "12345678",
    wrong_puk: "99999999",
    short: "123",
    limit: Some(3),
    puk_limit: Some(3),
    way: &["00A4040010A000000077010800070000FE00000100"],
    verify_wrong: "002000010C39393939FFFFFFFFFFFFFFFF",
    reset: &["00A40400", "00CB3FFF", "00200002", "002C0201", "00200001"],
};
const ESTONIA_2018_PIN2: Kind = Kind {
    call: "--application esteid-2018 --reference PIN2",
    pin: "12345",
    new: "27182",
    wrong: "99999",
    short: "1234",
    way: &["00A4040010A000000077010800070000FE00000100", "00A4040C1051534344204170706C69636174696F6E"],
    verify_wrong: "002000850C3939393939FFFFFFFFFFFFFF",
    reset: &["00A40400", "00CB3FFF", "00200002", "00A4040C", "002C0285", "00200085"],
    ..ESTONIA_2018
};
const ESTONIA_2025: Kind = Kind {
    card: "esteid-2025",
    call: "--application esteid-2025 --reference PIN1",
    pin: "1234",
    new: "2718",
    wrong: "9999",
    puk: "12345678",
    wrong_puk: "99999999",
    short: "123",
    limit: Some(3),
    puk_limit: Some(3),
    way: &["00A404000CA000000063504B43532D3135"],
    verify_wrong: "002000810C393939390000000000000000",
    reset: &["00A40400", "00CB00FF", "002C0081", "00CB00FF", "00200081"],
};
const ITALY: Kind = Kind {
    card: "itacns",
    call: "--application itacns",
    pin: "12345678",
    new: "27182",
    wrong: "99999999",
    puk: "87654321",
    wrong_puk: "99999999",
    short: "1234",
    limit: None,
    puk_limit: None,
    way: &["00A4000C023F00"],
    verify_wrong: "00200090083939393939393939",
    reset: &["00A4000C", "00200091", "002C0090", "00200090", "00200090"],
};
const KINDS: [Kind; 6] = [ISOAPPLET, MYEID, ESTONIA_2018, ESTONIA_2018_PIN2, ESTONIA_2025, ITALY];

/// A desk with one card as delivered.
struct Desk {
    home: TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
}

fn stand_in(model: &str) -> Card {
    Card::stand_in("iso7816").dialect(&format!("card={model}"))
}

fn desk(card: Card) -> Desk {
    let (pcscd, [card]) = Pcscd::with([card]);
    Desk { home: home(), pcscd, card }
}

impl Desk {
    /// A call with the secrets of `kind` in the environment; the card's trace begins with it.
    fn call(&self, kind: Kind, line: &str) -> Pukka {
        self.card.clear_trace();
        let call = pukka(self.home.path(), line.split_whitespace()).envs(self.pcscd.envs());
        call.envs([("PIN", kind.pin), ("NEW", kind.new), ("WRONG", kind.wrong), ("SHORT", kind.short)]).envs([
            ("PUK", kind.puk),
            ("WRONG_PUK", kind.wrong_puk),
            ("LONG", "123456789012345678901"),
        ])
    }

    /// A call for the card and PIN of `kind`.
    #[track_caller]
    fn run(&self, kind: Kind, line: &str) -> Run {
        self.call(kind, &format!("{line} {} --json", kind.call)).run()
    }

    /// Spends tries by another program.
    fn spend(&self, kind: Kind, tries: usize) {
        let apdus: Vec<&str> = kind.way.iter().copied().chain(std::iter::repeat_n(kind.verify_wrong, tries)).collect();
        self.pcscd.send(0, &apdus);
    }

    /// The tries of the PIN, as `status` has them: nothing is presented by it.
    #[track_caller]
    fn tries(&self, kind: Kind) -> Value {
        let status = self.run(kind, "status").code(0).json();
        assert_eq!(self.presented(), [""; 0]);
        status["tokens"][0]["references"][0]["tries"].clone()
    }

    /// The commands that the card got since the last call began, as CLA INS P1 P2.
    fn headers(&self) -> Vec<String> {
        self.card.apdus().iter().map(|(command, _)| command[..8].to_owned()).collect()
    }

    /// Those that present a secret.
    fn presented(&self) -> Vec<String> {
        let secret = |command: &String| ["20", "24", "2C"].contains(&&command[2..4]) && command.len() > 10;
        self.card.apdus().into_iter().map(|(command, _)| command).filter(secret).collect()
    }
}

/// The error object of a run with `--json`, whose exit code it names.
#[track_caller]
fn error(run: &Run) -> Value {
    let object = run.json();
    assert_eq!(object["error"]["exit_code"], run.code, "{run:?}");
    object["error"].clone()
}

const CHANGE: &str = "pin change --pin env:PIN --new-pin env:NEW";
const RESET: &str = "pin reset --puk env:PUK --new-pin env:NEW";

#[test]
fn a_change_is_proved_and_takes_at_most_five_apdus_guard_and_proof_included() {
    for kind in KINDS {
        let desk = desk(stand_in(kind.card));
        let done = desk.run(kind, CHANGE).code(0).json();
        assert!(desk.headers().len() <= 5, "{}: {:?}", kind.call, desk.headers());
        assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)), "{done}");
        assert_eq!(desk.card.resets(), 1, "nobody shall find the card verified");
        desk.run(kind, "pin verify --pin env:NEW").code(0);
        desk.run(kind, "pin verify --pin env:PIN").code(4);
    }
}

#[test]
fn a_wrong_pin_is_told_with_the_tries_that_the_card_has_left() {
    for kind in KINDS {
        let desk = desk(stand_in(kind.card));
        for (line, left) in [("pin verify --pin env:WRONG", 2), ("pin change --pin env:WRONG --new-pin env:NEW", 1)] {
            let told = error(&desk.run(kind, line).code(4));
            assert_eq!((&told["kind"], &told["tries_left"]), (&json!("wrong-secret"), &json!(left)), "{}", kind.call);
            assert_eq!(desk.tries(kind)["left"], left, "{}", kind.call);
        }
    }
}

#[test]
fn the_last_try_is_refused_and_not_spent_unless_it_is_allowed() {
    for kind in KINDS {
        let desk = desk(stand_in(kind.card));
        desk.spend(kind, 2);
        for line in ["pin verify --pin env:WRONG", "pin change --pin env:WRONG --new-pin env:NEW"] {
            assert_eq!(error(&desk.run(kind, line).code(6))["kind"], "last-try", "{}", kind.call);
            assert_eq!(desk.presented(), [""; 0], "{}", kind.call);
        }
        let told = error(&desk.run(kind, "pin verify --pin env:WRONG --allow-last-try").code(5));
        assert_eq!((&told["kind"], &told["tries_left"]), (&json!("blocked"), &json!(0)), "{}", kind.call);
    }
}

#[test]
fn a_blocked_pin_is_told_unsent_and_the_hint_resets_it_for_that_card_and_pin() {
    for kind in KINDS {
        let desk = desk(stand_in(kind.card));
        desk.spend(kind, 3);
        for line in ["pin verify --pin env:PIN", CHANGE] {
            let told = error(&desk.run(kind, line).code(5));
            assert_eq!((&told["kind"], &told["tries_left"]), (&json!("blocked"), &json!(0)), "{}", kind.call);
            assert_eq!(desk.presented(), [""; 0], "{}", kind.call);
            let hint = told["hint"].as_str().unwrap();
            assert!(hint.starts_with("pukka pin reset --token "), "{}: {hint}", kind.call);
        }
        let hint = error(&desk.run(kind, CHANGE).code(5))["hint"].as_str().unwrap().replace('\'', "");
        let pasted = format!("{} --puk env:PUK --new-pin env:NEW", hint.trim_start_matches("pukka "));
        desk.call(kind, &pasted).run().code(0);
        desk.run(kind, "pin verify --pin env:NEW").code(0);
    }
}

#[test]
fn a_reset_by_the_puk_brings_a_new_pin_and_all_tries_in_these_commands() {
    for kind in KINDS {
        let desk = desk(stand_in(kind.card));
        desk.spend(kind, 3);
        let done = desk.run(kind, RESET).code(0).json();
        assert_eq!(desk.headers(), kind.reset, "{}", kind.call);
        assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("reset"), &json!(true)), "{done}");
        desk.run(kind, "pin verify --pin env:NEW").code(0);
        assert_eq!(desk.tries(kind), json!({"left": 3, "limit": kind.limit}), "{}", kind.call);
    }
}

#[test]
fn a_wrong_puk_is_told_with_its_tries_and_the_pin_stays() {
    for kind in KINDS {
        let desk = desk(stand_in(kind.card));
        let told = error(&desk.run(kind, "pin reset --puk env:WRONG_PUK --new-pin env:NEW").code(4));
        assert_eq!((&told["kind"], &told["role"]), (&json!("wrong-secret"), &json!("puk")), "{}", kind.call);
        let limit = match kind.card {
            "myeid" => 10,
            "isoapplet" => 5,
            _ => kind.puk_limit.unwrap_or(3),
        };
        assert_eq!(told["tries_left"], limit - 1, "{}", kind.call);
        desk.run(kind, "pin verify --pin env:PIN").code(0);
    }
}

#[test]
fn a_value_of_a_wrong_length_is_refused_before_anything_is_presented() {
    for kind in KINDS {
        let desk = desk(stand_in(kind.card));
        for line in [
            "pin verify --pin env:LONG",
            "pin change --pin env:PIN --new-pin env:SHORT",
            "pin change --pin env:PIN --new-pin env:LONG",
            "pin change --pin env:PIN --new-pin env:PIN",
            "pin change --pin env:LONG --new-pin env:NEW",
            "pin reset --puk env:PUK --new-pin env:SHORT",
            "pin reset --puk env:LONG --new-pin env:NEW",
        ] {
            let told = error(&desk.run(kind, line).code(6));
            assert_eq!(told["kind"], "policy", "{}: {line}", kind.call);
            assert_eq!(desk.presented(), [""; 0], "{}: {line}", kind.call);
        }
        assert_eq!(desk.tries(kind)["left"], 3, "{}", kind.call);
    }
}

#[test]
fn what_a_card_cannot_do_is_refused_with_what_it_can() {
    for kind in KINDS {
        let desk = desk(stand_in(kind.card));
        for line in ["pin unblock --puk env:PUK", "so-pin change --so-pin env:PIN --new-so-pin env:NEW"] {
            if kind.card == "myeid" && line.starts_with("so-pin") {
                continue;
            }
            let told = error(&desk.run(kind, line).code(7));
            assert_eq!(told["kind"], "unsupported", "{}: {line}", kind.call);
            assert!(told["hint"].as_str().unwrap().starts_with("pukka "), "{}: {told}", kind.call);
            assert_eq!(desk.presented(), [""; 0], "{}: {line}", kind.call);
        }
    }
}

#[test]
fn a_status_presents_nothing_and_takes_few_apdus() {
    for (kind, most) in [(ISOAPPLET, 2), (MYEID, 3), (ESTONIA_2018, 8), (ESTONIA_2025, 6), (ITALY, 5)] {
        let desk = desk(stand_in(kind.card));
        desk.run(kind, "status").code(0);
        assert!(desk.headers().len() <= most, "{}: {:?}", kind.call, desk.headers());
        assert_eq!((desk.presented(), desk.card.resets()), (Vec::new(), 0));
    }
}

#[test]
fn a_new_puk_is_set_by_the_old_one_where_the_card_has_that_and_is_not_probed() {
    let desk = desk(stand_in("esteid-2018"));
    let line = "puk change --application esteid-2018 --puk env:PUK --new-puk env:WRONG_PUK --json";
    let done = desk.call(ESTONIA_2018, line).run().code(0).json();
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(false)));
    assert_eq!(desk.headers(), ["00A40400", "00CB3FFF", "00240002"]);
    let kind = Kind { puk: ESTONIA_2018.wrong_puk, ..ESTONIA_2018 };
    desk.run(kind, RESET).code(0);
}

#[test]
fn however_a_card_says_wrong_and_blocked_the_counter_tells_which_it_is() {
    for refusals in ["6300", "6982"] {
        let kind = ESTONIA_2018;
        let desk = desk(stand_in(kind.card).dialect(&format!("refusals={refusals}")));
        let told = error(&desk.run(kind, "pin change --pin env:WRONG --new-pin env:NEW").code(4));
        assert_eq!(told["tries_left"], 2, "{refusals}");
        desk.spend(kind, 1);
        let last = "pin verify --pin env:WRONG --allow-last-try";
        assert_eq!(error(&desk.run(kind, last).code(5))["tries_left"], 0, "{refusals}");
        let told = error(&desk.run(kind, "pin reset --puk env:WRONG_PUK --new-pin env:NEW").code(4));
        assert_eq!((&told["role"], &told["tries_left"]), (&json!("puk"), &json!(2)), "{refusals}");
    }
}

/// Every operation on one card, whose answers are turned to a cell of how running cards differ.
#[test]
fn the_same_operations_end_the_same_way_however_a_card_answers() {
    for (kind, dialects) in [
        (ISOAPPLET, &["query-verified=9000"][..]),
        (ISOAPPLET, &["query-blocked=6983", "blocked=6983", "last=6983", "change-blocked=6983"]),
        (ISOAPPLET, &["change-wrong=6300", "change-blocked=6300"]),
        (MYEID, &["last=6983", "with-le=6Cxx"]),
        (ESTONIA_2025, &["wrong=6982", "last=6982", "blocked=6982", "change-wrong=6982"]),
        (ESTONIA_2018, &["without-le=61xx", "with-le=6Cxx", "blocked=6984"]),
        (ITALY, &["change-short=6985", "query-verified=9000"]),
    ] {
        let card = dialects.iter().fold(stand_in(kind.card), |card, dialect| card.dialect(dialect));
        let desk = desk(card);
        let shown = format!("{} {dialects:?}", kind.call);
        assert_eq!(desk.run(kind, "pin verify --pin env:PIN").code, 0, "{shown}");
        let told = error(&desk.run(kind, "pin change --pin env:WRONG --new-pin env:NEW").code(4));
        assert_eq!(told["tries_left"], 2, "{shown}");
        let done = desk.run(kind, CHANGE).code(0).json();
        assert_eq!(done["confirmed"], true, "{shown}");
        desk.spend(kind, 2);
        assert_eq!(error(&desk.run(kind, "pin verify --pin env:WRONG").code(6))["kind"], "last-try", "{shown}");
        let told = error(&desk.run(kind, "pin verify --pin env:WRONG --allow-last-try").code(5));
        assert_eq!(told["tries_left"], 0, "{shown}");
        assert_eq!(error(&desk.run(kind, "pin verify --pin env:NEW").code(5))["kind"], "blocked", "{shown}");
        let other = Kind { new: kind.pin, ..kind };
        assert_eq!(desk.run(other, RESET).code(0).json()["confirmed"], true, "{shown}");
        desk.run(kind, "pin verify --pin env:PIN").code(0);
    }
}

#[test]
fn a_card_that_says_yes_and_does_nothing_is_found_out() {
    for kind in KINDS {
        for (line, fault) in [(CHANGE, "lie@24:1"), (RESET, "lie@2C:1")] {
            let desk = desk(stand_in(kind.card).fault(fault));
            let told = error(&desk.run(kind, line).code(11));
            assert_eq!(told["kind"], "unconfirmed", "{}: {line}", kind.call);
            assert!(told["hint"].as_str().unwrap().starts_with("pukka pin verify"), "{told}");
            desk.run(kind, "pin verify --pin env:PIN").code(0);
        }
    }
}

#[test]
fn a_card_pulled_at_any_command_ends_the_call_with_8_or_11_and_tells_which_pin_to_try() {
    for kind in [ESTONIA_2018_PIN2, ISOAPPLET] {
        for line in [CHANGE, RESET] {
            for at in 1..=7 {
                let card = stand_in(kind.card).fault(&format!("pull-after@{at}"));
                let run = desk(card).run(kind, line);
                if at > 4 && run.code == 0 {
                    continue;
                }
                assert!([8, 11].contains(&run.code), "{} {line} {at}: {run:?}", kind.call);
                let told = error(&run);
                if run.code == 11 {
                    assert!(told["hint"].as_str().unwrap().starts_with("pukka pin verify"), "{told}");
                }
            }
        }
    }
}
