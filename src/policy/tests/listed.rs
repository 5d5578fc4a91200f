//! The values that were written by hand, each with the rules that refuse it and why.

use super::*;
use crate::{error::Error, token::Role};

const PINS: &str = include_str!("pins.txt");

/// Value, names of the rules that refuse it, reason.
fn listed() -> Vec<(&'static str, Vec<&'static str>, &'static str)> {
    let lines = PINS.lines().filter(|line| !line.starts_with("# ") && *line != "#");
    lines
        .map(|line| {
            let parts: Vec<&str> = line.split('\t').collect();
            let [value, rules, reason] = parts[..] else { panic!("not three parts: {line}") };
            (value, rules.split(' ').filter(|rule| *rule != "ok").collect(), reason)
        })
        .collect()
}

fn strict() -> Demands {
    Demands { min: Some(4), max: Some(12), characters: Some(Characters::Printable), ..refusing(Refused::ALL) }
}

/// What the head of the list says of the token.
fn with_the_token<T>(work: impl FnOnce(&Beside<'_>) -> T) -> T {
    let (old, puk) = (pin("602417"), pin("84712059"));
    work(&Beside {
        old: Some(&old),
        others: vec![(Role::Puk, &puk)],
        serial: Some("10482957"),
        label: Some("Maria Anders"),
        lists: Vec::new(),
    })
}

#[test]
fn every_listed_value_is_refused_by_the_rules_beside_it_and_by_no_other() {
    let wrong: Vec<String> = with_the_token(|beside| {
        let found = listed().into_iter().filter_map(|(value, expected, reason)| {
            let mut broken: Vec<&str> = strict().broken(&pin(value), beside).iter().map(|rule| rule.name()).collect();
            let mut expected = expected;
            broken.sort_unstable();
            expected.sort_unstable();
            (broken != expected).then(|| format!("{value}: {broken:?}, not {expected:?} ({reason})"))
        });
        found.collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_is_as_long_as_promised_and_says_everything_once() {
    let listed = listed();
    let passing = listed.iter().filter(|(_, rules, _)| rules.is_empty()).count();
    assert!(listed.len() >= 200 && passing >= 80 && listed.len() - passing >= 80, "{passing} of {}", listed.len());
    let values: std::collections::BTreeSet<_> = listed.iter().map(|(value, ..)| value).collect();
    assert_eq!(values.len(), listed.len());
    let rules: std::collections::BTreeSet<_> = listed.iter().flat_map(|(_, rules, _)| rules).collect();
    assert_eq!(rules.len(), Refused::ALL.len() + 3, "a rule that refuses no listed value: {rules:?}");
}

#[test]
fn a_refusal_names_its_rule_in_one_sentence_and_repeats_nothing_of_the_value() {
    with_the_token(|beside| {
        for (value, rules, _) in listed() {
            let checked = strict().check(Role::UserPin, &pin(value), beside);
            let Err(error) = checked else {
                assert!(rules.is_empty(), "{value} passed");
                continue;
            };
            assert!(rules.iter().any(|rule| error.detail() == Some(&format!("rule {rule}"))), "{value}: {error:?}");
            assert_eq!((error.kind(), error.exit_code()), ("policy", 6));
            let sentence = error.to_string();
            assert!(sentence.starts_with("the new PIN ") && sentence.contains("policy"), "{sentence}");
            assert!(!sentence.ends_with('.') && !sentence.contains(". "), "{sentence}");
            // A piece of four characters that stood in the sentence would have to be a word of the sentence.
            assert!(value.len() < 4 || !sentence.contains(value), "{sentence}");
        }
    });
}

#[test]
fn each_rule_has_a_sentence_of_its_own() {
    let said = |value: &str| {
        with_the_token(|beside| match strict().check(Role::UserPin, &pin(value), beside) {
            Err(Error::AgainstPolicy { why, .. }) => why,
            other => panic!("{value}: {other:?}"),
        })
    };
    for (value, sentence) in [
        ("890123", "the new PIN is for the most part a sequence, which the policy refuses"),
        ("729729", "the new PIN repeats itself, which the policy refuses"),
        ("147369", "the new PIN is for the most part keys that stand beside each other, which the policy refuses"),
        ("010285", "the new PIN is a date or a year, which the policy refuses"),
        ("trustno1", "the new PIN is a common one, which the policy refuses"),
        ("602417", "the new PIN is the old one, which the policy refuses"),
        ("84712059", "the new PIN is also the PUK, which the policy refuses"),
        ("482957", "the new PIN has too much of the token's number in it, which the policy refuses"),
        ("maria7", "the new PIN has too much of the token's label in it, which the policy refuses"),
        ("907", "the new PIN is too short: the policy asks for at least 4 characters"),
        ("0391748265203", "the new PIN is too long: the policy allows at most 12 characters"),
        (
            "480❤713",
            "the new PIN holds a character that the policy does not allow: it allows printable ASCII characters only",
        ),
    ] {
        assert_eq!(said(value), sentence);
    }
}
