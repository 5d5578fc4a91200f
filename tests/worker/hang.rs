//! A hang in each call: what reads is cut off; what may write never is, and keeps the token's lock till it has ended.

use std::thread;

use crate::support::{
    Run,
    desk::{Desk, LABEL, NEW, PIN, SO, finish, start},
    running::is_there,
    softhsm::{Faults, Gate},
    terminal::Terminal,
};

use super::{CHANGE, RESET, VERIFY, behind, end, own_module, wait_until, workers_of};

/// Does `work` for each of `cases` at once: they wait, and need no processor for that.
fn at_once<T: Sync>(cases: &[T], work: impl Fn(&T) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| work(case));
        }
    });
}

fn hung(desk: &Desk, rule: &str, words: &str) -> Run {
    let run = behind(desk, &Faults::new().rule(rule), &format!("{words} --json --module-timeout 1")).run();
    assert_eq!(workers_of(&own_module(desk)), [0_u32; 0], "{rule}: {words}: it was not cut off");
    run
}

#[test]
fn a_read_that_hangs_is_cut_off_and_the_option_that_waits_longer_is_named() {
    let reads = ["C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession"];
    let cases: Vec<_> = reads.iter().flat_map(|call| [VERIFY, CHANGE].map(|words| (*call, words))).collect();
    at_once(&cases, |(call, words)| {
        let desk = Desk::new();
        let error = hung(&desk, &format!("{call}=hang"), words).code(8).json()["error"].clone();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("own.so") && message.contains(call), "{error}");
        assert!(message.contains("within 1 s (--module-timeout)"), "{error}");
        assert!(desk.is_pin(PIN));
        desk.run(&format!("{VERIFY} --wait 0")).code(0);
    });
}

#[test]
fn the_limit_is_that_of_each_call_however_many_tokens_a_module_has() {
    let desk = Desk::new();
    ["b", "c"].into_iter().for_each(|label| drop(desk.store.token(label, SO, Some(PIN))));
    let slow = Faults::new().rule("C_GetTokenInfo=delay:350");
    let listed = behind(&desk, &slow, "list --via pkcs11 --json --module-timeout 1").run().code(0).json();
    let tokens = listed["tokens"].as_array().unwrap().len();
    assert_eq!(tokens, 4, "three live ones and a blank one, which take 1.4 s together: {listed}");
}

#[test]
fn an_end_that_hangs_is_cut_off_and_what_was_proved_stands() {
    let ends = ["C_CloseSession", "C_Finalize"];
    let cases: Vec<_> = ends.iter().flat_map(|call| [VERIFY, CHANGE].map(|words| (*call, words))).collect();
    at_once(&cases, |(call, words)| {
        let desk = Desk::new();
        desk.run(VERIFY).code(0);
        desk.age_locks();
        let run = hung(&desk, &format!("{call}=hang"), words);
        match (*words, run.code) {
            (VERIFY, code) => assert_eq!(code, 0, "{run:?}"),
            (_, 0) => assert!(desk.is_pin(NEW) && run.json()["confirmed"] == true, "{run:?}"),
            (_, code) => assert!(code == 11 && run.json()["error"].to_string().contains(call), "{run:?}"),
        }
    });
}

/// What hangs: a call, the words that make it, and those that find out afterwards that it came through.
const WRITES: [(&str, &str, &str); 4] = [
    ("C_Login", VERIFY, VERIFY),
    ("C_SetPIN", CHANGE, "pin verify --token desk-7 --pin env:NEW"),
    ("C_InitPIN", RESET, "pin verify --token desk-7 --pin env:NEW"),
    ("C_InitToken", ANEW, "pin set --token desk-7 --so-pin env:SO --new-pin env:PIN"),
];

const ANEW: &str = "token init --token desk-7 --so-pin env:SO --destroy SERIAL";

