//! What many people take: a list that is compiled in, whose head names its source and licence, and the site's own.

use std::{collections::BTreeSet, sync::LazyLock};

static COMMON: LazyLock<BTreeSet<&[u8]>> =
    LazyLock::new(|| entries(include_str!("common.txt")).map(str::as_bytes).collect());

/// Whether the value, in lower case, stands in the compiled list or in one of `lists`.
pub(super) fn holds(lists: &[&str], value: &[u8]) -> bool {
    let is_own = || lists.iter().any(|list| entries(list).any(|entry| entry.as_bytes().eq_ignore_ascii_case(value)));
    COMMON.contains(value) || is_own()
}

/// One a line, without what is blank round it; a line that begins with `#` is a comment.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}
