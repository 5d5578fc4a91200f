//! The applications, what each can do, and where its card keeps each secret.

/// What is tested of one application.
pub struct Application {
    /// As `--application` has it.
    pub name: &'static str,
    /// What the stand-in is, and the switches that make it this card.
    pub stand_in: (&'static str, &'static [&'static str]),
    /// What else is in every call.
    pub call: &'static str,
    /// The environment of every call.
    pub secrets: &'static [(&'static str, &'static str)],
    /// The secrets whose tries are counted.
    pub references: &'static [Reference],
    /// What it can do.
    pub operations: &'static [Operation],
    /// Calls of what it cannot.
    pub impossible: &'static [&'static str],
    /// How the card keeps a value, in hex.
    pub kept: fn(&str) -> String,
}

/// A secret with a counter.
pub struct Reference {
    /// As in JSON.
    pub role: &'static str,
    /// Where it stands in the card's state.
    pub path: &'static str,
    /// Whether a card of this dialect tells how many tries are left.
    pub is_told: fn(&[String]) -> bool,
}

/// One operation.
pub struct Operation {
    /// The call, with secrets of the environment.
    pub line: &'static str,
    /// Its outcome in JSON.
    pub outcome: &'static str,
    /// Whether its effect can be proved.
    pub is_proved: bool,
    /// The secret that is presented, its role, and what stands in its place to be wrong.
    pub wrong: Option<Wrong>,
    /// What it sets: role, and the variable that has the value.
    pub sets: &'static [(&'static str, &'static str)],
    /// Other values in the call that are refused for their length.
    pub unsent: &'static [(&'static str, &'static str)],
    /// What the card must be for it, beside its dialect.
    pub given: &'static [&'static str],
    /// What must have been done before.
    pub before: &'static [&'static str],
    /// The exit code where a card of this dialect does not let itself be brought to it.
    pub refused: fn(&[String]) -> Option<i32>,
}

/// A wrong secret.
pub struct Wrong {
    /// Whose, as in JSON.
    pub role: &'static str,
    /// What stands for the right one in the call.
    pub right: &'static str,
    /// And for a wrong one of a good length.
    pub wrong: &'static str,
}

pub fn always(_dialect: &[String]) -> bool {
    true
}

fn never(_dialect: &[String]) -> Option<i32> {
    None
}

fn has(dialect: &[String], switches: &[&str]) -> bool {
    dialect.iter().any(|switch| switches.contains(&switch.as_str()))
}

/// Where GET METADATA has the counter.
fn with_metadata(dialect: &[String]) -> bool {
    let full = ["card=yubikey", "card=pivapplet", "metadata=version"];
    let turned = dialect.iter().rfind(|switch| ["metadata=", "card="].iter().any(|name| switch.starts_with(name)));
    turned.is_some_and(|switch| full.contains(&switch.as_str()))
}

/// Only metadata tells that the PIN is the one of delivery.
fn without_metadata(dialect: &[String]) -> Option<i32> {
    (!with_metadata(dialect)).then_some(7)
}

/// Limits are not risked on cards that are known not to take them.
fn is_no_yubikey(dialect: &[String]) -> Option<i32> {
    has(dialect, &["card=plain", "card=v2", "metadata=empty"]).then_some(7)
}

/// The NEO puts its PINs back to their defaults, and wants new ones.
fn is_no_recent_yubikey(dialect: &[String]) -> Option<i32> {
    if has(dialect, &["card=neo"]) { Some(2) } else { is_no_yubikey(dialect) }
}

/// A PIV card as the standard has it, and nothing more, has no way to give the management key or to be erased.
fn only_the_standard(dialect: &[String]) -> Option<i32> {
    has(dialect, &["card=plain"]).then_some(7)
}

/// A card that has to be blocked before it is erased, and neither tells the tries of its PUK nor says that one is gone, is not
/// blocked by guesses without end.
fn tells_nothing_of_its_puk(dialect: &[String]) -> Option<i32> {
    let mute = has(dialect, &["reset-wrong=6982", "refusals=6982"]) && !with_metadata(dialect);
    only_the_standard(dialect).or(mute.then_some(8))
}

/// Yubico's do not take an empty reset code.
fn keeps_its_reset_code(dialect: &[String]) -> Option<i32> {
    has(dialect, &["card=yubikey", "card=yubikey-mute", "card=neo"]).then_some(7)
}

