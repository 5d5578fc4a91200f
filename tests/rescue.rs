//! A token whose file a crash destroys while it is written: a copy is there in time, and puts the token back.

mod left;
mod refused;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Child,
};

use serde_json::json;

use crate::support::{
    Run,
    desk::{Desk, LABEL, NEW, OTHER, PIN, SO, finish, start},
    running::{wait_for_end, worker},
    softhsm::{Faults, Gate},
};

pub const CHANGE: &str = "pin change --token desk-7 --pin env:PIN --new-pin env:NEW --no-input --json";
const WRONG: &str = "pin verify --token desk-7 --pin env:WRONG --no-input --json";

/// A desk with one token, its serial, and the file that SoftHSM2 keeps it in.
pub struct Rescue {
    pub desk: Desk,
    pub serial: String,
    file: PathBuf,
}

impl Rescue {
    pub fn new() -> Self {
        let desk = Desk::blank();
        let serial = desk.store.token(LABEL, SO, Some(PIN));
        let file = file_of(&desk, &serial);
        Self { desk, serial, file }
    }

    fn copies(&self) -> PathBuf {
        self.desk.home.path().join("state/pukka/pre-images")
    }

    /// The copies that are kept.
    fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.copies()).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// The one copy.
    #[track_caller]
    fn copy(&self) -> PathBuf {
        let kept = self.kept();
        assert_eq!(kept.len(), 1, "{kept:?}");
        kept[0].clone()
    }

    /// A write that stops at the gate, where the copy is there already.
    fn held(&self, rule: &str, words: &str, gate: &Gate) -> Child {
        let child = start(self.desk.faulty(&Faults::new().rule(rule), words));
        gate.wait();
        child
    }

    /// A write that is killed, with the token's file as `damage` leaves it: SoftHSM2 empties it before it writes.
    pub fn killed(&self, words: &str, damage: &dyn Fn(&Path)) {
        let gate = Gate::new(self.desk.store.dir(), "crash");
        let child = self.held(&gate.before("C_Login"), words, &gate);
        self.kill(child, "crash");
        damage(&self.file);
    }

    /// Kills the tool, and whatever process is in the module at that gate, as the end of the machine does.
    fn kill(&self, mut child: Child, gate: &str) {
        let worker = worker(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(self.desk.path(&format!("{gate}.reached"))).unwrap();
        wait_for_end(worker);
    }

    pub fn restore(&self, words: &str) -> Run {
        self.desk.run(&format!("token restore {words}"))
    }
}

fn file_of(desk: &Desk, serial: &str) -> PathBuf {
    let ends = format!("-{}-{}", &serial[..4], &serial[4..]);
    let tokens = fs::read_dir(desk.path("tokens")).unwrap().map(|entry| entry.unwrap().path());
    let mut ours = tokens.filter(|path| path.to_str().unwrap().ends_with(&ends));
    ours.next().expect("a directory named by the serial").join("token.object")
}

pub fn empty(file: &Path) {
    fs::File::create(file).unwrap();
}

/// What a copy holds behind its first line.
fn content(copy: &Path) -> Vec<u8> {
    let bytes = fs::read(copy).unwrap();
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    bytes[end + 1..].to_vec()
}

#[test]
fn a_copy_is_there_before_a_secret_is_presented_and_gone_when_that_is_over() {
    let all = [
        (CHANGE, "C_Login", 0),
        (WRONG, "C_Login", 4),
        ("pin reset --token desk-7 --so-pin env:SO --new-pin env:OTHER --no-input --json", "C_InitPIN", 0),
        ("so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2 --no-input --json", "C_SetPIN", 0),
    ];
    for (words, call, code) in all {
        let rescue = Rescue::new();
        let before = fs::read(&rescue.file).unwrap();
        let gate = Gate::new(rescue.desk.store.dir(), "gate");
        let child = rescue.held(&gate.before(call), words, &gate);
        let copy = rescue.copy();
        assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o600, "{words}");
        assert_eq!(fs::metadata(rescue.copies()).unwrap().mode() & 0o777, 0o700, "{words}");
        // Of what C_Login itself writes the copy holds nothing yet.
        assert_eq!(content(&copy), before, "{words}");
        gate.open();
        finish(child).code(code);
        assert_eq!(rescue.kept(), Vec::<PathBuf>::new(), "{words}");
    }
}

