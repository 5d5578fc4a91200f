//! What is wrong with a profile, and in which line and column it stands.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::{error::Error, token::Text};

/// One step on the way to a value of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a table.
    Key(&'a str),
    /// Into an array.
    Index(usize),
}

/// What is wrong with a profile that could be read, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault<'a> {
    /// The way to the value; to the table around it where the value is the one that is missing.
    pub way: Vec<Step<'a>>,
    /// The sentence.
    pub why: String,
}

impl Fault<'_> {
    /// The error, with the place in `text`.
    pub fn at(&self, text: &str, shown: &str) -> Error {
        let start = DeTable::parse(text)
            .ok()
            .and_then(|table| find(&DeValue::Table(table.into_inner()), &self.way))
            .map_or(0, |span| span.start);
        placed(shown, text, start, &self.why)
    }
}

/// The error that the parser of TOML reports.
pub fn of_toml(error: &toml::de::Error, text: &str, shown: &str) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    placed(shown, text, start, error.message())
}

/// What stands in the file is shown escaped: it may come from anywhere.
fn placed(shown: &str, text: &str, start: usize, why: &str) -> Error {
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::Usage(format!("{shown}, line {line}, column {column}: {}", Text::from(why)))
}

/// Where a value stands: as far along the way as there is one.
fn find(value: &DeValue<'_>, way: &[Step<'_>]) -> Option<Range<usize>> {
    let (step, deeper) = way.split_first()?;
    let inner = match (value, step) {
        (DeValue::Table(table), Step::Key(key)) => table.get(*key)?,
        (DeValue::Array(array), Step::Index(index)) => array.get(*index)?,
        _ => return None,
    };
    find(inner.get_ref(), deeper).or_else(|| Some(inner.span()))
}
