//! One device seen in several ways is one token: by the name of its reader, never by its serial, which each module spells its own way.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::token::{Identity, Place, Text};

/// How much of a reader's name a slot's description holds (CK_SLOT_INFO, PKCS#11 2.40, 3.2).
const DESCRIPTION: usize = 64;

/// A token where it was seen.
pub struct Sighting<'a> {
    /// Who it is.
    pub identity: &'a Identity,
    /// What the module calls its slot, where it was asked.
    pub description: Option<Text>,
}

/// What two sightings have in common that are of one device.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Device<'a> {
    /// The reader that it is in.
    InReader(&'a Text),
    /// All that a token and its slot say of themselves, where no reader tells.
    Software([&'a Text; 5]),
}

impl<'a> Sighting<'a> {
    fn module(&self) -> Option<&'a Path> {
        match &self.identity.place {
            Place::Slot { module, .. } => Some(module),
            Place::Reader(_) => None,
        }
    }

    /// What it is a sighting of, as far as that is certain. A blank token of a software store says too little, and so does a
    /// description that may have been cut.
    fn device(&'a self, readers: &'a [Text]) -> Option<Device<'a>> {
        let description = match &self.identity.place {
            Place::Reader(name) => return Some(Device::InReader(name)),
            Place::Slot { .. } => self.description.as_ref()?,
        };
        if let Some(reader) = described(description, readers) {
            return Some(Device::InReader(reader));
        }
        let Identity { serial, label, manufacturer, model, blank, .. } = self.identity;
        let is_certain = !blank && description.bytes().len() < DESCRIPTION;
        let said = [serial.as_ref()?, label.as_ref()?, manufacturer.as_ref()?, model.as_ref()?, description];
        is_certain.then_some(Device::Software(said))
    }
}

/// The one of `readers` that a module's description of a slot names. It is cut: where two names begin alike it tells neither.
pub fn described<'r>(description: &Text, readers: &'r [Text]) -> Option<&'r Text> {
    let mut named = readers.iter().filter(|reader| cut(reader).as_ref() == Some(description));
    named.next().filter(|_| named.next().is_none())
}

fn cut(name: &Text) -> Option<Text> {
    name.bytes().get(..DESCRIPTION).map_or_else(|| Some(name.clone()), Text::trimmed)
}

