//! No secret in anything that is written about a card, of whichever application.

use super::{MANNERS, clean};
use crate::support::{
    cards::{Card, Pcscd},
    home,
    marks::none_in_files,
    pukka,
};

/// What cards are delivered with; these are no marks, since anything may hold them.
const DELIVERED: [(&str, &str); 6] = [
    ("PIN0", "123456"),
    ("PUK0", "12345678"),
    ("KEY0", "010203040506070801020304050607080102030405060708"),
    ("PIN_OF_HSM0", "648219"),
    ("SO0", "3537363231383830"),
    ("SHORT", "9274"),
];

/// The secrets that a card gets, and others that it never had.
const SECRETS: [(&str, &str); 13] = [
    ("PIN", "92746183"),
    ("NEW", "58130967"),
    ("PUK", "70361492"),
    ("PUK2", "46829517"),
    ("CODE", "39150826"),
    ("WRONG", "83619204"),
    ("SO", "9E2D7401C85B36FA"),
    ("SO2", "4B80F6A35D1C927E"),
    ("WRONG_SO", "C1593E0A7F8426DB"),
    ("KEY", "8F3A61C20B7E94D5A1187C4F5D926E03B4297AF0C8165DE2"),
    ("KEY2", "D70C49B18A3F52E66E94B7031FC8A25D5B21E08D973C64FA"),
    ("WRONG_KEY", "2C95E8714DB0A36F90F15B6AC2387ED4E6037D48A1B95F2C"),
    ("SHORT_KEY", "8F3A61C20B7E94D5A1187C4F5D926E03B4297AF0"),
];

/// Leads a card of `application` through `life` in every manner, each command with its exit code, after it was given secrets of
/// its own by `given`.
#[track_caller]
fn led_through(card: impl Fn() -> Card, application: &str, given: &[&str], life: &[(&str, i32)]) {
    // A key may be written down in either case.
    let lower: Vec<String> = SECRETS.iter().map(|(_, value)| value.to_lowercase()).collect();
    let marks: Vec<&str> = SECRETS.iter().map(|(_, value)| *value).chain(lower.iter().map(String::as_str)).collect();
    for manner in MANNERS {
        let (pcscd, [card]) = Pcscd::with([card()]);
        let home = home();
        let call = |line: &str, manner: &[&str]| {
            let arguments = line.split(' ').chain(["--application", application]).chain(manner.iter().copied());
            pukka(home.path(), arguments).envs(pcscd.envs()).envs(SECRETS).envs(DELIVERED).run()
        };
        given.iter().for_each(|line| drop(call(line, &[]).code(0)));
        let is_dry = manner.contains(&"--dry-run");
        for (line, code) in life {
            let run = call(line, manner);
            assert!(is_dry || run.code == *code, "{line} {manner:?} was to exit {code}: {run:?}");
            clean(&run, &marks, &format!("{line} {manner:?}"));
            let sends = *code == 0 && !is_dry && manner.contains(&"--trace") && line.contains("env:");
            assert!(!sends || run.err.contains("bytes withheld"), "nothing was traced: {line}: {run:?}");
        }
        none_in_files(home.path(), &marks);
        drop(card);
    }
}

#[test]
fn a_piv_card_is_led_through_its_life_and_no_secret_is_written_anywhere() {
    let given = ["pin change --pin env:PIN0 --new-pin env:PIN", "puk change --puk env:PUK0 --new-puk env:PUK"];
    led_through(
        Card::piv,
        "piv",
        &given,
        &[
            ("list", 0),
            ("status", 0),
            ("pin verify --pin env:WRONG", 4),
            ("pin verify --pin env:PIN", 0),
            ("pin change --pin env:WRONG --new-pin env:NEW", 4),
            ("pin change --pin env:PIN --new-pin env:SHORT", 6),
            ("pin change --pin env:PIN --new-pin env:NEW", 0),
            ("pin reset --puk env:WRONG --new-pin env:PIN", 4),
            ("pin reset --puk env:PUK --new-pin env:PIN", 0),
            ("pin reset --so-pin env:PUK --new-pin env:PIN", 7),
            ("pin unblock --puk env:PUK", 7),
            ("pin set --so-pin env:PUK --new-pin env:NEW", 7),
            ("puk change --puk env:WRONG --new-puk env:PUK2", 4),
            ("puk change --puk env:PUK --new-puk env:PUK2", 0),
            ("so-pin change --so-pin env:PUK --new-so-pin env:PUK2", 7),
            ("pin verify --pin env:WRONG", 4),
            ("pin verify --pin env:WRONG", 4),
            ("pin verify --pin env:WRONG", 6),
        ],
    );
}

