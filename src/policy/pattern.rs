//! Patterns of names: `*` stands for any characters, `?` for one.
//!
//! Crates that match such patterns do not tell whether two of them can ever match the same name, which decides whether one
//! rule could loosen another.

use std::fmt;

/// A pattern of a serial number, a label, a manufacturer or an application. It is the whole name that has to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Exactly(char),
}

impl Pattern {
    /// The pattern that is written as `text`.
    pub fn new(text: &str) -> Self {
        let part = |character| match character {
            '*' => Part::Any,
            '?' => Part::One,
            other => Part::Exactly(other),
        };
        Self { text: text.to_owned(), parts: text.chars().map(part).collect() }
    }

    /// Whether `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        meet(&self.parts, &name.chars().map(Part::Exactly).collect::<Vec<_>>())
    }

    /// Whether `name` matches and no other.
    pub fn is_exactly(&self, name: &str) -> bool {
        self.parts.iter().copied().eq(name.chars().map(Part::Exactly))
    }

    /// Whether some name matches both.
    pub fn meets(&self, other: &Self) -> bool {
        meet(&self.parts, &other.parts)
    }
}

/// As it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Whether some name matches both: `reached` tells, for what has been read of `left`, up to where `right` may have been read.
fn meet(left: &[Part], right: &[Part]) -> bool {
    let mut reached = vec![false; right.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    spread(&mut reached, right, false);
    for part in left {
        let mut next = vec![false; right.len() + 1];
        if *part == Part::Any {
            next.clone_from(&reached);
        } else {
            for (at, other) in right.iter().enumerate().filter(|(at, _)| reached.get(*at) == Some(&true)) {
                // An asterisk takes the character and stays.
                let (to, takes) = match (other, part) {
                    (Part::Any, _) => (at, true),
                    (Part::Exactly(theirs), Part::Exactly(ours)) => (at + 1, theirs == ours),
                    _ => (at + 1, true),
                };
                if let (Some(place), true) = (next.get_mut(to), takes) {
                    *place = true;
                }
            }
        }
        reached = next;
        spread(&mut reached, right, *part == Part::Any);
    }
    reached.last() == Some(&true)
}

/// Goes on without a character of `left`: over an asterisk of `right`, and over anything where `left` stands at one of its own.
fn spread(reached: &mut [bool], right: &[Part], over_all: bool) {
    for (at, part) in right.iter().enumerate() {
        let from = reached.get(at) == Some(&true);
        if let (Some(next), true) = (reached.get_mut(at + 1), from && (over_all || *part == Part::Any)) {
            *next = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).matches(name)
    }

    #[test]
    fn an_asterisk_stands_for_any_characters_and_a_question_mark_for_one() {
        for (pattern, name) in [
            ("desk-*", "desk-7"),
            ("desk-*", "desk-"),
            ("*", ""),
            ("", ""),
            ("12?4", "1234"),
            ("*ü?k*", "xüykz"),
            ("a**b", "ab"),
            ("Yubico*", "Yubico (www.yubico.com)"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("desk-*", "Desk-7"), ("desk-*", "my desk-7"), ("desk", "desk-7"), ("12?4", "124"), ("?", ""), ("", "a")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn two_patterns_meet_where_some_name_matches_both() {
        let meet = |one: &str, other: &str| {
            let (one, other) = (Pattern::new(one), Pattern::new(other));
            assert_eq!(one.meets(&other), other.meets(&one), "{one} {other}");
            one.meets(&other)
        };
        for (one, other) in [("12*", "*34"), ("12*", "12"), ("a?c", "*b*"), ("*", "?"), ("a*b*c", "abc"), ("piv", "p*")]
        {
            assert!(meet(one, other), "{one} {other}");
        }
        for (one, other) in [("12*", "34*"), ("piv", "openpgp"), ("*1", "*2"), ("??", "?"), ("a*b", "a*c"), ("", "?*")]
        {
            assert!(!meet(one, other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn patterns_that_match_one_name_meet(one in "[ab*?]{0,6}", other in "[ab*?]{0,6}", name in "[ab]{0,6}") {
            let (one, other) = (Pattern::new(&one), Pattern::new(&other));
            prop_assert!(!(one.matches(&name) && other.matches(&name)) || one.meets(&other));
        }

        #[test]
        fn patterns_of_short_names_that_meet_match_one_of_all_names(one in "[ab?]{0,4}", other in "[ab?]{0,4}") {
            let (one, other) = (Pattern::new(&one), Pattern::new(&other));
            let names = (0..=4).flat_map(|length| (0..1_u32 << length).map(move |bits| (length, bits)));
            let mut names = names.map(|(length, bits)| {
                (0..length).map(|at| if bits >> at & 1 == 1 { 'a' } else { 'b' }).collect::<String>()
            });
            let is_met = names.any(|name| one.matches(&name) && other.matches(&name));
            prop_assert_eq!(one.meets(&other), is_met);
        }
    }
}
