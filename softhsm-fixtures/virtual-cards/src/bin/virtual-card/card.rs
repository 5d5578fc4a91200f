//! The card in front of a firmware application: reset, ATR and APDUs.

use anyhow::Result;
use heapless::VecView;
use iso7816::{Status, command::CommandView};
use stand_in_cards::slot;

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
}

impl<'a> Card<'a> {
    pub fn new(firmware: &'a mut dyn Firmware) -> Self {
        Self { firmware, apdus: Apdus::default() }
    }
}

impl slot::Card for Card<'_> {
    fn atr(&self) -> &[u8] {
        &ATR
    }

    fn restart(&mut self) -> Result<()> {
        self.apdus = Apdus::default();
        self.firmware.reset()
    }

    fn respond(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        Ok(self.apdus.answer(command, self.firmware))
    }
}
