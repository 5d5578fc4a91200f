//! Several modules at once: the slowest alone is waited for, and none hides another.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    sync::mpsc,
    time::Duration,
};

use crate::support::{
    desk::{Desk, start},
    running::workers,
    softhsm::{Faults, Gate, fault_module, softhsm_module},
};

use super::{behind, own_module, wait_until, workers_of};

#[test]
fn two_modules_are_asked_at_once() {
    let desk = Desk::new();
    let other = desk.path("other.so");
    std::fs::copy(fault_module(), &other).unwrap();
    let gate = Gate::new(desk.store.dir(), "gate");
    let faults = Faults::new().rule(gate.before("C_Initialize"));
    let call = behind(&desk, &faults, "list --via pkcs11 --trace").with(|command| {
        command.arg("--module").arg(&other);
    });
    let mut tool = call.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (say, said) = mpsc::channel();
    let lines = BufReader::new(tool.stderr.take().unwrap()).lines();
    let reading = std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| say.send(line).unwrap()));
    // Nobody has opened the gate yet.
    let asked = (0..2).all(|_| {
        std::iter::from_fn(|| said.recv_timeout(Duration::from_secs(30)).ok())
            .any(|line| line.contains("> C_Initialize"))
    });
    gate.open();
    assert!(asked, "the second is asked only when the first has answered");
    assert!(tool.wait().unwrap().success());
    reading.join().unwrap();
}

#[test]
fn a_module_that_hangs_does_not_hide_what_another_lists() {
    let desk = Desk::new();
    let call = behind(&desk, &Faults::new().rule("C_GetSlotList=hang"), "list --via pkcs11 --json --module-timeout 1");
    let run = call.with(|command| {
        command.arg("--module").arg(softhsm_module());
    });
    let json = run.run().code(0).json();
    let listed: Vec<_> = json["tokens"].as_array().unwrap().iter().map(|token| token["label"].clone()).collect();
    assert!(listed.contains(&"desk-7".into()), "{json}");
    let problems = json["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{json}");
    let told = problems[0]["message"].as_str().unwrap();
    assert!(told.contains("C_GetSlotList") && told.contains("own.so"), "{json}");
    assert_eq!(workers_of(&own_module(&desk)), [0_u32; 0]);
}

#[test]
fn a_worker_that_crashed_is_no_zombie_while_the_tool_goes_on() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let other = desk.path("other.so");
    std::fs::copy(fault_module(), &other).unwrap();
    let faults = Faults::new().rule(gate.before("C_GetTokenInfo"));
    let call = behind(&desk, &faults, "list --via pkcs11 --json").with(|command| {
        command.arg("--module").arg(&other);
    });
    let tool = start(call);
    wait_until("two workers", || workers(tool.id()).len() == 2);
    gate.wait();
    let [victim] = workers_of(&other)[..] else { panic!("one worker of each module") };
    super::end(victim);
    // It has ended, and the tool has taken note of it, though its own module is still at the gate.
    wait_until("one worker", || workers(tool.id()).len() == 1);
    gate.open();
    let json = crate::support::desk::finish(tool).code(0).json();
    assert!(json["problems"][0]["message"].as_str().unwrap().contains("SIGKILL"), "{json}");
}
