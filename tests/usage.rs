//! The command line itself: wrong calls, help, hints, the configuration, and what goes to which stream.

use std::{collections::BTreeSet, fs, process::Command};

use crate::support::{
    Run,
    cards::{Card, Pcscd},
    desk::Desk,
    home, pukka,
    softhsm::Faults,
};

#[track_caller]
fn run(arguments: &[&str]) -> Run {
    pukka(home().path(), arguments).run()
}

#[test]
fn a_wrong_call_is_exit_2_says_why_on_standard_error_and_points_to_the_help() {
    for (arguments, said, help) in [
        (&["pin", "chnge"][..], "change", "pukka pin --help"),
        (&["stauts"], "status", "pukka --help"),
        (&["pin", "change", "--new-pni", "env:A"], "--new-pin", "pukka pin change --help"),
        (&["pin"], "verb is missing", "pukka pin --help"),
        (&["puk"], "verb is missing", "pukka puk --help"),
        (&["so-pin"], "verb is missing", "pukka so-pin --help"),
        (&["token"], "verb is missing", "pukka token --help"),
        (&["completions"], "is missing", "pukka completions --help"),
        (&["pin", "change", "1234"], "argument too many", "pukka pin change --help"),
        (&["pin", "change", "--puk", "env:A"], "this command has no --puk", "pukka pin change --help"),
        (&["pin", "change", "--pin"], "--pin", "pukka pin change --help"),
        (&["list", "--wait", "soon"], "--wait", "pukka list --help"),
        (&["list", "--via", "air"], "pcsc, pkcs11", "pukka list --help"),
        (&["pin", "reset", "--by", "magic"], "puk, so-pin", "pukka pin reset --help"),
        (&["pin", "verify", "--allow-last-try=all"], "user-pin, puk, so-pin", "pukka pin verify --help"),
    ] {
        let run = run(arguments).code(2);
        assert!(run.err.starts_with("error: ") && run.err.contains(said), "{arguments:?}: {run:?}");
        assert!(run.err.contains(&format!("hint: {help}\n")), "{arguments:?}: {run:?}");
        assert_eq!(run.out, "");
    }
}

#[test]
fn an_application_that_nobody_knows_is_refused_with_the_names_of_those_that_are() {
    for arguments in [&["list", "--application", "gpg"][..], &["pin", "verify", "--application", "gpg"]] {
        let run = run(arguments).code(2);
        assert!(run.err.contains("--application takes one of pkcs11, piv"), "{run:?}");
        assert!(!run.err.contains("gpg"), "{run:?}");
    }
    let run = run(&["list", "--token", "card:application=gpg"]).code(2);
    assert!(run.err.contains("application= names none"), "{run:?}");
}

