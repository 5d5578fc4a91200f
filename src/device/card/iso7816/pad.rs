//! A card by its profile at the keys of a reader: what its templates say is what the reader is told, where one can form it.

use super::{
    profile::{self, Counter, First, Form},
    template::{Template, Which},
    token::Card,
};
use crate::{
    device::card::{
        pad::{ASKS_EMPTY, Blank, digits, enter, refused, typed},
        status_word::StatusWord,
    },
    error::{Error, Result},
    token::{Need, Pad, ReaderPad, Reference, Role, Typed, Verb},
};

/// Why a card is left to the keyboard.
const UNFORMED: &str = "no reader can form a PIN as this card wants it";

impl Card<'_, '_> {
    /// What the keys of the reader take of a card of these references.
    pub fn pad(&mut self, references: &[Reference]) -> Pad {
        let Some(keys) = self.channel.pad() else { return Pad::None };
        let pin = self.reference(Role::UserPin).ok();
        // A card that tells its tries in another way, or not at all, may count an empty value as a wrong one.
        let spends = |own: &profile::Reference| keys.asks_empty() && own.counter != Counter::Verify;
        if pin.is_some_and(spends) {
            return refused(self.channel, ASKS_EMPTY);
        }
        let formed = |(verb, by, templates): (Verb, Option<Role>, Vec<Template<'static>>)| -> Option<Typed> {
            if templates.iter().any(|template| template.secrets().any(|secret| spends(secret.reference))) {
                return None;
            }
            let commands = templates.iter().map(|template| Some((needs(template), template.field()?)));
            typed(keys, verb, by, &commands.collect::<Option<Vec<_>>>()?, references)
        };
        let takes: Vec<Typed> = self.typable().into_iter().filter_map(formed).collect();
        let unformed = pin.and_then(|pin| pin.verify(Which::Current)).is_some_and(|verify| verify.field().is_none());
        Pad::Reader(ReaderPad { refused: unformed.then_some(UNFORMED), takes })
    }

    /// The operations that could be typed, each with its commands.
    fn typable(&self) -> Vec<(Verb, Option<Role>, Vec<Template<'static>>)> {
        let mut all = Vec::new();
        let Ok(pin) = self.reference(Role::UserPin) else { return all };
        all.extend(pin.verify(Which::Current).map(|verify| (Verb::PinVerify, None, vec![verify])));
        for (role, verb) in
            [(Role::UserPin, Verb::PinChange), (Role::Puk, Verb::PukChange), (Role::SoPin, Verb::SoPinChange)]
        {
            let Ok(reference) = self.reference(role) else { continue };
            let delivered = || reference.set().filter(|_| matches!(reference.first, Some(First::TransportPin { .. })));
            let before = reference.verify(Which::Current).filter(|_| !reference.is_delimited());
            let commands = reference.exchange().or_else(delivered).map(|exchange| before.into_iter().chain([exchange]));
            all.extend(commands.map(|commands| (verb, None, commands.collect())));
        }
        for authority in [Role::Puk, Role::SoPin] {
            let Ok((pin, by, form)) = self.way(Role::UserPin, authority, false) else { continue };
            let Some(reset) = pin.reset(form, by) else { continue };
            let commands = match form {
                Form::Verified => by.verify(Which::Current).map(|verify| vec![verify, reset]),
                // A digit too many of a value that the card cannot part from the next would begin the new PIN unseen.
                _ => by.is_delimited().then(|| vec![reset]),
            };
            all.extend(commands.map(|commands| (Verb::PinReset, Some(authority), commands)));
        }
        all
    }

    /// Lets the reader ask for the values of a command.
    pub fn enter(&mut self, template: &Template<'static>) -> Result<StatusWord> {
        let Some(field) = template.field() else { return Err(Error::Unsupported { what: UNFORMED.into() }) };
        let needs = needs(template);
        let digits = digits(&needs, &self.references(&[]))?;
        enter(self.channel, Blank { name: template.name, header: template.header(), needs: &needs, field, digits })
    }
}

/// The values of a command, in order.
fn needs(template: &Template<'_>) -> Vec<Need> {
    let need = |which, role| if which == Which::New { Need::New(role) } else { Need::Current(role) };
    template.secrets().map(|secret| need(secret.which, secret.reference.role)).collect()
}
