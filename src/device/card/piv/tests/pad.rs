//! PIV at the keys of a reader: what the reader is sent is what others send it, byte by byte, and what it says is said.

use super::*;
use crate::{
    device::card::script::{ends, entries_that_came_to_nothing},
    token::{Entries, Pad, Typed},
};

fn at_keys(work: impl FnOnce(&mut dyn Token) -> Result<()>) -> impl FnOnce(&mut dyn Token) -> Result<()> {
    move |piv| {
        guard(piv, Role::UserPin);
        work(piv)
    }
}

fn verify_at_keys(piv: &mut dyn Token) -> Result<()> {
    at_keys(|piv| piv.verify(Role::UserPin, &Entry::Pad))(piv)
}

fn change_at_keys(piv: &mut dyn Token) -> Result<()> {
    at_keys(|piv| piv.change(Role::UserPin, &Entry::Pad, &Entry::Pad))(piv)
}

fn reset_at_keys(piv: &mut dyn Token) -> Result<()> {
    guard(piv, Role::Puk);
    piv.reset(Role::UserPin, Authority { role: Role::Puk, secret: &Entry::Pad }, &Entry::Pad)
}

fn change_puk_at_keys(piv: &mut dyn Token) -> Result<()> {
    guard(piv, Role::Puk);
    piv.change(Role::Puk, &Entry::Pad, &Entry::Pad)
}

#[test]
fn each_operation_is_typed_at_the_reader_by_one_command() {
    assert_eq!(play(dialogue!("pad-verify"), verify_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-change"), change_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-reset"), reset_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-puk-change"), change_puk_at_keys), Ok(()));
}

#[test]
fn a_reader_that_takes_two_steps_is_asked_in_two() {
    assert_eq!(play(dialogue!("pad-steps"), verify_at_keys), Ok(()));
    assert_eq!(play(dialogue!("pad-change-steps"), change_at_keys), Ok(()));
    let given_up = dialogue!("pad-steps")
        .replace("> reader 42330002\n< 90 00", "> reader 42330002\n< pulled\n> reader 4233000B\n< nothing");
    assert_eq!(play(&given_up, verify_at_keys).unwrap_err().kind(), "device");
    // Who refuses to begin is not asked for the end.
    let refused = dialogue!("pad-steps").replace("< nothing\n> reader 42330002\n< 90 00", "< 6B 80");
    assert_eq!(play(&refused, verify_at_keys).unwrap_err().detail(), Some("SW 6B80"));
}

#[test]
fn what_the_reader_says_itself_is_told_as_that_and_the_counter_read_again() {
    let counter = "> 00 20 00 80\n< 63 C3\n";
    let ways = [("device", 8), ("interrupted", 130), ("new-value-refused", 6), ("policy", 6)];
    for ((answer, told), way) in entries_that_came_to_nothing().into_iter().zip(ways) {
        let error = play(&ends(dialogue!("pad-change"), answer, counter), change_at_keys).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), way);
        assert_eq!(error, told);
        assert!(error.to_string().contains("as the reader tells"), "{error}");
    }
}

#[test]
fn a_try_that_went_all_the_same_is_a_try() {
    let cancelled = ends(dialogue!("pad-verify"), "64 01", "> 00 20 00 80\n< 63 C2\n");
    assert_eq!(play(&cancelled, verify_at_keys), wrong(Role::UserPin, left(2), "6401"));
    let timed_out = ends(dialogue!("pad-verify"), "64 00", "> 00 20 00 80\n< 69 83\n");
    assert_eq!(play(&timed_out, verify_at_keys), blocked(Role::UserPin, true, "6400"));
}

#[test]
fn a_structure_that_the_reader_does_not_take_is_told_with_what_helps() {
    let error = play(&ends(dialogue!("pad-verify"), "6B 80", ""), verify_at_keys).unwrap_err();
    assert_eq!((error.kind(), error.detail()), ("device", Some("SW 6B80")));
    assert!(matches!(error, Error::Device { cure: Some(cure), .. } if cure.contains("prompt")));
    let silent = play(&ends(dialogue!("pad-verify"), "nothing", ""), verify_at_keys).unwrap_err();
    assert_eq!((silent.kind(), silent.detail()), ("device", Some("0 bytes")));
}

