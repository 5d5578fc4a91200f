//! Two processes and one token: never a silent overwrite.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Child, Command};

use crate::support::{
    Pukka, Run,
    desk::{Desk, LABEL, NEW, OTHER, PIN, SO, WITH_SECRETS, assert_not_called, finish, start},
    detached,
    running::{kill, wait_for_end, worker},
    softhsm::{Faults, Gate, calls},
};

const TO_NEW: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW --no-input --json";
const TO_OTHER: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:OTHER --no-input --json";

/// Starts a call on SoftHSM2 that stops at the gate.
fn held(desk: &Desk, rule: &str, words: &str) -> Child {
    start(desk.faulty(&Faults::new().rule(rule), words))
}

/// The one lock file of a desk that used one token.
fn lock_file(desk: &Desk) -> PathBuf {
    let files: Vec<PathBuf> = std::fs::read_dir(desk.locks()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// Waits until `child` is known to wait for a lock that another holds: it sleeps between two looks at it.
fn wait_for_waiter(log: &std::path::Path, child: &mut Child) {
    // It has read who is there, which is the last thing before the lock, and has not ended.
    let start = std::time::Instant::now();
    while !calls(log).iter().any(|call| call.starts_with("C_GetTokenInfo")) {
        assert!(child.try_wait().unwrap().is_none(), "it did not wait");
        assert!(start.elapsed().as_secs() < 60, "it never came");
        std::thread::yield_now();
    }
}

#[test]
fn of_two_changes_at_once_one_waits_and_then_meets_the_new_pin() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let first = held(&desk, &gate.before("C_SetPIN"), TO_NEW);
    gate.wait();
    let log = desk.path("log");
    let mut second = start(desk.faulty(&Faults::new().log(&log), TO_OTHER));
    wait_for_waiter(&log, &mut second);
    gate.open();
    assert_eq!(finish(first).code(0).json()["outcome"], "changed");
    let second = finish(second).code(4);
    assert_eq!(second.json()["error"]["kind"], "wrong-secret");
    assert!(desk.is_pin(NEW) && !desk.is_pin(OTHER));
}

#[test]
fn who_does_not_want_to_wait_hears_who_holds_the_token_and_sends_nothing() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let first = held(&desk, &gate.before("C_SetPIN"), TO_NEW);
    gate.wait();
    let pid = worker(first.id()).to_string();
    for words in [
        TO_OTHER,
        "pin verify --token desk-7 --pin env:PIN --json",
        "pin reset --token desk-7 --so-pin env:SO --new-pin env:OTHER --json",
        "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2 --json",
    ] {
        let (run, calls) = desk.watched(Faults::new(), &format!("{words} --wait 0"));
        let error = run.code(8).json()["error"].clone();
        assert_eq!(error["kind"], "device", "{words}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("pukka") && message.contains(&pid), "{words}: {message}");
        assert!(error["hint"].as_str().unwrap().contains("--wait"), "{error}");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    let text = desk.run(&format!("{} --wait 0", TO_OTHER.trim_end_matches(" --json"))).code(8);
    assert!(text.err.contains(&pid) && text.err.contains("hint: "), "{text:?}");
    gate.open();
    finish(first).code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn another_token_is_not_held_up_by_the_lock_of_the_first() {
    let desk = Desk::new();
    desk.store.token("desk-8", SO, Some(PIN));
    let gate = Gate::new(desk.store.dir(), "gate");
    let first = held(&desk, &gate.before("C_SetPIN"), TO_NEW);
    gate.wait();
    desk.run("pin change --token desk-8 --pin env:PIN --new-pin env:OTHER --wait 0").code(0);
    gate.open();
    finish(first).code(0);
    assert!(desk.is_pin(NEW) && desk.store.login_ok("desk-8", "user", OTHER));
}

/// A desk, and `words` with the serial of its token in the place of its label: what is found by that is not looked for again.
fn by_serial(words: &str) -> (Desk, String) {
    let desk = Desk::blank();
    let serial = desk.store.token(LABEL, SO, Some(PIN));
    (desk, words.replace(LABEL, &serial))
}

#[test]
fn who_read_the_token_before_another_changed_it_does_not_overwrite_that() {
    // SoftHSM2 checks a PIN against what it read at C_Initialize: without a second look the old PIN would still do.
    for stop in ["C_GetSlotList", "C_GetTokenInfo"] {
        for words in [TO_OTHER, "pin verify --token desk-7 --pin env:PIN --json"] {
            let (desk, words) = by_serial(words);
            let gate = Gate::new(desk.store.dir(), "gate");
            let late = held(&desk, &gate.before(stop), &words);
            gate.wait();
            desk.run(TO_NEW).code(0);
            gate.open();
            let late = finish(late).code(4);
            assert_eq!(late.json()["error"]["kind"], "wrong-secret", "{stop}: {words}");
            assert!(desk.is_pin(NEW) && !desk.is_pin(OTHER), "{stop}: {words}");
        }
    }
}

#[test]
fn who_read_the_token_before_its_so_pin_changed_does_not_reset_by_the_old_one() {
    let (desk, words) = by_serial("pin reset --token desk-7 --so-pin env:SO --new-pin env:OTHER --json");
    let gate = Gate::new(desk.store.dir(), "gate");
    let late = held(&desk, &gate.before("C_GetTokenInfo"), &words);
    gate.wait();
    desk.run("so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2").code(0);
    gate.open();
    assert_eq!(finish(late).code(4).json()["error"]["role"], "so-pin");
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_write_whose_tool_was_killed_ends_under_its_lock_and_is_named_meanwhile() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let mut first = held(&desk, &gate.before("C_SetPIN"), TO_NEW);
    gate.wait();
    let worker = worker(first.id());
    first.kill().unwrap();
    first.wait().unwrap();
    let error = desk.run(&format!("{TO_OTHER} --wait 0")).code(8).json()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains(&format!("process {worker}")), "{error}");
    gate.open();
    // Who waits meets the token as that write left it.
    assert_eq!(desk.run(TO_OTHER).code(4).json()["error"]["kind"], "wrong-secret");
    assert!(desk.is_pin(NEW));
    assert_eq!(std::fs::metadata(lock_file(&desk)).unwrap().len(), 0, "no mark is left");
}

#[test]
fn the_lock_of_a_worker_that_was_killed_holds_nobody_up() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let mut first = held(&desk, &gate.before("C_SetPIN"), TO_NEW);
    gate.wait();
    let worker = worker(first.id());
    first.kill().unwrap();
    first.wait().unwrap();
    kill(worker);
    wait_for_end(worker);
    assert_ne!(std::fs::metadata(lock_file(&desk)).unwrap().len(), 0, "the mark of a write that was cut off");
    // Old as the file is, what is in it says that nobody knows what the token holds now.
    desk.age_locks();
    let (run, calls) = desk.watched(Faults::new(), &format!("{TO_OTHER} --wait 0"));
    run.code(0);
    assert_eq!(
        calls.iter().filter(|call| *call == "C_Initialize").count(),
        3,
        "read anew under the lock, and for the proof: {calls:?}"
    );
    assert_eq!(std::fs::metadata(lock_file(&desk)).unwrap().len(), 0);
    assert!(desk.is_pin(OTHER));
}

#[test]
fn the_lock_stands_in_the_state_directory_for_its_owner_alone() {
    let desk = Desk::new();
    desk.run(TO_NEW).code(0);
    let metadata = std::fs::metadata(lock_file(&desk)).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(desk.locks()).unwrap().mode() & 0o777, 0o700);
    let serial = desk.run("status desk-7 --json").json()["tokens"][0]["serial"].as_str().unwrap().to_owned();
    assert!(lock_file(&desk).display().to_string().contains(&serial), "{:?}", lock_file(&desk));
}

