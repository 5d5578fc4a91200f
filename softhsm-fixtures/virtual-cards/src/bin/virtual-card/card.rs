//! The card as the reader sees it: power, reset, ATR and APDUs, in front of a firmware application.

use std::{thread, time::Duration};

use anyhow::Result;
use heapless::VecView;
use iso7816::{Status, command::CommandView};
use stand_in_cards::{reader, trace::Trace};

use crate::apdu::Apdus;

/// Answer to reset of the Nitrokey 3, which is where this firmware lives: T=1, historical bytes "Nitrokey".
const ATR: [u8; 19] =
    [0x3B, 0x8F, 0x01, 0x80, 0x5D, 0x4E, 0x69, 0x74, 0x72, 0x6F, 0x6B, 0x65, 0x79, 0x00, 0x00, 0x00, 0x00, 0x00, 0x6A];

/// A card application as its crate offers it: whole commands in, whole responses out.
pub trait Firmware {
    fn handle(&mut self, command: CommandView<'_>, response: &mut VecView<u8>) -> Result<(), Status>;

    /// Forgets what a power cycle forgets: verified PINs, authenticated keys, open challenges.
    fn reset(&mut self) -> Result<()>;
}

pub struct Card<'a> {
    firmware: &'a mut dyn Firmware,
    apdus: Apdus,
    delay: Duration,
    trace: Trace,
}

impl<'a> Card<'a> {
    pub fn new(firmware: &'a mut dyn Firmware, delay: Duration, trace: bool) -> Self {
        Self { firmware, apdus: Apdus::default(), delay, trace: Trace::new(trace) }
    }

    fn restart(&mut self, signal: &str) -> Result<()> {
        self.trace.signal(signal);
        self.apdus = Apdus::default();
        self.firmware.reset()
    }
}

impl reader::Card for Card<'_> {
    fn atr(&self) -> &[u8] {
        &ATR
    }

    fn power_on(&mut self) -> Result<()> {
        self.trace.signal("power on");
        Ok(())
    }

    fn power_off(&mut self) -> Result<()> {
        self.restart("power off")
    }

    fn reset(&mut self) -> Result<()> {
        self.restart("reset")
    }

    fn execute(&mut self, command: &[u8]) -> Result<Option<Vec<u8>>> {
        self.trace.command(command);
        thread::sleep(self.delay);
        let response = self.apdus.answer(command, self.firmware);
        // Before the reader gets it: whoever has seen a command succeed finds it in the trace.
        self.trace.response(&response);
        Ok(Some(response))
    }
}
