//! There is no way around a policy: not through a module, and not by what a token leaves untold.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::{CHANGE, ruled, says};
use crate::support::{
    Pukka,
    administrator::Administrator,
    cards::{Card, Pcscd, VirtualCard},
    home,
    modules::{opensc, ykcs11},
    pukka,
};

/// A PIV card of Yubico's, and a file of the administrator's.
struct Desk {
    home: TempDir,
    pcscd: Pcscd,
    _card: VirtualCard,
    administrator: Administrator,
}

fn desk(config: &str) -> Desk {
    let card = Card::stand_in("piv").dialect("card=yubikey");
    let (pcscd, [card]) = Pcscd::in_readers_of("Yubico YubiKey CCID", [card]);
    Desk { home: home(), pcscd, _card: card, administrator: Administrator::new(config) }
}

impl Desk {
    fn call(&self, words: &[&str]) -> Pukka {
        let call = pukka(self.home.path(), words).envs(self.pcscd.envs());
        self.administrator.over(call.envs([("PIN", "123456"), ("NEW", "264859")]))
    }

    /// What a change through this module comes to, which is only planned.
    fn change(&self, module: &Path) -> Value {
        let words = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW", "--dry-run", "--json"];
        let route = ["--via", "pkcs11", "--module", module.to_str().unwrap()];
        self.call(&[&words[..], &route].concat()).run().json()
    }
}

#[test]
fn a_policy_for_a_kind_of_card_holds_for_it_behind_a_module_whatever_the_module_calls_it() {
    for scope in ["application = \"piv\"", "serial = \"5437251\"", "label = \"desk-*\"", "manufacturer = \"Yubico\""] {
        let desk = desk(&format!("[[policy]]\n{scope}\nmin = 7\nauthorities = []\n"));
        for module in [ykcs11(), opensc()] {
            let refused = desk.change(&module)["error"].clone();
            says(&refused, &["\"policy\"", "rule min: /etc/pukka/config.toml, line 3"]);
        }
        // What status offers is what is permitted.
        let words = ["status", "--json", "--via", "pkcs11", "--module", ykcs11().to_str().unwrap()].map(str::to_owned);
        let status = desk.call(&words.each_ref().map(String::as_str)).run().code(0).json();
        let can = status["tokens"][0]["can"].to_string();
        assert!(can.contains("pin change") && !can.contains("pin reset"), "{can}");
    }
}

#[test]
fn a_policy_for_modules_is_read_by_what_the_module_says() {
    let serial = |serial: &str| format!("[[policy]]\napplication = \"pkcs11\"\nserial = \"{serial}\"\nmin = 7\n");
    for module in [ykcs11(), opensc()] {
        assert_eq!(desk(&serial("no such number")).change(&module)["outcome"], "planned", "{module:?}");
        says(&desk(&serial("*")).change(&module), &["rule min"]);
    }
}

#[test]
fn a_token_in_software_is_no_card() {
    let config = "[[policy]]\napplication = \"piv\"\nmin = 12\n[[policy]]\napplication = \"open*\"\nmax = 3\n";
    ruled(config).changed_to("26485927");
}

#[test]
fn policy_check_tells_of_a_card_behind_a_module_what_holds_for_it() {
    let desk = desk("[[policy]]\napplication = \"piv\"\nmin = 7\n");
    let module = ykcs11();
    let words = ["policy", "check", "--json", "--token", "5437251", "--via", "pkcs11", "--module"];
    let json = desk.call(&[&words[..], &[module.to_str().unwrap()]].concat()).run().code(0).json();
    assert_eq!(json["rulings"][0]["min"], 7, "{json}");
}

#[test]
fn a_slip_in_the_name_of_an_application_is_exit_2_with_its_line_and_a_profile_of_the_site_is_none() {
    let slip = ruled("[[policy]]\nmin = 4\napplication = \"pvi\"\n");
    says(&slip.refused(&CHANGE, "26485927", 2, "usage"), &["/etc/pukka/config.toml, line 3: application matches none"]);
    for words in [&["status", "--json"][..], &["policy", "check", "--json"]] {
        says(&slip.refused(words, "", 2, "usage"), &["line 3", "piv", "isoapplet"]);
    }
    let checks = slip.call(&["doctor", "--via", "pkcs11", "--json"], "").run().json();
    says(&checks["checks"], &["/etc/pukka/config.toml, line 3: application matches none"]);
    let site = ruled("[[policy]]\napplication = \"site-card\"\nmin = 12\n");
    says(&site.refused(&CHANGE, "26485927", 2, "usage"), &["line 2: application matches none"]);
    fs::create_dir(site.administrator.path("profiles.d")).unwrap();
    let profile = crate::profile::CARD.replace("name = \"staff\"", "name = \"site-card\"");
    fs::write(site.administrator.path("profiles.d/card.toml"), profile).unwrap();
    site.changed_to("26485927");
}
