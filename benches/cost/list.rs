//! `list` over eight readers with different cards: in parallel, beside one after the other.

use std::path::Path;

use crate::{
    cards::{Card, Pcscd},
    line::command,
    measure::{self, Cost, median},
};

const LIST: &str = "pukka list --via pcsc";

/// How many times as long as the slowest card alone it may take.
const REACH: f64 = 2.0;

const ROUNDS: usize = 7;

fn cards() -> [Card; 8] {
    let iso7816 = |card: &str| Card::stand_in("iso7816").dialect(&format!("card={card}"));
    let cards = [
        Card::piv(),
        Card::openpgp(),
        Card::stand_in("gids"),
        Card::stand_in("sc-hsm"),
        Card::stand_in("piv,openpgp").dialect("piv.card=yubikey").dialect("openpgp.card=yubikey"),
        iso7816("isoapplet"),
        iso7816("myeid"),
        iso7816("esteid-2018"),
    ];
    cards.map(|card| card.delay_ms(15))
}

pub fn run(home: &Path) {
    let (all, _cards) = Pcscd::with(cards());
    let alone = cards().map(|card| Pcscd::with([card]));
    let listed = all.apply(&mut command(&format!("{LIST} --json"), "", "", home)).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let readers: std::collections::BTreeSet<_> =
        listed["tokens"].as_array().unwrap().iter().map(|token| token["reader"].to_string()).collect();
    assert_eq!(readers.len(), 8, "a token in each reader: {listed}");

    let one = |pcscd: &Pcscd, line: &str| measure::run(pcscd.apply(&mut command(line, "", "", home)));
    let mut parallel: Vec<Cost> = Vec::new();
    let mut each: [Vec<Cost>; 8] = Default::default();
    let (mut names, mut slots): (Vec<Cost>, Vec<Cost>) = Default::default();
    for _ in 0..ROUNDS {
        parallel.push(one(&all, LIST));
        for ((pcscd, _), costs) in alone.iter().zip(&mut each) {
            costs.push(one(pcscd, LIST));
        }
        let wall = (0..8).map(|reader| one(&all, &format!("opensc-tool --reader {reader} --name")).wall).sum();
        names.push(Cost { wall, cpu: 0.0, apdus: 0 });
        slots.push(one(&all, "pkcs11-tool --list-token-slots"));
    }
    let wall = |costs: &[Cost]| median(costs, |cost| cost.wall);
    let walls = each.map(|costs| wall(&costs));
    let slowest = walls.iter().copied().fold(0.0, f64::max);
    println!("\n## `list` over eight readers with different cards, 15 ms an APDU\n");
    println!("| what | wall | to the slowest card alone |\n| --- | --- | --- |");
    for (name, wall) in [
        ("**pukka list**, all eight", wall(&parallel)),
        ("pukka list, the slowest card alone", slowest),
        ("pukka list, the eight alone, summed", walls.iter().sum()),
        ("opensc-tool --name, of each reader, summed", wall(&names)),
        ("pkcs11-tool --list-token-slots", wall(&slots)),
    ] {
        println!("| {name} | {:.0} ms | {:.2} |", wall * 1e3, wall / slowest);
    }
    let reached = wall(&parallel) <= REACH * slowest;
    println!("\nAt most {REACH} times the slowest: {}.", if reached { "reached" } else { "**NOT REACHED**" });
}
