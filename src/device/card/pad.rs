//! The keys of a reader (PC/SC part 10): a reader that has some asks for the values of a command itself, puts them into the APDU
//! and sends that to the card. No value passes through here, and none goes anywhere else.
//!
//! A reader that takes such requests only in the guise of APDUs (bPPDUSupport) is not asked: its driver says that it has no keys.

mod feature;
mod field;
mod structure;

pub use feature::{Features, Properties};
pub use field::Field;
pub use structure::Blank;

use std::time::Duration;

use super::{apdu::Response, channel::Channel, status_word::StatusWord};
use crate::{
    error::{EntryEnd, Error, Keys, Result},
    secret,
    token::{self, Entries, Need, ReaderPad, Reference, Role, Typed, Verb, common},
};
use feature::{GET_FEATURE_REQUEST, Way};

/// How long a reader may take to tell of itself.
const TELLING: Duration = Duration::from_secs(30);
/// How long one request may let people type: three entries of 30 seconds, each begun anew by the reader, and what drivers add.
const TYPING: Duration = Duration::from_secs(300);
/// The most digits of an entry where the reader does not tell, which all are said to take.
const USUAL_MOST: usize = 15;
/// The GemPC Pinpad presents an empty value first to show the tries that are left, and takes at most eight digits.
const GEMPC_PINPAD: (u16, u16) = (0x08E6, 0x3478);
/// OMNIKEY readers without any keys, of which older drivers say that they have some.
const WITHOUT_KEYS: [(u16, u16); 2] = [(0x076B, 0x3031), (0x076B, 0x6632)];

/// Why a reader takes nothing for a card, in sentences that stand behind "this token has no keys of its own …".
pub const ASKS_EMPTY: &str =
    "the reader presents an empty value before it asks for one, and this card counts that as a wrong one";

/// The keys of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad {
    features: Features,
    properties: Properties,
}

impl Pad {
    /// Asks the reader of the channel; none where it has no keys, where nobody can tell, and where what it tells makes no sense.
    pub fn ask(channel: &mut Channel<'_>) -> Option<Self> {
        let list = channel.control("GET_FEATURE_REQUEST", control_code(), &[], TELLING).ok()?;
        let features = Features::parse(&list);
        if features.verify.is_none() && features.modify.is_none() {
            return None;
        }
        let mut told = |name, code: Option<u32>| channel.control(name, code?, &[], TELLING).ok();
        let mut properties = Properties::default();
        if let Some(list) = told("GET_TLV_PROPERTIES", features.tlv_properties) {
            properties = Properties::parse(&list);
        } else if let Some(structure) = told("IFD_PIN_PROPERTIES", features.pin_properties) {
            properties = Properties::of_structure(&structure);
        }
        let is_none = properties.device.is_some_and(|device| WITHOUT_KEYS.contains(&device));
        (!is_none).then_some(Self { features, properties })
    }

    fn way(&self, is_single: bool) -> Option<Way> {
        if is_single { self.features.verify } else { self.features.modify }
    }

    /// What of `digits` the reader can ask for; none where that is nothing.
    fn clamped(&self, (least, most): (usize, usize)) -> Option<(usize, usize)> {
        let usual = if self.properties.device == Some(GEMPC_PINPAD) { 8 } else { USUAL_MOST };
        let least = least.max(self.properties.least.unwrap_or(1));
        let most = most.min(self.properties.most.unwrap_or(usual));
        (least <= most).then_some((least, most))
    }

    /// Whether the reader presents an empty value of its own accord.
    pub fn asks_empty(&self) -> bool {
        self.properties.device == Some(GEMPC_PINPAD)
    }
}

/// The code of the request for features, as this system has it.
fn control_code() -> u32 {
    u32::try_from(pcsc::ctl_code(GET_FEATURE_REQUEST.into())).unwrap_or_default()
}

/// An operation whose values a reader could take on some kind of card.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// What is asked for.
    pub verb: Verb,
    /// By whose authority, where several can have it.
    pub by: Option<Role>,
    /// The commands that take typed values, each with its values in order.
    pub commands: &'static [&'static [Need]],
}

/// What the reader of `channel` takes of `offers` on a card of these references, of which `field` says how values stand.
pub fn offered(channel: &mut Channel<'_>, offers: &[Offer], references: &[Reference], field: Field) -> token::Pad {
    let Some(pad) = channel.pad() else { return token::Pad::None };
    let taken = |offer: &Offer| {
        let commands: Vec<_> = offer.commands.iter().map(|needs| (needs.to_vec(), field)).collect();
        typed(pad, offer.verb, offer.by, &commands, references)
    };
    token::Pad::Reader(ReaderPad { takes: offers.iter().filter_map(taken).collect(), refused: None })
}

