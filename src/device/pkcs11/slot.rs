//! One slot of a module as a [`Token`]: C_Login, C_SetPIN, C_InitPIN, C_InitToken, each proved from a fresh session.

use std::{
    cell::Cell,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use cryptoki_sys::{CK_SLOT_ID, CKF_HW_SLOT, CKF_REMOVABLE_DEVICE, CKF_USER_PIN_INITIALIZED};

use super::{
    BEFORE_LOOKING_AGAIN, Settings,
    info::{self, TokenInfo},
    lock,
    module::{Module, Refusal, Session},
    pre_image::{self, Kept},
    quirks::{Counting, Quirks},
    verdict::{About, Tries, verdict},
};
use crate::{
    error::{Error, Result},
    secret::Entry,
    token::{
        Access, Authority, Beginning, Connection, Depth, Holds, Identity, Pad, Place, Proof, Retries, Role, Survey,
        Token,
    },
};

/// A slot, known but not locked.
pub struct Slot {
    module: Arc<Module>,
    id: CK_SLOT_ID,
    identity: Identity,
    settings: Arc<Settings>,
    /// What the token said of itself in this transaction, until a call may have changed it: some modules ask the card each time.
    fresh: Cell<Option<TokenInfo>>,
    /// Whether a call of this transaction was to change a PIN.
    wrote: bool,
}

impl Slot {
    /// The slot `id` of a module, in which the token of `identity` was seen.
    pub fn new(module: Arc<Module>, id: CK_SLOT_ID, identity: Identity, settings: Arc<Settings>) -> Self {
        Self { module, id, identity, settings, fresh: Cell::new(None), wrote: false }
    }

    /// What the token says of itself, once it is certain that it is still the one that was chosen.
    fn info(&mut self) -> Result<TokenInfo> {
        if let Some(info) = self.fresh.get() {
            return Ok(info);
        }
        let info = self.read()?;
        self.fresh.set(Some(info));
        Ok(info)
    }

    /// Looks again for a moment where the token is not there: a program that knows no lock may be writing it.
    fn read(&mut self) -> Result<TokenInfo> {
        let mut pauses = BEFORE_LOOKING_AGAIN.iter();
        loop {
            match (self.look()?, pauses.next()) {
                (Some(info), _) => return Ok(info),
                (None, Some(pause)) => {
                    thread::sleep(Duration::from_millis(*pause));
                    // What SoftHSM2 met half written it looks at no more till it begins anew.
                    self.module.refresh()?;
                }
                (None, None) => break,
            }
        }
        Err(Error::Device {
            what: format!("{} is no longer where it was", self.identity),
            cure: Some("look again with `pukka list`".into()),
            detail: None,
        })
    }

    /// What the token says of itself, where it is still there.
    fn look(&mut self) -> Result<Option<TokenInfo>> {
        if let Ok(info) = self.module.token_info(self.id) {
            if self.is_mine(&info) {
                return Ok(Some(info));
            }
        }
        // Slot ids move when tokens come and go: the serial tells where it is now, where no other token has the same.
        let mut mine = Vec::new();
        for id in self.module.slots()?.into_iter().filter(|_| self.identity.serial.is_some()) {
            mine.extend(self.module.token_info(id).ok().filter(|info| self.is_mine(info)).map(|info| (id, info)));
        }
        if let [(id, info)] = mine.as_slice() {
            self.id = *id;
            return Ok(Some(*info));
        }
        Ok(None)
    }

    fn quirks(&self, info: &TokenInfo) -> &'static Quirks {
        Quirks::of(self.module.library(), info)
    }

    fn is_mine(&self, info: &TokenInfo) -> bool {
        info::identity(info, self.identity.place.clone()) == self.identity
    }

    fn place(&self, id: CK_SLOT_ID) -> Place {
        Place::Slot { id, module: self.module.path().to_owned() }
    }

    /// Logs in from a fresh session.
    fn login(&self, role: Role, pin: &Entry, write: bool) -> Result<Session<'_>> {
        if !matches!(role, Role::UserPin | Role::SoPin) {
            return Err(Error::unsupported(format!("login by the {role}")));
        }
        let before = self.fresh.take();
        let session = self.module.session(self.id, write)?;
        match timed(pin, || session.login(role, pin)) {
            (Ok(()), _) => Ok(session),
            (Err(refusal), at_keys) => {
                let about = About { call: "C_Login", presented: role, changed: role, at_keys, blank: false };
                Err(self.refused(refusal, about, before))
            }
        }
    }

    /// The error of a call that presents or sets a secret, on a token that was as `before` says.
    fn refused(&self, refusal: Refusal, about: About, before: Option<TokenInfo>) -> Error {
        let rv = match refusal {
            Refusal::Said(rv) => rv,
            Refusal::Lost(error) => return error,
        };
        let of = |info: &TokenInfo| info::retries(info, about.presented);
        let before = before.as_ref().map_or(Retries::Unknown, of);
        // The flags are read again: the call may have spent the last try while it said no more than "incorrect".
        let now = self.module.token_info(self.id).map_or(Retries::Unknown, |info| match of(&info) {
            // SoftHSM2 has the flag for it and counts nothing.
            Retries::Low | Retries::Unknown if self.quirks(&info).counting == Counting::Never => Retries::Unlimited,
            told => told,
        });
        verdict(rv, about, Tries { before, now })
    }
}

