//! SoftHSM2 through p11-kit's proxy, which is the default, and modules of p11-kit that have no PIN.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{CHANGE, CHANGE_SO, CREATE, RESET, VERIFY, done, said, wrong};
use crate::support::Run;
use crate::support::desk::{Desk, LABEL, OTHER, PIN, SO, SO2};

/// A run without what other modules write to standard error, which the proxy loads too: tpm2-pkcs11 has much to say where there is no
/// TPM. As root p11-kit reads no configuration but the machine's, so that a test cannot choose.
fn without_other_modules(run: Run) -> Run {
    let is_foreign = |line: &&str| line.is_empty() || line.starts_with("ERROR") || line.starts_with("WARNING");
    let err = run.err.split_inclusive('\n').filter(|line| !is_foreign(&line.trim_end())).collect();
    Run { err, ..run }
}

#[test]
fn p11_kits_proxy_is_the_module_where_none_is_named_and_does_all_that_softhsm_does() {
    for option in ["", " --module p11-kit-proxy.so"] {
        let desk = Desk::blank();
        let json = |words: &str| without_other_modules(desk.bare(&format!("{words}{option} --json")).run());
        done(json(CREATE), "token init", "initialised", "so-pin", "so-pin");
        assert!(desk.is_pin(PIN) && desk.is_so_pin(SO));
        wrong(json(&format!("{VERIFY}WRONG")), "pin verify", "user-pin");
        done(json(CHANGE), "pin change", "changed", "user-pin", "user-pin");
        wrong(json(&format!("{VERIFY}PIN")), "pin verify", "user-pin");
        done(json(RESET), "pin reset", "reset", "user-pin", "so-pin");
        assert!(desk.is_pin(OTHER));
        done(json(CHANGE_SO), "so-pin change", "changed", "so-pin", "so-pin");
        assert!(desk.is_so_pin(SO2));
    }
}

#[test]
fn tokens_without_a_pin_such_as_those_of_p11_kits_trust_module_are_not_listed() {
    let mut places = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path().join("pkcs11"));
    let trust = places.find_map(|place| Some(place.join("p11-kit-trust.so")).filter(|module| module.is_file()));
    let trust = trust.expect("p11-kit's trust module is not installed: it is in the package p11-kit-modules");
    let slots = Command::new("pkcs11-tool").arg("--module").arg(&trust).arg("--list-token-slots").output().unwrap();
    assert!(String::from_utf8_lossy(&slots.stdout).contains("token label"), "the module shows no token: {slots:?}");

    let desk = Desk::new();
    let list = |module: &Path, words: &str| {
        let call = desk.call(words).with(|command| {
            command.arg("--module").arg(module);
        });
        call.run().code(0).json()["tokens"].as_array().unwrap().clone()
    };
    let tokens = list(&trust, "list --json");
    let labels: Vec<&Value> =
        tokens.iter().filter(|token| token["serial"] != Value::Null).map(|token| &token["label"]).collect();
    assert_eq!(labels, [LABEL]);
    // And so it is no candidate either.
    said(
        desk.call("pin verify --pin env:PIN")
            .with(|command| {
                command.arg("--module").arg(&trust);
            })
            .run(),
        "right",
    );
}
