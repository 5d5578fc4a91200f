//! What many people take: a list that is compiled in, whose head names its source and licence, and the site's own.

use std::{
    collections::{BTreeSet, HashSet},
    sync::LazyLock,
};

static COMMON: LazyLock<BTreeSet<&[u8]>> =
    LazyLock::new(|| entries(include_str!("common.txt")).map(str::as_bytes).collect());

/// A site's own list of common values, in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Common(HashSet<Box<[u8]>>);

impl Common {
    /// Of a text with one a line, whatever its case and what is blank round it; a line that begins with `#` is a comment. A mark of
    /// the byte order at its start, as some editors put one, is no part of the first.
    pub fn of(text: &str) -> Self {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        Self(entries(text).map(|entry| entry.to_ascii_lowercase().into_bytes().into()).collect())
    }
}

/// Whether the value, in lower case, stands in the compiled list or in one of `lists`.
pub(super) fn holds(lists: &[&Common], value: &[u8]) -> bool {
    COMMON.contains(value) || lists.iter().any(|list| list.0.contains(value))
}

/// One a line, without what is blank round it; a line that begins with `#` is a comment.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}
