//! New values made by the tool: where they go, when they are on disk, and what becomes of them when it fails.

use std::{
    fs,
    os::{
        fd::OwnedFd,
        unix::fs::{PermissionsExt, symlink},
    },
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{
    Pukka, Run,
    desk::{Desk, NEW, PIN},
    detached,
    running::{Running, shell, workers},
    softhsm::{Faults, Gate},
    terminal::Terminal,
};

const CHANGE: [&str; 5] = ["pin", "change", "--pin", "env:PIN", "--new-pin"];

/// The value that `text` holds as one line: digits and a line feed.
#[track_caller]
fn one_line(text: &str) -> &str {
    let value = text.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {text:?}"));
    assert!(value.len() >= 6 && value.bytes().all(|byte| byte.is_ascii_digit()), "{text:?}");
    value
}

fn change_to(source: &str) -> Vec<&str> {
    [&CHANGE[..], &[source]].concat()
}

fn source(file: &Path) -> String {
    format!("generate:{}", file.display())
}

#[test]
fn generate_writes_the_value_alone_to_standard_output_and_the_token_takes_it() {
    let desk = Desk::new();
    let run = desk.logged(&change_to("generate")).run().code(0);
    let value = one_line(&run.out);
    assert!(run.err.contains("desk-7") && !run.err.contains(value), "{run:?}");
    assert!(desk.is_pin(value) && !desk.is_pin(PIN));
}

#[test]
fn a_shell_variable_holds_the_generated_pin_and_nothing_else() {
    let desk = Desk::new();
    let text = r#"PIN=$("$PUKKA" "$@") && printf '[%s]' "$PIN" && export PIN && "$PUKKA" pin verify --pin env:PIN"#;
    let run = shell(desk.logged(&change_to("generate")), text).code(0);
    let value = run.out.strip_prefix('[').and_then(|out| out.strip_suffix(']')).unwrap_or_else(|| panic!("{run:?}"));
    one_line(&format!("{value}\n"));
    assert!(desk.is_pin(value));
}

#[test]
fn two_generated_pins_are_not_the_same() {
    let desk = Desk::new();
    let first = desk.logged(&change_to("generate")).run().code(0).out;
    let reset = ["pin", "reset", "--so-pin", "env:SO", "--new-pin", "generate"];
    assert_ne!(first, desk.logged(&reset).run().code(0).out);
}

#[test]
fn in_json_the_value_stands_under_generated_by_the_name_of_its_option() {
    let desk = Desk::new();
    let done = desk.logged(&[&change_to("generate")[..], &["--json"]].concat()).run().code(0).json();
    let generated = done["generated"].as_object().unwrap();
    assert_eq!(generated.keys().collect::<Vec<_>>(), ["new-pin"]);
    assert!(desk.is_pin(generated["new-pin"].as_str().unwrap()));
    let reset = ["so-pin", "change", "--so-pin", "env:SO", "--new-so-pin", "generate", "--json"];
    let done = desk.logged(&reset).run().code(0).json();
    assert!(desk.is_so_pin(done["generated"]["new-so-pin"].as_str().unwrap()));
}

#[test]
fn two_generated_values_are_told_apart_in_json_and_refused_without_it() {
    let desk = Desk::blank();
    let init = ["token", "init", "--label", "desk-7", "--new-so-pin", "generate", "--new-pin", "generate"];
    let run = desk.logged(&init).run().code(2);
    assert_eq!(run.out, "", "{run:?}");
    desk.nothing_was_opened();
    let done = desk.logged(&[&init[..], &["--json"]].concat()).run().code(0).json();
    assert!(desk.is_pin(done["generated"]["new-pin"].as_str().unwrap()));
    assert!(desk.is_so_pin(done["generated"]["new-so-pin"].as_str().unwrap()));
}

#[test]
fn a_value_for_a_file_is_on_disk_before_the_token_gets_it() {
    for (call, arguments) in
        [("C_SetPIN", &CHANGE), ("C_InitPIN", &["pin", "reset", "--so-pin", "env:SO", "--new-pin"])]
    {
        let desk = Desk::new();
        let file = desk.at_home("generated");
        let gate = Gate::new(desk.home.path(), "gate");
        let to = source(&file);
        let faults = Faults::new().rule(gate.before(call));
        let running = Running::start(desk.logged_behind(faults, &[&arguments[..], &[&to, "--json"]].concat()));
        gate.wait();
        let content = fs::read_to_string(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        gate.open();
        let run = running.finish().code(0);
        assert_eq!(run.json()["generated"], serde_json::json!({}), "what went to a file is not repeated");
        let value = one_line(&content);
        assert!(!run.out.contains(value) && !run.err.contains(value), "{run:?}");
        assert!(desk.is_pin(value));
    }
}

#[test]
fn the_file_is_the_owners_alone_whatever_the_umask() {
    let desk = Desk::new();
    let file = desk.at_home("generated");
    shell(desk.logged(&change_to(&source(&file))), r#"umask 000; "$PUKKA" "$@""#).code(0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_is_there_is_not_overwritten_and_nothing_is_sent() {
    let desk = Desk::new();
    let there = desk.file("there", "kept\n");
    let link = desk.at_home("link");
    symlink(desk.at_home("nowhere"), &link).unwrap();
    for file in [&there, &link] {
        let run = desk.logged(&change_to(&source(file))).run().code(2);
        assert!(run.err.contains("--new-pin") && !run.err.contains(file.to_str().unwrap()), "{run:?}");
        desk.nothing_was_sent();
    }
    assert_eq!(fs::read_to_string(there).unwrap(), "kept\n");
    assert!(!desk.at_home("nowhere").exists(), "a link is never followed");
}

#[test]
fn a_file_that_comes_while_somebody_types_is_not_overwritten_either() {
    let desk = Desk::new();
    let file = desk.at_home("generated");
    let mut terminal = Terminal::spawn(desk.logged(&["pin", "change", "--new-pin", &source(&file)]).command());
    terminal.expect("PIN of desk-7");
    fs::write(&file, "kept\n").unwrap();
    terminal.send("123456\r");
    assert_eq!(terminal.wait().0, 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept\n");
    desk.nothing_was_sent();
}

#[test]
fn a_file_that_cannot_be_made_is_exit_2_and_nothing_is_sent() {
    let desk = Desk::new();
    desk.logged(&change_to(&source(&desk.at_home("no/such/folder")))).run().code(2);
    desk.logged(&change_to("generate:")).run().code(2);
    desk.nothing_was_sent();
}

#[test]
fn the_file_goes_away_where_the_token_certainly_kept_its_old_pin() {
    let desk = Desk::new();
    let file = desk.at_home("generated");
    let to = source(&file);
    desk.logged(&["pin", "change", "--pin", "env:WRONG", "--new-pin", &to]).run().code(4);
    assert!(!file.exists(), "the old PIN was wrong");
    for (rule, code) in [("C_SetPIN=CKR_PIN_INVALID", 6), ("C_Login=CKR_PIN_LOCKED", 5)] {
        desk.logged_behind(Faults::new().rule(rule), &change_to(&to)).run().code(code);
        assert!(!file.exists(), "{rule}");
    }
    assert!(desk.is_pin(PIN));
}

#[test]
fn the_file_stays_where_the_token_may_have_the_new_pin() {
    for (rule, code, taken) in [
        ("C_SetPIN=after:CKR_DEVICE_REMOVED", 8, true),
        ("C_SetPIN=CKR_GENERAL_ERROR;C_Login#2-=CKR_DEVICE_ERROR", 8, false),
        ("C_SetPIN=lie;C_Login#2-=CKR_DEVICE_ERROR", 11, false),
        ("C_Login#2-=CKR_DEVICE_ERROR", 11, true),
        ("C_SetPIN=after-crash", 8, true),
    ] {
        let desk = Desk::new();
        let file = desk.at_home("generated");
        let call = desk.logged_behind(Faults::new().rule(rule), &change_to(&source(&file)));
        let run = Running::start(call).finish();
        assert_eq!(run.code, code, "{rule}: {run:?}");
        let content = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{rule}: {error}"));
        assert_eq!(desk.is_pin(one_line(&content)), taken, "{rule}");
    }
}

#[test]
fn the_file_goes_where_the_token_is_found_to_have_kept_the_old_pin() {
    for (rule, code) in [("C_SetPIN=CKR_GENERAL_ERROR", 8), ("C_SetPIN=lie", 11), ("C_SetPIN=crash", 8)] {
        let desk = Desk::new();
        let file = desk.at_home("generated");
        let run = desk.logged_behind(Faults::new().rule(rule), &change_to(&source(&file))).run().code(code);
        assert!(run.err.contains("the old PIN still holds"), "{rule}: {run:?}");
        assert!(!file.exists() && desk.is_pin(PIN), "{rule}");
    }
}

#[test]
fn a_generated_value_is_worth_no_word_where_the_token_is_found_to_have_kept_the_old_one() {
    for (rule, code) in [("C_SetPIN=CKR_GENERAL_ERROR", 8), ("C_SetPIN=lie", 11), ("C_SetPIN=crash", 8)] {
        let desk = Desk::new();
        let run = desk.logged_behind(Faults::new().rule(rule), &change_to("generate")).run().code(code);
        assert!(run.out.is_empty() && !run.err.contains("generated value"), "{rule}: {run:?}");
        let words = [&change_to("generate")[..], &["--json"]].concat();
        let failed = desk.logged_behind(Faults::new().rule(rule), &words).run().code(code).json();
        assert_eq!(failed["error"]["holds"], "old", "{rule}: {failed}");
        assert!(failed["error"].get("generated").is_none(), "{rule}: {failed}");
        let so = ["so-pin", "change", "--so-pin", "env:SO", "--new-so-pin"];
        let run = desk.logged_behind(Faults::new().rule(rule), &[&so[..], &["generate"]].concat()).run().code(code);
        assert!(run.out.is_empty() && !run.err.contains("generated value"), "{rule}: {run:?}");
    }
}

#[test]
fn a_generated_value_is_not_shown_where_the_token_refused_the_old_one() {
    let desk = Desk::new();
    let wrong = ["pin", "change", "--pin", "env:WRONG", "--new-pin", "generate"];
    assert_eq!(desk.logged(&wrong).run().code(4).out, "");
    let failed = desk.logged(&[&wrong[..], &["--json"]].concat()).run().code(4).json();
    assert!(failed.get("generated").is_none(), "{failed}");
}

#[test]
fn a_value_that_nobody_would_read_is_not_generated() {
    let desk = Desk::new();
    for more in [&[][..], &["--json"]] {
        let arguments = [&change_to("generate")[..], more].concat();
        for text in [r#""$PUKKA" "$@" >&-"#, r#""$PUKKA" "$@" >/dev/null"#] {
            let run = shell(desk.logged(&arguments), text).code(2);
            assert!(more == ["--json"] || run.err.contains("generate:FILE"), "{text}: {run:?}");
            desk.nothing_was_sent();
        }
        let (reader, writer): (OwnedFd, OwnedFd) = nix::unistd::pipe().unwrap();
        drop(reader);
        let mut call = detached(&desk.logged(&arguments).command());
        let child = call.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).spawn();
        assert_eq!(child.unwrap().wait().unwrap().code(), Some(2), "a pipe without a reader");
        desk.nothing_was_sent();
    }
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_present_value_cannot_be_generated() {
    let desk = Desk::new();
    for (command, option) in
        [(["pin", "verify"], "--pin"), (["pin", "reset"], "--so-pin"), (["puk", "change"], "--puk")]
    {
        for from in ["generate", "generate:/tmp/never-made"] {
            let run = desk.logged(&[command[0], command[1], option, from]).run().code(2);
            assert!(run.err.contains(option) && run.err.contains("cannot be generated"), "{run:?}");
            desk.nothing_was_opened();
        }
    }
}

#[test]
fn who_gives_up_at_a_question_leaves_no_file_behind() {
    let desk = Desk::blank();
    let file = desk.at_home("generated");
    let arguments = ["token", "init", "--label", "desk-7", "--new-pin", &source(&file), "--new-so-pin", "prompt"];
    let mut terminal = Terminal::spawn(desk.logged(&arguments).command());
    terminal.expect("New SO PIN").send("\x03");
    assert_eq!(terminal.wait().0, 130);
    assert!(!file.exists());
    desk.nothing_was_sent();
}

#[test]
fn nobody_types_a_pin_only_to_hear_that_the_file_is_there_already() {
    let desk = Desk::new();
    let there = desk.file("there", "kept\n");
    let (code, shown) = Terminal::spawn(desk.logged(&["pin", "change", "--new-pin", &source(&there)]).command()).wait();
    assert_eq!(code, 2, "{shown}");
    assert!(!shown.contains("PIN of desk-7"), "{shown}");
}

#[test]
fn who_gives_up_waiting_for_another_process_leaves_no_file_behind() {
    let desk = Desk::new();
    let listed = desk.logged(&["list", "--json"]).run().code(0).json();
    let token = listed["tokens"].as_array().unwrap().iter().find(|token| token["label"] == "desk-7").unwrap();
    let serial = token["serial"].as_str().unwrap();
    let gate = Gate::new(desk.home.path(), "gate");
    let change = [&CHANGE[..], &["env:NEW"]].concat();
    let writer = Running::start(desk.logged_behind(Faults::new().rule(gate.before("C_SetPIN")), &change));
    gate.wait();
    let file = desk.at_home("generated");
    let source = source(&file);
    // Found by its serial, it is not looked for again while another writes: what is waited for is the lock.
    let waiting = [&CHANGE[..], &[source.as_str(), "--token", serial, "--wait", "60"]].concat();
    let waiting = Running::start(desk.logged(&waiting));
    let start = Instant::now();
    while !workers(waiting.id()).into_iter().any(has_a_lock_open) {
        assert!(start.elapsed().as_secs() < 60, "it never came");
        std::thread::yield_now();
    }
    kill(Pid::from_raw(waiting.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(waiting.finish().code, 130);
    assert!(!file.exists());
    gate.open();
    writer.finish().code(0);
    assert!(desk.is_pin(NEW));
}

/// Whether a process has a lock file open.
fn has_a_lock_open(process: u32) -> bool {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let mut open = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    open.any(|path| path.extension().is_some_and(|extension| extension == "lock"))
}

#[test]
fn a_token_that_wants_an_absurd_length_gets_no_generated_value() {
    let desk = Desk::new();
    let file = desk.at_home("generated");
    for source in ["generate".to_owned(), source(&file)] {
        let absurd = Faults::new().rule("pin-length=100000000000..200000000000");
        let run = desk.logged_behind(absurd, &change_to(&source)).run().code(6);
        assert_eq!(run.out, "", "{run:?}");
        assert!(!file.exists());
        assert!(!desk.calls().iter().any(|call| call == "C_SetPIN"), "{source}");
    }
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_value_that_standard_output_does_not_take_is_kept_in_a_file_of_the_state_directory() {
    let unknown = || Faults::new().rule("C_SetPIN=after:CKR_DEVICE_REMOVED");
    for (more, faults) in
        [(&[][..], Faults::new()), (&["--json"], Faults::new()), (&[], unknown()), (&["--json"], unknown())]
    {
        let desk = Desk::new();
        let arguments = [&change_to("generate")[..], more].concat();
        let run = shell(desk.logged_behind(faults, &arguments), r#""$PUKKA" "$@" >/dev/full"#).code(8);
        let files: Vec<_> =
            fs::read_dir(desk.at_home("state/pukka/lost")).unwrap().map(|file| file.unwrap().path()).collect();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        assert!(run.err.contains(&format!("stands in {}", file.display())), "{run:?}");
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        let value = fs::read_to_string(file).unwrap();
        assert!(desk.is_pin(one_line(&value)) && !desk.is_pin(PIN));
        let told = desk.logged(&["doctor", "--via", "pkcs11"]).run();
        let finding = told.out.lines().find(|line| line.starts_with("lost "));
        assert!(finding.is_some_and(|line| line.contains(&file.display().to_string())), "{told:?}");
        assert!(!told.out.contains(one_line(&value)), "{told:?}");
        // As a SOURCE it is taken as it stands.
        desk.logged(&["pin", "verify", "--pin", &format!("file:{}", file.display())]).run().code(0);
    }
}

#[test]
fn a_value_that_can_be_kept_nowhere_is_said_to_be_lost() {
    for more in [&[][..], &["--json"]] {
        let desk = Desk::new();
        // Something else stands where it would be kept.
        fs::create_dir_all(desk.at_home("state/pukka")).unwrap();
        fs::write(desk.at_home("state/pukka/lost"), "").unwrap();
        let arguments = [&change_to("generate")[..], more].concat();
        let run = shell(desk.logged(&arguments), r#""$PUKKA" "$@" >/dev/full"#).code(8);
        assert!(run.err.contains("the token has its new value") && run.err.contains("generate:FILE"), "{run:?}");
        assert!(!run.err.contains("changed and confirmed"), "{run:?}");
        assert!(!desk.is_pin(PIN));
    }
}

#[test]
fn a_value_that_standard_output_does_not_take_stands_on_the_terminal_where_there_is_one() {
    for more in [&[][..], &["--json"]] {
        let desk = Desk::new();
        let call = desk.logged(&[&change_to("generate")[..], more].concat());
        let (code, shown) = into_a_full_device(call).wait();
        assert_eq!(code, 8, "{shown}");
        assert!(desk.is_pin(shown_value(&shown)) && !desk.is_pin(PIN));
        assert!(shown.contains("stands on the terminal"), "{shown}");
    }
}

#[test]
fn after_a_failure_a_value_is_not_said_to_stand_where_it_could_not_be_written() {
    let unknown = || Faults::new().rule("C_SetPIN=after:CKR_DEVICE_REMOVED");
    for more in [&[][..], &["--json"]] {
        let desk = Desk::new();
        fs::create_dir_all(desk.at_home("state/pukka")).unwrap();
        fs::write(desk.at_home("state/pukka/lost"), "").unwrap();
        let arguments = [&change_to("generate")[..], more].concat();
        let run = shell(desk.logged_behind(unknown(), &arguments), r#""$PUKKA" "$@" >/dev/full"#).code(8);
        assert!(run.err.contains("error: ") && run.err.contains("is lost"), "{run:?}");
        assert!(!run.err.contains("stands on"), "{run:?}");

        let desk = Desk::new();
        let (code, shown) = into_a_full_device(desk.logged_behind(unknown(), &arguments)).wait();
        assert_eq!(code, 8, "{shown}");
        assert!(shown.contains("stands on the terminal"), "{shown}");
        assert!(desk.is_pin(shown_value(&shown)), "{shown}");
    }
}

/// A call on a terminal whose standard output takes nothing.
fn into_a_full_device(call: Pukka) -> Terminal {
    let call = call.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec "$@" >/dev/full"#, "sh"]).arg(call.get_program()).args(call.get_args()).env_clear();
    shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Terminal::spawn(shell)
}

/// The line of digits on a terminal.
#[track_caller]
fn shown_value(shown: &str) -> &str {
    let is_value = |line: &&str| line.len() >= 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    shown.lines().find(is_value).unwrap_or_else(|| panic!("no value: {shown}"))
}

/// Runs a call whose reader has gone before it writes.
#[track_caller]
fn without_a_reader(call: Pukka) -> Run {
    let (reader, output) = std::os::unix::net::UnixStream::pair().unwrap();
    drop(reader);
    let output = OwnedFd::from(output);
    let mut command = detached(&call.command());
    let output = command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).output().unwrap();
    Run { code: output.status.code().unwrap(), out: String::new(), err: String::from_utf8(output.stderr).unwrap() }
}

#[test]
fn a_reader_who_has_had_enough_of_a_listing_is_no_error_and_one_who_misses_a_failure_is_told() {
    let desk = Desk::new();
    for arguments in [&["list"][..], &["list", "--json"], &["status"], &["doctor", "--via", "pkcs11"], &["--help"]] {
        let run = without_a_reader(desk.logged(arguments)).code(0);
        assert!(!run.err.contains("error"), "{arguments:?}: {run:?}");
    }
    let run = without_a_reader(desk.logged(&["pin", "verify", "--pin", "env:WRONG", "--json"])).code(4);
    assert!(run.err.contains("error: wrong PIN"), "{run:?}");
}
