//! Where no copy can be kept nothing is sent, the one good copy is never replaced by a bad one, and a whole token not by an old one.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
};

use serde_json::Value;

use super::{CHANGE, Rescue, WRONG, empty};
use crate::support::{
    desk::{NEW, PIN, WITH_SECRETS, assert_not_called, finish},
    running::shell,
    softhsm::{Faults, Gate},
    terminal::Terminal,
};

/// The error of a call that sent nothing.
#[track_caller]
fn refused(rescue: &Rescue, words: &str) -> Value {
    let (run, calls) = rescue.desk.watched(Faults::new(), words);
    assert_not_called(&calls, &WITH_SECRETS);
    run.code(8).json()["error"].clone()
}

#[test]
fn where_no_copy_can_be_written_nothing_is_sent_and_the_cure_is_named() {
    let rescue = Rescue::new();
    rescue.desk.run(WRONG).code(4);
    fs::remove_dir(rescue.copies()).unwrap();
    // A file where the directory belongs stops even root.
    fs::write(rescue.copies(), "").unwrap();
    for words in [CHANGE, WRONG] {
        let error = refused(&rescue, words);
        assert_eq!(error["kind"], "device");
        assert!(error["message"].as_str().unwrap().contains(rescue.copies().to_str().unwrap()), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("XDG_STATE_HOME"), "{error}");
    }
    assert!(rescue.desk.is_pin(PIN));
}

#[test]
fn on_a_disk_that_is_full_nothing_is_sent_and_no_part_of_a_copy_stays() {
    let rescue = Rescue::new();
    let before = fs::read(&rescue.file).unwrap();
    for bytes in [20, 100, 500] {
        let limited = format!(r#"trap "" XFSZ; exec prlimit --fsize={bytes} "$PUKKA" "$@""#);
        let error = shell(rescue.desk.call(CHANGE), limited).code(8).json()["error"].clone();
        assert!(error["message"].as_str().unwrap().contains("no copy"), "{bytes}: {error}");
        assert_eq!(rescue.kept(), Vec::<std::path::PathBuf>::new(), "{bytes}");
        assert_eq!(fs::read(&rescue.file).unwrap(), before);
    }
}

#[test]
fn a_full_disk_does_not_take_the_copy_that_was_kept_before() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &|_| {});
    let kept = fs::read(rescue.copy()).unwrap();
    let limited = r#"trap "" XFSZ; exec prlimit --fsize=100 "$PUKKA" "$@""#;
    shell(rescue.desk.call(CHANGE), limited).code(8);
    assert_eq!(fs::read(rescue.copy()).unwrap(), kept);
}

#[test]
fn links_in_the_state_directory_are_not_followed() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &|_| {});
    let copy = rescue.copy();
    let victim = rescue.desk.path("victim");
    fs::write(&victim, "precious").unwrap();
    // In the place of what replaces the copy, or of the copy: the link itself goes.
    symlink(&victim, copy.with_extension("new")).unwrap();
    rescue.desk.run(WRONG).code(4);
    assert!(fs::symlink_metadata(rescue.copy()).unwrap().is_file());
    fs::remove_file(&copy).unwrap();
    symlink(&victim, &copy).unwrap();
    rescue.desk.run(WRONG).code(4);
    assert!(rescue.kept().is_empty());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    // In the place of the directory: nothing is laid anywhere else.
    let elsewhere = rescue.desk.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::remove_dir(rescue.copies()).unwrap();
    symlink(&elsewhere, rescue.copies()).unwrap();
    refused(&rescue, CHANGE);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn what_another_could_have_laid_there_is_no_copy() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &empty);
    let copy = rescue.copy();
    let whole = fs::read(&copy).unwrap();
    let gone = || {
        let error = rescue.restore(&format!("{} --json", rescue.serial)).code(8).json()["error"].clone();
        assert_eq!(error["kind"], "device", "{error}");
        let said = error["message"].as_str().unwrap();
        assert!(said.contains("a copy is there") && said.contains(rescue.copies().to_str().unwrap()), "{error}");
        assert_eq!(fs::read(&rescue.file).unwrap(), b"");
    };
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o660)).unwrap();
    gone();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    // As root the tests can also give it to another.
    if chown(&copy, Some(65534), None).is_ok() {
        gone();
        chown(&copy, Some(0), None).unwrap();
    }
    // A byte that is not as it was, one too few, one too many.
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    for bytes in [changed, whole[..whole.len() - 1].to_vec(), [whole.as_slice(), b"x"].concat()] {
        fs::write(&copy, bytes).unwrap();
        gone();
    }
    fs::write(&copy, whole).unwrap();
    rescue.restore(&rescue.serial).code(0);
    assert!(rescue.desk.is_pin(PIN));
}

