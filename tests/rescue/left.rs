//! A copy that an earlier call left is the way back from it, until a call that succeeds shows that nobody needs it.

use std::fs;

use nix::{
    fcntl::{Flock, FlockArg},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{CHANGE, Rescue, WRONG, empty};
use crate::support::{
    desk::{NEW, PIN, SO, WITH_SECRETS, assert_not_called, finish},
    running::worker,
    softhsm::{Faults, Gate},
    terminal::Terminal,
};

const WRONG_SO: &str = "so-pin change --token desk-7 --so-pin env:WRONG --new-so-pin env:SO2 --no-input --json";

/// How a value is verified.
fn verify(variable: &str) -> String {
    format!("pin verify --token desk-7 --pin env:{variable} --no-input --json")
}

#[test]
fn a_wrong_pin_proves_nothing_and_leaves_the_copy_of_a_write_that_was_killed() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &|_| {});
    for wrong in [WRONG, WRONG_SO] {
        rescue.desk.run(wrong).code(4);
        rescue.copy();
    }
    rescue.desk.run(&verify("PIN")).code(0);
    assert!(rescue.kept().is_empty());
}

#[test]
fn a_copy_with_other_pins_than_those_of_now_is_not_replaced_till_a_right_pin_takes_it_away() {
    let rescue = Rescue::new();
    rescue.desk.faulty(&Faults::new().rule("C_Login#2=CKR_PIN_INCORRECT"), CHANGE).run().code(11);
    assert!(rescue.desk.is_pin(NEW));
    let kept = fs::read(rescue.copy()).unwrap();
    for wrong in [WRONG, WRONG_SO, &verify("PIN")] {
        rescue.desk.run(wrong).code(4);
        assert_eq!(fs::read(rescue.copy()).unwrap(), kept, "{wrong}");
    }
    // Not even while a secret is presented.
    let gate = Gate::new(rescue.desk.store.dir(), "gate");
    let right = verify("NEW");
    let child = rescue.held(&gate.before("C_Login"), &right, &gate);
    assert_eq!(fs::read(rescue.copy()).unwrap(), kept);
    gate.open();
    finish(child).code(0);
    assert!(rescue.kept().is_empty() && rescue.desk.is_pin(NEW) && !rescue.desk.is_pin(PIN));
}

#[test]
fn the_copy_of_a_module_that_crashed_is_left_to_whoever_has_the_lock_now() {
    let rescue = Rescue::new();
    let gate = Gate::new(rescue.desk.store.dir(), "gate");
    let crash = |child: u32, is_taken: bool| {
        let [tool, module] = [child, worker(child)].map(|pid| Pid::from_raw(pid.try_into().unwrap()));
        let lock = fs::read_dir(rescue.desk.locks()).unwrap().next().unwrap().unwrap().path();
        kill(tool, Signal::SIGSTOP).unwrap();
        kill(module, Signal::SIGKILL).unwrap();
        let file = fs::File::options().write(true).open(lock).unwrap();
        let taken = is_taken.then(|| Flock::lock(file, FlockArg::LockExclusive).unwrap());
        kill(tool, Signal::SIGCONT).unwrap();
        taken
    };
    let child = rescue.held(&gate.before("C_Login"), &verify("PIN"), &gate);
    let taken = crash(child.id(), true);
    finish(child).code(8);
    rescue.copy();
    drop(taken);
    rescue.desk.run(&verify("PIN")).code(0);
    assert!(rescue.kept().is_empty());
    fs::remove_file(rescue.desk.path("gate.reached")).unwrap();
    let child = rescue.held(&gate.before("C_Login"), &verify("PIN"), &gate);
    crash(child.id(), false);
    finish(child).code(8);
    assert!(rescue.kept().is_empty());
}

#[test]
fn who_names_no_token_hears_of_the_one_that_is_lost() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &empty);
    let restore = format!("pukka token restore {}", rescue.serial);
    for words in ["list", "status"] {
        let problems = rescue.desk.run(&format!("{words} --json")).code(0).json()["problems"].clone();
        assert_eq!(problems[0]["kind"], "device", "{words}: {problems}");
        assert!(problems[0]["message"].as_str().unwrap().contains(&restore), "{words}: {problems}");
        assert!(rescue.desk.run(words).code(0).err.contains(&restore), "{words}");
    }
    let terminal = Terminal::spawn(rescue.desk.call("").command());
    let (code, shown) = terminal.wait();
    assert!(code == 0 && shown.contains(&restore) && !shown.contains("pukka token init"), "{shown}");
}

#[test]
fn beside_a_token_that_is_lost_no_other_is_taken_for_the_one_that_is_meant() {
    let rescue = Rescue::new();
    rescue.desk.store.token("desk-8", SO, Some(PIN));
    rescue.killed(CHANGE, &empty);
    for words in [
        "pin verify --pin env:PIN",
        "pin change --pin env:PIN --new-pin env:NEW",
        "token init --label desk-9 --new-so-pin env:SO",
    ] {
        let (run, calls) = rescue.desk.watched(Faults::new(), &format!("{words} --no-input --json"));
        assert_not_called(&calls, &WITH_SECRETS);
        let error = run.code(8).json()["error"].clone();
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.starts_with(&format!("pukka token restore {}", rescue.serial)), "{words}: {error}");
    }
    rescue.desk.run("pin verify --token desk-8 --pin env:PIN --no-input").code(0);
}
