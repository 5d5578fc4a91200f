//! The recorded dialogues, line by line: what the stand-ins answer is what the cards answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use stand_in_cards::{application, card::Card, hex, slot::Card as _};

/// A card as delivered, in the dialect of the recording, with these switches turned besides.
fn card(name: &str, switches: &[&str]) -> Card {
    let mut applications = vec![application::by_name(name).unwrap()];
    for switch in switches {
        application::turn(&mut applications, switch).unwrap();
    }
    applications.iter_mut().for_each(|application| application.deliver());
    Card::new(applications, None)
}

/// Lines are `COMMAND -> STATUS DATA # what`; in DATA, `..` stands for a byte that is random. `-- reset` is a power cycle.
fn replay(mut card: Card, dialogue: &str) {
    let mut differences = Vec::new();
    for (number, line) in dialogue.lines().enumerate() {
        let line = line.split('#').next().unwrap().trim();
        if line == "-- reset" {
            card.restart().unwrap();
            continue;
        }
        let Some((command, expected)) = line.split_once("->") else { continue };
        let answer = hex::encode(&card.respond(&hex::decode(command.trim()).unwrap()).unwrap());
        let (data, status) = answer.split_at(answer.len() - 4);
        let said = format!("{status} {data}");
        if !matches(expected.trim(), said.trim()) {
            differences.push(format!("line {}: {} -> {}, not {}", number + 1, command.trim(), said, expected.trim()));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn matches(pattern: &str, said: &str) -> bool {
    pattern.len() == said.len() && pattern.bytes().zip(said.bytes()).all(|(one, other)| one == b'.' || one == other)
}

#[test]
fn gids_answers_as_recorded() {
    replay(card("gids", &[]), include_str!("../dialogues/gids.txt"));
}

#[test]
fn a_smartcard_hsm_answers_as_recorded() {
    replay(card("sc-hsm", &[]), include_str!("../dialogues/sc-hsm.txt"));
}

#[test]
fn openpgp_answers_as_recorded() {
    replay(card("openpgp", &[]), include_str!("../dialogues/openpgp.txt"));
}

#[test]
fn piv_answers_as_recorded() {
    replay(card("piv", &[]), include_str!("../dialogues/piv.txt"));
}

#[test]
fn an_iso_7816_card_answers_as_recorded() {
    replay(card("iso7816", &[]), include_str!("../dialogues/iso7816-15.txt"));
}

#[path = "replay/iso7816.rs"]
mod iso7816;
#[path = "replay/openpgp.rs"]
mod openpgp;
#[path = "replay/piv.rs"]
mod piv;
