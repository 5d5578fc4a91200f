//! Faults, and what a card has done by then: seen from its slot.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use stand_in_cards::{
    application,
    card::Card,
    hex,
    slot::{Manner, Slot},
    store::Store,
};

const SELECT: &str = "00A4040009A00000039742544659";
const WRONG: &str = "0020008006393939393939";
const QUERY: &str = "00200080";

/// A file of this name that ends with the test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("stand-in-{}-{name}", process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What arrives from a GIDS card with these faults; `None` from where it has left.
fn arrives(manner: Manner, store: Option<&Path>, commands: &[&str]) -> Vec<Option<String>> {
    let mut applications = vec![application::by_name("gids").unwrap()];
    applications.iter_mut().for_each(|application| application.deliver());
    let store = store.map(|file| Store::open(file, &mut applications).unwrap());
    let mut card = Card::new(applications, store);
    let mut slot = Slot::new(&mut card, manner);
    let mut execute =
        |command: &&str| slot.execute(&hex::decode(command).unwrap()).unwrap().map(|answer| hex::encode(&answer));
    commands.iter().map(&mut execute).collect()
}

fn with(fault: &str) -> Manner {
    Manner { fault: vec![fault.parse().unwrap()], ..Manner::default() }
}

#[test]
fn a_card_pulled_before_its_work_has_not_counted_and_one_pulled_after_has() {
    for (fault, left) in [("pull-before@20:1", "63C3"), ("pull-after@20:1", "63C2")] {
        let store = Temporary::new(fault);
        assert_eq!(arrives(with(fault), Some(&store.0), &[SELECT, WRONG])[1], None, "{fault}");
        let again = arrives(Manner::default(), Some(&store.0), &[SELECT, QUERY]);
        assert_eq!(again[1].as_deref(), Some(left), "{fault}");
    }
}

#[test]
fn an_answer_is_cut_or_replaced_after_the_work_is_done() {
    for (fault, answer) in [("cut=1@2", "63"), ("answer=6F42@2", "6F42")] {
        let arrived = arrives(with(fault), None, &[SELECT, WRONG, QUERY]);
        assert_eq!(arrived[1..], [Some(answer.to_owned()), Some("63C2".to_owned())], "{fault}");
    }
    let garbage = arrives(with("garbage=40@2"), None, &[SELECT, WRONG])[1].clone().unwrap();
    assert_eq!((garbage.len(), &garbage[76..77]), (80, "F"), "{garbage}");
}

#[test]
fn a_lie_says_that_all_is_well_and_does_nothing() {
    let arrived = arrives(with("lie@20+1"), None, &[SELECT, WRONG, QUERY]);
    assert_eq!(arrived[1..], [Some("9000".to_owned()), Some("63C3".to_owned())]);
}

#[test]
fn faults_from_a_file_count_from_when_they_are_taken() {
    let file = Temporary::new("armed");
    let manner = || Manner { fault_file: Some(file.0.clone()), ..with("lie@*") };
    fs::write(&file.0, "answer=6F00@2\nanswer=6F01@3\n").unwrap();
    let arrived = arrives(manner(), None, &[SELECT, QUERY, QUERY, QUERY]);
    let arrived: Vec<&str> = arrived.iter().map(|answer| answer.as_deref().unwrap()).collect();
    assert_eq!(arrived[1..], ["6F00", "6F01", "63C3"]);
    assert!(!file.0.exists(), "so that the same can be set again");
}
