//! Command chaining and GET RESPONSE (ISO 7816-4), which the firmware crates leave to their host.

use iso7816::{Command, Instruction, Status, command::FromSliceError};

use crate::card::Firmware;

/// The longest command or response the Nitrokey 3 takes, chained commands joined.
const LENGTH: usize = 7609;

#[derive(Default)]
pub struct Apdus {
    chained: Option<Command<LENGTH>>,
    response: heapless::Vec<u8, LENGTH>,
    sent: usize,
}

impl Apdus {
    /// The response to one command APDU, status word included.
    pub fn answer(&mut self, command: &[u8], firmware: &mut dyn Firmware) -> Vec<u8> {
        let (mut response, status) = match self.respond(command, firmware) {
            Ok((data, left)) => (data, left.map_or(Status::Success, Status::MoreAvailable)),
            Err(status) => (Vec::new(), status),
        };
        response.extend_from_slice(&<[u8; 2]>::from(status));
        response
    }

    /// The next piece of the response, and how much is left: 0 where that is 256 bytes or more.
    fn respond(&mut self, command: &[u8], firmware: &mut dyn Firmware) -> Result<(Vec<u8>, Option<u8>), Status> {
        let Some(command) = self.join(parse(command)?)? else { return Ok((Vec::new(), None)) };
        if command.instruction() != Instruction::GetResponse {
            self.response.clear();
            self.sent = 0;
            firmware.handle(command.as_view(), &mut self.response)?;
        }
        let left = self.response.get(self.sent..).unwrap_or_default();
        let (piece, left) = left.split_at(command.expected().min(left.len()));
        self.sent += piece.len();
        let more = (!left.is_empty()).then(|| u8::try_from(left.len()).unwrap_or(0));
        Ok((piece.to_vec(), more))
    }

    /// The whole command once its last link is here.
    fn join(&mut self, link: Command<LENGTH>) -> Result<Option<Command<LENGTH>>, Status> {
        let last = link.class().chain().last_or_only();
        let joined = match self.chained.take() {
            Some(mut chained) => {
                chained.extend_from_command(&link).map_err(|_| Status::WrongLength)?;
                chained
            }
            None => link,
        };
        if last {
            return Ok(Some(joined));
        }
        self.chained = Some(joined);
        Ok(None)
    }
}

fn parse(command: &[u8]) -> Result<Command<LENGTH>, Status> {
    Command::try_from(command).map_err(|error| match error {
        FromSliceError::InvalidClass => Status::ClassNotSupported,
        FromSliceError::InvalidFirstBodyByteForExtended => Status::UnspecifiedCheckingError,
        _ => Status::WrongLength,
    })
}
