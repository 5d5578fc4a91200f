//! A reader beside a writer, with the lock and without: a token that is there is found.

use std::{
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::support::{
    desk::{Desk, LABEL, NEW, PIN},
    softhsm::{fault_module, softhsm_module},
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