#[test]
fn what_the_card_says_means_what_it_always_means() {
    let says = |answer: &str| play(&ends(dialogue!("pad-verify"), answer, ""), verify_at_keys);
    assert_eq!(says("63 C2"), wrong(Role::UserPin, left(2), "63C2"));
    assert_eq!(says("69 83"), blocked(Role::UserPin, true, "6983"));
    let change = |answer: &str, behind| play(&ends(dialogue!("pad-change"), answer, behind), change_at_keys);
    assert_eq!(change("63 C2", ""), wrong(Role::UserPin, left(2), "63C2"));
    let refused = change("6A 80", "> 00 20 00 80\n< 63 C3\n").unwrap_err();
    assert_eq!((refused.kind(), refused.role()), ("new-value-refused", Some(Role::UserPin)));
    let wrong_puk = play(&ends(dialogue!("pad-reset"), "63 C1", ""), reset_at_keys);
    assert_eq!(wrong_puk, wrong(Role::Puk, left(1), "63C1"));
    let blocked_puk = play(&ends(dialogue!("pad-puk-change"), "69 83", ""), change_puk_at_keys);
    assert_eq!(blocked_puk.unwrap_err().kind(), "blocked");
}

/// What a survey tells of the keys of a reader that answers so to the request for its features.
fn told(features: &str, behind: &str) -> Pad {
    let dialogue = format!(
        "> 00 A4 04 00 09 A0 00 00 03 08 00 00 10 00 00\n< 61 08 4F 06 00 00 10 00 01 00 90 00\n\
         > 00 CB 3F FF 03 5C 01 7E 00\n< 6A 82\n> 00 20 00 80\n< 63 C3\n> reader 42000D48\n< {features}\n{behind}"
    );
    play(&dialogue, |piv| piv.survey(Depth::Only(&[Role::UserPin])).unwrap().pad)
}

fn operations(pad: &Pad) -> Vec<(Verb, Option<Role>)> {
    match pad {
        Pad::Reader(reader) => reader.takes.iter().map(|typed| (typed.verb, typed.by)).collect(),
        Pad::None | Pad::Path => Vec::new(),
    }
}

#[test]
fn a_reader_that_tells_of_no_features_or_of_nonsense_has_no_keys() {
    for features in
        ["nothing", "pulled", "06", "06 04 42 33 00", "DE AD BE EF", "06 02 42 33", "12 04 42 33 00 12", "90 00"]
    {
        assert_eq!(told(features, ""), Pad::None, "{features}");
    }
}

#[test]
fn a_reader_takes_what_it_has_requests_for() {
    let all = told("06 04 42 33 00 06 07 04 42 33 00 07", "");
    let every =
        [(Verb::PinVerify, None), (Verb::PinChange, None), (Verb::PukChange, None), (Verb::PinReset, Some(Role::Puk))];
    assert_eq!(operations(&all), every);
    assert_eq!(operations(&told("06 04 42 33 00 06", "")), every[..1]);
    assert_eq!(operations(&told("07 04 42 33 00 07", "")), every[1..]);
}

#[test]
fn the_digits_are_those_that_card_and_reader_both_take() {
    let takes = |properties: &str| {
        let pad = told("06 04 42 33 00 06 12 04 42 33 00 12", &format!("> reader 42330012\n< {properties}\n"));
        match pad {
            Pad::Reader(reader) => reader.takes,
            _ => panic!("{pad:?}"),
        }
    };
    let of = |digits| {
        let needs = vec![Need::Current(Role::UserPin)];
        let commands = vec![Entries { needs, digits, delimited: true }];
        vec![Typed { verb: Verb::PinVerify, by: None, commands }]
    };
    assert_eq!(takes("06 01 07 07 01 0C"), of((7, 8)));
    assert_eq!(takes("06 01 00 07 01 00"), of((6, 8)));
    assert_eq!(takes("pulled"), of((6, 8)));
    // One that takes four digits at most is of no use for a PIN of six.
    assert_eq!(takes("07 01 04"), []);
}

