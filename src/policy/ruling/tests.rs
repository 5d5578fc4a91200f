//! Clauses made up for one token, and what they come to.

use super::*;
use crate::{
    policy::{Pattern, Scope},
    token::{Application, Identity, Place, Text},
};
use std::collections::BTreeMap;

fn clause(line: usize, scope: Scope) -> Clause {
    Clause {
        origin: Origin { file: "FILE".into(), line },
        scope,
        roles: [Role::UserPin].into(),
        demands: Demands::default(),
        common_pins: None,
        authorities: None,
        allow_last_try: None,
        generate: Generator::default(),
        lines: BTreeMap::new(),
    }
}

fn token(serial: Option<&str>, label: Option<&str>) -> Identity {
    Identity {
        application: Application::Piv,
        serial: serial.map(Text::from),
        label: label.map(Text::from),
        manufacturer: None,
        model: None,
        place: Place::Reader(Text::from("R")),
        blank: false,
    }
}

fn of_serial(pattern: &str) -> Scope {
    Scope { serial: Some(Pattern::new(pattern)), ..Scope::default() }
}

fn of_label(pattern: &str) -> Scope {
    Scope { label: Some(Pattern::new(pattern)), ..Scope::default() }
}

fn is_held(scope: Scope, identity: &Identity, label: Option<&str>) -> bool {
    let policy = Policy { administrator: vec![clause(1, scope)], user: Vec::new() };
    !policy.ruling(&Facts::of(identity, label), Role::UserPin).is_empty()
}

#[test]
fn a_clause_holds_unless_the_token_is_known_not_to_match() {
    assert!(is_held(of_serial("1*"), &token(Some("12"), None), None));
    assert!(!is_held(of_serial("1*"), &token(Some("21"), None), None));
    assert!(is_held(of_serial("1*"), &token(None, None), None), "a number that is not told may be any");
    assert!(is_held(of_label("1*"), &token(None, None), None));
    let made = |pattern| Scope { manufacturer: Some(Pattern::new(pattern)), ..Scope::default() };
    assert!(is_held(made("Yubico*"), &token(None, None), None));
    assert!(is_held(Scope::default(), &token(None, None), None));
    // What is told decides, whatever else is not.
    let both = |serial| Scope { application: Some(Pattern::new("openpgp")), ..of_serial(serial) };
    assert!(!is_held(both("1*"), &token(None, None), None));
}

#[test]
fn what_a_module_says_of_a_card_loosens_nothing_unless_modules_are_meant() {
    let of = |application: &str| Scope { application: Some(Pattern::new(application)), ..Scope::default() };
    let behind = Identity {
        application: Application::Pkcs11,
        place: Place::Slot { id: 0, module: "/m.so".into() },
        ..token(Some("0052f743"), Some("PIV_II"))
    };
    let held = |scope: Scope, hides_card| {
        let policy = Policy { administrator: vec![clause(1, scope)], user: Vec::new() };
        !policy.ruling(&Facts::of(&behind, None).hiding_card(hides_card), Role::UserPin).is_empty()
    };
    // Each of these is the card's over PC/SC, as far as anybody knows behind the module.
    for scope in [of("piv"), of("openpgp"), of_serial("5437251"), of_label("desk-*")] {
        assert!(held(scope.clone(), true), "{scope:?}");
        assert!(!held(scope.clone(), false), "{scope:?}");
    }
    for hides_card in [true, false] {
        assert!(held(of("pkcs11"), hides_card) && held(of("*"), hides_card));
        assert!(held(Scope { serial: Some(Pattern::new("0052*")), ..of("pkcs11") }, hides_card));
        assert!(!held(Scope { serial: Some(Pattern::new("5437251")), ..of("pkcs11") }, hides_card));
    }
}

#[test]
fn what_may_hold_behind_a_module_is_told_as_that_and_as_no_more() {
    let of = |line, application: &str| {
        clause(line, Scope { application: Some(Pattern::new(application)), ..Scope::default() })
    };
    let policy = Policy { administrator: vec![of(1, "piv"), of(2, "pkcs11"), of(3, "p*")], user: Vec::new() };
    let lines = |application| {
        let rulings = policy.possible_rulings(Some(application), Role::UserPin);
        rulings
            .iter()
            .map(|ruling| ruling.clauses().iter().map(|clause| clause.origin.line).collect())
            .collect::<Vec<Vec<_>>>()
    };
    assert_eq!(lines("pkcs11"), [vec![2, 3], vec![2, 3, 1]], "a card may stand behind a module");
    assert_eq!(lines("piv"), [[1, 3]]);
    assert_eq!(lines("gids"), [[0; 0]; 0]);
}

