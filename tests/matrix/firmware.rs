//! The same table on real firmware: what is on the card is asked of it, as it shows its state to nobody.

use serde_json::json;

use super::{
    applications::{Application, OPENPGP, Operation, PIV, Wrong},
    bench::{Named, Seat, each},
    operations::{error, refused, replaced, switches},
};

/// An operation, and a fault at one command of it.
type Case = Named<(&'static Application, &'static Operation, Option<String>)>;

/// What the firmware has: not what other models of the application have besides.
fn operations(application: &'static Application) -> impl Iterator<Item = &'static Operation> {
    let is_there = |operation: &&Operation| !operation.given.iter().any(|switch| switch.starts_with("card="));
    application
        .operations
        .iter()
        .filter(is_there)
        .filter(|operation| (operation.refused)(&switches(operation, &[])).is_none())
}

#[track_caller]
fn prepare(seat: &Seat, operation: &Operation) {
    operation.before.iter().for_each(|line| drop(seat.run(line).code(0)));
}

#[test]
fn every_operation_holds_on_real_firmware() {
    let mut cases = Vec::new();
    for application in [&PIV, &OPENPGP] {
        for operation in operations(application) {
            let name = format!("{}: {}", application.name, operation.line);
            cases.push(Case { name, what: (application, operation, None) });
        }
    }
    each(&cases, |pcscd, index, Case { what: (application, operation, _), .. }| {
        let seat = Seat::firmware(pcscd, index, application, None);
        prepare(&seat, operation);
        for (from, to) in operation.unsent {
            let line = replaced(operation.line, from, to);
            assert_eq!(refused(&seat, &line, 6)["kind"], "policy", "{line}");
            assert_eq!(seat.telling(), [""; 0], "{line}");
        }
        let done = seat.run(operation.line).code(0).json();
        assert_eq!((&done["outcome"], &done["confirmed"]), (&json!(operation.outcome), &json!(operation.is_proved)));
        if let Some((_, value)) = operation.sets.iter().find(|(role, _)| *role == "user-pin") {
            seat.run(&format!("pin verify --pin env:{value}")).code(0);
        }
        if let Some(wrong) = &operation.wrong {
            prepare(&seat, operation);
            costs_one_try_if_wrong(&seat, operation, wrong);
        }
    });
}

#[track_caller]
fn costs_one_try_if_wrong(seat: &Seat, operation: &Operation, Wrong { role, right, wrong }: &Wrong) {
    let line = replaced(operation.line, right, wrong).replace("--new-pin env:NEW", "--new-pin env:PIN");
    let Some(mut left) = seat.shown(role) else {
        // It does not tell: nothing is made up.
        let told = refused(seat, &line, 4);
        assert!(told["tries_left"].is_null() || told["tries_left"] == 2, "{told}");
        return;
    };
    while left > 1 {
        let told = refused(seat, &line, 4);
        left -= 1;
        assert_eq!((&told["tries_left"], seat.shown(role)), (&json!(left), Some(left)), "{line}: {told}");
    }
    assert_eq!(refused(seat, &line, 6)["kind"], "last-try", "{line}");
    assert_eq!((seat.telling(), seat.shown(role)), (vec![], Some(1)), "{line}");
    for line in [&line, operation.line] {
        refused(seat, &format!("{line} --allow-last-try={role}"), 5);
        assert_eq!(seat.shown(role), Some(0), "{line}");
    }
    assert_eq!(seat.telling(), [""; 0], "{line}");
}

#[test]
fn firmware_that_is_pulled_at_any_command_has_the_old_pin_or_the_new_and_the_hint_tells_which() {
    let mut cases = Vec::new();
    for application in [&PIV, &OPENPGP] {
        for operation in
            operations(application).filter(|one| one.sets == [("user-pin", "NEW")] && one.before.is_empty())
        {
            for when in ["pull-before", "pull-after"] {
                // One more than any takes: the last is met by nothing.
                for at in 1..=7 {
                    let name = format!("{}: {}, {when}@{at}", application.name, operation.line);
                    cases.push(Case { name, what: (application, operation, Some(format!("{when}@{at}"))) });
                }
            }
        }
    }
    each(&cases, |pcscd, index, Case { what: (application, operation, fault), .. }| {
        let mut seat = Seat::firmware(pcscd, index, application, fault.as_deref());
        let run = seat.run(operation.line);
        if run.code == 0 {
            let met = fault.as_deref().and_then(|fault| fault.split_once('@')).and_then(|(_, at)| at.parse().ok());
            assert!(met.is_some_and(|at: usize| seat.sent().len() < at), "{run:?}: {:?}", seat.sent());
            return;
        }
        assert!([8, 11].contains(&run.code), "{run:?}");
        let written = seat.telling().iter().any(|command| ["24", "2C"].contains(&&command[2..4]));
        let told = error(&run);
        seat.reinsert_firmware();
        let hint = told["hint"].as_str().unwrap_or_default().replace('\'', "");
        let named = hint.strip_prefix("pukka ").filter(|hint| hint.starts_with("pin verify "));
        assert!(named.is_some() || !written, "no command tells which PIN holds: {told}");
        let verify = named.unwrap_or("pin verify");
        let holds = |value: &str| seat.run(&format!("{verify} --pin env:{value}")).code;
        let codes = [holds("PIN"), holds("NEW")];
        assert!(codes == [0, 4] || (codes == [4, 0] && written), "{codes:?}: {told}");
    });
}
