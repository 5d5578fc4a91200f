//! What helps, over made-up surveys.

use super::*;
use crate::token::{Application, Identity, InitRules, Length, Place, Text, Unit};

const CARD: &[Ability] = &[
    Ability { verb: Verb::PinChange, by: None, commands: &[] },
    Ability { verb: Verb::PinVerify, by: None, commands: &[] },
    Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &[] },
    Ability { verb: Verb::PukChange, by: None, commands: &[] },
    Ability { verb: Verb::TokenErase, by: None, commands: &[] },
];
const TWO_AUTHORITIES: &[Ability] = &[
    Ability { verb: Verb::PinChange, by: None, commands: &[] },
    Ability { verb: Verb::PinReset, by: Some(Role::SoPin), commands: &[] },
    Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &[] },
    Ability { verb: Verb::PinUnblock, by: Some(Role::Puk), commands: &[] },
];
const NO_AUTHORITY: &[Ability] = &[Ability { verb: Verb::PinChange, by: None, commands: &[] }];

fn reference(role: Role, state: State, retries: Retries) -> Reference {
    let length = Length { min: 6, max: Some(8), unit: Unit::Characters };
    let name = role.title();
    Reference { role, name, key_reference: None, state, retries, default: None, length, current_length: None }
}

fn left(left: u8) -> Retries {
    Retries::Left { left, limit: Some(3) }
}

fn token(abilities: &'static [Ability], references: Vec<Reference>) -> Survey {
    let identity = Identity {
        application: Application::Piv,
        serial: Some(Text::from("1234")),
        label: None,
        manufacturer: None,
        model: None,
        place: Place::Reader(Text::from("R")),
        blank: false,
    };
    Survey::new(identity, references, abilities)
}

fn card(pin: (State, Retries), puk: (State, Retries)) -> Survey {
    token(CARD, vec![reference(Role::UserPin, pin.0, pin.1), reference(Role::Puk, puk.0, puk.1)])
}

/// The commands that are named for the only PIN, and whether each is offered.
fn named(survey: &Survey) -> Vec<(String, bool)> {
    let next = next(survey, "SEL");
    assert_eq!(next.len(), 1);
    next[0].ways.iter().map(|way| (way.hint.text().into_owned(), way.operation.is_some())).collect()
}

fn offered(words: &str) -> (String, bool) {
    let (verb, rest) =
        words.split_once(" --").map_or((words, String::new()), |(verb, rest)| (verb, format!(" --{rest}")));
    (format!("pukka {verb} --token 'SEL'{rest}"), true)
}

const FULL: (State, Retries) = (State::Ready, Retries::Left { left: 3, limit: Some(3) });
const BLOCKED: (State, Retries) = (State::Blocked, Retries::Blocked);

#[test]
fn a_pin_that_is_ready_can_be_changed_or_set_anew_where_it_is_forgotten() {
    let both = [offered("pin change"), offered("pin reset")];
    assert_eq!(named(&card(FULL, FULL)), both);
    assert_eq!(named(&card((State::Ready, left(2)), FULL)), both);
    assert_eq!(named(&card((State::Ready, Retries::Low), FULL)), both);
}

#[test]
fn nobodys_last_try_is_risked_for_a_pin_that_is_ready() {
    assert_eq!(named(&card(FULL, (State::Ready, left(1)))), [offered("pin change")]);
    assert_eq!(named(&card(FULL, BLOCKED)), [offered("pin change")]);
}

#[test]
fn what_only_a_policy_forbids_is_no_reason_to_begin_anew() {
    let mut survey = card(BLOCKED, FULL);
    let (kept, forbidden) = CARD.iter().copied().partition(|able| able.by.is_none());
    (survey.abilities, survey.forbidden) = (Vec::into(kept), forbidden);
    let left = &next(&survey, "SEL")[0];
    assert_eq!((left.ways.as_slice(), left.held_back), (&[][..], true));
    // Where the authority is blocked too, the policy is not what is in the way.
    survey.references[1].state = State::Blocked;
    let left = &next(&survey, "SEL")[0];
    assert_eq!((left.ways[0].able.verb, left.held_back), (Verb::TokenErase, false));
}

#[test]
fn what_is_at_the_value_of_delivery_is_changed_first() {
    let mut survey = card(FULL, FULL);
    survey.references[1].default = Some(true);
    assert_eq!(named(&survey), [offered("puk change")]);
    survey.references[0].default = Some(true);
    assert_eq!(named(&survey), [offered("pin change"), offered("puk change")]);
}

