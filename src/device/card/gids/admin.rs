//! Authentication by the admin key of a GIDS card: mutual, or by the answer to a challenge of the card (external).

use rand::{rand_core::TryRng, rngs::SysRng};
use zeroize::Zeroizing;

use super::{Gids, objects};
use crate::{
    challenge::Block,
    device::card::{
        apdu::{Data, Response, hex},
        cipher::{self, Algorithm, Cipher},
        status_word::{Meaning, StatusWord},
    },
    error::{Error, Result},
    secret::{AdminKey, Entry, Pages},
    token::{Need, Retries, Role},
};

/// What we add to a mutual authentication: a challenge of our own, and half of a session key which nobody uses.
pub struct Nonces {
    challenge: [u8; 16],
    half: [u8; 7],
}

impl Nonces {
    /// From 23 bytes that nobody can foresee.
    pub fn new([challenge @ .., a, b, c, d, e, f, g]: [u8; 23]) -> Self {
        Self { challenge, half: [a, b, c, d, e, f, g] }
    }
}

/// Random bytes of the system.
///
/// # Errors
/// [`Error::Device`] where it has none to give.
pub fn random() -> Result<[u8; 23]> {
    let mut bytes = [0; 23];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
        Error::device("the system gives no random bytes, without which no key is used", error.to_string())
    })?;
    Ok(bytes)
}

impl Gids<'_, '_> {
    /// Authenticates by the admin key, whose value `need` gave.
    ///
    /// Mutually where the card does so: Windows' own driver knows no other way, so that every card takes it, and the card has
    /// to prove itself before it gets a new key. It is a matter of 3DES; a key of another length, and a card that refuses the
    /// request, are left to the external form. A request presents nothing, and whatever the card says to an answer, no second
    /// one is sent: a card might count it.
    ///
    /// # Errors
    /// [`Error::WrongSecret`], [`Error::Policy`] for what is no key, [`Error::Device`].
    pub fn authenticate(&mut self, need: Need, secret: &Entry) -> Result<()> {
        let digits = secret.value().ok_or_else(|| Error::unsupported("PIN pad".into()))?;
        let key = AdminKey::parse(need, digits)?;
        self.choose_admin_key()?;
        if key.bytes().len() == 24 {
            let nonces = Nonces::new((self.memory.random)()?);
            let asked = self.general_authenticate(Data::Plain(objects::template(0x81, &nonces.challenge)), true)?;
            if asked.status == StatusWord::OK {
                return self.answer_mutually(&key, &nonces, &asked);
            }
            self.refuses_mutual = true;
        }
        let challenge = self.ask_challenge()?;
        let response = cipher::respond(&key, &challenge)?;
        self.answer(Role::AdminKey, &response)
    }

    /// Asks for a challenge, which is to be answered by the very next command.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the card gives none.
    pub fn ask_challenge(&mut self) -> Result<Block> {
        let asked = self.general_authenticate(Data::Plain(objects::ASK.to_vec()), true)?;
        if asked.status != StatusWord::OK {
            return Err(Error::Unsupported {
                what: format!("the card gives no challenge to be answered ({})", asked.status),
            });
        }
        objects::challenge(&asked.data)
            .and_then(|challenge| Block::new(&challenge))
            .ok_or_else(|| Error::device("the card's challenge has neither 8 nor 16 bytes", hex(&asked.data)))
    }

