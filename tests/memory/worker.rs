//! What is left of a secret in the process that makes the calls: nothing once they are made.

use super::{CHANGE, MARKS, NEW, OLD, SO, SOURCES, Stage, lines, start};
use crate::support::{
    marks::in_memory,
    running::worker,
    softhsm::{Faults, Gate},
};

/// Runs to a gate, and returns the marks in memory there of the tool and of its worker; then to the end, with this exit code.
#[track_caller]
fn left_at(
    gate: &Gate,
    stop: &str,
    stage: &Stage,
    arguments: &[&str],
    rules: &str,
    code: i32,
) -> [Vec<&'static str>; 2] {
    let faults = if rules.is_empty() { Faults::new() } else { Faults::new().rule(rules) };
    let running = start(stage, arguments, faults.rule("swallow").rule(stop), SOURCES[0].1);
    gate.wait();
    let left = [running.id(), worker(running.id())].map(|process| in_memory(process, &MARKS));
    gate.open();
    running.finish().code(code);
    left
}

#[test]
fn the_search_finds_a_secret_while_its_call_runs() {
    for (index, call) in ["C_Login#1", "C_SetPIN", "C_Login#2"].into_iter().enumerate() {
        for after in [false, true] {
            let stage = Stage::new();
            stage.file("lines", &lines());
            let gate = stage.gate("use");
            let stop = if after { gate.after(call) } else { gate.before(call) };
            let [_, in_worker] = left_at(&gate, &stop, &stage, &CHANGE, "", 0);
            assert_eq!(
                in_worker,
                [&[OLD][..], &[OLD, NEW], &[NEW]][index],
                "{call}: its own, and none of another call"
            );
        }
    }
}

#[test]
fn nothing_is_left_in_the_workers_memory_after_its_call() {
    let nothing = Vec::<&str>::new();
    for (call, rules, code) in [
        ("C_CloseSession#1", "", 0),
        ("C_Finalize#1", "", 0),
        ("C_Initialize#2", "", 0),
        ("C_OpenSession#2", "", 0),
        ("C_CloseSession#2", "", 0),
        ("C_Finalize#2", "", 0),
        ("C_CloseSession#1", "C_Login=CKR_PIN_INCORRECT", 4),
        ("C_CloseSession#1", "C_SetPIN=CKR_PIN_LEN_RANGE", 6),
    ] {
        let stage = Stage::new();
        stage.file("lines", &lines());
        let gate = stage.gate("after");
        let [_, in_worker] = left_at(&gate, &gate.before(call), &stage, &CHANGE, rules, code);
        assert_eq!(in_worker, nothing, "{call} {rules}");
    }
}

#[test]
fn nothing_is_left_in_the_workers_memory_of_an_authority() {
    for (arguments, code) in [
        (["pin", "reset", "--so-pin", "file:SECRETS", "--new-pin", "file:SECRETS"], 0),
        (["so-pin", "change", "--so-pin", "file:SECRETS", "--new-so-pin", "file:SECRETS"], 0),
    ] {
        let stage = Stage::new();
        let file = stage.file("secrets", &format!("{SO}\n{NEW}\n"));
        let source = format!("file:{}", file.display());
        let arguments = arguments.map(|word| if word == "file:SECRETS" { source.as_str() } else { word });
        for (name, stop, left) in [("use", "C_Login:SO#1", &[SO][..]), ("after", "C_CloseSession#1", &[])] {
            let gate = stage.gate(name);
            let faults = Faults::new().rule("swallow").rule(gate.before(stop));
            let running = start(&stage, &arguments, faults, r#"exec "$PUKKA" "$@""#);
            gate.wait();
            let in_worker = in_memory(worker(running.id()), &MARKS);
            gate.open();
            running.finish().code(code);
            assert_eq!(in_worker, left, "{arguments:?} {stop}");
        }
    }
}
