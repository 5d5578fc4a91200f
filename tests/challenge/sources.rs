//! Where a response comes from: a source is read only once the challenge has been said.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use super::*;
use crate::support::{Pukka, Run, detached};

/// A call that waits for its response; what it says is read as it says it.
struct Waiting {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    err: String,
}

impl Waiting {
    fn start(call: Pukka) -> Self {
        Self::spawn(&mut detached(&call.command()))
    }

    fn spawn(command: &mut Command) -> Self {
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said, err: String::new() }
    }

    /// Waits for a challenge.
    #[track_caller]
    fn challenge(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "no challenge: {}", self.err);
            self.err.push_str(&line);
            if let Some(challenge) = line.trim_end().strip_prefix("challenge: ") {
                return challenge.to_owned();
            }
        }
    }

    fn finish(mut self) -> Run {
        std::io::Read::read_to_string(&mut self.said, &mut self.err).unwrap();
        let output = self.child.wait_with_output().unwrap();
        Run::of(output.status.code().unwrap_or(-1), output.stdout, self.err.into_bytes())
    }
}

#[test]
fn standard_input_is_read_for_one_line_once_the_challenge_is_said_and_may_stay_open() {
    let desk = Desk::new();
    let mut call = Waiting::start(desk.call(&format!("{BY_CHALLENGE} --response stdin --json")));
    let mut input = call.child.stdin.take().unwrap();
    let given = call.challenge();
    writeln!(input, "{}", help_desk(&given, KEY).1).unwrap();
    let run = call.finish().code(0);
    let done = run.json();
    assert_eq!((&done["outcome"], &done["by"]), (&json!("reset"), &json!("challenge")));
    assert_eq!((&done["confirmed"], &done["role"]), (&json!(true), &json!("user-pin")));
    assert_eq!(from_the_challenge(&desk), ANSWERED);
    drop(input);
}

#[test]
fn a_fifo_is_opened_once_the_challenge_is_said() {
    let desk = Desk::new();
    let path = desk.home.path().join("response");
    mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    let mut call = Waiting::start(desk.call(&format!("{BY_CHALLENGE} --response file:{}", path.display())));
    let given = call.challenge();
    fs::write(&path, help_desk(&given, KEY).0).unwrap();
    call.finish().code(0);
    assert!(desk.is_pin("271828"));
}

#[test]
fn a_generated_pin_is_made_for_the_response_and_stands_alone_on_standard_output() {
    let desk = Desk::new();
    let call = "pin reset --application gids --by challenge --new-pin generate --response stdin";
    let mut call = Waiting::start(desk.call(call));
    let mut input = call.child.stdin.take().unwrap();
    writeln!(input, "{}", help_desk(&call.challenge(), KEY).0).unwrap();
    let run = call.finish().code(0);
    assert!(desk.is_pin(run.out.trim_end()), "{run:?}");
}

#[test]
fn a_wrong_response_is_exit_4_with_no_tries_told_and_the_pin_unchanged() {
    let desk = Desk::new();
    let wrong = desk.call(&format!("{BY_CHALLENGE} --response env:ANSWER --json")).env("ANSWER", "0123456789ABCDEF");
    let run = wrong.run().code(4);
    assert!(run.err.starts_with("challenge: "), "with --json too: {run:?}");
    let error = error(&run);
    assert_eq!((&error["kind"], &error["role"]), (&json!("wrong-secret"), &json!("challenge")));
    assert_eq!((&error["tries_left"], &error["detail"]), (&json!(null), &json!("SW 6982")));
    assert_eq!(desk.presented().len(), 1, "{:?}", desk.sent());
    assert!(desk.is_pin("123456"));
}

#[test]
fn what_is_no_response_is_exit_6_and_nothing_is_sent_for_it() {
    let desk = Desk::new();
    for (answer, said) in [
        ("0123456789ABCDEF0123456789ABCDEF", "32 digits"),
        ("0123456789ABCDE", "15 digits"),
        ("0123456789ABCDEG", "group 4"),
        ("00110 22331 44555 66779", "group 1"),
        (" 0123456789ABCDEF", "white space"),
    ] {
        let call = desk.call(&format!("{BY_CHALLENGE} --response env:ANSWER")).env("ANSWER", answer);
        let run = call.run().code(6);
        assert!(run.err.contains(said), "{answer}: {run:?}");
        assert!(!run.err.contains(answer), "{run:?}");
        assert_eq!(from_the_challenge(&desk).len(), 1, "{answer}");
    }
}

#[test]
fn a_source_that_gives_one_response_only_ends_with_exit_8_where_the_challenge_was_lost() {
    let desk = Desk::new();
    let mut call = Waiting::start(desk.call(&format!("{BY_CHALLENGE} --response stdin --json")));
    let mut input = call.child.stdin.take().unwrap();
    let given = call.challenge();
    desk.pcscd.reset(0);
    writeln!(input, "{}", help_desk(&given, KEY).0).unwrap();
    let run = call.finish().code(8);
    assert_eq!(run.err.matches("challenge: ").count(), 1, "{run:?}");
    assert_eq!(error(&run)["kind"], "device");
    assert_eq!(desk.presented(), [""; 0]);
    assert!(desk.is_pin("123456"));
}

#[test]
fn a_call_that_could_never_get_its_response_draws_no_challenge() {
    let desk = Desk::new();
    for (more, code) in [
        ("--no-input", 2),
        ("--response env:NOT_SET", 2),
        ("--response 0123456789ABCDEF", 2),
        ("--response generate", 2),
        ("--response pinpad", 7),
        ("--response env:KEY --new-pin env:SHORT", 6),
    ] {
        let call = BY_CHALLENGE.replace(if more.contains("--new-pin") { " --new-pin env:NEW" } else { "\0" }, "");
        let run = desk.run(&format!("{call} {more}")).code(code);
        assert!(!run.err.contains("challenge: "), "{more}: {run:?}");
    }
    let shared = "pin reset --application gids --by challenge --new-pin stdin --response stdin";
    let run = desk.call(shared).stdin("0123456789ABCDEF\n271828\n").run().code(2);
    assert!(run.err.contains("the same source"), "{run:?}");
    assert!(desk.sent().is_empty());
}

#[test]
fn a_signal_while_the_response_is_awaited_ends_the_call_with_130_and_nothing_sent() {
    let desk = Desk::new();
    let call = desk.call(&format!("{BY_CHALLENGE} --response stdin")).command();
    let mut call = Waiting::spawn(
        Command::new(call.get_program())
            .args(call.get_args())
            .env_clear()
            .envs(call.get_envs().filter_map(|(name, value)| Some((name, value?)))),
    );
    call.challenge();
    let process = nix::unistd::Pid::from_raw(call.child.id().try_into().unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).unwrap();
    call.finish().code(130);
    assert_eq!(from_the_challenge(&desk).len(), 1);
    assert!(desk.is_pin("123456"));
}
