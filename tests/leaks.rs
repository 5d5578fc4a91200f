//! No secret in anything that is written: every command, on every kind of token, in every manner, by success and failure.

mod cards;

use std::{ffi::OsString, path::Path};

use crate::support::{
    Run,
    desk::Desk,
    marks::{found, none_in_files},
    pukka,
    softhsm::Faults,
    terminal::Terminal,
};

/// Every manner of a call.
const MANNERS: [&[&str]; 6] =
    [&[], &["--json"], &["--trace"], &["-v", "--trace", "--json"], &["--dry-run", "--trace"], &["--dry-run", "--json"]];

/// Asserts that neither stream of a run gives a mark away.
#[track_caller]
fn clean(run: &Run, marks: &[&str], about: &str) {
    assert_eq!(found(&run.out, marks), None, "{about}: {run:?}");
    assert_eq!(found(&run.err, marks), None, "{about}: {run:?}");
}

#[test]
fn the_search_knows_a_mark_in_every_form() {
    for text in [
        "a 31415926.",
        "3331343135393236",
        "[33, 31, 34, 31, 35, 39, 32, 36]",
        "33 31 34 31 35 39 32 36",
        "[0x33, 0x31, 0x34, 0x31, 0x35, 0x39, 0x32, 0x36]",
        "[51, 49, 52, 49, 53, 57, 50, 54]",
    ] {
        assert_eq!(found(text, &["27182818", MARK]), Some(MARK), "{text}");
    }
    assert_eq!(found("4A6B4C", &["JkL"]), Some("JkL"));
    assert_eq!(found("4a6b4c", &["JkL"]), Some("JkL"));
    assert_eq!(found("31415927 jkl", &[MARK, "JkL"]), None);
}

/// The secrets of the PKCS#11 token by variable: the values it has and gets, and others that it never had.
const OF_TOKENS: [(&str, &str); 9] = [
    ("SO", "so-71Jq!kd0Xv"),
    ("SO2", "so-82Kr!le1Yw"),
    ("PIN", "pin-93Ls!mf2Z"),
    ("NEW", "pin-04Mt!ng3A"),
    ("WRONG", "bad-15Nu!oh4B"),
    ("WRONGSO", "bad-26Ov!pi5C"),
    ("SHORT", "Zq9"),
    ("SPACE", " pin-37Pw!qj6D"),
    ("CONTROL", "pin-48\u{1b}Qx!rk"),
];

const IN_A_LIFE_OF_A_TOKEN: [(&str, i32); 27] = [
    ("token init --label desk-7 --new-so-pin env:SO --new-pin env:SHORT", 6),
    ("token init --label desk-7 --new-so-pin env:SO", 0),
    ("pin verify --token desk-7 --pin env:PIN", 5),
    ("pin set --token desk-7 --so-pin env:WRONGSO --new-pin env:PIN", 4),
    ("pin set --token desk-7 --so-pin env:SO --new-pin env:PIN", 0),
    ("pin set --token desk-7 --so-pin env:SO --new-pin env:NEW", 7),
    ("list", 0),
    ("status", 0),
    ("pin verify --token desk-7 --pin env:PIN", 0),
    ("pin verify --token desk-7 --pin env:WRONG", 4),
    ("pin verify --token desk-7 --pin env:SPACE", 6),
    ("pin verify --token desk-7 --pin env:CONTROL", 6),
    ("pin change --token desk-7 --pin env:WRONG --new-pin env:NEW", 4),
    ("pin change --token desk-7 --pin env:PIN --new-pin env:SHORT", 6),
    ("pin change --token desk-7 --pin env:PIN --new-pin env:PIN", 6),
    ("pin change --token desk-7 --pin env:PIN --new-pin env:NEW", 0),
    ("pin reset --token desk-7 --so-pin env:WRONGSO --new-pin env:PIN", 4),
    ("pin reset --token desk-7 --so-pin env:SO --new-pin env:PIN", 0),
    ("pin reset --token desk-7 --puk env:NEW --new-pin env:PIN", 7),
    ("pin reset --token desk-7 --by puk --so-pin env:SO --new-pin env:PIN", 2),
    ("pin unblock --token desk-7 --so-pin env:SO", 7),
    ("pin unblock --token desk-7 --so-pin env:SO --new-pin env:PIN", 0),
    ("so-pin change --token desk-7 --so-pin env:WRONGSO --new-so-pin env:SO2", 4),
    ("so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:SO2", 0),
    ("puk change --token desk-7 --puk env:PIN --new-puk env:NEW", 7),
    ("token init --token desk-7 --so-pin env:SO2 --destroy nothing", 6),
    ("token init --token desk-7 --so-pin env:WRONGSO --new-pin env:PIN --destroy SERIAL", 4),
];

