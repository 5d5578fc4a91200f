//! What a card's refusal means, by its profile and else by the standard.

use super::{
    kind::Kind,
    profile::{First, Means, Reference},
};
use crate::{
    device::card::{
        refusal::{Presented, meant_though_right},
        status_word::{Meaning, StatusWord},
    },
    error::Error,
    token::{Retries, Role},
};

/// What a status word says of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// What the standard knows.
    Meaning(Meaning),
    /// It has no value yet.
    Unset,
    /// Its value must be changed before it can be used.
    MustChange,
    /// Nothing: through its antenna the card says so to every PIN.
    Contactless,
}

/// "Security status not satisfied": what cards say to a PIN that comes by their antenna.
const SECURITY_STATUS: StatusWord = StatusWord(0x6982);

/// What `status` says, by the profile where it departs from the standard.
pub fn said(kind: &Kind, is_contactless: bool, status: StatusWord) -> Said {
    let profile = kind.profile();
    if is_contactless && profile.contactless_refuses && status == SECURITY_STATUS {
        return Said::Contactless;
    }
    Said::Meaning(match profile.means(status.0) {
        None => status.meaning(),
        Some(Means::Done) => Meaning::Done,
        Some(Means::Wrong) => match status.meaning() {
            counted @ Meaning::Wrong(_) => counted,
            _ => Meaning::Wrong(None),
        },
        Some(Means::Blocked) => Meaning::Blocked,
        Some(Means::Malformed) => Meaning::Malformed,
        Some(Means::NotFound) => Meaning::NotFound,
        Some(Means::NotSupported) => Meaning::NotSupported,
        Some(Means::Unset) => return Said::Unset,
        Some(Means::MustChange) => return Said::MustChange,
    })
}

/// What was known when a command presented a secret, or set one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Whose secret was presented, and its counter where that was read just before.
    Counter(Option<Retries>),
    /// The secret had just been verified: it is not to blame.
    Right,
    /// None was presented: there is no value yet.
    Nothing,
}

/// A command that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Refused {
    /// The standard's name of the command.
    pub command: &'static str,
    /// Whose secret it presented; whose it was to set, where it presented none.
    pub role: Role,
    /// What was known of that.
    pub known: Known,
    /// Whose secret it was to set, where it sets one.
    pub changed: Option<Role>,
}

impl Refused {
    /// The error; none where the profile says that this is no refusal. The counter is read by `now` where the word says too
    /// little.
    pub fn error(self, said: Said, status: StatusWord, now: impl FnOnce() -> Retries) -> Option<Error> {
        let Self { command, role, known, changed } = self;
        let detail = Some(status.to_string());
        let meaning = match said {
            Said::Meaning(Meaning::Done) => return None,
            Said::Meaning(meaning) => meaning,
            Said::Unset => return Some(Error::Unset { role }),
            Said::MustChange => return Some(Error::MustChange { role, detail }),
            Said::Contactless => {
                return Some(Error::Device {
                    what: format!(
                        "the card takes no {command} through its antenna; no try was spent: use a reader with contacts"
                    ),
                    cure: Some("put the card into a reader with contacts".into()),
                    detail,
                });
            }
        };
        let before = match (known, meaning) {
            (Known::Counter(before), _) => before,
            (Known::Right, _) => return Some(meant_though_right(command, changed, meaning, status)),
            (Known::Nothing, Meaning::Malformed) if status.0 != CONDITIONS => {
                return Some(meant_though_right(command, changed, meaning, status));
            }
            (Known::Nothing, Meaning::Wrong(_) | Meaning::Malformed | Meaning::NotSupported) => {
                return Some(Error::Unsupported {
                    what: format!("the card takes no first {role}: it has one, or can be given one no more"),
                });
            }
            (Known::Nothing, _) => None,
        };
        Some(Presented { command, role, before, changed }.meant(meaning, status, now))
    }
}

/// "Conditions of use not satisfied": said where a value is there already.
const CONDITIONS: u16 = 0x6985;

/// Whether the card tells of `reference` that it has no value of its holder's own yet.
pub fn tells_first(kind: &Kind, reference: &Reference) -> bool {
    let says = |wanted: Means| kind.profile().status_words.values().any(|means| *means == wanted);
    match &reference.first {
        None => true,
        Some(First::Set { .. } | First::NullPin { .. }) => says(Means::Unset),
        Some(First::TransportPin { .. }) => says(Means::MustChange) || reference.tells_must_change(),
    }
}
