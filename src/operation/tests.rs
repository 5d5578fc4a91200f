//! Plans over made-up surveys, by the dozen.

mod hints;

use super::*;
use crate::{
    error::Error,
    token::{
        Ability, Application, Identity, InitRules, Length, LimitRules, Need, Place, Reference, Retries, State, Text,
        Unit,
    },
};

const PKCS11: &[Ability] = &[
    Ability { verb: Verb::PinSet, by: Some(Role::SoPin), commands: &["C_InitPIN"] },
    Ability { verb: Verb::PinChange, by: None, commands: &["C_SetPIN"] },
    Ability { verb: Verb::PinVerify, by: None, commands: &["C_Login"] },
    Ability { verb: Verb::PinReset, by: Some(Role::SoPin), commands: &["C_InitPIN"] },
    Ability { verb: Verb::SoPinChange, by: None, commands: &["C_SetPIN"] },
    Ability { verb: Verb::TokenInit, by: None, commands: &["C_InitToken"] },
];
const PIV: &[Ability] = &[
    Ability { verb: Verb::PinChange, by: None, commands: &["CHANGE"] },
    Ability { verb: Verb::PinVerify, by: None, commands: &["VERIFY"] },
    Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &["RESET"] },
    Ability { verb: Verb::PukChange, by: None, commands: &["CHANGE"] },
];

fn reference(role: Role, state: State, retries: Retries) -> Reference {
    let length = Length { min: 4, max: Some(8), unit: Unit::Bytes };
    Reference {
        role,
        name: role.title(),
        key_reference: None,
        state,
        retries,
        default: None,
        length,
        current_length: None,
    }
}

/// A card (PIN and PUK) or a token (PIN and SO PIN) with these states.
fn token(abilities: &'static [Ability], pin: (State, Retries), other: (State, Retries)) -> Survey {
    let is_card = abilities.len() == PIV.len();
    let place = if is_card { Place::Reader(Text::from("R")) } else { Place::Slot { id: 1, module: "/m.so".into() } };
    let authority = if is_card { Role::Puk } else { Role::SoPin };
    let identity = Identity {
        application: if is_card { Application::Piv } else { Application::Pkcs11 },
        serial: Some(Text::from("1234")),
        label: Some(Text::from("desk-7")),
        manufacturer: None,
        model: None,
        place,
        blank: false,
    };
    Survey {
        init_rules: (!is_card).then_some(&OF_A_MODULE),
        ..Survey::new(
            identity,
            vec![reference(Role::UserPin, pin.0, pin.1), reference(authority, other.0, other.1)],
            abilities,
        )
    }
}

/// A label is needed, and the SO sets the first user PIN afterwards.
const OF_A_MODULE: InitRules = InitRules { needs_label: true, pin: None, harm: None };

const READY: (State, Retries) = (State::Ready, Retries::Unknown);
const UNTOLD: (State, Retries) = (State::Unknown, Retries::Unknown);
const BLOCKED: (State, Retries) = (State::Blocked, Retries::Blocked);
const UNSET: (State, Retries) = (State::Unset, Retries::Unknown);

fn left(left: u8) -> (State, Retries) {
    (State::Ready, Retries::Left { left, limit: Some(3) })
}

fn offered(needs: &[Need]) -> Orders {
    Orders { offered: needs.iter().copied().collect(), ..Orders::default() }
}

fn code(plan: Result<Plan>) -> u8 {
    plan.map_or_else(|error| error.exit_code(), |_| 0)
}

const RESET: Operation = Operation::Reset { by: None };
const CHANGE: Operation = Operation::Change { role: Role::UserPin };

#[test]
fn a_pin_that_cannot_be_presented_is_refused_by_every_operation_that_presents_it() {
    for operation in [Operation::Verify, CHANGE] {
        let plan = |pin| code(operation.plan(&token(PIV, pin, UNTOLD), &Orders::default()));
        assert_eq!([plan(left(3)), plan(left(2)), plan(left(1)), plan(BLOCKED), plan(UNSET)], [0, 0, 6, 5, 5]);
    }
}

#[test]
fn the_last_try_is_allowed_for_the_role_that_was_named_and_for_no_other() {
    let allow = |role| Orders { allow_last_try: vec![role], ..Orders::default() };
    let card = token(PIV, left(1), left(1));
    assert_eq!(code(CHANGE.plan(&card, &allow(Role::UserPin))), 0);
    assert_eq!(code(CHANGE.plan(&card, &allow(Role::Puk))), 6);
    assert_eq!(RESET.plan(&card, &allow(Role::UserPin)), Err(Error::LastTry { role: Role::Puk }));
    assert_eq!(code(RESET.plan(&card, &allow(Role::Puk))), 0);
}