/// An operation of these commands at the keys of a reader, each with its values and how they stand in it; none where the reader
/// cannot ask for one of them.
pub fn typed(
    pad: Pad,
    verb: Verb,
    by: Option<Role>,
    commands: &[(Vec<Need>, Field)],
    references: &[Reference],
) -> Option<Typed> {
    let entries = |(needs, field): &(Vec<Need>, Field)| {
        pad.way(is_single(needs))?;
        let digits = pad.clamped(digits(needs, references)?)?;
        Some(Entries { needs: needs.clone(), digits, delimited: field.is_delimited() })
    };
    let commands = commands.iter().map(entries).collect::<Option<Vec<_>>>()?;
    Some(Typed { verb, by, commands })
}

/// That the keys of the reader, where it has some, take nothing of this card, and why.
pub fn refused(channel: &mut Channel<'_>, why: &'static str) -> token::Pad {
    match channel.pad() {
        Some(_) => token::Pad::Reader(ReaderPad { takes: Vec::new(), refused: Some(why) }),
        None => token::Pad::None,
    }
}

/// Whether one present value is asked for, and no new one.
fn is_single(needs: &[Need]) -> bool {
    matches!(needs, [Need::Current(_)])
}

/// The digits that every value of one command may have: a reader has one range for all of them. None where one has no reference.
///
/// A present value that stands alone may be of any length that was ever allowed; beside a new one it is the new one that counts.
pub fn digits(needs: &[Need], references: &[Reference]) -> Option<(usize, usize)> {
    let mut range: Option<(usize, usize)> = None;
    for need in needs {
        let reference = references.iter().find(|own| own.role == need.role())?;
        let of_new = (reference.length.min, reference.length.max.unwrap_or(usize::MAX));
        let (least, most) = if is_single(needs) { reference.current_length.unwrap_or(of_new) } else { of_new };
        range = Some(range.map_or((least, most), |(fewest, longest)| (fewest.min(least), longest.max(most))));
    }
    range
}

/// Whether these values are typed at the reader: all of one command, or none.
///
/// # Errors
/// [`Error::Unsupported`] where some are.
pub fn is_typed(values: &[&secret::Entry]) -> Result<bool> {
    match values.iter().filter(|value| value.value().is_none()).count() {
        0 => Ok(false),
        typed if typed == values.len() => Ok(true),
        _ => Err(Error::unsupported(
            "way to take one value of a command from the reader's keys and another from here".into(),
        )),
    }
}

/// Lets the reader ask for the values of a command, and send it. The status word is the card's.
///
/// # Errors
/// [`Error::Unsupported`] where the reader cannot, [`Error::NotEntered`] where nothing came of the entry, so that nothing was
/// sent as the reader tells; [`Error::Device`].
pub fn enter(channel: &mut Channel<'_>, blank: Blank<'_>) -> Result<StatusWord> {
    let lacks = || Error::unsupported("keys of its own that take this".into());
    let pad = channel.pad().ok_or_else(lacks)?;
    let way = pad.way(blank.is_single()).ok_or_else(lacks)?;
    let clamped = pad.clamped(blank.digits);
    let narrowed =
        blank.needs.iter().filter(|need| need.is_new()).filter_map(|need| channel.narrowed_keys(need.role()));
    let digits = narrowed.fold(clamped, |digits, narrower| common(digits?, narrower)).ok_or_else(lacks)?;
    let blank = Blank { digits, ..blank };
    let structure = blank.structure(&pad.properties);
    channel.presents();
    let name = blank.name;
    let answer = match way {
        Way::Direct(code) => channel.control(name, code, &structure, TYPING)?,
        Way::Steps { start, finish, abort } => {
            let begun = channel.control(name, start, &structure, TELLING)?;
            // Whoever refuses to begin says so at once.
            match Response::parse(&begun).map(|answer| answer.status) {
                None | Some(StatusWord::OK) => channel.control(name, finish, &[], TYPING).inspect_err(|_| {
                    // The keys should not stay lit; if that fails too, there is nothing left to do.
                    abort.map(|abort| channel.control("ABORT", abort, &[], TELLING));
                })?,
                Some(_) => begun,
            }
        }
    };
    let status = Response::parse(&answer).map(|answer| answer.status).ok_or_else(|| {
        Error::device("the reader does not tell what became of the entry", format!("{} bytes", answer.len()))
    })?;
    ended(blank.needs, status).map_or(Ok(status), Err)
}

/// What a status word means that is the reader's own (PC/SC part 10, 2.5.4); none where it is the card's.
fn ended(needs: &[Need], status: StatusWord) -> Option<Error> {
    let end = match status.0 {
        0x6400 => EntryEnd::TimedOut,
        0x6401 => EntryEnd::Cancelled,
        0x6402 => EntryEnd::Differ,
        0x6403 => EntryEnd::Length,
        0x6B80 => {
            return Some(Error::Device {
                what: "the reader does not take the description of the entry, so that its keys are of no use here"
                    .into(),
                cure: Some("type at the keyboard: name prompt as the source of each value".into()),
                detail: Some(status.to_string()),
            });
        }
        _ => return None,
    };
    // Which of several entries it was, the reader does not tell: what differs can only be the new value.
    let role = needs.last().filter(|_| end == EntryEnd::Differ).or(needs.first())?.role();
    Some(Error::NotEntered { role, end, keys: Keys::Reader, detail: Some(status.to_string()) })
}
