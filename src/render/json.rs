//! JSON, schema 1: one object, fields in a fixed order; fields are added, never changed.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};
use zeroize::Zeroizing;

use super::{Failure, Listed, Listing, Report};
use crate::{
    challenge::Block,
    error::Error,
    input::Generated,
    operation::{Plan, choices},
    token::{Application, Identity, Length, Place, Reference, Retries, Role, Text},
};

/// The version of this form.
pub const SCHEMA: u8 = 1;

#[derive(Serialize)]
struct Listings<'a> {
    schema: u8,
    command: &'a str,
    tokens: Vec<TokenObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instead: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct TokenObject<'a> {
    selector: &'a str,
    application: &'static str,
    serial: Option<String>,
    label: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    route: &'static str,
    reader: Option<String>,
    slot: Option<u64>,
    module: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<Vec<ReferenceObject>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    can: Option<Vec<Can>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Vec<&'static str>>,
}

#[derive(Serialize)]
struct ReferenceObject {
    role: &'static str,
    name: &'static str,
    key_reference: Option<String>,
    state: &'static str,
    tries: Tries,
    default: Option<bool>,
    temporary: Option<bool>,
    expires: Option<String>,
    length: LengthObject,
}

#[derive(Serialize)]
struct LengthObject {
    min: usize,
    max: Option<usize>,
    unit: &'static str,
}

#[derive(Serialize)]
struct Can {
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'static str>,
}

#[derive(Serialize)]
struct Problem<'a> {
    kind: &'static str,
    message: String,
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct Done<'a> {
    schema: u8,
    command: &'static str,
    outcome: &'static str,
    confirmed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unproved: Vec<&'static str>,
    role: &'static str,
    by: Option<&'static str>,
    token: Named<'a>,
    tries: Tries,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries_at_least: Option<u8>,
    generated: Values<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanObject<'a>>,
}

/// A token, as it is named.
#[derive(Serialize)]
pub struct Named<'a> {
    selector: &'a str,
    application: &'static str,
    serial: Option<String>,
    label: Option<String>,
}

#[derive(Serialize)]
struct PlanObject<'a> {
    by: Option<&'static str>,
    needs: Vec<&'static str>,
    costs: &'a [String],
    steps: &'a [String],
}

#[derive(Serialize)]
struct Responded {
    schema: u8,
    command: &'static str,
    response: String,
    groups: Vec<String>,
}

#[derive(Serialize)]
struct Failed<'a> {
    schema: u8,
    command: Option<&'a str>,
    error: ErrorObject<'a>,
}

/// Why a command failed, as an object of its own.
#[derive(Serialize)]
pub struct ErrorObject<'a> {
    kind: &'static str,
    exit_code: u8,
    role: Option<&'static str>,
    tries_left: Option<u8>,
    message: String,
    hint: Option<Cow<'a, str>>,
    detail: Option<&'a str>,
    token: Option<Selected<'a>>,
    candidates: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    done: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generated: Option<Values<'a>>,
}

#[derive(Serialize)]
struct Selected<'a> {
    selector: &'a str,
}

/// Numbers of a card, flags of PKCS#11, or null: neither is dressed up as the other.
struct Tries(Retries, Application);

impl Serialize for Tries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Left {
            left: u8,
            limit: Option<u8>,
        }
        #[derive(Serialize)]
        struct Flag {
            flag: &'static str,
        }
        match self.0 {
            Retries::Left { left, limit } => Left { left, limit }.serialize(serializer),
            Retries::Low => Flag { flag: "low" }.serialize(serializer),
            Retries::Final => Flag { flag: "final" }.serialize(serializer),
            Retries::Blocked if self.1 == Application::Pkcs11 => Flag { flag: "locked" }.serialize(serializer),
            Retries::Blocked => Left { left: 0, limit: None }.serialize(serializer),
            Retries::Unlimited | Retries::Unknown => serializer.serialize_none(),
        }
    }
}

/// What `generate` made, by option name; a value that went to a file is not repeated.
struct Values<'a>(&'a [Generated]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for generated in self.0 {
            // What we generate is ASCII.
            if let Some(value) = generated.value.as_ref().and_then(|value| std::str::from_utf8(value.bytes()).ok()) {
                map.serialize_entry(generated.need.option(), value)?;
            }
        }
        map.end()
    }
}

/// `list` and `status`.
pub fn listing(command: &str, listing: &Listing) -> Zeroizing<Vec<u8>> {
    let problems = listing.problems.iter().map(|error| Problem {
        kind: error.kind(),
        message: error.to_string(),
        detail: error.detail(),
    });
    line(&Listings {
        schema: SCHEMA,
        command,
        tokens: listing.tokens.iter().map(token).collect(),
        instead: listing.instead(),
        hint: listing.cure(),
        problems: problems.collect(),
    })
}

/// What an operation did; wiped when dropped, since it may hold a value that was generated.
pub fn report(report: &Report) -> Zeroizing<Vec<u8>> {
    let plan = report.plan.as_ref().map(|plan| plan_object(plan, report));
    let done = Done {
        schema: SCHEMA,
        command: report.verb.name(),
        outcome: report.outcome.map_or("planned", |outcome| outcome.name()),
        confirmed: report.confirmed,
        unproved: report.unproved.clone(),
        role: report.role.name(),
        by: report.by.map(Role::name),
        token: named(&report.selector, &report.identity),
        tries: Tries(report.retries, report.identity.application),
        tries_at_least: report.at_least,
        generated: Values(&report.generated),
        plan,
    };
    line(&done)
}