#[test]
fn a_pkcs11_token_is_led_through_its_life_and_no_secret_is_written_anywhere() {
    // Three characters could stand anywhere; what is refused for them is searched for the others.
    let marks: Vec<&str> =
        OF_TOKENS.iter().filter(|(name, _)| *name != "SHORT").map(|(_, value)| value.trim()).collect();
    for manner in MANNERS {
        let desk = Desk::blank();
        let is_dry = manner.contains(&"--dry-run");
        if is_dry {
            desk.store.token("desk-7", "so-71Jq!kd0Xv", Some("pin-93Ls!mf2Z"));
        }
        for (line, code) in IN_A_LIFE_OF_A_TOKEN {
            let serial = if line.contains("SERIAL") { serial(&desk) } else { String::new() };
            let line = line.replace("SERIAL", &serial);
            let arguments: Vec<&str> = line.split(' ').chain(manner.iter().copied()).collect();
            let run = desk.logged(&arguments).envs(OF_TOKENS).run();
            assert!(is_dry || run.code == code, "{arguments:?} was to exit {code}: {run:?}");
            clean(&run, &marks, &format!("{arguments:?}"));
            let sends = code == 0 && !is_dry && manner.contains(&"--trace") && line.contains("env:");
            assert!(!sends || run.err.contains("C_Login"), "no trace, nothing is proved: {run:?}");
        }
        none_in_files(desk.home.path(), &marks);
        none_in_files(desk.store.dir(), &marks);
    }
}

fn serial(desk: &Desk) -> String {
    let list = desk.logged(&["list", "--json", "--token", "pkcs11:token=desk-7"]).run().json();
    list["tokens"][0]["serial"].as_str().unwrap().to_owned()
}

#[test]
fn whatever_a_module_answers_no_secret_is_written() {
    let marks: Vec<&str> = OF_TOKENS.iter().map(|(_, value)| *value).filter(|value| value.len() > 8).collect();
    let change: &[&str] = &["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW"];
    let reset: &[&str] = &["pin", "reset", "--so-pin", "env:SO", "--new-pin", "env:NEW"];
    let desk = Desk::blank();
    desk.store.token("desk-7", "so-71Jq!kd0Xv", Some("pin-93Ls!mf2Z"));
    for call in ["C_Login", "C_SetPIN", "C_InitPIN", "C_OpenSession", "C_GetTokenInfo", "C_Login#2-"] {
        for answer in ["CKR_GENERAL_ERROR", "CKR_PIN_EXPIRED", "CKR_DEVICE_REMOVED", "0x80000001", "CKR_ARGUMENTS_BAD"]
        {
            for arguments in [change, reset] {
                let rule = format!("C_SetPIN=lie;C_InitPIN=lie;{call}={answer}");
                let rule = rule.replacen(&format!("{call}=lie;"), "", 1);
                let arguments = [arguments, &["--trace", "-v"]].concat();
                let run = desk.logged_behind(Faults::new().rule(rule.as_str()), &arguments).envs(OF_TOKENS).run();
                assert_ne!(run.code, 0, "{rule}: {run:?}");
                clean(&run, &marks, &rule);
            }
        }
    }
    none_in_files(desk.home.path(), &marks);
    none_in_files(desk.store.dir(), &marks);
}

