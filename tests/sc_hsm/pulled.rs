//! A SmartCard-HSM pulled at each single command of each operation.

use crate::support::cards::{Card, Pcscd};

use super::{Desk, error};
use crate::support::home;

/// A device that is pulled before its `count`-th command, or when it has done it and not answered yet.
fn pulled(when: &str, count: usize, switch: &str) -> Desk {
    let card = Card::stand_in("sc-hsm").dialect(switch).fault(&format!("{when}@{count}"));
    let (pcscd, [card]) = Pcscd::with([card]);
    Desk { home: home(), pcscd, card }
}

/// The operation is never called done, unless the card had answered its last command, and who can says which PIN holds.
#[track_caller]
fn is_told_at_each(line: &str, commands: usize, switch: &str, hint: Option<&str>) {
    for when in ["pull-before", "pull-after"] {
        for count in 1..=commands {
            let run = pulled(when, count, switch).run(&format!("{line} --application sc-hsm --json"));
            assert!([8, 11].contains(&run.code), "{when} {count}: {run:?}");
            let error = error(&run);
            let hinted = error["hint"].as_str().unwrap_or_default();
            // From the first command that presents a secret on a write may have been done.
            assert!(count < 3 || hint.is_none_or(|hint| hinted.starts_with(hint)), "{when} {count}: {error}");
        }
    }
}

#[test]
fn a_change_that_is_cut_off_is_followed_by_a_verify() {
    is_told_at_each("pin change --pin env:PIN --new-pin env:NEW", 5, "options=0001", Some("pukka pin verify "));
}

#[test]
fn a_reset_that_is_cut_off_is_followed_by_a_verify() {
    is_told_at_each("pin reset --so-pin env:SO --new-pin env:NEW", 5, "options=0001", Some("pukka pin verify "));
}

#[test]
fn what_is_done_to_the_so_pin_or_by_it_and_cut_off_is_not_called_done() {
    is_told_at_each("pin unblock --so-pin env:SO", 4, "options=0021", None);
    is_told_at_each("so-pin change --so-pin env:SO --new-so-pin env:SO2", 5, "options=0001", None);
    is_told_at_each("pin verify --pin env:PIN", 3, "options=0001", None);
}

#[test]
fn a_beginning_that_is_cut_off_is_not_called_done() {
    // SELECT, certificate, label, both counters; SELECT and counter again, INITIALIZE, certificate and label, three proofs.
    let sent = {
        let desk = super::desk(&["delivered=new"]);
        desk.run("token init --application sc-hsm --new-so-pin env:SO --new-pin env:NEW").code(0);
        desk.card.apdus().len()
    };
    is_told_at_each("token init --new-so-pin env:SO --new-pin env:NEW", sent, "delivered=new", None);
}
