//! The token's own limits, and when a try may be spent.

use super::pin;
use crate::{
    error::Error,
    policy::{check_current, check_new, digits, may_spend},
    token::{Length, Need, Reference, Retries, Role, State, Unit},
};

fn reference(unit: Unit, min: usize, max: Option<usize>) -> Reference {
    Reference {
        role: Role::UserPin,
        name: "PIN",
        key_reference: None,
        state: State::Ready,
        retries: Retries::Unknown,
        default: None,
        length: Length { min, max, unit },
        current_length: Some((4, 8)),
    }
}

fn refused(value: &str, unit: Unit) -> String {
    check_new(&pin(value), &reference(unit, 6, Some(8)), Some(&pin("111111"))).unwrap_err().to_string()
}

#[test]
fn the_last_try_is_never_spent_unasked_and_only_for_the_role_that_was_named() {
    let last = Retries::counted(1, Some(3));
    assert_eq!(may_spend(Role::UserPin, last, &[]), Err(Error::LastTry { role: Role::UserPin }));
    assert_eq!(may_spend(Role::UserPin, Retries::Final, &[Role::Puk]), Err(Error::LastTry { role: Role::UserPin }));
    assert_eq!(may_spend(Role::UserPin, last, &[Role::UserPin]), Ok(()));
    assert_eq!(may_spend(Role::UserPin, Retries::counted(2, None), &[]), Ok(()));
}

#[test]
fn tries_that_a_token_does_not_tell_do_not_stop_a_call_but_none_left_does() {
    assert_eq!(may_spend(Role::Puk, Retries::Unknown, &[]), Ok(()));
    assert_eq!(may_spend(Role::Puk, Retries::Low, &[]), Ok(()));
    assert_eq!(may_spend(Role::Puk, Retries::counted(0, None), &Role::ALL).unwrap_err().exit_code(), 5);
}

#[test]
fn a_new_value_is_refused_by_length_alphabet_and_equality_and_never_repeated() {
    for (value, unit) in [
        ("27182", Unit::Digits),
        ("271828182", Unit::Digits),
        ("27182a", Unit::Digits),
        ("27182é", Unit::Characters),
        ("2718 28", Unit::Characters),
        ("111111", Unit::Bytes),
    ] {
        let sentence = refused(value, unit);
        assert!(!sentence.contains(value), "{sentence}");
    }
    assert_eq!(refused("27182", Unit::Digits), "the new PIN is too short: this token takes 6 to 8 digits");
}

#[test]
fn which_characters_are_taken_is_said_of_a_value_that_holds_another() {
    assert!(refused("2718 28", Unit::Characters).ends_with("6 to 8 characters of printable ASCII without blanks"));
    assert!(refused("27182a", Unit::Digits).ends_with("it takes 6 to 8 digits"));
    assert!(refused("27 182", Unit::HexDigits).ends_with("it takes 6 to 8 hexadecimal digits"));
}

#[test]
fn a_value_at_either_limit_passes() {
    for value in ["271828", "27182818"] {
        assert_eq!(check_new(&pin(value), &reference(Unit::Digits, 6, Some(8)), None), Ok(()));
    }
    assert_eq!(check_new(&pin("9".repeat(300)), &reference(Unit::Bytes, 4, None), None), Ok(()));
}

#[test]
fn a_present_value_of_an_impossible_length_is_not_sent() {
    let check = |value| check_current(Need::Current(Role::UserPin), &pin(value), &reference(Unit::Digits, 6, Some(8)));
    assert_eq!(check("271").unwrap_err().exit_code(), 6);
    assert_eq!(check("271828182").unwrap_err().exit_code(), 6);
    assert_eq!(check("2718"), Ok(()));
    let so_pin = Reference { current_length: Some((16, 16)), ..reference(Unit::HexDigits, 16, Some(16)) };
    let check = |value| check_current(Need::Current(Role::SoPin), &pin(value), &so_pin);
    assert!(check("353736323138383x").unwrap_err().to_string().contains("16 hexadecimal digits"));
    assert_eq!(check("35373632aB38383F"), Ok(()));
}

#[test]
fn a_present_value_that_is_no_ascii_is_not_sent_where_the_token_takes_nothing_else() {
    for (unit, code) in [(Unit::Characters, 6), (Unit::Digits, 6), (Unit::Bytes, 0)] {
        let checked = check_current(Need::Current(Role::UserPin), &pin("ébcdefg"), &reference(unit, 6, Some(8)));
        assert_eq!(checked.map_or_else(|error| error.exit_code(), |()| 0), code, "{unit:?}");
    }
}

#[test]
fn a_present_value_goes_by_the_name_that_its_token_has_for_it() {
    let admin_pin = Reference { name: "Admin PIN", ..reference(Unit::Bytes, 8, Some(8)) };
    let error = check_current(Need::Current(Role::SoPin), &pin("1"), &admin_pin).unwrap_err();
    assert!(error.to_string().starts_with("what --so-pin gave cannot be the Admin PIN"), "{error}");
}

#[test]
fn how_many_digits_are_expected_is_said_of_what_is_told_in_hexadecimal_alone() {
    let key = Reference { current_length: Some((32, 64)), ..reference(Unit::HexDigits, 48, Some(48)) };
    assert_eq!(digits(&key).as_deref(), Some("32 to 64 hexadecimal digits"));
    assert_eq!(digits(&reference(Unit::Digits, 6, Some(8))), None);
}
