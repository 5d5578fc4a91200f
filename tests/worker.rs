//! A module lives in a process of its own: nothing of the tool's gets there but calls, and nothing comes back but answers.

#[path = "worker/beside.rs"]
mod beside;
#[path = "worker/crash.rs"]
mod crash;
#[path = "worker/hang.rs"]
mod hang;
#[path = "worker/killed.rs"]
mod killed;
#[path = "worker/noise.rs"]
mod noise;
#[path = "worker/parallel.rs"]
mod parallel;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{
    Pukka, Run,
    desk::{Desk, NEW, PIN, finish, secret_file, start},
    running::{Running, script, worker},
    softhsm::{Faults, Gate, fault_module},
};

const VERIFY: &str = "pin verify --token desk-7 --pin env:PIN";
const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW";
const RESET: &str = "pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW";
const INIT: &str = "token init --label desk-8 --new-so-pin env:SO --new-pin env:PIN";

/// The module of this desk alone: the processes that have loaded it are found by its name.
fn own_module(desk: &Desk) -> PathBuf {
    let module = desk.path("own.so");
    if !module.exists() {
        fs::copy(fault_module(), &module).unwrap();
    }
    module
}

/// The tool on that module, behind these faults.
fn behind(desk: &Desk, faults: &Faults, words: &str) -> Pukka {
    desk.bare(words).with(|command| {
        command.arg("--module").arg(own_module(desk));
        faults.envs(command);
    })
}

/// The processes that have loaded a module, or are about to.
fn workers_of(module: &Path) -> Vec<u32> {
    let is_worker = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line == format!("pukka\0module-worker\0{}\0", module.display()).into_bytes()
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_worker).collect()
}

/// Waits for something that must come.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A field of `/proc/PID/stat`, counted from 1 as proc(5) does.
fn stat(pid: u32, field: usize) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The second is a name in parentheses, which may hold blanks.
    let rest = line.rsplit_once(") ").unwrap().1;
    rest.split(' ').nth(field - 3).unwrap().to_owned()
}

#[test]
fn the_worker_has_a_session_of_its_own_without_terminal_input_and_core() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let tool = start(behind(&desk, &Faults::new().rule(gate.before("C_SetPIN")), CHANGE));
    gate.wait();
    let worker = worker(tool.id());
    assert_eq!(workers_of(&own_module(&desk)), [worker]);
    let (session, terminal) = (stat(worker, 6), stat(worker, 7));
    assert_eq!((session, terminal), (worker.to_string(), "0".to_owned()));
    assert_ne!(stat(tool.id(), 6), worker.to_string());
    assert_eq!(fs::read_link(format!("/proc/{worker}/fd/0")).unwrap(), Path::new("/dev/null"));
    let limits = fs::read_to_string(format!("/proc/{worker}/limits")).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"], "{limits}");
    gate.open();
    finish(tool).code(0);
    assert_eq!(workers_of(&own_module(&desk)), [0_u32; 0], "it ends before the tool does");
}

/// The names of the variables in a process's environment.
fn environment(pid: u32) -> Vec<String> {
    let environ = String::from_utf8(fs::read(format!("/proc/{pid}/environ")).unwrap()).unwrap();
    environ.split('\0').filter_map(|one| Some(one.split_once('=')?.0.to_owned())).collect()
}

#[test]
fn no_variable_that_a_source_names_is_in_the_workers_environment() {
    for (words, call, named, code) in [
        (CHANGE.to_owned(), "C_SetPIN", ["PIN", "NEW"], 0),
        (RESET.to_owned(), "C_InitPIN", ["SO", "NEW"], 0),
        (INIT.to_owned(), "C_InitToken", ["SO", "PIN"], 0),
        // Named, and never read: the call stops before.
        (format!("{CHANGE} --dry-run"), "C_GetTokenInfo", ["PIN", "NEW"], 0),
        (RESET.replace("desk-7", "nobody"), "C_GetSlotList", ["SO", "NEW"], 3),
    ] {
        let desk = Desk::new();
        let gate = Gate::new(desk.store.dir(), "gate");
        let tool = start(behind(&desk, &Faults::new().rule(gate.before(call)), &words));
        gate.wait();
        let (own, given) = (environment(tool.id()), environment(worker(tool.id())));
        gate.open();
        finish(tool).code(code);
        for name in named {
            assert!(own.iter().any(|variable| variable == name), "{words}: {own:?}");
            assert!(!given.iter().any(|variable| variable == name), "{words}: {given:?}");
        }
        // What a module may need is still there.
        assert!(given.iter().any(|variable| variable == "SOFTHSM2_CONF"), "{given:?}");
    }
}

/// Where the descriptors of a process lead.
fn descriptors(pid: u32) -> Vec<PathBuf> {
    let listed = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    listed.map(|entry| fs::read_link(entry.path()).unwrap()).collect()
}

