//! What an examination found: one fact each, how it stands, and what cures it.

use crate::{error::Error, token::Text};

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// pukka's own configuration files.
    Configuration,
    /// Who may read and write configuration and state.
    Permissions,
    /// The smart-card service.
    Pcscd,
    /// A card reader.
    Reader,
    /// A card in a reader, and the applications on it.
    Card,
    /// An OpenPGP card that gets hashes in place of PINs.
    Kdf,
    /// A PKCS#11 module.
    Module,
    /// p11-kit's configuration.
    P11Kit,
    /// OpenSC's configuration.
    OpenSc,
    /// A lock on a token.
    Lock,
    /// A copy of a token's files, kept for the case of a crash.
    PreImage,
    /// A generated value that standard output did not take.
    Lost,
    /// The memory that holds secrets.
    Memory,
}

impl Check {
    /// The name in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Permissions => "permissions",
            Self::Pcscd => "pcscd",
            Self::Reader => "reader",
            Self::Card => "card",
            Self::Kdf => "kdf",
            Self::Module => "module",
            Self::P11Kit => "p11-kit",
            Self::OpenSc => "opensc",
            Self::Lock => "lock",
            Self::PreImage => "pre-image",
            Self::Lost => "lost",
            Self::Memory => "memory",
        }
    }
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// As it should.
    Ok,
    /// It works, and a person should know of it.
    Warning,
    /// It keeps something from working, or leaves it open to others.
    Problem,
    /// It could not be looked at.
    Unknown,
}

impl Condition {
    /// The name in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
        }
    }
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it stands.
    pub state: Condition,
    /// The fact in a sentence, safe for a terminal.
    pub what: String,
    /// What a person can do about it, where something can be done.
    pub cure: Option<String>,
    /// The status word, return value or error number behind it.
    pub detail: Option<String>,
    /// What scripts want to read without taking the sentence apart.
    pub values: Vec<(&'static str, Value)>,
}

/// A value of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A name, as it was given.
    Name(Text),
    /// Several.
    Names(Vec<Text>),
    /// How many.
    Count(usize),
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(check: Check, what: impl Into<String>) -> Self {
        Self::new(check, Condition::Ok, what)
    }

    /// Something that works, and that a person should know of.
    pub fn warning(check: Check, what: impl Into<String>) -> Self {
        Self::new(check, Condition::Warning, what)
    }

    /// Something that is wrong.
    pub fn problem(check: Check, what: impl Into<String>) -> Self {
        Self::new(check, Condition::Problem, what)
    }

    /// Something that could not be looked at.
    pub fn unknown(check: Check, what: impl Into<String>) -> Self {
        Self::new(check, Condition::Unknown, what)
    }

    /// A failure that a check met: that is what it was made to find. Only a bug leaves it undone.
    pub fn failure(check: Check, error: &Error) -> Self {
        let state = if matches!(error, Error::Internal(_)) { Condition::Unknown } else { Condition::Problem };
        let cure = match error {
            Error::Device { cure, .. } => cure.clone(),
            _ => None,
        };
        Self { cure, detail: error.detail().map(str::to_owned), ..Self::new(check, state, error.to_string()) }
    }

    /// The same with its cure.
    #[must_use]
    pub fn cure(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }

    /// The same with this cure where it has none of its own.
    #[must_use]
    pub fn or_cure(self, cure: &str) -> Self {
        Self { cure: self.cure.or_else(|| Some(cure.into())), ..self }
    }

    /// The same with the system's own words.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same with one value more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.values.push((name, value));
        self
    }

    /// The same with a name more, where there is one.
    #[must_use]
    pub fn name(self, name: &'static str, value: Option<&Text>) -> Self {
        match value {
            Some(value) => self.with(name, Value::Name(value.clone())),
            None => self,
        }
    }

    fn new(check: Check, state: Condition, what: impl Into<String>) -> Self {
        Self { check, state, what: what.into(), cure: None, detail: None, values: Vec::new() }
    }
}

/// What is left to say where checks could not be made: an examination is no answer to what it did not see.
///
/// # Errors
/// [`Error::Device`], with how many.
pub fn complete(findings: &[Finding]) -> Result<(), Error> {
    let unknown = findings.iter().filter(|finding| finding.state == Condition::Unknown).count();
    match unknown {
        0 => Ok(()),
        1 => Err(Error::device("one check could not be made", None)),
        several => Err(Error::device(format!("{several} checks could not be made"), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_that_was_found_is_an_answer_and_what_could_not_be_looked_at_is_none() {
        let problem = Finding::problem(Check::Pcscd, "it is not running");
        assert_eq!(complete(&[problem.clone(), Finding::warning(Check::Kdf, "on")]), Ok(()));
        let unknown = Finding::unknown(Check::P11Kit, "unreadable");
        let error = complete(&[problem, unknown]).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), ("device", 8));
    }
}
