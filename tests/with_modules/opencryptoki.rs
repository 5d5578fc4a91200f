//! openCryptoki's soft token behind its own daemon: what it does in its own way, and what pukka makes of it.

#[path = "opencryptoki/cut.rs"]
mod cut;
#[path = "opencryptoki/daemon.rs"]
mod daemon;
#[path = "opencryptoki/init.rs"]
mod init;
#[path = "opencryptoki/tries.rs"]
mod tries;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    desk::{LABEL, NEW, OTHER, PIN, SO2, WRONG},
    home, pukka,
};
use daemon::{Daemon, module};

/// A soft token and a home for the tool. The secrets are those of the desk, by the same names.
struct Bench {
    daemon: Daemon,
    home: TempDir,
}

/// The SO PIN of delivery, which a new token takes and no other.
pub const SO: &str = "87654321";
const INIT: &str = "token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN";

impl Bench {
    /// With a blank token.
    #[track_caller]
    fn blank() -> Self {
        Self { daemon: Daemon::start(), home: home() }
    }

    /// With a token of [`LABEL`], [`SO`] and [`PIN`].
    #[track_caller]
    fn new() -> Self {
        let bench = Self::blank();
        bench.run(INIT).code(0);
        bench
    }

    fn call(&self, words: &str) -> Pukka {
        let call = pukka(self.home.path(), words.split_whitespace()).env("PUKKA_MODULE", module());
        let secrets = [("PIN", PIN), ("NEW", NEW), ("OTHER", OTHER), ("WRONG", WRONG), ("SO", SO), ("SO2", SO2)];
        call.envs(secrets).started_by(self.daemon.enter())
    }

    #[track_caller]
    fn run(&self, words: &str) -> Run {
        self.call(words).run()
    }

    /// Runs it to a success in JSON that was confirmed.
    #[track_caller]
    fn done(&self, words: &str, outcome: &str) -> Value {
        let json = self.run(&format!("{words} --json")).code(0).json();
        assert_eq!((&json["outcome"], &json["confirmed"]), (&json!(outcome), &json!(true)), "{json}");
        json
    }

    /// Runs it to a failure in JSON of this exit code, and returns the error.
    #[track_caller]
    fn refused(&self, words: &str, code: i32, kind: &str) -> Value {
        let error = self.run(&format!("{words} --json")).code(code).json()["error"].clone();
        assert_eq!(error["kind"], kind, "{error}");
        error
    }

    /// The only token.
    #[track_caller]
    fn status(&self) -> Value {
        let json = self.run("status --via pkcs11 --json").code(0).json();
        assert_eq!(json["tokens"].as_array().unwrap().len(), 1, "{json}");
        json["tokens"][0].clone()
    }

    /// State and tries of the user PIN (0) or the SO PIN (1).
    #[track_caller]
    fn state(&self, index: usize) -> (String, Value) {
        let reference = &self.status()["references"][index];
        (reference["state"].as_str().unwrap().to_owned(), reference["tries"].clone())
    }

    /// What pkcs11-tool gets from C_Login, without a survey before.
    #[track_caller]
    fn logs_in(&self, user: &str, pin: &str) -> Result<(), String> {
        let option = if user == "so" { "--so-pin" } else { "--pin" };
        let mut command = self.daemon.enter();
        command.args(["pkcs11-tool", "--module"]).arg(module());
        command.args(["--login", "--login-type", user, option, pin, "--session-rw", "--list-objects"]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = said.split_whitespace().find(|word| word.starts_with("CKR_"));
        match output.status.success() {
            true => Ok(()),
            false => Err(code.unwrap_or_else(|| panic!("pkcs11-tool: {said}")).to_owned()),
        }
    }
}

fn flag(name: &str) -> Value {
    json!({ "flag": name })
}

#[test]
fn a_token_lives_through_every_operation_and_each_is_confirmed() {
    let bench = Bench::blank();
    bench.done(INIT, "initialised");
    assert_eq!(bench.logs_in("user", PIN), Ok(()));
    bench.done("pin verify --token desk-7 --pin env:PIN", "verified");
    bench.done("pin change --token desk-7 --pin env:PIN --new-pin env:NEW", "changed");
    assert_eq!(bench.logs_in("user", NEW), Ok(()));
    bench.done("pin reset --token desk-7 --so-pin env:SO --new-pin env:OTHER", "reset");
    assert_eq!(bench.logs_in("user", OTHER), Ok(()));
    bench.done("so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2", "changed");
    assert_eq!(bench.logs_in("so", SO2), Ok(()));
    bench.done("pin reset --token desk-7 --so-pin env:SO2 --new-pin env:PIN", "reset");
    assert_eq!(bench.logs_in("user", PIN), Ok(()));
}

/// Its clock is not that of the standard, its numbers of sessions and bytes are not available, and its serial is that of every
/// other soft token.
#[test]
fn what_it_says_of_itself_is_read_without_stumbling() {
    let status = Bench::new().status();
    for (name, value) in [
        ("selector", "pkcs11:token=desk-7;serial=123"),
        ("label", LABEL),
        ("serial", "123"),
        ("manufacturer", "IBM Corp."),
        ("model", "IBM SoftTok"),
    ] {
        assert_eq!(status[name], value, "{status}");
    }
    for reference in status["references"].as_array().unwrap() {
        assert_eq!(reference["length"], json!({"min": 4, "max": 8, "unit": "bytes"}));
    }
}

#[test]
fn a_new_pin_has_4_to_8_bytes_and_nothing_else_is_sent() {
    let bench = Bench::new();
    let before = bench.daemon.stored();
    for wrong in ["123", "123456789"] {
        for words in [
            "pin change --token desk-7 --pin env:PIN --new-pin env:ODD",
            "pin reset --token desk-7 --so-pin env:SO --new-pin env:ODD",
            "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:ODD",
        ] {
            let run = bench.call(&format!("{words} --json")).env("ODD", wrong).run();
            assert_eq!(run.code(6).json()["error"]["kind"], "policy");
        }
    }
    assert_eq!(bench.daemon.stored(), before, "a login was made for nothing");
    for right in ["1234", "87651234"] {
        let call = bench.call("pin reset --token desk-7 --so-pin env:SO --new-pin env:NEXT");
        call.env("NEXT", right).run().code(0);
        assert_eq!(bench.logs_in("user", right), Ok(()));
    }
}

#[test]
fn a_new_pin_that_is_the_old_one_or_that_of_delivery_is_refused_and_changes_nothing() {
    let bench = Bench::new();
    bench.refused("pin change --token desk-7 --pin env:PIN --new-pin env:PIN", 6, "policy");
    let delivered = |words: &str, pin| {
        let error = bench.call(words).env("DELIVERED", pin).run().code(6).json()["error"].clone();
        assert_eq!(error["detail"], "CKR_PIN_INVALID (0xA1)", "{error}");
    };
    delivered("pin change --token desk-7 --pin env:PIN --new-pin env:DELIVERED --json", "12345678");
    bench.run("so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2").code(0);
    delivered("so-pin change --token desk-7 --so-pin env:SO2 --new-so-pin env:DELIVERED --json", SO);
    assert_eq!((bench.logs_in("user", PIN), bench.logs_in("so", SO2)), (Ok(()), Ok(())));
}

#[test]
fn without_its_daemon_the_module_is_a_fault_and_not_an_empty_listing() {
    let home = home();
    let call = pukka(home.path(), ["list", "--via", "pkcs11", "--json"]).env("PUKKA_MODULE", module());
    assert_eq!(call.run().code(8).json()["error"]["kind"], "device");
}