/// Those of `sightings`, by index, that show a token which is kept from another way; `readers` are all of PC/SC that hold a card.
///
/// What PC/SC shows is kept, since the native way can do more; of several modules at one reader the first that shows a live
/// token there. The tokens that one module shows in one reader, one for each of its PINs say, are several.
pub fn repeated(sightings: &[Sighting<'_>], readers: &[Text]) -> BTreeSet<usize> {
    let mut devices: BTreeMap<Device<'_>, Vec<(usize, &Sighting<'_>)>> = BTreeMap::new();
    for (index, sighting) in sightings.iter().enumerate() {
        if let Some(device) = sighting.device(readers) {
            devices.entry(device).or_default().push((index, sighting));
        }
    }
    let mut left_out = BTreeSet::new();
    for (device, seen) in devices {
        let kept = match device {
            Device::InReader(_) => {
                let native = seen.iter().find(|(_, one)| one.module().is_none());
                native.or(seen.iter().find(|(_, one)| !one.identity.blank)).or(seen.first())
            }
            // Two of them in one module would be two tokens, and nothing tells which of them another shows.
            Device::Software(_) => {
                let modules: BTreeSet<_> = seen.iter().map(|(_, one)| one.module()).collect();
                seen.first().filter(|_| modules.len() == seen.len())
            }
        };
        let Some(way) = kept.map(|(_, one)| one.module()) else { continue };
        left_out.extend(seen.iter().filter(|(_, one)| one.module() != way).map(|(index, _)| *index));
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Application;

    fn identity(place: Place, serial: &str) -> Identity {
        let application = if matches!(place, Place::Reader(_)) { Application::ScHsm } else { Application::Pkcs11 };
        let text = |text: &str| Text::trimmed(text.as_bytes());
        Identity {
            application,
            serial: text(serial),
            label: text("desk-7"),
            manufacturer: text("maker"),
            model: text("model"),
            place,
            blank: false,
        }
    }

    fn card(reader: &str, serial: &str) -> (Identity, Option<Text>) {
        (identity(Place::Reader(Text::from(reader)), serial), None)
    }

    fn slot(module: &str, id: u64, description: &str, serial: &str) -> (Identity, Option<Text>) {
        (identity(Place::Slot { id, module: module.into() }, serial), Text::trimmed(description.as_bytes()))
    }

    fn blank(mut seen: (Identity, Option<Text>)) -> (Identity, Option<Text>) {
        seen.0.blank = true;
        seen
    }

    /// What is left out, where PC/SC has `readers`.
    fn left_out<const N: usize>(seen: [(Identity, Option<Text>); N], readers: &[&str]) -> Vec<usize> {
        let readers: Vec<Text> = readers.iter().map(|name| Text::from(*name)).collect();
        let sightings: Vec<Sighting<'_>> = seen
            .iter()
            .map(|(identity, description)| Sighting { identity, description: description.clone() })
            .collect();
        repeated(&sightings, &readers).into_iter().collect()
    }

    const READERS: [&str; 2] = ["Reader 00 00", "Reader 01 00"];

    #[test]
    fn what_a_module_shows_of_a_card_that_pcsc_shows_is_left_out_whatever_the_serials() {
        let seen = [
            card("Reader 00 00", "12345678"),
            slot("/a.so", 0, "Reader 00 00", "806172640052f743"),
            slot("/a.so", 1, "Reader 00 00", "806172640052f743"),
            slot("/a.so", 4, "Reader 01 00", "12345678"),
        ];
        assert_eq!(left_out(seen, &READERS), [1, 2]);
    }

    #[test]
    fn one_serial_in_two_devices_is_two_tokens() {
        let seen = [
            card("Reader 00 00", "0000"),
            slot("/a.so", 0, "Reader 01 00", "0000"),
            slot("/b.so", 0, "some other slot", "0000"),
            slot("/c.so", 0, "", "0000"),
        ];
        assert_eq!(left_out(seen, &READERS), [0; 0]);
    }

    #[test]
    fn of_two_modules_at_one_reader_the_first_is_kept_with_all_that_it_shows_there() {
        let seen = [
            slot("/a.so", 0, "Reader 00 00", "A"),
            slot("/a.so", 1, "Reader 00 00", "A"),
            slot("/b.so", 0, "Reader 00 00", "00A"),
            slot("/b.so", 1, "Reader 01 00", "00B"),
        ];
        assert_eq!(left_out(seen, &READERS), [2]);
    }

    #[test]
    fn a_module_that_takes_a_live_token_for_a_blank_one_gives_way() {
        let seen = [blank(slot("/a.so", 0, "Reader 00 00", "")), slot("/b.so", 0, "Reader 00 00", "B")];
        assert_eq!(left_out(seen, &READERS), [0]);
        let seen = [blank(slot("/a.so", 0, "Reader 00 00", "")), blank(slot("/b.so", 0, "Reader 00 00", ""))];
        assert_eq!(left_out(seen, &READERS), [1]);
    }

    #[test]
    fn a_name_that_is_cut_tells_the_reader_only_where_no_other_begins_alike() {
        let start = "R".repeat(DESCRIPTION);
        let (first, second) = (format!("{start} 00 00"), format!("{start} 01 00"));
        let seen = || [card(&first, "A"), slot("/a.so", 0, &start, "A"), slot("/b.so", 0, &start, "A")];
        assert_eq!(left_out(seen(), &[&first]), [1, 2]);
        assert_eq!(left_out(seen(), &[&first, &second]), [0; 0]);
        // A whole name of 64 bytes could as well be the start of the longer one.
        assert_eq!(left_out(seen(), &[&first, &start]), [0; 0]);
        // Blanks at the place of the cut are no part of a description, as they fill it up.
        let spaced = format!("{} 00 00", "R".repeat(DESCRIPTION - 1));
        let seen = [card(&spaced, "A"), slot("/a.so", 0, &start[1..], "A")];
        assert_eq!(left_out(seen, &[&spaced]), [1]);
    }

    #[test]
    fn a_software_token_is_the_same_where_all_that_it_says_agrees_and_no_other_does() {
        let (a, b) = (|| slot("/a.so", 7, "SoftHSM slot ID 0x7", "A"), || slot("/b.so", 7, "SoftHSM slot ID 0x7", "A"));
        assert_eq!(left_out([a(), b()], &[]), [1]);
        assert_eq!(left_out([a(), b()], &READERS), [1]);
        // Another slot, another serial, a token that says nothing, two of a kind: nothing is certain.
        assert_eq!(left_out([a(), slot("/b.so", 7, "SoftHSM slot ID 0x8", "A")], &[]), [0; 0]);
        assert_eq!(left_out([a(), slot("/b.so", 7, "SoftHSM slot ID 0x7", "B")], &[]), [0; 0]);
        assert_eq!(left_out([blank(a()), blank(b())], &[]), [0; 0]);
        assert_eq!(left_out([a(), b(), slot("/b.so", 8, "SoftHSM slot ID 0x7", "A")], &[]), [0; 0]);
        assert_eq!(left_out([a(), slot("/a.so", 8, "SoftHSM slot ID 0x7", "A"), b()], &[]), [0; 0]);
    }
}
