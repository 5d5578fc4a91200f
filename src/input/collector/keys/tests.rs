//! What is typed where, at tokens and at readers, and what a person is told beforehand.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use zeroize::Zeroizing;

use super::*;
use crate::{
    input::{Destroy, Prompter, Source},
    operation::{Operation, Orders},
    policy::{Characters, Clause, Demands, Facts, Generator, Origin, Policy, Ruling, Scope},
    secret::{Entry, Pin},
    token::{
        Ability, Application, Entries, Identity, ReaderPad, Reference, Retries, Role, State, Text, Typed, Unit, Verb,
    },
};

const PIN: Need = Need::Current(Role::UserPin);
const NEW_PIN: Need = Need::New(Role::UserPin);
const PUK: Need = Need::Current(Role::Puk);

const ABILITIES: &[Ability] = &[
    Ability { verb: Verb::PinChange, by: None, commands: &[] },
    Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &[] },
];

/// A reader that takes a change, and a reset by the PUK; a card that parts old from new, or does not.
fn reader(delimited: bool) -> Pad {
    let entries = |needs: &[Need]| Entries { needs: needs.to_vec(), digits: (6, 8), delimited };
    let change =
        if delimited { vec![entries(&[PIN, NEW_PIN])] } else { vec![entries(&[PIN]), entries(&[PIN, NEW_PIN])] };
    let reset = vec![entries(&[PUK, NEW_PIN])];
    let takes = vec![
        Typed { verb: Verb::PinChange, by: None, commands: change },
        Typed { verb: Verb::PinReset, by: Some(Role::Puk), commands: reset },
    ];
    Pad::Reader(ReaderPad { takes, refused: None })
}

fn survey(pad: Pad) -> Survey {
    let reference = |role, retries| Reference {
        role,
        name: role.title(),
        key_reference: None,
        state: State::Ready,
        retries,
        default: None,
        length: Length { min: if role == Role::Puk { 8 } else { 6 }, max: Some(8), unit: Unit::Digits },
        current_length: None,
    };
    let identity = Identity {
        application: Application::Piv,
        serial: Some(Text::from("4711")),
        label: None,
        manufacturer: None,
        model: None,
        place: Place::Reader(Text::from("GemPC Pinpad 00 00")),
        blank: false,
    };
    Survey {
        pad,
        ..Survey::new(
            identity,
            vec![reference(Role::UserPin, Retries::counted(3, None)), reference(Role::Puk, Retries::Unknown)],
            ABILITIES,
        )
    }
}

/// A person who is told things, and asked for nothing.
struct Listener(Arc<Mutex<Vec<String>>>);

impl Prompter for Listener {
    fn secret(&mut self, question: &str) -> Result<Pin> {
        self.0.lock().unwrap().push(format!("asked: {question}"));
        let is_new = question.to_lowercase().contains("new ");
        let value = match question {
            _ if is_new => "904627",
            puk if puk.starts_with("PUK ") => "12345678",
            _ => "123456",
        };
        Ok(Pin::take(Zeroizing::new(value.into())))
    }

    fn word(&mut self, question: &str) -> Result<String> {
        panic!("asked for a word: {question}")
    }

    fn tell(&mut self, sentence: &str) {
        self.0.lock().unwrap().push(sentence.to_owned());
    }
}

/// Collects the secrets of an operation; what was typed elsewhere, and what was told on the way.
fn collect(operation: &Operation, pad: Pad, sources: &[(Need, Source)]) -> Result<(Vec<Need>, Vec<String>)> {
    collect_under(Demands::default(), operation, pad, sources)
}

/// The same where a policy demands that of a new PIN.
fn collect_under(
    demands: Demands,
    operation: &Operation,
    pad: Pad,
    sources: &[(Need, Source)],
) -> Result<(Vec<Need>, Vec<String>)> {
    let survey = survey(pad);
    let offered = sources.iter().map(|(need, _)| *need).collect();
    let plan = operation.plan(&survey, &Orders { offered, ..Orders::default() }).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let sources: BTreeMap<Need, Source> = sources.iter().cloned().collect();
    let mut collector = Collector::new(sources, Some(Box::new(Listener(Arc::clone(&told)))), Destroy::Ask);
    collector.obey(Rules { by_role: [(Role::UserPin, (ruling(demands), Vec::new()))].into(), facts: None });
    collector.ask(&plan, &survey)?;
    let secrets = collector.collect(&plan, &survey)?;
    let typed = plan.needs().into_iter().filter(|need| matches!(secrets.get(*need), Ok(Entry::Pad))).collect();
    let told = told.lock().unwrap().clone();
    Ok((typed, told))
}