#[test]
fn the_good_copy_of_a_damaged_token_is_not_replaced_even_where_the_module_still_knows_the_token() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &|_| {});
    let kept = fs::read(rescue.copy()).unwrap();
    // The file is damaged behind the back of a module that has read it already.
    let gate = Gate::new(rescue.desk.store.dir(), "late");
    let words = format!("pin change --token {} --pin env:PIN --new-pin env:NEW --no-input --json", rescue.serial);
    let child = rescue.held(&gate.after("C_GetTokenInfo"), &words, &gate);
    empty(&rescue.file);
    gate.open();
    let json = finish(child).code(8).json();
    let hint = json["error"]["hint"].as_str().unwrap();
    assert!(hint.starts_with(&format!("pukka token restore {}", rescue.serial)), "{json}");
    assert_eq!(fs::read(rescue.copy()).unwrap(), kept);
    rescue.restore(&rescue.serial).code(0);
    assert!(rescue.desk.is_pin(PIN));
}

#[test]
fn a_token_that_is_there_goes_back_only_where_its_serial_confirms_that() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &|_| {});
    let copy = fs::read(rescue.copy()).unwrap();
    assert!(rescue.desk.store.login_ok("desk-7", "user", PIN));
    let before = fs::read(&rescue.file).unwrap();
    let json = |words: &str, code| rescue.restore(&format!("{words} --json --no-input")).code(code).json();
    assert_eq!(json("desk-7", 6)["error"]["kind"], "policy");
    assert_eq!(json("desk-7 --dry-run", 6)["error"]["kind"], "policy");
    assert_eq!(json("desk-7 --destroy desk-8", 6)["error"]["kind"], "not-confirmed-by-user");
    assert_eq!(json("desk-7 --destroy desk-8 --dry-run", 6)["error"]["kind"], "not-confirmed-by-user");
    // One that is not lost is not what is meant where none is named.
    assert_eq!(json("", 3)["error"]["kind"], "no-token");
    assert_eq!(fs::read(&rescue.file).unwrap(), before);
    assert_eq!(fs::read(rescue.copy()).unwrap(), copy);
    assert_eq!(json(&format!("desk-7 --destroy {}", rescue.serial), 0)["confirmed"], true);
    assert!(rescue.desk.is_pin(PIN));
}

#[test]
fn on_a_terminal_the_serial_is_typed_and_no_other_word_will_do() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &|_| {});
    let ask = |word: &str| {
        let mut terminal = Terminal::spawn(rescue.desk.call("token restore desk-7").command());
        terminal.expect("will go back to what it was at 2").expect(&format!("Type {} to go on: ", rescue.serial));
        terminal.send(&format!("{word}\r"));
        terminal.wait()
    };
    for word in ["", "yes", "desk-7"] {
        assert_eq!(ask(word).0, 6, "{word:?}");
        rescue.copy();
    }
    let (code, shown) = ask(&rescue.serial);
    assert!(code == 0 && shown.contains("desk-7 is back as it was at 2"), "{shown}");
    assert!(rescue.kept().is_empty());
}

#[test]
fn where_no_copy_of_a_token_is_kept_it_is_said_of_which_there_are() {
    let rescue = Rescue::new();
    let error = rescue.restore("271828 --json").code(3).json()["error"].clone();
    assert_eq!(error["kind"], "no-token");
    assert!(!error.to_string().contains("271828"), "{error}");
    assert!(error["message"].as_str().unwrap().contains(rescue.copies().to_str().unwrap()), "{error}");
    rescue.killed(CHANGE, &empty);
    let error = rescue.restore("271828 --json").code(3).json()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains(&rescue.serial), "{error}");
    assert!(!error.to_string().contains("271828"), "{error}");
    rescue.restore("desk-7 --token desk-7").code(2);
    rescue.restore("desk-7 --via pcsc").code(7);
}

#[test]
fn a_directory_that_went_with_the_token_is_told() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &|file| fs::remove_dir_all(file.parent().unwrap()).unwrap());
    let json = rescue.restore("desk-7 --json").code(8).json();
    assert!(json["error"]["hint"].as_str().unwrap().contains("backup"), "{json}");
    rescue.copy();
}

#[test]
fn a_token_that_another_works_on_is_not_put_back_under_its_hands() {
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &empty);
    let held = fs::read_dir(rescue.desk.locks()).unwrap().next().unwrap().unwrap().path();
    let file = fs::File::options().write(true).open(held).unwrap();
    let lock = nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    let json = rescue.restore("desk-7 --json --wait 0").code(8).json();
    assert!(json["error"]["message"].as_str().unwrap().contains("in use"), "{json}");
    drop(lock);
    rescue.restore("desk-7").code(0);
    assert!(rescue.desk.is_pin(PIN) && !rescue.desk.is_pin(NEW));
}
