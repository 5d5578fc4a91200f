//! What is left of a secret in the process itself: nothing in its arguments, and nothing in its memory after use.
//!
//! The fault module answers for the token, so that nobody but the tool ever holds a copy, and stops it at its last call.

mod cards;
mod locked;
mod panic;
mod pinentry;
mod worker;

use std::{fs, path::PathBuf};

use crate::support::{
    Pukka,
    desk::{Desk, secret_file},
    marks::in_memory,
    running::{Running, script},
    softhsm::{Faults, Gate},
    terminal::Terminal,
};

/// Sixty-four characters each, of which no eight in a row stand anywhere by chance.
const OLD: &str = "Tv4gjnYh+Dem97iGm8hrEh4gEftP7urRzpAZnihC~8S!@YQHzHkQ~V&Njr7xVv^7";
const NEW: &str = "fjSVW~@imL*ihR&N3Wc!Xxq~hDNsH44~kx&5Mt9M7X2FvkyvFFb^zKNau7ZSsg@4";
const SO: &str = "454p%5hAiC#wqVgpavnYdjC2vJWY*rq^!%%RkupVK%wcCYudQmKYxXE+UEAG5FB~";
const MARKS: [&str; 3] = [OLD, NEW, SO];

/// A token, and a folder for secrets that is not the home of the tool.
struct Stage {
    desk: Desk,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self::of(|call| call)
    }

    /// One whose tool is called by somebody who is not root: its state is his.
    fn of_a_user() -> Self {
        Self::of(Pukka::by_a_user)
    }

    fn of(called: fn(Pukka) -> Pukka) -> Self {
        let desk = Desk::new();
        // The first to use a token has its module read it anew, which takes a C_Finalize that is not the last.
        called(desk.logged(&["pin", "verify", "--pin", "env:PIN"])).run().code(0);
        Self { desk, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        secret_file(&self.folder.path().join(name), content)
    }

    fn gate(&self, name: &str) -> Gate {
        Gate::new(self.folder.path(), name)
    }
}

/// Starts a call by a shell, whose process becomes the tool. `$F` names the folder of secrets.
fn start(stage: &Stage, arguments: &[&str], faults: Faults, text: &str) -> Running {
    let mut call = script(stage.desk.logged_behind(faults, arguments), text);
    Running::spawn(call.env("F", stage.folder.path()))
}

