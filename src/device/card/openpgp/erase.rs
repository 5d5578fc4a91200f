//! The way of an OpenPGP card back to the state of delivery: TERMINATE DF, then ACTIVATE FILE (OpenPGP card 3.4, 7.2.16).

use super::{DELIVERED_PW3, OpenPgp, PW1, PW3, kdf::Kdf};
use crate::{
    device::card::{
        apdu::Data,
        application::CardApplication,
        refusal::refused_though_right,
        status_word::{Meaning, StatusWord},
    },
    error::{Error, Result},
    secret::Pages,
    token::{Retries, Role, Token, Verb},
};

impl OpenPgp<'_, '_> {
    /// Erases the card, or ends an erasure that was interrupted. Who has not the Admin PIN may do so once both PINs are
    /// blocked, and nobody is asked for it here.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Device`].
    pub(super) fn begin_anew(&mut self) -> Result<()> {
        if self.kdf.is_none() || self.memory.has_life_cycle.is_none() {
            self.read(true)?;
        }
        if !self.memory.abilities().iter().any(|able| able.verb == Verb::TokenErase) {
            return Err(Error::unsupported("way back to the state of delivery".into()));
        }
        if !self.memory.terminated {
            self.block(Role::UserPin, PW1, "")?;
            self.block(Role::SoPin, PW3, "the PIN is blocked, but ")?;
            let refused = "the PIN and the SO PIN are blocked, but the card does not let itself be terminated";
            self.step("TERMINATE DF", [0x00, 0xE6, 0x00, 0x00], refused)?;
        }
        let refused = "the card is terminated and does not become active again";
        self.step("ACTIVATE FILE", [0x00, 0x44, 0x00, 0x00], refused)?;
        // Nothing that was known of it holds any more.
        self.forget();
        self.read(true)?;
        if self.memory.terminated {
            return Err(Error::device("the card does not become active again", None));
        }
        if matches!(self.kdf, Some(Kdf::On(_) | Kdf::Unclear(_))) {
            self.switch_kdf_off()?;
        }
        Ok(())
    }

    /// One of the two steps, which nothing but its own answer proves. `refused` says what the card is left as without it.
    fn step(&mut self, name: &'static str, header: [u8; 4], refused: &str) -> Result<()> {
        match self.send(name, header, Data::None, false)?.status {
            StatusWord::OK => Ok(()),
            status => Err(Error::device(refused, status.to_string())),
        }
    }

    /// Gives wrong values till no try is left; ends with an error as soon as a counter does not fall any more. `so_far` opens
    /// the sentence of that.
    fn block(&mut self, role: Role, key_reference: u8, so_far: &str) -> Result<()> {
        // Of the length that a right value would have: a card may refuse others without counting them.
        let length = match &self.kdf {
            Some(Kdf::On(kdf)) => kdf.length(),
            Some(Kdf::Unclear(_)) => 32,
            Some(Kdf::Off) | None => 8,
        };
        // The first of the two could be the right one.
        let mut fillers = [0x21, 0x7E].into_iter();
        let mut filler = fillers.next();
        loop {
            let (before, wrong) = match (self.retries(role)?, filler) {
                (Retries::Blocked, _) => return Ok(()),
                (Retries::Left { left, .. }, Some(filler)) => (left, Pages::filled(length, filler)),
                _ => {
                    let what =
                        format!("{so_far}the {role} cannot be blocked, as this card wants it before it is erased");
                    return Err(Error::device(what, None));
                }
            };
            let status = self.send("VERIFY", [0x00, 0x20, 0x00, key_reference], Data::Secret(wrong), false)?.status;
            match (status.meaning(), self.retries(role)?) {
                (Meaning::NotFound | Meaning::NotSupported | Meaning::Other, _) => {
                    return Err(Error::device(
                        format!("{so_far}the card answers VERIFY with an error"),
                        status.to_string(),
                    ));
                }
                (_, Retries::Left { left, .. }) if left >= before => filler = fillers.next(),
                _ => {}
            }
        }
    }

    /// On a card that kept its KDF-DO and put its PINs back as they are typed, every value that is sent would be wrong: its
    /// Admin PIN tells, at the risk of one of the tries of a card just delivered. Where that is refused the values of
    /// delivery are hashed as the object says, and all is well.
    fn switch_kdf_off(&mut self) -> Result<()> {
        if !matches!(self.retries(Role::SoPin)?, Retries::Left { left: 2.., .. }) {
            return Ok(());
        }
        let delivered = Data::Secret(Pages::from(DELIVERED_PW3));
        if self.send("VERIFY", [0x00, 0x20, 0x00, PW3], delivered, false)?.status != StatusWord::OK {
            return self.count();
        }
        let off = Data::Plain(vec![0x81, 0x01, 0x00]);
        match self.send("PUT DATA", [0x00, 0xDA, 0x00, 0xF9], off, false)?.status {
            StatusWord::OK => self.read(true),
            status => Err(refused_though_right("PUT DATA", Role::SoPin, status)),
        }
    }
}
