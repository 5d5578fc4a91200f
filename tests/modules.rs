//! How modules differ: every operation and every wrong input, on each of them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

use crate::support::{
    Pukka, Run, home,
    kryoptic::{Kryoptic, kryoptic_module},
    pukka,
    softhsm::{Faults, SoftHsm, calls, logs_in, softhsm_module},
};

/// Makes a test of each row that is named, on the module of the bench that is made so.
macro_rules! rows {
    ($bench:path: $($row:ident),+ $(,)?) => { $(
        #[test]
        fn $row() {
            crate::modules::rows::$row(&$bench());
        }
    )+ };
}

#[path = "modules/cards.rs"]
mod cards;
#[path = "modules/kryoptic.rs"]
mod kryoptic;
#[path = "modules/opensc.rs"]
mod opensc;
#[path = "modules/rows.rs"]
mod rows;
#[path = "modules/softhsm.rs"]
mod softhsm;
#[path = "modules/ykcs11.rs"]
mod ykcs11;

/// What the variables of every call hold, beside LONG of 300 bytes. All but SHORT are PINs that every module takes.
const SECRETS: [(&str, &str); 7] = [
    ("PIN", "27182818"),
    ("NEW", "31415926"),
    ("OTHER", "16180339"),
    ("WRONG", "00000000"),
    ("SO", "87654321"),
    ("SO2", "12344321"),
    ("SHORT", "123"),
];
/// The label of the token.
const LABEL: &str = "desk-7";

/// The value of one of the [`SECRETS`].
fn secret(name: &str) -> &'static str {
    SECRETS.iter().find(|(own, _)| *own == name).unwrap().1
}

/// Where a module keeps its tokens.
trait Store {
    /// The module.
    fn module(&self) -> PathBuf;
    /// Makes a command use this store.
    fn envs(&self, command: &mut Command);
    /// A directory that goes away with it.
    fn dir(&self) -> &Path;
}

impl Store for SoftHsm {
    fn module(&self) -> PathBuf {
        softhsm_module()
    }
    fn envs(&self, command: &mut Command) {
        SoftHsm::envs(self, command);
    }
    fn dir(&self) -> &Path {
        SoftHsm::dir(self)
    }
}

impl Store for Kryoptic {
    fn module(&self) -> PathBuf {
        kryoptic_module()
    }
    fn envs(&self, command: &mut Command) {
        Kryoptic::envs(self, command);
    }
    fn dir(&self) -> &Path {
        Kryoptic::dir(self)
    }
}

/// One module with a store of its own, and a home for the tool.
struct Bench {
    store: Box<dyn Store>,
    home: TempDir,
}

impl Bench {
    /// A blank token of SoftHSM2.
    fn softhsm() -> Self {
        Self { store: Box::new(SoftHsm::new()), home: home() }
    }

    /// A blank token of kryoptic.
    fn kryoptic() -> Self {
        Self { store: Box::new(Kryoptic::new()), home: home() }
    }

    /// Begins the token with an SO PIN and no user PIN.
    #[track_caller]
    fn with_so_pin(&self) {
        self.run("token init --label desk-7 --new-so-pin env:SO").code(0);
    }

    /// Begins the token with both PINs.
    #[track_caller]
    fn with_pins(&self) {
        self.run("token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN").code(0);
    }

    fn call(&self, words: &str) -> Pukka {
        pukka(self.home.path(), words.split_whitespace())
            .envs(SECRETS)
            .env("LONG", "7".repeat(300))
            .with(|command| self.store.envs(command))
    }

    /// The tool on the module itself.
    #[track_caller]
    fn run(&self, words: &str) -> Run {
        let module = self.store.module();
        self.call(words)
            .with(|command| {
                command.arg("--module").arg(module);
            })
            .run()
    }

    /// The JSON of a call that succeeds.
    #[track_caller]
    fn json(&self, words: &str) -> Value {
        self.run(&format!("{words} --json")).code(0).json()
    }

    /// A call that does something, and could prove it.
    #[track_caller]
    fn done(&self, words: &str, outcome: &str) -> Value {
        let json = self.json(words);
        assert_eq!(json["outcome"], outcome, "{words}: {json}");
        assert_eq!(json["confirmed"], true, "{words}: {json}");
        json
    }

