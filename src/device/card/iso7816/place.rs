//! The way to where a reference or a file is: from a reset card, or from where we are.

use super::{
    profile::{Profile, Reference, Select, Serial},
    template::{Template, select, select_application},
};

/// SELECT by name, and by path from the master file (ISO 7816-4, table 62): these lead there from anywhere.
const FROM_ANYWHERE: [u8; 2] = [0x04, 0x08];
/// SELECT of the master file: no data, or its identifier.
const MASTER_FILE: [u8; 2] = [0x3F, 0x00];

impl Profile {
    /// The commands that select the application, by its identifier of that index where it has some.
    pub fn application(&self, aid: usize) -> Vec<Template<'_>> {
        match self.aid.get(aid) {
            Some(aid) => vec![select_application(aid)],
            None => commands(&self.select),
        }
    }

    /// The commands that lead to a place below the application; `from` is the one where we are, if the application is selected.
    pub fn way<'a>(&'a self, aid: usize, from: Option<&[Select]>, to: &'a [Select]) -> Vec<Template<'a>> {
        match (from, to) {
            (Some(from), to) if from == to => Vec::new(),
            (Some([]), to) => commands(to),
            (Some(_), [first, ..]) if is_from_anywhere(first) => commands(to),
            _ => self.application(aid).into_iter().chain(commands(to)).collect(),
        }
    }

    /// What is read of a card to know who it is and what its counters say, in the order with the fewest commands: what is in
    /// the application itself, then the serial number, then what is elsewhere.
    pub fn readings(&self) -> Vec<Reading<'_>> {
        let asked = |reference: &&Reference| reference.ask().is_some();
        let mut away: Vec<&Reference> =
            self.references.iter().filter(asked).filter(|one| !one.select.is_empty()).collect();
        away.sort_by_key(|reference| self.references.iter().position(|other| other.select == reference.select));
        let here = self.references.iter().filter(asked).filter(|reference| reference.select.is_empty());
        let here = here.map(Reading::Counter).chain(self.serial.as_ref().map(Reading::Serial));
        here.chain(away.into_iter().map(Reading::Counter)).collect()
    }
}

/// Something that is read of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading<'a> {
    /// The serial number.
    Serial(&'a Serial),
    /// The counter of a reference.
    Counter(&'a Reference),
}

impl<'a> Reading<'a> {
    /// Where it is.
    pub fn place(self) -> &'a [Select] {
        match self {
            Self::Serial(serial) => &serial.file,
            Self::Counter(reference) => &reference.select,
        }
    }

    /// The command that reads it there.
    pub fn command(self) -> Option<Template<'a>> {
        match self {
            Self::Serial(serial) => Some(serial.read()),
            Self::Counter(reference) => reference.ask(),
        }
    }
}

fn commands(path: &[Select]) -> Vec<Template<'_>> {
    path.iter().map(|Select(apdu)| select(apdu)).collect()
}

fn is_from_anywhere(Select(apdu): &Select) -> bool {
    let [_, _, p1, _] = apdu.header;
    FROM_ANYWHERE.contains(&p1) || p1 == 0 && (apdu.data.is_empty() || apdu.data == MASTER_FILE)
}
