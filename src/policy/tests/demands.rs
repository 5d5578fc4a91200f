//! Which of two demands holds, and what is said of them.

use proptest::prelude::*;

use super::*;
use crate::token::{Length, Unit};

const ALPHABETS: [Characters; 4] =
    [Characters::Digits, Characters::Letters, Characters::LettersAndDigits, Characters::Printable];

fn demands() -> impl Strategy<Value = Demands> {
    let length = || proptest::option::of(0_usize..14);
    let refused = proptest::collection::btree_set(proptest::sample::select(&Refused::ALL), 0..Refused::ALL.len());
    let characters = proptest::option::of(proptest::sample::select(&ALPHABETS));
    (length(), length(), characters, proptest::option::of(refused)).prop_map(|(min, max, characters, refuse)| Demands {
        min,
        max,
        characters,
        refuse,
    })
}

/// Values of which many are refused by something.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{0,13}",
        "[a-z]{0,13}",
        "[0-9a-zA-Z]{4,8}",
        "[ -~é]{0,9}",
        "(12){1,6}",
        "[0-3]{4,6}",
        "1234[0-9]{0,4}"
    ]
}

proptest! {
    #[test]
    fn the_stricter_of_two_demands_refuses_just_what_either_refuses(one in demands(), other in demands(), value in value()) {
        let (value, old) = (pin(&value), pin("270495"));
        let beside = Beside { old: Some(&old), serial: Some("12340"), label: Some("abba"), ..Beside::default() };
        let passes = |demands: &Demands| demands.broken(&value, &beside).is_empty();
        let both = one.clone().stricter(other.clone());
        prop_assert_eq!(passes(&both), passes(&one) && passes(&other));
    }

    #[test]
    fn the_stricter_of_demands_depends_on_neither_order_nor_grouping_nor_number(
        one in demands(), other in demands(), third in demands(),
    ) {
        let merged = |a: &Demands, b: &Demands| a.clone().stricter(b.clone());
        prop_assert_eq!(merged(&one, &other), merged(&other, &one));
        prop_assert_eq!(merged(&merged(&one, &other), &third), merged(&one, &merged(&other, &third)));
        prop_assert_eq!(merged(&one, &one), one.clone());
        prop_assert_eq!(merged(&one, &Demands::default()), one);
    }

    #[test]
    fn demands_loosen_nothing_just_where_they_hold_as_they_are_written(user in demands(), administrator in demands()) {
        let held = user.clone().stricter(administrator.clone());
        let said = |written: bool, holds: bool| !written || holds;
        let as_written = said(user.min.is_some(), user.min == held.min)
            && said(user.max.is_some(), user.max == held.max)
            && said(user.characters.is_some(), user.characters == held.characters)
            && said(user.refuse.is_some(), user.refuse == held.refuse);
        prop_assert_eq!(user.loosens(&administrator).is_empty(), as_written);
        prop_assert!(held.loosens(&administrator).is_empty(), "what holds of both is loose");
        prop_assert!(user.loosens(&Demands::default()).is_empty(), "there is nothing to loosen");
    }

    #[test]
    fn demands_of_length_are_contradictory_just_where_no_value_passes(min in 0_usize..9, max in 0_usize..9) {
        let demands = Demands { min: Some(min), max: Some(max), ..Demands::default() };
        let can_pass = (0..9).any(|length| demands.broken(&pin("7".repeat(length)), &Beside::default()).is_empty());
        prop_assert_eq!(demands.contradiction(None).is_none(), can_pass);
    }
}

#[test]
fn each_key_that_is_set_looser_is_named_and_one_that_is_not_set_is_not() {
    let refuse = |refused: &[Refused]| Some(refused.iter().copied().collect());
    let administrator = Demands {
        min: Some(6),
        max: Some(8),
        characters: Some(Characters::Digits),
        refuse: refuse(&[Refused::Dates, Refused::Common]),
    };
    let loosens = |user: Demands| user.loosens(&administrator);
    assert_eq!(loosens(Demands { min: Some(5), ..Demands::default() }), ["min"]);
    assert_eq!(loosens(Demands { max: Some(9), ..Demands::default() }), ["max"]);
    assert_eq!(loosens(Demands { characters: Some(Characters::Printable), ..Demands::default() }), ["characters"]);
    assert_eq!(loosens(Demands { characters: Some(Characters::Letters), ..Demands::default() }), ["characters"]);
    assert_eq!(loosens(Demands { refuse: refuse(&[Refused::Dates]), ..Demands::default() }), ["refuse"]);
    assert_eq!(loosens(Demands { refuse: refuse(&[]), ..Demands::default() }), ["refuse"]);
    assert_eq!(loosens(Demands::default()), [""; 0]);
    let narrower = Demands { min: Some(7), max: Some(7), characters: None, refuse: refuse(&Refused::ALL) };
    assert_eq!(loosens(narrower), [""; 0]);
    let all = Demands { min: Some(1), max: Some(99), characters: Some(Characters::Printable), refuse: refuse(&[]) };
    assert_eq!(loosens(all), ["min", "max", "characters", "refuse"]);
}