#[test]
fn a_wrong_call_honours_json_wherever_it_stands() {
    for arguments in [
        &["--json", "pin", "chnge"][..],
        &["pin", "change", "--pin", "123456", "--json"],
        &["pin", "--json"],
        &["--json"],
        &["status", "--json", "card:nonsense"],
        &["status", "-t", "a", "b", "--json"],
        &["pin", "change", "--config", "/nonexistent", "--json"],
        &["pin", "verify", "--pin", "env:UNSET_HERE", "--json"],
    ] {
        let run = run(arguments).code(2);
        let object = run.json();
        assert_eq!((&object["schema"], &object["error"]["kind"]), (&1.into(), &"usage".into()), "{run:?}");
        assert_eq!(object["error"]["exit_code"], 2);
        assert!(run.out.starts_with(r#"{"schema":1,"#), "schema stands first: {run:?}");
        assert_eq!(run.err, "", "with --json there is one object, and no talk");
    }
    assert_eq!(run(&["pin", "change", "oops", "--json"]).json()["command"], "pin change");
    assert_eq!(run(&["pin", "verify", "--pin", "env:UNSET_HERE", "--json"]).json()["command"], "pin verify");
}

#[test]
fn help_and_the_version_are_data_with_exit_0() {
    for arguments in
        [&["--help"][..], &["-h"], &["pin", "--help"], &["pin", "change", "--help"], &["token", "init", "-h"]]
    {
        let run = run(arguments).code(0);
        assert!(run.out.contains("Usage: pukka") && run.err.is_empty(), "{run:?}");
    }
    assert_eq!(run(&["--version"]).code(0).out, format!("pukka {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_of_the_contract_has_help_with_an_example() {
    for command in [
        "list",
        "status",
        "pin set",
        "pin change",
        "pin verify",
        "pin unblock",
        "pin reset",
        "puk change",
        "so-pin change",
        "admin-pin change",
        "so-pin reset",
        "token init",
        "respond",
        "profile check",
        "doctor",
        "completions",
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let run = run(&words).code(0);
        assert!(run.out.contains("Example: pukka "), "{command}: {run:?}");
    }
}

#[test]
fn completions_are_scripts_that_their_shell_can_read() {
    let bash = run(&["completions", "bash"]).code(0);
    let home = home();
    let script = home.path().join("completions");
    fs::write(&script, &bash.out).unwrap();
    let checked = Command::new("bash").arg("-n").arg(&script).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    // What the shell would offer behind `pukka pin change --`.
    let offer = r#". "$0"; COMP_WORDS=(pukka pin change --new); COMP_CWORD=3; _pukka pukka --new change; echo "${COMPREPLY[@]}""#;
    let offered = Command::new("bash").args(["-c", offer]).arg(&script).output().unwrap();
    assert!(String::from_utf8(offered.stdout).unwrap().contains("--new-pin"), "{:?}", offered.stderr);
    // Files are no answer to where a secret comes from, or to which token is meant.
    for option in ["--pin", "--new-pin", "--token", "--application"] {
        let offer = format!(
            r#"cd /; . "$0"; COMP_WORDS=(pukka pin change {option} ''); COMP_CWORD=4; _pukka pukka '' {option}; echo "${{COMPREPLY[@]}}""#
        );
        let offered = Command::new("bash").args(["-c", &offer]).arg(&script).output().unwrap();
        let offered = String::from_utf8(offered.stdout).unwrap();
        assert!(!offered.contains("etc"), "{option}: {offered}");
    }
    assert!(run(&["completions", "zsh"]).code(0).out.starts_with("#compdef pukka\n"));
    let fish = run(&["completions", "fish"]).code(0).out;
    assert!(fish.contains("complete -c pukka"), "{fish}");
}

/// What `cli.md` says must work as it stands, as far as this version has it.
const CALLS: [&str; 8] = [
    "token init --module M --label desk-8 --new-so-pin env:SO --new-pin env:PIN",
    "status desk-7 --json",
    "pin verify --token desk-7 --pin env:PIN",
    "pin change --token desk-7 --pin env:PIN --new-pin env:NEW --json",
    "pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW",
    "so-pin change --token desk-7 --so-pin env:SO --new-so-pin env:NEW",
    "pin reset --application piv --puk env:PUK --new-pin env:NEW",
    "puk change --application piv --puk env:PUK --new-puk env:PUK2",
];

#[test]
fn the_calls_that_must_work_as_they_stand_do() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    let desk = Desk::new();
    let module = Faults::new().module();
    for line in CALLS {
        let line = line.replace(" M ", &format!(" {} ", module.display()));
        let words: Vec<&str> = line.split(' ').collect();
        let call = desk.logged(&words).envs(pcscd.envs()).env("PUK", "12345678").env("PUK2", "87654321");
        call.run().code(0);
        if line.starts_with("pin change") {
            desk.logged(&["pin", "change", "--token", "desk-7", "--pin", "env:NEW", "--new-pin", "env:PIN"])
                .envs(pcscd.envs())
                .run()
                .code(0);
        }
    }
    drop(card);
}

#[test]
fn the_aliases_of_the_contract_are_taken() {
    let desk = Desk::new();
    desk.logged(&["pin", "reset", "--admin-pin", "env:SO", "--new-pin", "env:NEW"]).run().code(0);
    desk.logged(&["pin", "reset", "--by", "admin-pin", "--so-pin", "env:SO", "--new-pin", "env:PIN"]).run().code(0);
    desk.logged(&["admin-pin", "change", "--admin-pin", "env:SO", "--new-so-pin", "env:NEW"]).run().code(0);
}

/// The hint of a failed call where it is a command, as a shell would take it.
fn hint(run: &Run) -> Option<String> {
    run.err
        .lines()
        .find_map(|line| line.strip_prefix("hint: "))
        .filter(|hint| hint.starts_with("pukka "))
        .map(Into::into)
}

/// Runs a hint as it would be pasted, but without changing anything: that it goes on to ask for a secret proves that it was
/// understood and that its token was found.
#[track_caller]
fn paste(desk: &Desk, hint: &str, faults: Faults, more: &[(&str, std::ffi::OsString)]) -> Run {
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_pukka")).parent().unwrap().display().to_string();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    let dry = if hint.contains("--help") { "" } else { " --dry-run --no-input --json" };
    let call = desk.logged_behind(faults, &[]).envs(more.iter().cloned()).env("PATH", path);
    crate::support::running::shell(call, format!("{hint}{dry}"))
}

#[test]
fn every_command_in_a_hint_can_be_pasted() {
    let (pcscd, [card]) = Pcscd::with([Card::piv()]);
    let envs = pcscd.envs();
    let desk = Desk::new();
    let blank = Desk::blank();
    let unset = Desk::blank();
    unset.logged(&["token", "init", "--label", "desk-7", "--new-so-pin", "env:SO"]).run().code(0);
    let change: &[&str] = &["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW"];
    let by_wrong: &[&str] = &["pin", "verify", "--pin", "env:WRONG"];
    let slot = "--via=pkcs11";
    let piv = "--application=piv";
    let mut hints = BTreeSet::new();
    for (desk, arguments, rule, code, wanted) in [
        (&desk, [by_wrong, &[slot]].concat(), "", 4, "pin reset"),
        (&desk, [change, &[slot]].concat(), "token-flags=+0x40000", 5, "pin reset"), // CKF_USER_PIN_LOCKED
        (&desk, [change, &[slot]].concat(), "token-flags=+0x20000", 6, "pin reset"), // CKF_USER_PIN_FINAL_TRY
        (&desk, [by_wrong, &[slot]].concat(), "C_Login=CKR_PIN_EXPIRED", 5, "pin change"),
        (&desk, [change, &[slot]].concat(), "C_SetPIN=lie;C_Login#2-=CKR_DEVICE_ERROR", 11, "pin verify"),
        (&desk, [change, &[slot]].concat(), "C_SetPIN=CKR_DEVICE_REMOVED;C_Login#2-=CKR_DEVICE_ERROR", 8, "pin verify"),
        (&desk, vec!["pin", "unblock", "--so-pin", "env:SO", slot], "", 7, "pin reset"),
        (&desk, vec!["pin", "set", "--so-pin", "env:SO", "--new-pin", "env:NEW", slot], "", 7, "pin reset"),
        (&desk, vec!["pin", "verify", "--pin", "env:PIN", "-t", "pkcs11:token=none"], "", 3, "list"),
        (&desk, vec!["puk", "change", "--puk", "env:PIN", "--new-puk", "env:NEW", slot], "", 7, "so-pin change"),
        (&unset, [by_wrong, &[slot]].concat(), "", 5, "pin set"),
        (&blank, [by_wrong, &[slot]].concat(), "", 5, "token init"),
        (&blank, vec!["pin", "chnge"], "", 2, "pin --help"),
        (&desk, vec!["pin", "unblock", "--puk", "env:PUK", piv], "", 7, "pin reset"),
        (&desk, vec!["pin", "set", "--so-pin", "env:PUK", "--new-pin", "env:NEW", piv], "", 7, "pin reset"),
        // With two tries left the PIN was most likely mistyped.
        (&desk, [by_wrong, &[piv]].concat(), "", 4, ""),
        (&desk, [by_wrong, &[piv]].concat(), "", 4, "pin reset"),
        (&desk, [by_wrong, &[piv]].concat(), "", 6, "pin reset"),
        (&desk, [by_wrong, &[piv, "--allow-last-try"]].concat(), "", 5, "pin reset"),
        (&desk, [by_wrong, &[piv]].concat(), "", 5, "pin reset"),
    ] {
        let faults = || if rule.is_empty() { Faults::new() } else { Faults::new().rule(rule) };
        let failed = desk.logged_behind(faults(), &arguments).envs(envs.iter().cloned()).env("PUK", "12345678").run();
        assert_eq!(failed.code, code, "{arguments:?} {rule}: {failed:?}");
        if wanted.is_empty() {
            assert_eq!(hint(&failed), None, "{failed:?}");
            continue;
        }
        let hint = hint(&failed).unwrap_or_else(|| panic!("{arguments:?} {rule} has no hint to paste: {failed:?}"));
        assert!(hint.starts_with(&format!("pukka {wanted}")), "{arguments:?} {rule}: {hint}");
        let pasted = paste(desk, &hint, if rule.starts_with("token") { faults() } else { Faults::new() }, &envs);
        let asks = pasted.code == 2 && pasted.out.contains("is missing and nobody can be asked for it");
        let names = pasted.code == 2 && pasted.out.contains("with --label");
        assert!(pasted.code == 0 || asks || names, "{hint} cannot be pasted: {pasted:?}");
        hints.insert(hint.split(" --").next().unwrap().to_owned());
    }
    assert!(hints.len() >= 7, "{hints:?}");
    drop(card);
}

#[test]
fn an_unknown_key_of_the_configuration_is_exit_2_with_line_and_column() {
    let desk = Desk::new();
    let folder = desk.at_home("config/pukka");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), "wait = 2\n\n  colour = true\n").unwrap();
    let of_user = desk.logged(&["list"]).run().code(2);
    let named = desk.at_home("other.toml");
    fs::write(&named, "wait = 2\n\n  colour = true\n").unwrap();
    let of_call = desk.logged(&["list", "--config", named.to_str().unwrap()]).run().code(2);
    for run in [of_user, of_call] {
        assert!(run.err.contains("line 3, column 3") && run.err.contains("colour"), "{run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn a_configuration_that_was_named_has_to_be_there_and_one_that_was_not_need_not() {
    let desk = Desk::new();
    desk.logged(&["list", "--config", "/nonexistent/config.toml"]).run().code(2);
    desk.nothing_was_opened();
    desk.logged(&["list"]).run().code(0);
}

#[test]
fn the_configuration_names_modules_and_the_command_line_goes_before_it() {
    let desk = Desk::new();
    let module = crate::support::softhsm::softhsm_module();
    let config = desk.at_home("config.toml");
    fs::write(&config, format!("modules = [{:?}]\n", module.to_str().unwrap())).unwrap();
    let by_config = ["list", "--via", "pkcs11", "--json", "--config", config.to_str().unwrap()];
    let call = |more: &[&str]| {
        let call = pukka(desk.home.path(), [&by_config[..], more].concat());
        call.with(|command| desk.store.envs(command)).run()
    };
    assert_eq!(call(&[]).code(0).json()["tokens"][0]["label"], "desk-7");
    call(&["--module", "/nonexistent.so"]).code(8);
}

#[test]
fn an_empty_list_of_modules_loads_none_and_one_that_is_named_is_loaded_all_the_same() {
    let desk = Desk::new();
    let config = desk.path("config.toml");
    fs::write(&config, "modules = []\n").unwrap();
    let call = |words: &str| {
        let call = pukka(desk.home.path(), words.split(' ')).with(|command| desk.store.envs(command));
        call.env("PIN", "271828").with(|command| {
            command.arg("--config").arg(&config);
        })
    };
    // p11-kit's proxy would show the token: it is in its configuration on every machine that has SoftHSM2's package.
    for words in [
        "list --via pkcs11 --json",
        "pin verify --via pkcs11 --pin env:PIN --json",
        "status pkcs11:token=desk-7 --json",
    ] {
        let error = call(words).run().code(3).json()["error"].clone();
        assert!(error["message"].as_str().unwrap().contains("no PKCS#11 module is loaded"), "{error}");
    }
    let module = crate::support::softhsm::softhsm_module();
    let named = call("list --via pkcs11 --json").env("PUKKA_MODULE", &module).run();
    assert_eq!(named.code(0).json()["tokens"][0]["label"], "desk-7");
    let by_uri = format!("status pkcs11:token=desk-7?module-path={} --json", module.display());
    assert_eq!(call(&by_uri).run().code(0).json()["tokens"][0]["label"], "desk-7");
    // Set to nothing, the variable says nothing.
    call("list --via pkcs11").env("PUKKA_MODULE", "").run().code(3);
}

#[test]
fn standard_output_carries_data_only_and_standard_error_the_talk() {
    let desk = Desk::new();
    let change = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW"];
    let success = desk.logged(&change).run().code(0);
    assert_eq!(success.out, "");
    assert_eq!(success.err.lines().count(), 1, "a success is one line: {success:?}");
    assert!(success.err.starts_with("desk-7: "), "{success:?}");
    let failure = desk.logged(&change).run().code(4);
    assert_eq!(failure.out, "");
    assert!(failure.err.starts_with("error: "), "{failure:?}");
    let listing = desk.logged(&["status", "--via", "pkcs11"]).run().code(0);
    assert!(listing.out.contains("desk-7") && listing.err.is_empty(), "{listing:?}");
}

#[test]
fn quiet_silences_a_success_and_not_a_failure_nor_data() {
    let desk = Desk::new();
    let quiet = |more: &[&str]| desk.logged(&[&["-q", "pin", "reset", "--so-pin", "env:SO"], more].concat()).run();
    let run = quiet(&["--new-pin", "env:NEW"]).code(0);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    let run = quiet(&["--new-pin", "generate"]).code(0);
    assert_eq!((run.out.lines().count(), run.err.as_str()), (1, ""));
    let run = desk.logged(&["-q", "pin", "verify", "--pin", "env:WRONG"]).run().code(4);
    assert!(run.err.starts_with("error: "), "{run:?}");
}

#[test]
fn what_is_no_terminal_gets_no_escapes() {
    let desk = Desk::new();
    for arguments in [&["pin", "verify", "--pin", "env:WRONG"][..], &["pin", "chnge"], &["--help"], &["status"]] {
        let run = desk.logged(arguments).run();
        assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'), "{run:?}");
    }
}

#[test]
fn a_terminal_gets_colours_unless_no_color_forbids_them() {
    use crate::support::terminal::Terminal;
    let desk = Desk::new();
    let wrong = || desk.logged(&["pin", "verify", "--pin", "env:WRONG"]).env("TERM", "xterm");
    let (_, coloured) = Terminal::spawn(wrong().command()).wait();
    assert!(coloured.contains("\x1b["), "this test could not fail: {coloured:?}");
    let (_, plain) = Terminal::spawn(wrong().env("NO_COLOR", "1").command()).wait();
    assert!(plain.contains("error: ") && !plain.contains('\x1b'), "{plain:?}");
}

#[test]
fn every_json_object_is_one_line_with_the_schema_first() {
    let desk = Desk::new();
    for (arguments, code) in [
        (&["list"][..], 0),
        (&["status"], 0),
        (&["pin", "verify", "--pin", "env:PIN"], 0),
        (&["pin", "verify", "--pin", "env:WRONG"], 4),
        (&["pin", "verify", "--pin", "env:PIN", "--dry-run"], 0),
        (&["pin", "unblock", "--so-pin", "env:SO"], 7),
    ] {
        let run = desk.logged(&[arguments, &["--json"]].concat()).run().code(code);
        assert!(run.out.starts_with(r#"{"schema":1,"command":""#) && run.err.is_empty(), "{run:?}");
        run.json();
    }
}
