//! A card that does not answer for half a minute.

use std::time::{Duration, Instant};

use super::{
    applications::{Application, OPENPGP, SC_HSM},
    bench::{Named, Seat, each},
    operations::error,
};

/// A card that is silent at one command of a change: before anything was sent, and over the change itself.
type Case = Named<(&'static Application, &'static str)>;

#[test]
fn a_card_that_is_silent_for_half_a_minute_ends_the_call_and_what_may_be_changed_is_told() {
    let case = |application: &'static Application, fault| {
        let name = format!("{} {fault}", application.name);
        Case { name, what: (application, fault) }
    };
    let cases = [
        case(&SC_HSM, "silence=45@1"),
        case(&SC_HSM, "silence=45@24:1"),
        case(&OPENPGP, "silence=45@1"),
        case(&OPENPGP, "silence=45@24:1"),
    ];
    each(&cases, |pcscd, index, Case { what: (application, fault), .. }| {
        let delivered = Seat::new(pcscd, index, application, &[]);
        let state = delivered.state();
        drop(delivered);
        let seat = Seat::with_state(pcscd, index, application, &[], &state, fault);
        let started = Instant::now();
        let run = seat.run("pin change --pin env:PIN --new-pin env:NEW");
        let took = started.elapsed();
        let told = error(&run);
        assert_eq!(run.code, 8, "{told}");
        assert!((Duration::from_secs(25)..Duration::from_secs(36)).contains(&took), "{took:?}: {told}");
        if fault.contains("24") {
            assert!(told["hint"].as_str().unwrap().starts_with("pukka pin verify "), "{told}");
        }
    });
}