#[test]
fn a_link_where_the_lock_belongs_is_not_followed() {
    let desk = Desk::new();
    desk.run("pin verify --token desk-7 --pin env:PIN").code(0);
    let lock = lock_file(&desk);
    std::fs::remove_file(&lock).unwrap();
    let victim = desk.path("victim");
    std::fs::write(&victim, "precious").unwrap();
    for target in [victim.clone(), desk.path("not-there")] {
        symlink(&target, &lock).unwrap();
        let (run, calls) = desk.watched(Faults::new(), TO_NEW);
        assert_eq!(run.code(8).json()["error"]["kind"], "device");
        assert_not_called(&calls, &WITH_SECRETS);
        assert!(!desk.path("not-there").exists());
        std::fs::remove_file(&lock).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    // Nor is anything else taken for a lock file.
    std::fs::create_dir(&lock).unwrap();
    desk.run(TO_NEW).code(8);
    std::fs::remove_dir(&lock).unwrap();
    let made = Command::new("mkfifo").arg(&lock).status().unwrap();
    assert!(made.success());
    desk.run(TO_NEW).code(8);
    assert!(desk.is_pin(PIN));
}

#[test]
fn another_name_of_a_file_where_the_lock_belongs_does_not_empty_it() {
    let desk = Desk::new();
    desk.run("pin verify --token desk-7 --pin env:PIN").code(0);
    let lock = lock_file(&desk);
    std::fs::remove_file(&lock).unwrap();
    let victim = desk.path("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::fs::hard_link(&victim, &lock).unwrap();
    let (run, calls) = desk.watched(Faults::new(), TO_NEW);
    assert_eq!(run.code(8).json()["error"]["kind"], "device");
    assert_not_called(&calls, &WITH_SECRETS);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    assert!(desk.is_pin(PIN));
}

#[test]
fn where_nothing_says_where_locks_stand_all_can_be_read_and_the_cure_is_named() {
    let desk = Desk::new();
    let nowhere = |words: &str, faults: &Faults| {
        let homeless = |command: &mut Command| {
            for name in ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
                command.env_remove(name);
            }
        };
        desk.faulty(faults, words).with(homeless).run()
    };
    let listed = nowhere("list --json", &Faults::new()).code(0).json();
    assert!(listed["tokens"].as_array().unwrap().iter().any(|token| token["label"] == LABEL), "{listed}");
    nowhere("status desk-7", &Faults::new()).code(0);
    nowhere(&format!("{TO_NEW} --dry-run"), &Faults::new()).code(0);
    for words in [TO_NEW, "pin verify --token desk-7 --pin env:PIN --json"] {
        let log = desk.path("log");
        let error = nowhere(words, &Faults::new().log(&log)).code(8).json()["error"].clone();
        assert!(error["hint"].as_str().unwrap().contains("XDG_STATE_HOME"), "{error}");
        assert!(!calls(&log).iter().any(|call| WITH_SECRETS.iter().any(|name| call.starts_with(name))), "{words}");
    }
    assert!(desk.is_pin(PIN));
}

#[test]
fn where_no_lock_can_be_made_nothing_is_written_but_all_can_be_read() {
    let desk = Desk::new();
    // A file where the directory belongs stops even root.
    let state = desk.home.path().join("state");
    std::fs::write(&state, "").unwrap();
    for words in [TO_NEW, "pin verify --token desk-7 --pin env:PIN --json"] {
        let (run, calls) = desk.watched(Faults::new(), words);
        let error = run.code(8).json()["error"].clone();
        assert!(error["message"].as_str().unwrap().contains(desk.locks().to_str().unwrap()), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("XDG_STATE_HOME"), "{error}");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    assert_eq!(desk.run("status desk-7 --json").code(0).json()["tokens"].as_array().unwrap().len(), 1);
    desk.run("list").code(0);
    desk.run(&format!("{TO_NEW} --dry-run")).code(0);
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_directory_that_another_may_not_write_is_told_the_same_way() {
    let desk = Desk::new();
    desk.run("pin verify --token desk-7 --pin env:PIN").code(0);
    std::fs::remove_file(lock_file(&desk)).unwrap();
    std::fs::set_permissions(desk.locks(), std::fs::Permissions::from_mode(0o500)).unwrap();
    // Root writes everywhere: as root the tool gives up that right and no other.
    let tool = desk.call(TO_NEW).command();
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]);
    command.arg(tool.get_program()).args(tool.get_args()).env_clear();
    command.envs(tool.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = detached(&command).output().unwrap();
    let run = Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    std::fs::set_permissions(desk.locks(), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(run.code(8).json()["error"]["kind"], "device");
    assert!(desk.is_pin(PIN));
}

#[test]
fn status_does_not_wait_long_for_a_writer_and_shows_what_it_can() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let first = held(&desk, &gate.before("C_SetPIN"), TO_NEW);
    gate.wait();
    let json = desk.run("status desk-7 --json --wait 0").code(0).json();
    assert_eq!(json["tokens"][0]["label"], LABEL);
    gate.open();
    finish(first).code(0);
}

#[test]
fn a_module_and_the_proxy_before_it_share_one_lock() {
    let desk = Desk::new();
    let gate = Gate::new(desk.store.dir(), "gate");
    let first = held(&desk, &gate.before("C_SetPIN"), TO_NEW);
    gate.wait();
    for tool in [desk.bare(TO_OTHER), desk.call(TO_OTHER)] {
        let tool: Pukka = tool.with(|command| {
            command.args(["--wait", "0"]);
        });
        let error = tool.run().code(8).json()["error"].clone();
        assert!(error["message"].as_str().unwrap().contains(&worker(first.id()).to_string()), "{error}");
    }
    gate.open();
    finish(first).code(0);
    lock_file(&desk);
}

/// A writer in the middle of its work, as SoftHSM2 leaves the store then: the token's file is not there, the lock is held.
struct Writer {
    lock: nix::fcntl::Flock<std::fs::File>,
    hidden: [PathBuf; 2],
}

impl Writer {
    /// Of the token whose lock is the only one, in a store where its directory is `place`.
    fn begin(desk: &Desk, place: PathBuf) -> Self {
        let file = std::fs::OpenOptions::new().write(true).open(lock_file(desk)).unwrap();
        let lock = nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
        std::io::Write::write_all(&mut &*lock, b"1\n").unwrap();
        let away = desk.path("away");
        std::fs::rename(&place, &away).unwrap();
        Self { lock, hidden: [place, away] }
    }

    fn end(self) {
        std::fs::rename(&self.hidden[1], &self.hidden[0]).unwrap();
        // In this order, as the tool does it: the time is new before the content is gone.
        std::io::Write::write_all(&mut &*self.lock, b"\n").unwrap();
        self.lock.set_len(0).unwrap();
    }
}

/// Where SoftHSM2 keeps the only token of a desk.
fn token_directory(desk: &Desk) -> PathBuf {
    let mut tokens = std::fs::read_dir(desk.path("tokens")).unwrap();
    tokens.next().unwrap().unwrap().path()
}

#[test]
fn a_token_that_is_being_written_is_looked_for_again() {
    for words in ["pin verify --token desk-7 --pin env:PIN", "pin verify --pin env:PIN", "status desk-7"] {
        let desk = Desk::new();
        desk.run("pin verify --pin env:PIN").code(0);
        let writer = Writer::begin(&desk, token_directory(&desk));
        // The first look is over, and shows no token.
        let gate = Gate::new(desk.store.dir(), "gate");
        let reader = held(&desk, &gate.after("C_Finalize"), &format!("{words} --via pkcs11"));
        gate.wait();
        writer.end();
        gate.open();
        finish(reader).code(0);
    }
}

#[test]
fn a_writer_that_the_system_stops_in_the_middle_is_waited_for() {
    let desk = Desk::new();
    desk.run("pin verify --pin env:PIN").code(0);
    let writer = Writer::begin(&desk, token_directory(&desk));
    let log = desk.path("log");
    let words = "pin verify --token desk-7 --pin env:PIN --via pkcs11 --wait 60";
    let mut reader = start(desk.faulty(&Faults::new().log(&log), words));
    // Far more looks than a writer that runs would need.
    while calls(&log).iter().filter(|call| call.starts_with("C_Initialize")).count() < 20 {
        assert!(reader.try_wait().unwrap().is_none(), "it gave up");
        std::thread::yield_now();
    }
    writer.end();
    finish(reader).code(0);
}

#[test]
fn while_one_of_two_tokens_is_being_written_the_other_is_not_the_only_one() {
    let desk = Desk::new();
    desk.run("pin verify --pin env:PIN").code(0);
    let place = token_directory(&desk);
    desk.store.token("desk-8", SO, Some(PIN));
    let writer = Writer::begin(&desk, place);
    let gate = Gate::new(desk.store.dir(), "gate");
    let rival = held(&desk, &gate.after("C_Finalize"), &TO_NEW.replace("--token desk-7", ""));
    gate.wait();
    writer.end();
    gate.open();
    let error = finish(rival).code(3).json()["error"].clone();
    assert_eq!(error["candidates"].as_array().unwrap().len(), 2, "{error}");
    assert!(desk.is_pin(PIN) && desk.store.login_ok("desk-8", "user", PIN));
}

#[test]
fn who_does_not_wait_for_a_writer_takes_no_other_token_for_the_only_one() {
    let desk = Desk::new();
    let place = token_directory(&desk);
    desk.store.token("desk-8", SO, Some(PIN));
    let gate = Gate::new(desk.store.dir(), "gate");
    let first = held(&desk, &gate.before("C_SetPIN"), TO_NEW);
    gate.wait();
    // The one that is being written is there, or is not, as the module has it.
    for is_there in [true, false] {
        if !is_there {
            std::fs::rename(&place, desk.path("away")).unwrap();
        }
        for words in ["pin verify --pin env:WRONG", "pin change --pin env:PIN --new-pin env:OTHER"] {
            let (run, calls) = desk.watched(Faults::new(), &format!("{words} --wait 0 --json"));
            assert!([3, 8].contains(&run.code), "{run:?}");
            assert_not_called(&calls, &WITH_SECRETS);
        }
    }
    std::fs::rename(desk.path("away"), &place).unwrap();
    gate.open();
    finish(first).code(0);
    assert!(desk.is_pin(NEW) && desk.store.login_ok("desk-8", "user", PIN));
}

#[test]
fn a_serial_that_is_there_is_not_looked_for_twice_whoever_writes_another() {
    let desk = Desk::new();
    desk.run("pin verify --pin env:PIN").code(0);
    let place = token_directory(&desk);
    let serial = desk.store.token("desk-8", SO, Some(PIN));
    let writer = Writer::begin(&desk, place);
    let (run, calls) = desk.watched(Faults::new(), &format!("status {serial}"));
    run.code(0);
    assert_eq!(calls.iter().filter(|call| *call == "C_GetFunctionList").count(), 1, "loaded once: {calls:?}");
    writer.end();
}
