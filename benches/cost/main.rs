//! What pukka costs beside the tools a user would otherwise run, and beside a floor that does only what it must.
//!
//! Rounds of all tools alternate in one run, and medians are given as ratios: absolute times are those of one noisy machine.
//! APDUs are counted on the card's side. It fails where pukka sends more of them than it may, or takes longer beside the floor.
//! `cargo bench --bench cost -- WORD` runs only what has WORD in its title.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A program for developers.

#[path = "../../tests/support/cards.rs"]
mod cards;
mod change;
mod count;
mod line;
mod list;
mod measure;
mod reset;
mod scenario;
#[path = "../../tests/support/softhsm.rs"]
#[allow(dead_code, reason = "the bench takes what it needs")]
mod softhsm;
mod token;

use std::{env, fs, process::ExitCode};

use measure::Reaches;
use tempfile::TempDir;

fn main() -> ExitCode {
    // `cargo test --benches` only wants to know that it starts.
    if env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |title: &str| words.is_empty() || words.iter().any(|word| title.contains(word));
    let home = TempDir::new().unwrap();
    line::prepare(home.path());
    let mut reaches = Reaches::default();
    println!("Medians of one run. Load of the machine: {}.", load());
    for scenario in change::SCENARIOS.iter().chain(reset::SCENARIOS).filter(|scenario| wanted(scenario.title)) {
        scenario.run(home.path(), &mut reaches);
    }
    if wanted("status") {
        count::run(home.path(), &mut reaches);
    }
    if wanted("ISO 7816 profiles") {
        count::profiles(home.path(), &mut reaches);
    }
    if wanted("list over eight readers") {
        list::run(home.path());
    }
    for (title, run) in token::RACES.iter().filter(|(title, _)| wanted(title)) {
        run(title, &mut reaches);
    }
    if wanted("start-up") {
        token::start_up(home.path());
    }
    println!("\nLoad of the machine at the end: {}.", load());
    reaches.conclude()
}

/// How many processes ran on the average of the last minute.
fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().unwrap_or_default().to_owned()
}
