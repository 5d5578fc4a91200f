//! What there is to show: a listing, what an operation did, or why it failed.

use std::path::{Path, PathBuf};

use crate::{
    error::{Error, Instead},
    input::Generated,
    operation::{Hint, Outcome, Plan, advise, command},
    policy::Facts,
    token::{Holds, Identity, Retries, Role, Survey, Verb},
};

/// One token of a listing.
#[derive(Debug)]
pub struct Listed {
    /// The selector that names it.
    pub selector: String,
    /// Who it is.
    pub identity: Identity,
    /// What was read of it, where that was asked for.
    pub survey: Option<Survey>,
    /// What a policy goes by, where it was surveyed.
    pub facts: Option<Facts>,
    /// Why no new PIN can meet the policy, where none can.
    pub unmet: Option<Error>,
}

/// A listing, and what hindered it.
#[derive(Debug, Default)]
pub struct Listing {
    /// The tokens.
    pub tokens: Vec<Listed>,
    /// What could not be looked at, and why.
    pub problems: Vec<Error>,
    /// The tokens that a cut-off write took away, with what puts each back.
    pub lost: Vec<(Identity, Hint)>,
    /// What there is instead of a card that is known.
    pub instead: Option<Instead>,
}

impl Listing {
    /// What there is instead of a token, where none is listed.
    pub fn instead(&self) -> Option<&str> {
        let seen = self.instead.as_ref().map(|instead| instead.what.as_str());
        self.tokens.is_empty().then(|| seen.unwrap_or("no module shows a token"))
    }

    /// What a person can do where no token is listed.
    pub fn cure(&self) -> Option<&str> {
        self.instead.as_ref().filter(|_| self.tokens.is_empty())?.cure.as_deref()
    }
}

/// What was done, for the report.
#[derive(Debug)]
pub struct Report {
    /// The verb.
    pub verb: Verb,
    /// What it did; none for a plan that was only made.
    pub outcome: Option<Outcome>,
    /// Whether every effect was proved.
    pub confirmed: bool,
    /// Why one was not, in words.
    pub unproved: Vec<&'static str>,
    /// Whose secret it was about.
    pub role: Role,
    /// What the token calls it.
    pub called: &'static str,
    /// By whose authority, where it took one.
    pub by: Option<Role>,
    /// What the token calls that.
    pub by_called: Option<&'static str>,
    /// Who the token is.
    pub identity: Identity,
    /// What names it.
    pub selector: String,
    /// What is left of the tries now.
    pub retries: Retries,
    /// The tries that are left at the least, where the limit is not known.
    pub at_least: Option<u8>,
    /// What was generated.
    pub generated: Vec<Generated>,
    /// The commands that the plan takes.
    pub commands: Vec<String>,
    /// What the plan may cost.
    pub costs: Vec<String>,
    /// The plan, where it was only made.
    pub plan: Option<Plan>,
    /// Whether the token began without a user PIN, which is still to be set.
    pub lacks_pin: bool,
}

impl Report {
    /// What a person should know of the token as it is now.
    pub fn next(&self, modules: &[PathBuf]) -> Option<String> {
        let set = Hint::Command(command(Verb::PinSet, &self.selector)).with_modules(modules);
        self.lacks_pin.then(|| format!("the PIN is not set yet: {}", set.text()))
    }
}

/// Why it was not done, with what is known of the token.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// What names the token.
    pub token: Option<String>,
    /// What the token calls whose secret it was about.
    pub called: Option<&'static str>,
    /// What a person can do next.
    pub hint: Option<Hint>,
    /// What was done before it went wrong.
    pub done: Vec<Outcome>,
    /// What was generated and may be in force: nobody else knows it.
    pub generated: Vec<Generated>,
    /// Which value holds after a write that nobody is sure of, where that was looked into, and what the token calls that secret.
    pub holds: Option<(&'static str, Holds)>,
}

impl Failure {
    /// Which value holds, in a sentence.
    pub fn diagnosis(&self) -> Option<String> {
        let (called, holds) = self.holds?;
        Some(match holds {
            Holds::Old => format!("the old {called} still holds"),
            Holds::New => format!("the new {called} holds from now on"),
            Holds::Unknown => format!("which {called} holds now, the old one or the new one, is not known"),
        })
    }

    /// The same, with a hint that names the modules that the call named.
    pub fn with_modules(self, modules: &[PathBuf]) -> Self {
        Self { hint: self.hint.map(|hint| hint.with_modules(modules)), ..self }
    }

    /// The same, with a hint that names the configuration that the call named, where the hint shows a policy.
    #[must_use]
    pub fn with_config(self, file: Option<&Path>) -> Self {
        Self { hint: self.hint.map(|hint| hint.with_config(file)), ..self }
    }

    /// The same, with a hint that names the profile that the call named, where the hint is for a card of that.
    pub fn with_profile(self, application: &str, file: &Path) -> Self {
        Self { hint: self.hint.map(|hint| hint.with_profile(application, file)), ..self }
    }

    /// What went wrong, in the words of the token.
    pub fn sentence(&self) -> String {
        self.called.map_or_else(|| self.error.to_string(), |called| self.error.sentence(called))
    }

    /// A failure that belongs to no token.
    pub fn bare(error: Error) -> Self {
        let hint = advise(&error);
        Self { error, token: None, called: None, hint, done: Vec::new(), generated: Vec::new(), holds: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::bare(error)
    }
}
