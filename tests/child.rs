//! What a program that the tool starts gets of it: its pipes, the environment without secrets, and signals as it was said.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{Read, Write},
    os::{fd::AsRawFd, unix::process::ExitStatusExt},
    path::Path,
    time::{Duration, Instant},
};

use nix::sys::signal::{SigSet, Signal};
use pukka::child::{Child, Errors, Pipes, Program, Reach};

/// Long enough for a program to end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn shell<'a>(arguments: &'a [&'a OsStr]) -> Program<'a> {
    Program { path: Path::new("/bin/sh"), arguments, withheld: &[], reach: Reach::Signals, errors: Errors::Dropped }
}

/// The arguments with which a shell runs `text`.
fn run(text: &str) -> [&OsStr; 3] {
    ["sh", "-c", text].map(OsStr::new)
}

/// What a program says, and its process id, once it has ended well.
#[track_caller]
fn said(program: &Program<'_>) -> (String, i32) {
    let (mut child, Pipes { to, mut from, .. }) = program.start().unwrap();
    drop(to);
    let mut said = String::new();
    from.read_to_string(&mut said).unwrap();
    assert!(child.end_within(PATIENCE).unwrap().success(), "{said}");
    (said, child.id())
}

#[test]
fn whatever_is_open_here_is_not_open_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    let file = File::create(&path).unwrap();
    // As a script leaves one open: it is inherited by whoever is started otherwise.
    let left = nix::unistd::dup(&file).unwrap();
    assert_eq!(fs::read_link(format!("/proc/self/fd/{}", left.as_raw_fd())).unwrap(), path);
    for errors in [Errors::Dropped, Errors::Piped] {
        let list = run("ls -l /proc/$$/fd; true");
        let (listed, _) = said(&Program { errors, ..shell(&list) });
        let open: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.rsplit_once(" -> ")).collect();
        let numbers: Vec<&str> = open.iter().filter_map(|(line, _)| line.split(' ').next_back()).collect();
        assert_eq!(numbers, ["0", "1", "2"], "{listed}");
        assert_eq!(open[2].1.starts_with("pipe:"), errors == Errors::Piped, "{listed}");
    }
}

#[test]
fn what_is_withheld_is_not_in_its_environment_and_all_else_is() {
    let all: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let withheld = [OsString::from("PATH"), OsString::from("NOT_SET")];
    assert!(all.iter().any(|(name, _)| *name == withheld[0]) && all.len() > 2, "the test cannot fail: {all:?}");
    let show = ["cat", "/proc/self/environ"].map(OsStr::new);
    let (environment, _) = said(&Program { path: Path::new("/bin/cat"), withheld: &withheld, ..shell(&show) });
    let given: Vec<&str> = environment.split_terminator('\0').collect();
    let pairs = all.iter().filter(|(name, _)| *name != withheld[0]);
    let expected: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", name.to_str().unwrap(), value.to_str().unwrap())).collect();
    assert_eq!(given, expected);
}

/// A line of `/proc/PID/status`.
fn status<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t")).unwrap()
}

/// A signal as `/proc/PID/status` counts it.
fn bit(signal: Signal) -> u64 {
    1 << (signal as i32 - 1)
}

#[test]
fn signals_that_are_held_off_here_reach_it_unless_it_is_set_apart() {
    let blocked = SigSet::from_iter([Signal::SIGINT, Signal::SIGTSTP]);
    blocked.thread_block().unwrap();
    let ends = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT].map(bit).iter().sum();
    // Not a shell, which holds signals off by itself.
    let show = ["cat", "/proc/self/status", "/proc/self/stat"].map(OsStr::new);
    for (reach, held) in [(Reach::Signals, 0), (Reach::Apart, ends)] {
        let (text, id) = said(&Program { reach, path: Path::new("/bin/cat"), ..shell(&show) });
        assert_eq!(u64::from_str_radix(status(&text, "SigBlk"), 16).unwrap(), held, "{reach:?}");
        let ignored = u64::from_str_radix(status(&text, "SigIgn"), 16).unwrap();
        assert_eq!(ignored & bit(Signal::SIGPIPE), 0, "Rust ignores it here, and programs do not expect that");
        // Field 6 of `stat`; the second is its name.
        let session: i32 = text.rsplit_once(") ").unwrap().1.split(' ').nth(6 - 3).unwrap().parse().unwrap();
        assert_eq!(session == id, reach == Reach::Apart, "{reach:?}");
    }
    blocked.thread_unblock().unwrap();
}

#[test]
fn its_input_output_and_errors_are_the_pipes() {
    let copy = run("read line; echo \"$line\"; echo \"not $line\" >&2");
    let (mut child, Pipes { mut to, mut from, errors }) =
        Program { errors: Errors::Piped, ..shell(&copy) }.start().unwrap();
    to.write_all(b"this\n").unwrap();
    let [mut out, mut err] = [String::new(), String::new()];
    from.read_to_string(&mut out).unwrap();
    errors.unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((out.as_str(), err.as_str()), ("this\n", "not this\n"));
    assert!(child.end_within(PATIENCE).unwrap().success());
}

#[test]
fn how_a_child_ended_is_told_by_code_or_by_signal_whatever_the_signal_is_and_as_often_as_asked() {
    let ended = |text: &str| {
        let (mut child, _pipes) = shell(&run(text)).start().unwrap();
        let first = child.end_within(PATIENCE).unwrap();
        // It is nobody now, or somebody else.
        child.signal(Signal::SIGKILL);
        assert_eq!(child.end_within(Duration::ZERO), Some(first));
        (first.code(), first.signal())
    };
    assert_eq!(ended("exit 7"), (Some(7), None));
    assert_eq!(ended("kill -KILL $$"), (None, Some(9)));
    assert_eq!(ended("kill -40 $$"), (None, Some(40)), "a real-time signal has no name");
}

#[test]
fn one_that_goes_on_is_waited_for_as_long_as_was_said_and_ends_by_a_signal() {
    let wait = run("read line");
    let (mut child, _pipes): (Child, Pipes) = shell(&wait).start().unwrap();
    let (start, patience) = (Instant::now(), Duration::from_millis(60));
    assert_eq!(child.end_within(patience), None);
    assert!(start.elapsed() >= patience);
    child.signal(Signal::SIGTERM);
    assert_eq!(child.end_within(PATIENCE).unwrap().signal(), Some(Signal::SIGTERM as i32));
}

#[test]
fn a_program_that_is_not_there_is_an_error_and_no_process() {
    let nowhere = Program { path: Path::new("/nowhere/at/all"), ..shell(&[]) };
    assert_eq!(nowhere.start().unwrap_err(), nix::errno::Errno::ENOENT);
}
