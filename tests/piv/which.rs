//! Which card is meant, where there are several.

use serde_json::json;

use super::{SELECT, error, presented, with_secrets};
use crate::support::{
    Run,
    cards::{Card, Pcscd, VirtualCard},
    home, pukka,
};

const CHANGE: &str = "pin change --pin env:PIN --new-pin env:NEW";
const VERIFY: &str = "pin verify --pin env:PIN";

/// Two cards that say 00BC614E and 01020304, or what else they are given.
struct Pair {
    pcscd: Pcscd,
    cards: [VirtualCard; 2],
}

fn pair(serials: [&str; 2]) -> Pair {
    let (pcscd, cards) = Pcscd::with(serials.map(|serial| Card::piv().serial(serial)));
    Pair { pcscd, cards }
}

impl Pair {
    #[track_caller]
    fn run(&self, line: &str, rest: &[&str]) -> Run {
        let home = home();
        self.cards.iter().for_each(VirtualCard::clear_trace);
        let arguments = line.split_whitespace().chain(rest.iter().copied());
        with_secrets(pukka(home.path(), arguments).envs(self.pcscd.envs())).run()
    }

    /// How many secrets each card was given by the last call.
    fn presented(&self) -> [usize; 2] {
        [0, 1].map(|index| presented(&self.cards[index]).len())
    }

    #[track_caller]
    fn candidates(&self, line: &str) -> Vec<String> {
        let error = error(&self.run(line, &["--json"]).code(3));
        assert_eq!(error["kind"], "ambiguous-token");
        error["candidates"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn with_two_cards_nothing_is_guessed_and_each_selector_that_is_printed_changes_its_own() {
    let pair = pair(["00BC614E", "01020304"]);
    let candidates = pair.candidates(&format!("{CHANGE} --application piv"));
    assert_eq!(candidates, ["card:serial=12345678;application=piv", "card:serial=16909060;application=piv"]);
    assert_eq!(pair.presented(), [0, 0]);
    let text = pair.run(&format!("{CHANGE} --application piv"), &[]).code(3);
    assert!(candidates.iter().all(|candidate| text.err.contains(candidate)), "{text:?}");

    pair.run(CHANGE, &["--token", &candidates[1]]).code(0);
    assert_eq!(pair.presented(), [0, 2], "CHANGE and its proof");
    pair.run(VERIFY, &["--token", &candidates[0]]).code(0);
    assert_eq!(pair.presented(), [1, 0], "the first has its old PIN");
    for (index, block) in [(0, "313233343536FFFF"), (1, "323731383238FFFF")] {
        assert_eq!(pair.pcscd.send(index, &[SELECT, &format!("0020008008{block}")])[1], "9000");
    }
}

#[test]
fn cards_with_one_serial_are_told_apart_by_their_readers() {
    let pair = pair(["00BC614E", "00BC614E"]);
    let candidates = pair.candidates(&format!("{VERIFY} --application piv"));
    let [first, second] = candidates.as_slice() else { panic!("{candidates:?}") };
    for (selector, reader) in [(first, "Virtual%20PCD%2000%2000"), (second, "Virtual%20PCD%2000%2001")] {
        assert!(selector.contains(&format!("reader={reader}")), "{selector}");
    }
    pair.run(VERIFY, &["--token", first]).code(0);
    assert_eq!(pair.presented(), [1, 0]);
    pair.run(VERIFY, &["--token", second]).code(0);
    assert_eq!(pair.presented(), [0, 1]);
    pair.run(VERIFY, &["--token", "card:serial=12345678"]).code(3);
    assert_eq!(pair.presented(), [0, 0]);
}

#[test]
fn a_card_is_named_by_reader_or_by_a_word_that_matches_exactly() {
    let pair = pair(["00BC614E", "01020304"]);
    for (token, expected) in [
        ("card:reader=Virtual%20PCD%2000%2001;application=piv", [0, 1]),
        ("card:reader=Virtual%20PCD%2000%2000", [1, 0]),
        ("card:serial=16909060", [0, 1]),
    ] {
        pair.run(VERIFY, &["--token", token]).code(0);
        assert_eq!(pair.presented(), expected, "{token}");
    }
    for (word, expected) in [("12345678", [1, 0]), ("Virtual PCD 00 01", [0, 1])] {
        pair.run(VERIFY, &["--via", "pcsc", "--token", word]).code(0);
        assert_eq!(pair.presented(), expected, "{word}");
    }
    for word in ["1234567", "Virtual PCD", "virtual pcd 00 00"] {
        let run = pair.run(VERIFY, &["--via", "pcsc", "--json", "--token", word]).code(3);
        assert_eq!(error(&run)["kind"], "no-token");
        assert_eq!(pair.presented(), [0, 0], "{word}");
    }
}

#[test]
fn status_takes_its_token_by_position_and_shows_that_one_alone() {
    let pair = pair(["00BC614E", "01020304"]);
    let status = pair.run("status card:serial=16909060 --json", &[]).code(0).json();
    let serials: Vec<_> = status["tokens"].as_array().unwrap().iter().map(|token| token["serial"].clone()).collect();
    assert_eq!(serials, [json!("16909060")]);
    let both = pair.run("status --application piv --json", &[]).code(0).json();
    assert_eq!(both["tokens"].as_array().unwrap().len(), 2);
}

#[test]
fn a_card_without_the_application_is_no_token_of_it() {
    let (pcscd, [card]) = Pcscd::with([Card::openpgp()]);
    let home = home();
    let line = format!("{CHANGE} --application piv --json");
    let run = with_secrets(pukka(home.path(), line.split_whitespace()).envs(pcscd.envs())).run().code(3);
    assert_eq!(error(&run)["kind"], "no-token");
    assert_eq!(presented(&card), [""; 0]);
    assert_eq!(card.resets(), 0);
}

#[test]
fn beside_another_card_the_only_one_with_the_application_needs_no_naming() {
    let (pcscd, [other, card]) = Pcscd::with([Card::openpgp(), Card::piv()]);
    let home = home();
    let line = format!("{CHANGE} --application piv");
    with_secrets(pukka(home.path(), line.split_whitespace()).envs(pcscd.envs())).run().code(0);
    assert_eq!((presented(&other).len(), presented(&card).len()), (0, 2));
}