#[test]
fn what_is_typed_at_a_prompt_is_in_no_trace() {
    let desk = Desk::blank();
    desk.store.token("desk-7", "so-71Jq!kd0Xv", Some("pin-93Ls!mf2Z"));
    for manner in [&["--trace"][..], &["--trace", "--json"]] {
        let mut terminal = Terminal::spawn(desk.logged(&[&["pin", "verify"], manner].concat()).command());
        terminal.expect("PIN of desk-7").send("pin-93Ls!mf2Z\r");
        let (code, shown) = terminal.wait();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("C_Login") && found(&shown, &["pin-93Ls!mf2Z"]).is_none(), "{shown}");
    }
}

const MARK: &str = "31415926";

#[test]
fn a_secret_in_the_wrong_place_of_a_wrong_call_is_never_repeated() {
    let desk = Desk::new();
    for line in [
        "31415926",
        "pin 31415926",
        "pin change 31415926",
        "pin verify 31415926",
        "pin change -- 31415926",
        "pin change --pin 31415926",
        "pin change --pin=31415926",
        "pin change --pin env:31415926",
        "pin change --pin file:/nonexistent/31415926",
        "pin change --pin fd:31415926",
        "pin change --pin fd:x31415926",
        "pin change --pin pass:31415926",
        "pin change --pin env:A=31415926",
        "pin change --pin credential:31415926",
        "pin change --pin generate:31415926",
        "pin change --pin stdin:31415926",
        "pin change --pin env:PIN --new-pin 31415926",
        "pin change --pin env:PIN --new-pin generate:/nonexistent/31415926",
        "pin change --pin env:PIN --new-pin=generate:/dev/null/31415926",
        "pin change --pin env:PIN --pin 31415926",
        "pin change --pin env:PIN --pin env:31415926",
        "pin change --31415926",
        "pin change -31415926",
        "pin change --pin31415926",
        "pin change --pni 31415926",
        "pin change --new-pin env:NEW 31415926",
        "pin change -p 31415926",
        "pin reset --by 31415926",
        "pin reset --by=31415926",
        "pin reset --puk 31415926",
        "pin reset --so-pin 31415926",
        "pin reset --admin-pin 31415926",
        "puk change --new-puk 31415926",
        "so-pin change --new-so-pin 31415926",
        "so-pin change 31415926",
        "respond 31415926",
        "respond --challenge 31415926",
        "respond --challenge 0011 2233 31415926 --admin-key env:PIN",
        "respond --challenge 3141592631415926 --admin-key 31415926",
        "respond --challenge 3141592631415926 --admin-key env:31415926",
        "respond --challenge 3141592631415926 --admin-key pass:31415926",
        "respond --challenge 3141592631415926 --management-key file:/nonexistent/31415926",
        "respond --challenge 31415926314159263141 --admin-key env:PIN",
        "token init --label desk-7 31415926",
        "token 31415926",
        "list 31415926",
        "status desk-7 31415926",
        "completions 31415926",
        "pin verify --token 31415926",
        "pin verify -t31415926",
        "pin verify --token desk-7 --token 31415926",
        "status --token desk-7 31415926",
        "status 31415926",
        "status pkcs11:31415926",
        "status pkcs11:pin-value=31415926",
        "status pkcs11:token=desk-7;pin=31415926",
        "status pkcs11:token=desk-7?pin-value=31415926",
        "status pkcs11:slot-id=x31415926",
        "status pkcs11:token=31415926",
        "status pkcs11:token=31415926?module-path=/usr/lib/softhsm/libsofthsm2.so",
        "status card:31415926",
        "status card:serial=31415926",
        "status card:application=31415926",
        "status card:serial=1;serial=31415926",
        "status card:reader=31415926",
        "status --application 31415926",
        "status --application=31415926",
        "status --via 31415926",
        "status --wait 31415926x",
        "status --wait x31415926",
        "status --allow-last-try=31415926",
        "status --allow-last-try 31415926",
        "status --json=31415926",
        "status --verbose=31415926",
        "--json=31415926",
        "--31415926 status",
        "31415926 status",
        "pin change --help=31415926",
        "pin change --pin env:PIN --new-pin env:NEW --token 31415926",
        "pin change --pin env:PIN --new-pin env:31415926 --no-input",
        "token init --token desk-7 --so-pin env:SO --destroy 31415926",
    ] {
        for manner in [&[][..], &["--json"], &["--trace", "-v"], &["--dry-run"]] {
            let words: Vec<&str> = line.split(' ').collect();
            let arguments = [manner, &words].concat();
            let run = desk.logged(&arguments).run();
            assert_ne!(run.code, 1, "{run:?}");
            assert!(run.code != 0 || manner == ["--dry-run"], "{line}: {run:?}");
            clean(&run, &[MARK], line);
        }
    }
    none_in_files(desk.home.path(), &[MARK]);
}

