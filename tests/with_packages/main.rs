//! What is installed, by `make install` and as a Debian package: it works where it stands, and goes away without a trace.
//!
//! `make test-deb` builds both and runs these tests; `make test` runs none of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[allow(unused_imports, reason = "each subject uses its own part of it")]
#[path = "../support/mod.rs"]
mod support;

mod debian;
mod prefix;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use support::{Run, desk::Desk};

/// The top of the sources.
fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command that has to succeed, and returns what it said.
#[track_caller]
fn done(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&stderr));
    said
}

/// Every file below a directory, by its path from there.
fn files(top: &Path) -> Vec<PathBuf> {
    fn below(directory: &Path, top: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => below(&path, top, found),
                false => found.push(path.strip_prefix(top).unwrap().to_owned()),
            }
        }
    }
    let mut found = Vec::new();
    below(top, top, &mut found);
    found.sort();
    found
}

/// The program that was installed, called as a desk calls the one that was built.
#[track_caller]
fn installed(program: &Path, desk: &Desk, words: &str) -> Run {
    let call = desk.call(words).command();
    let mut command = Command::new(program);
    command.args(call.get_args()).env_clear();
    command.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    support::Pukka::from(command).run()
}

/// Asserts that the program there works on a token, and says what the one that was built says.
#[track_caller]
fn works(program: &Path) {
    let desk = Desk::new();
    let status = installed(program, &desk, "status desk-7 --json").code(0).json();
    assert_eq!(status["tokens"][0]["references"][0]["state"], "ready", "{status}");
    assert!(installed(program, &desk, "status desk-7").code(0).out.contains("PIN           ready"));
    installed(program, &desk, "pin change --token desk-7 --pin env:PIN --new-pin env:NEW").code(0);
    assert!(desk.is_pin(support::desk::NEW));
}

/// Asserts that `man` finds every page below `manual`, by the name of its command, and shows it.
#[track_caller]
fn is_found_by_man(manual: &Path) {
    for page in ["pukka", "pukka-pin-change", "pukka-token-restore"] {
        let mut man = Command::new("man");
        let shown =
            done(man.arg("--warnings").arg("-M").arg(manual).arg(page).env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8"));
        assert!(shown.starts_with(&format!("{}(1)", page.to_uppercase())), "{shown}");
    }
    let path = done(Command::new("man").args(["-w", "pukka-pin-change"]).env("MANPATH", manual));
    assert!(Path::new(path.trim()).starts_with(manual), "{path}");
}

/// Asserts that the shells offer what pukka has, from the files below `share` that they look for; `zsh` is where the third has them.
#[track_caller]
fn shells_complete(share: &Path, zsh: &str) {
    let bash = share.join("bash-completion/completions/pukka");
    let offer = r#"
        . "$0"; complete -p pukka
        COMP_WORDS=(pukka pin "$1"); COMP_CWORD=2; _pukka pukka "$1" pin; echo "verbs: ${COMPREPLY[*]}"
        COMP_WORDS=(pukka pin change --new); COMP_CWORD=3; _pukka pukka --new change; echo "options: ${COMPREPLY[*]}""#;
    let said = done(Command::new("bash").args(["--norc", "-c", offer]).arg(&bash).arg("re"));
    assert!(
        said.contains("-F _pukka") && said.contains("verbs: reset\n") && said.contains("options: --new-pin\n"),
        "{said}"
    );

    let fish = share.join("fish/vendor_completions.d/pukka.fish");
    let said =
        done(Command::new("fish").args(["--no-config", "-c", "source $argv[1]; complete -C 'pukka pin '"]).arg(fish));
    for verb in ["set", "change", "verify", "unblock", "reset"] {
        assert!(said.lines().any(|line| line.starts_with(&format!("{verb}\t"))), "{verb}: {said}");
    }

    // It offers nothing without a terminal; that it finds the function by the name of the command and can read it is told here.
    let load = "fpath=($1 $fpath); autoload -Uz compinit && compinit -D -u && autoload +X -Uz _pukka && print -r -- $_comps[pukka]; whence -v _pukka";
    let said = done(Command::new("zsh").args(["-f", "-c", load, "zsh"]).arg(share.join(zsh)));
    assert!(said.starts_with("_pukka\n") && said.contains("_pukka is a shell function"), "{said}");
}