/// What a policy of one clause comes to that demands this of a PIN.
fn ruling(demands: Demands) -> Ruling {
    let clause = Clause {
        origin: Origin { file: "FILE".into(), line: 1 },
        scope: Scope::default(),
        roles: [Role::UserPin].into(),
        demands,
        common_pins: None,
        authorities: None,
        allow_last_try: None,
        generate: Generator::default(),
        lines: BTreeMap::new(),
    };
    let policy = Policy { administrator: vec![clause], user: Vec::new() };
    policy.ruling(&Facts::of(&survey(Pad::None).identity, None), Role::UserPin)
}

fn of_length(min: Option<usize>, max: Option<usize>) -> Demands {
    Demands { min, max, ..Demands::default() }
}

const CHANGE: Operation = Operation::Change { role: Role::UserPin };
const RESET: Operation = Operation::Reset { by: Some(Role::Puk) };

#[test]
fn the_keys_of_a_reader_are_the_default_and_what_they_ask_is_told_before_in_order() {
    let (typed, told) = collect(&CHANGE, reader(true), &[]).unwrap();
    assert_eq!(typed, [PIN, NEW_PIN]);
    assert!(told[0].contains("the keys of GemPC Pinpad 00 00") && told[0].ends_with("in this order:"), "{told:?}");
    assert_eq!(
        told[1..4],
        [
            "  1. the PIN (6 to 8 digits; 3 tries left)",
            "  2. the new PIN (6 to 8 digits)",
            "  3. the new PIN once more"
        ]
    );
    assert!(told[4].contains("Ctrl-C waits") && told.len() == 5, "how to give up is told: {told:?}");
    let (typed, told) = collect(&RESET, reader(true), &[]).unwrap();
    assert_eq!(typed, [PUK, NEW_PIN]);
    assert!(told[1].starts_with("  1. the PUK (") && told[2].starts_with("  2. the new PIN ("), "{told:?}");
}

#[test]
fn who_types_an_old_pin_twice_is_told_so_and_why_no_digit_may_be_too_many() {
    let (_, told) = collect(&CHANGE, reader(false), &[]).unwrap();
    assert_eq!(told.len(), 6);
    assert!(told[2].contains("the PIN once more") && told[2].contains("not told where it ends"), "{told:?}");
    assert!(told[3].contains("new PIN (6 to 8 digits)") && told[4].contains("new PIN once more"), "{told:?}");
}

#[test]
fn a_value_named_elsewhere_takes_the_whole_command_from_the_keys() {
    for (operation, one) in [(CHANGE, NEW_PIN), (CHANGE, PIN), (RESET, PUK), (RESET, NEW_PIN)] {
        let (typed, told) = collect(&operation, reader(true), &[(one, Source::Prompt)]).unwrap();
        assert_eq!(typed, [], "{one:?}");
        assert!(told.iter().all(|told| told.starts_with("asked: ")), "{told:?}");
    }
}

#[test]
fn keys_for_one_value_of_a_command_and_another_source_for_the_other_are_a_wrong_call() {
    for (operation, typed, other) in [(CHANGE, PIN, NEW_PIN), (RESET, NEW_PIN, PUK)] {
        let sources = [(typed, Source::Pad), (other, Source::Prompt)];
        let error = collect(&operation, reader(true), &sources).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let (typed, other) = (format!("--{}", typed.option()), format!("--{}", other.option()));
        assert!(error.to_string().contains(&typed) && error.to_string().contains(&other), "{error}");
    }
}

#[test]
fn what_the_keys_of_a_token_supply_for_a_reset_are_two_commands() {
    let (typed, _) = collect(&RESET, Pad::Path, &[(PUK, Source::Prompt)]).unwrap();
    assert_eq!(typed, [NEW_PIN]);
}