#[test]
fn a_file_says_demands_in_the_words_of_the_rules() {
    let words: Vec<String> = Refused::ALL.iter().map(|refused| format!("{:?}", refused.name())).collect();
    let text = format!("min = 6\nmax = 8\ncharacters = \"letters-and-digits\"\nrefuse = [{}]", words.join(", "));
    let said = Demands {
        min: Some(6),
        max: Some(8),
        characters: Some(Characters::LettersAndDigits),
        ..refusing(Refused::ALL)
    };
    assert_eq!(toml::from_str::<Demands>(&text).unwrap(), said);
    assert_eq!(toml::from_str::<Demands>("").unwrap(), Demands::default());
    for wrong in ["characters = \"nothing\"", "refuse = [\"date\"]", "min = -1", "max = \"8\""] {
        assert!(toml::from_str::<Demands>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_alphabet_that_both_hold_is_what_each_of_them_holds() {
    for one in ALPHABETS.into_iter().chain([Characters::Nothing]) {
        for other in ALPHABETS.into_iter().chain([Characters::Nothing]) {
            for byte in 0..=u8::MAX {
                assert_eq!(one.and(other).hold(byte), one.hold(byte) && other.hold(byte), "{one:?} {other:?} {byte}");
            }
        }
    }
    assert_eq!(ALPHABETS.map(Characters::count), [10, 52, 62, 95]);
}

const fn length(min: usize, max: Option<usize>, unit: Unit) -> Length {
    Length { min, max, unit }
}

#[test]
fn a_prompt_hears_beforehand_what_is_asked_for() {
    let demands = Demands { min: Some(6), ..refusing([Refused::Common, Refused::Sequences, Refused::Dates]) };
    assert_eq!(
        demands.in_words(length(4, Some(8), Unit::Digits)),
        "6 to 8 digits, no sequence, no date, none of the common ones"
    );
    let letters = Demands { max: Some(12), characters: Some(Characters::LettersAndDigits), ..Demands::default() };
    assert_eq!(letters.in_words(length(4, None, Unit::Bytes)), "4 to 12 letters (A to Z) and digits");
    assert_eq!(letters.in_words(length(4, Some(8), Unit::Digits)), "4 to 8 digits");
    let short = Demands { min: Some(9), ..Demands::default() };
    assert_eq!(short.in_words(length(8, None, Unit::Characters)), "at least 9 characters");
    assert_eq!(short.in_words(length(8, Some(64), Unit::HexDigits)), "9 to 64 hexadecimal digits");
    for unit in [Unit::Bytes, Unit::Characters, Unit::Digits, Unit::HexDigits] {
        let own = length(4, Some(16), unit);
        assert_eq!(Demands::default().in_words(own), crate::policy::limits(own));
    }
    assert_eq!(
        refusing(Refused::ALL).in_words(length(4, None, Unit::Digits)),
        "at least 4 digits, no sequence, no repetition, no row of keys, no date, none of the common ones, not the old one, \
         not another secret of this token, nothing of its number, nothing of its label"
    );
}

#[test]
fn demands_that_nothing_can_meet_are_told_with_both_sides() {
    let both = |one: Characters, other: Characters| {
        let only = |characters| Demands { characters: Some(characters), ..Demands::default() };
        only(one).stricter(only(other))
    };
    assert!(both(Characters::Digits, Characters::Letters).contradiction(None).unwrap().contains("no character at all"));
    assert_eq!(both(Characters::Digits, Characters::Printable).contradiction(None), None);
    let lengths = |min, max| Demands { min, max, ..Demands::default() };
    assert_eq!(
        lengths(Some(9), Some(8)).contradiction(None).unwrap(),
        "the policy asks for at least 9 characters and allows at most 8"
    );
    assert_eq!(lengths(Some(8), Some(8)).contradiction(None), None);
    let token = length(6, Some(8), Unit::Digits);
    assert_eq!(
        lengths(Some(9), None).contradiction(Some(token)).unwrap(),
        "the policy asks for at least 9 characters, and this token takes 6 to 8 digits"
    );
    assert_eq!(
        lengths(None, Some(5)).contradiction(Some(token)).unwrap(),
        "the policy allows at most 5 characters, and this token takes 6 to 8 digits"
    );
    assert_eq!(lengths(Some(8), None).contradiction(Some(token)), None);
    assert_eq!(lengths(None, Some(6)).contradiction(Some(token)), None);
    let letters = both(Characters::Letters, Characters::Printable);
    assert!(letters.contradiction(Some(token)).unwrap().contains("letters only"));
    let bytes = |max| lengths(None, Some(max)).contradiction(Some(length(16, None, Unit::Bytes)));
    assert!(bytes(16).is_none() && bytes(15).is_some(), "a byte at least is what a character takes");
}