#[test]
fn a_blocked_pin_is_no_hindrance_to_its_reset() {
    let plan = RESET.plan(&token(PIV, BLOCKED, UNTOLD), &Orders::default()).unwrap();
    assert_eq!((plan.by, plan.needs()), (Some(Role::Puk), vec![Need::Current(Role::Puk), Need::New(Role::UserPin)]));
    let plan = RESET.plan(&token(PKCS11, BLOCKED, READY), &Orders::default()).unwrap();
    assert_eq!(
        (plan.by, plan.needs()),
        (Some(Role::SoPin), vec![Need::Current(Role::SoPin), Need::New(Role::UserPin)])
    );
}

#[test]
fn the_authority_is_the_one_whose_secret_is_given_and_one_that_the_token_lacks_is_refused() {
    let card = token(PIV, READY, UNTOLD);
    assert_eq!(code(RESET.plan(&card, &offered(&[Need::Current(Role::Puk)]))), 0);
    assert_eq!(code(RESET.plan(&card, &offered(&[Need::Current(Role::SoPin)]))), 7);
    assert_eq!(code(RESET.plan(&card, &offered(&[Need::Current(Role::SoPin), Need::Current(Role::Puk)]))), 2);
    let named = Operation::Reset { by: Some(Role::Puk) };
    assert_eq!(code(named.plan(&card, &offered(&[Need::Current(Role::SoPin)]))), 2);
    let lacked = named.plan(&token(PKCS11, READY, READY), &Orders::default()).unwrap_err();
    assert_eq!(lacked.exit_code(), 7);
    assert_eq!(lacked.to_string(), "this token has no `pin reset` by the PUK, only by the SO PIN");
    // What nobody can do is nothing that this secret stands in the way of.
    let code = Operation::SetCode.plan(&token(PKCS11, READY, READY), &offered(&[Need::Current(Role::SoPin)]));
    assert_eq!(code.unwrap_err().to_string(), "this token has no `reset-code set`");
}

#[test]
fn the_first_pin_is_set_only_where_there_is_none() {
    assert_eq!(code(Operation::Set.plan(&token(PKCS11, UNSET, READY), &Orders::default())), 0);
    assert_eq!(code(Operation::Set.plan(&token(PKCS11, READY, READY), &Orders::default())), 7);
    assert_eq!(code(Operation::Set.plan(&token(PIV, READY, UNTOLD), &Orders::default())), 7);
    assert_eq!(code(RESET.plan(&token(PKCS11, UNSET, READY), &Orders::default())), 5);
}

#[test]
fn a_card_that_does_not_tell_whether_it_has_a_pin_is_asked_to_take_a_first_one_with_a_try_to_spare() {
    const CARD: &[Ability] = &[
        Ability { verb: Verb::PinSet, by: None, commands: &["SET"] },
        Ability { verb: Verb::PinChange, by: None, commands: &["CHANGE"] },
        Ability { verb: Verb::PinVerify, by: None, commands: &["VERIFY"] },
        Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &["RESET"] },
    ];
    let plan = Operation::Set.plan(&token(CARD, UNTOLD, UNTOLD), &Orders::default()).unwrap();
    assert_eq!((plan.by, plan.steps[0].spends), (None, Some(Role::UserPin)));
    let last = (State::Unknown, Retries::Left { left: 1, limit: None });
    assert_eq!(code(Operation::Set.plan(&token(CARD, last, UNTOLD), &Orders::default())), 6);
    assert_eq!(code(Operation::Set.plan(&token(CARD, READY, UNTOLD), &Orders::default())), 7);
    assert_eq!(code(Operation::Set.plan(&token(PKCS11, UNTOLD, READY), &Orders::default())), 7, "an SO PIN overwrites");
}

#[test]
fn where_the_puk_has_to_be_there_before_the_first_pin_no_pin_is_set_without_one() {
    const CARD: &[Ability] = &[
        Ability { verb: Verb::PinSet, by: None, commands: &["SET"] },
        Ability { verb: Verb::PinVerify, by: None, commands: &["VERIFY"] },
        Ability { verb: Verb::PinChange, by: None, commands: &["CHANGE"] },
        Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &["RESET"] },
    ];
    let mut card = token(CARD, UNSET, UNTOLD);
    let both = offered(&[Need::New(Role::UserPin), Need::New(Role::Puk)]);
    assert_eq!(code(Operation::Set.plan(&card, &both)), 2, "a card that takes none then");
    card.set_before = Some(Role::Puk);
    // Whoever did not name it is asked for it as for any new value.
    let plan = Operation::Set.plan(&card, &offered(&[Need::New(Role::UserPin)])).unwrap();
    assert_eq!(plan, Operation::Set.plan(&card, &both).unwrap());
    let set: Vec<&Action> = plan.steps.iter().map(|step| &step.action).collect();
    assert_eq!(set, [&Action::Set { role: Role::Puk }, &Action::Set { role: Role::UserPin }]);
    assert_eq!(plan.needs(), [Need::New(Role::UserPin), Need::New(Role::Puk)]);
    assert!(possible(&card).iter().any(|able| able.verb == Verb::PinSet));
}

