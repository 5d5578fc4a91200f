//! SmartCard-HSM, by sc-hsm-tool, pkcs15-tool and pkcs11-tool.

use super::{opensc, opensc_does};
use crate::support::cards::{Card, Pcscd};

const SO_PIN: &str = "3537363231383830";

#[test]
fn opensc_finds_the_device_with_its_serial_number_and_both_pins() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("sc-hsm").serial("00C0FFEE")]);
    let dump = opensc_does(&pcscd, "pkcs15-tool", &["--dump"]);
    assert!(dump.contains("Serial number  : DEV00C0FFEE"), "{dump}");
    assert!(dump.contains("PIN [UserPIN]") && dump.contains("PIN [SOPIN]"), "{dump}");
    let device = opensc_does(&pcscd, "sc-hsm-tool", &[]);
    assert!(device.contains("SO-PIN tries left    : 15") && device.contains("User PIN tries left  : 3"), "{device}");
}

#[test]
fn both_pins_are_changed_and_the_so_pin_resets_that_of_the_user() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("sc-hsm")]);
    let change = |id, old, new| {
        opensc_does(&pcscd, "pkcs15-tool", &["--change-pin", "--auth-id", id, "--pin", old, "--new-pin", new]);
    };
    change("01", "648219", "123456");
    opensc_does(&pcscd, "pkcs15-tool", &["--verify-pin", "--auth-id", "01", "--pin", "123456"]);
    assert_ne!(opensc(&pcscd, "pkcs15-tool", &["--verify-pin", "--auth-id", "01", "--pin", "648219"]).0, Some(0));
    change("02", SO_PIN, "0123456789ABCDEF");

    let so = ["--login", "--login-type", "so", "--so-pin", "0123456789ABCDEF"];
    opensc_does(&pcscd, "pkcs11-tool", &[&so[..], &["--init-pin", "--new-pin", "987654"]].concat());
    opensc_does(&pcscd, "pkcs15-tool", &["--verify-pin", "--auth-id", "01", "--pin", "987654"]);
}

#[test]
fn the_device_is_initialised_by_the_so_pin_that_stands() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("sc-hsm")]);
    let initialise = |so_pin| {
        let values = ["--pin", "7654321", "--pin-retry", "5", "--label", "spare key"];
        opensc(&pcscd, "sc-hsm-tool", &[&["--initialize", "--so-pin", so_pin], &values[..]].concat()).1
    };
    assert!(initialise("0000000000000000").contains("PIN code or key incorrect"));
    assert!(opensc_does(&pcscd, "sc-hsm-tool", &[]).contains("SO-PIN tries left    : 14"));
    assert_eq!(initialise(SO_PIN), "");
    let device = opensc_does(&pcscd, "sc-hsm-tool", &[]);
    assert!(device.contains("SO-PIN tries left    : 15") && device.contains("User PIN tries left  : 5"), "{device}");
    assert!(opensc_does(&pcscd, "pkcs15-tool", &["--list-info"]).contains("[spare key]"));
}

#[test]
fn a_device_says_that_it_is_new_or_has_a_transport_pin() {
    let cards = [Card::stand_in("sc-hsm").dialect("delivered=new"), Card::stand_in("sc-hsm").dialect("options=0003")];
    let (pcscd, _cards) = Pcscd::with(cards);
    assert!(opensc_does(&pcscd, "sc-hsm-tool", &["--reader", "0"]).contains("has never been initialized"));
    assert!(opensc_does(&pcscd, "sc-hsm-tool", &["--reader", "1"]).contains("Transport-PIN active"));
}
