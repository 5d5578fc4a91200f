//! Which profiles there are, in the order in which a card is compared with them.

use super::{
    kind::Kind,
    profile::{Profile, built_in},
    template::Template,
};
use crate::error::Result;

/// The profiles that cards are compared with.
#[derive(Debug, Clone, Default)]
pub struct Profiles(Vec<&'static Kind>);

/// A profile that may be the card's, with those of its application identifiers that no other is asked by.
#[derive(Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The kind of card.
    pub kind: &'static Kind,
    /// The identifiers, by index.
    pub aids: Vec<usize>,
}

impl Profiles {
    /// The site's own profiles, those that go before others first, and behind them the ones that are compiled in. Of one name
    /// the first is used.
    ///
    /// # Errors
    /// None, as a test of the profiles that are compiled in proves.
    pub fn with(site: Vec<Profile>) -> Result<Self> {
        let mut kinds: Vec<&'static Kind> = Vec::new();
        for profile in site.into_iter().chain(built_in()?) {
            if kinds.iter().all(|known| known.profile().name != profile.name) {
                kinds.push(Kind::of(profile));
            }
        }
        Ok(Self(kinds))
    }

    /// Every kind of card.
    pub fn kinds(&self) -> impl Iterator<Item = &'static Kind> {
        self.0.iter().copied()
    }

    /// The profiles that a card of this answer to reset may have, of that name where one is wanted: those that name such cards
    /// first. No identifier is selected for two of them: the first that names such cards has it, else the first of all.
    pub fn candidates(&self, atr: &[u8], name: Option<&str>) -> Vec<Candidate> {
        let is_meant = |kind: &&Kind| name.is_none_or(|name| kind.profile().name == name);
        let fits = |kind: &&Kind| kind.profile().atr.iter().any(|pattern| pattern.fits(atr));
        let specific = self.kinds().filter(is_meant).filter(fits);
        let generic = self.kinds().filter(is_meant).filter(|kind| kind.profile().atr.is_empty());
        let mut taken: Vec<Vec<Template<'static>>> = Vec::new();
        let mut candidates = Vec::new();
        for kind in specific.chain(generic) {
            let mut aids = Vec::new();
            for aid in 0..kind.profile().aid.len().max(1) {
                let commands = kind.profile().application(aid);
                if !taken.contains(&commands) {
                    taken.push(commands);
                    aids.push(aid);
                }
            }
            if !aids.is_empty() {
                candidates.push(Candidate { kind, aids });
            }
        }
        candidates
    }
}

impl PartialEq for Kind {
    /// Kinds of one process are the same where their profiles are.
    fn eq(&self, other: &Self) -> bool {
        self.profile() == other.profile()
    }
}

impl Eq for Kind {}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTONIA: &[u8] = b"\x3B\xDB\x96\x00\x80\xB1\xFE\x45\x1F\x83\x00\x12\x23\x3FSeID\x0F\x90\x00\xF1";
    const LATVIA: &[u8] = b"\x3B\xDB\x96\x00\x80\xB1\xFE\x45\x1F\x83\x00\x12\x42\x8FSeID\x0F\x90\x00\x20";

    fn named(profiles: &Profiles, atr: &[u8], name: Option<&str>) -> Vec<String> {
        profiles.candidates(atr, name).iter().map(|candidate| candidate.kind.profile().name.clone()).collect()
    }

    /// The profile of IsoApplet under another name, with this in place of its identifier.
    fn own(name: &str, selected: &str) -> Profile {
        let text = include_str!("../profiles/isoapplet.toml").replace("\"isoapplet\"", &format!("\"{name}\""));
        let aid = "aid = [\"F2 76 A2 88 BC FB A6 9D 34 F3 10 01\"]";
        Profile::parse(&text.replace(aid, selected), "FILE").unwrap()
    }

    #[test]
    fn the_answer_to_reset_decides_between_cards_of_one_identifier() {
        let profiles = Profiles::with(Vec::new()).unwrap();
        assert_eq!(named(&profiles, ESTONIA, None), ["esteid-2018", "isoapplet"]);
        assert_eq!(named(&profiles, LATVIA, None), ["latvia", "isoapplet"]);
        assert_eq!(named(&profiles, &[0x3B, 0x80, 0x80, 0x01, 0x01], None), ["isoapplet"]);
    }

    #[test]
    fn a_profile_that_is_named_is_the_only_one_and_must_fit_all_the_same() {
        let profiles = Profiles::with(Vec::new()).unwrap();
        assert_eq!(named(&profiles, ESTONIA, Some("isoapplet")), ["isoapplet"]);
        assert_eq!(named(&profiles, ESTONIA, Some("latvia")), [""; 0]);
    }

    #[test]
    fn the_sites_own_replaces_the_one_of_its_name_and_goes_before_others() {
        let aid = "aid = [\"A0 00 00 00 77 01 08 00 07 00 00 FE 00 00 01 00\"]";
        let profiles = Profiles::with(vec![own("isoapplet", aid), own("staff", aid)]).unwrap();
        assert_eq!(profiles.kinds().filter(|kind| kind.profile().name == "isoapplet").count(), 1);
        // The one that names the card has the identifier; of two that name none, the first.
        assert_eq!(named(&profiles, ESTONIA, None), ["esteid-2018"]);
        assert_eq!(named(&profiles, &[0x3B, 0x80], None), ["isoapplet"]);
    }

    #[test]
    fn an_identifier_is_selected_once_and_the_others_of_a_profile_stay() {
        let aids = "aid = [\"F2 76 A2 88 BC FB A6 9D 34 F3 10 01\", \"F0 00 00 00 01\"]";
        let profiles = Profiles::with(vec![own("first", "aid = [\"F0 00 00 00 01\"]"), own("second", aids)]).unwrap();
        let told: Vec<(String, Vec<usize>)> = profiles
            .candidates(&[0x3B, 0x80], None)
            .into_iter()
            .map(|candidate| (candidate.kind.profile().name.clone(), candidate.aids))
            .collect();
        assert_eq!(told, [("first".to_owned(), vec![0]), ("second".to_owned(), vec![0])]);
    }
}
