//! One slot of a module as a [`Token`]: C_Login, C_SetPIN, C_InitPIN, C_InitToken, each proved from a fresh session.

use std::{cell::Cell, rc::Rc};

use cryptoki_sys::{CK_SLOT_ID, CK_TOKEN_INFO, CKF_USER_PIN_INITIALIZED};

use super::{
    ABILITIES, Settings, info, lock,
    module::{Module, Session},
    quirks,
    raw::Rv,
    verdict::{About, verdict},
};
use crate::{
    error::{Error, Result},
    secret::Entry,
    token::{Access, Authority, Beginning, Connection, Depth, Identity, Place, Proof, Retries, Role, Survey, Token},
};

/// A slot, known but not locked.
pub struct Slot {
    module: Rc<Module>,
    id: CK_SLOT_ID,
    identity: Identity,
    settings: Settings,
    /// What the token said of itself in this transaction, until a call may have changed it: some modules ask the card each time.
    fresh: Cell<Option<CK_TOKEN_INFO>>,
}

impl Slot {
    /// The slot `id` of a module, in which the token of `identity` was seen.
    pub fn new(module: Rc<Module>, id: CK_SLOT_ID, identity: Identity, settings: Settings) -> Self {
        Self { module, id, identity, settings, fresh: Cell::new(None) }
    }

    /// What the token says of itself, once it is certain that it is still the one that was chosen.
    fn info(&mut self) -> Result<CK_TOKEN_INFO> {
        if let Some(info) = self.fresh.get() {
            return Ok(info);
        }
        let info = self.read()?;
        self.fresh.set(Some(info));
        Ok(info)
    }

    fn read(&mut self) -> Result<CK_TOKEN_INFO> {
        if let Ok(info) = self.module.token_info(self.id) {
            if self.is_mine(&info) {
                return Ok(info);
            }
        }
        // Slot ids move when tokens come and go: the serial tells where it is now, where no other token has the same.
        let mut mine = Vec::new();
        for id in self.module.slots()?.into_iter().filter(|_| self.identity.serial.is_some()) {
            mine.extend(self.module.token_info(id).ok().filter(|info| self.is_mine(info)).map(|info| (id, info)));
        }
        if let [(id, info)] = mine.as_slice() {
            self.id = *id;
            return Ok(*info);
        }
        Err(Error::Device {
            what: format!("{} is no longer where it was", self.identity),
            cure: Some("look again with `pukka list`".into()),
            detail: None,
        })
    }

    fn is_mine(&self, info: &CK_TOKEN_INFO) -> bool {
        info::identity(info, self.identity.place.clone()) == self.identity
    }

    fn place(&self, id: CK_SLOT_ID) -> Place {
        Place::Slot { id, module: self.module.path().to_owned() }
    }

    /// Logs in from a fresh session.
    fn login(&self, role: Role, pin: &Entry, write: bool) -> Result<Session<'_>> {
        self.fresh.set(None);
        let session = self.module.session(self.id, write)?;
        match session.login(role, pin) {
            Ok(()) => Ok(session),
            Err(rv) => Err(self.refused(rv, "C_Login", role, role)),
        }
    }

    /// The error of a call that presented the secret of `presented` to give `changed` a new one.
    fn refused(&self, rv: Rv, call: &'static str, presented: Role, changed: Role) -> Error {
        // The flags are read again: the call may have spent the last try while it said no more than "incorrect".
        let retries = self.module.token_info(self.id).map_or(Retries::Unknown, |info| info::retries(&info, presented));
        verdict(rv, About { call, presented, changed, retries })
    }
}

impl Connection for Slot {
    fn transact(&mut self, access: Access, work: &mut dyn FnMut(&mut dyn Token) -> Result<()>) -> Result<()> {
        let lock = lock::take(self.settings.locks.as_deref(), &self.identity, access, self.settings.wait);
        let held = match (lock, access) {
            (Ok(lock), _) => Some(lock),
            // Who only looks may do so where nothing can be written, and beside one who takes long.
            (Err(_), Access::Read) => None,
            (Err(error), Access::Write) => return Err(error),
        };
        if held.as_ref().is_some_and(|lock| lock.changed_since(self.module.initialized())) {
            self.module.refresh()?;
        }
        self.fresh.set(None);
        self.info()?;
        work(self)
    }
}

impl Token for Slot {
    fn survey(&mut self, _depth: Depth<'_>) -> Result<Survey> {
        let info = self.info()?;
        Ok(Survey {
            identity: info::identity(&info, self.place(self.id)),
            references: info::references(&info),
            abilities: &ABILITIES,
            limit_rules: None,
            set_before: None,
            init_rules: Some(quirks::init_rules(&info)),
            notes: quirks::notes(&info),
            pad: info.flags & cryptoki_sys::CKF_PROTECTED_AUTHENTICATION_PATH != 0,
        })
    }

