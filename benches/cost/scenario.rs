//! One operation that gives a card a new PIN, by everyone who can do it.

use std::{
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    cards::{Card, Pcscd, VirtualCard, fixtures, reader_name},
    line::{command, put_in},
    measure::{Cost, Reaches, median, run},
};

/// The two values between which a PIN goes to and fro.
const PINS: [&str; 2] = ["123456", "654321"];

pub struct Scenario {
    pub title: &'static str,
    pub card: fn() -> Card,
    /// How many APDUs pukka may send.
    pub reach: usize,
    /// What is said to the card before the first run.
    pub before: &'static [&'static str],
    /// What is said to a reset card to see whether the PIN is the new one, which its last answer says by 9000.
    pub proof: &'static [&'static str],
    /// Name and line of each tool, the one first that the others are compared with.
    pub tools: &'static [(&'static str, &'static str)],
}

/// A card in the only reader of a pcscd, and what its PIN is.
struct Place {
    pcscd: Pcscd,
    card: VirtualCard,
    turn: usize,
}

impl Scenario {
    /// Measures with a card that answers at once, and with one that takes 15 ms an APDU as real ones do.
    pub fn run(&self, home: &Path, reaches: &mut Reaches) {
        let mut place = self.place(0);
        let able: Vec<_> = self.tools.iter().filter(|(_, line)| self.able(&mut place, line, home)).collect();
        let quick = self.measure(&mut place, &able, 11, home);
        drop(place);
        let slow = self.measure(&mut self.place(15), &able, 5, home);

        println!("\n## {}\n", self.title);
        println!("| tool | APDUs | wall, 0 ms an APDU | wall, 15 ms an APDU | to the first | cpu |");
        println!("| --- | --- | --- | --- | --- | --- |");
        let first = median(&slow[0], |cost| cost.wall);
        for ((name, line), (quick, slow)) in able.iter().zip(quick.iter().zip(&slow)) {
            let most = quick.iter().chain(slow).map(|cost| cost.apdus).max().unwrap_or(0);
            let apdus = match line.starts_with("pukka ") {
                true => reaches.hold(self.title, most, self.reach),
                false => most.to_string(),
            };
            let wall = median(slow, |cost| cost.wall);
            let (at_once, cpu) = (median(quick, |cost| cost.wall), median(quick, |cost| cost.cpu));
            println!(
                "| {name} | {apdus} | {:.1} ms | {:.1} | {:.2} | {:.1} |",
                at_once * 1e3,
                wall * 1e3,
                wall / first,
                cpu * 1e3
            );
        }
        for (name, _) in self.tools.iter().filter(|tool| !able.contains(tool)) {
            println!("\n(not measured, since it is not installed or fails here: {name})");
        }
    }

    fn place(&self, delay: u64) -> Place {
        let (pcscd, [card]) = Pcscd::with([(self.card)().delay_ms(delay)]);
        if !self.before.is_empty() {
            pcscd.send(0, self.before);
            pcscd.reset(0);
        }
        Place { pcscd, card, turn: 0 }
    }

    /// Whether a tool does it in both directions. The PIN is the same before and after.
    fn able(&self, place: &mut Place, line: &str, home: &Path) -> bool {
        let done = [0, 1].map(|_| {
            let [old, new] = place.pins();
            let ran = place.pcscd.apply(&mut command(line, old, new, home)).output();
            let done = ran.is_ok_and(|output| output.status.success()) && self.proved(place, new);
            place.turn += usize::from(done);
            done
        });
        assert!(done[0] == done[1], "{line}: it went but one way");
        done[0]
    }

    /// Runs every tool in turn, `rounds` times, each giving a PIN in the place of the one that the one before it gave. Each
    /// finds the card reset.
    fn measure(&self, place: &mut Place, tools: &[&(&str, &str)], rounds: usize, home: &Path) -> Vec<Vec<Cost>> {
        let mut costs = vec![Vec::new(); tools.len()];
        for _ in 0..rounds {
            for ((name, line), costs) in tools.iter().zip(&mut costs) {
                let [old, new] = place.pins();
                place.card.clear_trace();
                let cost = run(place.pcscd.apply(&mut command(line, old, new, home)));
                costs.push(Cost { apdus: place.card.apdus().len(), ..cost });
                assert!(self.proved(place, new), "{name} did not change the PIN");
                place.turn += 1;
            }
        }
        costs
    }

    /// Whether the card, then reset, has this PIN.
    fn proved(&self, place: &Place, pin: &str) -> bool {
        place.reset();
        let proof: Vec<String> = self.proof.iter().map(|apdu| put_in(apdu, "", pin)).collect();
        let answers = place.pcscd.send(0, &proof.iter().map(String::as_str).collect::<Vec<_>>());
        place.reset();
        answers.last().is_some_and(|answer| answer == "9000")
    }
}

impl Place {
    /// Resets the card, as soon as pcscd has seen that the tool before is gone: scdaemon ends without letting go of it.
    fn reset(&self) {
        let reset = || {
            let mut tool = Command::new(fixtures::card_tool());
            tool.args(["send", "--reset", &reader_name(0)]);
            self.pcscd.apply(&mut tool).output().unwrap().status.success()
        };
        let start = Instant::now();
        while !reset() {
            assert!(start.elapsed().as_secs() < 10, "the card stays held");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The PIN that holds, and the next.
    fn pins(&self) -> [&'static str; 2] {
        [PINS[self.turn % 2], PINS[(self.turn + 1) % 2]]
    }
}
