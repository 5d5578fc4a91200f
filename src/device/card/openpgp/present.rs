//! How an OpenPGP card is presented its secrets, and what its refusals mean: DO C4 tells.

use super::{Kdf, OpenPgp, PW3};
use crate::{
    device::card::{
        apdu::Data,
        pad::is_typed,
        refusal::{Presented, refused_though_right},
        status_word::{Meaning, StatusWord},
    },
    error::{Error, Result},
    secret::{Entry, Pages},
    token::{Authority, Need, Retries, Role},
};

/// The data of a command with secrets; none where they are typed at the reader.
type Typable = Option<Pages>;

impl OpenPgp<'_, '_> {
    /// The value of `role` in the form in which this card wants it.
    pub(super) fn value(&mut self, role: Role, entry: &Entry) -> Result<Pages> {
        let pin = entry.value().ok_or_else(|| Error::unsupported("PIN pad".into()))?;
        if self.kdf.is_none() {
            self.read(false)?;
        }
        let unclear = |why| {
            Err(Error::device(format!("the card wants a hash of its PINs (KDF), and {why}; nothing was sent"), None))
        };
        if self.pins.is_some_and(|pins| pins.wants_blocks(role)) && !self.is_before_3() {
            return Err(Error::Unsupported { what: "the card wants its PINs as PIN blocks of format 2".into() });
        }
        match &self.kdf {
            Some(Kdf::Off) => Ok(pin.padded(pin.len(), 0)),
            Some(Kdf::On(kdf)) if self.pins.is_some_and(|pins| pins.longest(role) < kdf.length()) => {
                unclear(format!("takes less than the {} bytes of one", kdf.length()))
            }
            Some(Kdf::On(kdf)) => Ok(kdf.derive(role, pin.bytes())),
            Some(Kdf::Unclear(why)) => unclear((*why).to_owned()),
            None => unclear("does not tell whether".into()),
        }
    }

    pub(super) fn is_before_3(&self) -> bool {
        self.memory.aid.is_some_and(|aid| aid.version < (3, 0))
    }

    /// The values of one command in that form, one behind the other; none where they are typed at the reader.
    pub(super) fn values(&mut self, values: &[(Role, &Entry)]) -> Result<Typable> {
        let entries: Vec<&Entry> = values.iter().map(|(_, entry)| *entry).collect();
        if is_typed(&entries)? {
            return self.check_keys().map(|()| None);
        }
        let values: Vec<_> = values.iter().map(|(role, entry)| self.value(*role, entry)).collect::<Result<_>>()?;
        Ok(Some(joined(&values)))
    }

    /// Sends a command that presents the secret of `role`, and says by the counters what a refusal means.
    pub(super) fn present(
        &mut self,
        name: &'static str,
        header: [u8; 4],
        data: Typable,
        role: Role,
        changed: Option<Role>,
    ) -> Result<()> {
        let before = self.is_fresh.then(|| self.told(role));
        let presented = Presented { command: name, role, before, changed };
        let sent = match data {
            Some(data) => self.send(name, header, Data::Secret(data), false).map(|answer| answer.status),
            None => {
                let needs: Vec<Need> = [Need::Current(role)].into_iter().chain(changed.map(Need::New)).collect();
                self.enter(name, header, &needs)
            }
        };
        let status = sent.map_err(|error| {
            presented.not_entered(error, || self.count().map_or(Retries::Unknown, |()| self.told(role)))
        })?;
        match status.meaning() {
            Meaning::Done => Ok(()),
            Meaning::Wrong(_) | Meaning::Blocked | Meaning::Malformed => {
                // The refusal itself is what has to be told, even where the card falls silent after it.
                let now = self.count().map_or(Retries::Unknown, |()| self.told(role));
                Err(presented.by_counter(status, now))
            }
            _ => Err(presented.refused(status, || Retries::Unknown)),
        }
    }

    pub(super) fn present_pin(&mut self, key_reference: u8, role: Role, entry: &Entry) -> Result<()> {
        let value = self.values(&[(role, entry)])?;
        self.present("VERIFY", [0x00, 0x20, 0x00, key_reference], value, role, None)
    }

    /// Presents the Admin PIN, which must be behind what comes next.
    pub(super) fn authorise(&mut self, authority: Authority<'_>) -> Result<()> {
        match authority.role {
            Role::SoPin => self.present_pin(PW3, Role::SoPin, authority.secret),
            other => Err(Error::unsupported(format!("use for the {other}"))),
        }
    }

    /// Sends a command that gives `changed` its new value after a secret was accepted.
    pub(super) fn renew(&mut self, name: &'static str, header: [u8; 4], data: Typable, changed: Role) -> Result<()> {
        let status = match data {
            Some(data) => self.send(name, header, Data::Secret(data), false)?.status,
            None => self.enter(name, header, &[Need::New(changed)])?,
        };
        match status {
            StatusWord::OK => Ok(()),
            status => Err(refused_though_right(name, changed, status)),
        }
    }
}

pub fn joined(values: &[Pages]) -> Pages {
    let mut both = Pages::with_capacity(values.iter().map(|value| value.len()).sum());
    values.iter().for_each(|value| both.extend_from_slice(value));
    both
}
