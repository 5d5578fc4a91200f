//! What every operation does on every card: done, wrong, last, blocked, of a bad length, not there at all.

use serde_json::{Value, json};

use super::{
    applications::{Application, Operation, Wrong},
    bench::{Seat, secret},
};
use crate::support::{Run, cards::Pcscd};

/// The error object of a call that ends with this exit code.
#[track_caller]
pub fn refused(seat: &Seat, line: &str, code: i32) -> Value {
    let run = seat.run(line);
    assert_eq!(run.code, code, "{line}: {run:?}");
    error(&run)
}

/// The error object of a run, whose exit code it names.
#[track_caller]
pub fn error(run: &Run) -> Value {
    let object = run.json();
    assert_eq!(object["error"]["exit_code"], run.code, "{run:?}");
    assert!(!run.err.contains("panicked"), "{run:?}");
    object["error"].clone()
}

/// A card for `operation`, with all that must have been done before.
#[track_caller]
pub fn seat<'p>(
    pcscd: &'p Pcscd,
    index: usize,
    application: &'static Application,
    operation: &Operation,
    dialect: &[String],
) -> Seat<'p> {
    let seat = Seat::new(pcscd, index, application, &switches(operation, dialect));
    prepare(&seat, operation);
    seat
}

/// The dialect of a card for `operation`: a model that it needs comes first, as it turns all switches.
pub fn switches(operation: &Operation, dialect: &[String]) -> Vec<String> {
    let given = operation.given.iter().map(|switch| (*switch).to_owned());
    let (models, others): (Vec<_>, Vec<_>) = given.partition(|switch| switch.starts_with("card="));
    models.into_iter().chain(dialect.iter().cloned()).chain(others).collect()
}

#[track_caller]
fn prepare(seat: &Seat, operation: &Operation) {
    for line in operation.before {
        seat.run(line).code(0);
    }
}

/// The value of a variable of the environment, as the card keeps it.
pub fn kept(application: &Application, variable: &str) -> String {
    let (_, value) = application.secrets.iter().find(|(name, _)| *name == variable).unwrap();
    (application.kept)(value)
}

/// Whether all that the operation sets is on the card.
#[track_caller]
pub fn is_done(application: &Application, operation: &Operation, state: &Value) -> bool {
    operation.sets.iter().all(|(role, value)| {
        secret(application, state, role)["value"].as_str().unwrap().eq_ignore_ascii_case(&kept(application, value))
    })
}

/// All of the matrix for one operation on one card.
#[track_caller]
pub fn holds(
    pcscd: &Pcscd,
    index: usize,
    application: &'static Application,
    operation: &Operation,
    dialect: &[String],
) {
    let seat = seat(pcscd, index, application, operation, dialect);
    let dialect = &switches(operation, dialect);
    if let Some(code) = (operation.refused)(dialect) {
        error(&seat.run(operation.line).code(code));
        assert!(!is_done(application, operation, &seat.state()) || operation.sets.is_empty());
        return;
    }
    // Nothing is sent, so that it matters on cards only that would take it.
    let would_take = |switch: &String| ["change-short=9000", "reset-short=9000"].contains(&switch.as_str());
    if dialect.len() == operation.given.len() || dialect.iter().any(would_take) {
        is_refused_unsent_where_the_length_is_wrong(&seat, operation);
    }
    succeeds(&seat, operation);
    if let Some(wrong) = &operation.wrong {
        prepare(&seat, operation);
        costs_one_try_if_wrong(&seat, operation, wrong, dialect);
    }
}

#[track_caller]
fn is_refused_unsent_where_the_length_is_wrong(seat: &Seat, operation: &Operation) {
    let before = seat.state();
    for (from, to) in operation.unsent {
        let line = replaced(operation.line, from, to);
        let refused = refused(seat, &line, 6);
        assert_eq!((&refused["kind"], seat.telling()), (&json!("policy"), vec![]), "{line}: {refused}");
        assert_eq!(seat.state(), before, "{line}");
    }
}

#[track_caller]
fn succeeds(seat: &Seat, operation: &Operation) {
    let run = seat.run(operation.line).code(0);
    let done = run.json();
    assert_eq!(
        (&done["outcome"], &done["confirmed"]),
        (&json!(operation.outcome), &json!(operation.is_proved)),
        "{done}"
    );
    assert!(is_done(seat.application, operation, &seat.state()), "{done}: {}", seat.state());
    let left = done["tries"]["left"].as_u64();
    assert!(left.is_none_or(|left| left == seat.tries(done["role"].as_str().unwrap())), "{done}");
}