#[test]
fn no_descriptor_of_the_tool_is_open_in_the_worker() {
    for opened in [r#"3<"$F""#, r#"3< <(cat "$F")"#] {
        let desk = Desk::new();
        // Not in the module's own directory, where it may open what it likes.
        let secrets = secret_file(&desk.at_home("lines"), format!("{PIN}\n{NEW}\n"));
        let gate = Gate::new(desk.store.dir(), "gate");
        let words = "pin change --token desk-7 --pin fd:3 --new-pin fd:3";
        let call = behind(&desk, &Faults::new().rule(gate.before("C_SetPIN")), words);
        let text = format!(r#"exec 9<"$F"; exec "$PUKKA" "$@" {opened}"#);
        let tool = Running::spawn(script(call, &text).env("F", &secrets));
        gate.wait();
        let [worker] = workers_of(&own_module(&desk))[..] else { panic!("no worker") };
        let given = descriptors(worker);
        let own = fs::read_link(format!("/proc/{}/fd/3", tool.id())).unwrap();
        gate.open();
        tool.finish().code(0);
        let may_be = |path: &PathBuf| {
            let text = path.to_str().unwrap();
            let of_module = path.starts_with(desk.store.dir()) || path.starts_with(desk.locks());
            *path == Path::new("/dev/null") || (text.starts_with("pipe:") && *path != own) || of_module
        };
        assert!(given.iter().all(may_be), "{own:?} {given:?}");
        let pipes = given.iter().filter(|path| path.to_str().unwrap().starts_with("pipe:")).count();
        assert_eq!(pipes, 3, "one to the tool, and one from it, which the watch has as well: {given:?}");
    }
}

#[test]
fn a_person_who_types_the_workers_command_is_told_what_it_is_and_nothing_is_loaded() {
    let desk = Desk::new();
    let log = desk.path("log");
    let called = |words: &str| behind(&desk, &Faults::new().log(&log), words);
    let pipe = r#"printf "$INPUT" | "$PUKKA" "$@" | cat >&2; exit "${PIPESTATUS[1]}""#;
    let through =
        |input: &str| Running::spawn(script(called("module-worker /x.so"), pipe).env("INPUT", input)).finish();
    // Nothing, garbage, a length without a frame, and a frame that is no request.
    let piped = ["", "hello\\n", "\\005\\000\\000\\000", "\\002\\000\\000\\000\\177\\177"].map(through);
    for run in [called("module-worker").run(), called("module-worker --json /x.so").run()].into_iter().chain(piped) {
        let run = run.code(2);
        assert!(run.out.is_empty() && run.err.starts_with("error: `module-worker` is not for people"), "{run:?}");
        assert_eq!(run.err.lines().count(), 1, "{run:?}");
    }
    assert!(!log.exists(), "a module was loaded");
}

#[test]
fn a_time_that_no_call_could_keep_is_refused_and_one_that_never_ends_is_taken() {
    let desk = Desk::new();
    let file = desk.at_home("config.toml");
    for bad in ["0", "-1", "1.5", "4294967296", "soon", ""] {
        let run: Run = desk
            .call(&format!("{VERIFY} --json"))
            .with(|command| {
                command.arg(format!("--module-timeout={bad}"));
            })
            .run();
        let error = run.code(2).json()["error"].clone();
        assert!(error["message"].as_str().unwrap().contains("--module-timeout"), "{error}");
        fs::write(&file, format!("module-timeout = {bad}\n")).unwrap();
        let run = desk.run(&format!("{VERIFY} --json --config {}", file.display())).code(2);
        assert!(run.json()["error"]["message"].as_str().unwrap().contains("line 1"), "{run:?}");
    }
    desk.run(&format!("{VERIFY} --module-timeout 4294967295 --wait 4294967295")).code(0);
    fs::write(&file, "module-timeout = 4294967295\n").unwrap();
    desk.run(&format!("{VERIFY} --config {}", file.display())).code(0);
}

#[test]
fn what_the_configuration_says_of_the_time_holds_unless_the_call_says_otherwise() {
    let desk = Desk::new();
    let file = desk.at_home("config.toml");
    fs::write(&file, "module-timeout = 1\n").unwrap();
    let words = format!("{VERIFY} --config {}", file.display());
    let run = behind(&desk, &Faults::new().rule("C_GetSlotList=hang"), &words).run().code(8);
    assert!(run.err.contains("within 1 s"), "{run:?}");
    let slow = Faults::new().rule("C_GetSlotList#1=delay:1500");
    behind(&desk, &slow, &format!("{words} --module-timeout 4294967295")).run().code(0);
}

/// Ends a worker that a test left hanging.
fn end(pid: u32) {
    let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
}
