//! The desktop's pinentry: a real one on a terminal, and scripted ones that do what a real one cannot be made to do.

mod scripted;

use std::{fs, process::Command};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{
    Pukka,
    cards::{Card, Pcscd},
    desk::{Desk, NEW, PIN, set_mode},
    home, pukka,
    running::{Running, is_there, workers},
    terminal::{Terminal, is_restored, under_shell},
};

/// The real one; it asks on the terminal that it is told.
const REAL: (&str, &str) = ("PINENTRY", "pinentry-tty");

fn verify(desk: &Desk) -> Pukka {
    desk.logged(&["pin", "verify", "--pin", "pinentry"]).envs([REAL])
}

fn new_pin(desk: &Desk) -> Pukka {
    desk.logged(&["pin", "change", "--pin", "env:PIN", "--new-pin", "pinentry"]).envs([REAL])
}

/// The question as it is asked, up to its field.
#[track_caller]
fn asked<'t>(terminal: &'t mut Terminal, question: &str) -> &'t mut Terminal {
    terminal.expect(question).expect("Value: ")
}

#[test]
fn a_pinentry_names_the_token_and_takes_the_present_value_and_the_new_one_twice() {
    let desk = Desk::new();
    let call = desk.logged(&["pin", "change", "--pin", "pinentry", "--new-pin", "pinentry"]).envs([REAL]);
    let mut terminal = Terminal::spawn(call.command());
    asked(&mut terminal, "PIN of desk-7 (it does not count tries)").send("123456\r");
    asked(&mut terminal, "New PIN of desk-7 (4 to 255 bytes)").send("86420975\r");
    terminal.expect("The same again: ").send("86420975\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(PIN) && !shown.contains(NEW), "{shown}");
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_pinentry_is_told_the_tries_that_are_left_of_a_card() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    let home = home();
    let verify = ["pin", "verify", "--application", "piv", "--pin", "pinentry"];
    for (tries, pin, code) in [("3 tries left", "654321\r", 4), ("2 tries left", "123456\r", 0)] {
        let call = pukka(home.path(), verify).envs(pcscd.envs()).envs([REAL]);
        let mut terminal = Terminal::spawn(call.command());
        asked(&mut terminal, tries).send(pin);
        assert_eq!(terminal.wait().0, code);
    }
    drop(card);
}

#[test]
fn two_entries_that_differ_and_a_value_that_is_refused_are_asked_for_again() {
    let desk = Desk::new();
    let mut terminal = Terminal::spawn(new_pin(&desk).command());
    asked(&mut terminal, "New PIN").send("86420975\r").expect("The same again: ").send("86420976\r");
    terminal.expect("the two entries differ").expect("Value: ").send("12\r").expect("The same again: ").send("12\r");
    asked(&mut terminal, "too short").send("86420975 \r").expect("The same again: ").send("86420975 \r");
    asked(&mut terminal, "white space at its beginning or end").send("86420975\r");
    terminal.expect("The same again: ").send("86420975\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(desk.is_pin(NEW));
}

#[test]
fn three_new_values_that_do_not_do_are_exit_6_and_nothing_is_sent() {
    let desk = Desk::new();
    let mut terminal = Terminal::spawn(new_pin(&desk).command());
    for value in ["12\r", "\r", "123456\r"] {
        asked(&mut terminal, "New PIN").send(value).expect("The same again: ").send(value);
    }
    let (code, shown) = terminal.wait();
    assert_eq!(code, 6, "{shown}");
    assert!(shown.contains("nothing was typed") && shown.contains("is the old one"), "{shown}");
    desk.nothing_was_sent();
}

#[test]
fn a_present_value_is_taken_as_it_was_typed_and_never_trimmed() {
    let desk = Desk::new();
    for value in ["123456 \r", " 123456\r"] {
        let mut terminal = Terminal::spawn(verify(&desk).command());
        asked(&mut terminal, "PIN of desk-7").send(value);
        let (code, shown) = terminal.wait();
        assert_eq!(code, 6, "{shown}");
        assert!(shown.contains("white space") && !shown.contains(PIN), "{shown}");
        desk.nothing_was_sent();
    }
}

#[test]
fn who_cancels_is_told_that_nothing_was_changed_and_has_the_terminal_back() {
    let desk = Desk::new();
    for keys in ["\x03", "1234\x03", "\x04"] {
        let mut terminal = under_shell(verify(&desk));
        asked(&mut terminal, "PIN of desk-7").send(keys);
        let (_, shown) = terminal.wait();
        assert!(shown.contains("code=130"), "{keys:?}: {shown}");
        assert!(shown.contains("nothing was changed and no try was spent"), "{shown}");
        is_restored(&shown);
        desk.nothing_was_sent();
    }
}

#[test]
fn a_signal_to_the_tool_ends_the_pinentry_and_restores_the_terminal() {
    let desk = Desk::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut terminal = under_shell(verify(&desk));
        asked(&mut terminal, "PIN of desk-7");
        let tool = children(terminal.id())[0];
        let pinentry = pinentry(tool);
        terminal.send("12");
        kill(Pid::from_raw(tool.try_into().unwrap()), signal).unwrap();
        let (_, shown) = terminal.wait();
        assert!(shown.contains("code=130"), "{signal}: {shown}");
        is_restored(&shown);
        assert!(!is_there(pinentry), "{signal}");
        desk.nothing_was_sent();
    }
}

#[test]
fn a_pinentry_that_is_killed_is_exit_8_and_the_terminal_is_restored() {
    let desk = Desk::new();
    let mut terminal = under_shell(verify(&desk));
    asked(&mut terminal, "PIN of desk-7").send("123456");
    let pinentry = pinentry(children(terminal.id())[0]);
    kill(Pid::from_raw(pinentry.try_into().unwrap()), Signal::SIGKILL).unwrap();
    let (_, shown) = terminal.wait();
    assert!(shown.contains("code=8") && shown.contains("ended before anything was entered"), "{shown}");
    is_restored(&shown);
    desk.nothing_was_sent();
}

#[test]
fn the_token_is_not_locked_while_a_pinentry_asks() {
    let desk = Desk::new();
    let mut terminal = Terminal::spawn(verify(&desk).command());
    asked(&mut terminal, "PIN of desk-7");
    let other = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW", "--wait", "0"];
    desk.logged(&other).run().code(0);
    terminal.send("86420975\r");
    assert_eq!(terminal.wait().0, 0);
}

#[test]
fn without_a_terminal_of_its_own_the_pinentry_asks_on_the_one_of_gpg_tty() {
    let desk = Desk::new();
    let mut elsewhere = Command::new("sh");
    elsewhere.args(["-c", "echo \"here: $(tty).\"; exec sleep 60"]).env_clear().env("PATH", "/usr/bin:/bin");
    let mut terminal = Terminal::spawn(elsewhere);
    let shown = terminal.expect("here: ").expect(".").transcript();
    let name = shown.split("here: ").nth(1).unwrap().split('.').next().unwrap().to_owned();
    let running = Running::start(verify(&desk).env("GPG_TTY", name));
    asked(&mut terminal, "PIN of desk-7").send("123456\r");
    running.finish().code(0);
    assert!(terminal.echoes());
    terminal.close();
}

#[test]
fn the_admin_key_of_respond_may_come_from_a_pinentry() {
    let desk = Desk::new();
    // SP 800-67, appendix B.1.
    let respond = ["respond", "--challenge", "5468652071756663", "--admin-key", "pinentry"];
    let mut terminal = Terminal::spawn(desk.logged(&respond).envs([REAL]).command());
    asked(&mut terminal, "Admin key").send("0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("A826FD8CE53B855F") && !shown.contains("0123456789ABCDEF"), "{shown}");
}

#[test]
fn a_value_that_is_only_looked_at_may_come_from_a_pinentry() {
    let desk = Desk::new();
    let policy = desk.file("policy.toml", "[[policy]]\nmin = 8\n");
    let check = ["policy", "check", "--pin", "pinentry", "--config", policy.to_str().unwrap()];
    for (value, code) in [("86420975\r", 0), ("864209\r", 6), ("\x03", 130)] {
        let mut terminal = Terminal::spawn(desk.logged(&check).envs([REAL]).command());
        asked(&mut terminal, "Value to check against the policy").send(value);
        let (ended, shown) = terminal.wait();
        assert_eq!(ended, code, "{shown}");
    }
}

#[test]
fn a_response_may_come_from_a_pinentry_which_tells_what_is_mistyped_in_it() {
    let desk = crate::gids::Desk::new();
    let call = desk.call("pin reset --application gids --by challenge --new-pin env:NEW --response pinentry");
    let mut terminal = Terminal::spawn(call.envs([REAL]).command());
    asked(&mut terminal, "Response to the challenge").send("12\r");
    asked(&mut terminal, "nothing was sent");
    let shown = terminal.transcript();
    let challenge = shown.split("challenge: ").nth(1).unwrap().lines().next().unwrap().trim().to_owned();
    let respond = ["respond", "--challenge", &challenge, "--admin-key", "env:KEY"];
    let response = pukka(home().path(), respond).env("KEY", crate::gids::KEY).run().code(0).out;
    terminal.send(&format!("{}\r", response.trim()));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(desk.is_pin("271828"));
}

#[test]
fn the_destruction_of_a_token_is_confirmed_on_the_terminal_whatever_asks_for_the_so_pin() {
    let desk = Desk::new();
    let init = ["token", "init", "--token", "desk-7", "--so-pin", "pinentry", "--new-pin", "env:NEW"];
    let mut terminal = Terminal::spawn(desk.logged(&init).envs([REAL]).command());
    let shown = terminal.expect("to go on: ").transcript();
    let serial = shown.rsplit("Type ").next().unwrap().split(' ').next().unwrap().to_owned();
    terminal.send(&format!("{serial}\r"));
    asked(&mut terminal, "SO PIN of desk-7").send("12345678\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_pinentry_asks_and_so_no_input_and_a_dry_run_start_none() {
    let desk = Desk::new();
    let never = desk.file("never", "#!/bin/sh\n: >\"$HOME/started\"\n");
    set_mode(&never, 0o700);
    let call = |more| desk.logged(&["pin", "verify", "--pin", "pinentry", more]).env("PINENTRY", &never).run();
    let run = call("--no-input").code(2);
    assert!(run.err.contains("nobody can be asked"), "{run:?}");
    call("--dry-run").code(0);
    assert!(!desk.at_home("started").exists());
    desk.nothing_was_sent();
}

#[test]
fn the_environment_names_the_pinentry_before_the_configuration_and_that_before_the_path() {
    let desk = Desk::new();
    let script = |name: &str| {
        let program = desk.file(name, format!("#!/bin/sh\nprintf {name} >\"$HOME/started\"\n"));
        set_mode(&program, 0o700);
        program
    };
    let (of_environment, of_configuration) = (script("of-environment"), script("of-configuration"));
    script("pinentry");
    let configuration = desk.file("pinentry.toml", format!("pinentry = {of_configuration:?}\n"));
    let path = format!("{}:{}", desk.home.path().display(), std::env::var("PATH").unwrap());
    let verify = ["pin", "verify", "--pin", "pinentry"];
    let configured = [&verify[..], &["--config", configuration.to_str().unwrap()]].concat();
    for (call, started) in [
        (desk.logged(&configured).env("PINENTRY", &of_environment), "of-environment"),
        (desk.logged(&configured).env("PINENTRY", ""), "of-configuration"),
        (desk.logged(&verify), "pinentry"),
        (desk.logged(&verify).env("PINENTRY", "of-environment"), "of-environment"),
    ] {
        call.env("PATH", &path).run().code(8);
        assert_eq!(fs::read_to_string(desk.at_home("started")).unwrap(), started);
    }
}

#[test]
fn a_pinentry_that_is_not_there_or_may_not_be_run_is_exit_8_with_its_cure_before_anybody_is_asked() {
    let desk = Desk::new();
    let plain = desk.file("plain", "#!/bin/sh\n");
    let folder = desk.home.path().join("folder");
    fs::create_dir(&folder).unwrap();
    for (program, why) in [
        ("/nonexistent/pinentry", "is not installed here"),
        ("no-such-pinentry", "is not installed here"),
        (plain.to_str().unwrap(), "is no program that may be run"),
        (folder.to_str().unwrap(), "is no program that may be run"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let change = ["pin", "change", "--pin", "prompt", "--new-pin", "pinentry"];
            let call = desk.logged(&[&change[..], more].concat()).env("PINENTRY", program);
            let (code, shown) = Terminal::spawn(call.command()).wait();
            assert_eq!(code, 8, "{shown}");
            assert!(shown.contains(why) && shown.contains("PINENTRY") && !shown.contains("PIN of"), "{shown}");
        }
    }
    // Not made by the #! line of any system: the system itself refuses it.
    let garbage = desk.file("garbage", "\0\0\0\0");
    set_mode(&garbage, 0o700);
    let run = desk.logged(&["pin", "verify", "--pin", "pinentry"]).env("PINENTRY", &garbage).run().code(8);
    assert!(run.err.contains("cannot be started"), "{run:?}");
    desk.nothing_was_sent();
}

/// The children of a process.
fn children(process: u32) -> Vec<u32> {
    workers(process)
}

/// The pinentry that a tool has started.
#[track_caller]
fn pinentry(tool: u32) -> u32 {
    let name = |process: &u32| fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    let children = children(tool);
    *children.iter().find(|process| name(process).starts_with("pinentry")).unwrap_or_else(|| panic!("{children:?}"))
}