impl Slot {
    /// Lets go of a copy at the end of what was `done`, where nobody can be writing the token.
    fn settle(&self, kept: Kept, done: &Result<()>) {
        if self.module.may_still_write() {
            return;
        }
        if self.module.has_lock() {
            return kept.settle(done);
        }
        // The lock went with the worker: whoever has it now may be writing, and that copy is his way back too.
        let name = lock::name(&self.identity);
        let again = self.settings.locks.as_deref().map(|locks| lock::take(locks, &name, Access::Write, Duration::ZERO));
        if let Some(Ok(_lock)) = again {
            kept.settle(done);
        }
    }
}

impl Connection for Slot {
    fn transact(&mut self, access: Access, work: &mut dyn FnMut(&mut dyn Token) -> Result<()>) -> Result<()> {
        let module = Arc::clone(&self.module);
        let lock = module.lock(self.settings.locks.as_deref(), &self.identity, access, self.settings.wait);
        let held = match (lock, access) {
            (Ok(lock), _) => Some(lock),
            // Who only looks may do so where nothing can be written, and beside one who takes long.
            (Err(_), Access::Read) => None,
            (Err(error), Access::Write) => return Err(error),
        };
        if held.as_ref().is_some_and(|lock| lock.changed_since(self.module.initialized())) {
            self.module.refresh()?;
        }
        // Before anything is sent: a module that stores tokens in files may lose one by presenting a mere wrong PIN.
        let pre_image = match access {
            Access::Write => pre_image::keep(self.settings.state.as_deref(), &self.identity)?,
            Access::Read => None,
        };
        self.fresh.set(None);
        self.wrote = false;
        let done = self.info().and_then(|_| work(self));
        pre_image.into_iter().for_each(|kept| self.settle(kept, &done));
        done
    }

    /// A slot that is neither of hardware nor one from which a token can be removed holds no card; one of which nothing is told may.
    fn hides_card(&self) -> bool {
        self.module.slot_info(self.id).is_none_or(|slot| slot.flags & (CKF_HW_SLOT | CKF_REMOVABLE_DEVICE) != 0)
    }
}

impl Token for Slot {
    fn survey(&mut self, _depth: Depth<'_>) -> Result<Survey> {
        let info = self.info()?;
        let quirks = self.quirks(&info);
        Ok(Survey {
            unblocked_by: quirks.unblocked_by,
            init_rules: Some(quirks.init_rules(&info)),
            notes: quirks.notes(&info),
            pad: match info.flags & cryptoki_sys::CKF_PROTECTED_AUTHENTICATION_PATH {
                0 => Pad::None,
                _ => Pad::Path,
            },
            ..Survey::new(
                info::identity(&info, self.place(self.id)),
                info::references(&info, quirks),
                quirks.abilities_of_its_kind(&info),
            )
        })
    }

