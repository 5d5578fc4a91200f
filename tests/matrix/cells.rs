//! How running cards differ, cell by cell, and every operation on cards of every dialect.

use std::fmt;

use super::{
    applications::{Application, GIDS, OPENPGP, Operation, PIV, SC_HSM},
    bench::{Seat, each},
    operations::{holds, is_impossible},
    profiles::{ESTONIA_2018, ISOAPPLET, PROFILES},
};

/// One point in which cards were seen to differ: for which applications a stand-in can be switched, to which values.
struct Cell {
    point: &'static str,
    applications: &'static [&'static str],
    switches: &'static [&'static str],
}

const ALL: &[&str] = &["piv", "openpgp", "gids", "sc-hsm", "iso7816"];

const fn cell(point: &'static str, applications: &'static [&'static str], switches: &'static [&'static str]) -> Cell {
    Cell { point, applications, switches }
}

/// Every cell. What is the same on all cards, and what is done to a card by others, has no switch.
const CELLS: &[Cell] = &[
    cell("SELECT PIV: the five-byte name", &["piv"], &["short-aid=no", "short-aid=yes"]),
    cell("an answer may come as 61xx", ALL, &["without-le=data", "without-le=61xx"]),
    cell("PIN tries after delivery", &["piv", "openpgp", "gids", "sc-hsm"], &["tries=3", "tries=5"]),
    cell("empty VERIFY, not verified", ALL, &["query=63Cx"]),
    cell("empty VERIFY, verified", ALL, &["query-verified=9000", "query-verified=63Cx"]),
    cell("empty VERIFY, blocked", ALL, &["query-blocked=63Cx", "query-blocked=6983"]),
    cell("empty VERIFY on a PUK", &["piv"], &["puk-query=6A88", "puk-query=6A80"]),
    cell("and on ISO 7816-15", &["iso7816"], &["puk-query=6A86"]),
    cell("wrong VERIFY", ALL, &["wrong=63Cx", "wrong=6982"]),
    cell("last wrong try", ALL, &["last=6983", "last=63Cx", "last=6982"]),
    cell("VERIFY when blocked", ALL, &["blocked=6983", "blocked=63Cx", "blocked=6982"]),
    cell("CHANGE, wrong old value", ALL, &["change-wrong=63Cx", "change-wrong=6300", "change-wrong=6982"]),
    cell(
        "CHANGE, wrong old value, the last try",
        ALL,
        &["change-last=6983", "change-last=63Cx", "change-last=6300", "change-last=6982"],
    ),
    cell(
        "CHANGE, blocked",
        ALL,
        &["change-blocked=6983", "change-blocked=63Cx", "change-blocked=6300", "change-blocked=6982"],
    ),
    cell(
        "CHANGE, new value too short",
        ALL,
        &["change-short=6A80", "change-short=6700", "change-short=6985", "change-short=9000"],
    ),
    cell(
        "RESET RETRY COUNTER, new value too short",
        ALL,
        &["reset-short=6A80", "reset-short=6700", "reset-short=6982", "reset-short=9000"],
    ),
    cell(
        "the admin authentication is used up by that",
        &["openpgp"],
        &["reset-admin-short=6A80", "reset-admin-short=6700", "reset-admin-short=6982", "reset-admin-short=9000"],
    ),
    cell("and on GIDS", &["gids"], &["reset-short-ends=no", "reset-short-ends=yes"]),
    cell("RESET RETRY COUNTER, wrong code", ALL, &["reset-wrong=63Cx", "reset-wrong=6982"]),
    cell("and it was the last try", ALL, &["reset-last=63Cx", "reset-last=6983", "reset-last=6982"]),
    cell("and blocked", ALL, &["reset-blocked=6983", "reset-blocked=63Cx", "reset-blocked=6982"]),
    cell("without any reset code set", &["openpgp"], &["reset-unset=6982", "reset-unset=6A88"]),
    cell("RESET RETRY COUNTER P1=02 on PIV", &["piv"], &["reset-p1=6A81", "reset-p1=6A86", "reset-p1=6A88"]),
    cell(
        "RESET RETRY COUNTER P1=02, not authenticated",
        &["sc-hsm"],
        &["reset-unauthenticated=6985", "reset-unauthenticated=6982"],
    ),
    cell("metadata on PIV", &["piv"], &["metadata=empty", "metadata=absent", "metadata=version"]),
    cell("PIV PIN not padded", &["piv"], &["field-length=6A80", "field-length=6700"]),
    cell(
        "badly padded, or of a length that no PIN has, costs a try",
        ALL,
        &["verify-length=9000", "verify-length=6700"],
    ),
    cell("clearing a reset code", &["openpgp"], &["clear-reset-code=9000"]),
    cell("SELECT of a terminated OpenPGP card", &["openpgp"], &["terminated-select=6285", "terminated-select=9000"]),
    cell("another instruction", &["piv"], &["unknown=6A81", "unknown=6D00"]),
];

/// Cards as they are sold, beside the recorded ones.
const MODELS: &[(&str, &[&str])] =
    &[("piv", &["yubikey", "neo", "pivapplet", "plain"]), ("openpgp", &["yubikey", "yubikey-mute", "neo", "v2"])];

/// An operation, where it is not `None`, on a card of a dialect.
struct Case {
    application: &'static Application,
    operation: Option<&'static Operation>,
    dialect: Vec<String>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.operation.map_or("what it cannot do", |operation| operation.line);
        write!(f, "{} {}: {line}", self.application.name, self.dialect.join(" "))
    }
}

/// Dialects in which every value of every cell stands at least once: the first values together, the second ones, and so on;
/// and again, each cell turned a step further than the one before, so that they also meet others.
pub fn dialects(application: &Application) -> Vec<Vec<String>> {
    let cells = || CELLS.iter().filter(|cell| cell.applications.contains(&application.stand_in.0)).enumerate();
    let most = cells().map(|(_, cell)| cell.switches.len()).max().unwrap();
    let turned = |row: usize, step: usize| -> Vec<String> {
        cells().map(|(at, cell)| cell.switches[(row + step * at) % cell.switches.len()].to_owned()).collect()
    };
    let rows = (0..most).flat_map(|row| [turned(row, 0), turned(row, 1)]);
    rows.chain([vec!["refusals=6982".to_owned()]]).collect()
}

/// The same for cards as they are sold.
pub fn models(application: &Application) -> Vec<Vec<String>> {
    let models = MODELS.iter().find(|(name, _)| *name == application.name).map_or(&[][..], |(_, models)| models);
    models.iter().map(|model| vec![format!("card={model}")]).collect()
}

#[track_caller]
fn meets_every_dialect(application: &'static Application) {
    let all = std::iter::once(Vec::new()).chain(models(application)).chain(dialects(application));
    meets(application, &all.collect::<Vec<_>>());
}

#[track_caller]
fn meets(application: &'static Application, dialects: &[Vec<String>]) {
    let mut cases = Vec::new();
    for dialect in dialects {
        let operations = application.operations.iter().map(Some);
        // What is not there is not sent, whatever the card would say.
        let nothing = dialect.len() <= 1;
        for operation in operations.chain(nothing.then_some(None)) {
            cases.push(Case { application, operation, dialect: dialect.clone() });
        }
    }
    each(&cases, |pcscd, index, Case { application, operation, dialect }| match operation {
        Some(operation) => holds(pcscd, index, application, operation, dialect),
        None => {
            let seat = Seat::new(pcscd, index, application, dialect);
            seat.run("pin change --pin env:PIN --new-pin env:NEW").code(0); // no PIN of delivery that could be set anew
            is_impossible(&seat);
        }
    });
}

#[test]
fn every_operation_of_a_smartcard_hsm_holds_in_every_dialect() {
    meets_every_dialect(&SC_HSM);
}

#[test]
fn every_operation_of_piv_holds_in_every_dialect() {
    meets_every_dialect(&PIV);
}

#[test]
fn every_operation_of_openpgp_holds_in_every_dialect() {
    meets_every_dialect(&OPENPGP);
}

#[test]
fn every_operation_of_gids_holds_in_every_dialect() {
    meets_every_dialect(&GIDS);
}

#[test]
fn every_operation_of_a_card_with_a_profile_holds_in_every_dialect() {
    // Those whose counters are told by VERIFY, and by an object; the others differ in what the profile says only.
    [&ISOAPPLET, &ESTONIA_2018].into_iter().for_each(meets_every_dialect);
}

#[test]
fn every_operation_of_every_profile_holds_on_its_card_and_on_one_that_says_the_same_to_all() {
    for application in PROFILES {
        meets(application, &[Vec::new(), vec!["refusals=6982".to_owned()]]);
    }
}

#[test]
fn every_value_of_every_cell_stands_in_a_dialect() {
    for application in [&SC_HSM, &PIV, &OPENPGP, &GIDS].into_iter().chain(PROFILES) {
        let dialects = dialects(application);
        for cell in CELLS.iter().filter(|cell| cell.applications.contains(&application.stand_in.0)) {
            for switch in cell.switches {
                let stands = dialects.iter().any(|dialect| dialect.iter().any(|one| one == switch));
                assert!(stands, "{}, {}: {switch}", application.name, cell.point);
            }
        }
    }
}
