//! OpenSC's module: what it makes of the cards behind it, and what a call costs them.

use serde_json::{Value, json};

use super::cards::CardBench;
use crate::support::{cards::Card, modules::opensc};

const CHANGE: &str = "pin change --pin env:PIN --new-pin env:NEW";

/// A card with its token's label, and what its secrets are called.
struct Kind {
    name: &'static str,
    card: fn() -> Card,
    token: &'static str,
    secrets: &'static [(&'static str, &'static str)],
    /// VERIFY and CHANGE REFERENCE DATA of its user PIN.
    verify: &'static str,
    change: &'static str,
}

const SC_HSM: Kind = Kind {
    name: "sc-hsm",
    card: || Card::stand_in("sc-hsm"),
    token: "SmartCard-HSM%20%28UserPIN%29",
    secrets: &[
        ("PIN", "648219"),
        ("NEW", "271828"),
        ("WRONG", "000000"),
        ("SO", "3537363231383830"),
        ("SO2", "0123456789abcdef"),
        ("PUK", "12345678"),
    ],
    verify: "00200081",
    change: "00240081",
};
const PIV: Kind = Kind {
    name: "piv",
    card: || Card::stand_in("piv"),
    token: "PIV_II",
    secrets: OTHERS,
    verify: "00200080",
    change: "00240080",
};
const YUBIKEY: Kind = Kind { name: "yubikey", card: || Card::stand_in("piv").dialect("card=yubikey"), ..PIV };
const OPENPGP: Kind = Kind {
    name: "openpgp",
    card: || Card::stand_in("openpgp"),
    token: "OpenPGP%20card%20%28User%20PIN%29",
    secrets: OTHERS,
    verify: "00200082",
    change: "00240081",
};
const ISOAPPLET: Kind = Kind {
    name: "isoapplet",
    card: || Card::stand_in("iso7816").dialect("card=isoapplet"),
    token: "Stand-in%20card",
    secrets: OTHERS,
    verify: "00200001",
    change: "00240001",
};
const OTHERS: &[(&str, &str)] = &[
    ("PIN", "123456"),
    ("NEW", "271828"),
    ("WRONG", "000000"),
    ("SO", "12345678"),
    ("SO2", "87654321"),
    ("PUK", "12345678"),
];
const ALL: [Kind; 5] = [SC_HSM, PIV, YUBIKEY, OPENPGP, ISOAPPLET];

impl Kind {
    fn bench(&self) -> CardBench {
        CardBench::new((self.card)(), opensc(), self.secrets)
    }

    fn on(&self, words: &str) -> String {
        format!("{words} --token pkcs11:token={}", self.token)
    }
}

fn can(bench: &CardBench) -> Vec<Value> {
    bench.run("status", 0)["tokens"][0]["can"].as_array().unwrap().clone()
}

#[test]
fn a_change_spends_no_try_with_the_right_pin_and_one_with_a_wrong_one() {
    for kind in ALL {
        let bench = kind.bench();
        let done = bench.run(&kind.on(CHANGE), 0);
        bench.assert_presented(&[kind.verify, kind.change, kind.verify]);
        assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)), "{}: {done}", kind.name);
        for words in [CHANGE, "pin verify --pin env:WRONG"] {
            let error = bench.refused(&kind.on(words), 4, "wrong-secret");
            bench.assert_presented(&[kind.verify]);
            assert_eq!(error["role"], "user-pin", "{}: {error}", kind.name);
        }
        bench.run(&kind.on("pin verify --pin env:NEW --allow-last-try"), 0);
    }
}

#[test]
fn a_pin_that_is_blocked_is_told_as_blocked() {
    for kind in ALL {
        let bench = kind.bench();
        let verify = kind.on("pin verify --pin env:WRONG --allow-last-try");
        let codes: Vec<i32> = (0..3).map(|_| bench.call(&verify).run().code).collect();
        assert_eq!(codes[..2], [4, 4], "{}", kind.name);
        // Whether the last one says so itself is the module's business; the next one does.
        assert!([4, 5].contains(&codes[2]), "{}: {codes:?}", kind.name);
        bench.refused(&verify, 5, "blocked");
    }
}

