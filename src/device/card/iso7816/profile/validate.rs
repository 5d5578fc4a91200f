//! What makes a profile hold as a whole: names, lengths, and what one part says of another.

use super::{
    Alphabet, Counter, Encoding, First, Profile, Reference, Serial,
    fault::{Fault, Step},
};
use crate::{
    device::card::iso7816::encoding::{GLP_BLOCK, GLP_DIGITS},
    token::{Application, Role},
};

/// The longest name of an application or a reference.
const LONGEST_NAME: usize = 32;
/// The longest title or source.
const LONGEST_LINE: usize = 400;
/// The most characters of a value, and bytes of a block: two fit into one short command.
const MOST: usize = 64;
/// The most bytes of what a card tells.
const MOST_TOLD: usize = 256;

type Checked<'a> = Result<(), Fault<'a>>;

/// Checks what the types of the file cannot.
pub fn check(profile: &Profile) -> Checked<'_> {
    let at = |key: &'static str, why: &str| Fault { way: vec![Step::Key(key)], why: why.into() };
    let name = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if !is_name(&profile.name, name) {
        return Err(at("name", "a name has 1 to 32 lower-case letters, digits and dashes, and begins with a letter"));
    }
    if Application::BUILT_IN.iter().any(|application| application.name() == profile.name) {
        return Err(at("name", "that is the name of an application that is no profile"));
    }
    for (key, line) in [("title", &profile.title), ("source", &profile.source)] {
        if line.trim().is_empty() || line.chars().count() > LONGEST_LINE || line.chars().any(char::is_control) {
            return Err(at(key, "that is one line of 1 to 400 characters"));
        }
    }
    match (profile.aid.as_slice(), profile.select.as_slice()) {
        ([], []) => return Err(at("name", "one of aid and select has to say how the application is selected")),
        ([_, ..], [_, ..]) => return Err(at("select", "the application is selected by aid or by select, not by both")),
        // Every card has a master file.
        ([], _) if profile.atr.is_empty() => {
            return Err(at("select", "an application without aid needs atr: else every card would be taken for it"));
        }
        _ => {}
    }
    if let Some(serial) = &profile.serial {
        check_serial(serial)?;
    }
    if !profile.references.iter().any(|reference| reference.role == Role::UserPin) {
        return Err(at("reference", "there is no reference of role user-pin"));
    }
    let places = || profile.references.iter().enumerate().map(|(index, reference)| (Place { index }, reference));
    for (place, reference) in places() {
        check_name(place, reference, profile.references.get(..place.index).unwrap_or_default())?;
    }
    for (place, reference) in places() {
        check_key(place, reference)?;
        check_lengths(place, reference)?;
        check_counter(place, reference)?;
        check_reset(place, reference, profile)?;
        check_first(place, reference, profile)?;
    }
    Ok(())
}

fn is_name(name: &str, takes: impl Fn(char) -> bool) -> bool {
    name.len() <= LONGEST_NAME && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(takes)
}

fn check_serial(serial: &Serial) -> Checked<'_> {
    let at = |key: &[&'static str], why: &str| Fault {
        way: [Step::Key("serial")].into_iter().chain(key.iter().map(|key| Step::Key(key))).collect(),
        why: why.into(),
    };
    match (serial.file.is_empty(), serial.get_data.is_some()) {
        (true, false) => return Err(at(&[], "one of file and get-data has to say where the serial number is")),
        (false, true) => return Err(at(&["get-data"], "the serial number is in a file or in an answer, not in both")),
        _ => {}
    }
    if serial.offset >= MOST_TOLD {
        return Err(at(&["offset"], "an offset is 0 to 255"));
    }
    if serial.length.is_some_and(|length| !(1..=MOST).contains(&length)) {
        return Err(at(&["length"], "a length is 1 to 64"));
    }
    Ok(())
}

/// Where a reference stands in the file.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
}

impl Place {
    fn fault<'a>(self, inside: &[Step<'a>], why: impl Into<String>) -> Fault<'a> {
        let way = [Step::Key("reference"), Step::Index(self.index)].into_iter().chain(inside.iter().copied()).collect();
        Fault { way, why: why.into() }
    }

    fn key<'a>(self, key: &'a str, why: impl Into<String>) -> Fault<'a> {
        self.fault(&[Step::Key(key)], why)
    }
}

fn check_name<'a>(place: Place, reference: &Reference, before: &[Reference]) -> Checked<'a> {
    if !is_name(&reference.name, |character| character.is_ascii_alphanumeric() || character == '-') {
        return Err(place.key("name", "a name has 1 to 32 letters, digits and dashes, and begins with a letter"));
    }
    for other in before {
        if other.name.eq_ignore_ascii_case(&reference.name) {
            return Err(place.key("name", format!("there are two references {}", other.name)));
        }
        if let Some(key) = reference.key.filter(|key| (Some(*key), &other.select) == (other.key, &reference.select)) {
            let why = format!("{} and {} are one: key {key:02X} at the same place", other.name, reference.name);
            return Err(place.key("key", why));
        }
    }
    Ok(())
}