#[test]
fn a_live_token_that_begins_anew_is_copied_too_and_a_blank_one_has_nothing_to_lose() {
    let rescue = Rescue::new();
    let gate = Gate::new(rescue.desk.store.dir(), "gate");
    let words =
        format!("token init --token desk-7 --destroy {} --so-pin env:SO --new-pin env:NEW --no-input", rescue.serial);
    let child = rescue.held(&gate.before("C_InitToken"), &words, &gate);
    assert_eq!(content(&rescue.copy()), fs::read(&rescue.file).unwrap());
    gate.open();
    finish(child).code(0);
    assert!(rescue.kept().is_empty() && rescue.desk.is_pin(NEW));
    rescue.desk.run("token init --label desk-8 --new-so-pin env:SO --no-input").code(0);
    assert!(rescue.kept().is_empty());
}

#[test]
fn what_only_looks_makes_no_copy() {
    let rescue = Rescue::new();
    for words in ["status desk-7", "list", &format!("{CHANGE} --dry-run")] {
        rescue.desk.run(words).code(0);
        assert!(!rescue.copies().exists(), "{words}");
    }
}

#[test]
fn a_token_that_was_lost_by_a_kill_is_put_back_with_the_old_pin() {
    for words in [CHANGE, WRONG] {
        let rescue = Rescue::new();
        let whole = fs::read(&rescue.file).unwrap();
        rescue.killed(words, &empty);
        // It is gone, for other programs too, and each command says what brings it back.
        for words in ["status desk-7", CHANGE, &CHANGE.replace("--token desk-7 ", ""), WRONG] {
            let json = rescue.desk.run(&format!("{} --json", words.trim_end_matches(" --json"))).json();
            let hint = json["error"]["hint"].as_str().unwrap();
            assert!(hint.starts_with(&format!("pukka token restore {} --module ", rescue.serial)), "{words}: {json}");
        }
        let examined = |state: &str| {
            let checks = rescue.desk.run("doctor --via pkcs11 --json").code(0).json()["checks"].clone();
            let is = |check: &&serde_json::Value| check["check"] == "pre-image" && check["state"] == state;
            checks.as_array().unwrap().iter().find(is).cloned()
        };
        let lost = examined("problem").expect("the doctor finds the copy");
        assert_eq!(lost["cure"], format!("put it back with `pukka token restore '{}'`", rescue.serial));
        assert_eq!(lost["serial"], rescue.serial);
        let json = rescue.restore(&format!("{} --json", rescue.serial)).code(0).json();
        assert_eq!(examined("problem"), None);
        assert_eq!((&json["schema"], &json["command"]), (&json!(1), &json!("token restore")));
        assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("restored"), &json!(true)), "{json}");
        assert_eq!((&json["token"]["serial"], &json["token"]["label"]), (&json!(rescue.serial), &json!(LABEL)));
        assert_eq!(json["files"], json!([fs::canonicalize(&rescue.file).unwrap()]));
        assert_eq!(fs::read(&rescue.file).unwrap(), whole);
        assert!(rescue.kept().is_empty());
        assert!(rescue.desk.is_pin(PIN) && rescue.desk.is_so_pin(SO));
        rescue.desk.run(CHANGE).code(0);
    }
}

#[test]
fn the_file_comes_back_with_its_owner_and_mode_and_by_its_label_or_alone_too() {
    for words in ["", LABEL] {
        let rescue = Rescue::new();
        fs::set_permissions(&rescue.file, fs::Permissions::from_mode(0o640)).unwrap();
        // As root the tests can also give it to another.
        let other = std::os::unix::fs::chown(&rescue.file, Some(65534), Some(65534)).is_ok();
        rescue.killed(CHANGE, &|file| fs::remove_file(file).unwrap());
        let run = rescue.restore(words).code(0);
        assert!(run.out.is_empty() && run.err.contains("desk-7 is back as it was at 2"), "{run:?}");
        let metadata = fs::metadata(&rescue.file).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o640);
        assert_eq!((metadata.uid(), metadata.gid()) == (65534, 65534), other);
        assert!(rescue.desk.is_pin(PIN));
        let left = fs::read_dir(rescue.file.parent().unwrap()).unwrap();
        let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| !name.to_str().unwrap().contains("pukka")), "{names:?}");
    }
}

