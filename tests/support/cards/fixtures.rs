//! Where the programs of `softhsm-fixtures/virtual-cards` are. The first to ask builds them; `PUKKA_VIRTUAL_CARDS` is a
//! directory that has them already.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Result, anyhow};

use super::{must, output};

pub fn virtual_card() -> PathBuf {
    built().join("virtual-card")
}

pub fn stand_in_card() -> PathBuf {
    built().join("stand-in-card")
}

pub fn private_pcscd() -> PathBuf {
    built().join("private-pcscd")
}

pub fn card_tool() -> PathBuf {
    built().join("card-tool")
}

pub(super) fn built() -> &'static Path {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| match env::var_os("PUKKA_VIRTUAL_CARDS") {
        Some(directory) => Ok(directory.into()),
        None => build().map_err(|error| format!("{error:#}")),
    });
    must(built.as_deref().map_err(|error| anyhow!("{error}")))
}

fn build() -> Result<PathBuf> {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("softhsm-fixtures/virtual-cards");
    let target = bench.join("target");
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--locked", "--workspace", "--manifest-path"]).arg(bench.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target).current_dir(&bench);
    output(&mut cargo).map(|_| target.join("release"))
}

/// The driver of a reader with a PIN pad. The first to ask builds it.
pub fn pad_reader() -> PathBuf {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build_pad_reader().map_err(|error| format!("{error:#}")));
    must(built.clone().map_err(|error| anyhow!("{error}")))
}

fn build_pad_reader() -> Result<PathBuf> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("softhsm-fixtures/pad-reader");
    let target = fixture.join("target");
    let mut cargo = cargo();
    cargo.args(["build", "--locked", "--manifest-path"]).arg(fixture.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target);
    output(&mut cargo).map(|_| target.join("debug/libpad_reader.so"))
}

/// Cargo for a fixture: what the cargo that runs this test says of pukka (its flags, its wrapper for coverage) is not for it.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_the_outer_build)) {
        cargo.env_remove(name);
    }
    cargo
}

fn is_of_the_outer_build(name: &str) -> bool {
    const OURS: [&str; 6] =
        ["CARGO_HOME", "CARGO_BUILD_JOBS", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];
    let outer = ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "LLVM_PROFILE_FILE", "__CARGO"];
    outer.iter().any(|start| name.starts_with(start)) && !OURS.iter().any(|start| name.starts_with(start))
}
