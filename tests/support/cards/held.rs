//! Another program that holds a card.

use std::{
    io::{self, BufRead, BufReader},
    process::Stdio,
};

use anyhow::{Context, Result, bail};

use super::{Program, Room};

/// How another program holds a card.
#[derive(Clone, Copy)]
pub enum Hold {
    /// Others can connect, and find the card as this leaves it.
    Shared,
    /// Nobody else can connect.
    Exclusive,
    /// Others can connect, and wait with their first command.
    Transaction,
}

/// A card held by another program; dropping it releases the card.
pub struct Held {
    /// What the card answered to the APDUs.
    pub responses: Vec<String>,
    program: Program,
}

impl Held {
    pub(super) fn start(room: &Room, index: usize, hold: Hold, apdus: &[&str]) -> Result<Self> {
        let mut tool = room.tool();
        tool.args(["hold", &room.readers.name(index)]).args(apdus).args(match hold {
            Hold::Shared => None,
            Hold::Exclusive => Some("--exclusive"),
            Hold::Transaction => Some("--transaction"),
        });
        let mut program = Program::start(tool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let mut responses = Vec::new();
        for line in BufReader::new(program.0.stdout.take().context("no standard output")?).lines() {
            match line?.as_str() {
                "ready" => return Ok(Self { responses, program }),
                response => responses.push(response.to_owned()),
            }
        }
        bail!("the card is not held: {}", io::read_to_string(program.0.stderr.take().context("no standard error")?)?)
    }

    /// Releases the card, and waits for that.
    pub fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.program.0.stdin.take()); // its sign to end; killed, it would leave pcscd to reset the card
        let _ = self.program.0.wait();
    }
}