    fn retries(&mut self, role: Role) -> Result<Retries> {
        Ok(info::retries(&self.info()?, role))
    }

    /// Not told here: the flags that kryoptic has in memory are those from before C_InitPIN, until it reads its tokens anew,
    /// as [`Token::prove`] makes it do before it looks itself.
    fn retries_before_proof(&mut self, _role: Role) -> Result<Retries> {
        Ok(Retries::Unknown)
    }

    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()> {
        // An SO can log in from a read/write session only (CKR_SESSION_READ_ONLY_EXISTS otherwise).
        self.login(role, pin, role == Role::SoPin).map(drop)
    }

    /// Logs in first, but for a PUK: C_SetPIN changes the PIN of the role that is logged in, and some modules check the old value only so.
    fn change(&mut self, role: Role, old: &Entry, new: &Entry) -> Result<()> {
        let info = self.info()?;
        if role == Role::Puk {
            return self.set_by_puk(&info, old, role, new);
        }
        if self.quirks(&info).puk.is_some_and(|convention| convention.misreads(old)) {
            let what = "this module takes a PIN that begins like this one for a PUK; over PC/SC it can be changed";
            return Err(Error::Unsupported { what: what.into() });
        }
        let session = self.login(role, old, true)?;
        let (answer, at_keys) = timed(new, || session.set_pin(old, new));
        drop(session);
        self.wrote = true;
        let about = About { call: "C_SetPIN", presented: role, changed: role, at_keys, blank: false };
        answer.map_err(|refusal| self.refused(refusal, about, None))
    }

    fn reset(&mut self, role: Role, authority: Authority<'_>, new: &Entry) -> Result<()> {
        if (role, authority.role) == (Role::UserPin, Role::Puk) {
            let info = self.info()?;
            return self.set_by_puk(&info, authority.secret, role, new);
        }
        if role != Role::UserPin || authority.role != Role::SoPin {
            return Err(Error::unsupported(format!("reset of the {role} by the {}", authority.role)));
        }
        let session = self.login(Role::SoPin, authority.secret, true)?;
        let (answer, at_keys) = timed(new, || session.init_pin(new));
        drop(session);
        self.wrote = true;
        let about = About { call: "C_InitPIN", presented: Role::SoPin, changed: role, at_keys, blank: false };
        answer.map_err(|refusal| self.refused(refusal, about, None))
    }

