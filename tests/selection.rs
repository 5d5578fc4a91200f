//! Which token is meant: never guessed, never the wrong one.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{
    Pukka, Run,
    desk::{Desk, LABEL, NEW, OTHER, PIN, SO, WITH_SECRETS, assert_not_called, selectors},
    softhsm::{Faults, softhsm_module},
};

/// Two tokens, `desk-7` and `desk-8`, with one PIN: the wrong one would take it.
fn two() -> (Desk, [String; 2]) {
    let desk = Desk::blank();
    let serials = [LABEL, "desk-8"].map(|label| desk.store.token(label, SO, Some(PIN)));
    (desk, serials)
}

/// What a person pastes behind `--token`, in one piece.
fn on(call: Pukka, selector: &str) -> Run {
    call.with(|command| {
        command.args(["--token", selector]);
    })
    .run()
}

fn serial_of(run: &Run) -> String {
    run.json()["token"]["serial"].as_str().unwrap().to_owned()
}

/// A copy of SoftHSM2's module: to the linker it is another library, with a state of its own.
fn second_module(desk: &Desk) -> PathBuf {
    let copy = desk.path("libsofthsm2-copy.so");
    std::fs::copy(softhsm_module(), &copy).unwrap();
    copy
}

const WRITING: [&str; 4] = [
    "pin verify --pin env:PIN",
    "pin change --pin env:PIN --new-pin env:NEW",
    "pin reset --so-pin env:SO --new-pin env:NEW",
    "so-pin change --so-pin env:SO --new-so-pin env:SO2",
];

#[test]
fn two_tokens_and_no_selector_end_with_both_selectors_and_nothing_sent() {
    let (desk, serials) = two();
    let expected =
        [LABEL, "desk-8"].iter().zip(&serials).map(|(label, serial)| format!("pkcs11:token={label};serial={serial}"));
    let mut expected: Vec<String> = expected.collect();
    expected.sort();
    for words in WRITING {
        let (run, calls) = desk.watched(Faults::new(), &format!("{words} --json"));
        let error = run.code(3).json()["error"].clone();
        assert_eq!((&error["kind"], &error["token"]), (&json!("ambiguous-token"), &Value::Null), "{words}");
        let mut candidates: Vec<String> = serde_json::from_value(error["candidates"].clone()).unwrap();
        candidates.sort();
        assert_eq!(candidates, expected, "{words}");
        assert_not_called(&calls, &WITH_SECRETS);

        let text = desk.run(words).code(3);
        assert_eq!(text.out, "");
        for selector in &expected {
            assert!(text.err.lines().any(|line| line.trim() == format!("'{selector}'")), "{text:?}");
        }
    }
}

#[test]
fn each_printed_selector_works_when_pasted() {
    let (desk, serials) = two();
    let error = desk.run("pin verify --pin env:PIN --json").code(3).json()["error"].clone();
    let candidates: Vec<String> = serde_json::from_value(error["candidates"].clone()).unwrap();
    let mut met = Vec::new();
    for selector in &candidates {
        let status = desk.call("status --json").with(|command| {
            command.arg(selector);
        });
        let tokens = status.run().code(0).json()["tokens"].clone();
        assert_eq!(tokens.as_array().unwrap().len(), 1, "{selector}");
        assert_eq!(tokens[0]["selector"], selector.as_str(), "the selector changes with the listing");
        let verified = on(desk.call("pin verify --pin env:PIN --json"), selector).code(0);
        met.push(serial_of(&verified));
        assert_eq!(tokens[0]["serial"], met.last().unwrap().as_str());
    }
    met.sort();
    let mut serials = serials.to_vec();
    serials.sort();
    assert_eq!(met, serials);
}