    fn retries(&mut self, role: Role) -> Result<Retries> {
        Ok(info::retries(&self.info()?, role))
    }

    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()> {
        // An SO can log in from a read/write session only (CKR_SESSION_READ_ONLY_EXISTS otherwise).
        self.login(role, pin, role == Role::SoPin).map(drop)
    }

    /// Logs in first: C_SetPIN changes the PIN of the role that is logged in, and some modules check the old value only so.
    fn change(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        let answer = self.login(role, old, true)?.set_pin(old, new);
        answer.map_err(|rv| self.refused(rv, "C_SetPIN", role, role))
    }

    fn reset(&mut self, role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        if role != Role::UserPin || authority.role != Role::SoPin {
            return Err(Error::unsupported(format!("reset of the {role} by the {}", authority.role)));
        }
        let answer = self.login(Role::SoPin, authority.secret, true)?.init_pin(new);
        answer.map_err(|rv| self.refused(rv, "C_InitPIN", Role::SoPin, role))
    }

    fn init(&mut self, beginning: &Beginning<'_>) -> Result<Identity> {
        let label = beginning.label.unwrap_or_default();
        let mut field = [b' '; 32];
        let place = field.get_mut(..label.len()).ok_or_else(|| Error::Usage("a label has at most 32 bytes".into()))?;
        place.copy_from_slice(label.as_bytes());
        let had_pin = self.info()?.flags & CKF_USER_PIN_INITIALIZED != 0;
        self.fresh.set(None);
        let known: Vec<Identity> = self.tokens()?.into_iter().map(|(_, identity)| identity).collect();
        if let Err(rv) = self.module.init_token(self.id, beginning.so_pin, &field) {
            return Err(self.refused(rv, "C_InitToken", Role::SoPin, Role::SoPin));
        }
        let tokens = self.tokens()?;
        let named = |identity: &Identity| {
            !identity.blank && identity.label.as_ref().is_some_and(|name| name.bytes() == label.trim_end().as_bytes())
        };
        // The same slot as a rule; else the one token of this label that has our serial, or that was not there before.
        let same_slot = tokens.iter().find(|(id, identity)| *id == self.id && named(identity));
        let same_serial =
            tokens.iter().find(|(_, identity)| named(identity) && identity.serial == self.identity.serial);
        let new_serial = || {
            tokens.iter().find(|(_, identity)| named(identity) && known.iter().all(|old| old.serial != identity.serial))
        };
        let unconfirmed = |why: &str| Error::Unconfirmed { role: Role::SoPin, why: why.into(), detail: None };
        let (id, identity) = same_slot.or(same_serial).or_else(new_serial).cloned().ok_or_else(|| {
            unconfirmed("the module says that it initialised the token, but shows none of that label")
        })?;
        self.id = id;
        self.identity = identity;
        // A live token may have had this label and SO PIN before: that its user PIN is gone tells that it began anew.
        self.module.refresh()?;
        let stored = self.info()?;
        self.identity.place = self.place(self.id);
        if had_pin && stored.flags & CKF_USER_PIN_INITIALIZED != 0 {
            return Err(unconfirmed("the module says that it initialised the token, but the user PIN is still there"));
        }
        Ok(self.identity.clone())
    }

    fn prove(&mut self, role: Role, pin: &Entry) -> Result<Proof> {
        if role == Role::SoPin && !quirks::checks_so_login(self.identity.manufacturer.as_ref()) {
            return Ok(Proof::NotPossible(
                "a login as SO is no proof with a module that is not known to check the SO PIN",
            ));
        }
        // SoftHSM2 checks a PIN against what it has in memory until C_Finalize; what counts is what it has stored.
        self.fresh.set(None);
        self.module.refresh()?;
        // Another role's authority may have set it, so nobody has looked at its own tries yet; the flag costs nothing.
        if self.retries(role)?.is_last() {
            return Ok(Proof::NotPossible("the token says that only one try is left, and a proof would risk it"));
        }
        self.verify(role, pin).map(|()| Proof::Proved)
    }
}

impl Slot {
    /// Every token that the module shows now.
    fn tokens(&self) -> Result<Vec<(CK_SLOT_ID, Identity)>> {
        let slots = self.module.slots()?;
        let read = |id: CK_SLOT_ID| Some((id, info::identity(&self.module.token_info(id).ok()?, self.place(id))));
        Ok(slots.into_iter().filter_map(read).collect())
    }
}
