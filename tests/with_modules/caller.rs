//! The tool on one module, with the secrets of the desk by the same names.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    desk::{NEW, OTHER, PIN, SO, SO2, WRONG},
    home, pukka,
};

/// How long a daemon may take to start, which is a matter of milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who calls the tool: a home, a module and what the module finds in its environment.
pub struct Caller {
    pub home: TempDir,
    pub module: PathBuf,
    environment: Vec<(String, String)>,
}

impl Caller {
    pub fn new(module: PathBuf, environment: Vec<(String, String)>) -> Self {
        Self { home: home(), module, environment }
    }

    /// The tool, with what is in `words`, split at blanks, and this module.
    pub fn call(&self, words: &str) -> Pukka {
        let secrets = [("PIN", PIN), ("NEW", NEW), ("OTHER", OTHER), ("WRONG", WRONG), ("SO", SO), ("SO2", SO2)];
        let call = pukka(self.home.path(), words.split_whitespace()).env("PUKKA_MODULE", &self.module);
        call.envs(secrets).envs(self.environment.iter().map(|(name, value)| (name, value)))
    }

    #[track_caller]
    pub fn run(&self, words: &str) -> Run {
        self.call(words).run()
    }

    /// Runs it to a success in JSON of this outcome.
    #[track_caller]
    pub fn does(&self, words: &str, outcome: &str) -> Value {
        let json = self.run(&format!("{words} --json")).code(0).json();
        assert_eq!(json["outcome"], outcome, "{json}");
        json
    }

    /// The same, and it was confirmed.
    #[track_caller]
    pub fn done(&self, words: &str, outcome: &str) {
        let json = self.does(words, outcome);
        assert_eq!(json["confirmed"], true, "{json}");
    }

    /// Runs it to a failure in JSON of this exit code, and returns the error.
    #[track_caller]
    pub fn refused(&self, words: &str, code: i32, kind: &str) -> Value {
        let error = self.run(&format!("{words} --json")).code(code).json()["error"].clone();
        assert_eq!((&error["kind"], &error["exit_code"]), (&json!(kind), &json!(code)), "{error}");
        error
    }

    /// The same where it is about this role.
    #[track_caller]
    pub fn refused_to(&self, role: &str, words: &str, code: i32, kind: &str) -> Value {
        let error = self.refused(words, code, kind);
        assert_eq!(error["role"], role, "{error}");
        error
    }

    /// Every token of the module.
    #[track_caller]
    pub fn tokens(&self) -> Vec<Value> {
        self.run("status --via pkcs11 --json").code(0).json()["tokens"].as_array().unwrap().clone()
    }

    /// The C_* calls of a run, in order, from its trace.
    #[track_caller]
    pub fn calls(&self, words: &str) -> Vec<String> {
        let said = self.run(&format!("{words} --trace")).err;
        let calls = said.lines().filter_map(|line| line.split("> C_").nth(1)?.split('(').next());
        calls.map(|name| format!("C_{name}")).collect()
    }

    /// What pkcs11-tool gets from C_Login, in the same environment.
    #[track_caller]
    pub fn logs_in(&self, label: &str, user: &str, pin: &str) -> Result<(), String> {
        let option = if user == "so" { "--so-pin" } else { "--pin" };
        let mut command = Command::new("pkcs11-tool");
        command.arg("--module").arg(&self.module).args(["--token-label", label, "--login", "--login-type", user]);
        command.args([option, pin, "--session-rw", "--list-objects"]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = said.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
        match output.status.success() {
            true => Ok(()),
            false => Err(code
                .into_iter()
                .find(|word| word.starts_with("CKR_"))
                .unwrap_or_else(|| panic!("pkcs11-tool: {said}"))
                .to_owned()),
        }
    }
}

/// The first file of this name in a folder of the machine's libraries.
#[track_caller]
pub fn library(name: &str, package: &str) -> PathBuf {
    let multiarch = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found = multiarch.map(|entry| entry.path().join(name));
    found.find(|path| path.exists()).unwrap_or_else(|| panic!("there is no {name}: it is in the package {package}"))
}

/// A process that ends with the test.
pub struct Daemon(Child);

impl Daemon {
    /// Starts it and waits till `is_ready`; what it says stands in `log`.
    #[track_caller]
    pub fn start(command: &mut Command, log: &Path, is_ready: impl Fn() -> bool) -> Self {
        let said = fs::File::create(log).unwrap();
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdout(said.try_clone().unwrap()).stderr(said);
        let mut daemon = Self(command.spawn().unwrap_or_else(|error| panic!("{name} does not run: {error}")));
        let start = Instant::now();
        while !is_ready() {
            let ended = daemon.0.try_wait().unwrap();
            let said = || fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "{name} did not start: {ended:?} {}", said());
            sleep(Duration::from_millis(10));
        }
        daemon
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// A port of 127.0.0.1 that is free now, and so is the next one.
pub fn two_free_ports() -> u16 {
    let first = || TcpListener::bind("127.0.0.1:0").unwrap();
    let pair = |one: TcpListener| {
        let port = one.local_addr().unwrap().port();
        TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok().map(|_| port)
    };
    std::iter::repeat_with(first).take(100).find_map(pair).expect("no two ports in a row are free")
}
