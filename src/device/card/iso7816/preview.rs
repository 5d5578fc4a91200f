//! What would be sent to a card for each operation, told without one.

use super::{
    profile::{First, Form, Profile, Reference, Select},
    template::{Template, Which},
};
use crate::token::{Preview, Role, Sent, Verb};

/// Which identifier a card is taken to have, where a profile has several.
const FIRST: usize = 0;

/// Everything that a profile makes us send, operation by operation, secrets by name.
pub fn preview(profile: &Profile) -> Preview {
    let mut operations = vec![find(profile)];
    for reference in &profile.references {
        let mut add = |verb: Verb, by: Option<Role>, templates: Vec<Template<'_>>| {
            let roles = profile.references.iter().filter(|other| other.role == reference.role).count();
            let named = (roles > 1).then(|| reference.name.clone());
            operations.push(Sent { verb: Some(verb), reference: named, by, commands: shown(templates) });
        };
        if let Some(set) = reference.set().filter(|_| reference.role == Role::UserPin) {
            add(Verb::PinSet, None, first(profile, reference, set));
        }
        if let Some(exchange) = reference.exchange() {
            let verb = match reference.role {
                Role::Puk => Verb::PukChange,
                Role::SoPin => Verb::SoPinChange,
                _ => Verb::PinChange,
            };
            add(verb, None, change(profile, reference, exchange));
        }
        if let Some(verify) = reference.verify(Which::Current).filter(|_| reference.role == Role::UserPin) {
            let sent = to(profile, reference).chain(reference.ask()).chain([verify]).collect();
            add(Verb::PinVerify, None, sent);
        }
        for way in &reference.reset {
            let Some(by) = profile.reference(&way.by) else { continue };
            for (verb, keeps) in [(Verb::PinUnblock, true), (Verb::PinReset, false)] {
                let form = way.forms.iter().find(|form| form.keeps_value() == keeps);
                form.iter().for_each(|form| add(verb, Some(by.role), reset(profile, reference, by, **form)));
            }
        }
    }
    Preview {
        name: profile.name.clone(),
        title: profile.title.clone(),
        status: profile.status.to_string(),
        source: profile.source.clone(),
        operations,
    }
}

fn shown(templates: Vec<Template<'_>>) -> Vec<(&'static str, String)> {
    templates.into_iter().map(|template| (template.name, template.to_string())).collect()
}

/// Finds the application, and reads who it is and what its counters say.
fn find(profile: &Profile) -> Sent {
    // Each identifier is tried till one is found.
    let mut templates: Vec<Template<'_>> =
        (0..profile.aid.len().max(1)).flat_map(|aid| profile.application(aid)).collect();
    let mut place: &[Select] = &[];
    for reading in profile.readings() {
        templates.extend(profile.way(FIRST, Some(place), reading.place()));
        templates.extend(reading.command());
        place = reading.place();
    }
    Sent { verb: None, reference: None, by: None, commands: shown(templates) }
}

/// The way from a reset card to a reference.
fn to<'a>(profile: &'a Profile, reference: &'a Reference) -> impl Iterator<Item = Template<'a>> {
    profile.way(FIRST, None, &reference.select).into_iter()
}

fn first<'a>(profile: &'a Profile, reference: &'a Reference, set: Template<'a>) -> Vec<Template<'a>> {
    let mut templates = Vec::new();
    let mut place = None;
    if let Some(other) = reference.set_after().and_then(|name| profile.reference(name)) {
        templates.extend(to(profile, other).chain(other.set()));
        place = Some(other.select.as_slice());
    }
    templates.extend(profile.way(FIRST, place, &reference.select));
    // A transport PIN is replaced as any PIN is.
    if matches!(reference.first, Some(First::TransportPin { .. })) {
        templates.extend(reference.ask());
        templates.extend(if reference.is_delimited() { None } else { reference.verify(Which::Transport) });
    }
    templates.extend([set].into_iter().chain(reference.verify(Which::New)));
    templates
}

fn change<'a>(profile: &'a Profile, reference: &'a Reference, exchange: Template<'a>) -> Vec<Template<'a>> {
    let verify = if reference.is_delimited() { None } else { reference.verify(Which::Current) };
    let proof = reference.verify(Which::New).filter(|_| reference.role != Role::Puk);
    to(profile, reference).chain(reference.ask()).chain(verify).chain([exchange]).chain(proof).collect()
}

fn reset<'a>(profile: &'a Profile, reference: &'a Reference, by: &'a Reference, form: Form) -> Vec<Template<'a>> {
    let verify = if form.is_verified_before() { by.verify(Which::Current) } else { None };
    let mut templates: Vec<Template<'_>> = to(profile, by).chain(by.ask()).chain(verify).collect();
    templates.extend(profile.way(FIRST, Some(&by.select), &reference.select));
    templates.extend(reference.reset(form, by));
    // What proves a value that was kept is its counter; behind a PUK that was verified before, a new one is not asked for it.
    templates.extend(if form.keeps_value() || !form.is_verified_before() { reference.ask() } else { None });
    templates.extend(if form.keeps_value() { None } else { reference.verify(Which::New) });
    templates
}
