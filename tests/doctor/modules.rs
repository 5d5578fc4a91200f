//! Modules that load or do not, p11-kit's files, and OpenSC's.

use std::{fs, path::Path};

use serde_json::json;

use super::{checks, of, only, says};
use crate::support::{
    cards::{Card, Pcscd},
    desk::{Desk, WITH_SECRETS, assert_not_called},
    modules::opensc,
    softhsm::{Faults, softhsm_module},
};

#[test]
fn a_module_that_loads_is_told_with_its_maker_its_version_and_its_tokens_and_nobody_logs_in() {
    let desk = Desk::new();
    let (run, calls) = desk.watched(Faults::new(), "doctor --via pkcs11 --json");
    let checks = checks(&run.code(0));
    let module = only(&checks, "module", "ok");
    assert_eq!(
        (&module["manufacturer"], &module["description"]),
        (&json!("SoftHSM"), &json!("Implementation of PKCS11"))
    );
    assert!(module["version"].as_str().unwrap().starts_with("2."), "{module}");
    assert_eq!((&module["tokens"], &module["blank"]), (&json!(2), &json!(1)), "one token, and the slot for the next");
    says(module, &["loads: Implementation of PKCS11, SoftHSM", "2 tokens, 1 blank"]);
    assert_not_called(&calls, &WITH_SECRETS);
    assert_not_called(&calls, &["C_OpenSession"]);
    assert!(calls.contains(&"C_GetInfo".to_owned()), "{calls:?}");
}

#[test]
fn modules_that_do_not_load_are_each_told_with_the_reason_and_the_others_are_looked_at() {
    let desk = Desk::new();
    let notes = desk.path("notes.so");
    fs::write(&notes, "no library").unwrap();
    let call = desk.bare("doctor --via pkcs11 --json").with(|command| {
        for module in [Path::new("/nowhere/missing.so"), &notes, Path::new("libc.so.6"), &softhsm_module()] {
            command.arg("--module").arg(module);
        }
    });
    let checks = checks(&call.run().code(0));
    let problems = of(&checks, "module", "problem");
    assert_eq!(problems.len(), 3, "{problems:?}");
    says(problems[0], &["there is no module", "/nowhere/missing.so"]);
    says(problems[1], &["cannot be loaded", "notes.so"]);
    says(problems[2], &["is no PKCS#11 module", "libc.so.6"]);
    only(&checks, "module", "ok");
}

#[test]
fn a_module_that_fails_is_a_problem_with_its_code_and_no_failure_of_the_examination() {
    let desk = Desk::new();
    for (rule, code) in [
        ("C_Initialize=CKR_GENERAL_ERROR", "CKR_GENERAL_ERROR"),
        ("C_GetSlotList=CKR_DEVICE_ERROR", "CKR_DEVICE_ERROR"),
        ("C_GetTokenInfo=CKR_FUNCTION_FAILED", "CKR_FUNCTION_FAILED"),
    ] {
        let run = desk.faulty(&Faults::new().rule(rule), "doctor --via pkcs11 --json").run().code(0);
        let checks = checks(&run);
        let problems = of(&checks, "module", "problem");
        assert!(problems.iter().any(|one| one["detail"].as_str().unwrap().contains(code)), "{rule}: {checks:?}");
    }
}