#[test]
fn a_pin_is_never_unblocked_where_the_token_cannot_keep_it() {
    for token in [token(PIV, BLOCKED, UNTOLD), token(PKCS11, BLOCKED, READY)] {
        let error = Operation::Unblock { by: None }.plan(&token, &Orders::default()).unwrap_err();
        assert_eq!(error.exit_code(), 7);
        let hint = remedy(&error, Verb::PinUnblock, &token, "SEL", Stage::Planning);
        assert_eq!(hint, Some(Hint::Command("pukka pin reset --token 'SEL'".into())));
    }
}

#[test]
fn a_live_token_is_begun_anew_only_by_its_own_so_pin_and_with_a_confirmation() {
    let init = Operation::Init { label: Some("new".into()), terms: Terms::default(), harm: Harm::Refused };
    let live = token(PKCS11, READY, READY);
    let orders = Orders { destroy_word: Some("1234".into()), ..offered(&[Need::New(Role::UserPin)]) };
    let plan = init.plan(&live, &orders).unwrap();
    assert_eq!(plan.destroys.as_deref(), Some("1234"));
    assert_eq!(plan.needs(), [Need::Current(Role::SoPin), Need::New(Role::UserPin)]);
    assert_eq!(plan.steps.first().and_then(|step| step.spends), Some(Role::SoPin));
    for given in [&[Need::New(Role::SoPin)][..], &[Need::Current(Role::SoPin), Need::New(Role::SoPin)]] {
        let refused = init.plan(&live, &offered(given)).unwrap_err();
        assert!(refused.exit_code() == 2 && refused.to_string().contains("no --new-so-pin is taken"), "{refused}");
    }
    assert_eq!(code(init.plan(&token(PKCS11, READY, BLOCKED), &orders)), 5);
}

#[test]
fn the_so_pin_of_a_blank_token_is_new_by_whichever_option_it_comes() {
    let init = Operation::Init { label: Some("new".into()), terms: Terms::default(), harm: Harm::Refused };
    let mut blank = token(PKCS11, UNSET, UNSET);
    blank.identity.blank = true;
    for (given, needed) in [
        (vec![], vec![Need::New(Role::SoPin)]),
        (vec![Need::Current(Role::SoPin)], vec![Need::Current(Role::SoPin)]),
        (vec![Need::New(Role::UserPin)], vec![Need::New(Role::UserPin), Need::New(Role::SoPin)]),
    ] {
        let plan = init.plan(&blank, &offered(&given)).unwrap();
        assert_eq!((plan.needs(), plan.destroys.as_ref()), (needed, None));
        assert!(plan.steps.iter().all(|step| step.spends.is_none()));
    }
    let both = offered(&[Need::Current(Role::SoPin), Need::New(Role::SoPin)]);
    assert_eq!(code(init.plan(&blank, &both)), 2);
}

#[test]
fn a_label_is_wanted_for_a_blank_token_and_has_at_most_32_bytes() {
    let mut blank = token(PKCS11, UNSET, UNSET);
    blank.identity.blank = true;
    let init = |label: Option<&str>| {
        code(
            Operation::Init { label: label.map(str::to_owned), terms: Terms::default(), harm: Harm::Refused }
                .plan(&blank, &Orders::default()),
        )
    };
    assert_eq!([init(None), init(Some(&"é".repeat(16))), init(Some(&"é".repeat(17)))], [2, 0, 2]);
}

/// A token whose first user PIN comes with its beginning, and which needs no label.
fn with_first_pin() -> Survey {
    const RULES: InitRules = InitRules { needs_label: false, pin: Some(&[(3, 4), (5, 7)]), harm: None };
    let mut blank = token(PKCS11, UNSET, UNSET);
    blank.identity.blank = true;
    Survey { init_rules: Some(&RULES), ..blank }
}

fn init_with(tries: Option<u8>) -> Operation {
    Operation::Init { label: None, terms: Terms { tries, ..Terms::default() }, harm: Harm::Refused }
}

#[test]
fn a_first_pin_that_comes_with_the_beginning_is_needed_in_the_same_step() {
    let plan = init_with(None).plan(&with_first_pin(), &Orders::default()).unwrap();
    assert_eq!(plan.needs(), [Need::New(Role::UserPin), Need::New(Role::SoPin)]);
    assert_eq!(plan.steps.len(), 1);
}

