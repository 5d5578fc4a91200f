//! There is no way around a policy: not through a module, and not by what a token leaves untold.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::{CHANGE, ruled, says};
use crate::support::{
    Pukka,
    administrator::Administrator,
    cards::{Card, Pcscd, VirtualCard},
    desk::set_mode,
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

/// The PIV card application under a name of the caller's, without a serial number or with one that is made up.
fn mine(serial: &str) -> String {
    let (head, _) = crate::profile::CARD.split_once("\n[[reference]]").unwrap();
    let head = head
        .replace("\"staff\"", "\"mine\"")
        .replace("A0 00 00 00 63 50 4B 43 53 2D 31 35", "A0 00 00 03 08 00 00 10 00 01 00");
    let pin = "name = \"PIN\"\nrole = \"user-pin\"\nkey = 0x80\nencoding = \"ascii\"\npad = { byte = 0xFF, to = 8 }\nleast = 6\nmost = 8\ncounter = \"verify\"\n";
    format!("{head}{serial}\n[[reference]]\n{pin}")
}

/// The identifier of the card's holder in the place of a number: anything that can be read and is not the serial number.
const MADE_UP: &str = "serial = { get-data = \"00 CB 3F FF 05 5C 03 5F C1 02 00\", length = 4, shown = \"hex\" }\n";

#[test]
fn a_name_that_a_profile_of_the_callers_own_gives_a_card_leads_around_no_policy() {
    for (scope, serial) in [
        ("application = \"piv\"", ""),
        ("application = \"p*\"", ""),
        ("serial = \"5437251\"", ""),
        ("serial = \"5437251\"", MADE_UP),
        ("application = \"piv\"\nlabel = \"desk-*\"\nmanufacturer = \"Yubico\"", ""),
    ] {
        let desk = desk(&format!("[[policy]]\n{scope}\nmin = 7\n"));
        let file = desk.home.path().join("mine.toml");
        fs::write(&file, mine(serial)).unwrap();
        let change = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW", "--json"];
        let by_file = ["--profile", file.to_str().unwrap()];
        let refused = desk.call(&[&change[..], &by_file].concat()).run().code(6).json();
        says(&refused, &["rule min: /etc/pukka/config.toml"]);
        let check = ["policy", "check", "--pin", "env:NEW", "--application", "mine", "--json"];
        says(&desk.call(&[&check[..], &by_file].concat()).run().code(6).json(), &["rule min"]);
        let own = desk.home.path().join("config/pukka/profiles.d");
        fs::create_dir_all(&own).unwrap();
        fs::rename(&file, own.join("mine.toml")).unwrap();
        for (line, by_name) in [(&change[..], ["--application", "mine"]), (&check[..4], ["--application", "mine"])] {
            let refused = desk.call(&[line, &by_name].concat()).run().code(6);
            assert!(refused.out.contains("rule min") || refused.err.contains("rule min"), "{refused:?}");
        }
    }
}

#[test]
fn the_administrators_own_profile_names_a_card_as_long_as_nobody_else_can_change_it() {
    let desk = desk("[[policy]]\napplication = \"piv\"\nmin = 7\n");
    let file = desk.administrator.path("profiles.d/mine.toml");
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, mine("")).unwrap();
    set_mode(&file, 0o644);
    let change = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW", "--application", "mine", "--dry-run"];
    desk.call(&change).run().code(0);
    set_mode(&file, 0o666);
    desk.call(&change).run().code(6);
    set_mode(&file, 0o644);
    set_mode(file.parent().unwrap(), 0o777);
    desk.call(&change).run().code(6);
}