#[test]
fn p11_kits_files_are_read_as_p11_kit_does_and_what_it_would_leave_out_is_told() {
    let desk = Desk::new();
    let user = desk.home.path().join("config/pkcs11");
    fs::create_dir_all(user.join("modules")).unwrap();
    fs::write(user.join("pkcs11.conf"), "user-config: only\n").unwrap();
    let write = |name: &str, text: &str| fs::write(user.join("modules").join(name), text).unwrap();
    let softhsm = format!("module: {}\n", softhsm_module().display());
    let examined = || checks(&desk.bare("doctor --via pkcs11 --json").by_a_user().run().code(0));
    let tokens =
        || desk.bare("list --via pkcs11 --json").by_a_user().run().code(0).json()["tokens"].as_array().unwrap().len();

    write("a.module", &softhsm);
    write("b.module", "module: /nowhere/missing.so\n");
    let checks = examined();
    says(only(&checks, "p11-kit", "problem"), &["b.module: there is no module /nowhere/missing.so"]);
    // The proxy, and the module that it loads by itself.
    let loaded = of(&checks, "module", "ok");
    assert_eq!(loaded.iter().map(|one| one["tokens"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 2], "{checks:?}");
    assert_eq!(tokens(), 2, "what is told of p11-kit is what it does");

    // One file that does not parse, and p11-kit loads none.
    write("b.module", "module: good\nmodule missing.so\n");
    let checks = examined();
    let problems = of(&checks, "p11-kit", "problem");
    says(problems[0], &["b.module, line 2: it is no `name: value`"]);
    says(problems[1], &["loads no module at all"]);
    let list = desk.bare("list --via pkcs11").by_a_user().run().code(8);
    assert!(list.err.contains("p11-kit-proxy.so"), "what is told of p11-kit is what it does: {list:?}");
    let debugged = desk.bare("doctor --via pkcs11 --json").env("P11_KIT_STRICT", "yes").by_a_user().run().code(0);
    says(only(&super::checks(&debugged), "p11-kit", "warning"), &["P11_KIT_STRICT is set"]);
}

#[test]
fn opensc_is_asked_how_it_unblocks_where_its_module_is_asked() {
    let desk = Desk::new();
    let conf = desk.path("opensc.conf");
    let opensc = opensc();
    let examined = |text: &str, module: &Path| {
        fs::write(&conf, text).unwrap();
        let call = desk.bare("doctor --via pkcs11 --json").env("OPENSC_CONF", &conf).with(|command| {
            command.arg("--module").arg(module);
        });
        checks(&call.run().code(0))
    };
    let with = |line: &str| format!("app opensc-pkcs11 {{ pkcs11 {{ {line} }} }}");
    let delivered = with("# user_pin_unblock_style = set_pin_in_unlogged_session;\n");
    let checks = examined(&delivered, &opensc);
    let warning = only(&checks, "opensc", "warning");
    says(warning, &["is none (its default)", "a try of the PIN is spent", "`pin reset --by puk` is refused"]);
    assert_eq!(warning["user_pin_unblock_style"], "none");
    // Of no matter to another module.
    only(&examined(&delivered, &softhsm_module()), "opensc", "ok");
    only(&examined(&with("user_pin_unblock_style = init_pin_in_so_session;"), &opensc), "opensc", "ok");
    says(only(&examined("app default {", &opensc), "opensc", "problem"), &["does not parse", "a brace is not closed"]);
}

#[test]
fn readers_that_openscs_module_leaves_out_are_told_with_what_brings_them_back() {
    let desk = Desk::new();
    let conf = desk.path("opensc.conf");
    let (opensc, card) = (opensc(), Card::stand_in("piv"));
    // The sixth is empty, and takes its slots all the same.
    let (pcscd, _cards) = Pcscd::with([(); 5].map(|()| card.clone()));
    let call = |words: &str, line: &str| {
        fs::write(&conf, format!("app opensc-pkcs11 {{ pkcs11 {{ {line} }} }}")).unwrap();
        let call = desk.bare(&format!("{words} --via pkcs11 --json")).env("OPENSC_CONF", &conf).envs(pcscd.envs());
        call.with(|command| {
            command.arg("--module").arg(&opensc);
        })
    };
    let shown = |line: &str| call("list", line).run().code(0).json()["tokens"].as_array().unwrap().len();
    let warnings = |line: &str| {
        let checks = checks(&call("doctor", line).run().code(0));
        of(&checks, "opensc", "warning").into_iter().map(|one| one["what"].to_string()).collect::<Vec<_>>()
    };
    let is_told = |told: &[String]| told.iter().any(|what| what.contains("shows the first 4 of 6 readers"));
    assert_eq!(shown(""), 4);
    assert!(is_told(&warnings("")), "{:?}", warnings(""));
    let raised = "max_virtual_slots = 24;";
    assert_eq!(shown(raised), 5);
    assert!(!is_told(&warnings(raised)), "{:?}", warnings(raised));
}
