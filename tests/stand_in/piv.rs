//! PIV with Yubico's extensions, by Yubico's two tools and OpenSC's.

use tempfile::NamedTempFile;

use super::{opensc, opensc_does, run};
use crate::support::cards::{Card, Pcscd, VirtualCard, reader_name};

const FIRST_KEY: &str = "010203040506070801020304050607080102030405060708";
const OTHER_KEY: &str = "0102030405060708010203040506070801020304050607AA";

fn yubikey() -> (Pcscd, [VirtualCard; 1]) {
    Pcscd::with([Card::stand_in("piv").dialect("card=yubikey")])
}

fn yubico_piv_tool(pcscd: &Pcscd, arguments: &[&str]) -> (Option<i32>, String) {
    run(pcscd, "yubico-piv-tool", &[&["--reader", &reader_name(0)], arguments].concat(), &[])
}

#[track_caller]
fn yubico_does(pcscd: &Pcscd, arguments: &[&str]) -> String {
    let (code, said) = yubico_piv_tool(pcscd, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {said}");
    said
}

#[track_caller]
fn ykman_does(pcscd: &Pcscd, arguments: &[&str]) -> String {
    let (code, said) = run(pcscd, "ykman", &[&["--reader", &reader_name(0), "piv"], arguments].concat(), &[]);
    assert_eq!(code, Some(0), "{arguments:?}: {said}");
    said
}

#[test]
fn yubicos_tool_reads_version_serial_number_and_tries() {
    let (pcscd, _cards) = yubikey();
    let status = yubico_does(&pcscd, &["--action", "status"]);
    for line in ["Version:\t5.4.3", "Serial Number:\t5437251", "PIN tries left:\t3"] {
        assert!(status.contains(line), "{status}");
    }
}

#[test]
fn yubicos_tool_changes_pin_and_puk_and_unblocks_the_one_by_the_other() {
    let (pcscd, _cards) = yubikey();
    let verify = |pin| yubico_piv_tool(&pcscd, &["--action", "verify-pin", "--pin", pin]);
    yubico_does(&pcscd, &["--action", "change-pin", "--pin", "123456", "--new-pin", "654321"]);
    assert!(verify("123456").1.contains("2 tries left"));
    yubico_does(&pcscd, &["--action", "change-puk", "--pin", "12345678", "--new-pin", "87654321"]);
    let old_puk = ["--action", "unblock-pin", "--pin", "12345678", "--new-pin", "111111"];
    assert!(yubico_piv_tool(&pcscd, &old_puk).1.contains("2 tries left"));
    yubico_does(&pcscd, &["--action", "unblock-pin", "--pin", "87654321", "--new-pin", "222222"]);
    assert_eq!(verify("222222").0, Some(0));
}

#[test]
fn yubicos_tool_sets_management_key_and_limits() {
    let (pcscd, _cards) = yubikey();
    yubico_does(&pcscd, &["--action", "set-mgm-key", "--new-key", OTHER_KEY]);
    let key = format!("--key={OTHER_KEY}");
    let limits = ["--pin-retries", "5", "--puk-retries", "6"];
    let set = ["--action", "verify-pin", "--pin", "123456", "--action", "pin-retries"];
    assert_ne!(yubico_piv_tool(&pcscd, &[&[&*format!("--key={FIRST_KEY}")], &set[..], &limits].concat()).0, Some(0));
    yubico_does(&pcscd, &[&[&*key], &set[..], &limits].concat());
    assert!(yubico_does(&pcscd, &["--action", "status"]).contains("PIN tries left:\t5"));
}

#[test]
fn yubicos_tool_resets_the_card_once_pin_and_puk_are_blocked() {
    let (pcscd, _cards) = yubikey();
    let try_pin = ["--action", "verify-pin", "--pin", "000000"];
    let try_puk = ["--action", "unblock-pin", "--pin", "00000000", "--new-pin", "111111"];
    assert_ne!(yubico_piv_tool(&pcscd, &["--action", "reset"]).0, Some(0));
    for attempt in [try_pin.to_vec(), try_puk.to_vec()].iter().flat_map(|attempt| [attempt; 3]) {
        assert_ne!(yubico_piv_tool(&pcscd, attempt).0, Some(0));
    }
    yubico_does(&pcscd, &["--action", "reset"]);
    yubico_does(&pcscd, &["--action", "verify-pin", "--pin", "123456"]);
}

#[test]
fn ykman_reads_metadata_and_sets_an_aes_key() {
    let (pcscd, _cards) = yubikey();
    let info = ykman_does(&pcscd, &["info"]);
    for line in ["Using default PIN!", "3/3", "Using default Management key!", "TDES"] {
        assert!(info.contains(line), "{info}");
    }
    let new = OTHER_KEY.to_owned() + "0102030405060708";
    let key = ["--management-key", FIRST_KEY, "--new-management-key", &new, "--algorithm", "AES256", "--force"];
    ykman_does(&pcscd, &[&["access", "change-management-key"], &key[..]].concat());
    ykman_does(&pcscd, &["access", "change-pin", "--pin", "123456", "--new-pin", "654321"]);
    ykman_does(&pcscd, &["access", "change-puk", "--puk", "12345678", "--new-puk", "87654321"]);
    let info = ykman_does(&pcscd, &["info"]);
    assert!(info.contains("AES256") && !info.contains("default"), "{info}");
    let limits = ["access", "set-retries", "--management-key", &new, "--pin", "654321", "--force", "5", "6"];
    ykman_does(&pcscd, &limits);
    assert!(ykman_does(&pcscd, &["info"]).contains("5/5"));
}

#[test]
fn ykman_resets_the_card() {
    let (pcscd, _cards) = yubikey();
    ykman_does(&pcscd, &["access", "change-puk", "--puk", "12345678", "--new-puk", "87654321"]);
    ykman_does(&pcscd, &["reset", "--force"]);
    yubico_does(&pcscd, &["--action", "change-puk", "--pin", "12345678", "--new-pin", "87654321"]);
}

#[test]
fn opensc_knows_pin_and_puk_and_the_management_key_both_ways() {
    let (pcscd, _cards) = yubikey();
    let pins = opensc_does(&pcscd, "pkcs15-tool", &["--list-pins"]);
    assert!(pins.contains("PIN [PIN]") && pins.contains("PIN [PIV PUK]"), "{pins}");
    opensc_does(&pcscd, "pkcs15-tool", &["--change-pin", "--auth-id", "01", "--pin", "123456", "--new-pin", "654321"]);
    assert_ne!(opensc(&pcscd, "pkcs15-tool", &["--verify-pin", "--auth-id", "01", "--pin", "123456"]).0, Some(0));

    let file = NamedTempFile::new().unwrap();
    for (key, code) in [(FIRST_KEY, true), (OTHER_KEY, false)] {
        let octets: Vec<&str> = (0..24).map(|index| &key[2 * index..2 * index + 2]).collect();
        std::fs::write(file.path(), octets.join(":")).unwrap();
        let environment = [("PIV_EXT_AUTH_KEY", file.path().as_os_str())];
        let (answer, said) = run(&pcscd, "piv-tool", &["--admin", "M:9B:03"], &environment);
        assert_eq!(answer == Some(0), code, "{said}");
    }
}