    /// Answers a challenge.
    ///
    /// # Errors
    /// [`Error::WrongSecret`] of `role`, whose answer it is; [`Error::Stale`] where a challenge is open no longer.
    pub fn answer(&mut self, role: Role, response: &Block) -> Result<()> {
        let template = Pages::from(Zeroizing::new(objects::template(0x82, response.bytes())));
        let status = self.general_authenticate(Data::Secret(template), false)?.status;
        match status.meaning() {
            Meaning::Done => Ok(()),
            // Within one transaction the challenge is open for sure, so that only the answer can be wrong.
            Meaning::Wrong(_) | Meaning::Blocked if role == Role::Response && !self.is_still_selected()? => {
                Err(Error::Stale)
            }
            Meaning::Wrong(left) => Err(wrong(role, left, status)),
            Meaning::Blocked => Err(Error::Blocked { role, now: false, detail: Some(status.to_string()) }),
            // No challenge is open (6985), or the application that was selected since knows no such command or key.
            Meaning::Malformed | Meaning::NotFound | Meaning::NotSupported if role == Role::Response => {
                Err(Error::Stale)
            }
            _ => Err(refused(status)),
        }
    }

    /// Another application, too, may call an answer wrong that it knows nothing of. Where the card told the state of its PIN
    /// before it gave the challenge, whoever tells nothing of the kind is another.
    fn is_still_selected(&mut self) -> Result<bool> {
        Ok(!self.memory.tells_status || self.pin_status()?.is_some())
    }

    /// MANAGE SECURITY ENVIRONMENT: the key that authenticates is the admin key.
    pub fn choose_admin_key(&mut self) -> Result<()> {
        let status = self
            .send(
                "MANAGE SECURITY ENVIRONMENT",
                [0x00, 0x22, 0x81, 0xA4],
                Data::Plain(objects::ADMIN_KEY.to_vec()),
                false,
            )?
            .status;
        match status.meaning() {
            Meaning::Done => Ok(()),
            Meaning::NotFound => Err(Error::unsupported("admin key".into())),
            _ => Err(refused(status)),
        }
    }

    /// Proves the key by both challenges and half of a session key, chained (GIDS 2.0, 4.7, in whose text the mode and the
    /// length of the last block are wrong); the card proves likewise that it has the key.
    fn answer_mutually(&mut self, key: &AdminKey, nonces: &Nonces, asked: &Response) -> Result<()> {
        let cipher = Cipher::new(Algorithm::TripleDes, key)?;
        let card = objects::challenge(&asked.data)
            .filter(|challenge| challenge.len() == 16)
            .ok_or_else(|| Error::device("the card's challenge does not have 16 bytes", hex(&asked.data)))?;
        let text = Zeroizing::new([&card[..], &nonces.challenge, &nonces.half, &[0x80]].concat());
        let proof = cipher.encrypt_chained(&text).ok_or_else(|| Error::Internal("a proof of odd length".into()))?;
        let template = Pages::from(Zeroizing::new(objects::template(0x82, &proof)));
        let answered = self.general_authenticate(Data::Secret(template), true)?;
        match answered.status.meaning() {
            Meaning::Done => {}
            Meaning::Wrong(left) => return Err(wrong(Role::AdminKey, left, answered.status)),
            Meaning::Blocked => {
                let detail = Some(answered.status.to_string());
                return Err(Error::Blocked { role: Role::AdminKey, now: false, detail });
            }
            _ => return Err(refused(answered.status)),
        }
        let told = objects::response(&answered.data).and_then(|proof| cipher.decrypt_chained(&proof));
        if !told.is_some_and(|told| told.starts_with(&[&nonces.challenge[..], &card].concat())) {
            return Err(Error::device("the card takes the admin key and does not prove that it has it itself", None));
        }
        Ok(())
    }

    fn general_authenticate(&mut self, data: Data, answers: bool) -> Result<Response> {
        self.send("GENERAL AUTHENTICATE", [0x00, 0x87, 0x00, 0x00], data, answers)
    }
}

fn wrong(role: Role, left: Option<u8>, status: StatusWord) -> Error {
    let retries = left.map_or(Retries::Unknown, |left| Retries::counted(left, None));
    Error::WrongSecret { role, retries, detail: Some(status.to_string()) }
}

fn refused(status: StatusWord) -> Error {
    Error::device("the card refuses the authentication of its administrator", status.to_string())
}
