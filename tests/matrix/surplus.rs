//! The old PIN typed with one character too many, where the card is not told at which the new one begins.

use serde_json::json;

use super::{
    applications::{Application, GIDS, OPENPGP, SC_HSM},
    bench::{Named, each, secret},
    cells::dialects,
    operations::refused,
};
use crate::matrix::bench::Seat;

/// How the application is named, and a dialect.
type Case = Named<(&'static Application, Vec<String>)>;

#[test]
fn the_old_pin_with_one_character_too_many_is_a_wrong_pin_and_changes_nothing() {
    let mut cases = Vec::new();
    for application in [&OPENPGP, &GIDS, &SC_HSM] {
        for dialect in dialects(application).into_iter().chain([vec!["change-short=9000".to_owned()]]) {
            cases.push(Case {
                name: format!("{} {}", application.name, dialect.join(" ")),
                what: (application, dialect),
            });
        }
    }
    each(&cases, |pcscd, index, Case { what: (application, dialect), .. }| {
        let seat = Seat::new(pcscd, index, application, dialect);
        let (before, left) = (seat.state(), seat.tries("user-pin"));
        let wrong = refused(&seat, "pin change --pin env:SURPLUS --new-pin env:NEW", 4);
        let tries = left - seat.tries("user-pin");
        assert_eq!((&wrong["kind"], &wrong["tries_left"]), (&json!("wrong-secret"), &json!(seat.tries("user-pin"))));
        // A card that refuses a PIN of another length than its own may do so for free.
        assert!(tries <= 1, "{tries}");
        let value = |state| secret(application, state, "user-pin")["value"].clone();
        assert_eq!(value(&seat.state()), value(&before), "{wrong}");
        assert!(seat.sent().iter().all(|command| &command[2..4] != "24"), "{:?}", seat.sent());
        seat.run("pin verify --pin env:PIN --allow-last-try").code(0);
    });
}