    /// The error of a call that ends with this exit code and kind.
    #[track_caller]
    fn refused(&self, words: &str, code: i32, kind: &str) -> Value {
        error(&self.run(&format!("{words} --json")).code(code), kind)
    }

    /// The error of a call behind faults that ends with this exit code and kind.
    #[track_caller]
    fn refused_behind(&self, rules: &str, words: &str, code: i32, kind: &str) -> Value {
        error(&self.faulty(Faults::before(self.store.module()).rule(rules), words).code(code), kind)
    }

    #[track_caller]
    fn faulty(&self, faults: Faults, words: &str) -> Run {
        let call = self.call(&format!("{words} --json")).with(|command| {
            command.arg("--module").arg(faults.module());
            faults.envs(command);
        });
        call.run()
    }

    /// A call that reaches no call of the module with a secret in it.
    #[track_caller]
    fn unsent(&self, words: &str, code: i32) -> Value {
        let log = NamedTempFile::new_in(self.store.dir()).unwrap();
        let run = self.faulty(Faults::before(self.store.module()).log(log.path()), words).code(code);
        let calls = calls(log.path());
        let sent = ["C_Login", "C_SetPIN", "C_InitPIN", "C_InitToken"];
        assert!(!calls.iter().any(|call| sent.contains(&call.split(' ').next().unwrap())), "{words}: {calls:?}");
        assert!(calls.iter().any(|call| call.starts_with("C_GetTokenInfo ")), "{words}: {calls:?}");
        run.json()
    }

    /// Whether the variable holds the user PIN, as another program finds it.
    fn is_pin(&self, name: &str) -> bool {
        self.logs_in("user", secret(name))
    }

    /// Whether the variable holds the SO PIN, as another program finds it.
    fn is_so_pin(&self, name: &str) -> bool {
        self.logs_in("so", secret(name))
    }

    fn logs_in(&self, user: &str, pin: &str) -> bool {
        let set = |command: &mut Command| self.store.envs(command);
        logs_in(&self.store.module(), set, ["--token-label", LABEL], user, pin)
    }

    /// State and tries of a role, as `status` gives them: `ready`, `blocked low`.
    fn state(&self, role: &str) -> String {
        let status = self.json("status desk-7");
        let references = status["tokens"][0]["references"].as_array().unwrap().clone();
        let reference = references.into_iter().find(|reference| reference["role"] == role).unwrap();
        let flag = reference["tries"]["flag"].as_str().map(|flag| format!(" {flag}")).unwrap_or_default();
        reference["state"].as_str().unwrap().to_owned() + &flag
    }

    /// The serial number of the token.
    fn serial(&self) -> String {
        self.json("status desk-7")["tokens"][0]["serial"].as_str().unwrap().to_owned()
    }

    /// pkcs11-tool, logged in with the user PIN of a variable.
    fn other_program(&self, pin: &str) -> Command {
        let mut command = Command::new("pkcs11-tool");
        command.arg("--module").arg(self.store.module()).args([
            "--token-label",
            LABEL,
            "--login",
            "--pin",
            secret(pin),
        ]);
        self.store.envs(&mut command);
        command
    }

    /// Puts a data object on the token.
    fn put_object(&self) {
        let file = self.store.dir().join("object");
        std::fs::write(&file, "precious").unwrap();
        let mut tool = self.other_program("PIN");
        let made = tool.args(["--type", "data", "--label", "deed", "--write-object"]).arg(&file).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    /// Whether the object is there for whoever has the PIN of this variable.
    fn has_object(&self, pin: &str) -> bool {
        let listed = self.other_program(pin).args(["--type", "data", "--list-objects"]).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        String::from_utf8_lossy(&listed.stdout).contains("deed")
    }
}

/// The error object of a run, of this kind.
#[track_caller]
fn error(run: &Run, kind: &str) -> Value {
    let error = run.json()["error"].clone();
    assert_eq!((&error["kind"], &error["exit_code"]), (&kind.into(), &run.code.into()), "{error}");
    error
}

/// Asserts that the hint of an error is this command for the token.
#[track_caller]
fn assert_hint(error: &Value, command: &str) {
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(hint.starts_with(&format!("pukka {command} --token '")), "{error}");
}
