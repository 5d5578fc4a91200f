//! What a hint says after an error: the command that this token can do now.

use super::*;

#[test]
fn a_hint_is_drawn_from_what_this_token_can_do_now() {
    let blocked = Error::Blocked { role: Role::UserPin, now: false, detail: None };
    let hint = |survey: &Survey| {
        remedy(&blocked, Verb::PinVerify, survey, "SEL", Stage::Planning).map(|hint| hint.text().into_owned())
    };
    assert_eq!(hint(&token(PIV, BLOCKED, UNTOLD)).as_deref(), Some("pukka pin reset --token 'SEL'"));
    let both = hint(&token(PIV, BLOCKED, BLOCKED)).unwrap();
    assert!(!both.contains("pukka"), "the PUK is blocked too: {both}");
}

#[test]
fn a_write_of_unknown_outcome_is_followed_by_the_command_that_tells_which_pin_holds() {
    let lost = Error::device("gone", None);
    let hint = |verb| remedy(&lost, verb, &token(PKCS11, READY, READY), "SEL", Stage::Acting);
    let verify = Some(Hint::Command("pukka pin verify --token 'SEL'".into()));
    assert_eq!((hint(Verb::PinChange), hint(Verb::PinReset)), (verify.clone(), verify));
    // A PIN tells nothing of a lost SO PIN.
    assert_eq!(hint(Verb::SoPinChange), None);
}

#[test]
fn a_reset_code_that_the_next_wrong_value_blocks_is_not_said_to_be_lost_for_good() {
    const OPENPGP: &[Ability] = &[
        Ability { verb: Verb::PinReset, by: Some(Role::SoPin), commands: &["VERIFY", "RESET"] },
        Ability { verb: Verb::PinReset, by: Some(Role::ResetCode), commands: &["RESET"] },
        Ability { verb: Verb::ResetCodeSet, by: Some(Role::SoPin), commands: &["PUT DATA"] },
    ];
    let wrong = |role| Error::WrongSecret { role, retries: Retries::counted(1, None), detail: None };
    let hint = |role| {
        let card = token(OPENPGP, READY, READY);
        remedy(&wrong(role), Verb::PinReset, &card, "SEL", Stage::Acting).unwrap().text().into_owned()
    };
    assert_eq!(hint(Role::ResetCode), "pukka pin reset --token 'SEL' --by so-pin");
    assert!(hint(Role::SoPin).contains("for good"));
}

/// The hint for an error of a verb on a token.
fn told(error: &Error, verb: Verb, survey: &Survey) -> Hint {
    remedy(error, verb, survey, "SEL", Stage::Planning).unwrap()
}

fn blocked(role: Role) -> Error {
    Error::Blocked { role, now: false, detail: None }
}

#[test]
fn of_several_authorities_the_hint_names_the_one_that_the_holder_has_himself() {
    const OPENPGP: &[Ability] = &[
        Ability { verb: Verb::PinReset, by: Some(Role::SoPin), commands: &["VERIFY", "RESET"] },
        Ability { verb: Verb::PinReset, by: Some(Role::ResetCode), commands: &["RESET"] },
        Ability { verb: Verb::PinVerify, by: None, commands: &["VERIFY"] },
    ];
    let mut card = token(OPENPGP, BLOCKED, READY);
    card.references.push(reference(Role::ResetCode, State::Ready, Retries::Unknown));
    let hint = |card: &Survey, role| told(&blocked(role), Verb::PinVerify, card).text().into_owned();
    assert_eq!(hint(&card, Role::UserPin), "pukka pin reset --token 'SEL' --by reset-code");
    card.references[2].state = State::Unset;
    assert_eq!(hint(&card, Role::UserPin), "pukka pin reset --token 'SEL' --by so-pin");
}

#[test]
fn what_destroys_everything_is_offered_last_and_said_to_do_so() {
    const CARD: &[Ability] = &[
        Ability { verb: Verb::TokenErase, by: None, commands: &["RESET"] },
        Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &["RESET"] },
        Ability { verb: Verb::PinUnblock, by: Some(Role::Puk), commands: &["UNBLOCK"] },
        Ability { verb: Verb::PinVerify, by: None, commands: &["VERIFY"] },
    ];
    let hint = |verb, role, puk| told(&blocked(role), verb, &token(CARD, BLOCKED, puk));
    let command = |verb: &str| format!("pukka {verb} --token 'SEL'");
    let (verify, pin, puk) = (Verb::PinVerify, Role::UserPin, Role::Puk);
    assert_eq!(hint(verify, pin, UNTOLD), Hint::Command(command("pin unblock")));
    assert_eq!(hint(verify, pin, BLOCKED), Hint::LastResort(command("token erase")));
    // What the failure told counts too, though no survey could: neither the same call nor another by the same PUK is offered.
    assert_eq!(hint(Verb::PinReset, puk, UNTOLD), Hint::LastResort(command("token erase")));
    assert!(hint(Verb::PinReset, puk, UNTOLD).text().contains("everything on the token is lost"));
}

const ERASABLE: &[Ability] = &[
    Ability { verb: Verb::PinChange, by: None, commands: &["CHANGE"] },
    Ability { verb: Verb::PinReset, by: Some(Role::Puk), commands: &["RESET"] },
    Ability { verb: Verb::PukChange, by: None, commands: &["CHANGE"] },
    Ability { verb: Verb::TokenErase, by: None, commands: &["RESET"] },
];