#[test]
fn an_application_that_nobody_knows_is_a_slip() {
    let known = [Application::Pkcs11, Application::Piv, Application::Profile("isoapplet")];
    let check = |application: &str| {
        let scope = Scope { application: Some(Pattern::new(application)), ..Scope::default() };
        let clause = Clause { lines: [("application", 7)].into(), ..clause(6, scope) };
        Policy { administrator: Vec::new(), user: vec![clause] }.check_applications(&known)
    };
    for application in ["piv", "pkcs11", "isoapplet", "p*", "*", "p?v"] {
        assert_eq!(check(application), Ok(()), "{application}");
    }
    for slip in ["pvi", "PIV", "", "piv2*", "gids"] {
        let error = check(slip).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("FILE, line 7: "), "{error}");
        assert!(error.to_string().ends_with("pkcs11, piv, isoapplet"), "{error}");
    }
}

#[test]
fn a_token_that_gets_another_label_is_held_by_what_is_for_either() {
    let renamed = token(None, Some("staff-1"));
    assert!(is_held(of_label("staff-*"), &renamed, Some("guest")));
    assert!(is_held(of_label("guest"), &renamed, Some("guest")));
    assert!(!is_held(of_label("guest"), &renamed, None));
}

#[test]
fn a_policy_that_names_tokens_or_looks_for_their_names_in_a_value_asks_who_a_token_is() {
    let asks = |clause: Clause| Policy { administrator: Vec::new(), user: vec![clause] }.asks_who();
    let application = Scope { application: Some(Pattern::new("piv")), ..Scope::default() };
    assert!(!asks(clause(1, Scope::default())) && !asks(clause(1, application)));
    assert!(asks(clause(1, of_serial("1"))) && asks(clause(1, of_label("1"))));
    for (refused, is_asked) in [(Refused::Serial, true), (Refused::Label, true), (Refused::Dates, false)] {
        let demands = Demands { refuse: Some([refused].into()), ..Demands::default() };
        assert_eq!(asks(Clause { demands, ..clause(1, Scope::default()) }), is_asked, "{refused:?}");
    }
}

#[test]
fn of_every_key_the_stricter_holds_whoever_says_it() {
    let one = Clause {
        authorities: Some([Role::Puk, Role::SoPin].into()),
        allow_last_try: Some(true),
        generate: Generator { length: Some(8), characters: Some(Characters::Printable) },
        ..clause(1, Scope::default())
    };
    let other = Clause {
        authorities: Some([Role::Puk, Role::AdminKey].into()),
        allow_last_try: Some(false),
        generate: Generator { length: Some(6), characters: Some(Characters::Digits) },
        common_pins: Some("/list".into()),
        ..clause(2, Scope::default())
    };
    for (administrator, user) in [(&one, &other), (&other, &one)] {
        let policy = Policy { administrator: vec![administrator.clone()], user: vec![user.clone()] };
        let ruling = policy.ruling(&Facts::of(&token(None, None), None), Role::UserPin);
        assert_eq!(ruling.authorities(), Some([Role::Puk].into()));
        assert_eq!(ruling.allows_last_try(), Some(false));
        assert_eq!(ruling.forbids_last_try().map(|origin| origin.line), Some(2));
        assert_eq!(ruling.forbids(Role::AdminKey).map(|origin| origin.line), Some(1));
        assert_eq!(ruling.forbids(Role::Puk), None);
        assert_eq!(ruling.generator(), Generator { length: Some(8), characters: Some(Characters::Printable) });
        assert!(ruling.demands().refuse(Refused::Common), "a list is looked into without a word");
    }
}

#[test]
fn a_holders_change_by_the_old_value_is_nobody_elses_to_forbid() {
    let nobody = Clause { authorities: Some([].into()), ..clause(1, Scope::default()) };
    let policy = Policy { administrator: vec![nobody], user: Vec::new() };
    let bounds = policy.bounds(&Facts::of(&token(None, None), None));
    for verb in [Verb::PinSet, Verb::PinReset, Verb::PinUnblock] {
        assert!(bounds.forbids(verb, Role::Puk).is_some(), "{verb}");
        // A transport PIN in a letter is the holder's own value.
        assert_eq!(bounds.forbids(verb, Role::UserPin), None, "{verb}");
    }
    assert_eq!(bounds.forbids(Verb::PinChange, Role::UserPin), None);
    assert_eq!(bounds.forbids(Verb::ResetCodeSet, Role::SoPin), None, "that is the reset code's own affair");
}