    fn init(&mut self, beginning: &Beginning<'_>) -> Result<Identity> {
        let label = beginning.label.unwrap_or_default();
        let mut field = [b' '; 32];
        let place = field.get_mut(..label.len()).ok_or_else(|| Error::Usage("a label has at most 32 bytes".into()))?;
        place.copy_from_slice(label.as_bytes());
        let before = self.info()?;
        let had_pin = before.flags & CKF_USER_PIN_INITIALIZED != 0;
        self.fresh.set(None);
        let known: Vec<Identity> = self.tokens()?.into_iter().map(|(_, identity)| identity).collect();
        let so_pin = beginning.so_pin;
        if let (Err(refusal), at_keys) = timed(so_pin, || self.module.init_token(self.id, so_pin, &field)) {
            let (presented, changed, blank) = (Role::SoPin, Role::SoPin, self.identity.blank);
            let about = About { call: "C_InitToken", presented, changed, at_keys, blank };
            return Err(self.refused(refusal, about, Some(before)));
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
        let unconfirmed =
            |why: &str| Error::Unconfirmed { role: Role::SoPin, why: why.into(), refused: false, detail: None };
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
        let info = self.info()?;
        let quirks = self.quirks(&info);
        if role == Role::Puk {
            return Ok(Proof::NotPossible("a PUK can be proved only by risking one of its tries"));
        }
        if role == Role::SoPin && !quirks.checks_so_login {
            return Ok(Proof::NotPossible(
                "a login as SO is no proof with a module that is not known to check the SO PIN",
            ));
        }
        if quirks.counting == Counting::Untold {
            return Ok(Proof::NotPossible(
                "a proof that failed would count for every secret of the device, which does not tell the tries that are left",
            ));
        }
        // SoftHSM2 checks a PIN against what it has in memory until C_Finalize; what counts is what it has stored.
        self.fresh.set(None);
        self.module.refresh()?;
        // Another role's authority may have set it, so nobody has looked at its own tries yet; the flag costs nothing. One that is
        // blocked has no try to lose, and the flag may be of before.
        if self.retries(role)?.is_last() {
            return Ok(Proof::NotPossible("the token says that only one try is left, and a proof would risk it"));
        }
        self.verify(role, pin).map(|()| Proof::Proved)
    }

    /// The old value first: it is the likelier one, and restores the counter where it holds.
    fn diagnose(&mut self, role: Role, old: Option<&Entry>, new: Option<&Entry>) -> Option<Holds> {
        let values = || old.map(|old| (old, Holds::Old)).into_iter().chain(new.map(|new| (new, Holds::New)));
        if role == Role::Puk || !self.wrote || values().any(|(entry, _)| entry.value().is_none()) {
            return None;
        }
        // Whoever presented the old value had every try before the write.
        let had_all = old.is_some();
        for (entry, holds) in values() {
            match self.may_try(role, had_all).then(|| self.verify(role, entry)) {
                Some(Ok(())) => return Some(holds),
                Some(Err(Error::WrongSecret { .. })) => {}
                Some(Err(_)) | None => return Some(Holds::Unknown),
            }
        }
        Some(Holds::Unknown)
    }
}

impl Slot {
    /// Gives `changed` a new value by the PUK. A module that is not known to take one would take it for the old PIN.
    fn set_by_puk(&mut self, info: &TokenInfo, puk: &Entry, changed: Role, new: &Entry) -> Result<()> {
        let convention = self.quirks(info).puk.ok_or_else(|| Error::unsupported(Role::Puk.to_string()))?;
        let (old, new) = convention.values(puk, changed, new)?;
        self.fresh.set(None);
        let session = self.module.session(self.id, true)?;
        let answer = session.set_pin(&old, &new);
        drop(session);
        self.wrote = true;
        let about = About { call: "C_SetPIN", presented: Role::Puk, changed, at_keys: None, blank: false };
        answer.map_err(|refusal| self.refused(refusal, about, None))
    }

    /// Whether a wrong value of `role` costs nothing that a person would miss, as the token tells from a fresh start. `had_all` is
    /// whether a right value brought every try back in this transaction.
    fn may_try(&mut self, role: Role, had_all: bool) -> bool {
        self.fresh.set(None);
        let Ok(info) = self.module.refresh().and_then(|()| self.info()) else { return false };
        let quirks = self.quirks(&info);
        let retries = info::retries(&info, role);
        (role != Role::SoPin || quirks.checks_so_login)
            && match quirks.counting {
                Counting::Never => true,
                Counting::Told => !retries.is_last() && retries != Retries::Blocked,
                // No flag may mean no word of the tries: of all of them two are no matter, of some the first could be the last.
                Counting::Perhaps if retries == Retries::Unknown => had_all,
                Counting::Perhaps => !retries.is_last() && retries != Retries::Blocked,
                Counting::Untold => false,
            }
    }

    /// Every token that the module shows now.
    fn tokens(&self) -> Result<Vec<(CK_SLOT_ID, Identity)>> {
        let slots = self.module.slots()?;
        let read = |id: CK_SLOT_ID| Some((id, info::identity(&self.module.token_info(id).ok()?, self.place(id))));
        Ok(slots.into_iter().filter_map(read).collect())
    }
}

/// What a call answers, and how long it took where its value was typed on the token's keys.
fn timed<T>(value: &Entry, call: impl FnOnce() -> T) -> (T, Option<Duration>) {
    let start = Instant::now();
    let answer = call();
    (answer, matches!(value, Entry::Pad).then(|| start.elapsed()))
}