/// The response to a challenge, plain and in checked groups.
pub fn response(response: &Block) -> Zeroizing<Vec<u8>> {
    line(&Responded { schema: SCHEMA, command: "respond", response: response.to_string(), groups: response.groups() })
}

/// One line of JSON, wiped when dropped, since it may hold a value that was generated.
///
/// What serde_json leaves as it is and a terminal would obey (C1 controls, DEL, marks that turn the line around) stands escaped.
pub fn line(object: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // A report is far smaller than this and leaves no copy; a listing, which holds no secret, may grow.
    let mut plain = Zeroizing::new(Vec::with_capacity(16 * 1024));
    // Nothing here has a key that is no string, which is all that could fail.
    if serde_json::to_writer(&mut *plain, object).is_err() {
        return plain;
    }
    // Room enough that the buffer does not grow and leave a copy behind: an escaped character takes at most 12 bytes of 2.
    let mut line = Zeroizing::new(Vec::with_capacity(plain.len() * 6 + 1));
    for character in String::from_utf8_lossy(&plain).chars() {
        let is_plain = character.is_ascii_graphic() || character == ' ' || character.escape_debug().count() == 1;
        let mut units = [0; 2];
        match is_plain {
            true => line.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            false => character
                .encode_utf16(&mut units)
                .iter()
                .for_each(|unit| line.extend_from_slice(format!("\\u{unit:04x}").as_bytes())),
        }
    }
    line.push(b'\n');
    line
}

/// Why a command failed.
pub fn failure(command: Option<&str>, failure: &Failure) -> Zeroizing<Vec<u8>> {
    line(&Failed { schema: SCHEMA, command, error: error(failure) })
}

/// The failure itself.
pub fn error(failure: &Failure) -> ErrorObject<'_> {
    let Failure { error, token, hint, done, generated, .. } = failure;
    let candidates = match error {
        Error::AmbiguousToken { candidates, .. } => candidates.as_slice(),
        _ => &[],
    };
    ErrorObject {
        kind: error.kind(),
        exit_code: error.exit_code(),
        role: error.role().map(|role| role.name()),
        tries_left: error.tries_left(),
        message: failure.sentence(),
        hint: hint.as_ref().map(|hint| hint.text()),
        detail: error.detail(),
        token: token.as_deref().map(|selector| Selected { selector }),
        candidates,
        done: done.iter().map(|outcome| outcome.name()).collect(),
        holds: failure.holds.map(|(_, holds)| holds.name()),
        generated: (!generated.is_empty()).then_some(Values(generated)),
    }
}

fn token(listed: &Listed) -> TokenObject<'_> {
    let identity = &listed.identity;
    let (route, reader, slot, module) = match &identity.place {
        Place::Reader(reader) => ("pcsc", Some(reader.lossless()), None, None),
        Place::Slot { id, module } => ("pkcs11", None, Some(*id), Some(module.display().to_string())),
    };
    TokenObject {
        selector: &listed.selector,
        application: identity.application.name(),
        serial: text(identity.serial.as_ref()),
        label: text(identity.label.as_ref()),
        manufacturer: text(identity.manufacturer.as_ref()),
        model: text(identity.model.as_ref()),
        route,
        reader,
        slot,
        module,
        references: listed
            .survey
            .as_ref()
            .map(|survey| survey.references.iter().map(|own| reference(own, identity.application)).collect()),
        can: listed.survey.as_ref().map(|survey| {
            let can = choices(survey).into_iter();
            can.map(|(able, reference)| Can {
                operation: able.verb.name(),
                by: able.by.map(|role| role.name()),
                reference,
            })
            .collect()
        }),
        notes: listed.survey.as_ref().map(|survey| survey.notes.clone()).filter(|notes| !notes.is_empty()),
    }
}

fn reference(reference: &Reference, application: Application) -> ReferenceObject {
    let Length { min, max, unit } = reference.length;
    ReferenceObject {
        role: reference.role.name(),
        name: reference.name,
        key_reference: reference.key_reference.map(|value| format!("{value:02X}")),
        state: reference.state.name(),
        tries: Tries(reference.retries, application),
        default: reference.default,
        temporary: None,
        expires: None,
        length: LengthObject { min, max, unit: unit.name() },
    }
}

fn plan_object<'a>(plan: &Plan, report: &'a Report) -> PlanObject<'a> {
    PlanObject {
        by: plan.by.map(Role::name),
        needs: plan.needs().into_iter().map(|need| need.option()).collect(),
        costs: &report.costs,
        steps: &report.commands,
    }
}

/// A token, by its selector and by what it says of itself.
pub fn named<'a>(selector: &'a str, identity: &Identity) -> Named<'a> {
    Named {
        selector,
        application: identity.application.name(),
        serial: text(identity.serial.as_ref()),
        label: text(identity.label.as_ref()),
    }
}

fn text(text: Option<&Text>) -> Option<String> {
    text.map(Text::lossless)
}
