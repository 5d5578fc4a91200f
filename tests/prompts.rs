//! Questions on a real terminal: what they say, what they take, and how they end.

mod every;

use std::process::Command;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{
    Pukka,
    cards::{Card, Pcscd},
    desk::{Desk, NEW, PIN, SO},
    home, pukka,
    running::{Running, workers},
    softhsm::{Faults, Gate},
    terminal::{Terminal, is_restored, under_shell},
};

/// On a terminal of its own.
fn on_terminal(call: Pukka) -> Terminal {
    Terminal::spawn(call.command())
}

fn change(desk: &Desk) -> Pukka {
    desk.logged(&["pin", "change"])
}

#[test]
fn a_prompt_names_the_token_says_that_tries_are_not_told_and_shows_nothing_of_what_is_typed() {
    let desk = Desk::new();
    let mut terminal = on_terminal(change(&desk));
    terminal.expect("PIN of desk-7 (it does not count tries): ").send("123456\r");
    terminal.expect("New PIN of desk-7 (4 to 255 bytes): ").send("86420975\r");
    terminal.expect("The same new PIN again: ").send("86420975\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("PIN changed and confirmed"), "{shown}");
    assert!(!shown.contains(PIN) && !shown.contains(NEW), "{shown}");
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_prompt_for_a_card_shows_the_tries_that_are_left() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    let home = home();
    let verify = || pukka(home.path(), ["pin", "verify", "--application", "piv"]).envs(pcscd.envs());
    let mut terminal = on_terminal(verify());
    terminal.expect("3 tries left").expect(": ").send("654321\r");
    assert_eq!(terminal.wait().0, 4);
    let mut terminal = on_terminal(verify());
    terminal.expect("2 tries left").expect(": ").send("123456\r");
    assert_eq!(terminal.wait().0, 0);
    drop(card);
}

#[test]
fn two_entries_that_differ_are_asked_for_again() {
    let desk = Desk::new();
    let mut terminal = on_terminal(desk.logged(&["pin", "change", "--pin", "env:PIN"]));
    terminal.expect("New PIN").send("86420975\r").expect("again: ").send("86420976\r");
    terminal.expect("the two entries differ");
    terminal.expect("New PIN").send("86420975\r").expect("again: ").send("86420975\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_new_value_that_is_too_short_is_said_to_be_so_and_asked_for_again() {
    let desk = Desk::new();
    let mut terminal = on_terminal(desk.logged(&["pin", "change", "--pin", "env:PIN"]));
    terminal.expect("New PIN").send("12\r").expect("too short");
    terminal.expect("New PIN").send("\r").expect("nothing was typed");
    terminal.expect("New PIN").send("86420975\r").expect("again: ").send("86420975\r");
    assert_eq!(terminal.wait().0, 0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn where_nothing_is_typed_for_a_present_value_it_is_asked_for_again_and_three_times_at_most() {
    let desk = Desk::new();
    let mut terminal = on_terminal(desk.logged(&["pin", "verify"]));
    terminal.expect("PIN of desk-7").send("\r").expect("nothing was typed");
    terminal.expect("PIN of desk-7").send("123456\r");
    assert_eq!(terminal.wait().0, 0);

    let mut terminal = on_terminal(desk.logged(&["pin", "verify"]));
    for _ in 0..3 {
        terminal.expect("PIN of desk-7").send("\r").expect("nothing was typed");
    }
    let (code, shown) = terminal.wait();
    assert_eq!(code, 6, "{shown}");
    assert!(shown.contains("error: nothing was typed") && !shown.contains("--pin"), "{shown}");
}

#[test]
fn three_new_values_that_do_not_do_are_exit_6_and_nothing_is_sent() {
    let desk = Desk::new();
    let mut terminal = on_terminal(desk.logged(&["pin", "change", "--pin", "env:PIN"]));
    terminal.expect("New PIN").send("12\r").expect("too short");
    terminal.expect("New PIN").send("86420975\r").expect("again: ").send("1\r").expect("differ");
    terminal.expect("New PIN").send("123456\r").expect("is the old one");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 6, "{shown}");
    desk.nothing_was_sent();
    assert!(desk.is_pin(PIN));
}

#[test]
fn the_so_pin_of_a_blank_token_is_new_and_asked_for_twice_whichever_option_asks() {
    for option in ["--so-pin", "--new-so-pin"] {
        let desk = Desk::blank();
        let init = || on_terminal(desk.logged(&["token", "init", "--label", "desk-7", option, "prompt"]));
        let mut terminal = init();
        for _ in 0..3 {
            terminal.expect("New SO PIN of ").expect(": ").send("86420975\r");
            terminal.expect("The same new SO PIN again: ").send("86420976\r").expect("differ");
        }
        let (code, shown) = terminal.wait();
        assert_eq!(code, 6, "{shown}");
        desk.nothing_was_sent();

        let mut terminal = init();
        terminal.expect("New SO PIN of ").expect(": ").send("86420975\r");
        terminal.expect("The same new SO PIN again: ").send("86420975\r");
        let (code, shown) = terminal.wait();
        assert_eq!(code, 0, "{shown}");
        assert!(desk.is_so_pin("86420975"));
    }
}

#[test]
fn ctrl_c_is_exit_130_restores_the_terminal_and_sends_nothing() {
    let desk = Desk::new();
    for typed in ["\x03", "1234\x03"] {
        let mut terminal = under_shell(change(&desk));
        terminal.expect("PIN of desk-7").send(typed);
        let (_, shown) = terminal.wait();
        assert!(shown.contains("code=130"), "{shown}");
        assert!(shown.contains("nothing was changed and no try was spent"), "{shown}");
        is_restored(&shown);
        desk.nothing_was_sent();
    }
}

#[test]
fn ctrl_c_at_the_repetition_of_the_new_value_sends_nothing_either() {
    let desk = Desk::new();
    let mut terminal = under_shell(desk.logged(&["pin", "change", "--pin", "env:PIN"]));
    terminal.expect("New PIN").send("86420975\r").expect("again: ").send("\x03");
    let (_, shown) = terminal.wait();
    assert!(shown.contains("code=130"), "{shown}");
    is_restored(&shown);
    desk.nothing_was_sent();
}

#[test]
fn an_interrupted_prompt_is_told_in_json_too() {
    let desk = Desk::new();
    let mut terminal = under_shell(desk.logged(&["pin", "change", "--json"]));
    terminal.expect("PIN of desk-7").send("\x03");
    let (_, shown) = terminal.wait();
    assert!(shown.contains(r#""kind":"interrupted","exit_code":130"#), "{shown}");
}

#[test]
fn the_end_of_input_is_exit_130_whatever_was_typed_before_it() {
    let desk = Desk::new();
    let mut terminal = under_shell(change(&desk));
    // The first Ctrl-D hands over what was typed, the second is the end.
    terminal.expect("PIN of desk-7").send("123456\x04\x04");
    let (_, shown) = terminal.wait();
    assert!(shown.contains("code=130"), "{shown}");
    is_restored(&shown);
    desk.nothing_was_sent();
}

#[test]
fn a_signal_to_the_tool_restores_the_terminal_and_is_exit_130() {
    let desk = Desk::new();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let mut terminal = under_shell(change(&desk));
        terminal.expect("PIN of desk-7").send("1234");
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", terminal.id())).unwrap();
        kill(Pid::from_raw(children.trim().parse().unwrap()), signal).unwrap();
        let (_, shown) = terminal.wait();
        assert!(shown.contains("code=130"), "{signal}: {shown}");
        is_restored(&shown);
        desk.nothing_was_sent();
    }
}

#[test]
fn what_was_typed_before_a_signal_is_not_left_to_the_shell() {
    let desk = Desk::new();
    for source in ["prompt", "pinentry"] {
        let call = desk.logged(&["pin", "verify", "--pin", source]).env("PINENTRY", "pinentry-tty").command();
        let script = r#"trap : TERM; "$@"; echo "code=$?"; read -r rest; echo "left=[$rest]""#;
        let mut shell = Command::new("bash");
        shell.args(["-c", script, "bash"]).arg(call.get_program()).args(call.get_args()).env_clear();
        shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut terminal = Terminal::spawn(shell);
        terminal.expect("PIN of desk-7").expect(": ").send("48151623");
        // The system passes it on in its own time.
        std::thread::sleep(std::time::Duration::from_millis(300));
        kill(Pid::from_raw(workers(terminal.id())[0].try_into().unwrap()), Signal::SIGTERM).unwrap();
        terminal.expect("code=130").send("\r");
        let (_, shown) = terminal.wait();
        assert!(shown.contains("left=[]") && !shown.contains("48151623"), "{source}: {shown}");
        desk.nothing_was_sent();
    }
}

#[test]
fn a_job_that_is_stopped_at_a_prompt_leaves_the_terminal_as_it_was_and_hides_again_when_it_goes_on() {
    let desk = Desk::new();
    let call = desk.logged(&["pin", "verify"]).command();
    let script = r#"set -m; "$@"; stty -a; stty echo; fg >/dev/null; echo "code=$?"; stty -a"#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash"]).arg(call.get_program()).args(call.get_args()).env_clear();
    shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut terminal = Terminal::spawn(shell);
    terminal.expect("PIN of desk-7").expect(": ");
    let tool = Pid::from_raw(workers(terminal.id())[0].try_into().unwrap());
    kill(tool, Signal::SIGTSTP).unwrap();
    terminal.expect(" echo ");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while terminal.echoes() {
        assert!(std::time::Instant::now() < deadline, "it shows what is typed: {}", terminal.transcript());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    terminal.send("123456\r");
    let (_, shown) = terminal.wait();
    assert!(shown.contains("code=0") && !shown.contains(PIN), "{shown}");
    is_restored(&shown);
}

#[test]
fn a_terminal_that_closes_ends_the_call_and_what_was_typed_is_not_sent() {
    let desk = Desk::new();
    let mut terminal = on_terminal(change(&desk));
    terminal.expect("PIN of desk-7").send("123456");
    assert_eq!(terminal.close(), Some(130));
    desk.nothing_was_sent();
}

#[test]
fn a_terminal_that_closes_at_the_repetition_changes_nothing() {
    let desk = Desk::new();
    let mut terminal = on_terminal(desk.logged(&["pin", "change", "--pin", "env:PIN"]));
    terminal.expect("New PIN").send("86420975\r").expect("again: ").send("86420975");
    assert_eq!(terminal.close(), Some(130));
    desk.nothing_was_sent();
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_stop_key_at_a_prompt_cannot_leave_a_shell_without_echo() {
    let desk = Desk::new();
    let mut terminal = under_shell(desk.logged(&["pin", "verify"]));
    terminal.expect("PIN of desk-7").send("\x1a\r");
    let (_, shown) = terminal.wait();
    assert!(shown.contains("code=6") && shown.contains("control character"), "Ctrl-Z is one in the value: {shown}");
    is_restored(&shown);
    desk.nothing_was_sent();
}

#[test]
fn what_is_typed_is_taken_as_it_is_and_never_trimmed() {
    let desk = Desk::new();
    for typed in [" 123456\r", "123456 \r", "123456\t\r", "\x1b[A123456\r"] {
        let mut terminal = on_terminal(desk.logged(&["pin", "verify"]));
        terminal.expect("PIN of desk-7").send(typed);
        let (code, shown) = terminal.wait();
        assert_eq!(code, 6, "{typed:?}: {shown}");
        assert!(!shown.contains(PIN), "{shown}");
        desk.nothing_was_sent();
    }
}

#[test]
fn a_slip_of_the_finger_can_be_rubbed_out() {
    let desk = Desk::new();
    let mut terminal = on_terminal(desk.logged(&["pin", "verify"]));
    terminal.expect("PIN of desk-7").send("12345x\x7f6\r");
    assert_eq!(terminal.wait().0, 0);
    let mut terminal = on_terminal(desk.logged(&["pin", "verify"]));
    terminal.expect("PIN of desk-7").send("all wrong\x15123456\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn a_prompt_reads_the_terminal_while_standard_input_carries_another_secret() {
    let desk = Desk::new();
    desk.file("pin", "123456\n");
    let call = desk.logged(&["pin", "change", "--pin", "stdin", "--new-pin", "prompt"]).command();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec "$@" <"$HOME/pin" >"$HOME/out""#, "sh"]).arg(call.get_program()).args(call.get_args());
    shell.env_clear().envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut terminal = Terminal::spawn(shell);
    terminal.expect("New PIN").send("86420975\r").expect("again: ").send("86420975\r");
    assert_eq!(terminal.wait().0, 0);
    assert!(desk.is_pin(NEW));
    assert_eq!(std::fs::read_to_string(desk.at_home("out")).unwrap(), "", "questions are no data");
}

#[test]
fn standard_input_that_is_a_terminal_is_no_source_because_it_would_show_what_is_typed() {
    let desk = Desk::new();
    let (code, shown) = on_terminal(desk.logged(&["pin", "verify", "--pin", "stdin"])).wait();
    assert_eq!(code, 2);
    assert!(shown.contains("--pin prompt"), "{shown}");
    desk.nothing_was_opened();
}

#[test]
fn a_descriptor_that_is_a_terminal_is_no_source_either() {
    let desk = Desk::new();
    for source in ["fd:0", "fd:1", "fd:2"] {
        let (code, shown) = on_terminal(desk.logged(&["pin", "verify", "--pin", source])).wait();
        assert_eq!(code, 2, "{source}: {shown}");
        assert!(shown.contains("--pin") && !shown.contains("PIN of desk-7"), "{source}: {shown}");
        desk.nothing_was_opened();
    }
}

#[test]
fn with_no_input_nobody_is_asked_even_on_a_terminal() {
    let desk = Desk::new();
    let (code, shown) = on_terminal(desk.logged(&["pin", "change", "--no-input"])).wait();
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("--pin") && !shown.contains("PIN of desk-7"), "{shown}");
}

#[test]
fn a_dry_run_asks_nothing_on_a_terminal_and_shows_the_plan() {
    let desk = Desk::new();
    let (code, shown) = on_terminal(desk.logged(&["pin", "change", "--dry-run"])).wait();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("C_SetPIN") && !shown.contains("PIN of desk-7"), "{shown}");
    desk.nothing_was_sent();
}

#[test]
fn a_live_token_is_destroyed_only_when_its_serial_is_typed() {
    let desk = Desk::blank();
    let serial = desk.store.token("desk-7", SO, Some(PIN));
    let init = || desk.logged(&["token", "init", "--token", "desk-7", "--so-pin", "env:SO", "--new-pin", "env:NEW"]);
    for word in ["", "desk-7", "yes", &serial[1..], &format!("{serial} ")] {
        let mut terminal = on_terminal(init());
        terminal.expect("will be destroyed").expect(&format!("Type {serial} to go on: ")).send(&format!("{word}\r"));
        let (code, shown) = terminal.wait();
        assert_eq!(code, 6, "{word:?}: {shown}");
        assert!(shown.contains(&format!("error: not confirmed, which takes {serial} and no other word")), "{shown}");
        desk.nothing_was_sent();
    }
    let mut terminal = on_terminal(init());
    terminal.expect("to go on: ").send("\x03");
    assert_eq!(terminal.wait().0, 130);
    desk.nothing_was_sent();
    assert!(desk.is_pin(PIN));
    let mut terminal = on_terminal(init());
    terminal.expect("to go on: ").send(&format!("{serial}\r"));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(desk.is_pin(NEW));
}

#[test]
fn yes_does_not_confirm_the_destruction_of_a_token() {
    let desk = Desk::new();
    let init = ["token", "init", "--token", "desk-7", "--so-pin", "env:SO", "--yes"];
    desk.logged(&init).run().code(2);
    desk.nothing_was_sent();
    let mut terminal = on_terminal(desk.logged(&init));
    terminal.expect("to go on: ").send("\r");
    assert_eq!(terminal.wait().0, 6);
    desk.nothing_was_sent();
}

#[test]
fn the_token_is_not_locked_while_somebody_is_asked() {
    let desk = Desk::new();
    let mut terminal = on_terminal(desk.logged(&["pin", "verify"]));
    terminal.expect("PIN of desk-7");
    let other = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW", "--wait", "0"];
    desk.logged(&other).run().code(0);
    terminal.send("86420975\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "the PIN of now is asked for, not that of then: {shown}");
}

#[test]
fn nobody_is_asked_while_another_process_writes_to_the_token() {
    let desk = Desk::new();
    let gate = Gate::new(desk.home.path(), "gate");
    let change = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW"];
    let writer = Running::start(desk.logged_behind(Faults::new().rule(gate.before("C_SetPIN")), &change));
    gate.wait();
    let (code, shown) = on_terminal(desk.logged(&["pin", "verify", "--wait", "0"])).wait();
    assert_eq!(code, 8, "{shown}");
    assert!(!shown.contains("PIN of desk-7"), "{shown}");
    gate.open();
    writer.finish().code(0);
}

#[test]
fn a_card_is_not_locked_while_somebody_is_asked() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    let home = home();
    let call = pukka(home.path(), ["pin", "verify", "--application", "piv"]).envs(pcscd.envs());
    let mut terminal = on_terminal(call);
    terminal.expect("3 tries left");
    let status = ["status", "--application", "piv", "--wait", "0", "--json"];
    let status = pukka(home.path(), status).envs(pcscd.envs()).run().code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["tries"]["left"], 3, "{status}");
    terminal.send("123456\r");
    assert_eq!(terminal.wait().0, 0);
    drop(card);
}
