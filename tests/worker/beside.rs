//! Two at one token: of two writers one is told; a reader beside a writer, with the lock or without, finds what is there.

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::support::{
    desk::{Desk, LABEL, NEW, OTHER, PIN, finish, start},
    softhsm::{Faults, Gate, fault_module, softhsm_module},
};

const ROUNDS: usize = 200;

/// Reads again and again while `write` is made again and again with the present PIN and the next, and says how often that was done.
fn beside(desk: &Desk, write: impl Fn(&str, &str) + Sync) -> usize {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) || written % 2 == 1 {
                let pins = if written % 2 == 0 { [("PIN", PIN), ("NEW", NEW)] } else { [("NEW", NEW), ("PIN", PIN)] };
                write(pins[0].0, pins[1].0);
                written += 1;
            }
            written
        });
        let runs = (0..ROUNDS).map(|round| (round, desk.run("status desk-7 --via pkcs11 --json")));
        let wrong: Vec<_> =
            runs.filter(|(_, run)| run.code != 0 || run.json()["tokens"][0]["label"] != LABEL).collect();
        done.store(true, Ordering::Relaxed);
        let written = writer.join().unwrap();
        assert!(wrong.is_empty(), "{} of {ROUNDS}: {:?}", wrong.len(), wrong.first());
        written
    })
}

#[test]
fn a_reader_beside_a_writer_finds_the_token_every_time() {
    let desk = Desk::new();
    let written = beside(&desk, |from, to| {
        desk.run(&format!("pin change --token desk-7 --pin env:{from} --new-pin env:{to}")).code(0);
    });
    assert!(written > ROUNDS / 10, "there was hardly a writer: {written}");
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_reader_beside_a_program_that_knows_no_lock_finds_the_token_every_time() {
    let desk = Desk::new();
    let value = |name: &str| if name == "PIN" { PIN } else { NEW };
    let written = beside(&desk, |from, to| {
        let mut floor = Command::new(fault_module().with_file_name("floor"));
        floor.arg(softhsm_module()).args([LABEL, value(from), value(to)]);
        desk.store.envs(&mut floor);
        let output = floor.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    });
    assert!(written > ROUNDS / 2, "there was hardly a writer: {written}");
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_named_token_that_is_not_listed_is_looked_for_again_and_then_believed_absent() {
    let desk = Desk::new();
    let place = fs::read_dir(desk.path("tokens")).unwrap().next().unwrap().unwrap().path();
    let away = desk.path("away");
    fs::rename(&place, &away).unwrap();
    let words = "pin verify --token desk-7 --pin env:PIN --via pkcs11";
    let (run, calls) = desk.watched(Faults::new(), words);
    run.code(3);
    let looks = calls.iter().filter(|call| *call == "C_GetFunctionList").count();
    assert_eq!(looks, 6, "{calls:?}");
    // It comes back between two looks, and nobody holds its lock.
    let gate = Gate::new(desk.store.dir(), "gate");
    let reader = start(desk.faulty(&Faults::new().rule(gate.after("C_Finalize")), words));
    gate.wait();
    fs::rename(&away, &place).unwrap();
    gate.open();
    finish(reader).code(0);
    // What nobody named is listed once.
    let (run, calls) = desk.watched(Faults::new(), "list --via pkcs11");
    run.code(0);
    assert_eq!(calls.iter().filter(|call| *call == "C_GetFunctionList").count(), 1, "{calls:?}");
}

#[test]
fn a_read_that_fails_for_a_moment_is_made_again_and_a_call_with_a_secret_never() {
    for answer in ["CKR_GENERAL_ERROR", "CKR_TOKEN_NOT_PRESENT"] {
        let desk = Desk::new();
        let verify = "pin verify --token desk-7 --pin env:PIN --via pkcs11";
        for call in ["C_GetSlotList", "C_GetTokenInfo", "C_OpenSession"] {
            // Each of the first two readings fails, one after the other.
            let rules = format!("{call}#1={answer};{call}#2={answer};{call}#4={answer}");
            desk.faulty(&Faults::new().rule(rules), verify).run().code(0);
        }
        // What lasts is believed, after a moment.
        let (run, calls) = desk.watched(Faults::new().rule(format!("C_OpenSession={answer}")), verify);
        run.code(8);
        assert_eq!(calls.iter().filter(|call| *call == "C_OpenSession").count(), 6, "{calls:?}");
        let change = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW --via pkcs11";
        for (call, words) in [("C_Login", verify), ("C_SetPIN", change)] {
            let (run, calls) = desk.watched(Faults::new().rule(format!("{call}#1={answer}")), words);
            run.code(8);
            assert_eq!(calls.iter().filter(|one| *one == call).count(), 1, "{call}: {calls:?}");
        }
        assert!(desk.is_pin(PIN));
    }
}

/// Runs a race again and again, and returns how often each of two won.
fn race(desk: &Desk, rounds: usize) -> [usize; 2] {
    let values = [("PIN", PIN), ("NEW", NEW), ("OTHER", OTHER)];
    let (mut current, mut wins) = (0, [0, 0]);
    for round in 0..rounds {
        let rivals = [1, 2].map(|step| (current + step) % 3);
        let children = rivals.map(|rival| {
            let words = format!(
                "pin change --pin env:{} --new-pin env:{} --no-input --token desk-7",
                values[current].0, values[rival].0
            );
            start(desk.call(&words))
        });
        let runs = children.map(finish);
        // That the winner's value holds, the next round shows: it is the only one to start from.
        let winner = match [runs[0].code, runs[1].code] {
            [0, 4] => 0,
            [4, 0] => 1,
            _ => panic!("round {round}: {runs:?}"),
        };
        wins[winner] += 1;
        current = rivals[winner];
    }
    assert!(desk.is_pin(values[current].1), "who was told last that it changed did not win");
    wins
}

#[test]
fn of_two_changes_at_once_one_succeeds_and_one_is_told_every_time() {
    let wins: Vec<_> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..2).map(|_| scope.spawn(|| race(&Desk::new(), ROUNDS / 2))).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    });
    let won = |rival: usize| wins.iter().map(|wins| wins[rival]).sum::<usize>();
    assert!(won(0) > 0 && won(1) > 0, "it was no race: {wins:?}");
}
