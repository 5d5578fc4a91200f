//! Where a secret lies while it is held: in locked pages, and in a process that no other of its user can look into.

use std::{
    fs,
    io::Write,
    os::unix::{fs::MetadataExt, process::ExitStatusExt},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{CHANGE, MARKS, NEW, OLD, SOURCES, Stage, cards::Stopped, lines, pinentry::PINENTRY, start};
use crate::support::{
    cards::{Card, Pcscd},
    desk::{Desk, secret_file, set_mode},
    home,
    marks::{Mapping, in_memory, mappings},
    pukka,
    running::{Running, script, worker, workers},
    softhsm::Faults,
};

/// What the tool may lock at the most, for one who is not root: as much as systems allow, or nothing.
const LOCKABLE: u64 = 8 << 20;

/// Starts `text` as somebody who is not root, for whom `limit` bytes may be locked.
fn start_by_a_user(stage: &Stage, limit: u64, text: &str, faults: Faults) -> Running {
    let call = stage.desk.logged_behind(faults, &CHANGE).by_a_user();
    let mut limited = Command::new("prlimit");
    limited.arg(format!("--memlock={limit}:{limit}"));
    let mut call = script(call.started_by(limited), text);
    Running::spawn(call.env("F", stage.folder.path()))
}

#[track_caller]
fn is_locked(mapping: &Mapping, source: &str) {
    for (flag, what) in [("lo", "locked"), ("dd", "kept out of core files"), ("dc", "kept from children")] {
        assert!(mapping.flags.iter().any(|own| own == flag), "{source}: not {what}: {mapping:?}");
    }
}

#[test]
fn each_page_of_the_tool_and_the_worker_that_holds_a_secret_is_locked_for_whoever_is_not_root_too() {
    let by_pinentry = r#"PINENTRY="$F/pinentry" exec "$PUKKA" "$@" --pin pinentry --new-pin pinentry"#;
    for (source, text) in SOURCES.into_iter().chain([("pinentry", by_pinentry)]) {
        let stage = Stage::of_a_user();
        // What has no repeated entry is asked for the new value once more.
        let again = if source == "pinentry" { format!("{NEW}\n") } else { String::new() };
        let given = stage.file("lines", &format!("{}{again}", lines()));
        if source == "pinentry" {
            // It is another program of that user, and has no rights but his.
            let program = stage.file("pinentry", PINENTRY);
            for (path, mode) in [(stage.folder.path(), 0o777), (&given, 0o666), (&program, 0o755)] {
                set_mode(path, mode);
            }
        }
        let gate = stage.gate("use");
        let running =
            start_by_a_user(&stage, LOCKABLE, text, Faults::new().rule("swallow").rule(gate.before("C_SetPIN")));
        gate.wait();
        // A shell may have left it a child more.
        let name = |id: &u32| fs::read_to_string(format!("/proc/{id}/comm")).unwrap();
        let worker = workers(running.id()).into_iter().find(|id| name(id) == "pukka-worker\n").unwrap();
        for (process, what) in [(running.id(), "tool"), (worker, "worker")] {
            for mark in [OLD, NEW] {
                let found = mappings(process, mark);
                assert!(!found.is_empty(), "{source}, {what}: the search finds nothing");
                found.iter().for_each(|mapping| is_locked(mapping, source));
            }
        }
        gate.open();
        running.finish().code(0);
    }
}

#[test]
fn no_copy_of_a_variable_is_left_outside_such_pages_when_the_worker_has_been_started() {
    let stage = Stage::new();
    stage.file("lines", &lines());
    let gate = stage.gate("begin");
    let by_variable = SOURCES.iter().find(|(source, _)| *source == "env").unwrap().1;
    // The first call: before what was freed is written over by chance.
    let running = start(&stage, &CHANGE, Faults::new().rule("swallow").rule(gate.before("C_Initialize")), by_variable);
    gate.wait();
    let held = [OLD, NEW].map(|mark| mappings(running.id(), mark));
    gate.open();
    running.finish().code(0);
    for found in held {
        assert!(!found.is_empty(), "the search finds nothing");
        found.iter().for_each(|mapping| is_locked(mapping, "env"));
    }
}

#[test]
fn all_memory_of_the_tool_and_the_worker_is_locked_where_there_is_no_limit() {
    // Not even root may everywhere, as in a container.
    let may_lift =
        Command::new("prlimit").args(["--memlock=unlimited:unlimited", "true"]).output().unwrap().status.success();
    let stage = Stage::new();
    stage.file("lines", &lines());
    let gate = stage.gate("use");
    let faults = Faults::new().rule("swallow").rule(gate.before("C_SetPIN"));
    let running = start(&stage, &CHANGE, faults, SOURCES[0].1);
    gate.wait();
    for process in [running.id(), worker(running.id())] {
        let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let limit = limits.lines().find(|line| line.starts_with("Max locked memory")).unwrap();
        if !may_lift {
            writeln!(
                std::io::stderr(),
                "NOT TRIED, for lack of CAP_SYS_RESOURCE: where there is no limit all is locked"
            )
            .unwrap();
            continue;
        }
        assert!(limit.contains("unlimited"), "it may be lifted here, and is not: {limit}");
        let stack = mappings(process, "").into_iter().find(|mapping| mapping.name == "[stack]").unwrap();
        assert!(stack.flags.iter().any(|flag| flag == "lo"), "{stack:?}");
    }
    gate.open();
    running.finish().code(0);
}

#[test]
fn where_nothing_may_be_locked_all_goes_on_and_whoever_wants_to_know_is_told() {
    let desk = Desk::new();
    let run = |words: &str, limit: u64| {
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--memlock={limit}:{limit}"));
        desk.call(words).by_a_user().started_by(limited).run().code(0)
    };
    let verify = "pin verify --token desk-7 --pin env:PIN --no-input";
    assert!(!run(verify, 0).err.contains("swap"));
    assert!(run(&format!("{verify} -v"), 0).err.contains("note: secrets may be written to swap"));
    assert!(!run(&format!("{verify} -v"), LOCKABLE).err.contains("swap"));
    for (limit, state) in [(0, "warning"), (LOCKABLE, "ok")] {
        let json = run("doctor --via pkcs11 --json", limit).json();
        let memory: Vec<_> = json["checks"].as_array().unwrap().iter().filter(|one| one["check"] == "memory").collect();
        assert_eq!(memory.len(), 1, "{json}");
        assert_eq!((&memory[0]["state"], memory[0]["cure"].is_string()), (&state.into(), limit == 0), "{json}");
    }
}

#[test]
fn as_much_as_doctor_asks_for_is_enough_for_the_most_secrets_that_any_operation_takes() {
    let (pcscd, [_card]) = Pcscd::with([Card::stand_in("piv").dialect("card=yubikey")]);
    let home = home();
    let file =
        |name: &str, value: &str| secret_file(&home.path().join(name), format!("{value}\n")).display().to_string();
    let key = file("key", "010203040506070801020304050607080102030405060708");
    let [pin, new, puk] =
        [("pin", "123456"), ("new", "271828"), ("puk", "46829517")].map(|(name, value)| file(name, value));
    let words = format!(
        "retries set --application piv --admin-key file:{key} --pin file:{pin} --pin-tries 5 --puk-tries 4 \
         --new-pin file:{new} --new-puk file:{puk} -v"
    );
    let run = |limit: u64, dry: &[&str]| {
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--memlock={limit}:{limit}"));
        let words = words.split_whitespace().chain(dry.iter().copied());
        pukka(home.path(), words).envs(pcscd.envs()).by_a_user().started_by(limited).run().code(0)
    };
    // Two pages are not: that is told before.
    assert!(run(8192, &["--dry-run"]).err.contains("may be written to swap"));
    let told = run(64 << 10, &[]).err;
    assert!(!told.contains("did not lock") && !told.contains("swap"), "{told}");
}

/// The tool of somebody without any right of root, which has read a secret from standard input and waits for its end.
struct Holding {
    tool: Child,
    home: tempfile::TempDir,
}

/// One without rights, if root runs the tests.
fn nobody(program: &str) -> Command {
    if !nix::unistd::getuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", program]);
    command
}

impl Holding {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        // A copy that everybody may run: the one that was built may stand where only root can look.
        let program = home.path().join("pukka");
        fs::copy(env!("CARGO_BIN_EXE_pukka"), &program).unwrap();
        let mut command = Command::new("prlimit");
        let own = nobody(program.to_str().unwrap());
        command.arg("--core=unlimited:unlimited").arg(own.get_program()).args(own.get_args());
        command.args(["pin", "verify", "--pin", "stdin", "--via", "pkcs11"]).env_clear().env("PATH", "/usr/bin:/bin");
        command.current_dir(home.path()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut tool = command.spawn().unwrap();
        writeln!(tool.stdin.as_mut().unwrap(), "{OLD}").unwrap();
        let start = Instant::now();
        let is_tool = |id: u32| fs::read_to_string(format!("/proc/{id}/comm")).unwrap() == "pukka\n";
        while !is_tool(tool.id()) || mappings(tool.id(), OLD).is_empty() {
            assert!(tool.try_wait().unwrap().is_none(), "it has ended");
            assert!(start.elapsed() < Duration::from_secs(30), "it reads nothing");
            thread::sleep(Duration::from_millis(10));
        }
        Self { tool, home }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let _ = (self.tool.kill(), self.tool.wait());
    }
}

#[test]
fn a_crash_while_a_secret_is_held_leaves_no_core_file_whatever_the_limit_was() {
    for signal in [nix::sys::signal::Signal::SIGABRT, nix::sys::signal::Signal::SIGSYS] {
        let mut holding = Holding::new();
        let limits = fs::read_to_string(format!("/proc/{}/limits", holding.tool.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(holding.tool.id().try_into().unwrap()), signal).unwrap();
        let status = holding.tool.wait().unwrap();
        assert_eq!(status.signal(), Some(signal as i32), "{status}");
        assert!(!status.core_dumped(), "{status}");
        let left: Vec<_> = fs::read_dir(holding.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["pukka"]);
    }
}

#[test]
fn no_other_process_of_its_user_may_look_into_the_tool_or_trace_it_while_it_holds_a_secret() {
    let holding = Holding::new();
    let read = |process: u32, file: &str| {
        let mut reader = nobody("head");
        reader.args(["-c", "1"]).arg(format!("/proc/{process}/{file}")).stdout(Stdio::null());
        reader.stderr(Stdio::null()).status().unwrap().success()
    };
    // What may be read of any other process of this user.
    let mut other = nobody("sleep").arg("60").spawn().unwrap();
    let start = Instant::now();
    while !read(other.id(), "environ") {
        assert!(start.elapsed() < Duration::from_secs(10), "this user can look into nobody: the test cannot fail");
        thread::sleep(Duration::from_millis(10));
    }
    // To open `mem` takes what PTRACE_ATTACH takes (ptrace(2), PTRACE_MODE_ATTACH), and the others what a mere look does.
    for file in ["environ", "maps", "mem"] {
        assert!(!read(holding.tool.id(), file), "{file}");
    }
    let owner = |process: u32| fs::metadata(format!("/proc/{process}/environ")).unwrap().uid();
    if nix::unistd::getuid().is_root() {
        assert_eq!((owner(other.id()), owner(holding.tool.id())), (65534, 0), "it is dumpable");
    }
    let _ = (other.kill(), other.wait());
}

#[test]
fn the_worker_too_leaves_no_core_file_and_is_closed_to_its_user() {
    let stage = Stage::of_a_user();
    stage.file("lines", &lines());
    let gate = stage.gate("use");
    let running =
        start_by_a_user(&stage, LOCKABLE, SOURCES[0].1, Faults::new().rule("swallow").rule(gate.before("C_SetPIN")));
    gate.wait();
    for process in [running.id(), worker(running.id())] {
        let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
        if nix::unistd::getuid().is_root() {
            assert_eq!(fs::metadata(format!("/proc/{process}/environ")).unwrap().uid(), 0, "it is dumpable");
        }
    }
    gate.open();
    running.finish().code(0);
}

/// A change whose report nobody takes: it is stopped there, when all else is done.
#[track_caller]
fn at_its_report(stage: &Stage, faults: Faults, source: &str) -> Stopped {
    let arguments = [&CHANGE[..], &["--json", "--pin", source, "--new-pin", source]].concat();
    Stopped::start(stage.desk.logged_behind(faults, &arguments))
}

#[test]
fn nothing_is_left_in_memory_after_the_module_has_crashed() {
    for (rule, kind) in [("C_SetPIN=crash", "device"), ("C_SetPIN=after-crash", "device"), ("C_Login=crash", "device")]
    {
        let stage = Stage::new();
        let source = format!("file:{}", stage.file("lines", &lines()).display());
        let stopped = at_its_report(&stage, Faults::new().rule("swallow").rule(rule), &source);
        let left = in_memory(stopped.tool.id(), &MARKS);
        let (code, report) = stopped.finish();
        assert!(code == 8 && report.contains(kind), "{rule}: {report}");
        assert_eq!(left, Vec::<&str>::new(), "{rule}");
    }
}
