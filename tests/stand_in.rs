//! Stand-in cards, driven by other tools than pukka: what they answer is what cards of their kind answer.

mod faults;
mod gids;
mod iso7816;
mod openpgp;
mod piv;
mod sc_hsm;

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::support::cards::{Card, Pcscd};

/// Exit code, and both outputs, of a program at the cards of `pcscd`, with `environment` besides.
fn run(pcscd: &Pcscd, tool: &str, arguments: &[&str], environment: &[(&str, &OsStr)]) -> (Option<i32>, String) {
    let home = TempDir::new().unwrap(); // for caches
    let mut command = Command::new(tool);
    command.args(arguments).env("HOME", home.path()).env("XDG_CACHE_HOME", home.path());
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    let output = pcscd.apply(&mut command).output().unwrap_or_else(|error| panic!("{tool}: {error}"));
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.code(), said)
}

/// As [`run`], of one of OpenSC's tools at the card in reader 0.
fn opensc(pcscd: &Pcscd, tool: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let (code, said) = run(pcscd, tool, arguments, &[]);
    // Said or not, as two readers or one have a card.
    let said = said
        .lines()
        .filter(|line| !line.starts_with("Using reader"))
        .fold(String::new(), |said, line| said + line + "\n");
    (code, said)
}

/// As [`opensc`], of a call that must go well; not every tool says so by its exit code.
#[track_caller]
pub fn opensc_does(pcscd: &Pcscd, tool: &str, arguments: &[&str]) -> String {
    let (code, said) = opensc(pcscd, tool, arguments);
    assert!(code == Some(0) && !said.contains("fail"), "{tool} {arguments:?}: {code:?} {said}");
    said
}

#[test]
fn eight_readers_hold_eight_cards() {
    let serials = ["00000001", "00000002", "00000003", "00000004", "00000005", "00000006", "00000007", "00000008"];
    let (pcscd, _cards) = Pcscd::with(serials.map(|serial| Card::stand_in("gids").serial(serial)));
    for (index, serial) in serials.into_iter().enumerate() {
        let answers = pcscd.send(index, &["00A4040009A00000039742544659", "00CBA012045C02DF2000"]);
        assert_eq!(answers[1], format!("DF201061204749445320636172642E{serial}9000"), "reader {index}");
    }
}

#[test]
fn a_card_with_two_applications_answers_to_both() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("gids,sc-hsm").dialect("sc-hsm.tries=5")]);
    let (gids, hsm) = ("00A4040009A00000039742544659", "00A404000BE82B0601040181C31F0201");
    let answers = pcscd.send(0, &["00200080", hsm, "00200081", "00A4040005A000000001", gids, "00200080"]);
    assert_eq!(answers[0], "63C3", "the first is there without being asked for");
    assert_eq!(answers[2..4], ["63C5", "6A82"]);
    assert_eq!(answers[5], "63C3");
}
