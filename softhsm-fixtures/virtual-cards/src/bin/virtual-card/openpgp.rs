//! OpenPGP card 3.4 as the Nitrokey 3 has it (crate `opcard`).

use anyhow::Result;
use heapless::VecView;
use iso7816::{Status, command::CommandView};
use opcard::Options;

use crate::{
    card::Firmware,
    runner::{Client, Clients},
};

pub const SERIAL: [u8; 4] = [0x00, 0xDE, 0xC0, 0xDE];

pub struct OpenPgp<'a>(opcard::Card<Client<'a>>);

impl<'a> OpenPgp<'a> {
    pub fn new(clients: &Clients<'a>, serial: [u8; 4]) -> Result<Self> {
        let mut options = Options::default();
        options.serial = serial;
        Ok(Self(opcard::Card::new(clients.next()?, options)))
    }
}

impl Firmware for OpenPgp<'_> {
    fn handle(&mut self, command: CommandView<'_>, response: &mut VecView<u8>) -> Result<(), Status> {
        self.0.handle(command, response)
    }

    fn reset(&mut self) -> Result<()> {
        self.0.reset();
        Ok(())
    }
}
