//! The form of p11-kit's files: `name: value`, a line each.

use std::collections::BTreeMap;

/// What a file sets.
pub type Fields = BTreeMap<String, String>;

/// Reads a file; else the number of the line that is none, and why.
pub fn parse(text: &str) -> Result<Fields, (usize, &'static str)> {
    let mut fields = Fields::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            return Err((index + 1, "it opens a section, where none may stand"));
        }
        let (name, value) = line.split_once(':').ok_or((index + 1, "it is no `name: value`"))?;
        // Of two lines with one name the last counts.
        fields.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(fields)
}
