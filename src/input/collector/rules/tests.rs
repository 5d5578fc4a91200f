//! What is checked of a value of which the token tells nothing.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::*;
use crate::{
    input::Destroy,
    policy::{Clause, Generator, Origin, Policy, Scope},
    token::{Application, Identity, Place, Text},
};

/// A token that tells of no secret at all.
fn mute() -> Survey {
    let identity = Identity {
        application: Application::Piv,
        serial: None,
        label: None,
        manufacturer: None,
        model: None,
        place: Place::Reader(Text::from("R")),
        blank: false,
    };
    Survey::new(identity, Vec::new(), [].as_slice())
}

#[test]
fn a_new_value_is_held_to_the_policy_even_where_the_token_tells_nothing_of_its_secret() {
    let survey = mute();
    let clause = Clause {
        origin: Origin { file: "FILE".into(), line: 1 },
        scope: Scope::default(),
        roles: [Role::UserPin].into(),
        demands: Demands { min: Some(8), ..Demands::default() },
        common_pins: None,
        authorities: None,
        allow_last_try: None,
        generate: Generator::default(),
        lines: BTreeMap::new(),
    };
    let facts = Facts::of(&survey.identity, None);
    let ruling = Policy { administrator: vec![clause], user: Vec::new() }.ruling(&facts, Role::UserPin);
    let mut collector = Collector::new(BTreeMap::new(), None, Destroy::Ask);
    collector.obey(Rules { by_role: [(Role::UserPin, (ruling, Vec::new()))].into(), facts: Some(facts) });
    let check = |need, value: &[u8]| collector.check_value(need, &Pin::take(Zeroizing::new(value.to_vec())), &survey);
    let refused = check(Need::New(Role::UserPin), b"264859").unwrap_err();
    assert_eq!(refused.detail(), Some("rule min: FILE, line 1"));
    assert_eq!(check(Need::New(Role::UserPin), b"26485927"), Ok(()));
    // What it has now is nobody's to choose any more.
    assert_eq!(check(Need::Current(Role::UserPin), b"264859"), Ok(()));
}
