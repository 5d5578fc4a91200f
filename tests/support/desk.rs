//! A desk: a token store, a home for the tool, and the secrets of one token by name.

use std::{
    fs,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use super::softhsm::{Faults, SoftHsm, calls, softhsm_module};
use super::{Pukka, Run, home, pukka};

/// The user PIN in the variable `PIN`.
pub const PIN: &str = "123456";
/// Another one, in `NEW`.
pub const NEW: &str = "86420975";
/// A third one, in `OTHER`.
pub const OTHER: &str = "161803";
/// One that no token here ever has, in `WRONG`.
pub const WRONG: &str = "999999";
/// The SO PIN, in `SO`.
pub const SO: &str = "12345678";
/// Another one, in `SO2`.
pub const SO2: &str = "12344321";
/// The label of the token that most tests need.
pub const LABEL: &str = "desk-7";

/// SoftHSM2 and a home; both go away with it.
pub struct Desk {
    pub store: SoftHsm,
    pub home: TempDir,
}

impl Desk {
    /// With an empty store: one blank slot.
    pub fn blank() -> Self {
        Self { store: SoftHsm::new(), home: home() }
    }

    /// With one token of [`LABEL`], [`SO`] and [`PIN`].
    pub fn new() -> Self {
        let desk = Self::blank();
        desk.store.token(LABEL, SO, Some(PIN));
        desk
    }

    /// The same, on the file system that is built on: that of temporary files may live in memory.
    pub fn on_disk() -> Self {
        let desk = Self { store: SoftHsm::on_disk(), home: home() };
        desk.store.token(LABEL, SO, Some(PIN));
        desk
    }

    /// The tool on this store, without a module: `arguments` are all that it gets.
    fn tool<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Pukka {
        pukka(self.home.path(), arguments)
            .envs([("PIN", PIN), ("NEW", NEW), ("OTHER", OTHER), ("WRONG", WRONG), ("SO", SO), ("SO2", SO2)])
            .with(|command| self.store.envs(command))
    }

    /// The tool on this store, without a module: what is in `words`, split at blanks, is all that it gets.
    pub fn bare(&self, words: &str) -> Pukka {
        self.tool(words.split_whitespace())
    }

    /// The tool on SoftHSM2 itself.
    pub fn call(&self, words: &str) -> Pukka {
        self.bare(words).with(|command| {
            command.arg("--module").arg(softhsm_module());
        })
    }

    /// The tool on SoftHSM2, run to its end.
    #[track_caller]
    pub fn run(&self, words: &str) -> Run {
        self.call(words).run()
    }

    /// The tool on SoftHSM2 behind these faults.
    pub fn faulty(&self, faults: &Faults, words: &str) -> Pukka {
        self.bare(words).with(|command| {
            command.arg("--module").arg(faults.module());
            faults.envs(command);
        })
    }

    /// The tool behind faults, run to its end, and the names of the C_* calls it made, in order.
    #[track_caller]
    pub fn watched(&self, faults: Faults, words: &str) -> (Run, Vec<String>) {
        let run = self.faulty(&faults.log(&self.log()), words).run();
        (run, self.calls())
    }

    /// The tool with the fault module as the one that its environment names; [`Desk::calls`] has what it calls there.
    pub fn logged(&self, arguments: &[&str]) -> Pukka {
        self.logged_behind(Faults::new(), arguments)
    }

    /// As [`Desk::logged`], meeting faults.
    pub fn logged_behind(&self, faults: Faults, arguments: &[&str]) -> Pukka {
        let faults = faults.log(&self.log());
        let call = self.tool(arguments.iter().copied()).env("PUKKA_MODULE", faults.module());
        call.with(|command| faults.envs(command))
    }

    fn log(&self) -> PathBuf {
        self.path("calls.log")
    }

    /// The names of the logged calls since the last time, in order.
    pub fn calls(&self) -> Vec<String> {
        let names = calls(&self.log()).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        let _ = fs::remove_file(self.log());
        names
    }

    /// Asserts that no logged call presented or changed a secret.
    #[track_caller]
    pub fn nothing_was_sent(&self) {
        assert_not_called(&self.calls(), &WITH_SECRETS);
    }

    /// Asserts that no module was even initialised, of those that are logged.
    #[track_caller]
    pub fn nothing_was_opened(&self) {
        assert_eq!(self.calls(), Vec::<String>::new());
    }

    /// A path in the home of the tool.
    pub fn at_home(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a [`secret_file`] in the home of the tool.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        secret_file(&self.at_home(name), content)
    }

    /// A path in a directory that goes away with the desk.
    pub fn path(&self, name: &str) -> PathBuf {
        self.store.dir().join(name)
    }

    /// Where the tool keeps its locks.
    pub fn locks(&self) -> PathBuf {
        self.home.path().join("state/pukka/locks")
    }

    /// Makes every lock file look as if its token had not been touched for long.
    pub fn age_locks(&self) {
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        // Before the first call there is none.
        for entry in fs::read_dir(self.locks()).into_iter().flatten() {
            fs::File::open(entry.unwrap().path()).unwrap().set_modified(long_ago).unwrap();
        }
    }

    /// Whether `pin` is the user PIN of the token of [`LABEL`], as another program finds it.
    pub fn is_pin(&self, pin: &str) -> bool {
        self.store.login_ok(LABEL, "user", pin)
    }

    /// Whether `pin` is the SO PIN of the token of [`LABEL`], as another program finds it.
    pub fn is_so_pin(&self, pin: &str) -> bool {
        self.store.login_ok(LABEL, "so", pin)
    }
}

/// Starts the tool and does not wait: the child is the tool itself, so that its process id takes signals.
///
/// It has no terminal to ask on where its words say `--no-input`.
pub fn start(tool: Pukka) -> Child {
    let mut command: Command = tool.command();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for a tool that was started.
#[track_caller]
pub fn finish(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    Run::of(output.status.code().unwrap_or_else(|| panic!("killed: {output:?}")), output.stdout, output.stderr)
}

/// How often each of `names` was called, for a sentence of its own when it is not as it should be.
#[track_caller]
pub fn assert_not_called(calls: &[String], names: &[&str]) {
    for name in names {
        assert!(!calls.iter().any(|call| call == name), "{name} was called: {calls:?}");
    }
}

/// Every call that presents or sets a secret.
pub const WITH_SECRETS: [&str; 4] = ["C_Login", "C_SetPIN", "C_InitPIN", "C_InitToken"];

/// Those of `calls` whose names are in `names`, in order.
pub fn only<'a>(calls: &'a [String], names: &[&str]) -> Vec<&'a str> {
    calls.iter().map(String::as_str).filter(|call| names.contains(call)).collect()
}

/// The selectors of a listing in JSON.
pub fn selectors(run: &Run) -> Vec<String> {
    let json = run.json();
    let tokens = json["tokens"].as_array().unwrap();
    tokens.iter().map(|token| token["selector"].as_str().unwrap().to_owned()).collect()
}

/// Writes a file of mode 0600, that only the tool's user can read.
pub fn secret_file(path: &Path, content: impl AsRef<[u8]>) -> PathBuf {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.unwrap().write_all(content.as_ref()).unwrap();
    path.to_owned()
}

/// Gives a file another mode.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