#[test]
fn many_tries_want_a_long_first_pin_and_too_many_are_refused() {
    let shortest = |tries| {
        let mut survey = with_first_pin();
        let plan = init_with(tries).plan(&survey, &Orders::default())?;
        plan.narrow(&mut survey);
        Ok::<usize, Error>(survey.reference(Role::UserPin).unwrap().length.min)
    };
    assert_eq!([shortest(None), shortest(Some(3)), shortest(Some(4)), shortest(Some(5))], [Ok(4), Ok(4), Ok(7), Ok(7)]);
    assert_eq!(shortest(Some(6)).unwrap_err().exit_code(), 6);
}

#[test]
fn where_the_holder_must_change_the_pin_first_nobody_can_write_a_label() {
    let live = token(PKCS11, READY, READY);
    let survey = Survey { init_rules: with_first_pin().init_rules, ..live };
    let planned = |label: Option<&str>| {
        let terms = Terms { transport: true, ..Terms::default() };
        Operation::Init { label: label.map(Into::into), terms, harm: Harm::Refused }.plan(&survey, &Orders::default())
    };
    assert_eq!(code(planned(Some("ca"))), 2);
    let Action::Init { label, .. } = &planned(None).unwrap().steps[0].action else { panic!("no beginning") };
    assert_eq!(*label, None, "its own label is lost");
}

#[test]
fn terms_of_the_first_pin_are_refused_where_it_does_not_come_with_the_beginning() {
    let mut blank = token(PKCS11, UNSET, UNSET);
    blank.identity.blank = true;
    let terms = Terms { transport: true, ..Terms::default() };
    for terms in [terms, Terms { tries: Some(3), ..Terms::default() }] {
        let init = Operation::Init { label: Some("new".into()), terms, harm: Harm::Refused };
        assert_eq!(code(init.plan(&blank, &Orders::default())), 7);
    }
}

#[test]
fn what_would_destroy_more_than_it_says_is_refused_unless_that_is_accepted() {
    const RULES: InitRules = InitRules { needs_label: true, pin: None, harm: Some("no SO could log in again") };
    let harmed = Survey { init_rules: Some(&RULES), ..token(PKCS11, READY, READY) };
    let init = |harm| Operation::Init { label: None, terms: Terms::default(), harm };
    let refused = init(Harm::Refused).plan(&harmed, &Orders::default()).unwrap_err();
    assert_eq!(refused.exit_code(), 7);
    assert!(refused.to_string().contains("no SO could log in again"), "{refused}");
    assert_eq!(code(init(Harm::Accepted).plan(&harmed, &Orders::default())), 0);
    assert!(possible(&harmed).iter().all(|able| able.verb != Verb::TokenInit), "it was offered");
}

#[test]
fn what_can_be_done_follows_from_the_state() {
    let can = |survey: &Survey| possible(survey).iter().map(|able| able.verb).collect::<Vec<_>>();
    assert_eq!(can(&token(PIV, BLOCKED, UNTOLD)), [Verb::PinReset, Verb::PukChange]);
    assert_eq!(can(&token(PIV, BLOCKED, BLOCKED)), []);
    assert_eq!(can(&token(PIV, left(1), BLOCKED)), [Verb::PinChange, Verb::PinVerify]);
    assert_eq!(can(&token(PKCS11, UNSET, READY)), [Verb::PinSet, Verb::SoPinChange, Verb::TokenInit]);
}

#[test]
fn of_several_pins_each_is_told_what_can_be_done_to_it_and_the_call_names_it() {
    let mut card = token(PIV, BLOCKED, UNTOLD);
    card.references.insert(1, Reference { name: "PIN2", ..reference(Role::UserPin, State::Ready, Retries::Unknown) });
    let told: Vec<_> = choices(&card).iter().map(|(able, name)| (able.verb, *name)).collect();
    assert_eq!(
        told,
        [
            (Verb::PinReset, Some("PIN")),
            (Verb::PukChange, None),
            (Verb::PinChange, Some("PIN2")),
            (Verb::PinVerify, Some("PIN2")),
            (Verb::PinReset, Some("PIN2")),
        ]
    );
    assert!(choices(&token(PIV, READY, READY)).iter().all(|(_, name)| name.is_none()));
}

#[test]
fn a_puk_that_an_earlier_call_may_have_set_is_named_as_the_present_one() {
    let mut card = token(PIV, UNSET, UNTOLD);
    card.abilities = vec![Ability { verb: Verb::PinSet, by: None, commands: &["CHANGE"] }].into();
    card.set_before = Some(Role::Puk);
    let planned = |needs: &[Need]| Operation::Set.plan(&card, &offered(needs));
    let (old, new) = (Need::Current(Role::Puk), Need::New(Role::Puk));
    assert_eq!(planned(&[]).unwrap().needs(), [Need::New(Role::UserPin), new]);
    assert_eq!(planned(&[new]).unwrap().steps.len(), 2);
    assert_eq!(planned(&[old]).unwrap().needs(), [old, Need::New(Role::UserPin)]);
    assert_eq!(code(planned(&[old, new])), 2);
}
