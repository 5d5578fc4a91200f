//! A kind of card that a profile describes: the profile, and what its user PINs can do.

use super::{
    preview,
    profile::{First, Profile, Reference},
};
use crate::token::{Ability, Application, Role, Sent, Verb};

/// A profile with all that follows from it. A survey names applications, references and commands by what lives as long as the
/// process, and so does a kind: profiles are read once, when the process begins.
#[derive(Debug)]
pub struct Kind {
    profile: Profile,
    /// What can be done for each user PIN, in the order of the profile.
    abilities: Vec<&'static [Ability]>,
    /// What can be done for any of them.
    all: &'static [Ability],
}

impl Kind {
    /// The kind of a profile, for as long as the process lives.
    pub fn of(profile: Profile) -> &'static Self {
        let sent = preview(&profile).operations;
        let pins = || profile.references.iter().filter(|reference| reference.role == Role::UserPin);
        let abilities: Vec<Vec<Ability>> = pins().map(|pin| abilities(&profile, pin, &sent)).collect();
        let mut all: Vec<Ability> = Vec::new();
        for ability in abilities.iter().flatten() {
            if !all.iter().any(|known| (known.verb, known.by) == (ability.verb, ability.by)) {
                all.push(*ability);
            }
        }
        let abilities = abilities.into_iter().map(|abilities| &*abilities.leak()).collect();
        Box::leak(Box::new(Self { profile, abilities, all: all.leak() }))
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Its name.
    pub fn application(&'static self) -> Application {
        Application::Profile(&self.profile.name)
    }

    /// Whether it is of that name, which the caller's own profile gave it.
    pub fn is_self_named(&self, name: &str) -> bool {
        self.profile.is_own && self.profile.name == name
    }

    /// The user PIN of that name.
    pub fn user_pin(&self, name: &str) -> Option<&Reference> {
        self.profile.reference(name).filter(|reference| reference.role == Role::UserPin)
    }

    /// What can be done for a user PIN, or for any where none is chosen.
    pub fn abilities(&self, chosen: Option<&Reference>) -> &'static [Ability] {
        let pins = self.profile.references.iter().filter(|reference| reference.role == Role::UserPin);
        let of_one = |pin: &Reference| pins.zip(&self.abilities).find(|(own, _)| *own == pin).map(|(_, able)| *able);
        chosen.and_then(of_one).unwrap_or(self.all)
    }

    /// The reference that plays `role` for the user PIN `chosen`, or for the first: of several PUKs, the one that resets it.
    pub fn reference(&self, role: Role, chosen: Option<&'static Reference>) -> Option<&Reference> {
        let first = || self.profile.references.iter().find(|reference| reference.role == role);
        let pin = chosen.or_else(|| self.profile.references.iter().find(|own| own.role == Role::UserPin));
        match role {
            Role::UserPin => pin,
            _ => pin.and_then(|pin| authority(&self.profile, pin, role)).or_else(first),
        }
    }
}

/// Who of that role resets `pin`.
fn authority<'a>(profile: &'a Profile, pin: &Reference, role: Role) -> Option<&'a Reference> {
    let mut resetting = pin.reset.iter().filter_map(|reset| profile.reference(&reset.by));
    resetting.find(|reference| reference.role == role)
}

/// What can be done for `pin`, and for the PUK and SO PIN that belong to it, of all that the profile sends.
fn abilities(profile: &Profile, pin: &Reference, sent: &[Sent]) -> Vec<Ability> {
    let belongs = |sent: &Sent, verb: Verb| match (&sent.reference, verb) {
        (None, _) => true,
        (Some(name), Verb::PukChange) => authority(profile, pin, Role::Puk).is_some_and(|own| own.name == *name),
        (Some(name), Verb::SoPinChange) => authority(profile, pin, Role::SoPin).is_some_and(|own| own.name == *name),
        (Some(name), _) => pin.name == *name,
    };
    let is_delivered = matches!(pin.first, Some(First::TransportPin { .. }));
    let able = |sent: &Sent| {
        let verb = sent.verb.filter(|verb| belongs(sent, *verb))?;
        let commands: Vec<&'static str> =
            sent.commands.iter().map(|(name, apdu)| &*format!("{name} ({apdu})").leak()).collect();
        let by = sent.by.or((verb == Verb::PinSet && is_delivered).then_some(Role::UserPin));
        Some(Ability { verb, by, commands: commands.leak() })
    };
    sent.iter().filter_map(able).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::card::iso7816::profile::built_in;

    fn kind(name: &str) -> &'static Kind {
        Kind::of(built_in().unwrap().into_iter().find(|profile| profile.name == name).unwrap())
    }

    #[test]
    fn what_is_planned_is_what_is_sent_for_the_pin_that_was_chosen() {
        let card = kind("esteid-2018");
        let commands = |name: &str| {
            let able = card.abilities(card.user_pin(name)).iter().find(|able| able.verb == Verb::PinChange).unwrap();
            able.commands.join("\n")
        };
        assert!(commands("PIN1").contains("(00 24 00 01 18 {PIN1 FF-padded to 12} {new PIN1 FF-padded to 12})"));
        assert!(commands("PIN2").contains("(00 24 00 85 18 {PIN2 FF-padded to 12} {new PIN2 FF-padded to 12})"));
        assert!(card.user_pin("PUK").is_none());
    }

    #[test]
    fn each_way_stands_once_among_all_abilities() {
        let card = kind("esteid-2018");
        let ways: Vec<(Verb, Option<Role>)> = card.abilities(None).iter().map(|able| (able.verb, able.by)).collect();
        assert_eq!(
            ways,
            [
                (Verb::PinChange, None),
                (Verb::PinVerify, None),
                (Verb::PinReset, Some(Role::Puk)),
                (Verb::PukChange, None)
            ]
        );
    }

    #[test]
    fn of_several_puks_each_pin_has_its_own() {
        let text = include_str!("../profiles/myeid.toml");
        let (head, puk) = text.split_once("# Each PIN").unwrap();
        let (_, pin) = head.split_once("[[reference]]").unwrap();
        let second =
            [pin, &puk[puk.find("[[").unwrap() + 13..puk.find("[[reference]]\nname = \"SO").unwrap()]].map(|one| {
                let named = one.replace("\"PIN\"", "\"PIN2\"").replace("\"PUK\"", "\"PUK2\"").replace("0x01", "0x02");
                format!("[[reference]]{named}")
            });
        let card = Kind::of(Profile::parse(&format!("{text}\n{}", second.concat()), "FILE").unwrap());
        let puk = |name: &str| card.reference(Role::Puk, card.user_pin(name)).unwrap().name.as_str();
        assert_eq!((puk("PIN"), puk("PIN2")), ("PUK", "PUK2"));
    }
}