#[test]
fn a_write_that_hangs_is_left_to_its_worker_which_is_named_and_keeps_the_lock() {
    at_once(&WRITES, |(call, words, afterwards)| {
        let desk = Desk::blank();
        let serial = desk.store.token(LABEL, SO, Some(PIN));
        let words = words.replace("SERIAL", &serial);
        let gate = Gate::new(desk.store.dir(), "gate");
        let rule = gate.before(&format!("{call}#1"));
        let run = behind(&desk, &Faults::new().rule(rule), &format!("{words} --json --module-timeout 1")).run();
        let error = run.code(8).json()["error"].clone();
        let message = error["message"].as_str().unwrap();
        let [worker] = workers_of(&own_module(&desk))[..] else { panic!("no worker is left: {error}") };
        assert!(message.contains(call) && message.contains(&format!("process {worker}")), "{error}");
        // Whoever comes meanwhile is told the same name, and sends nothing.
        let refused = behind(&desk, &Faults::new(), &format!("{words} --json --wait 0")).run().code(8);
        let said = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(said.contains(&format!("process {worker}")), "{call}: {said}");
        assert!(is_there(worker), "{call}");
        gate.open();
        wait_until("the worker's end", || workers_of(&own_module(&desk)).is_empty());
        for lock in std::fs::read_dir(desk.locks()).unwrap() {
            let lock = lock.unwrap();
            assert_eq!(lock.metadata().unwrap().len(), 0, "{call}: a mark is left in {lock:?}");
        }
        behind(&desk, &Faults::new(), &format!("{afterwards} --wait 0")).run().code(0);
    });
}

#[test]
fn a_write_whose_tool_was_killed_long_ago_ends_in_order() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let log = desk.path("log");
    // Its end takes its time too.
    let faults = Faults::new().rule(gate.before("C_SetPIN")).rule("C_Finalize=delay:300").log(&log);
    let mut tool = start(behind(&desk, &faults, CHANGE));
    gate.wait();
    tool.kill().unwrap();
    tool.wait().unwrap();
    // Longer than a worker may take that does not write.
    thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(workers_of(&own_module(&desk)).len(), 1);
    gate.open();
    wait_until("the worker's end", || workers_of(&own_module(&desk)).is_empty());
    let calls = crate::support::softhsm::calls(&log);
    assert_eq!(calls.last().map(String::as_str), Some("C_Finalize = 0x0"), "it ends its module: {calls:?}");
    for lock in std::fs::read_dir(desk.locks()).unwrap() {
        assert_eq!(lock.unwrap().metadata().unwrap().len(), 0, "a mark is left");
    }
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_worker_whose_tool_was_killed_in_a_read_does_not_stay() {
    for call in ["C_Initialize", "C_GetTokenInfo", "C_Finalize"] {
        let desk = Desk::new();
        // The gate stays shut.
        let gate = Gate::new(desk.store.dir(), "gate");
        let mut tool = start(behind(&desk, &Faults::new().rule(gate.before(call)), VERIFY));
        gate.wait();
        tool.kill().unwrap();
        tool.wait().unwrap();
        wait_until("the worker's end", || workers_of(&own_module(&desk)).is_empty());
        desk.run(&format!("{VERIFY} --wait 0")).code(0);
    }
}

#[test]
fn a_write_that_never_comes_back_is_never_cut_off() {
    let desk = Desk::new();
    let faults = Faults::new().rule("C_SetPIN=hang");
    behind(&desk, &faults, &format!("{CHANGE} --module-timeout 1")).run().code(8);
    let [worker] = workers_of(&own_module(&desk))[..] else { panic!("no worker is left") };
    // More than it would be given if it did not write.
    thread::sleep(std::time::Duration::from_millis(2500));
    assert!(is_there(worker));
    desk.run(&format!("{VERIFY} --wait 0")).code(8);
    end(worker);
    wait_until("the worker's end", || workers_of(&own_module(&desk)).is_empty());
    desk.run(&format!("{VERIFY} --wait 0")).code(0);
}

#[test]
fn somebody_who_types_at_the_token_has_all_the_time_it_takes() {
    let desk = Desk::new();
    let faults = Faults::new().rule("pad").rule("C_Login=delay:1500").pad_user(PIN, NEW);
    let words = "pin verify --token desk-7 --pin pinpad --module-timeout 1";
    let (code, shown) = Terminal::spawn(behind(&desk, &faults, words).command()).wait();
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn a_wait_for_a_lock_is_none_for_the_module() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let first = start(behind(&desk, &Faults::new().rule(gate.before("C_SetPIN")), CHANGE));
    gate.wait();
    let run = desk.run(&format!("{VERIFY} --module-timeout 1 --wait 2 --json")).code(8);
    assert!(run.json()["error"]["message"].as_str().unwrap().contains("in use by"), "{run:?}");
    gate.open();
    finish(first).code(0);
}