#[test]
fn one_token_beside_a_blank_slot_needs_no_naming() {
    let desk = Desk::new();
    assert_eq!(selectors(&desk.run("list --json").code(0)).len(), 2, "SoftHSM2 shows a blank slot as well");
    desk.run("pin change --pin env:PIN --new-pin env:NEW").code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn of_two_tokens_with_one_label_only_the_named_serial_is_touched() {
    let desk = Desk::blank();
    let [first, second] = [(); 2].map(|()| desk.store.token("twin", SO, Some(PIN)));
    let words = "pin change --token twin --pin env:PIN --new-pin env:NEW --json";
    let (run, calls) = desk.watched(Faults::new(), words);
    let error = run.code(3).json()["error"].clone();
    assert_eq!(error["candidates"].as_array().unwrap().len(), 2);
    assert_not_called(&calls, &WITH_SECRETS);

    let has = |serial: &str, pin: &str| desk.store.serial_login_ok(serial, "user", pin);
    // Once by the bare serial, once by each printed selector: the other keeps what it has.
    desk.run(&format!("pin change --token {second} --pin env:PIN --new-pin env:NEW")).code(0);
    assert!(has(&second, NEW) && has(&first, PIN) && !has(&first, NEW));
    let candidates: Vec<String> = serde_json::from_value(error["candidates"].clone()).unwrap();
    for selector in &candidates {
        let is_first = selector.contains(&first);
        assert_ne!(is_first, selector.contains(&second), "{selector}");
        let call =
            desk.call(&format!("pin change --pin env:{} --new-pin env:OTHER", if is_first { "PIN" } else { "NEW" }));
        on(call, selector).code(0);
        assert!(has(if is_first { &first } else { &second }, OTHER));
    }
    // A label is no confirmation where it is shared, nor is the serial of the twin.
    for name in ["twin", &first] {
        let words = format!("token init --token {second} --destroy {name} --so-pin env:SO");
        desk.run(&words).code(6);
    }
    assert!(has(&first, OTHER) && has(&second, OTHER));
}

#[test]
fn token_init_without_a_name_takes_the_only_blank_slot_and_no_live_token() {
    let desk = Desk::new();
    let tokens = desk.run("list --json").code(0).json()["tokens"].clone();
    let blank = tokens.as_array().unwrap().iter().find(|token| token["serial"].is_null()).unwrap().clone();
    let module = softhsm_module().display().to_string().replace('/', "%2F");
    assert_eq!(blank["selector"], format!("pkcs11:slot-id={}?module-path={module}", blank["slot"]));

    let made = desk.run("token init --label desk-8 --new-so-pin env:SO2 --json").code(0);
    assert_ne!(made.json()["token"]["serial"], Value::Null);
    assert!(desk.is_pin(PIN) && desk.is_so_pin(SO), "the live token was taken");
    assert!(desk.store.login_ok("desk-8", "so", "12344321"));
}

#[test]
fn the_selector_of_a_blank_slot_works_when_pasted() {
    let desk = Desk::new();
    let blank = selectors(&desk.run("list --json")).into_iter().find(|selector| selector.contains("slot-id")).unwrap();
    on(desk.call("token init --label desk-8 --new-so-pin env:SO2"), &blank).code(0);
    assert!(desk.store.login_ok("desk-8", "so", "12344321"));
    // Pasted again it names what is blank now, or nothing: never the token that was made of it.
    let again = on(desk.call("token init --label desk-9 --new-so-pin env:WRONG"), &blank);
    assert!([0, 3].contains(&again.code), "{again:?}");
    assert!(desk.store.login_ok("desk-8", "so", "12344321"));
}

#[test]
fn without_a_blank_slot_token_init_asks_for_a_name_and_destroys_nothing() {
    let (desk, _) = two();
    // Behind this fault the blank slot passes for a live token.
    let faults = Faults::new().rule("token-flags=+0x400");
    let (run, calls) = desk.watched(faults, "token init --label desk-9 --new-so-pin env:SO --json");
    let error = run.code(3).json()["error"].clone();
    assert_eq!(error["kind"], "no-token");
    assert!(error["message"].as_str().unwrap().contains("blank"), "{error}");
    assert_not_called(&calls, &WITH_SECRETS);
}

#[test]
fn two_blank_slots_are_not_chosen_between() {
    let desk = Desk::blank();
    let copy = second_module(&desk);
    let both = |words: &str| {
        desk.call(words).with(|command| {
            command.arg("--module").arg(&copy);
        })
    };
    let init = "token init --label desk-7 --new-so-pin env:SO --json";
    let error = both(init).run().code(3).json()["error"].clone();
    let candidates: Vec<String> = serde_json::from_value(error["candidates"].clone()).unwrap();
    assert_eq!(candidates.len(), 2, "{error}");
    assert_ne!(candidates[0], candidates[1]);
    on(both(init), &candidates[1]).code(0);
    assert!(desk.is_so_pin(SO));
}

#[test]
fn one_token_seen_through_two_modules_is_one_and_each_of_them_still_leads_to_it() {
    let desk = Desk::new();
    let copy = second_module(&desk);
    let both = |words: &str| {
        desk.call(words).with(|command| {
            command.arg("--module").arg(&copy);
        })
    };
    let listing = both("list --json").run().code(0);
    let tokens = listing.json()["tokens"].as_array().unwrap().clone();
    let once: Vec<&Value> = tokens.iter().filter(|token| token["label"] == LABEL).collect();
    assert_eq!(once.len(), 1, "{tokens:?}");
    assert_eq!(once[0]["module"].as_str(), softhsm_module().to_str());
    both("pin verify --token desk-7 --pin env:PIN").run().code(0);
    for module in [softhsm_module(), copy.clone()] {
        // A selector carries the module, so it works without naming that again.
        let path = module.display().to_string().replace('/', "%2F");
        let selector = format!("pkcs11:token={LABEL}?module-path={path}");
        on(both("pin verify --pin env:PIN"), &selector).code(0);
        on(desk.bare("pin verify --pin env:PIN"), &selector).code(0);
    }
    // One module named twice, once through a link, is one module.
    let link = desk.path("link.so");
    std::os::unix::fs::symlink(softhsm_module(), &link).unwrap();
    let linked = desk.call("pin verify --pin env:PIN").with(|command| {
        command.arg("--module").arg(&link);
    });
    linked.run().code(0);
}

#[test]
fn a_name_that_nothing_has_is_no_token_and_the_hint_lists_what_there_is() {
    let desk = Desk::new();
    // Not by a part of the name, nor in another case.
    for name in ["desk", "DESK-7", "desk-70", "pkcs11:serial=0123", "pkcs11:token=desk-7;slot-id=1"] {
        for words in ["pin verify --pin env:PIN", "token init --new-so-pin env:SO", "status"] {
            let (run, calls) = desk.watched(Faults::new(), &format!("{words} --json --via pkcs11 --token {name}"));
            let error = run.code(3).json()["error"].clone();
            assert_eq!((&error["kind"], &error["hint"]), (&json!("no-token"), &json!("pukka list")), "{words} {name}");
            assert_not_called(&calls, &WITH_SECRETS);
        }
    }
    let run = desk.run("pin verify --pin env:PIN --via pkcs11 --token nobodys-desk").code(3);
    assert!(run.err.contains("hint: pukka list") && !run.err.contains("nobodys-desk"), "{run:?}");
}

#[test]
fn a_bare_word_is_a_serial_before_it_is_a_label() {
    let desk = Desk::blank();
    let first = desk.store.token(LABEL, SO, Some(PIN));
    // A token that calls itself by the serial of another.
    let second = desk.store.token(&first, SO, Some(OTHER));
    let by = |words: &str| serial_of(&desk.run(words).code(0));
    assert_eq!(by(&format!("pin verify --json --token {first} --pin env:PIN")), first);
    assert_eq!(by(&format!("pin verify --json --token {second} --pin env:OTHER")), second);
    assert_eq!(by("pin verify --json --token desk-7 --pin env:PIN"), first);
    assert_eq!(by(&format!("pin verify --json --token pkcs11:token={first} --pin env:OTHER")), second);
}

#[test]
fn what_a_label_holds_is_shown_escaped_and_its_selector_still_works() {
    let desk = Desk::new();
    // ESC[2J, a bell, a byte that is no UTF-8, a line break, a mark that turns the line around, and what a URI and a shell use.
    let label = "1b5b324a07ff0ae280ae3b3f26257c2720";
    let only = format!("token-only={}", LABEL.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
    for field in ["label", "serial", "manufacturer", "model"] {
        let faults = || Faults::new().rule(only.clone()).rule(format!("token-{field}={}", &label[..32]));
        let mut runs = Vec::new();
        for words in ["list", "status", "list --json", "status --json"] {
            runs.push(desk.faulty(&faults(), words).run().code(0));
        }
        for selector in selectors(&runs[3]) {
            runs.push(on(desk.faulty(&faults(), "status"), &selector).code(0));
        }
        let live = selectors(&runs[2]).into_iter().find(|selector| !selector.contains("slot-id")).unwrap();
        runs.push(on(desk.faulty(&faults(), "pin verify --pin env:PIN"), &live).code(0));
        runs.push(on(desk.faulty(&faults(), "pin verify --pin env:PIN --trace"), &live).code(0));
        runs.push(on(desk.faulty(&faults(), "pin change --pin env:PIN --new-pin env:NEW --dry-run"), &live).code(0));
        runs.push(on(desk.faulty(&faults(), "pin verify --pin env:WRONG"), &live).code(4));
        for run in &runs {
            let shown = [&run.out, &run.err];
            let raw = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
            // JSON escapes controls itself; a mark that turns the line around may stand in it.
            let raw = |text: &&String| text.contains(raw) && !text.starts_with('{');
            assert!(!shown.iter().any(raw), "{field}: {run:?}");
        }
        // The line break does not start a line of its own.
        assert_eq!(runs[0].out.lines().count(), 2, "{field}: {:?}", runs[0]);
        if field == "label" {
            assert!(runs[0].out.contains("\\u{1b}[2J\\u{7}\\xFF\\n\\u{202e};?&%|'"), "{:?}", runs[0]);
        }
    }
}

#[test]
fn a_card_or_a_card_application_loads_no_module() {
    let desk = Desk::new();
    for (words, code) in [
        ("pin verify --pin env:PIN --token card:application=piv", 8),
        ("status --token card:serial=12345678", 8),
        ("status --application piv", 8),
        ("list --via pcsc --application piv", 8),
        // Nothing is both.
        ("status --application piv --via pkcs11", 3),
        ("pin verify --pin env:PIN --token card:serial=1 --via pkcs11", 3),
    ] {
        let (run, calls) = desk.watched(Faults::new(), words);
        assert_eq!((run.code, calls.len()), (code, 0), "{words}: {run:?} {calls:?}");
    }
}

#[test]
fn application_and_route_narrow_to_modules() {
    let desk = Desk::new();
    for words in ["--application pkcs11", "--via pkcs11", "--via pkcs11 --application pkcs11"] {
        // No pcscd answers here, and none is needed: a route that is not asked has no problem.
        let json = desk.run(&format!("list --json {words}")).code(0).json();
        assert_eq!((json["tokens"].as_array().unwrap().len(), &json["problems"]), (2, &json!([])), "{words}");
        desk.run(&format!("pin verify --pin env:PIN {words}")).code(0);
    }
}

#[test]
fn a_token_that_cannot_be_looked_at_could_be_the_one_that_is_meant() {
    let (desk, _) = two();
    for hidden in 1..=3 {
        let faults = Faults::new().rule(format!("C_GetTokenInfo#{hidden}=CKR_DEVICE_ERROR"));
        let (run, calls) = desk.watched(faults, "pin change --pin env:PIN --new-pin env:NEW");
        assert!([3, 8].contains(&run.code), "slot {hidden}: {run:?}");
        assert_not_called(&calls, &WITH_SECRETS);
    }
    assert!(desk.is_pin(PIN) && desk.store.login_ok("desk-8", "user", PIN));
}

#[test]
fn json_holds_nothing_that_a_terminal_obeys_and_reads_back_as_the_label_that_is_there() {
    let desk = Desk::new();
    let only = format!("token-only={}", LABEL.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
    // A control sequence introducer of one character, a rubout, and a mark that turns the line around.
    let faults = || Faults::new().rule(only.clone()).rule("token-label=78c29b7fe280ae79");
    let label = "x\u{9b}\u{7f}\u{202e}y";
    for words in
        ["list --json", "status --json", "pin verify --pin env:PIN --json", "pin verify --pin env:WRONG --json"]
    {
        let run = desk.faulty(&faults(), words).run();
        assert!(!run.out.contains(['\u{9b}', '\u{7f}', '\u{202e}']), "{words}: {run:?}");
        let json = run.json();
        if let Some(tokens) = json["tokens"].as_array() {
            assert!(tokens.iter().any(|token| token["label"] == label), "{words}: {json}");
        }
        if words.contains("env:PIN") {
            assert_eq!(json["token"]["label"], label, "{json}");
        }
    }
}

#[test]
fn a_hint_names_the_module_that_the_call_named() {
    let desk = Desk::new();
    let run = desk.run("pin verify --token desk-7 --pin env:WRONG").code(4);
    let hint = run.err.lines().find(|line| line.starts_with("hint: pukka ")).unwrap_or_else(|| panic!("{run:?}"));
    assert!(hint.contains(&format!("--module '{}'", softhsm_module().display())), "{hint}");
    let json = desk.run("pin verify --token desk-7 --pin env:WRONG --json").code(4).json();
    assert_eq!(json["error"]["hint"].as_str(), hint.strip_prefix("hint: "));
}

#[test]
fn a_hint_names_a_module_so_that_a_shell_reads_it_whatever_its_path_holds() {
    let desk = Desk::new();
    let module = desk.path("it's; a $(module).so");
    std::fs::copy(softhsm_module(), &module).unwrap();
    let call = desk.bare("pin verify --token desk-7 --pin env:WRONG --json").with(|command| {
        command.arg("--module").arg(&module);
    });
    let json = call.run().code(4).json();
    let hint = json["error"]["hint"].as_str().unwrap();
    let read = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {hint}")]).output().unwrap();
    let words = String::from_utf8(read.stdout).unwrap();
    assert!(words.lines().any(|word| word == module.to_str().unwrap()), "{hint}: {words}");
}
