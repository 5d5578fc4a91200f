//! A SoftHSM2 token at a desk, behind the fault module, with a log of every call that reached it.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    Pukka, home, pukka,
    softhsm::{Faults, SoftHsm, calls},
};

/// The user PIN of the token.
pub const PIN: &str = "123456";
/// Its SO PIN.
pub const SO_PIN: &str = "12345678";
/// A value that the token takes.
pub const NEW: &str = "86420975";

/// One live token, "desk", and the home of the tool that is called on it.
pub struct Desk {
    /// The store of the token.
    pub hsm: SoftHsm,
    /// The home of the tool.
    pub home: TempDir,
}

impl Desk {
    /// A token with both PINs set.
    pub fn new() -> Self {
        let hsm = SoftHsm::new();
        hsm.token("desk", SO_PIN, Some(PIN));
        Self { hsm, home: home() }
    }

    /// A store with nothing but a blank slot.
    pub fn blank() -> Self {
        Self { hsm: SoftHsm::new(), home: home() }
    }

    /// A call, with PIN, WRONG, SO and NEW in its environment.
    pub fn call(&self, arguments: &[&str]) -> Pukka {
        self.faulty(arguments, Faults::new())
    }

    /// A call that meets faults.
    pub fn faulty(&self, arguments: &[&str], faults: Faults) -> Pukka {
        let faults = faults.log(&self.log());
        let call = pukka(self.home.path(), arguments).env("PUKKA_MODULE", faults.module());
        let call = call.env("PIN", PIN).env("WRONG", "999999").env("SO", SO_PIN).env("NEW", NEW);
        call.with(|command| faults.envs(command)).with(|command| self.hsm.envs(command))
    }

    fn log(&self) -> PathBuf {
        self.hsm.dir().join("calls.log")
    }

    /// The names of the calls that reached the module since the last time.
    pub fn calls(&self) -> Vec<String> {
        let names = calls(&self.log()).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        let _ = fs::remove_file(self.log());
        names
    }

    /// Asserts that no call presented or changed a secret.
    #[track_caller]
    pub fn nothing_was_sent(&self) {
        let secret = ["C_Login", "C_SetPIN", "C_InitPIN", "C_InitToken"];
        let calls = self.calls();
        assert!(!calls.iter().any(|call| secret.contains(&call.as_str())), "{calls:?}");
    }

    /// Asserts that no module was even initialised.
    #[track_caller]
    pub fn nothing_was_opened(&self) {
        assert_eq!(self.calls(), Vec::<String>::new());
    }

    /// Whether `pin` is the user PIN.
    pub fn is_pin(&self, pin: &str) -> bool {
        self.hsm.login_ok("desk", "user", pin)
    }

    /// Writes a file that its owner alone may read, and returns its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        secret_file(&self.home.path().join(name), content)
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

/// Writes a file of mode 0600.
pub fn secret_file(path: &Path, content: impl AsRef<[u8]>) -> PathBuf {
    use std::io::Write;
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.unwrap().write_all(content.as_ref()).unwrap();
    path.to_owned()
}

/// Gives a file another mode.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
