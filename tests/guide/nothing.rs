//! Where nothing is there, nothing can be asked, or nobody can be talked with.

use super::*;
use crate::support::{Run, desk::PIN};

/// The exit code, and all that was shown, in one line of words.
fn said(call: Pukka) -> (i32, String) {
    let (code, shown) = Terminal::spawn(call.command()).wait();
    (code, shown.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn no_reader_no_card_and_another_card_are_told_with_what_to_do() {
    let home = home();
    let cards = || pukka(home.path(), ["--via", "pcsc"]);
    let without = Pcscd::without_readers();
    let (code, shown) = said(cards().envs(without.envs()));
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.starts_with("No token is there: no card reader is attached. Plug one in; where the system sees it (`lsusb`), its driver is missing: `apt install libccid`"),
        "{shown}"
    );
    let empty = Pcscd::start();
    let (code, shown) = said(cards().envs(empty.envs()));
    let expected =
        "No token is there: no reader holds a card. Insert the card, or lay it on the reader where it is contactless.";
    assert_eq!((code, shown.as_str()), (0, expected));
}

#[test]
fn what_keeps_every_token_away_is_an_error_as_for_status_with_its_cure() {
    let home = home();
    let (code, shown) = said(pukka(home.path(), ["--via", "pcsc"]));
    assert_eq!(code, 8, "{shown}");
    assert!(shown.starts_with("error: the smart-card service (pcscd) is not running ["), "{shown}");
    assert!(shown.contains("hint: start it with `systemctl start pcscd.socket`"), "{shown}");

    let rejecting = Pcscd::rejecting();
    let (code, shown) = said(pukka(home.path(), ["--via", "pcsc"]).envs(rejecting.envs()));
    assert_eq!(code, 8, "{shown}");
    assert!(shown.contains("turns this user away") && shown.contains("hint: in a remote login"), "{shown}");

    let (code, shown) = said(pukka(home.path(), ["--via", "pkcs11", "--module", "/nowhere/module.so"]));
    assert_eq!(code, 8, "{shown}");
    assert!(shown.starts_with("error: there is no module /nowhere/module.so"), "{shown}");
    assert!(shown.contains("hint: name the module's shared library with --module"), "{shown}");
}

#[test]
fn a_route_that_fails_beside_a_token_is_noted_with_its_cure() {
    let soft = Soft::new("desk-7", Some(PIN));
    let mut terminal = Terminal::spawn(soft.desk.logged(&[]).command());
    terminal.expect("note: the smart-card service (pcscd) is not running: start it with");
    terminal.expect("The token desk-7 in slot ").expect("Your choice (1, 2 or q): ").send("q\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn a_blank_token_is_told_how_it_begins_and_one_beside_a_live_token_is_beside_the_point() {
    let desk = Desk::blank();
    let (code, shown) = said(desk.logged(&["--via", "pkcs11"]));
    assert_eq!(code, 0, "{shown}");
    assert!(shown.starts_with("A blank token in slot 0 of libfault_module.so is there. It has no PIN yet:"), "{shown}");
    assert!(shown.contains("pukka token init --token 'pkcs11:") && shown.ends_with("--label NAME"), "{shown}");
    desk.nothing_was_sent();
    desk.store.token("desk-7", SO, Some(PIN));
    let mut terminal = Terminal::spawn(desk.logged(&["--via", "pkcs11"]).command());
    terminal.expect("Your choice (1, 2 or q): ").send("q\r");
    assert!(!terminal.wait().1.contains("blank"));
}

#[test]
fn nobody_is_asked_without_a_terminal_with_no_input_or_for_json() {
    let soft = Soft::new("desk-7", Some(PIN));
    let listed =
        |run: &str| run.contains("selector      'pkcs11:token=desk-7") && run.contains("pukka pin change --token");
    let (code, shown) = Terminal::spawn(soft.desk.logged(&["--via", "pkcs11", "--no-input"]).command()).wait();
    assert!(code == 0 && listed(&shown) && !shown.contains("Your choice"), "{shown}");
    let (code, shown) = Terminal::spawn(soft.desk.logged(&["--via", "pkcs11", "--json"]).command()).wait();
    assert!(code == 0 && shown.starts_with(r#"{"schema":1,"command":"status""#), "{shown}");
    for redirected in ["</dev/null", "2>/dev/null"] {
        let call = soft.desk.logged(&["--via", "pkcs11"]).command();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!(r#"exec "$@" {redirected}"#), "sh"]).arg(call.get_program()).args(call.get_args());
        shell.env_clear().envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let (code, shown) = Terminal::spawn(shell).wait();
        assert!(code == 0 && shown.contains("selector ") && !shown.contains("Your choice"), "{redirected}: {shown}");
    }
    let run: Run = soft.desk.logged(&["--via", "pkcs11"]).run().code(2);
    assert!(run.err.contains("pukka --help"), "{run:?}");
}