#[test]
fn what_a_person_gave_for_a_label_or_a_path_may_be_shown_and_the_search_would_see_it() {
    let desk = Desk::new();
    let run = desk.logged(&["status", "--module", "/nonexistent/31415926.so", "--token", "pkcs11:token=desk-7"]).run();
    assert_eq!(found(&run.err, &[MARK]), Some(MARK), "a module's path is no secret: {run:?}");
}

#[test]
fn arguments_that_are_no_text_are_refused_and_not_repeated() {
    use std::os::unix::ffi::OsStringExt;
    let desk = Desk::new();
    let broken = || OsString::from_vec(b"31415926\xFF".to_vec());
    for before in [&["pin", "change", "--pin"][..], &["pin", "change"], &["status"], &[], &["pin", "verify", "--token"]]
    {
        let arguments = before.iter().map(OsString::from).chain([broken()]);
        let run = pukka(desk.home.path(), arguments).run();
        clean(&run.code(2), &[MARK], &format!("{before:?}"));
    }
}

#[test]
fn a_secret_in_a_file_that_is_refused_is_not_repeated() {
    let desk = Desk::new();
    let marks = ["pin-93Ls!mf2Z", "pin-04Mt!ng3A"];
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> std::path::PathBuf { Path::join(folder.path(), name) };
    let refused = crate::support::desk::secret_file(&path("open"), "pin-93Ls!mf2Z\n");
    crate::support::desk::set_mode(&refused, 0o644);
    let odd = crate::support::desk::secret_file(&path("odd"), "pin-93Ls!mf2Z \npin-04Mt!ng3A\n");
    let long = crate::support::desk::secret_file(&path("long"), "pin-93Ls!mf2Z".repeat(300));
    for file in [refused, odd, long] {
        let source = format!("file:{}", file.display());
        for manner in MANNERS {
            let arguments = [&["pin", "change", "--pin", &source, "--new-pin", &source], manner].concat();
            let run = desk.logged(&arguments).run();
            assert!([2, 6].contains(&run.code), "{run:?}");
            clean(&run, &marks, &file.display().to_string());
        }
    }
    let call = ["pin", "change", "--pin", "stdin", "--trace"];
    let run = desk.logged(&call).stdin("pin-93Ls!mf2Z\npin-04Mt!ng3A\n").run().code(2);
    clean(&run, &marks, "left-over lines");
}

#[test]
fn a_generated_value_stands_on_standard_output_and_nowhere_else() {
    let desk = Desk::new();
    for manner in [&[][..], &["--json"], &["--trace", "-v"]] {
        let arguments = [&["pin", "reset", "--so-pin", "env:SO", "--new-pin", "generate"], manner].concat();
        let run = desk.logged(&arguments).run().code(0);
        let value = match manner {
            ["--json"] => run.json()["generated"]["new-pin"].as_str().unwrap().to_owned(),
            _ => run.out.trim_end().to_owned(),
        };
        assert_eq!(run.out.matches(&value).count(), 1, "{run:?}");
        assert_eq!(found(&run.err, &[&value]), None, "{run:?}");
        none_in_files(desk.home.path(), &[&value]);
    }
}
