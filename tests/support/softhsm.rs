//! SoftHSM2 in a directory of its own, and the fault module in front of it.
//!
//! A missing package or a module that does not build fails the test: a test that skips proves nothing.

#![allow(clippy::expect_used, clippy::panic, reason = "clippy's leave for tests ends at the test function")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// SoftHSM2's module.
pub fn softhsm_module() -> PathBuf {
    const NAME: &str = "libsofthsm2.so";
    // Debian links the first to its multiarch directory; other systems have one of the others.
    let fixed = ["/usr/lib/softhsm", "/usr/lib64/softhsm", "/usr/lib64/pkcs11", "/usr/local/lib/softhsm"];
    let multiarch = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path().join("softhsm"));
    let mut found = fixed.into_iter().map(PathBuf::from).chain(multiarch).map(|dir| dir.join(NAME));
    found.find(|path| path.is_file()).expect("SoftHSM2 is not installed: it is in the package softhsm2")
}

/// The fault module: built once for this test process, or the one that `PUKKA_FAULT_MODULE` names.
pub fn fault_module() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = || match std::env::var_os("PUKKA_FAULT_MODULE") {
        Some(path) => path.into(),
        None => build().unwrap_or_else(|error| panic!("the fault module: {error:#}")),
    };
    BUILT.get_or_init(built).clone()
}

fn build() -> Result<PathBuf> {
    const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/softhsm-fixtures/fault-module/Cargo.toml");
    // A target directory of its own: the outer cargo may hold the lock of the usual one.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault-module");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--manifest-path", MANIFEST, "--target-dir"]).arg(&target);
    // What the outer cargo, or a coverage run around it, means for the crate under test only; the target triple
    // would also move what is built.
    for name in ["RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "MAKEFLAGS", "MFLAGS"] {
        cargo.env_remove(name);
    }
    let disturbing = ["CARGO_BUILD_", "CARGO_ENCODED_", "CARGO_MAKEFLAGS", "CARGO_PROFILE_", "CARGO_UNSTABLE_"];
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| disturbing.iter().any(|start| name.starts_with(start))) {
            cargo.env_remove(name);
        }
    }
    run(&mut cargo)?;
    let name = format!("{}fault_module{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let module = target.join("debug").join(name);
    ensure!(module.is_file(), "cargo built no {}", module.display());
    Ok(module)
}

/// A token store that goes away with it.
pub struct SoftHsm {
    dir: TempDir,
    conf: PathBuf,
}

impl SoftHsm {
    pub fn new() -> Self {
        Self::within(TempDir::new().expect("a temporary directory"))
    }

    /// On the file system that is built on: that of temporary files may live in memory.
    pub fn on_disk() -> Self {
        Self::within(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory"))
    }

    fn within(dir: TempDir) -> Self {
        let tokens = dir.path().join("tokens");
        let conf = dir.path().join("softhsm2.conf");
        let dir_name = dir.path().to_str().expect("a temporary directory in UTF-8");
        let text = include_str!("../../softhsm-fixtures/softhsm2.conf").replace("DIR", dir_name);
        fs::create_dir(&tokens).and_then(|()| fs::write(&conf, text)).expect("the token store");
        Self { dir, conf }
    }

    /// The directory of the store; a test may put its own files beside it.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn conf(&self) -> &Path {
        &self.conf
    }

    /// Makes `command` use this store.
    pub fn envs(&self, command: &mut Command) {
        command.env("SOFTHSM2_CONF", &self.conf);
    }

    /// Initialises the blank token and returns its serial. Without `pin`, its user PIN stays uninitialised.
    pub fn token(&self, label: &str, so_pin: &str, pin: Option<&str>) -> String {
        self.init(label, so_pin, pin).unwrap_or_else(|error| panic!("token {label}: {error:#}"))
    }

    fn init(&self, label: &str, so_pin: &str, pin: Option<&str>) -> Result<String> {
        let mut command = Command::new("softhsm2-util");
        command.args(["--init-token", "--free", "--label", label, "--so-pin", so_pin]);
        match pin {
            Some(pin) => {
                command.args(["--pin", pin]);
            }
            // The tool always initialises the user PIN too; the fault module keeps that from the token.
            None => {
                let faults = Faults::new().rule("C_InitPIN=lie");
                command.args(["--pin", "unused", "--module"]).arg(faults.module());
                faults.envs(&mut command);
            }
        }
        self.envs(&mut command);
        let said = run(&mut command)?;
        let slot = said.rsplit(' ').next().unwrap_or_default().trim();

        let mut command = Command::new("softhsm2-util");
        command.arg("--show-slots");
        self.envs(&mut command);
        let slots = run(&mut command)?;
        let from_slot = slots.lines().skip_while(|line| *line != format!("Slot {slot}"));
        let serial = from_slot.map(str::trim).find_map(|line| line.strip_prefix("Serial number:"));
        Ok(serial.context("the new token is not listed")?.trim().to_owned())
    }

    /// Whether `pin` is the PIN of `user` ("user" or "so"), as another program finds it: pkcs11-tool, of the package
    /// opensc. A wrong PIN costs what it costs.
    pub fn login_ok(&self, label: &str, user: &str, pin: &str) -> bool {
        self.logs_in(["--token-label", label], user, pin)
    }

    /// The same of the token with this serial, where several have one label.
    pub fn serial_login_ok(&self, serial: &str, user: &str, pin: &str) -> bool {
        // SoftHSM2 makes the slot id of an initialised token from the last eight digits of its serial.
        let digits = serial.get(serial.len() - 8..).and_then(|end| u32::from_str_radix(end, 16).ok());
        let slot = digits.expect("a serial of SoftHSM2") & 0x7fff_ffff;
        self.logs_in(["--slot", &slot.to_string()], user, pin)
    }

