//! GIDS, by gids-tool and pkcs15-tool.

use super::{opensc, opensc_does};
use crate::support::cards::{Card, Pcscd};

const DELIVERED_KEY: &str = "000000000000000000000000000000000000000000000000";
const OTHER_KEY: &str = "0102030405060708090A0B0C0D0E0F101112131415161718";

#[test]
fn opensc_finds_a_gids_card_with_its_serial_number_and_pin() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("gids").serial("0123456789ABCDEF0123456789ABCDEF")]);
    assert_eq!(opensc_does(&pcscd, "opensc-tool", &["--name"]).trim(), "GIDS Smart Card");
    let dump = opensc_does(&pcscd, "pkcs15-tool", &["--dump"]);
    assert!(dump.contains("Serial number  : 0123456789abcdef0123456789abcdef"), "{dump}");
    assert!(dump.contains("PIN [UserPIN]") && dump.contains("Tries left     : 3"), "{dump}");
}

#[test]
fn the_user_changes_the_pin_and_a_wrong_one_costs_a_try() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("gids")]);
    let pin = ["--auth-id", "80", "--pin"];
    let call = |what, values: &[&str]| opensc(&pcscd, "pkcs15-tool", &[&[what], &pin[..], values].concat()).0;
    assert_eq!(call("--change-pin", &["123456", "--new-pin", "654321"]), Some(0));
    assert_ne!(call("--verify-pin", &["123456"]), Some(0));
    let dump = opensc_does(&pcscd, "pkcs15-tool", &["--dump"]);
    assert!(dump.contains("Tries left     : 2"), "{dump}");
    assert_eq!(call("--verify-pin", &["654321"]), Some(0));
}

#[test]
fn the_admin_key_resets_the_pin_and_is_changed() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("gids").dialect("tries=1")]);
    let wrong = ["00A4040009A00000039742544659", "0020008006393939393939"];
    assert_eq!(pcscd.send(0, &wrong)[1], "63C0");
    let reset = |key, pin| opensc(&pcscd, "gids-tool", &["--unblock", "--admin-key", key, "--pin", pin]);
    let (code, said) = reset(OTHER_KEY, "777777");
    assert!(code != Some(0) && said.contains("AUTHENTICATE_ADMIN"), "{said}");
    assert!(reset(DELIVERED_KEY, "777777").1.contains("successfully"));
    opensc_does(&pcscd, "pkcs15-tool", &["--verify-pin", "--auth-id", "80", "--pin", "777777"]);

    opensc_does(
        &pcscd,
        "gids-tool",
        &["--change-admin-key", "--admin-key", DELIVERED_KEY, "--new-admin-key", OTHER_KEY],
    );
    assert!(!reset(DELIVERED_KEY, "888888").1.contains("successfully"));
    assert!(reset(OTHER_KEY, "888888").1.contains("successfully"));
}

#[test]
fn a_blank_card_is_initialised() {
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("gids").dialect("delivered=blank")]);
    let serial = "000102030405060708090a0b0c0d0e0f";
    let keys = ["--admin-key", OTHER_KEY, "--pin", "424242", "--serial-number", serial];
    opensc_does(&pcscd, "gids-tool", &[&["--initialize"], &keys[..]].concat());
    let dump = opensc_does(&pcscd, "pkcs15-tool", &["--dump"]);
    assert!(dump.contains(serial), "{dump}");
    opensc_does(&pcscd, "pkcs15-tool", &["--verify-pin", "--auth-id", "80", "--pin", "424242"]);
    let reset = ["--unblock", "--admin-key", OTHER_KEY, "--pin", "777777"];
    assert!(opensc_does(&pcscd, "gids-tool", &reset).contains("successfully"));
}