#[test]
fn a_blocked_pin_is_reset_by_the_nearest_authority_and_at_most_two_ways_are_named() {
    assert_eq!(named(&card(BLOCKED, FULL)), [offered("pin reset")]);
    let references = vec![
        reference(Role::UserPin, BLOCKED.0, BLOCKED.1),
        reference(Role::Puk, State::Ready, left(3)),
        reference(Role::SoPin, State::Ready, left(3)),
    ];
    let ways = named(&token(TWO_AUTHORITIES, references));
    assert_eq!(ways, [offered("pin reset --by puk"), offered("pin unblock")]);
}

#[test]
fn what_destroys_is_named_where_nothing_else_is_left_and_is_never_offered() {
    let ways = named(&card(BLOCKED, BLOCKED));
    let [(said, is_offered)] = ways.as_slice() else { panic!("{ways:?}") };
    assert!(!is_offered && said.contains("everything on the token is lost: pukka token erase --token 'SEL'"), "{said}");
}

#[test]
fn where_only_the_issuer_can_help_nothing_is_named() {
    assert!(named(&token(NO_AUTHORITY, vec![reference(Role::UserPin, BLOCKED.0, BLOCKED.1)])).is_empty());
}

#[test]
fn with_one_try_left_the_way_that_spends_none_of_the_holders_comes_first_and_the_other_says_so() {
    for last in [left(1), Retries::Final] {
        let ways = named(&card((State::Ready, last), FULL));
        assert_eq!(ways, [offered("pin reset"), offered("pin change --allow-last-try=user-pin")]);
    }
    let next = next(&card((State::Ready, left(1)), FULL), "SEL");
    let spent: Vec<Option<Role>> = next[0].ways.iter().map(|way| way.last_try).collect();
    assert_eq!(spent, [None, Some(Role::UserPin)]);
}

#[test]
fn the_last_try_of_an_authority_is_said_to_be_that_and_an_authority_with_more_comes_before_it() {
    assert_eq!(named(&card(BLOCKED, (State::Ready, left(1)))), [offered("pin reset --allow-last-try=puk")]);
    let references = vec![
        reference(Role::UserPin, BLOCKED.0, BLOCKED.1),
        reference(Role::Puk, State::Ready, left(1)),
        reference(Role::SoPin, State::Ready, left(3)),
    ];
    let ways = named(&token(TWO_AUTHORITIES, references));
    assert_eq!(ways[0], offered("pin reset --by so-pin"));
    assert_eq!(ways[1], offered("pin unblock --allow-last-try=puk"));
}

#[test]
fn a_pin_that_must_be_changed_is_changed() {
    assert_eq!(named(&card((State::MustChange, Retries::Unknown), FULL)), [offered("pin change")]);
}

#[test]
fn a_pin_of_which_nothing_is_told_has_a_way_for_who_knows_it_and_one_for_who_does_not() {
    let ways = named(&card((State::Unknown, Retries::Unknown), (State::Unknown, Retries::Unknown)));
    assert_eq!(ways, [offered("pin change"), offered("pin reset")]);
}

#[test]
fn a_blank_token_is_told_how_it_begins_and_is_not_begun_without_a_label() {
    const INIT: &[Ability] = &[Ability { verb: Verb::TokenInit, by: None, commands: &[] }];
    const RULES: InitRules = InitRules { needs_label: true, pin: None, harm: None };
    let mut survey = token(INIT, vec![reference(Role::UserPin, State::Unset, Retries::Unknown)]);
    survey.identity.blank = true;
    survey.init_rules = Some(&RULES);
    assert_eq!(named(&survey), [("pukka token init --token 'SEL' --label NAME".to_owned(), false)]);
}

#[test]
fn of_several_pins_each_has_its_own_way_by_name() {
    let mut survey = card(BLOCKED, FULL);
    survey.references[0].name = "PIN1";
    survey.references.insert(1, Reference { name: "PIN2", ..reference(Role::UserPin, State::Ready, left(3)) });
    let said: Vec<Vec<String>> = next(&survey, "SEL")
        .iter()
        .map(|next| next.ways.iter().map(|way| way.hint.text().into_owned()).collect())
        .collect();
    assert_eq!(
        said,
        [
            vec!["pukka pin reset --token 'SEL' --reference PIN1".to_owned()],
            vec![
                "pukka pin change --token 'SEL' --reference PIN2".to_owned(),
                "pukka pin reset --token 'SEL' --reference PIN2".to_owned()
            ]
        ]
    );
}

#[test]
fn what_is_left_once_it_is_blocked_is_known_before() {
    let left_over = |survey: &Survey| once_blocked(&next(survey, "SEL")[0], survey, "SEL");
    let last = (State::Ready, left(1));
    assert_eq!(left_over(&card(last, FULL)).unwrap().ways[0].able.by, Some(Role::Puk));
    assert!(left_over(&card(last, BLOCKED)).unwrap().ways[0].operation.is_none());
    assert!(left_over(&token(NO_AUTHORITY, vec![reference(Role::UserPin, last.0, last.1)])).unwrap().ways.is_empty());
}
