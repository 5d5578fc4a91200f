//! What a person is told beforehand, and what becomes of a value that a rule refuses.

use super::ruled;
use crate::support::{desk::Desk, softhsm::Faults, terminal::Terminal};

#[test]
fn the_prompt_says_beforehand_what_is_asked_for_and_asks_again_with_the_rule() {
    let desk = ruled("[[policy]]\nmin = 6\nmax = 8\ncharacters = \"digits\"\n");
    let call = desk.call(&["pin", "change", "--pin", "env:PIN"], "");
    let mut terminal = Terminal::spawn(call.command());
    terminal.expect("New PIN of desk-7 (6 to 8 digits): ").send("26485\r");
    terminal.expect("the new PIN");
    terminal.expect("New PIN of desk-7 (6 to 8 digits): ").send("2648592a\r");
    terminal.expect("New PIN of desk-7 (6 to 8 digits): ").send("26485927\r");
    terminal.expect("again: ").send("26485927\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(desk.desk.is_pin("26485927") && !shown.contains("26485"), "{shown}");
}

#[test]
fn many_demands_stand_in_a_sentence_of_their_own_and_no_question_is_longer_than_a_line() {
    let rules =
        "\"sequences\", \"keyboard\", \"repeats\", \"dates\", \"common\", \"old\", \"other\", \"serial\", \"label\"";
    let desk = ruled(&format!("[[policy]]\nmin = 6\nmax = 8\ncharacters = \"digits\"\nrefuse = [{rules}]\n"));
    let call = desk.call(&["pin", "change", "--pin", "env:PIN"], "");
    let mut terminal = Terminal::spawn(call.command());
    terminal.expect("a new PIN here: ").expect("New PIN of desk-7 (6 to 8 digits): ").send("24121987\r");
    terminal.expect("date").expect("New PIN of desk-7 (6 to 8 digits): ").send("26485927\r");
    terminal.expect("again: ").send("26485927\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn three_values_that_a_rule_refuses_are_exit_6_and_nothing_is_sent() {
    let desk = ruled("[[policy]]\nrefuse = [\"sequences\"]\n");
    let mut terminal = Terminal::spawn(desk.call(&["pin", "change", "--pin", "env:PIN"], "").command());
    for _ in 0..3 {
        terminal.expect("New PIN").send("23456789\r");
    }
    let (code, shown) = terminal.wait();
    assert_eq!(code, 6, "{shown}");
    desk.desk.nothing_was_sent();
}

#[test]
fn without_a_policy_a_person_is_told_of_a_weak_value_that_is_taken_all_the_same() {
    let desk = Desk::new();
    let mut terminal = Terminal::spawn(desk.logged(&["pin", "change", "--pin", "env:PIN"]).command());
    terminal.expect("New PIN").send("23456789\r").expect("note: the new PIN").expect("again: ").send("23456789\r");
    assert_eq!(terminal.wait().0, 0);
    assert!(desk.is_pin("23456789"));
    // One that is not weak is not spoken of, nor is one that comes from elsewhere.
    let mut terminal =
        Terminal::spawn(desk.logged(&["pin", "change", "--pin", "env:FROM"]).env("FROM", "23456789").command());
    terminal.expect("New PIN").send("26485927\r").expect("again: ").send("26485927\r");
    let (code, shown) = terminal.wait();
    assert!(code == 0 && !shown.contains("note:"), "{shown}");
    let words = ["pin", "change", "--pin", "env:FROM", "--new-pin", "env:PIN"];
    let run = desk.logged(&words).env("FROM", "26485927").run().code(0);
    assert!(!run.err.contains("note:"), "{run:?}");
}

#[test]
fn of_a_value_that_is_typed_on_the_keys_of_a_token_it_is_said_what_the_policy_asks_for() {
    let desk = ruled("[[policy]]\nmin = 6\ncharacters = \"digits\"\n");
    let faults = Faults::new().rule("pad;pad-strict").pad_user("123456", "86420975");
    let call = desk.administrator.over(desk.desk.logged_behind(faults, &["pin", "change"]));
    let mut terminal = Terminal::spawn(call.command());
    terminal.expect("the policy asks for a new PIN of 6 to 255 digits").expect("to be entered on the keys of");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
}
