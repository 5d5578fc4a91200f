//! PIV as the Nitrokey 3 has it (crate `piv-authenticator`).

use anyhow::{Result, anyhow};
use heapless::VecView;
use iso7816::{Command, Instruction, Status, command::CommandView};
use piv_authenticator::{Authenticator, Options};

use crate::{
    card::Firmware,
    runner::{Client, Clients},
};

/// The serial number that the firmware makes up for every card.
pub const SERIAL: [u8; 4] = [0x00, 0x52, 0xF7, 0x43];

/// SELECT by the whole name, with all of the answer.
const SELECT: [u8; 15] = [0x00, 0xA4, 0x04, 0x00, 0x09, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x00];

const GET_SERIAL: Instruction = Instruction::Unknown(0xF8); // Yubico extension

pub struct Piv<'a> {
    application: Option<Authenticator<Client<'a>>>,
    clients: Clients<'a>,
    serial: [u8; 4],
    short_aid: bool,
}

impl<'a> Piv<'a> {
    pub fn new(clients: Clients<'a>, serial: [u8; 4], short_aid: bool) -> Result<Self> {
        let mut piv = Self { application: None, clients, serial, short_aid };
        piv.start()?;
        Ok(piv)
    }

    fn start(&mut self) -> Result<()> {
        // Two cards with one GUID would be one card to a host: the firmware draws from one and the same seed.
        let mut guid = *b"virtual card....";
        (guid[6], guid[8]) = (0x40, 0x80); // version and variant of a random UUID (RFC 9562)
        guid[12..].copy_from_slice(&self.serial);
        let options = Options::new().uuid(Some(guid));
        self.application = Some(Authenticator::new(self.clients.next()?, options));
        Ok(())
    }
}

impl Firmware for Piv<'_> {
    fn handle(&mut self, command: CommandView<'_>, response: &mut VecView<u8>) -> Result<(), Status> {
        let application = self.application.as_mut().ok_or(Status::UnspecifiedPersistentExecutionError)?;
        if self.short_aid && command.instruction() == Instruction::Select && command.data() == &SELECT[5..10] {
            // The firmware knows its whole name only; the tools that call a card by its first part expect no 61xx either.
            let whole: Command<16> =
                Command::try_from(&SELECT).map_err(|_| Status::UnspecifiedPersistentExecutionError)?;
            application.respond(whole.as_view(), response)?;
            response.clear();
            return Ok(());
        }
        application.respond(command, response)?;
        if command.instruction() == GET_SERIAL {
            response.clear();
            response.extend_from_slice(&self.serial).map_err(|_| Status::NotEnoughMemory)?;
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<()> {
        // The application has no reset of its own and would keep PIN and management key authenticated. So it starts
        // anew; before that, VERIFY with P1 = FF, which also deletes the key that the PIN had opened.
        if let Some(mut application) = self.application.take() {
            let verify: Command<0> =
                Command::try_from(&[0x00, 0x20, 0xFF, 0x80]).map_err(|error| anyhow!("VERIFY: {error:?}"))?;
            let _ = application.respond(verify.as_view(), &mut heapless::Vec::<u8, 0>::new());
        }
        self.start()
    }
}