#[test]
fn keys_that_are_named_and_cannot_be_used_are_refused_with_the_reason_and_what_to_name_instead() {
    let sources = [(PIN, Source::Pad), (NEW_PIN, Source::Pad)];
    let none = Pad::Reader(ReaderPad { takes: Vec::new(), refused: Some("KDF is on") });
    let error = collect(&CHANGE, none.clone(), &sources).unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(error.to_string().contains("KDF is on") && error.to_string().contains("--pin prompt"), "{error}");
    assert_eq!(collect(&CHANGE, Pad::None, &sources).unwrap_err().exit_code(), 7);
    // Unnamed, they are simply not the default.
    let (typed, _) = collect(&CHANGE, none, &[]).unwrap();
    assert_eq!(typed, []);
}

#[test]
fn a_policy_narrows_what_the_keys_of_a_reader_take_and_that_is_told() {
    let (typed, told) = collect_under(of_length(Some(7), None), &CHANGE, reader(true), &[]).unwrap();
    assert_eq!(typed, [PIN, NEW_PIN]);
    assert!(told[0].starts_with("the policy asks for a new PIN of 7 to 8 digits; of what is typed"), "{told:?}");
    assert!(told[1].contains("an old PIN of 7 to 8 digits only") && told[1].contains("--pin prompt"), "{told:?}");
    assert!(told.iter().any(|told| told.ends_with("the new PIN (7 to 8 digits)")), "{told:?}");
    // What is no stricter than the card says nothing of it.
    let (_, told) = collect_under(of_length(Some(6), Some(8)), &CHANGE, reader(true), &[]).unwrap();
    assert!(!told.iter().any(|told| told.contains("old PIN of")), "{told:?}");
}

#[test]
fn keys_that_cannot_be_held_to_the_policy_leave_the_value_to_the_keyboard() {
    let letters = Demands { characters: Some(Characters::Letters), ..Demands::default() };
    // A PUK of eight digits does not go into an entry of seven at most, and one range is for both.
    for (demands, operation) in
        [(letters, CHANGE), (of_length(Some(9), None), CHANGE), (of_length(None, Some(7)), RESET)]
    {
        let sources = operation.plan(&survey(reader(true)), &Orders::default()).unwrap().needs();
        let pads: Vec<_> = sources.iter().map(|need| (*need, Source::Pad)).collect();
        let error = collect_under(demands.clone(), &operation, reader(true), &pads).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), ("policy", 6), "{demands:?}");
        assert!(
            error.to_string().contains("the keys of this reader") && error.to_string().contains(" prompt"),
            "{error}"
        );
    }
    let (typed, told) = collect_under(of_length(None, Some(7)), &RESET, reader(true), &[]).unwrap();
    assert_eq!(typed, []);
    assert!(told.iter().any(|told| told.starts_with("asked: PUK of ")), "{told:?}");
    // The least is another's to reach too: a PUK of eight digits has seven.
    let (typed, _) = collect_under(of_length(Some(7), None), &RESET, reader(true), &[]).unwrap();
    assert_eq!(typed, [PUK, NEW_PIN]);
}

#[test]
fn where_a_new_pin_must_be_as_long_as_the_puk_that_is_told_with_the_way_round_it() {
    let commands = vec![Entries { needs: vec![PUK, NEW_PIN], digits: (8, 8), delimited: true }];
    let takes = vec![Typed { verb: Verb::PinReset, by: Some(Role::Puk), commands }];
    let pad = Pad::Reader(ReaderPad { takes, refused: None });
    let (typed, told) = collect(&RESET, pad, &[]).unwrap();
    assert_eq!(typed, [PUK, NEW_PIN]);
    assert!(told[0].contains("8 digits of the PUK and of the new PIN alike"), "{told:?}");
    assert!(told[0].contains("--puk prompt"), "{told:?}");
    assert!(told[2].starts_with("  1. the PUK (8 digits"), "{told:?}");
    assert_eq!(told[3], "  2. the new PIN (8 digits)");
}

#[test]
fn a_reader_that_only_verifies_leaves_a_change_to_the_keyboard() {
    let verify = vec![Entries { needs: vec![PIN], digits: (6, 8), delimited: true }];
    let takes = vec![Typed { verb: Verb::PinVerify, by: None, commands: verify }];
    let (typed, told) = collect(&CHANGE, Pad::Reader(ReaderPad { takes, refused: None }), &[]).unwrap();
    assert_eq!(typed, []);
    assert!(told.iter().any(|told| told.starts_with("asked: PIN of ")), "{told:?}");
}
