//! Every operation on cards that are pulled, answer short, answer nonsense, or claim to have done what they did not, at each
//! single command.

use std::{fmt, sync::Mutex, time::Instant};

use serde_json::Value;

use super::{
    applications::{Application, GIDS, OPENPGP, Operation, PIV, SC_HSM},
    bench::{Named, Seat, each, secret, tries},
    operations::{is_done, kept, seat, switches},
    profiles::PROFILES,
};
use crate::support::Run;

/// What goes wrong at one command, as the stand-in has it.
const FAULTS: [&str; 5] = ["pull-before", "pull-after", "cut=1", "garbage=12", "lie"];

/// How long a call may take on a card that answers at once.
const SOON: u64 = 20;

/// One operation as it goes where nothing goes wrong.
struct Course {
    application: &'static Application,
    operation: &'static Operation,
    /// The call, with the serial that a destruction asks for.
    line: String,
    /// What the card has stored before.
    state: Value,
    commands: usize,
}

/// One fault at one command of it.
struct Case<'c> {
    course: &'c Course,
    fault: String,
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.application.name, self.operation.line)
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.course, self.fault)
    }
}

/// Each operation that a card of this kind has, with what it takes where nothing goes wrong.
#[track_caller]
fn courses(application: &'static Application) -> Vec<Course> {
    let named = |operation: &'static Operation| Named { name: operation.line.to_owned(), what: operation };
    let operations: Vec<_> = application.operations.iter().map(named).collect();
    let courses = Mutex::new(Vec::new());
    each(&operations, |pcscd, index, Named { what: operation, .. }| {
        if (operation.refused)(&switches(operation, &[])).is_some() {
            return;
        }
        let mut seat = seat(pcscd, index, application, operation, &[]);
        if operation.outcome == "unblocked" {
            let mut state = seat.state();
            state.pointer_mut(application.references[0].path).unwrap()["tries"] = 0.into();
            seat.put_back(&state);
        }
        let state = seat.state();
        let line = seat.named(operation.line);
        let run = seat.run(&line).code(0);
        let commands = seat.sent().len();
        assert!(is_proved(application, operation, &state, &seat.state()), "{run:?}");
        courses.lock().unwrap().push(Course { application, operation, line, state, commands });
    });
    courses.into_inner().unwrap()
}

/// Whether the card itself shows that the operation was done.
pub fn is_proved(application: &Application, operation: &Operation, before: &Value, after: &Value) -> bool {
    let pin = || secret(application, after, "user-pin");
    match operation.outcome {
        "verified" => true,
        "unblocked" => pin()["tries"] == pin()["limit"],
        _ if operation.line.starts_with("retries ") => pin()["limit"] == 5 && is_done(application, operation, after),
        // What is on no list of those with a counter: an admin key.
        _ if operation.sets.is_empty() => before != after,
        _ => is_done(application, operation, after),
    }
}

fn meets_every_fault(application: &'static Application) {
    let courses = courses(application);
    let mut cases = Vec::new();
    for course in &courses {
        for fault in FAULTS {
            let at = |command| Case { course, fault: format!("{fault}@{command}") };
            cases.extend((1..=course.commands).map(at));
        }
    }
    each(&cases, |pcscd, index, Case { course, fault }| {
        let Course { application, operation, line, state, .. } = course;
        let mut seat = Seat::with_state(pcscd, index, application, &switches(operation, &[]), state, fault);
        let started = Instant::now();
        let run = seat.run(line);
        assert!(started.elapsed().as_secs() < SOON, "{:?}: {run:?}", started.elapsed());
        assert!(!run.err.contains("panicked"), "{run:?}");
        is_told_truly(&mut seat, course, fault, &run);
    });
}

/// Whatever was said of it is so on the card, and where something may have been changed, a command tells what.
#[track_caller]
fn is_told_truly(seat: &mut Seat, course: &Course, fault: &str, run: &Run) {
    let Course { application, operation, state, .. } = course;
    let after = seat.state();
    let is_pulled = fault.starts_with("pull");
    let said = run.json();
    if run.code == 0 {
        let proved = is_proved(application, operation, state, &after);
        assert!(!is_pulled, "{said}");
        assert!(proved || said["confirmed"] == false, "not done, and called proved: {said}");
        return;
    }
    // What a card says of itself may be taken for true, as long as it is not changed.
    let is_refused = [3, 6, 7].contains(&run.code) && !is_pulled && after == *state;
    assert!([8, 11].contains(&run.code) || is_refused, "{run:?}");
    if is_refused {
        return;
    }
    let touches_pin = operation.line.starts_with("pin ") && operation.sets.iter().any(|(_, value)| *value == "NEW");
    let may_be_changed = seat.telling().iter().any(|command| !["20", "87"].contains(&&command[2..4]));
    for own in application.references {
        let spent = tries(application, state, own.role).saturating_sub(tries(application, &after, own.role));
        assert!(spent <= 1 || operation.outcome == "erased", "{spent} tries of {}: {said}", own.role);
    }
    if !touches_pin {
        return;
    }
    let value = secret(application, &after, "user-pin")["value"].as_str().unwrap().to_owned();
    let is_new = value.eq_ignore_ascii_case(&kept(application, "NEW"));
    assert!(is_new || value == secret(application, state, "user-pin")["value"], "{value}: {said}");
    if !may_be_changed && run.code == 8 {
        return;
    }
    let hint = said["error"]["hint"].as_str().unwrap_or_default();
    let verify =
        hint.strip_prefix("pukka ").filter(|hint| hint.starts_with("pin verify ")).map(|hint| hint.replace('\'', ""));
    let verify = verify.unwrap_or_else(|| panic!("no command tells which PIN holds: {said}"));
    if is_pulled {
        seat.put_back(&after);
        let told = seat.run(&format!("{verify} --pin env:NEW"));
        let expected: &[i32] = if is_new { &[0] } else { &[4, 5] };
        assert!(expected.contains(&told.code), "{told:?} after {said}");
    }
}

#[test]
fn a_smartcard_hsm_that_fails_at_any_command_is_never_misreported() {
    meets_every_fault(&SC_HSM);
}

#[test]
fn a_piv_card_that_fails_at_any_command_is_never_misreported() {
    meets_every_fault(&PIV);
}

#[test]
fn an_openpgp_card_that_fails_at_any_command_is_never_misreported() {
    meets_every_fault(&OPENPGP);
}

#[test]
fn a_gids_card_that_fails_at_any_command_is_never_misreported() {
    meets_every_fault(&GIDS);
}

#[test]
fn a_card_with_a_profile_that_fails_at_any_command_is_never_misreported() {
    PROFILES.into_iter().for_each(meets_every_fault);
}