#[test]
fn nothing_is_destroyed_for_a_lost_puk_while_the_pin_works() {
    for verb in [Verb::PinReset, Verb::PukChange] {
        let hint = told(&blocked(Role::Puk), verb, &token(ERASABLE, left(3), BLOCKED));
        let said = hint.text();
        assert!(matches!(hint, Hint::Advice(_)) && said.contains("the PIN still works"), "{said}");
        assert!(
            said.contains("`pin change`") && said.contains("brings the PUK back") && !said.contains("erase"),
            "{said}"
        );
        let lost = told(&blocked(Role::Puk), verb, &token(ERASABLE, BLOCKED, BLOCKED));
        assert_eq!(lost, Hint::LastResort("pukka token erase --token 'SEL'".into()));
    }
    let wrong = Error::WrongSecret { role: Role::Puk, retries: Retries::counted(1, None), detail: None };
    let next = |pin| told(&wrong, Verb::PinReset, &token(ERASABLE, pin, left(1))).text().into_owned();
    assert_eq!(next(left(3)), "the next wrong PUK blocks it for good; the PIN still works then");
    assert!(next(BLOCKED).contains("only `token erase` is left then"));
}

#[test]
fn nothing_is_destroyed_where_only_the_policy_of_this_machine_is_in_the_way() {
    let mut card = token(ERASABLE, BLOCKED, left(3));
    let (kept, forbidden) = ERASABLE.iter().copied().partition(|able| able.by.is_none());
    (card.abilities, card.forbidden) = (Vec::into(kept), forbidden);
    for verb in [Verb::PinVerify, Verb::PinChange] {
        let said = told(&blocked(Role::UserPin), verb, &card).text().into_owned();
        assert!(said.contains("`pukka policy check`") && !said.contains("erase"), "{said}");
    }
    // What is blocked is not offered in place of what is forbidden.
    let forbidden = told(&Error::Forbidden("no".into()), Verb::PinReset, &card);
    assert_eq!(forbidden, Hint::Command("pukka policy check".into()));
}

#[test]
fn a_verb_that_the_token_lacks_is_answered_by_the_nearest_that_it_has_else_by_what_it_can_do() {
    let lacks = |verb, survey: &Survey| told(&Error::unsupported("it".into()), verb, survey).text().into_owned();
    let (card, module) = (token(PIV, READY, UNTOLD), token(PKCS11, READY, READY));
    for (verb, survey, instead) in [
        (Verb::SoPinChange, &card, "puk change"),
        (Verb::ResetCodeSet, &card, "puk change"),
        (Verb::RetriesSet, &card, "status"),
        (Verb::TokenErase, &card, "status"),
        (Verb::TokenErase, &module, "token init"),
        (Verb::PukChange, &module, "so-pin change"),
        (Verb::PinUnblock, &module, "pin reset"),
    ] {
        assert_eq!(lacks(verb, survey), format!("pukka {instead} --token 'SEL'"), "{verb}");
    }
}

#[test]
fn a_forgotten_so_pin_is_answered_by_what_is_left_without_it() {
    const WITH_SO: &[Ability] = &[
        Ability { verb: Verb::SoPinChange, by: None, commands: &["CHANGE"] },
        Ability { verb: Verb::TokenErase, by: None, commands: &["RESET"] },
    ];
    let answer = |survey: &Survey| {
        let error = Operation::ResetSoPin.plan(survey, &Orders::default()).unwrap_err();
        (error.exit_code(), told(&error, Verb::SoPinReset, survey))
    };
    let (code, hint) = answer(&token(PKCS11, READY, READY));
    assert!(code == 7 && matches!(&hint, Hint::Advice(advice) if advice.contains("whoever issued")), "{code} {hint:?}");
    let erase = Hint::LastResort("pukka token erase --token 'SEL'".into());
    assert_eq!(answer(&token(WITH_SO, BLOCKED, READY)), (7, erase));
    let (_, kept) = answer(&token(WITH_SO, READY, READY));
    assert!(kept.text().contains("the PIN still works") && !kept.text().contains("erase"), "{kept:?}");
    // Where there is none, another secret may be meant.
    assert_eq!(answer(&token(PIV, READY, UNTOLD)), (7, Hint::Command("pukka puk change --token 'SEL'".into())));
}

#[test]
fn keys_that_a_token_lacks_are_no_reason_to_run_what_failed_or_to_reset_a_pin() {
    let error = Error::unsupported("keys of its own to type a secret at".into());
    for verb in [Verb::PinReset, Verb::PinVerify] {
        let hint = remedy(&error, verb, &token(PIV, READY, UNTOLD), "SEL", Stage::Collecting);
        assert_eq!(hint, Some(Hint::Command("pukka status --token 'SEL'".into())));
    }
}

#[test]
fn a_blank_token_is_offered_its_beginning_with_the_label_that_it_wants() {
    let mut blank = token(PKCS11, UNSET, UNSET);
    blank.identity.blank = true;
    let hint = told(&Error::Unset { role: Role::UserPin }, Verb::PinVerify, &blank);
    assert_eq!(hint, Hint::Command("pukka token init --token 'SEL' --label NAME".into()));
}

#[test]
fn a_limit_that_the_token_does_not_set_is_answered_by_those_that_it_does() {
    const RULES: LimitRules = LimitRules { roles: &[Role::UserPin, Role::SoPin], beside: &[], restores: &[] };
    let card = Survey { limit_rules: Some(&RULES), ..token(PKCS11, READY, READY) };
    let hint = told(&Error::unsupported("tries".into()), Verb::RetriesSet, &card);
    assert!(hint.text().contains("--pin-tries, --so-pin-tries"), "{hint:?}");
}

#[test]
fn a_token_that_shows_no_pin_still_tells_what_can_be_done() {
    let bare = Survey { references: Vec::new(), ..token(PIV, READY, UNTOLD) };
    assert_eq!(choices(&bare).len(), possible(&bare).len());
    assert!(!choices(&bare).is_empty());
}
