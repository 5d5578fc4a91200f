//! A card in its slot: what passes is traced, slowed down, and goes wrong where it is told to.

use std::{path::PathBuf, thread, time::Duration};

use anyhow::Result;
use clap::Args;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::{
    apdu::Status,
    fault::{Fault, Faults, Kind},
    trace::Trace,
};

/// A card as it is by itself.
pub trait Card {
    /// Answer to reset.
    fn atr(&self) -> &[u8];

    /// Forgets all but what is stored.
    ///
    /// # Errors
    /// What ends the card.
    fn restart(&mut self) -> Result<()>;

    /// The response to a command APDU, status word included; what it has changed is kept by then.
    ///
    /// # Errors
    /// What ends the card.
    fn respond(&mut self, command: &[u8]) -> Result<Vec<u8>>;
}

/// What happens between a card and its reader.
#[derive(Args, Clone, Default)]
pub struct Manner {
    /// Answer each APDU this much later, as a slower card would
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub delay_ms: u64,

    /// Fail so
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<Fault>,

    /// Take faults from this file, one a line, and remove it, whenever it is there: they stand in for those that were
    #[arg(long, value_name = "FILE")]
    pub fault_file: Option<PathBuf>,

    /// Print each APDU on standard error: `> ` command, `< ` response, `# ` power on, power off, reset and faults
    #[arg(long)]
    pub trace: bool,
}

/// How faults are written, for the help of a program that has a [`Manner`].
pub const FAULTS: &str = "\
A FAULT is KIND@WHEN. KIND: pull-before, pull-after (the work is done, the answer lost), cut=BYTES (what is left of the
answer), answer=HEX, garbage=BYTES, silence=SECONDS (before the answer), lie (9000, and nothing done). WHEN: N (the
n-th command since the start), INS:N (the n-th of that instruction), INS+N (the n-th from the first of that instruction
on); * for N: each.";

/// A card in a slot.
pub struct Slot<'a> {
    card: &'a mut dyn Card,
    delay: Duration,
    faults: Faults,
    fault_file: Option<PathBuf>,
    trace: Trace,
}

impl<'a> Slot<'a> {
    #[must_use]
    pub fn new(card: &'a mut dyn Card, manner: Manner) -> Self {
        Self {
            card,
            delay: Duration::from_millis(manner.delay_ms),
            faults: Faults::new(manner.fault),
            fault_file: manner.fault_file,
            trace: Trace::new(manner.trace),
        }
    }

    /// Answer to reset.
    #[must_use]
    pub fn atr(&self) -> &[u8] {
        self.card.atr()
    }

    /// The reader switches the power on.
    pub fn power_on(&mut self) {
        self.trace.signal("power on");
    }

    /// The power goes off, or the reader resets, as `signal` says.
    ///
    /// # Errors
    /// What ends the card.
    pub fn restart(&mut self, signal: &str) -> Result<()> {
        self.trace.signal(signal);
        self.card.restart()
    }

    /// The response to a command APDU, as it arrives; `None` where the card has left its slot instead.
    ///
    /// # Errors
    /// What ends the card, or faults that are none.
    pub fn execute(&mut self, command: &[u8]) -> Result<Option<Vec<u8>>> {
        self.trace.command(command);
        thread::sleep(self.delay);
        if let Some(file) = &self.fault_file {
            self.faults.take(file)?;
        }
        let response = match self.faults.at(command) {
            Some(kind) => self.fail(kind, command)?,
            None => Some(self.card.respond(command)?),
        };
        // Before the reader gets it: whoever has seen a command succeed finds it in the trace.
        if let Some(response) = &response {
            self.trace.response(response);
        }
        Ok(response)
    }

    fn fail(&mut self, kind: Kind, command: &[u8]) -> Result<Option<Vec<u8>>> {
        self.trace.signal(&format!("fault {kind:?}"));
        match kind {
            Kind::PullBefore => return Ok(None),
            Kind::Lie => return Ok(Some(Status::OK.0.to_be_bytes().to_vec())),
            _ => {}
        }
        let mut response = self.card.respond(command)?;
        match kind {
            Kind::PullBefore | Kind::PullAfter => return Ok(None),
            Kind::Lie => {}
            Kind::Cut(bytes) => response.truncate(bytes),
            Kind::Answer(answer) => response = answer,
            Kind::Garbage(bytes) => {
                response = vec![0; bytes];
                getrandom(&mut response, GetRandomFlags::empty())?;
                if let [.., first, _] = &mut response[..] {
                    *first |= 0xF0; // no status word begins so
                }
            }
            Kind::Silence(time) => thread::sleep(time),
        }
        Ok(Some(response))
    }
}
