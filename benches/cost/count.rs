//! How many APDUs it takes to look at a card.

use std::path::Path;

use crate::{
    cards::{Card, Pcscd},
    line::command,
    measure::{self, Reaches},
};

/// How many APDUs `status` of one application may send.
const REACH: usize = 7;
/// The one that may send one more: Estonia's of 2018 has three values in two applications, and a serial number in a file.
const FARTHER: &str = "esteid-2018";

/// The kinds of card, each by its application and what stands for it; of some kinds one for each manner of answering.
pub fn kinds() -> Vec<(&'static str, &'static str, Card)> {
    let stand_in =
        |application: &'static str, card: &'static str| Card::stand_in(application).dialect(&format!("card={card}"));
    vec![
        ("piv", "firmware", Card::piv()),
        ("piv", "YubiKey 5", stand_in("piv", "yubikey")),
        ("piv", "YubiKey NEO", stand_in("piv", "neo")),
        ("piv", "PivApplet", stand_in("piv", "pivapplet")),
        ("openpgp", "firmware", Card::openpgp()),
        ("openpgp", "YubiKey 5", stand_in("openpgp", "yubikey")),
        ("openpgp", "YubiKey 5, KDF", stand_in("openpgp", "yubikey").dialect("kdf=three-salts")),
        ("openpgp", "card 2.x", stand_in("openpgp", "v2")),
        ("gids", "stand-in", Card::stand_in("gids")),
        ("sc-hsm", "stand-in", Card::stand_in("sc-hsm")),
        ("isoapplet", "stand-in", stand_in("iso7816", "isoapplet")),
        ("myeid", "stand-in", stand_in("iso7816", "myeid")),
        ("esteid-2018", "stand-in", stand_in("iso7816", "esteid-2018")),
        ("esteid-2025", "stand-in", stand_in("iso7816", "esteid-2025")),
        ("itacns", "stand-in", stand_in("iso7816", "itacns")),
    ]
}

/// What a call needs to name a PIN: the stand-in, application and reference, PIN and new one, PUK.
const BY_PROFILE: [[&str; 5]; 6] = [
    ["isoapplet", "isoapplet", "123456", "654321", "1234567812345678"],
    ["myeid", "myeid", "123456", "654321", "11111111"],
    ["esteid-2018", "esteid-2018 --reference PIN1", "1234", "4321", "12345678"],
    ["esteid-2018", "esteid-2018 --reference PIN2", "12345", "54321", "12345678"],
    ["esteid-2025", "esteid-2025 --reference PIN1", "1234", "4321", "12345678"],
    ["itacns", "itacns", "12345678", "87654321", "87654321"],
];

/// How many APDUs `pin change`, and `pin reset` by the PUK, may send to an ISO 7816 card.
const PIN_REACH: usize = 5;

/// `pin change` and `pin reset` on the cards that are known by a profile.
pub fn profiles(home: &Path, reaches: &mut Reaches) {
    println!("\n## ISO 7816 profiles\n");
    println!("| card | `pin change`, APDUs | `pin reset` by PUK, APDUs |\n| --- | --- | --- |");
    for [card, application, old, new, puk] in BY_PROFILE {
        let (pcscd, [card]) = Pcscd::with([Card::stand_in("iso7816").dialect(&format!("card={card}"))]);
        let mut count = |what: &str, values: &str| {
            card.clear_trace();
            let line = format!("pukka {what} --application {application} {values}");
            measure::run(pcscd.apply(&mut command(&line, old, new, home)).env("PUK", puk));
            reaches.hold(&format!("`{what}` of {application}"), card.apdus().len(), PIN_REACH)
        };
        let change = count("pin change", "--pin env:OLD --new-pin env:NEW");
        let reset = count("pin reset", "--puk env:PUK --new-pin env:OLD");
        println!("| {application} | {change} | {reset} |");
    }
}

/// `status` of each application where it is named, and what a `list` asks of the same card.
pub fn run(home: &Path, reaches: &mut Reaches) {
    println!("\n## `status` of one application named, and `list`\n");
    println!("| application | card | `status`, APDUs | `list`, APDUs |\n| --- | --- | --- | --- |");
    for (application, name, card) in kinds() {
        let (pcscd, [card]) = Pcscd::with([card]);
        let count = |line: &str| {
            card.clear_trace();
            measure::run(pcscd.apply(&mut command(line, "", "", home)));
            pcscd.reset(0);
            card.apdus().len()
        };
        let status = count(&format!("pukka status --via pcsc --application {application}"));
        let reach = REACH + usize::from(application == FARTHER);
        let status = reaches.hold(&format!("`status` of {application} ({name})"), status, reach);
        println!("| {application} | {name} | {status} | {} |", count("pukka list --via pcsc"));
    }
}
