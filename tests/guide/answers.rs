//! What comes of the answers: of those that are none, of several tokens, and while one is waited for.

use super::*;
use crate::support::terminal::{is_restored, under_shell};

const CHOICE: &str = "Your choice (1, 2 or q): ";

#[test]
fn an_empty_answer_q_and_the_end_of_input_do_nothing_and_are_exit_0() {
    for (typed, shown_last) in
        [("\r", "\nNothing was done.\n"), ("Q\r", "Q\nNothing was done.\n"), ("\x04", "\nNothing was done.\n")]
    {
        let soft = Soft::new("desk-7", Some("123456"));
        let mut terminal = soft.guide(Faults::new());
        terminal.expect(CHOICE).send(typed);
        let (code, shown) = terminal.wait();
        assert!(lines(&shown).ends_with(&format!("{CHOICE}{shown_last}")), "{typed:?}: {shown}");
        assert_eq!(code, 0, "{typed:?}: {shown}");
        soft.desk.nothing_was_sent();
    }
}

#[test]
fn what_is_no_answer_is_asked_again_and_three_times_at_most() {
    let soft = Soft::new("desk-7", Some("123456"));
    let mut terminal = soft.guide(Faults::new());
    for nonsense in ["3\r", "yes\r", "1 1\r"] {
        terminal.expect(CHOICE).send(nonsense).expect("Type a number from 1 to 2, or q for nothing.");
    }
    let (code, shown) = terminal.wait();
    assert!(lines(&shown).ends_with("Type a number from 1 to 2, or q for nothing.\nNothing was done.\n"), "{shown}");
    assert_eq!(code, 0, "{shown}");
    let mut terminal = soft.guide(Faults::new());
    terminal.expect(CHOICE).send("0\r").expect(CHOICE).send(" 1 \r").expect("PIN of desk-7").send("\x04");
    assert_eq!(terminal.wait().0, 130);
    soft.desk.nothing_was_sent();
}

#[test]
fn ctrl_c_is_exit_130_on_a_line_of_its_own_and_leaves_the_terminal_as_it_was() {
    let soft = Soft::new("desk-7", Some("123456"));
    for answers in [&["\x03"][..], &["1\r", "\x03"]] {
        let mut terminal = under_shell(soft.desk.logged(&["--via", "pkcs11"]));
        for (question, answer) in [CHOICE, "PIN of desk-7"].into_iter().zip(answers) {
            terminal.expect(question).send(answer);
        }
        let (_, shown) = terminal.wait();
        assert!(shown.contains("code=130"), "{shown}");
        assert!(shown.contains("\r\nerror: interrupted; nothing was changed and no try was spent"), "{shown}");
        is_restored(&shown);
        soft.desk.nothing_was_sent();
    }
}

#[test]
fn the_chosen_command_ends_with_its_own_exit_code() {
    let soft = Soft::new("desk-7", Some("123456"));
    let mut terminal = soft.guide(Faults::new());
    terminal.expect(CHOICE).send("1\r").expect("PIN of desk-7").expect("): ").send("999999\r");
    terminal.expect("New PIN of ").expect("): ").send("86420975\r").expect("again: ").send("86420975\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("error: wrong PIN"), "{shown}");
}

#[test]
fn of_several_tokens_one_is_chosen_first() {
    let (pcscd, _cards) = Pcscd::with([Card::piv(), Card::openpgp()]);
    let home = home();
    let guide = || Terminal::spawn(pukka(home.path(), [""; 0]).envs(pcscd.envs()).command());
    let several = "Two tokens are there; which one is it about?

  1  PIV 5437251 in the reader Virtual PCD 00 00
     The PIN is ready; three tries are left. Nothing has to be done.
  2  OpenPGP 00DEC0DE in the reader Virtual PCD 00 01
     The PIN is ready; three tries are left. Nothing has to be done.
  q  None of them

Your choice (1, 2 or q): ";
    let mut terminal = guide();
    terminal.expect("Your choice (1, 2 or q): ").send("2\r").expect(CHOICE).send("q\r");
    let (code, shown) = terminal.wait();
    assert_eq!(
        lines(&shown),
        format!(
            "{several}2

OpenPGP 00DEC0DE in the reader Virtual PCD 00 01 is there.
The PIN is ready; three tries are left. Nothing has to be done.

  1  Change the PIN, where you know the old one
     pukka pin change --token 'card:serial=00DEC0DE;application=openpgp'
  2  Set a new PIN in place of one that is forgotten, with the Admin PIN
     pukka pin reset --token 'card:serial=00DEC0DE;application=openpgp' --by so-pin
  q  Nothing

Your choice (1, 2 or q): q
Nothing was done.
"
        )
    );
    assert_eq!(code, 0);
    let mut terminal = guide();
    terminal.expect("Your choice (1, 2 or q): ").send("\r");
    let (code, shown) = terminal.wait();
    assert_eq!((code, lines(&shown)), (0, format!("{several}\nNothing was done.\n")));
}

#[test]
fn nothing_is_locked_while_an_answer_is_waited_for() {
    let soft = Soft::new("desk-7", Some("123456"));
    let mut terminal = soft.guide(Faults::new());
    terminal.expect(CHOICE);
    let change = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW", "--wait", "0"];
    soft.desk.logged(&change).run().code(0);
    terminal.send("1\r").expect("PIN of desk-7").expect("): ").send("86420975\r");
    terminal.expect("New PIN of ").expect("): ").send("161803\r").expect("again: ").send("161803\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "the PIN of now is asked for, not that of then: {shown}");

    let reader = Reader::with(Card::piv());
    let mut terminal = reader.guide();
    terminal.expect(CHOICE);
    let change = "pin change --pin env:PIN --new-pin env:NEW --wait 0 --no-input";
    reader.call(change).envs([("PIN", "123456"), ("NEW", "904627")]).run().code(0);
    terminal.send("q\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn what_has_changed_since_it_was_told_is_met_by_the_command_itself() {
    let reader = Reader::with(Card::piv());
    let mut terminal = reader.guide();
    terminal.expect("three tries are left").expect(CHOICE);
    reader.send(WRONG_PIN, 3);
    terminal.send("1\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 5, "{shown}");
    assert!(shown.contains("error: the PIN is blocked") && shown.contains("hint: pukka pin reset "), "{shown}");
}

#[test]
fn a_label_is_escaped_and_no_line_of_words_is_longer_than_a_terminal() {
    let soft = Soft::new("desk-7", Some("123456"));
    // ESC [ 2 J, a bell, a right-to-left override, and blanks between words.
    let faults = Faults::new().rule("token-label=1B5B324A07E280AE6D79206C6162656C20697320612066756C6C");
    let mut terminal = soft.guide(faults);
    terminal.expect(CHOICE).send("q\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains(r"\u{1b}[2J\u{7}\u{202e}my label is a"), "{shown}");
    assert!(!shown.contains(['\x1b', '\x07', '\u{202e}']), "{shown}");
    let long: Vec<&str> =
        shown.lines().filter(|line| !line.trim_start().starts_with("pukka ") && line.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn colours_are_for_terminals_that_have_them_and_nobody_who_does_not_want_them() {
    let soft = Soft::new("desk-7", Some("123456"));
    let shown = |variables: &[(&str, &str)]| {
        let call = soft.desk.logged(&["--via", "pkcs11"]).envs(variables.iter().copied());
        let mut terminal = Terminal::spawn(call.command());
        terminal.expect("Your choice").send("q\r");
        terminal.wait().1
    };
    assert!(shown(&[("TERM", "xterm-256color")]).contains('\x1b'));
    assert!(!shown(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]).contains('\x1b'));
}