#[test]
fn whatever_a_crash_leaves_in_the_file_is_known_for_damage() {
    let whole = |file: &Path| fs::read(file).unwrap();
    let damages: [&dyn Fn(&Path); 4] = [
        &empty,
        &|file| fs::write(file, &whole(file)[..100]).unwrap(),
        &|file| fs::write(file, vec![0; whole(file).len()]).unwrap(),
        &|file| fs::remove_file(file).unwrap(),
    ];
    for (index, damage) in damages.into_iter().enumerate() {
        let rescue = Rescue::new();
        rescue.killed(CHANGE, damage);
        // Nothing had to be confirmed.
        rescue.restore(&rescue.serial).code(0);
        assert!(rescue.desk.is_pin(PIN), "damage {index}");
    }
}

#[test]
fn of_two_tokens_that_were_lost_each_comes_back_by_its_name() {
    let rescue = Rescue::new();
    let serial = rescue.desk.store.token("desk-8", SO, Some(PIN));
    let second = Rescue { file: file_of(&rescue.desk, &serial), serial, desk: rescue.desk };
    let first = file_of(&second.desk, &rescue.serial);
    let damage = |_: &Path| [&first, &second.file].into_iter().for_each(|file| empty(file));
    let gate = Gate::new(second.desk.store.dir(), "two");
    let one = second.held(&gate.before("C_Login"), CHANGE, &gate);
    let other = CHANGE.replace(LABEL, "desk-8");
    let again = Gate::new(second.desk.store.dir(), "other");
    let another = second.held(&again.before("C_Login"), &other, &again);
    second.kill(one, "two");
    second.kill(another, "other");
    damage(&second.file);
    let json = second.restore("--json").code(3).json();
    assert_eq!(json["error"]["kind"], "ambiguous-token");
    assert_eq!(json["error"]["candidates"].as_array().unwrap().len(), 2, "{json}");
    second.restore("desk-8").code(0);
    assert!(second.desk.store.login_ok("desk-8", "user", PIN));
    assert_eq!(fs::read(&first).unwrap(), b"");
    second.restore(&rescue.serial).code(0);
    assert!(second.desk.is_pin(PIN));
}

#[test]
fn a_write_that_ended_well_replaces_a_copy_that_a_kill_left_beside_a_whole_token() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &|_| {});
    let old = fs::read(rescue.copy()).unwrap();
    rescue.desk.run(CHANGE).code(0);
    assert!(rescue.kept().is_empty() && rescue.desk.is_pin(NEW));
    let gate = Gate::new(rescue.desk.store.dir(), "gate");
    let words = "pin change --token desk-7 --pin env:NEW --new-pin env:OTHER --no-input";
    let child = rescue.held(&gate.before("C_SetPIN"), words, &gate);
    assert_ne!(fs::read(rescue.copy()).unwrap(), old);
    gate.open();
    finish(child).code(0);
    assert!(rescue.desk.is_pin(OTHER));
}

#[test]
fn a_write_after_which_the_token_is_gone_says_what_brings_it_back() {
    let rescue = Rescue::new();
    let gate = Gate::new(rescue.desk.store.dir(), "gate");
    let child = rescue.held(&gate.after("C_SetPIN"), CHANGE, &gate);
    empty(&rescue.file);
    gate.open();
    let json = finish(child).json();
    assert!([8, 11].contains(&json["error"]["exit_code"].as_i64().unwrap()), "{json}");
    assert!(json["error"]["hint"].as_str().unwrap().starts_with("pukka token restore "), "{json}");
    rescue.restore(&rescue.serial).code(0);
    assert!(rescue.desk.is_pin(PIN));
}

