//! What a policy lays down, as text and as JSON.

use std::fmt::Write;

use serde::Serialize;

use super::{
    Listed, Render,
    json::{Named, named},
};
use crate::{
    error::Result,
    policy::{Characters, Clause, Refused, Ruling},
    selector::quoted,
    token::Role,
};

/// What a policy lays down for each secret, and which value passed it.
#[derive(Debug)]
pub struct Laid {
    /// By secret; none where nothing is laid down for it, and several where some holds for some tokens only.
    pub rulings: Vec<(Role, Ruling)>,
    /// Whose value was given and passed, where one was.
    pub passed: Option<Role>,
    /// What is refused for it and could not be looked into.
    pub unchecked: Vec<Refused>,
    /// The token that was looked at, where one was named.
    pub token: Option<Listed>,
}

#[derive(Serialize)]
struct Object<'a> {
    schema: u8,
    command: &'static str,
    outcome: &'static str,
    role: Option<&'static str>,
    token: Option<Named<'a>>,
    unchecked: Vec<&'static str>,
    rulings: Vec<RulingObject>,
}

/// Of each key what holds, and null where no clause sets it.
#[derive(Serialize)]
struct RulingObject {
    role: &'static str,
    min: Option<usize>,
    max: Option<usize>,
    characters: Option<&'static str>,
    refuse: Option<Vec<&'static str>>,
    common_pins: Vec<String>,
    authorities: Option<Vec<&'static str>>,
    allow_last_try: Option<bool>,
    generate: GeneratorObject,
    clauses: Vec<ClauseObject>,
}

#[derive(Serialize)]
struct GeneratorObject {
    length: Option<usize>,
    characters: Option<&'static str>,
}

/// Where it is laid down, and for which tokens.
#[derive(Serialize)]
struct ClauseObject {
    file: String,
    line: usize,
    application: Option<String>,
    serial: Option<String>,
    label: Option<String>,
    manufacturer: Option<String>,
}

impl Render {
    /// What a policy lays down, and that a value passed it.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] where standard output does not take it.
    pub fn policy(self, laid: &Laid) -> Result<()> {
        if self.json {
            return self.data(&super::json::line(&object(laid)));
        }
        self.data(text(laid).as_bytes())?;
        if let (Some(role), false) = (laid.passed, self.quiet) {
            super::talk(format_args!("{}", verdict(role, laid)));
        }
        Ok(())
    }
}

/// What is said of a value that passed, and of how much of the policy that is true.
fn verdict(role: Role, laid: &Laid) -> String {
    if laid.rulings.iter().all(|(of, _)| *of != role) {
        return format!("no policy is laid down for the {role}");
    }
    let unchecked: Vec<&str> = laid.unchecked.iter().map(|refused| refused.name()).collect();
    match unchecked.as_slice() {
        [] => format!("this {role} passes the policy"),
        rules => format!("this {role} passes the policy as far as it was looked into, without {}", rules.join(", ")),
    }
}

fn object(laid: &Laid) -> Object<'_> {
    Object {
        schema: super::json::SCHEMA,
        command: "policy check",
        outcome: if laid.passed.is_some() { "passed" } else { "checked" },
        role: laid.passed.map(Role::name),
        token: laid.token.as_ref().map(|token| named(&token.selector, &token.identity)),
        unchecked: laid.unchecked.iter().map(|refused| refused.name()).collect(),
        rulings: laid.rulings.iter().map(|(role, own)| ruling(*role, own)).collect(),
    }
}

fn ruling(role: Role, ruling: &Ruling) -> RulingObject {
    let (demands, generator) = (ruling.demands(), ruling.generator());
    RulingObject {
        role: role.name(),
        min: demands.min,
        max: demands.max,
        characters: demands.characters.map(word),
        refuse: demands.refuse.map(|all| all.into_iter().map(|refused| refused.name()).collect()),
        common_pins: ruling.lists().map(|(path, _)| path.display().to_string()).collect(),
        authorities: ruling.authorities().map(|all| all.into_iter().map(Role::name).collect()),
        allow_last_try: ruling.allows_last_try(),
        generate: GeneratorObject { length: generator.length, characters: generator.characters.map(word) },
        clauses: ruling.clauses().iter().map(clause).collect(),
    }
}

fn clause(clause: &Clause) -> ClauseObject {
    let pattern = |wanted: &str| {
        let own = clause.scope.patterns().find(|(key, _)| *key == wanted);
        own.map(|(_, pattern)| pattern.to_string())
    };
    ClauseObject {
        file: clause.origin.file.to_string(),
        line: clause.origin.line,
        application: pattern("application"),
        serial: pattern("serial"),
        label: pattern("label"),
        manufacturer: pattern("manufacturer"),
    }
}

/// The word of the configuration.
fn word(characters: Characters) -> &'static str {
    match characters {
        Characters::Digits => "digits",
        Characters::Letters => "letters",
        Characters::LettersAndDigits => "letters-and-digits",
        Characters::Printable => "printable",
        Characters::Nothing => "none",
    }
}

/// A paragraph a secret: what holds of each key, a line each, and where it is laid down.
fn text(laid: &Laid) -> String {
    if laid.rulings.is_empty() {
        return "no policy: nothing is refused but what the token itself does not take\n".into();
    }
    let head = laid.token.iter().map(|token| format!("for {}\n\n", quoted(&token.selector))).collect::<String>();
    let paragraphs: Vec<String> = laid.rulings.iter().map(|(role, ruling)| paragraph(*role, ruling)).collect();
    head + &paragraphs.join("\n")
}

fn paragraph(role: Role, own: &Ruling) -> String {
    let mut text = format!("{}\n", role.name());
    let mut say = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {key:<14}  {value}");
        }
    };
    let told = ruling(role, own);
    let list = |all: Vec<&str>| if all.is_empty() { "nobody".into() } else { all.join(", ") };
    say("min", told.min.map(|min| min.to_string()));
    say("max", told.max.map(|max| max.to_string()));
    say("characters", told.characters.map(str::to_owned));
    say("refuse", told.refuse.map(|all| if all.is_empty() { "nothing".into() } else { all.join(", ") }));
    told.common_pins.iter().for_each(|path| say("common-pins", Some(path.escape_debug().to_string())));
    say("authorities", told.authorities.map(list));
    say("allow-last-try", told.allow_last_try.map(|allowed| allowed.to_string()));
    let made = [told.generate.length.map(|length| length.to_string()), told.generate.characters.map(str::to_owned)];
    let made: Vec<String> = made.into_iter().flatten().collect();
    say("generate", (!made.is_empty()).then(|| made.join(" ")));
    for clause in own.clauses() {
        let patterns: Vec<String> =
            clause.scope.patterns().map(|(key, pattern)| format!("{key} = {:?}", pattern.to_string())).collect();
        let meant = if patterns.is_empty() { "every token".into() } else { patterns.join(", ") };
        say("from", Some(format!("{}: {meant}", clause.origin)));
    }
    text
}