/// Without a key reference there is nothing but the code in another's reset.
fn check_key<'a>(place: Place, reference: &Reference) -> Checked<'a> {
    let wants = [
        ("role", reference.role == Role::UserPin, "a PIN has a key"),
        ("counter", reference.counter != Counter::None, "the counter of a reference without key is none"),
        ("change", reference.change, "a reference without key has change = false"),
        ("reset", !reference.reset.is_empty(), "a reference without key cannot be reset"),
        ("first", reference.first.is_some(), "a reference without key cannot get a first value"),
        ("select", !reference.select.is_empty(), "a reference without key is at no place of its own"),
    ];
    match wants.into_iter().find(|(_, wanted, _)| reference.key.is_none() && *wanted) {
        Some((key, _, why)) => Err(place.key(key, why)),
        None => Ok(()),
    }
}

fn check_lengths<'a>(place: Place, reference: &Reference) -> Checked<'a> {
    let Reference { least, most, encoding, pad, .. } = *reference;
    if !(1..=MOST).contains(&most) {
        return Err(place.key("most", "a length is 1 to 64 characters"));
    }
    if !(1..=most).contains(&least) {
        return Err(place.key("least", format!("the fewest characters are 1 to {most}, which are the most")));
    }
    if encoding != Encoding::Ascii && reference.alphabet == Alphabet::Any {
        return Err(place.key("alphabet", "that encoding carries digits only"));
    }
    if encoding == Encoding::Glp {
        if let Some(key) = [("least", least), ("most", most)].iter().find(|(_, length)| !GLP_DIGITS.contains(length)) {
            return Err(place.key(key.0, "a PIN block of GlobalPlatform has 4 to 12 digits"));
        }
        if pad.is_some() {
            return Err(place.key("pad", format!("a PIN block of GlobalPlatform has always {GLP_BLOCK} bytes")));
        }
    }
    let needed = bytes(encoding, most);
    match pad {
        Some(pad) if pad.to > MOST => Err(place.fault(&[Step::Key("pad"), Step::Key("to")], "that is 1 to 64 bytes")),
        Some(pad) if pad.to < needed => {
            let why = format!("{most} characters are {needed} bytes, more than it is filled up to");
            Err(place.fault(&[Step::Key("pad"), Step::Key("to")], why))
        }
        _ => Ok(()),
    }
}

/// The bytes of so many characters, before they are filled up.
fn bytes(encoding: Encoding, characters: usize) -> usize {
    match encoding {
        Encoding::Ascii => characters,
        Encoding::Bcd => characters.div_ceil(2),
        Encoding::Glp => GLP_BLOCK,
    }
}

fn check_counter<'a>(place: Place, reference: &Reference) -> Checked<'a> {
    if reference.tries == Some(0) {
        return Err(place.key("tries", "there is at least one try"));
    }
    match &reference.counter {
        Counter::GetData(data) if data.limit.is_some() && reference.tries.is_some() => {
            Err(place.key("tries", "the card tells its limit: counter says where"))
        }
        _ => Ok(()),
    }
}

fn check_reset<'a>(place: Place, reference: &'a Reference, profile: &Profile) -> Checked<'a> {
    for (index, reset) in reference.reset.iter().enumerate() {
        let at = |key, why: String| place.fault(&[Step::Key("reset"), Step::Index(index), Step::Key(key)], why);
        let Some(by) = profile.reference(&reset.by) else {
            return Err(at("by", "there is no reference of that name".into()));
        };
        if !matches!(by.role, Role::Puk | Role::SoPin) {
            return Err(at("by", format!("that is a {}: a PUK or an SO PIN resets a PIN", by.role)));
        }
        if by.key.is_none() && reset.forms.iter().any(|form| form.is_verified_before()) {
            return Err(at("forms", "a reference without key cannot be verified before, as forms 2 and 3 want".into()));
        }
        if reset.by == reference.name {
            return Err(at("by", "a reference does not reset itself".into()));
        }
        if reference.reset.iter().take(index).any(|other| other.by == reset.by) {
            return Err(at("by", "that reference is named twice".into()));
        }
        let twice = |(index, form)| reset.forms.iter().take(index).any(|other| other == form);
        if reset.forms.is_empty() || reset.forms.iter().enumerate().any(twice) {
            return Err(at("forms", "each form that works is named, once".into()));
        }
    }
    Ok(())
}

fn check_first<'a>(place: Place, reference: &'a Reference, profile: &Profile) -> Checked<'a> {
    let at = |way: [&'static str; 2], why: &str| {
        place.fault(&[Step::Key("first"), Step::Key(way[0]), Step::Key(way[1])], why)
    };
    match &reference.first {
        None => Ok(()),
        Some(First::Set { after: None }) => Ok(()),
        Some(First::Set { after: Some(name) }) => match profile.reference(name) {
            Some(other) if matches!(other.first, Some(First::Set { after: None })) && other.name != reference.name => {
                Ok(())
            }
            Some(_) => Err(at(["set", "after"], "that reference is not set in this way itself")),
            None => Err(at(["set", "after"], "there is no reference of that name")),
        },
        Some(First::NullPin { value }) if value.0.len() > MOST => {
            Err(at(["null-pin", "value"], "that is 1 to 64 bytes"))
        }
        Some(First::NullPin { .. }) => Ok(()),
        Some(First::TransportPin { least, most }) => {
            let digits = reference.encoding != Encoding::Glp || GLP_DIGITS.contains(least) && GLP_DIGITS.contains(most);
            let room = reference.pad.map_or(MOST, |pad| pad.to);
            match (1..=*most).contains(least) && digits && bytes(reference.encoding, *most) <= room && *most <= MOST {
                true => Ok(()),
                false => Err(at(["transport-pin", "most"], "no PIN of these lengths fits into the command")),
            }
        }
    }
}
