//! Cards that are known by a profile, in the same table.

use super::applications::{Application, CHANGE, Operation, Reference, VERIFY, always, resetting, wrong};

/// PIN and PUK, the PUK too long for a call that has it as the old value.
const fn secrets(
    [pin, new, wrong, short, long]: [&'static str; 5],
    [puk, puk_wrong]: [&'static str; 2],
) -> [(&'static str, &'static str); 9] {
    [
        ("PIN", pin),
        ("NEW", new),
        ("WRONG", wrong),
        ("SHORT", short),
        ("TINY", long),
        ("LONG", long),
        ("EMPTY", ""),
        ("PUK", puk),
        ("PUK_WRONG", puk_wrong),
    ]
}

const BY_PUK: Operation =
    resetting("pin reset --puk env:PUK --new-pin env:NEW", wrong("puk", "env:PUK", "env:PUK_WRONG"));

const OPERATIONS: &[Operation] = &[VERIFY, CHANGE, BY_PUK];

/// An IsoApplet does not tell whether it has a PIN: a first one is sent, and refused by the card.
const IMPOSSIBLE: &[&str] = &[
    "pin reset --so-pin env:PUK --new-pin env:NEW",
    "so-pin change --so-pin env:PUK --new-so-pin env:PUK_WRONG",
    "reset-code set --so-pin env:PUK --new-reset-code env:NEW",
    "admin-key change --admin-key env:PUK --new-admin-key env:NEW",
];

fn untold(_dialect: &[String]) -> bool {
    false
}

/// Characters, filled up with `byte` to `length`.
fn filled(value: &str, byte: u8, length: usize) -> String {
    let mut bytes = value.as_bytes().to_vec();
    bytes.resize(length, byte);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub const ISOAPPLET: Application = Application {
    name: "isoapplet",
    stand_in: ("iso7816", &[]),
    call: "",
    secrets: &secrets(
        ["123456", "271828", "999999", "271", "27182818284590452"],
        ["1234567812345678", "9999999999999999"],
    ),
    references: &[
        Reference { role: "user-pin", path: "/iso7816/secrets/1/secret", is_told: always },
        Reference { role: "puk", path: "/iso7816/secrets/2/secret", is_told: untold },
    ],
    operations: OPERATIONS,
    impossible: IMPOSSIBLE,
    kept: |value| filled(value, 0x00, 16),
};

pub const MYEID: Application = Application {
    name: "myeid",
    stand_in: ("iso7816", &["card=myeid"]),
    secrets: &secrets(["123456", "271828", "999999", "271", "271828182"], ["11111111", "99999999"]),
    references: &[
        Reference { role: "user-pin", path: "/iso7816/secrets/1/secret", is_told: always },
        Reference { role: "puk", path: "/iso7816/secrets/17/secret", is_told: untold },
    ],
    impossible: &["pin set --new-pin env:NEW", "reset-code set --so-pin env:PUK --new-reset-code env:NEW"],
    kept: |value| filled(value, 0xFF, 8),
    ..ISOAPPLET
};

pub const ESTONIA_2018: Application = Application {
    name: "esteid-2018",
    stand_in: ("iso7816", &["card=esteid-2018"]),
    call: " --reference PIN1",
    secrets: &secrets(["1234", "2718", "9999", "271", "2718281828459"], ["12345678", "99999999"]),
    references: &[
        Reference { role: "user-pin", path: "/iso7816/secrets/1/secret", is_told: always },
        Reference { role: "puk", path: "/iso7816/secrets/2/secret", is_told: always },
    ],
    kept: |value| filled(value, 0xFF, 12),
    ..ISOAPPLET
};

pub const ESTONIA_2025: Application = Application {
    name: "esteid-2025",
    stand_in: ("iso7816", &["card=esteid-2025", "first=set"]),
    references: &[
        Reference { role: "user-pin", path: "/iso7816/secrets/129/secret", is_told: always },
        Reference { role: "puk", path: "/iso7816/secrets/131/secret", is_told: always },
    ],
    kept: |value| filled(value, 0x00, 12),
    ..ESTONIA_2018
};

pub const ITALY: Application = Application {
    name: "itacns",
    stand_in: ("iso7816", &["card=itacns"]),
    secrets: &secrets(["12345678", "27182", "99999999", "2718", "271828182"], ["87654321", "99999999"]),
    references: &[
        Reference { role: "user-pin", path: "/iso7816/secrets/144/secret", is_told: always },
        Reference { role: "puk", path: "/iso7816/secrets/145/secret", is_told: untold },
    ],
    kept: |value| filled(value, 0xFF, 8),
    ..ISOAPPLET
};

/// Every card here.
pub const PROFILES: [&Application; 5] = [&ISOAPPLET, &MYEID, &ESTONIA_2018, &ESTONIA_2025, &ITALY];
