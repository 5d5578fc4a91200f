//! `[[policy]]` as it stands in a file: every key with its line.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    policy::{Characters, Clause, Demands, Generator, Origin, Pattern, Refused, Scope},
    secret::Pin,
    token::Role,
};

/// The table. Whoever adds a key says in `loosens` of [`Clause`] what is looser.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Table {
    application: Option<Spanned<String>>,
    serial: Option<String>,
    label: Option<String>,
    manufacturer: Option<String>,
    roles: Option<Spanned<Vec<Whose>>>,
    min: Option<Spanned<usize>>,
    max: Option<Spanned<usize>>,
    characters: Option<Spanned<Characters>>,
    refuse: Option<Spanned<BTreeSet<Refused>>>,
    common_pins: Option<Spanned<PathBuf>>,
    authorities: Option<Spanned<Vec<Authority>>>,
    allow_last_try: Option<Spanned<bool>>,
    generate: Option<Generate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generate {
    length: Option<Spanned<usize>>,
    characters: Option<Spanned<Characters>>,
}

/// Whose secret: an admin key is nothing that a person chooses.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Whose {
    UserPin,
    Puk,
    #[serde(alias = "admin-pin")]
    SoPin,
    ResetCode,
}

/// By whose authority, as `--by` names it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Authority {
    Puk,
    #[serde(alias = "admin-pin")]
    SoPin,
    #[serde(alias = "management-key")]
    AdminKey,
    ResetCode,
    Challenge,
}

/// What is wrong with a table that could be read, and where it begins in the text.
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) why: String,
}

/// The clause that a table lays down; `line` tells in which line of the file an offset lies.
pub(super) fn clause(table: Spanned<Table>, file: &Arc<str>, line: impl Fn(usize) -> usize) -> Result<Clause, Wrong> {
    let start = table.span().start;
    let table = table.into_inner();
    let mut keys = Keys::default();
    let generate = table.generate.unwrap_or(Generate { length: None, characters: None });
    let demands = Demands {
        min: keys.take("min", table.min),
        max: keys.take("max", table.max),
        characters: keys.take("characters", table.characters),
        refuse: keys.take("refuse", table.refuse),
    };
    let roles = keys.take("roles", table.roles).map(|roles| roles.into_iter().map(Role::from).collect());
    let authorities = keys.take("authorities", table.authorities);
    let clause = Clause {
        origin: Origin { file: Arc::clone(file), line: line(start) },
        scope: Scope {
            application: keys.take("application", table.application).as_deref().map(Pattern::new),
            serial: table.serial.as_deref().map(Pattern::new),
            label: table.label.as_deref().map(Pattern::new),
            manufacturer: table.manufacturer.as_deref().map(Pattern::new),
        },
        roles: roles.unwrap_or_else(|| [Role::UserPin].into()),
        demands,
        common_pins: keys.take("common-pins", table.common_pins),
        authorities: authorities.map(|all| all.into_iter().map(Role::from).collect()),
        allow_last_try: keys.take("allow-last-try", table.allow_last_try),
        generate: Generator {
            length: keys.take("generate.length", generate.length),
            characters: keys.take("generate.characters", generate.characters),
        },
        lines: keys.0.iter().map(|(key, at)| (*key, line(*at))).collect(),
    };
    match wrong(&clause) {
        Some((key, why)) => Err(Wrong { at: keys.0.get(key).copied().unwrap_or(start), why }),
        None => Ok(clause),
    }
}

/// Where each key that is set stands in the text.
#[derive(Default)]
struct Keys(BTreeMap<&'static str, usize>);

impl Keys {
    fn take<T>(&mut self, key: &'static str, value: Option<Spanned<T>>) -> Option<T> {
        let value = value?;
        self.0.insert(key, value.span().start);
        Some(value.into_inner())
    }
}

/// What cannot be meant, and the key that says so.
fn wrong(clause: &Clause) -> Option<(&'static str, String)> {
    let Clause { demands, roles, common_pins, authorities, generate, .. } = clause;
    let knows_authorities = roles.contains(&Role::UserPin) || roles.contains(&Role::ResetCode);
    let made = generate
        .length
        .filter(|length| demands.min.is_some_and(|min| *length < min) || demands.max.is_some_and(|max| *length > max));
    match () {
        () if roles.is_empty() => Some(("roles", "roles is empty, so that this policy is for nothing".into())),
        () if demands.min.zip(demands.max).is_some_and(|(min, max)| min > max) => {
            Some(("min", "min is more than max".into()))
        }
        () if common_pins.as_ref().is_some_and(|path| !path.is_absolute()) => {
            Some(("common-pins", "common-pins takes the whole path of a file, from the root on".into()))
        }
        () if authorities.is_some() && !knows_authorities => {
            Some(("authorities", "authorities is for user-pin and reset-code: nothing resets the others".into()))
        }
        () if generate.length.is_some_and(|length| length == 0 || length > Pin::MOST) => {
            Some(("generate.length", format!("generate.length is from 1 to {}", Pin::MOST)))
        }
        () if made.is_some() => {
            Some(("generate.length", "generate.length is not within the min and max of this policy".into()))
        }
        () if demands
            .characters
            .zip(generate.characters)
            .is_some_and(|(one, other)| one.and(other) == Characters::Nothing) =>
        {
            Some(("generate.characters", "generate.characters are none that characters allows".into()))
        }
        () => None,
    }
}

impl From<Whose> for Role {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::UserPin => Self::UserPin,
            Whose::Puk => Self::Puk,
            Whose::SoPin => Self::SoPin,
            Whose::ResetCode => Self::ResetCode,
        }
    }
}

impl From<Authority> for Role {
    fn from(authority: Authority) -> Self {
        match authority {
            Authority::Puk => Self::Puk,
            Authority::SoPin => Self::SoPin,
            Authority::AdminKey => Self::AdminKey,
            Authority::ResetCode => Self::ResetCode,
            Authority::Challenge => Self::Response,
        }
    }
}
