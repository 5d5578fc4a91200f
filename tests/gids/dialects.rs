//! The same operations on cards that say the same things in other words.

use super::*;

/// Ways in which cards of this kind differ.
const DIALECTS: [&[&str]; 6] = [
    &["wrong=6982", "last=6982", "blocked=6982"],
    &["last=6983", "query-blocked=63C0"],
    &["counter=no"],
    &["counter=no", "last=6983", "query-blocked=63C0"],
    &["without-le=61xx"],
    &["verify-length=6700", "change-bytes=6700", "reset-short=6982", "reset-short-ends=yes"],
];

/// The tries by whichever command tells them.
fn tries(desk: &Desk) -> u8 {
    match desk.pcscd.send(0, &[SELECT, "00200080"])[1].as_str() {
        "6983" => 0,
        told => told.strip_prefix("63C").and_then(|left| left.parse().ok()).unwrap_or_else(|| panic!("{told}")),
    }
}

#[test]
fn every_operation_ends_with_the_same_exit_code_whatever_the_dialect() {
    for dialect in DIALECTS {
        let desk = Desk::with(dialect);
        let run = |line: &str, code: i32| assert_eq!(desk.run(line).code, code, "{dialect:?}: {line}");
        run(VERIFY, 0);
        run(VERIFY_WRONG, 4);
        assert_eq!(tries(&desk), 2, "{dialect:?}");
        run("pin change --application gids --pin env:SURPLUS --new-pin env:NEW", 4);
        assert_eq!(tries(&desk), 1, "{dialect:?}");
        run(VERIFY, 6);
        assert_eq!(desk.presented(), [""; 0], "{dialect:?}");
        run(&format!("{VERIFY_WRONG} --allow-last-try"), 5);
        assert_eq!(tries(&desk), 0, "{dialect:?}");
        run(CHANGE, 5);
        assert_eq!(desk.presented(), [""; 0], "{dialect:?}");
        run("pin reset --application gids --admin-key env:WRONG_KEY --new-pin env:PIN", 4);
        run("pin reset --application gids --admin-key env:KEY --new-pin env:PIN", 0);
        run(CHANGE, 0);
        assert_eq!(tries(&desk), 3, "{dialect:?}");
        assert!(desk.is_pin("271828"), "{dialect:?}");
    }
}

#[test]
fn the_tries_left_are_told_whatever_the_dialect() {
    for dialect in DIALECTS {
        let desk = Desk::with(dialect);
        let wrong = error(&desk.run(&format!("{VERIFY_WRONG} --json")).code(4));
        assert_eq!(wrong["tries_left"], 2, "{dialect:?}: {wrong}");
    }
}

#[test]
fn a_card_pulled_at_any_command_is_exit_8_or_11_and_the_hint_tells_which_pin_holds() {
    for (call, commands) in [(CHANGE, 5), (RESET, 7)] {
        for at in 1..=commands {
            let mut desk = Desk::new();
            desk.card.fail(&[&format!("pull-after@{at}")]);
            let run = desk.run(call);
            assert!([8, 11].contains(&run.code), "{call}, {at}: {run:?}");
            let last = desk.headers().last().unwrap().clone();
            if ["0024", "002C"].contains(&&last[..4]) || run.code == 11 {
                assert!(run.err.contains("hint: pukka pin verify"), "{call}, {at}: {run:?}");
            }
            desk.card.wait_till_pulled();
        }
    }
}
