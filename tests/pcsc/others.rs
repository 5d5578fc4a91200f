//! Other programs at the same card.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use super::{ASK, CHANGE, COUNTER, SELECT, answer, at_the_prompt, call, error, presented, sentence_and_hint};
use crate::support::{
    cards::{Card, Hold, Pcscd},
    terminal::Terminal,
};

const VERIFY_NEW: &str = "0020008008323731383238FFFF";
const VERIFY_WRONG: &str = "0020008008393939393939FFFF";

#[test]
fn a_card_that_another_program_reset_meanwhile_is_selected_again_and_changed() {
    for line in [ASK, "pin change --token card:serial=5437251"] {
        let (pcscd, [_card]) = Pcscd::with([Card::piv()]);
        let terminal = at_the_prompt(&pcscd, line);
        pcscd.reset(0);
        let (code, shown) = answer(terminal);
        assert_eq!(code, 0, "{shown}");
        assert_eq!(pcscd.send(0, &[SELECT, VERIFY_NEW])[1], "9000");
    }
}

#[test]
fn a_card_on_which_another_program_selected_something_else_is_selected_again_and_changed() {
    let (pcscd, [_card]) = Pcscd::with([Card::piv()]);
    let terminal = at_the_prompt(&pcscd, ASK);
    pcscd.send(0, &["00A4040006D27600012401"]);
    let (code, shown) = answer(terminal);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(pcscd.send(0, &[SELECT, VERIFY_NEW])[1], "9000");
}

#[test]
fn tries_that_another_program_spent_while_a_person_typed_are_counted_before_the_last_is_sent() {
    for (wrong, expected) in [(2, 6), (3, 5)] {
        let (pcscd, [card]) = Pcscd::with([Card::piv()]);
        let mut terminal = Terminal::spawn(call(&pcscd, ASK).command());
        terminal.expect("3 tries left").expect(": ");
        pcscd.send(0, &[&[SELECT][..], &vec![VERIFY_WRONG; wrong]].concat());
        card.clear_trace();
        let (code, shown) = answer(terminal);
        assert_eq!(code, expected, "{shown}");
        assert_eq!(presented(&card), [""; 0]);
        assert_eq!(pcscd.send(0, &[SELECT, COUNTER])[1], format!("63C{}", 3 - wrong));
    }
}

#[test]
fn a_card_that_is_held_exclusively_is_told_so_after_the_wait() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    let _held = pcscd.hold(0, Hold::Exclusive, &[]);
    for (wait, at_least) in [("0", Duration::ZERO), ("1", Duration::from_secs(1))] {
        for line in [CHANGE, "status --application piv"] {
            let start = Instant::now();
            let run = call(&pcscd, &format!("{line} --json --wait {wait}")).run().code(8);
            let took = start.elapsed();
            assert!(took >= at_least && took < at_least + Duration::from_secs(4), "{wait}: {took:?}"); // not the usual 5
            assert_eq!(error(&run)["kind"], "device");
            let (message, hint) = sentence_and_hint(&run);
            assert!(message.contains("another program holds the card in Virtual PCD 00 00"), "{message}");
            assert!(message.contains("; it is card-tool (process "), "{message}");
            assert!(hint.contains("end that program") && hint.contains("gpgconf --kill scdaemon"), "{hint}");
        }
    }
    assert_eq!(presented(&card), [""; 0]);
}

#[test]
fn a_card_that_another_program_keeps_locked_is_told_so_after_the_wait() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    // At the beginning, and after a prompt: the first is SCardConnect's business, the second SCardBeginTransaction's.
    let terminal = at_the_prompt(&pcscd, &format!("{ASK} --wait 1"));
    let held = pcscd.hold(0, Hold::Transaction, &[]);
    for line in [CHANGE, "status --application piv"] {
        let start = Instant::now();
        let run = call(&pcscd, &format!("{line} --wait 1 --json")).run().code(8);
        assert!(start.elapsed() >= Duration::from_secs(1));
        assert!(error(&run)["message"].as_str().unwrap().contains("keeps the card in"), "{run:?}");
    }
    card.clear_trace();
    let (code, shown) = answer(terminal);
    assert_eq!(code, 8, "{shown}");
    assert_eq!(presented(&card), [""; 0]);
    held.release();
    call(&pcscd, CHANGE).run().code(0);
}

#[test]
fn a_card_that_is_held_for_a_short_time_is_waited_for() {
    for hold in [Hold::Exclusive, Hold::Transaction] {
        let (pcscd, [_card]) = Pcscd::with([Card::piv()]);
        let held = pcscd.hold(0, hold, &[SELECT]);
        let terminal = Terminal::spawn(call(&pcscd, &format!("{CHANGE} --wait 60")).command());
        till_connected(terminal.id());
        held.release();
        let (code, shown) = terminal.wait();
        assert_eq!(code, 0, "{shown}");
        assert_eq!(pcscd.send(0, &[SELECT, VERIFY_NEW])[1], "9000");
    }
}

/// Waits till the process has a socket, which is pcscd's.
fn till_connected(process: u32) {
    let descriptors = || fs::read_dir(format!("/proc/{process}/fd")).unwrap().filter_map(Result::ok);
    let is_socket = |name: &fs::DirEntry| {
        fs::read_link(name.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    while !descriptors().any(|name| is_socket(&name)) {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_held_card_could_be_the_one_that_is_meant_but_does_not_hinder_one_that_is_named() {
    let (pcscd, [_first, second]) = Pcscd::with([Card::piv(), Card::piv().serial("00BC614E")]);
    let _held = pcscd.hold(0, Hold::Exclusive, &[]);
    let run = call(&pcscd, &format!("{CHANGE} --json --wait 0")).run().code(8);
    assert_eq!(error(&run)["kind"], "device");
    assert_eq!(presented(&second), [""; 0]);
    let status = call(&pcscd, "status --application piv --json --wait 0").run().code(0).json();
    assert_eq!(status["tokens"][0]["serial"], "12345678");
    call(&pcscd, &format!("{CHANGE} --token card:serial=12345678 --wait 0")).run().code(0);
    assert_eq!(presented(&second).len(), 2);
}

#[test]
fn of_two_changes_at_once_one_is_done_and_the_other_finds_its_old_pin_wrong() {
    let (pcscd, [_card]) = Pcscd::with([Card::piv().delay_ms(20)]);
    let change_to = &|new: &str| call(&pcscd, CHANGE).env("NEW", new).run().code;
    let mut codes = thread::scope(|scope| {
        let start = |new| scope.spawn(move || change_to(new));
        ["271828", "314159"].map(start).map(|run| run.join().unwrap())
    });
    codes.sort_unstable();
    assert_eq!(codes, [0, 4]);
}
