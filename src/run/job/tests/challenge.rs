//! Challenge and response: what is asked when, and what is sent in between.

use std::fs;

use super::*;

const BY_CHALLENGE: Operation = Operation::Reset { by: Some(Role::Response) };
const RESPONSE: &str = "0123456789ABCDEF";

#[test]
fn the_new_pin_is_collected_before_the_challenge_is_drawn_and_the_response_opens_the_next_transaction() {
    let done = Desk { answers: vec!["8264", "8264", RESPONSE], ..Desk::new() }.run(&BY_CHALLENGE);
    // The fake is asked for a counter where a card would send nothing.
    let log: Vec<String> = done.log.into_iter().filter(|what| what != "counter").collect();
    assert_eq!(log, ["[", "survey", "]", "[", "challenge", "]", "[", "reset", RESPONSE, "prove", "]"]);
    assert!(done.questions[0].starts_with("New PIN of desk-7"), "{:?}", done.questions);
    assert_eq!(done.questions[2], "Response to the challenge 0000000000000000 of desk-7: ");
    let report = done.result.unwrap();
    assert_eq!((report.outcome, report.by, report.confirmed), (Some(Outcome::Reset), Some(Role::Response), true));
}

#[test]
fn a_new_pin_that_the_policy_refuses_is_refused_before_a_challenge_is_drawn() {
    let done = Desk { answers: vec!["56", "56", "56"], ..Desk::new() }.run(&BY_CHALLENGE);
    assert_eq!(done.error().exit_code(), 6);
    assert_eq!(done.log, ["[", "survey", "]"]);
}

#[test]
fn a_mistyped_group_is_named_and_asked_again_and_groups_are_taken_for_what_they_stand_for() {
    // 0123 and 4567 with their check digits, the second one mistyped at first.
    let groups = crate::challenge::Block::parse(RESPONSE).unwrap().groups().join(" ");
    let mistyped: &'static str = groups.replacen("4567", "4568", 1).leak();
    let done = Desk { answers: vec!["8264", "8264", mistyped, groups.leak()], ..Desk::new() }.run(&BY_CHALLENGE);
    assert!(done.questions[3].contains("group 2"), "{:?}", done.questions);
    assert!(!done.questions[3].contains("4568"), "{:?}", done.questions);
    assert!(done.log.contains(&RESPONSE.to_owned()), "{:?}", done.log);
    assert_eq!(done.result.unwrap().outcome, Some(Outcome::Reset));
}

#[test]
fn a_response_of_another_length_than_the_challenge_is_never_sent() {
    let longer = "0123456789ABCDEF0123456789ABCDEF";
    let done = Desk { answers: vec!["8264", "8264", longer, longer, longer], ..Desk::new() }.run(&BY_CHALLENGE);
    assert_eq!(done.error().exit_code(), 6);
    assert_eq!(done.log.last_chunk(), Some(&["challenge".to_owned(), "]".to_owned()]));
}

#[test]
fn who_gives_up_before_the_response_has_sent_nothing_more() {
    let done = Desk { answers: vec!["8264", "8264"], ..Desk::new() }.run(&BY_CHALLENGE);
    assert_eq!(done.error(), &Error::Interrupted);
    assert_eq!(done.log.last_chunk(), Some(&["challenge".to_owned(), "]".to_owned()]));
}

#[test]
fn a_challenge_that_was_lost_is_drawn_anew_and_asked_for_anew_with_the_same_new_pin() {
    let mut desk = Desk { answers: vec!["8264", "8264", RESPONSE, RESPONSE], ..Desk::new() };
    desk.token.loses = 1;
    let done = desk.run(&BY_CHALLENGE);
    let challenges: Vec<&String> = done.questions.iter().filter(|question| question.starts_with("Response")).collect();
    assert_eq!(challenges.len(), 2, "{:?}", done.questions);
    assert!(challenges[0].contains("0101010101010101") && challenges[1].contains("0000000000000000"));
    assert_eq!(done.result.unwrap().outcome, Some(Outcome::Reset));
}

#[test]
fn after_three_challenges_that_were_lost_it_ends_with_exit_8_and_a_generated_pin_is_worth_nothing() {
    let mut desk = Desk { answers: vec![RESPONSE; 9], ..Desk::new() };
    desk.token.loses = 9;
    desk.sources = [(Need::New(Role::UserPin), Source::Generate)].into();
    let done = desk.run(&BY_CHALLENGE);
    assert_eq!((done.error(), done.error().exit_code()), (&Error::Stale, 8));
    assert_eq!(done.log.iter().filter(|what| *what == "challenge").count(), 3);
    assert!(done.result.unwrap_err().generated.is_empty());
}

#[test]
fn a_generated_pin_is_in_its_file_only_while_the_token_may_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new-pin");
    let generated = |loses| {
        let mut desk = Desk { answers: vec![RESPONSE; 2], ..Desk::new() };
        desk.token.loses = loses;
        desk.sources = [(Need::New(Role::UserPin), Source::GenerateTo(path.clone()))].into();
        desk.run(&BY_CHALLENGE)
    };
    // The second challenge is lost as well, and nobody answers the third.
    assert_eq!((generated(2).error(), path.exists()), (&Error::Interrupted, false));
    let report = generated(1).result.unwrap();
    assert_eq!((report.generated.len(), path.exists()), (1, true));
}

#[test]
fn a_source_is_read_only_once_there_is_a_challenge_and_does_not_answer_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("response");
    let sources = BTreeMap::from([(Need::Current(Role::Response), Source::File(path.clone()))]);
    // It need not even be there before.
    let missing = Desk { answers: vec!["8264", "8264"], sources: sources.clone(), ..Desk::new() }.run(&BY_CHALLENGE);
    assert_eq!(missing.error().exit_code(), 2);
    assert_eq!(missing.log.last_chunk(), Some(&["challenge".to_owned(), "]".to_owned()]));
    fs::write(&path, format!("{RESPONSE}\n")).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut desk = Desk { answers: vec!["8264", "8264"], sources, ..Desk::new() };
    desk.token.loses = 1;
    let done = desk.run(&BY_CHALLENGE);
    assert_eq!(done.error(), &Error::Stale);
    assert_eq!(done.log.iter().filter(|what| *what == "challenge").count(), 1);
}

#[test]
fn a_dry_run_draws_no_challenge_and_shows_the_plan() {
    let done = Desk { dry_run: true, ..Desk::new() }.run(&BY_CHALLENGE);
    assert_eq!(done.log, ["[", "survey", "]"]);
    let report = done.result.unwrap();
    assert_eq!(report.commands, ["CHALLENGE", "RESET"]);
    assert_eq!(report.plan.unwrap().needs(), [Need::Current(Role::Response), Need::New(Role::UserPin)]);
}