#[track_caller]
fn costs_one_try_if_wrong(
    seat: &Seat,
    operation: &Operation,
    Wrong { role, right, wrong }: &Wrong,
    dialect: &[String],
) {
    // The new PIN is on the card by now, and some refuse one that they have before they look at the old value.
    let line = replaced(operation.line, right, wrong).replace("--new-pin env:NEW", "--new-pin env:PIN");
    let Some(reference) = seat.application.references.iter().find(|own| own.role == *role) else {
        // It has no counter.
        let before = seat.state();
        let refused = refused(seat, &line, 4);
        assert_eq!((&refused["role"], &refused["tries_left"]), (&json!(role), &Value::Null), "{line}: {refused}");
        assert_eq!(seat.state(), before, "{line}");
        return;
    };
    let is_told = (reference.is_told)(dialect);
    while seat.tries(role) > 1 {
        let before = seat.state();
        let refused = refused(seat, &line, 4);
        assert_eq!((&refused["kind"], &refused["role"]), (&json!("wrong-secret"), &json!(role)), "{line}: {refused}");
        assert_eq!(seat.state(), one_try_less(&before, reference.path), "{line}: {refused}");
        is_the_true_count(seat, role, &refused, is_told);
    }
    let last = seat.state();
    assert_eq!(seat.shown(role), is_told.then_some(seat.tries(role)), "{line}");
    if is_told {
        let refused = refused(seat, &line, 6);
        assert_eq!((&refused["kind"], &refused["role"]), (&json!("last-try"), &json!(role)), "{line}: {refused}");
        assert_eq!((seat.telling(), seat.state()), (vec![], last.clone()), "{line}");
    }
    let run = seat.run(&format!("{line} --allow-last-try={role}"));
    assert!(run.code == 5 || (!is_told && run.code == 4), "{line}: {run:?}");
    is_the_true_count(seat, role, &error(&run), is_told);
    assert_eq!(seat.state(), one_try_less(&last, reference.path), "{line}");
    let blocked = seat.state();
    for line in [&line, operation.line] {
        let run = seat.run(&format!("{line} --allow-last-try={role}"));
        assert!(run.code == 5 || (!is_told && run.code == 4), "{line}: {run:?}");
        is_the_true_count(seat, role, &error(&run), is_told);
        assert!(!is_told || seat.telling().is_empty(), "{line}: {:?}", seat.telling());
        assert_eq!(seat.state(), blocked, "{line}");
    }
    assert_eq!(seat.shown(role), is_told.then_some(0), "{line}");
}

/// The count of a refusal is none, or the one that the card has.
#[track_caller]
fn is_the_true_count(seat: &Seat, role: &str, refused: &Value, is_told: bool) {
    let (told, left) = (refused["tries_left"].as_u64(), seat.tries(role));
    // A reset code that is blocked is none on the card, which tells no more.
    let is_none = role == "reset-code" && left == 0;
    assert!(told == Some(left) || (told.is_none() && (!is_told || is_none)), "{left} on the card: {refused}");
}

/// What the application has not got is exit 7, and the hint names something that it has.
#[track_caller]
pub fn is_impossible(seat: &Seat) {
    let before = seat.state();
    let status = seat.run("status").code(0).json();
    let can = status["tokens"][0]["can"].as_array().unwrap();
    for line in seat.application.impossible {
        let refused = refused(seat, line, 7);
        assert_eq!((&refused["kind"], seat.telling()), (&json!("unsupported"), vec![]), "{line}: {refused}");
        let hint = refused["hint"].as_str().unwrap_or_default();
        let named: Vec<&str> = hint.strip_prefix("pukka ").unwrap_or_default().split(' ').take(2).collect();
        assert!(can.iter().any(|able| able["operation"] == named.join(" ")), "{line}: {refused}, {can:?}");
    }
    assert_eq!(seat.state(), before);
}

/// A call with another secret.
#[track_caller]
pub fn replaced(line: &str, from: &str, to: &str) -> String {
    // A name may be the beginning of another: env:SO, env:SO2.
    let (padded, from, to) = (format!("{line} "), format!("{from} "), format!("{to} "));
    assert!(padded.contains(&from), "{from}: {line}");
    padded.replacen(&from, &to, 1).trim_end().to_owned()
}

fn one_try_less(state: &Value, path: &str) -> Value {
    let mut state = state.clone();
    let tries = &mut state.pointer_mut(path).unwrap()["tries"];
    *tries = json!(tries.as_u64().unwrap() - 1);
    state
}
