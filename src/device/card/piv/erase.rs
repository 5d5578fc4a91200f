//! Yubico's RESET: the application as it was delivered, which wants PIN and PUK blocked before.

use super::{FILLER, Memory, Piv};
use crate::{
    device::card::{
        apdu::{Command, Data},
        status_word::{Meaning, StatusWord},
    },
    error::{Error, Result},
    token::{Retries, Role},
};

/// No counter is higher, so that one that is not down after so many wrong values never will be.
const MOST_TRIES: usize = 255;
/// The most that a status word tells; a counter above that is not seen to fall.
const MOST_TOLD: u8 = 15;
/// Values to be wrong with, the second in case that the first is right after all.
const WRONG: [[u8; 8]; 2] = [*b"99999999", *b"00000000"];

impl Piv<'_, '_> {
    /// Blocks PUK and PIN, and puts the application back to the state of delivery.
    ///
    /// The PUK goes first: as long as the PIN has tries, what is on the card can still be used if this fails on its way.
    /// Nothing else here blocks both: some applications erase their keys as soon as that is so.
    ///
    /// # Errors
    /// [`Error::Unsupported`], with nothing blocked; [`Error::Device`], which says what is blocked by then.
    pub fn reset_application(&mut self) -> Result<()> {
        self.select()?;
        // One that knows the command refuses it as yet (6985, 6982). From one that does not there would be no way back.
        if self.send_reset()?.meaning() == Meaning::NotSupported {
            return Err(Error::unsupported("way back to the state of delivery".into()));
        }
        self.block(Role::Puk, "")?;
        self.block(Role::UserPin, "the PUK is blocked, but ")?;
        let status = self.send_reset()?;
        match status.meaning() {
            Meaning::Done => {
                // Nothing that was known of the card holds any more.
                *self.memory = Memory { random: self.memory.random, ..Memory::default() };
                (self.counter, self.key) = (None, None);
                Ok(())
            }
            _ => Err(Error::device(
                "PIN and PUK are blocked, but the card does not go back to the state of delivery",
                status.to_string(),
            )),
        }
    }

    fn send_reset(&mut self) -> Result<StatusWord> {
        self.channel.ask("RESET", [0x00, 0xFB, 0x00, 0x00])
    }

    /// Presents wrong values till none is taken any more. `so_far` opens the sentence of a failure.
    fn block(&mut self, role: Role, so_far: &str) -> Result<()> {
        let mut wrong = WRONG.iter().cycle();
        let mut value = wrong.next();
        let mut before = None;
        let mut last = StatusWord::OK;
        for _ in 0..MOST_TRIES {
            let status = self.present_wrong(role, value.unwrap_or(&[FILLER; 8]))?;
            last = status;
            let told = match status.meaning() {
                Meaning::Done => {
                    (value, before) = (wrong.next(), None);
                    continue;
                }
                Meaning::Wrong(Some(left)) => Retries::counted(left, None),
                Meaning::Wrong(None) => self.peek(role)?,
                Meaning::Blocked => Retries::Blocked,
                _ => break,
            };
            match (told, before) {
                (Retries::Blocked, _) => return Ok(()),
                (Retries::Left { left, .. }, Some(before)) if left >= before && left < MOST_TOLD => break,
                (Retries::Left { left, .. }, _) => before = Some(left),
                _ => break,
            }
        }
        Err(Error::device(
            format!("{so_far}the {role} cannot be blocked, as this card wants it before it is erased"),
            last.to_string(),
        ))
    }

    fn present_wrong(&mut self, role: Role, value: &[u8; 8]) -> Result<StatusWord> {
        let key_reference = self.key_reference(Role::UserPin)?;
        self.select()?;
        self.counter = None;
        let (name, header, data) = match role {
            Role::Puk => ("RESET RETRY COUNTER (wrong)", [0x00, 0x2C, 0x00, key_reference], [*value, *value].concat()),
            _ => ("VERIFY (wrong)", [0x00, 0x20, 0x00, key_reference], value.to_vec()),
        };
        // Not a secret, but the card has to be left reset all the same.
        let data = Data::Secret(data.into());
        self.channel.send(&Command { name, header, data, answers: false }).map(|response| response.status)
    }
}
