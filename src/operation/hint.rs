//! What a person can do next: a command that can be pasted, or a sentence.

use std::{borrow::Cow, path::Path, path::PathBuf};

use crate::token::{Ability, Role, Survey, Text, Verb};

/// The command that puts a token back from its copy.
const RESTORE: &str = "pukka token restore ";
/// The command that shows what a policy lays down.
pub const CHECK: &str = "pukka policy check";

/// What a person can do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A command that can be pasted.
    Command(String),
    /// A command that can be pasted, by which everything on the token is lost.
    LastResort(String),
    /// A sentence, where no command helps.
    Advice(String),
}

impl Hint {
    /// What is said: a command alone, so that it can be pasted, but for one that destroys.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Command(text) | Self::Advice(text) => text.into(),
            Self::LastResort(command) => {
                format!("nothing else is left than this, by which everything on the token is lost: {command}").into()
            }
        }
    }

    /// The same, with more words behind its command.
    #[must_use]
    pub fn and(self, words: &str) -> Self {
        match self {
            Self::Command(command) => Self::Command(command + words),
            Self::LastResort(command) => Self::LastResort(command + words),
            Self::Advice(_) => self,
        }
    }

    /// What puts a token back from its copy: named by its serial, or by `selector` where that is empty, shared, or no plain word.
    pub fn restore(serial: Option<&Text>, selector: &str) -> Self {
        let is_plain = |serial: &&str| serial.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let serial = serial.and_then(|serial| std::str::from_utf8(serial.bytes()).ok()).filter(is_plain);
        Self::Command(match serial {
            Some(serial) => format!("{RESTORE}{serial}"),
            None => format!("{RESTORE}'{selector}'"),
        })
    }

    /// The same, with the modules that the call named, where it is for a token behind one.
    #[must_use]
    pub fn with_modules(self, modules: &[PathBuf]) -> Self {
        let named: String = modules.iter().map(|module| format!(" --module {}", quoted(module))).collect();
        if self.names("'pkcs11:") || self.names(RESTORE) { self.and(&named) } else { self }
    }

    /// The same, with the profile that the call named, where it is for a card of that.
    #[must_use]
    pub fn with_profile(self, application: &str, file: &Path) -> Self {
        if self.names(&format!("application={application}'")) {
            self.and(&format!(" --profile {}", quoted(file)))
        } else {
            self
        }
    }

    /// The same, with the configuration that the call named, where it shows what that lays down.
    #[must_use]
    pub fn with_config(self, file: Option<&Path>) -> Self {
        match file.filter(|_| self.names(CHECK)) {
            Some(file) => self.and(&format!(" --config {}", quoted(file))),
            None => self,
        }
    }

    fn names(&self, part: &str) -> bool {
        match self {
            Self::Command(command) | Self::LastResort(command) => command.contains(part),
            Self::Advice(_) => false,
        }
    }
}

/// The command of `verb` for the token that `selector` names, quoted for a shell.
pub fn command(verb: Verb, selector: &str) -> String {
    format!("pukka {verb} --token '{selector}'")
}

/// The command of an ability, with the words without which it would do another thing, or nothing: by whose authority, where
/// this kind of token knows several, and a label, where it takes none but a new one.
pub fn call(able: &Ability, survey: &Survey, selector: &str) -> String {
    let several = survey.abilities.iter().filter(|own| own.verb == able.verb && own.by.is_some()).count() > 1;
    let takes_by = matches!(able.verb, Verb::PinReset | Verb::PinUnblock);
    let by = able.by.filter(|_| several && takes_by).map(|by| format!(" --by {}", by.name()));
    let needs_label = survey.identity.blank && survey.init_rules.is_some_and(|rules| rules.needs_label);
    let label = (able.verb == Verb::TokenInit && needs_label).then_some(" --label NAME");
    command(able.verb, selector) + by.as_deref().or(label).unwrap_or_default()
}

/// The order in which authorities are offered: what the holder has himself comes before what an administrator has.
pub fn distance(by: Option<Role>) -> usize {
    const NEAREST: [Role; 6] = [Role::UserPin, Role::ResetCode, Role::Puk, Role::Response, Role::SoPin, Role::AdminKey];
    by.and_then(|by| NEAREST.iter().position(|role| *role == by)).unwrap_or_default()
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