#[test]
fn a_write_that_could_not_be_proved_keeps_the_way_back_and_one_that_changed_nothing_does_not() {
    let rescue = Rescue::new();
    rescue.desk.faulty(&Faults::new().rule("C_Login#2=CKR_PIN_INCORRECT"), CHANGE).run().code(11);
    assert!(rescue.desk.is_pin(NEW));
    rescue.copy();
    rescue.restore(&format!("desk-7 --destroy {}", rescue.serial)).code(0);
    assert!(rescue.desk.is_pin(PIN) && rescue.kept().is_empty());
    let failed = "C_SetPIN=after:CKR_DEVICE_ERROR;C_Login:USER#2-=CKR_DEVICE_REMOVED";
    rescue.desk.faulty(&Faults::new().rule(failed), CHANGE).run().code(8);
    assert!(rescue.desk.is_pin(NEW));
    rescue.copy();
    rescue.restore(&format!("desk-7 --destroy {}", rescue.serial)).code(0);
    for nothing in ["C_SetPIN=lie", "C_SetPIN=CKR_DEVICE_ERROR"] {
        assert_ne!(rescue.desk.faulty(&Faults::new().rule(nothing), CHANGE).run().code, 0);
        assert!(rescue.kept().is_empty(), "{nothing}: the PIN is that of before");
    }
}

#[test]
fn a_dry_run_says_what_would_be_put_back_and_touches_nothing() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &empty);
    let json = rescue.restore("desk-7 --dry-run --json").code(0).json();
    assert_eq!(json["outcome"], "planned");
    assert!(json["plan"]["steps"][0].as_str().unwrap().contains("token.object"), "{json}");
    assert!(rescue.restore("desk-7 --dry-run").code(0).out.contains("token.object"));
    assert_eq!(fs::read(&rescue.file).unwrap(), b"");
    rescue.copy();
}

#[test]
fn a_copy_is_put_back_where_no_module_can_be_asked_and_stays() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &empty);
    let call = rescue.desk.bare("token restore desk-7 --json --module /nonexistent.so");
    let json = call.run().code(0).json();
    assert_eq!((&json["outcome"], &json["confirmed"]), (&json!("restored"), &json!(false)), "{json}");
    assert!(json["unproved"][0].as_str().unwrap().contains("module"), "{json}");
    rescue.copy();
    assert!(rescue.desk.is_pin(PIN));
}

#[test]
fn the_copy_knows_by_which_module_the_token_was_seen() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &empty);
    // The fault module, as it was loaded: without rules it only forwards.
    let call = rescue.desk.bare("token restore --json").with(|command| Faults::new().envs(command));
    assert_eq!(call.run().code(0).json()["confirmed"], true);
}

#[test]
fn a_module_that_does_not_list_what_was_put_back_is_no_success() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &empty);
    let blind = Faults::new().rule(format!("token-serial={}", "30".repeat(16)));
    let json = rescue.desk.faulty(&blind, "token restore desk-7 --json").run().code(11).json();
    assert_eq!(json["error"]["kind"], "unconfirmed", "{json}");
    rescue.copy();
}

#[test]
fn through_p11_kits_proxy_the_same_file_is_found() {
    let rescue = Rescue::new();
    assert!(!rescue.copies().exists());
    rescue.desk.bare(WRONG).run().code(4);
    assert!(rescue.kept().is_empty() && rescue.copies().is_dir());
}

#[test]
fn killed_at_any_moment_the_token_is_there_or_comes_back_with_the_old_pin_or_the_new_one() {
    let rescue = Rescue::new();
    let (mut old, mut new) = ("PIN", "NEW");
    let value = |name| if name == "PIN" { PIN } else { NEW };
    for round in 0..60 {
        let words = format!("pin change --token {} --pin env:{old} --new-pin env:{new} --no-input", rescue.serial);
        let mut child = start(rescue.desk.call(&words));
        std::thread::sleep(std::time::Duration::from_micros(500 * round));
        child.kill().unwrap();
        let ended = child.wait_with_output().unwrap();
        let whole = rescue.desk.run(&format!("status {}", rescue.serial)).code == 0;
        if !whole {
            rescue.restore(&rescue.serial).code(0);
        }
        let is = |name| rescue.desk.store.serial_login_ok(&rescue.serial, "user", value(name));
        match is(new) {
            true => (old, new) = (new, old),
            false => assert!(is(old), "round {round}: {ended:?}"),
        }
    }
}