#[test]
fn no_secret_of_a_yubikey_is_written_anywhere_nor_its_management_key() {
    let given = [
        "pin change --pin env:PIN0 --new-pin env:PIN",
        "puk change --puk env:PUK0 --new-puk env:PUK",
        "admin-key change --admin-key env:KEY0 --new-admin-key env:KEY",
    ];
    let limits = "--pin-tries 5 --puk-tries 4 --new-pin env:NEW --new-puk env:PUK2";
    led_through(
        || Card::stand_in("piv").dialect("card=yubikey"),
        "piv",
        &given,
        &[
            (&format!("retries set --admin-key env:WRONG_KEY --pin env:PIN {limits}"), 4),
            (&format!("retries set --admin-key env:KEY --pin env:WRONG {limits}"), 4),
            (&format!("retries set --admin-key env:KEY --pin env:PIN {limits}"), 0),
            ("admin-key change --admin-key env:WRONG_KEY --new-admin-key env:KEY2", 4),
            ("admin-key change --admin-key env:SHORT_KEY --new-admin-key env:KEY2", 6),
            ("admin-key change --admin-key env:KEY --new-admin-key env:SHORT_KEY", 6),
            ("admin-key change --admin-key env:KEY --new-admin-key env:KEY2", 0),
            ("pin reset --puk env:PUK2 --new-pin env:PIN", 0),
        ],
    );
}

#[test]
fn no_secret_of_an_openpgp_card_is_written_anywhere() {
    let given = ["pin change --pin env:PIN0 --new-pin env:PIN", "so-pin change --so-pin env:PUK0 --new-so-pin env:PUK"];
    led_through(
        Card::openpgp,
        "openpgp",
        &given,
        &[
            ("status", 0),
            ("pin verify --pin env:WRONG", 4),
            ("pin verify --pin env:PIN", 0),
            ("pin change --pin env:PIN --new-pin env:NEW", 0),
            ("reset-code set --so-pin env:WRONG --new-reset-code env:CODE", 4),
            ("reset-code set --so-pin env:PUK --new-reset-code env:CODE", 0),
            ("pin reset --reset-code env:WRONG --new-pin env:PIN", 4),
            ("pin reset --reset-code env:CODE --new-pin env:PIN", 0),
            ("pin reset --admin-pin env:WRONG --new-pin env:NEW", 4),
            ("pin reset --admin-pin env:PUK --new-pin env:NEW", 0),
            ("so-pin change --so-pin env:PUK --new-so-pin env:PUK2", 0),
            ("reset-code clear --so-pin env:PUK2", 0),
        ],
    );
}

#[test]
fn no_secret_of_a_gids_card_is_written_anywhere_nor_its_admin_key() {
    let card = || Card::stand_in("gids").dialect(&format!("admin-key={}", DELIVERED[2].1));
    let given = [
        "pin change --pin env:PIN0 --new-pin env:PIN",
        "admin-key change --admin-key env:KEY0 --new-admin-key env:KEY",
    ];
    led_through(
        card,
        "gids",
        &given,
        &[
            ("pin verify --pin env:WRONG", 4),
            ("pin change --pin env:PIN --new-pin env:NEW", 0),
            ("pin reset --admin-key env:WRONG_KEY --new-pin env:PIN", 4),
            ("pin reset --admin-key env:KEY --new-pin env:PIN", 0),
            ("admin-key change --admin-key env:WRONG_KEY --new-admin-key env:KEY2", 4),
            ("admin-key change --admin-key env:KEY --new-admin-key env:KEY2", 0),
            ("pin verify --pin env:PIN", 0),
        ],
    );
}

#[test]
fn no_secret_of_a_smartcard_hsm_is_written_anywhere() {
    let given =
        ["pin change --pin env:PIN_OF_HSM0 --new-pin env:PIN", "so-pin change --so-pin env:SO0 --new-so-pin env:SO"];
    led_through(
        || Card::stand_in("sc-hsm"),
        "sc-hsm",
        &given,
        &[
            ("pin verify --pin env:WRONG", 4),
            ("pin change --pin env:PIN --new-pin env:NEW", 0),
            ("pin reset --so-pin env:WRONG_SO --new-pin env:PIN", 4),
            ("pin reset --so-pin env:SO --new-pin env:PIN", 0),
            ("so-pin change --so-pin env:WRONG_SO --new-so-pin env:SO2", 4),
            ("so-pin change --so-pin env:SO --new-so-pin env:SO2", 0),
        ],
    );
}
