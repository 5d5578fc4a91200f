//! What `status` and `list` show of every card, and that they leave everything on it as it was.

use serde_json::Value;

use super::{
    applications::{Application, GIDS, OPENPGP, PIV, SC_HSM},
    bench::{Named, Seat, each, secret, tries},
    cells::{dialects, models},
    profiles::PROFILES,
};

/// An application in a dialect.
type Case = Named<(&'static Application, Vec<String>)>;

#[test]
fn status_shows_each_reference_with_its_tries_and_limits_and_changes_nothing_on_the_card() {
    let mut cases = Vec::new();
    for application in [&SC_HSM, &PIV, &OPENPGP, &GIDS].into_iter().chain(PROFILES) {
        let all = std::iter::once(Vec::new()).chain(models(application)).chain(dialects(application));
        for dialect in all {
            cases.push(Case {
                name: format!("{} {}", application.name, dialect.join(" ")),
                what: (application, dialect),
            });
        }
    }
    each(&cases, |pcscd, index, Case { what: (application, dialect), .. }| {
        let mut seat = Seat::new(pcscd, index, application, dialect);
        if application.name == "openpgp" {
            seat.run("reset-code set --so-pin env:ADMIN --new-reset-code env:RC").code(0);
        }
        let delivered = seat.state();
        // As delivered, with one try left, and blocked.
        for left in [None, Some(1), Some(0)] {
            let mut state = delivered.clone();
            if let Some(left) = left {
                for own in application.references {
                    let secret = state.pointer_mut(own.path).unwrap();
                    secret["tries"] = secret["tries"].as_u64().unwrap().min(left).into();
                }
                if left == 0 && dialect.contains(&"card=pivapplet".to_owned()) {
                    state["piv"]["keys"] = false.into(); // as it leaves them when PIN and PUK are both blocked
                }
                seat.put_back(&state);
            }
            shows(&seat, dialect, &state);
        }
    });
}

#[track_caller]
fn shows(seat: &Seat, dialect: &[String], state: &Value) {
    let application = seat.application;
    let status = seat.run("status").code(0).json();
    // Estonia's has three values in two applications, and a serial number in a file.
    let most = if application.name == "esteid-2018" { 8 } else { 7 };
    assert!(seat.commands() <= most, "{:?}", seat.sent());
    assert_eq!((seat.telling(), seat.card.resets()), (vec![], 0), "{status}");
    let shown = status["tokens"][0]["references"].as_array().unwrap();
    for own in application.references {
        let reference =
            shown.iter().find(|shown| shown["role"] == own.role).unwrap_or_else(|| panic!("{}: {status}", own.role));
        let left = tries(application, state, own.role);
        let told = reference["tries"]["left"].as_u64();
        assert_eq!(told, (own.is_told)(dialect).then_some(left), "{reference}");
        let limit = reference["tries"]["limit"].as_u64();
        assert!(limit.is_none_or(|limit| limit == secret(application, state, own.role)["limit"]), "{reference}");
        let expected = match told {
            // A reset code that is blocked is none.
            Some(0) if own.role == "reset-code" => &["unset"][..],
            Some(0) => &["blocked"],
            Some(_) => &["ready", "unknown"],
            None => &["unknown"],
        };
        assert!(expected.contains(&reference["state"].as_str().unwrap()), "{reference}");
        assert!(reference["length"]["min"].as_u64().is_some() && reference["length"]["max"].as_u64().is_some());
    }
    assert_eq!(&seat.state(), state, "status");
    seat.run("list --via pcsc").code(0);
    assert_eq!((&seat.state(), seat.telling()), (state, vec![]), "list");
}
