//! kryoptic in a directory of its own: a module that counts wrong PINs and locks.

#![allow(clippy::expect_used, clippy::panic, reason = "clippy's leave for tests ends at the test function")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

use super::cards::fixtures;

/// kryoptic's module: built by the first to ask, or the one that `PUKKA_KRYOPTIC_MODULE` names.
pub fn kryoptic_module() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| env::var_os("PUKKA_KRYOPTIC_MODULE").map_or_else(build, PathBuf::from)).clone()
}

fn build() -> PathBuf {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("softhsm-fixtures/kryoptic");
    let target = fixture.join("target");
    let mut cargo = fixtures::cargo();
    cargo.args(["build", "--locked", "--target-dir"]).arg(&target).current_dir(&fixture);
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "kryoptic: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    target.join("debug").join(format!("{}kryoptic_module{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX))
}

/// One slot, whose token goes away with it.
pub struct Kryoptic {
    dir: TempDir,
    conf: PathBuf,
}

impl Kryoptic {
    /// With a blank token.
    pub fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let conf = dir.path().join("kryoptic.conf");
        let tokens = dir.path().join("token.sql");
        let text = format!("[[slots]]\nslot = 0\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n", tokens.display());
        fs::write(&conf, text).expect("the configuration");
        Self { dir, conf }
    }

    /// The directory of the store; a test may put its own files beside it.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Makes `command` use this store.
    pub fn envs(&self, command: &mut Command) {
        command.env("KRYOPTIC_CONF", &self.conf);
    }
}
