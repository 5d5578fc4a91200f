//! Another program at the card between the two transactions of an operation that asks a person for something.

use super::{
    applications::{Application, GIDS, OPENPGP, Operation, PIV, SC_HSM},
    bench::{Named, Seat, each},
    faults::is_proved,
    operations::{seat, switches},
    profiles::PROFILES,
};
use crate::support::terminal::Terminal;

/// What another program does meanwhile.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Resets,
    SelectsSomethingElse,
    SpendsTries,
    /// Its name is the same, and even its values are.
    PutsAnotherCard,
}

use Meanwhile::{PutsAnotherCard, Resets, SelectsSomethingElse, SpendsTries};

/// An operation, and what happens in its midst.
type Case = Named<(&'static Application, &'static Operation, Meanwhile)>;

/// The last secret that the call names, left out for a person to type: the rest of the call, and the variable.
fn without_last_secret(operation: &'static Operation) -> Option<(String, bool, &'static str)> {
    let words: Vec<&str> = operation.line.split(' ').collect();
    let is_asked = |at: &usize| words[*at].starts_with("env:");
    let at = (0..words.len()).rev().find(is_asked)?;
    let rest = [&words[..at - 1], &words[at + 1..]].concat().join(" ");
    Some((rest, words[at - 1].starts_with("--new-"), words[at].strip_prefix("env:")?))
}

#[test]
fn what_another_program_does_while_a_person_types_neither_breaks_an_operation_nor_misleads_it() {
    let mut cases = Vec::new();
    for application in [&SC_HSM, &PIV, &OPENPGP, &GIDS].into_iter().chain(PROFILES) {
        for operation in application.operations {
            if (operation.refused)(&switches(operation, &[])).is_some() || without_last_secret(operation).is_none() {
                continue;
            }
            for meanwhile in [Resets, SelectsSomethingElse, SpendsTries, PutsAnotherCard] {
                let name = format!("{} {}: {meanwhile:?}", application.name, operation.line);
                cases.push(Case { name, what: (application, operation, meanwhile) });
            }
        }
    }
    each(&cases, |pcscd, index, Case { what: (application, operation, meanwhile), .. }| {
        let mut seat = seat(pcscd, index, application, operation, &[]);
        let Some((line, is_new, variable)) = without_last_secret(operation) else { return };
        let mut before = seat.state();
        let mut terminal = Terminal::spawn(seat.command(&line));
        terminal.expect(if is_new { "New " } else { " of " }).expect("): ");
        let spender =
            operation.wrong.as_ref().filter(|wrong| application.references.iter().any(|own| own.role == wrong.role));
        match meanwhile {
            Resets => seat.reset(),
            SelectsSomethingElse => seat.select_nothing(),
            SpendsTries => {
                let Some(wrong) = spender else { return give_up(terminal) };
                spend_all_but_one(&seat, operation, wrong);
                before = seat.state();
            }
            PutsAnotherCard => seat.put_back(&before),
        }
        seat.card.clear_trace();
        let (_, value) = application.secrets.iter().find(|(name, _)| *name == variable).unwrap();
        terminal.send(&format!("{value}\r"));
        if is_new {
            terminal.expect("again: ").send(&format!("{value}\r"));
        }
        let (code, shown) = terminal.wait();
        let after = seat.state();
        match meanwhile {
            Resets | SelectsSomethingElse => {
                assert_eq!(code, 0, "{shown}");
                assert!(is_proved(application, operation, &before, &after), "{shown}");
            }
            SpendsTries if is_told(application, operation) => {
                assert_eq!(code, 6, "{shown}");
                assert_eq!((seat.telling(), after), (vec![], before), "{shown}");
            }
            SpendsTries => assert_eq!(code, 0, "{shown}"),
            PutsAnotherCard => {
                assert_eq!(code, 8, "{shown}");
                assert_eq!((seat.telling(), after), (vec![], before), "{shown}");
            }
        }
    });
}

fn is_told(application: &Application, operation: &Operation) -> bool {
    let role = operation.wrong.as_ref().map(|wrong| wrong.role);
    let reference = application.references.iter().find(|own| Some(own.role) == role);
    reference.is_some_and(|own| (own.is_told)(&switches(operation, &[])))
}

/// Another program's wrong values, by pukka itself: it is one of them.
#[track_caller]
fn spend_all_but_one(seat: &Seat, operation: &Operation, wrong: &super::applications::Wrong) {
    let line = super::operations::replaced(operation.line, wrong.right, wrong.wrong);
    while seat.tries(wrong.role) > 1 {
        seat.run(&line).code(4);
    }
}

fn give_up(mut terminal: Terminal) {
    terminal.send("\x03");
    assert_eq!(terminal.wait().0, 130);
}