fn characters(value: &str) -> String {
    value.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Filled up with FF to eight bytes.
fn eight(value: &str) -> String {
    format!("{:f<16}", characters(value))
}

/// The SO PIN is told in hexadecimal digits, of which it has 16; the user PIN, shorter here, in characters.
fn sixteen_digits_or_characters(value: &str) -> String {
    if value.len() == 16 { value.to_lowercase() } else { characters(value) }
}

pub const fn wrong(role: &'static str, right: &'static str, wrong: &'static str) -> Option<Wrong> {
    Some(Wrong { role, right, wrong })
}

pub const VERIFY: Operation = Operation {
    line: "pin verify --pin env:PIN",
    outcome: "verified",
    is_proved: true,
    wrong: wrong("user-pin", "env:PIN", "env:WRONG"),
    sets: &[],
    unsent: &[("env:PIN", "env:TINY"), ("env:PIN", "env:LONG"), ("env:PIN", "env:EMPTY")],
    given: &[],
    before: &[],
    refused: never,
};

pub const CHANGE: Operation = Operation {
    line: "pin change --pin env:PIN --new-pin env:NEW",
    outcome: "changed",
    sets: &[("user-pin", "NEW")],
    unsent: &[
        ("env:NEW", "env:SHORT"),
        ("env:NEW", "env:LONG"),
        ("env:NEW", "env:EMPTY"),
        ("--pin env:PIN", "--pin env:TINY"),
        ("--pin env:PIN", "--pin env:LONG"),
    ],
    ..VERIFY
};

pub const fn resetting(line: &'static str, wrong: Option<Wrong>) -> Operation {
    Operation {
        line,
        outcome: "reset",
        is_proved: true,
        wrong,
        sets: &[("user-pin", "NEW")],
        unsent: &[("env:NEW", "env:SHORT"), ("env:NEW", "env:LONG"), ("env:NEW", "env:EMPTY")],
        given: &[],
        before: &[],
        refused: never,
    }
}

const ERASE: Operation = Operation {
    line: "token erase --destroy SERIAL",
    outcome: "erased",
    is_proved: true,
    wrong: None,
    sets: &[("user-pin", "PIN")],
    unsent: &[],
    given: &[],
    before: &["pin change --pin env:PIN --new-pin env:NEW"],
    refused: never,
};

pub const SC_HSM: Application = Application {
    name: "sc-hsm",
    stand_in: ("sc-hsm", &[]),
    call: "",
    secrets: &[
        ("PIN", "648219"),
        ("NEW", "271828"),
        ("WRONG", "999999"),
        ("SURPLUS", "6482192"),
        ("SHORT", "27182"),
        ("TINY", "271"),
        ("LONG", "27182818284590452"),
        ("EMPTY", ""),
        ("SO", "3537363231383830"),
        ("SO2", "a1b2C3D4e5f60718"),
        ("SO_WRONG", "3939393939393939"),
        ("SO_SHORT", "353736323138383"),
    ],
    references: &[
        Reference { role: "user-pin", path: "/sc-hsm/pin", is_told: always },
        Reference { role: "so-pin", path: "/sc-hsm/so_pin", is_told: always },
    ],
    operations: &[
        VERIFY,
        CHANGE,
        Operation {
            given: &["so-tries=3"],
            ..resetting("pin reset --so-pin env:SO --new-pin env:NEW", wrong("so-pin", "env:SO", "env:SO_WRONG"))
        },
        Operation {
            line: "pin unblock --so-pin env:SO",
            outcome: "unblocked",
            wrong: wrong("so-pin", "env:SO", "env:SO_WRONG"),
            sets: &[("user-pin", "PIN")],
            unsent: &[("env:SO", "env:SO_SHORT")],
            given: &["so-tries=3", "options=0021"],
            ..VERIFY
        },
        Operation {
            line: "so-pin change --so-pin env:SO --new-so-pin env:SO2",
            wrong: wrong("so-pin", "env:SO", "env:SO_WRONG"),
            sets: &[("so-pin", "SO2")],
            unsent: &[("env:SO2", "env:SO_SHORT"), ("--so-pin env:SO", "--so-pin env:SO_SHORT")],
            given: &["so-tries=3"],
            ..CHANGE
        },
        Operation {
            line: "token init --so-pin env:SO --new-pin env:NEW --destroy DEV00DEC0DE",
            outcome: "initialised",
            given: &["so-tries=3"],
            ..resetting("", wrong("so-pin", "env:SO", "env:SO_WRONG"))
        },
    ],
    impossible: &[
        "pin set --new-pin env:NEW",
        "pin unblock --so-pin env:SO",
        "pin reset --puk env:PIN --new-pin env:NEW",
        "puk change --puk env:PIN --new-puk env:NEW",
        "reset-code set --so-pin env:SO --new-reset-code env:NEW",
        "admin-key change --admin-key env:SO --new-admin-key env:SO2",
        "token erase --destroy DEV00DEC0DE",
    ],
    kept: sixteen_digits_or_characters,
};

const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";
const OTHER_KEY: &str = "8F3A61C20B7E94D5A1187C4F5D926E03B4297AF0C8165DE2";
const WRONG_KEY: &str = "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D7";

pub const PIV: Application = Application {
    name: "piv",
    stand_in: ("piv", &[]),
    call: "",
    secrets: &[
        ("PIN", "123456"),
        ("NEW", "271828"),
        ("WRONG", "999999"),
        ("SHORT", "27182"),
        ("TINY", "27182"),
        ("LONG", "271828182"),
        ("EMPTY", ""),
        ("PUK", "12345678"),
        ("PUK2", "87654321"),
        ("PUK_WRONG", "99999999"),
        ("PUK_SHORT", "8765432"),
        ("KEY", MANAGEMENT_KEY),
        ("KEY2", OTHER_KEY),
        ("KEY_WRONG", WRONG_KEY),
        ("KEY_SHORT", "0102030405060708"),
    ],
    references: &[
        Reference { role: "user-pin", path: "/piv/pin", is_told: always },
        Reference { role: "puk", path: "/piv/puk", is_told: with_metadata },
    ],
    operations: &[
        VERIFY,
        CHANGE,
        resetting("pin reset --puk env:PUK --new-pin env:NEW", wrong("puk", "env:PUK", "env:PUK_WRONG")),
        Operation {
            line: "puk change --puk env:PUK --new-puk env:PUK2",
            is_proved: false,
            wrong: wrong("puk", "--puk env:PUK", "--puk env:PUK_WRONG"),
            sets: &[("puk", "PUK2")],
            unsent: &[("env:PUK2", "env:PUK_SHORT"), ("--puk env:PUK", "--puk env:LONG")],
            ..CHANGE
        },
        Operation {
            line: "admin-key change --admin-key env:KEY --new-admin-key env:KEY2",
            wrong: wrong("admin-key", "--admin-key env:KEY", "--admin-key env:KEY_WRONG"),
            sets: &[],
            unsent: &[("env:KEY2", "env:KEY_SHORT"), ("--admin-key env:KEY", "--admin-key env:KEY_SHORT")],
            refused: only_the_standard,
            ..CHANGE
        },
        Operation {
            line: "pin set --new-pin env:NEW",
            outcome: "set",
            given: &["card=yubikey"],
            refused: without_metadata,
            ..resetting("", None)
        },
        Operation {
            line: "retries set --admin-key env:KEY --pin env:PIN --pin-tries 5 --puk-tries 4 --new-pin env:NEW --new-puk env:PUK2",
            outcome: "set",
            wrong: wrong("user-pin", "--pin env:PIN", "--pin env:WRONG"),
            sets: &[("user-pin", "NEW"), ("puk", "PUK2")],
            unsent: &[("env:NEW", "env:SHORT"), ("env:PUK2", "env:PUK_SHORT"), ("--pin env:PIN", "--pin env:TINY")],
            is_proved: false,
            given: &["card=yubikey"],
            refused: is_no_yubikey,
            ..VERIFY
        },
        Operation { refused: tells_nothing_of_its_puk, ..ERASE },
    ],
    impossible: &[
        "pin set --new-pin env:NEW",
        "pin unblock --puk env:PUK",
        "pin reset --so-pin env:PUK --new-pin env:NEW",
        "so-pin change --so-pin env:PUK --new-so-pin env:PUK2",
        "reset-code set --so-pin env:PUK --new-reset-code env:NEW",
    ],
    kept: eight,
};

pub const OPENPGP: Application = Application {
    name: "openpgp",
    stand_in: ("openpgp", &[]),
    call: "",
    secrets: &[
        ("PIN", "123456"),
        ("NEW", "271828"),
        ("WRONG", "999999"),
        ("SURPLUS", "1234562"),
        ("SHORT", "27182"),
        ("TINY", "27182"),
        ("LONG", LONG),
        ("EMPTY", ""),
        ("ADMIN", "12345678"),
        ("ADMIN2", "87654321"),
        ("ADMIN_WRONG", "99999999"),
        ("ADMIN_SHORT", "8765432"),
        ("RC", "24682468"),
        ("RC_WRONG", "99999999"),
        ("RC_SHORT", "2468246"),
    ],
    references: &[
        Reference { role: "user-pin", path: "/openpgp/pw1", is_told: always },
        Reference { role: "reset-code", path: "/openpgp/reset_code", is_told: always },
        Reference { role: "so-pin", path: "/openpgp/pw3", is_told: always },
    ],
    operations: &[
        VERIFY,
        CHANGE,
        resetting("pin reset --so-pin env:ADMIN --new-pin env:NEW", wrong("so-pin", "env:ADMIN", "env:ADMIN_WRONG")),
        Operation {
            before: &["reset-code set --so-pin env:ADMIN --new-reset-code env:RC"],
            ..resetting(
                "pin reset --reset-code env:RC --new-pin env:NEW",
                wrong("reset-code", "env:RC", "env:RC_WRONG"),
            )
        },
        Operation {
            line: "so-pin change --so-pin env:ADMIN --new-so-pin env:ADMIN2",
            wrong: wrong("so-pin", "--so-pin env:ADMIN", "--so-pin env:ADMIN_WRONG"),
            sets: &[("so-pin", "ADMIN2")],
            unsent: &[("env:ADMIN2", "env:ADMIN_SHORT"), ("--so-pin env:ADMIN", "--so-pin env:ADMIN_SHORT")],
            ..CHANGE
        },
        Operation {
            line: "reset-code set --so-pin env:ADMIN --new-reset-code env:RC",
            outcome: "set",
            wrong: wrong("so-pin", "env:ADMIN", "env:ADMIN_WRONG"),
            sets: &[("reset-code", "RC")],
            unsent: &[("env:RC", "env:RC_SHORT"), ("env:ADMIN", "env:ADMIN_SHORT")],
            ..CHANGE
        },
        Operation {
            line: "reset-code clear --so-pin env:ADMIN",
            outcome: "cleared",
            wrong: wrong("so-pin", "env:ADMIN", "env:ADMIN_WRONG"),
            sets: &[("reset-code", "EMPTY")],
            unsent: &[("env:ADMIN", "env:ADMIN_SHORT")],
            refused: keeps_its_reset_code,
            before: &["reset-code set --so-pin env:ADMIN --new-reset-code env:RC"],
            ..CHANGE
        },
        Operation {
            line: "retries set --so-pin env:ADMIN --pin-tries 5 --reset-code-tries 4 --so-pin-tries 6",
            outcome: "set",
            wrong: wrong("so-pin", "env:ADMIN", "env:ADMIN_WRONG"),
            unsent: &[("env:ADMIN", "env:ADMIN_SHORT")],
            given: &["card=yubikey"],
            refused: is_no_recent_yubikey,
            ..VERIFY
        },
        ERASE,
    ],
    impossible: &[
        "pin set --new-pin env:NEW",
        "pin unblock --so-pin env:ADMIN",
        "pin reset --puk env:RC --new-pin env:NEW",
        "puk change --puk env:RC --new-puk env:ADMIN",
        "admin-key change --admin-key env:RC --new-admin-key env:ADMIN",
    ],
    kept: characters,
};

/// One character more than any of these cards takes.
const LONG: &str = "12345678901234567890123456789012345678901234567890123456789012345678901234567890\
                    123456789012345678901234567890123456789012345678";

pub const GIDS: Application = Application {
    name: "gids",
    stand_in: ("gids", &[]),
    call: "",
    secrets: &[
        ("PIN", "123456"),
        ("NEW", "271828"),
        ("WRONG", "999999"),
        ("SURPLUS", "1234562"),
        ("SHORT", "271"),
        ("TINY", "271"),
        ("LONG", "27182818284590452"),
        ("EMPTY", ""),
        ("KEY", MANAGEMENT_KEY),
        ("KEY2", OTHER_KEY),
        ("KEY_WRONG", WRONG_KEY),
        ("KEY_SHORT", "0102030405060708"),
    ],
    references: &[Reference { role: "user-pin", path: "/gids/pin", is_told: always }],
    operations: &[
        VERIFY,
        CHANGE,
        Operation {
            given: &["admin-key=010203040506070801020304050607080102030405060708"],
            ..resetting(
                "pin reset --admin-key env:KEY --new-pin env:NEW",
                wrong("admin-key", "env:KEY", "env:KEY_WRONG"),
            )
        },
        Operation {
            line: "admin-key change --admin-key env:KEY --new-admin-key env:KEY2",
            wrong: wrong("admin-key", "--admin-key env:KEY", "--admin-key env:KEY_WRONG"),
            sets: &[],
            unsent: &[("env:KEY2", "env:KEY_SHORT"), ("--admin-key env:KEY", "--admin-key env:KEY_SHORT")],
            given: &["admin-key=010203040506070801020304050607080102030405060708"],
            ..CHANGE
        },
        Operation { line: "pin set --new-pin env:NEW", outcome: "set", given: &["pin=none"], ..resetting("", None) },
    ],
    impossible: &[
        "pin set --new-pin env:NEW",
        "pin unblock --admin-key env:KEY",
        "pin reset --puk env:PIN --new-pin env:NEW",
        "puk change --puk env:PIN --new-puk env:NEW",
        "so-pin change --so-pin env:PIN --new-so-pin env:NEW",
        "reset-code set --so-pin env:PIN --new-reset-code env:NEW",
    ],
    kept: characters,
};
