//! `doctor`: what an examination of this machine finds, from pukka's own files to the cards. It spends nothing and changes nothing.

use std::path::{Path, PathBuf};

use crate::{
    config::{self, Config},
    device::{self, Settings, card::iso7816::Profiles},
    finding::{Check, Finding, Value},
    policy::{Clause, Policy},
    secret,
    token::{Route, Text},
};

/// The configuration as far as its files hold, and what there is to tell of them.
pub fn configuration(named: Option<&Path>) -> (Config, Vec<Finding>) {
    let (mut config, mut findings) = (Config::default(), Vec::new());
    for file in config::files(named) {
        let shown = file.path.display().to_string();
        let finding = match file.read() {
            Ok(None) => continue,
            Ok(Some(read)) => {
                config = read.over(config);
                Finding::ok(Check::Configuration, format!("{} holds", shown.escape_debug()))
            }
            Err(error) => {
                Finding::failure(Check::Configuration, &error).cure("correct that file; every other command refuses it")
            }
        };
        findings.push(finding.with("path", Value::Name(Text::from(shown.as_str()))));
    }
    if let Err(error) = config.policy.check() {
        let cure = "make the user's file at least as strict; every other command refuses it";
        findings.push(Finding::failure(Check::Configuration, &error).cure(cure));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Configuration, "there is no configuration file: the defaults hold"));
    }
    (config, findings)
}

/// The profiles of cards, and why those of files are left out where one does not hold.
pub fn profiles_that_hold(named: Option<&Path>, directories: &[PathBuf]) -> (Profiles, Vec<Finding>) {
    match super::profiles(named, directories) {
        Ok((profiles, _)) => (profiles, Vec::new()),
        Err(error) => {
            let cure = "`pukka profile check FILE` says what is wrong; every other command refuses it";
            let finding = Finding::failure(Check::Configuration, &error).cure(cure);
            // Those that are compiled in hold.
            (Profiles::with(Vec::new()).unwrap_or_default(), vec![finding])
        }
    }
}

/// Everything else: who may change pukka's files, and what the devices say.
pub fn doctor(named: Option<&Path>, via: Option<Route>, policy: &Policy, settings: &Settings) -> Vec<Finding> {
    let mut findings = config::permissions(named);
    findings.extend(policy.check_applications(&device::known(settings)).err().map(|error| {
        let cure = "correct the name, or add the profile that has it; other commands refuse the policy";
        Finding::failure(Check::Configuration, &error).cure(cure)
    }));
    findings.extend(policy.clauses().filter_map(Clause::list).filter_map(|(path, origin)| {
        let error = config::list(path, &origin).err()?;
        let cure = "make it a file that all can read and, where the administrator names it, only root can change";
        let finding = Finding::failure(Check::Configuration, &error).cure(cure);
        Some(finding.with("path", Value::Name(Text::from(path.display().to_string().as_str()))))
    }));
    findings.extend(stateless(config::state().is_some()));
    findings.extend(config::lost().iter().flat_map(|lost| left_in(lost)));
    findings.push(memory(secret::refusal()));
    findings.extend(device::examine(via, settings));
    findings
}

/// That what has to outlive a crash can be put nowhere, where that is so.
fn stateless(has_place: bool) -> Option<Finding> {
    let what =
        "neither HOME nor XDG_STATE_HOME names a place for copies and locks: no token behind a module can be changed";
    let cure = "set XDG_STATE_HOME; a unit of systemd has %S and StateDirectory= for that";
    (!has_place).then(|| Finding::problem(Check::PreImage, what).cure(cure))
}

/// Generated values that a token may have, and that stand in no other place.
fn left_in(directory: &Path) -> Vec<Finding> {
    // What cannot be looked at is told with the permissions.
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.sort();
    let of = |path: &PathBuf| {
        let shown = path.display().to_string();
        let name = shown.escape_debug();
        Finding::warning(Check::Lost, format!("a generated value that standard output did not take is in {name}"))
            .cure(format!("take it from there, or delete {name} where the token has another value by now"))
            .with("path", Value::Name(Text::from(shown.as_str())))
    };
    paths.iter().map(of).collect()
}

/// Whether the system keeps secrets out of swap; `refusal` is why it does not.
fn memory(refusal: Option<String>) -> Finding {
    match refusal {
        None => Finding::ok(Check::Memory, "secrets lie in locked memory, which is never written to swap"),
        Some(why) => {
            Finding::warning(Check::Memory, "the system locks no memory, so that secrets may be written to swap")
                .cure(
                    "allow 64 KiB of it (`ulimit -l 64`, or memlock in /etc/security/limits.conf), or encrypt the swap",
                )
                .detail(why)
        }
    }
}