#[test]
fn a_puk_is_never_sent_whatever_the_configuration_says_of_unblocking() {
    let conf = tempfile::NamedTempFile::new().unwrap();
    for style in ["none", "set_pin_in_unlogged_session", "init_pin_in_so_session"] {
        let text =
            format!("app default {{ }}\napp opensc-pkcs11 {{ pkcs11 {{ user_pin_unblock_style = {style}; }} }}\n");
        std::fs::write(conf.path(), text).unwrap();
        for kind in [YUBIKEY, ISOAPPLET] {
            let bench = kind.bench();
            let words = kind.on("pin reset --puk env:PUK --new-pin env:NEW");
            let run = bench.call(&words).env("OPENSC_CONF", conf.path()).run().code(7);
            assert_eq!(run.json()["error"]["kind"], "unsupported", "{style}: {run:?}");
            bench.assert_presented(&[]);
        }
    }
}

#[test]
fn no_so_pin_is_presented_to_a_piv_card_which_would_get_it_as_its_puk() {
    for kind in [PIV, YUBIKEY] {
        let bench = kind.bench();
        assert_eq!(can(&bench), [json!({"operation": "pin change"}), json!({"operation": "pin verify"})]);
        for words in
            ["pin reset --so-pin env:SO --new-pin env:NEW", "so-pin change --so-pin env:SO --new-so-pin env:SO2"]
        {
            bench.refused(&kind.on(words), 7, "unsupported");
            bench.assert_presented(&[]);
        }
    }
}

#[test]
fn a_smartcard_hsm_is_reset_by_its_so_pin() {
    let bench = SC_HSM.bench();
    let reset = SC_HSM.on("pin reset --so-pin env:SO --new-pin env:NEW");
    let done = bench.run(&reset, 0);
    bench.assert_presented(&["002C0081", "00200081"]);
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("reset"), &json!(true)), "{done}");
    let wrong = SC_HSM.on("pin reset --so-pin env:SO2 --new-pin env:PIN");
    assert_eq!(bench.refused(&wrong, 4, "wrong-secret")["role"], "so-pin");
    bench.assert_presented(&["002C0081"]);
    bench.run(&SC_HSM.on("pin verify --pin env:NEW"), 0);
    // What cannot be an SO PIN would cost one of its tries.
    bench.refused(&SC_HSM.on("pin reset --so-pin env:PUK --new-pin env:PIN"), 6, "policy");
    bench.assert_presented(&[]);
}

#[test]
fn the_so_pin_of_a_smartcard_hsm_is_changed_and_a_login_is_no_proof_of_it() {
    let bench = SC_HSM.bench();
    let change = SC_HSM.on("so-pin change --so-pin env:SO --new-so-pin env:SO2");
    let done = bench.run(&change, 0);
    bench.assert_presented(&["00240088"]);
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(false)), "{done}");
    assert_eq!(bench.refused(&change, 4, "wrong-secret")["role"], "so-pin");
    bench.run(&SC_HSM.on("pin reset --so-pin env:SO2 --new-pin env:NEW"), 0);
}

#[test]
fn an_openpgp_card_has_its_admin_pin_changed_and_no_pin_reset() {
    let bench = OPENPGP.bench();
    bench.refused(&OPENPGP.on("pin reset --so-pin env:SO --new-pin env:NEW"), 7, "unsupported");
    bench.assert_presented(&[]);
    let change = OPENPGP.on("so-pin change --so-pin env:SO --new-so-pin env:SO2");
    let done = bench.run(&change, 0);
    bench.assert_presented(&["00200083", "00240083", "00200083"]);
    assert_eq!((&done["outcome"], &done["confirmed"]), (&json!("changed"), &json!(true)), "{done}");
    assert_eq!(bench.refused(&change, 4, "wrong-secret")["role"], "so-pin");
    bench.assert_presented(&["00200083"]);
}

#[test]
fn a_card_without_an_so_pin_lets_any_so_in_and_nothing_is_told_as_done() {
    let bench = ISOAPPLET.bench();
    for so in ["SO", "SO2"] {
        let reset = ISOAPPLET.on(&format!("pin reset --so-pin env:{so} --new-pin env:NEW"));
        // By a command that IsoApplet has not; no login is tried to see what became of it.
        bench.refused(&reset, 6, "new-value-refused");
        bench.assert_presented(&["00240101"]);
        let change = ISOAPPLET.on(&format!("so-pin change --so-pin env:{so} --new-so-pin env:PIN"));
        bench.refused(&change, 5, "unset");
    }
    bench.run(&ISOAPPLET.on("pin verify --pin env:PIN"), 0);
}