const CHANGE: [&str; 2] = ["pin", "change"];
/// How a script gives both values to `pin change`.
const SOURCES: [(&str, &str); 5] = [
    ("file", r#"exec "$PUKKA" "$@" --pin "file:$F/lines" --new-pin "file:$F/lines""#),
    ("fd, a file", r#"exec "$PUKKA" "$@" --pin fd:3 --new-pin fd:3 3<"$F/lines""#),
    ("fd, a pipe", r#"exec "$PUKKA" "$@" --pin fd:3 --new-pin fd:3 3< <(cat "$F/lines")"#),
    ("stdin", r#"exec "$PUKKA" "$@" --pin stdin --new-pin stdin <"$F/lines""#),
    (
        "env",
        r#"OLD=$(head -n 1 "$F/lines") NEW=$(tail -n 1 "$F/lines") exec "$PUKKA" "$@" --pin env:OLD --new-pin env:NEW"#,
    ),
];

/// Runs to the last call, C_Finalize, and returns the marks in memory there; then to the end, with this exit code.
#[track_caller]
fn left_at_the_end(stage: &Stage, arguments: &[&str], rules: &str, text: &str, code: i32) -> Vec<&'static str> {
    // The proof of a write has the module read the token anew, and so does each value that is tried to find out which one holds.
    let last = match code {
        0 if !arguments.contains(&"--dry-run") => 2,
        8 if rules.starts_with("C_SetPIN") => 2,
        11 => 3,
        _ => 1,
    };
    left_at_finalize(last, stage, arguments, rules, text, code)
}

/// The same, where that call is the one of this number.
#[track_caller]
fn left_at_finalize(
    last: usize,
    stage: &Stage,
    arguments: &[&str],
    rules: &str,
    text: &str,
    code: i32,
) -> Vec<&'static str> {
    let gate = stage.gate("end");
    // The first answer counts.
    let faults = if rules.is_empty() { Faults::new() } else { Faults::new().rule(rules) };
    let faults = faults.rule("swallow").rule(gate.before(&format!("C_Finalize#{last}")));
    stage.desk.calls();
    let running = start(stage, arguments, faults, text);
    gate.wait();
    let left = in_memory(running.id(), &MARKS);
    gate.open();
    running.finish().code(code);
    was_last(stage, last);
    left
}

/// Asserts that the call which was stopped at was the last one.
#[track_caller]
fn was_last(stage: &Stage, number: usize) {
    let calls = stage.desk.calls();
    assert_eq!(calls.iter().filter(|call| *call == "C_Finalize").count(), number, "that was not the last: {calls:?}");
}

fn lines() -> String {
    format!("{OLD}\n{NEW}\n")
}

#[test]
fn the_search_finds_a_secret_while_it_is_in_use() {
    let stage = Stage::new();
    stage.file("lines", &lines());
    for (source, text) in SOURCES {
        for call in ["C_Login#1", "C_SetPIN"] {
            let gate = stage.gate(&format!("{source} {call}").replace(' ', "-").replace(['#', ','], ""));
            let running = start(&stage, &CHANGE, Faults::new().rule("swallow").rule(gate.before(call)), text);
            gate.wait();
            let left = in_memory(running.id(), &MARKS);
            assert!(left.contains(&OLD) && left.contains(&NEW) && !left.contains(&SO), "{source}, {call}: {left:?}");
            gate.open();
            running.finish().code(0);
        }
    }
}

#[test]
fn nothing_is_left_in_memory_after_a_success() {
    for (source, text) in SOURCES {
        let stage = Stage::new();
        stage.file("lines", &lines());
        assert_eq!(left_at_the_end(&stage, &CHANGE, "", text, 0), Vec::<&str>::new(), "{source}");
    }
}

#[test]
fn nothing_is_left_in_memory_of_lines_that_were_read_and_not_asked_for() {
    for (source, text) in &SOURCES[..3] {
        let stage = Stage::new();
        // Far behind the lines that are used, and looked for before the module can write over what was freed.
        stage.file("lines", &format!("{}{}{SO}\n", lines(), "filler\n".repeat(1_800)));
        let gate = stage.gate("begin");
        let running = start(&stage, &CHANGE, Faults::new().rule("swallow").rule(gate.before("C_Initialize")), text);
        gate.wait();
        let held = in_memory(running.id(), &MARKS);
        gate.open();
        running.finish().code(0);
        assert!(held.contains(&OLD) && held.contains(&NEW), "{source}: these are still to be used: {held:?}");
        assert!(!held.contains(&SO), "{source}: nobody asked for this");
    }
}

#[test]
fn nothing_is_left_in_memory_after_a_failure() {
    for (rules, code) in [
        ("C_Login=CKR_PIN_INCORRECT", 4),
        ("C_Login=CKR_PIN_LOCKED", 5),
        ("C_SetPIN=CKR_PIN_INVALID", 6),
        ("C_SetPIN=CKR_DEVICE_REMOVED", 8),
        ("C_OpenSession=CKR_DEVICE_ERROR", 8),
        ("C_Login#2-=CKR_PIN_INCORRECT", 11),
    ] {
        let stage = Stage::new();
        stage.file("lines", &lines());
        assert_eq!(left_at_the_end(&stage, &CHANGE, rules, SOURCES[0].1, code), Vec::<&str>::new(), "{rules}");
    }
}

#[test]
fn nothing_is_left_in_memory_after_a_refusal_before_anything_was_sent() {
    const CKF_USER_PIN_FINAL_TRY: &str = "token-flags=+0x20000";
    const CKF_USER_PIN_LOCKED: &str = "token-flags=+0x40000";
    for (rules, code) in
        [(CKF_USER_PIN_FINAL_TRY, 6), (CKF_USER_PIN_LOCKED, 5), ("pin-length=100..200", 6), ("pin-length=1..5", 6)]
    {
        let stage = Stage::new();
        stage.file("lines", &lines());
        assert_eq!(left_at_the_end(&stage, &CHANGE, rules, SOURCES[0].1, code), Vec::<&str>::new(), "{rules}");
    }
    let stage = Stage::new();
    stage.file("lines", &format!("{OLD}\n{OLD}\n"));
    assert_eq!(left_at_the_end(&stage, &CHANGE, "", SOURCES[0].1, 6), Vec::<&str>::new(), "the old value again");
    let text = r#"exec "$PUKKA" "$@" <"$F/so""#;
    for (arguments, code) in [
        (&["pin", "unblock", "--so-pin", "stdin"][..], 7),
        (&["pin", "change", "--pin", "stdin", "--via", "pkcs11"], 3),
        (&["pin", "change", "--pin", "stdin", "--no-input"], 2),
        (&["pin", "verify", "--pin", "stdin", "--dry-run"], 0),
    ] {
        let stage = Stage::new();
        stage.file("so", &format!("{SO}\n"));
        if code == 3 {
            // One more, so that none is meant for certain. (One that was named and is not there would be looked for again.)
            stage.desk.store.token("desk-8", "13572468", None);
        }
        assert_eq!(left_at_the_end(&stage, arguments, "", text, code), Vec::<&str>::new(), "{arguments:?}");
    }
}

#[test]
fn nothing_is_left_in_memory_of_an_authority() {
    let stage = Stage::new();
    stage.file("lines", &format!("{SO}\n{NEW}\n"));
    let text = r#"exec "$PUKKA" "$@" <"$F/lines""#;
    for (arguments, rules, code) in [
        (&["pin", "reset", "--so-pin", "stdin", "--new-pin", "stdin"], "", 0),
        (&["so-pin", "change", "--so-pin", "stdin", "--new-so-pin", "stdin"], "", 0),
        (&["pin", "reset", "--so-pin", "stdin", "--new-pin", "stdin"], "C_Login=CKR_PIN_INCORRECT", 4),
        (&["pin", "reset", "--so-pin", "stdin", "--new-pin", "stdin"], "C_InitPIN=CKR_PIN_LEN_RANGE", 6),
    ] {
        let _ = fs::remove_file(stage.folder.path().join("end"));
        let _ = fs::remove_file(stage.folder.path().join("end.reached"));
        assert_eq!(left_at_the_end(&stage, arguments, rules, text, code), Vec::<&str>::new(), "{arguments:?} {rules}");
    }
}

/// Types both values, and returns the marks in memory at `gate`.
fn typed(stage: &Stage, rule: &str, gate: &Gate, new: &[&str]) -> (Vec<&'static str>, i32) {
    let faults = Faults::new().rule("swallow").rule(rule);
    let mut terminal = Terminal::spawn(stage.desk.logged_behind(faults, &CHANGE).command());
    terminal.expect("PIN of desk-7").expect(": ").send(&format!("{OLD}\r"));
    for value in new {
        terminal.expect("ew PIN").expect(": ").send(&format!("{value}\r"));
    }
    gate.wait();
    let left = in_memory(terminal.id(), &MARKS);
    gate.open();
    (left, terminal.wait().0)
}

#[test]
fn nothing_is_left_in_memory_of_what_was_typed() {
    let stage = Stage::new();
    let gate = stage.gate("use");
    let (left, code) = typed(&stage, &gate.before("C_Login#1"), &gate, &[NEW, NEW]);
    assert!(left.contains(&OLD) && left.contains(&NEW), "the search finds nothing: {left:?}");
    assert_eq!(code, 0);
    let gate = stage.gate("refused");
    let twice = [NEW, SO, SO, NEW, NEW, "1"];
    assert_eq!(typed(&stage, &gate.before("C_Finalize"), &gate, &twice), (Vec::new(), 6), "three entries that differ");
    // What was typed is used in a second transaction, for which the module reads the token anew, as for the proof.
    let gate = stage.gate("end");
    stage.desk.calls();
    assert_eq!(typed(&stage, &gate.before("C_Finalize#3"), &gate, &[NEW, NEW]), (Vec::new(), 0));
    was_last(&stage, 3);
}

#[test]
fn no_argument_of_a_running_call_holds_a_secret() {
    let stage = Stage::new();
    stage.file("lines", &lines());
    for (index, (source, text)) in SOURCES.into_iter().enumerate() {
        let gate = stage.gate(&index.to_string());
        let running = start(&stage, &CHANGE, Faults::new().rule("swallow").rule(gate.before("C_SetPIN")), text);
        gate.wait();
        let arguments = fs::read(format!("/proc/{}/cmdline", running.id())).unwrap();
        let arguments = String::from_utf8(arguments).unwrap();
        assert!(arguments.contains("pin\0change"), "this is another process: {arguments:?}");
        assert!(!MARKS.iter().any(|mark| arguments.contains(mark)), "{source}: {arguments:?}");
        gate.open();
        running.finish().code(0);
    }
}
