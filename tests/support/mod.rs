//! What every test uses: the tool run as a person or a script runs it, and real tokens to run it on.

#![allow(dead_code)] // Each subject uses its own part of it.

pub mod administrator;
pub mod cards;
pub mod desk;
pub mod kryoptic;
pub mod marks;
pub mod modules;
pub mod running;
pub mod schema;
pub mod softhsm;
pub mod terminal;

use std::{
    ffi::OsStr,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// The result of one run.
#[derive(Debug)]
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// What a call ended with; each object of JSON holds to the schema.
    #[track_caller]
    pub fn of(code: i32, out: Vec<u8>, err: Vec<u8>) -> Self {
        let out = String::from_utf8(out).unwrap();
        schema::hold(&out);
        Self { code, out, err: String::from_utf8(err).unwrap() }
    }

    /// The one JSON object on standard output; anything else there is a failure.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.out.trim_end().lines().count(), 1, "one line of JSON: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code and returns the run.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// One call of the tool, in a home of its own: no configuration, lock or module of the machine is seen.
pub struct Pukka {
    command: Command,
    stdin: Option<String>,
}

/// The tool with these arguments. `home` holds its state; calls that share it share locks.
pub fn pukka<A: AsRef<OsStr>>(home: &Path, arguments: impl IntoIterator<Item = A>) -> Pukka {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pukka"));
    command.args(arguments).env_clear();
    for kept in ["PATH", "LANG", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command.env("HOME", home).env("XDG_STATE_HOME", home.join("state")).env("XDG_CONFIG_HOME", home.join("config"));
    // Where p11-kit knows it, the module of a TPM would make its store in the working directory.
    command.env("TPM2_PKCS11_STORE", home);
    // Nobody listens there: a test that wants cards names its own pcscd.
    command.env("PCSCLITE_CSOCK_NAME", home.join("no-pcscd"));
    Pukka { command, stdin: None }
}

/// A command that runs the tool, of whatever else it consists.
impl From<Command> for Pukka {
    fn from(command: Command) -> Self {
        Self { command, stdin: None }
    }
}

impl Pukka {
    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets several.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        self.command.envs(pairs);
        self
    }

    /// Gives it standard input.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// Lets a fixture set what it needs.
    pub fn with(mut self, set: impl FnOnce(&mut Command)) -> Self {
        set(&mut self.command);
        self
    }

    /// Lets another program start it: `launcher` gets the tool, its arguments and its environment.
    pub fn started_by(self, mut launcher: Command) -> Self {
        launcher.arg(self.command.get_program()).args(self.command.get_args()).env_clear();
        launcher.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self { command: launcher, ..self }
    }

    /// The call by somebody who is not root, who reads and writes what root has laid out for the test.
    pub fn by_a_user(self) -> Self {
        if !nix::unistd::getuid().is_root() {
            return self;
        }
        // (A namespace of users would do as well, but for a chroot, which has none.)
        let rights = "+dac_override,+dac_read_search";
        let mut user = Command::new("setpriv");
        user.args(["--reuid=65534", "--inh-caps", rights, "--ambient-caps", rights]);
        self.started_by(user)
    }

    /// The bare command, for a test that starts it in its own way (a terminal, in the background).
    pub fn command(self) -> Command {
        self.command
    }

    /// Runs it to its end, in a session of its own: there is no terminal to ask on.
    #[track_caller]
    pub fn run(self) -> Run {
        let Self { command, stdin } = self;
        let mut detached = detached(&command);
        detached.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        detached.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = detached.spawn().unwrap();
        if let Some(text) = stdin {
            // A tool that refuses its arguments does not read.
            let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        }
        let output = child.wait_with_output().unwrap();
        Run::of(output.status.code().unwrap_or_else(|| panic!("killed: {output:?}")), output.stdout, output.stderr)
    }
}

/// The same command under `setsid`, so that the terminal of whoever runs the tests is not its controlling terminal.
pub fn detached(command: &Command) -> Command {
    let mut detached = Command::new("setsid");
    detached.arg("--wait").arg(command.get_program()).args(command.get_args()).env_clear();
    detached.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    detached
}

/// A fresh directory for a home.
pub fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}