    fn logs_in(&self, which: [&str; 2], user: &str, pin: &str) -> bool {
        logs_in(&softhsm_module(), |command| self.envs(command), which, user, pin)
    }
}

/// Whether `pin` is the PIN of `user` ("user" or "so") of a token of `module`, as pkcs11-tool finds it, of the package opensc;
/// `set` makes it use the right store. A wrong PIN costs what it costs, and one that is locked is no PIN.
pub fn logs_in(module: &Path, set: impl FnOnce(&mut Command), which: [&str; 2], user: &str, pin: &str) -> bool {
    const VARIABLE: &str = "PIN_TO_PROVE";
    let option = match user {
        "user" => "--pin",
        "so" => "--so-pin",
        _ => panic!("no such user: {user}"),
    };
    let mut command = Command::new("pkcs11-tool");
    command.arg("--module").arg(module).args(which).args(["--login", "--login-type", user]);
    // The SO logs in to read/write sessions only.
    command.args([option, &format!("env:{VARIABLE}"), "--session-rw", "--list-objects"]).env(VARIABLE, pin);
    set(&mut command);
    let output = output(&mut command).unwrap_or_else(|error| panic!("{error:#}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let refused = ["CKR_PIN_INCORRECT", "CKR_USER_PIN_NOT_INITIALIZED", "CKR_PIN_LEN_RANGE", "CKR_PIN_LOCKED"];
    // Any other failure is no answer to the question.
    match output.status.success() {
        false if refused.iter().any(|code| said.contains(code)) => false,
        true if said.contains("No slot with token") => panic!("there is no token {}", which[1]),
        true => true,
        false => panic!("pkcs11-tool: {}: {said}", output.status),
    }
}

/// Faults in front of a module: what to set for a command that loads [`Faults::module`].
pub struct Faults {
    real: PathBuf,
    rules: Vec<String>,
    others: Vec<(&'static str, OsString)>,
}

impl Faults {
    /// In front of SoftHSM2.
    pub fn new() -> Self {
        Self::before(softhsm_module())
    }

    /// In front of another module.
    pub fn before(real: PathBuf) -> Self {
        Self { real, rules: Vec::new(), others: Vec::new() }
    }

    /// Adds a rule, or several separated by `;`.
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rules.push(rule.into());
        self
    }

    /// Writes every call to this file; [`calls`] reads it.
    pub fn log(self, path: &Path) -> Self {
        self.with("FAULT_MODULE_LOG", path)
    }

    /// Types the user PIN at the token's pad, and the new one where the call wants it; needs the rule `pad`.
    pub fn pad_user(self, pin: &str, new: &str) -> Self {
        self.with("FAULT_MODULE_PAD_USER", pin).with("FAULT_MODULE_PAD_NEW_USER", new)
    }

    /// Types the SO PIN at the token's pad, and the new one where the call wants it; needs the rule `pad`.
    pub fn pad_so(self, pin: &str, new: &str) -> Self {
        self.with("FAULT_MODULE_PAD_SO", pin).with("FAULT_MODULE_PAD_NEW_SO", new)
    }

    /// The module to load.
    pub fn module(&self) -> PathBuf {
        fault_module()
    }

    /// Makes a command that loads the module meet the faults.
    pub fn envs(&self, command: &mut Command) {
        command.env("FAULT_MODULE_REAL", &self.real).env("FAULT_MODULE_RULES", self.rules.join(";"));
        command.envs(self.others.iter().map(|(name, value)| (name, value)));
    }

    fn with(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.others.push((name, value.as_ref().to_owned()));
        self
    }
}

/// The lines of a log, each `C_NAME = 0xCODE`; none when nothing was called.
pub fn calls(log: &Path) -> Vec<String> {
    fs::read_to_string(log).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Where a call stops until the test lets it go on: the path of a rule `pause:` or `pause-after:`.
pub struct Gate(PathBuf);

impl Gate {
    /// In `dir`, which must go away with the test: a call still waiting dies with it.
    pub fn new(dir: &Path, name: &str) -> Self {
        Self(dir.join(name))
    }

    /// The rule that makes `call` stop here, before it is forwarded.
    pub fn before(&self, call: &str) -> String {
        format!("{call}=pause:{}", self.0.display())
    }

    /// The rule that makes `call` stop here, when it is done but its caller does not know it.
    pub fn after(&self, call: &str) -> String {
        format!("{call}=pause-after:{}", self.0.display())
    }

    /// Waits until a call is here.
    pub fn wait(&self) {
        let reached = format!("{}.reached", self.0.display());
        let start = Instant::now();
        while !Path::new(&reached).exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "no call came to {}", self.0.display());
            sleep(Duration::from_millis(2));
        }
    }

    /// Lets the call, and every later one, go on.
    pub fn open(&self) {
        fs::write(&self.0, "").expect("the gate");
    }
}

/// Runs `command` to its end and returns what it said; its complaint is the error.
fn run(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let name = command.get_program().to_string_lossy();
    ensure!(output.status.success(), "{name}: {}: {complaint}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn output(command: &mut Command) -> Result<Output> {
    let package = match command.get_program().to_str() {
        Some("softhsm2-util") => ", it is in the package softhsm2",
        Some("pkcs11-tool") => ", it is in the package opensc",
        _ => "",
    };
    command.output().with_context(|| format!("{} does not run{package}", command.get_program().to_string_lossy()))
}