#[test]
fn a_reader_is_told_no_more_digits_of_a_new_value_than_a_policy_lets_it_take() {
    let narrowed = |dialogue: &str, told: &str, role, digits, work: fn(&mut dyn Token) -> Result<()>| {
        // wPINMaxExtraDigit, the most digits first: 6 to 8 without a policy.
        assert_eq!(dialogue.matches(" 08 06 0").count(), 1);
        play(&dialogue.replace(" 08 06 0", &format!(" {told} 0")), move |piv| {
            piv.narrow_keys(role, digits);
            work(piv)
        })
    };
    let user = Role::UserPin;
    assert_eq!(narrowed(dialogue!("pad-change"), "08 07", user, (7, usize::MAX), change_at_keys), Ok(()));
    assert_eq!(narrowed(dialogue!("pad-change"), "07 06", user, (0, 7), change_at_keys), Ok(()));
    assert_eq!(narrowed(dialogue!("pad-change"), "08 08", user, (8, 8), change_at_keys), Ok(()));
    assert_eq!(narrowed(dialogue!("pad-change"), "08 06", user, (4, 12), change_at_keys), Ok(()), "nothing is widened");
    assert_eq!(narrowed(dialogue!("pad-change-steps"), "08 07", user, (7, 8), change_at_keys), Ok(()));
    // Neither another's value nor a present one that stands alone is a policy's affair.
    assert_eq!(narrowed(dialogue!("pad-change"), "08 06", Role::Puk, (8, 8), change_at_keys), Ok(()));
    assert_eq!(narrowed(dialogue!("pad-verify"), "08 06", user, (7, 8), verify_at_keys), Ok(()));
}

#[test]
fn a_reader_that_cannot_ask_for_what_a_policy_wants_is_asked_for_nothing() {
    let dialogue = dialogue!("pad-change");
    let unasked = &dialogue[..dialogue.find("> reader 42330007").unwrap()];
    let refused = play(unasked, |piv| {
        piv.narrow_keys(Role::UserPin, (9, 12));
        change_at_keys(piv)
    });
    assert_eq!(refused.unwrap_err().exit_code(), 7);
    // Beside a PUK, which has eight digits, seven at most are none.
    let dialogue = dialogue!("pad-reset");
    let unasked = &dialogue[..dialogue.find("> reader 42330007").unwrap()];
    let refused = play(unasked, |piv| {
        piv.narrow_keys(Role::UserPin, (6, 7));
        reset_at_keys(piv)
    });
    assert_eq!(refused.unwrap_err().exit_code(), 7);
}

#[test]
fn beside_a_puk_of_eight_digits_a_reader_takes_eight_of_each_value() {
    let Pad::Reader(pad) = told("06 04 42 33 00 06 07 04 42 33 00 07", "") else { panic!("no keys") };
    let digits = |verb, by| pad.commands(verb, by).iter().map(|command| command.digits).collect::<Vec<_>>();
    assert_eq!(digits(Verb::PinReset, Some(Role::Puk)), [(8, 8)]);
    assert_eq!(digits(Verb::PukChange, None), [(8, 8)]);
    assert_eq!(digits(Verb::PinChange, None), [(6, 8)]);
}

#[test]
fn one_value_from_the_keys_and_one_from_here_is_refused_before_anything_is_sent() {
    let change = |piv: &mut dyn Token| piv.change(Role::UserPin, &Entry::Pad, &entry("new"));
    let dialogue = "> 00 A4 04 00 09 A0 00 00 03 08 00 00 10 00 00\n< 61 08 4F 06 00 00 10 00 01 00 90 00\n\
                    > 00 CB 3F FF 03 5C 01 7E 00\n< 6A 82";
    assert_eq!(play(dialogue, change).unwrap_err().exit_code(), 7);
}

#[test]
fn a_reader_without_keys_is_not_asked_for_an_entry() {
    let dialogue = dialogue!("pad-verify");
    let without = &dialogue[..dialogue.find("# what the reader has").unwrap()];
    assert_eq!(play(without, verify_at_keys).unwrap_err().exit_code(), 7);
}
