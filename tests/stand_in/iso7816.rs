//! ISO 7816 cards, by OpenSC's drivers for them.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::{opensc, opensc_does};
use crate::support::cards::{Card, Pcscd};

fn iso7816(card: &str) -> Card {
    Card::stand_in("iso7816").dialect(&format!("card={card}"))
}

/// What opensc-explorer says to these commands.
fn explore(pcscd: &Pcscd, commands: &[&str]) -> String {
    let mut command = Command::new("opensc-explorer");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pcscd.apply(&mut command).spawn().unwrap();
    child.stdin.take().unwrap().write_all((commands.join("\n") + "\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

#[test]
fn opensc_knows_each_card_by_its_answer_to_reset_and_its_name() {
    for (card, name) in [
        ("isoapplet", "Javacard with IsoApplet"),
        ("myeid", "MyEID"),
        ("esteid-2018", "EstEID 2018"),
        ("itacns", "CNS card"),
    ] {
        let (pcscd, _cards) = Pcscd::with([iso7816(card)]);
        let said = opensc_does(&pcscd, "opensc-tool", &["--name"]);
        assert!(said.contains(name), "{card}: {said}");
    }
}

#[test]
fn opensc_changes_and_unblocks_the_pin_of_an_isoapplet() {
    let (pcscd, _cards) = Pcscd::with([iso7816("isoapplet")]);
    let pins = opensc_does(&pcscd, "pkcs15-tool", &["--list-pins"]);
    assert!(pins.contains("min_len:4, max_len:16, stored_len:16") && pins.contains("PIN [PUK]"), "{pins}");
    let call = |arguments: &[&str]| opensc(&pcscd, "pkcs15-tool", &[&["--auth-id", "01"], arguments].concat()).0;
    assert_eq!(call(&["--change-pin", "--pin", "123456", "--new-pin", "654321"]), Some(0));
    for _ in 0..3 {
        assert_ne!(call(&["--verify-pin", "--pin", "123456"]), Some(0));
    }
    assert_ne!(call(&["--verify-pin", "--pin", "654321"]), Some(0), "it is blocked");
    assert_eq!(call(&["--unblock-pin", "--puk", "1234567812345678", "--new-pin", "222222"]), Some(0));
    assert_eq!(call(&["--verify-pin", "--pin", "222222"]), Some(0));
}

#[test]
fn opensc_changes_and_unblocks_the_pin_of_an_italian_card() {
    let (pcscd, _cards) = Pcscd::with([iso7816("itacns")]);
    let said = explore(
        &pcscd,
        &[
            "verify CHV144 39:39:39:39:39:39:39:39",
            "change CHV144 31:32:33:34:35:36:37:38 35:34:33:32:31:FF:FF:FF",
            "unblock CHV144 38:37:36:35:34:33:32:31 32:32:32:32:32:FF:FF:FF",
            "verify CHV144 32:32:32:32:32:FF:FF:FF",
        ],
    );
    for line in ["Incorrect code, 2 tries left", "PIN changed", "PIN unblocked", "Code correct"] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn opensc_reads_serial_number_and_tries_of_a_myeid_and_unblocks_each_pin_by_its_own_puk() {
    let (pcscd, _cards) = Pcscd::with([iso7816("myeid").serial("01020304050607080910")]);
    assert!(opensc_does(&pcscd, "opensc-tool", &["--serial"]).contains("01 02 03 04 05 06 07 08 09 10"));
    let said = explore(
        &pcscd,
        &[
            "verify CHV2 39:39:39:39:39:39:FF:FF",
            "pin_info CHV2",
            "unblock CHV2 31:31:31:31:31:31:31:31 32:32:32:32:FF:FF:FF:FF",
            "unblock CHV2 32:32:32:32:32:32:32:32 33:33:33:33:FF:FF:FF:FF",
            "change CHV1 31:32:33:34:35:36:FF:FF 34:34:34:34:FF:FF:FF:FF",
        ],
    );
    for line in
        ["Incorrect code, 2 tries left", "2 tries left.", "Unable to unblock PIN code", "PIN unblocked", "PIN changed"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
}
