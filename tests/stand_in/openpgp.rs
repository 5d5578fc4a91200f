//! OpenPGP cards, by GnuPG's scdaemon, which derives PINs itself, and by the tools of OpenSC and Yubico.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{opensc, opensc_does, run};
use crate::support::cards::{Card, Pcscd, reader_name};

const SCDAEMON: &str = "/usr/lib/gnupg/scdaemon";

/// What scdaemon says to these commands and answers; each PIN it asks for is the next of `lines`.
fn scdaemon(pcscd: &Pcscd, lines: &[&str]) -> String {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("scdaemon.conf"), "disable-ccid\n").unwrap(); // PC/SC and nothing else
    let mut command = Command::new(SCDAEMON);
    command.arg("--homedir").arg(home.path()).arg("--server");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = pcscd.apply(&mut command).spawn().unwrap_or_else(|error| panic!("{SCDAEMON}: {error}"));
    child.stdin.take().unwrap().write_all((lines.join("\n") + "\nBYE\n").as_bytes()).unwrap();
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
}

/// The answer to a question for a PIN.
fn pin(value: &str) -> String {
    format!("D {value}%00\nEND")
}

#[test]
fn gnupg_changes_both_pins_and_reads_the_tries() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("openpgp").dialect("card=v2")]);
    let [old, new, wrong] = ["123456", "654321", "111111"].map(pin);
    let [admin, new_admin] = ["12345678", "87654321"].map(pin);
    let [user, officer] = ["PASSWD 1", "PASSWD 3"];
    let said = scdaemon(
        &pcscd,
        &["SERIALNO openpgp", user, &old, &new, user, &wrong, &new, officer, &admin, &new_admin, "GETATTR CHV-STATUS"],
    );
    assert!(said.contains("S SERIALNO D276000124010201000500DEC0DE0000"), "{said}");
    assert_eq!(said.matches("Bad PIN").count(), 1, "{said}");
    assert!(said.contains("CHV-STATUS +0+127+127+127+2+0+3"), "{said}");
    let verified = pcscd.send(0, &["00A4040006D27600012401", "0020008106363534333231", "00200083083837363534333231"]);
    assert_eq!(verified, ["9000"; 3]);
}

#[test]
fn gnupg_derives_the_pins_of_a_card_with_kdf_as_the_card_does() {
    for salts in ["kdf=one-salt", "kdf=three-salts"] {
        let (pcscd, [card]) = Pcscd::with([Card::stand_in("openpgp").dialect(salts)]);
        let [old, new, admin, new_admin] = ["123456", "654321", "12345678", "87654321"].map(pin);
        let said = scdaemon(&pcscd, &["SERIALNO openpgp", "PASSWD 1", &old, &new, "PASSWD 3", &admin, &new_admin]);
        assert!(!said.contains("ERR") && said.matches("OK").count() == 5, "{salts}: {said}");
        let changes = card.apdus().into_iter().filter(|(command, _)| command.starts_with("0024"));
        let changes: Vec<_> = changes.map(|(command, answer)| (command[..10].to_owned(), answer)).collect();
        assert_eq!(
            changes,
            [("0024008140".to_owned(), "9000".to_owned()), ("0024008340".to_owned(), "9000".to_owned())]
        );
    }
}

#[test]
fn opensc_knows_the_three_pins() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("openpgp").dialect("card=yubikey").serial("12345678")]);
    let info = opensc_does(&pcscd, "openpgp-tool", &["--card-info"]);
    for line in ["Version:         3.4", "Manufacturer:    Yubico", "Serial number:   12345678"] {
        assert!(info.contains(line), "{info}");
    }
    let pins = opensc_does(&pcscd, "pkcs15-tool", &["--list-pins"]);
    for name in ["PIN [User PIN]", "PIN [User PIN (sig)]", "PIN [Admin PIN]"] {
        assert!(pins.contains(name), "{pins}");
    }
    let change = ["--change-pin", "--auth-id", "01", "--pin", "123456", "--new-pin", "654321"];
    opensc_does(&pcscd, "pkcs15-tool", &change);
    assert_ne!(opensc(&pcscd, "openpgp-tool", &["--verify", "CHV1", "--pin", "123456"]).0, Some(0));
    assert!(opensc_does(&pcscd, "pkcs15-tool", &["--list-pins"]).contains("Tries left     : 2"));
}

#[test]
fn ykman_sets_the_limits_and_resets_the_card() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("openpgp").dialect("card=yubikey")]);
    let ykman = |arguments: &[&str]| {
        let (code, said) = run(&pcscd, "ykman", &[&["--reader", &reader_name(0), "openpgp"], arguments].concat(), &[]);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    };
    ykman(&["access", "set-retries", "--admin-pin", "12345678", "--force", "5", "6", "7"]);
    let status = pcscd.send(0, &["00A4040006D27600012401", "00CA00C400"]);
    assert_eq!(status[1], "007F7F7F0500079000");
    ykman(&["reset", "--force"]);
    let status = pcscd.send(0, &["00A4040006D27600012401", "00CA00C400", "0020008106313233343536"]);
    assert_eq!(status, ["9000", "007F7F7F0300039000", "9000"]);
}
