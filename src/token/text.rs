//! Text that came from a token: kept as bytes, shown escaped.

use std::fmt;

/// A label, serial or name as the token gave it, without trailing blanks and NULs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(Vec<u8>);

impl Text {
    /// The bytes without trailing blanks and NULs; none where nothing is left. (Some modules fill up with NULs.)
    pub fn trimmed(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().rposition(|byte| *byte != b' ' && *byte != 0)?;
        bytes.get(..=end).map(|kept| Self(kept.to_vec()))
    }

    /// The bytes as they are.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text for JSON: characters as they are, since JSON escapes what a terminal would obey;
    /// bytes that are not UTF-8 as `\xNN`.
    pub fn lossless(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        for chunk in self.0.utf8_chunks() {
            text.push_str(chunk.valid());
            chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
        }
        text
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// Safe for a terminal: what it would not print plainly (controls, escapes, marks that turn the line around) stands escaped.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::with_capacity(self.0.len());
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\'' | '"' => shown.push(character),
                    other => shown.extend(other.escape_debug()),
                }
            }
            chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02X}")));
        }
        f.pad(&shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        Text::trimmed(bytes).unwrap().to_string()
    }

    #[test]
    fn blanks_and_nuls_at_the_end_are_no_part_of_a_label() {
        assert_eq!(shown(b"desk 7   \0\0 "), "desk 7");
        assert_eq!(Text::trimmed(b"  \0 "), None);
    }

    #[test]
    fn a_terminal_sees_no_escape_and_no_turned_line() {
        assert_eq!(shown(b"a\x1b[2Jb\x07"), "a\\u{1b}[2Jb\\u{7}");
        assert_eq!(shown("a\u{202e}b\u{9b}c".as_bytes()), "a\\u{202e}b\\u{9b}c");
    }

    #[test]
    fn broken_utf_8_and_a_backslash_cannot_be_mistaken_for_each_other() {
        assert_eq!(shown(b"a\xFFb"), "a\\xFFb");
        assert_eq!(shown(b"a\\xFFb"), "a\\\\xFFb");
    }

    #[test]
    fn letters_of_any_language_stay() {
        assert_eq!(shown("Zoë's \"Schlüssel\" 鍵".as_bytes()), "Zoë's \"Schlüssel\" 鍵");
    }
}
