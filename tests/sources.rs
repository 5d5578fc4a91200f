//! Where secrets come from: each SOURCE, its lines, and what is refused before anything is sent.

mod credential;
mod files;

use std::{fs, process::Stdio, thread};

use crate::support::{
    Run,
    desk::{Desk, NEW, PIN, SO, set_mode},
    running::{Running, script, shell},
    softhsm::Faults,
};

/// `pin verify` with this source of the PIN.
fn verify(desk: &Desk, source: &str) -> Run {
    desk.logged(&["pin", "verify", "--pin", source]).run()
}

#[test]
fn env_gives_the_value_of_a_variable() {
    let desk = Desk::new();
    verify(&desk, "env:PIN").code(0);
    verify(&desk, "env:WRONG").code(4);
}

#[test]
fn a_variable_that_is_not_set_is_exit_2_names_the_option_and_opens_nothing() {
    let desk = Desk::new();
    let run = verify(&desk, "env:UNSET_HERE").code(2);
    assert!(run.err.contains("--pin"), "{run:?}");
    desk.nothing_was_opened();
}

#[test]
fn a_file_is_read_where_its_owner_alone_can_read_it_and_refused_where_others_can() {
    let desk = Desk::new();
    let file = desk.file("pin", "123456\n");
    let source = format!("file:{}", file.display());
    for mode in [0o600, 0o400, 0o700] {
        set_mode(&file, mode);
        verify(&desk, &source).code(0);
    }
    desk.calls();
    for mode in [0o644, 0o640, 0o660, 0o604, 0o620, 0o602] {
        set_mode(&file, mode);
        let run = verify(&desk, &source).code(2);
        assert!(run.err.contains("--pin") && run.err.contains("open to other users"), "{mode:o}: {run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn a_file_that_is_missing_or_a_folder_is_exit_2_and_opens_nothing() {
    let desk = Desk::new();
    let folder = desk.at_home("folder");
    fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o700);
    for path in [desk.at_home("nothing"), folder] {
        let run = verify(&desk, &format!("file:{}", path.display())).code(2);
        assert!(run.err.contains("--pin") && !run.err.contains(&path.display().to_string()), "{run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn lf_or_crlf_at_the_end_of_a_line_is_no_part_of_the_value() {
    let desk = Desk::new();
    for content in ["123456", "123456\n", "123456\r\n"] {
        let file = desk.file("pin", content);
        verify(&desk, &format!("file:{}", file.display())).code(0);
        desk.logged(&["pin", "verify", "--pin", "stdin"]).stdin(content).run().code(0);
    }
}

#[test]
fn a_named_pipe_and_a_process_substitution_are_files_too() {
    let desk = Desk::new();
    let pipe = desk.at_home("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    let writer = {
        let pipe = pipe.clone();
        thread::spawn(move || fs::write(pipe, "123456\n").unwrap())
    };
    verify(&desk, &format!("file:{}", pipe.display())).code(0);
    writer.join().unwrap();
    shell(desk.logged(&["pin", "verify"]), r#""$PUKKA" "$@" --pin file:<(printf '123456\n')"#).code(0);
}

#[test]
fn a_descriptor_gives_its_lines_whether_it_is_a_file_a_pipe_or_a_here_document() {
    let desk = Desk::new();
    desk.file("pin", "123456\n");
    for text in [
        r#""$PUKKA" "$@" --pin fd:3 3<"$HOME/pin""#,
        r#"printf '123456\n' | { exec 3<&0 </dev/null; exec "$PUKKA" "$@" --pin fd:3; }"#,
        "\"$PUKKA\" \"$@\" --pin fd:3 3<<END\n123456\nEND\n",
        r#""$PUKKA" "$@" --pin fd:9 9< <(printf '123456')"#,
    ] {
        shell(desk.logged(&["pin", "verify"]), text).code(0);
    }
}

#[test]
fn a_descriptor_is_read_on_from_where_the_script_left_it() {
    let desk = Desk::new();
    desk.file("pins", "not this one\n123456\n");
    shell(desk.logged(&["pin", "verify"]), r#"exec 3<"$HOME/pins"; read -r first <&3; "$PUKKA" "$@" --pin fd:3"#)
        .code(0);
}

#[test]
fn one_descriptor_named_by_two_options_gives_each_a_line() {
    let desk = Desk::new();
    let call = desk.logged(&["pin", "change", "--new-pin", "fd:3", "--pin", "fd:3"]);
    shell(call, r#"printf '123456\n86420975\n' | { exec 3<&0 </dev/null; exec "$PUKKA" "$@"; }"#).code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_descriptor_that_is_not_open_or_no_number_is_exit_2_and_opens_nothing() {
    let desk = Desk::new();
    for source in ["fd:57", "fd:x", "fd:", "fd:-1", "fd:99999999999"] {
        let run = verify(&desk, source).code(2);
        assert!(run.err.contains("--pin"), "{run:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn lines_go_to_the_pin_first_then_to_the_new_one_however_the_options_are_ordered() {
    for options in [["--pin", "--new-pin"], ["--new-pin", "--pin"]] {
        let desk = Desk::new();
        let call = desk.logged(&["pin", "change", options[0], "stdin", options[1], "stdin"]);
        call.stdin("123456\n86420975\n").run().code(0);
        assert!(desk.is_pin(NEW));
    }
}

#[test]
fn lines_go_to_the_authority_before_the_new_pin() {
    let desk = Desk::new();
    let call = desk.logged(&["pin", "reset", "--new-pin", "stdin", "--so-pin", "stdin"]);
    call.stdin("12345678\r\n86420975\r\n").run().code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn of_two_new_values_the_line_of_the_pin_comes_before_that_of_the_so_pin() {
    let desk = Desk::blank();
    let call = desk.logged(&[
        "token",
        "init",
        "--label",
        "desk-7",
        "--new-so-pin",
        "stdin",
        "--new-pin",
        "stdin",
        "--no-input",
    ]);
    call.stdin("86420975\n12345678\n").run().code(0);
    assert!(desk.is_pin(NEW) && desk.is_so_pin(SO));
}

#[test]
fn the_lines_of_one_file_go_to_the_options_that_name_it() {
    let desk = Desk::new();
    let source = format!("file:{}", desk.file("pins", "123456\n86420975\nand what the file holds besides\n").display());
    desk.logged(&["pin", "change", "--new-pin", &source, "--pin", &source]).run().code(0);
    assert!(desk.is_pin(NEW));
}

#[test]
fn a_file_with_fewer_lines_than_options_that_name_it_is_exit_2_and_opens_nothing() {
    let desk = Desk::new();
    let source = format!("file:{}", desk.file("pins", "123456\n").display());
    let run = desk.logged(&["pin", "change", "--pin", &source, "--new-pin", &source]).run().code(2);
    assert!(run.err.contains("--new-pin"), "{run:?}");
    desk.nothing_was_opened();
}

#[test]
fn missing_or_left_over_lines_of_standard_input_are_exit_2_before_a_token_is_opened() {
    let desk = Desk::new();
    for lines in ["", "123456\n", "123456\n86420975\nmore\n", "123456\n86420975\n\n"] {
        let call = desk.logged(&["pin", "change", "--pin", "stdin", "--new-pin", "stdin", "--json"]);
        let run = call.stdin(lines).run().code(2);
        assert_eq!(run.json()["error"]["kind"], "usage", "{lines:?}");
        desk.nothing_was_opened();
    }
}

#[test]
fn standard_input_is_not_read_where_no_option_names_it() {
    let desk = Desk::new();
    let run = shell(
        desk.logged(&["pin", "verify", "--pin", "env:PIN"]),
        r#"printf 'left\n' | { "$PUKKA" "$@" && read -r line && printf '%s\n' "$line"; }"#,
    );
    assert_eq!(run.code(0).out, "left\n");
}

#[test]
fn a_value_that_nobody_meant_is_refused_with_exit_6_and_never_trimmed_or_sent() {
    let desk = Desk::new();
    let values: [&[u8]; 12] = [
        b" 123456\n",
        b"123456 \n",
        b"\t123456\n",
        b"123456\t\n",
        b"123\x00456\n",
        b"123456\x00",
        b"123\x1B456\n",
        b"123456\r\r\n",
        b"\n",
        b"\r\n",
        "\u{a0}123456\n".as_bytes(),
        "123456\u{2003}\n".as_bytes(),
    ];
    for value in values {
        let source = format!("file:{}", desk.file("odd", value).display());
        let shown = String::from_utf8_lossy(value);
        for (odd, good) in [("--pin", "--new-pin"), ("--new-pin", "--pin")] {
            let good_source = if good == "--pin" { "env:PIN" } else { "env:NEW" };
            let run = desk.logged(&["pin", "change", odd, &source, good, good_source, "--json"]).run();
            assert_eq!(run.code, 6, "{shown:?} for {odd}: {run:?}");
            assert_eq!(run.json()["error"]["kind"], "policy");
            assert!(run.json()["error"]["message"].as_str().unwrap().contains(odd), "{run:?}");
            desk.nothing_was_sent();
        }
    }
    assert!(desk.is_pin(PIN));
}

#[test]
fn a_variable_is_held_to_the_same_rules_as_a_file() {
    let desk = Desk::new();
    for value in ["", " 123456", "123456 ", "123456\n", "12\t3456"] {
        desk.logged(&["pin", "verify", "--pin", "env:ODD"]).env("ODD", value).run().code(6);
        desk.nothing_was_sent();
    }
}

#[test]
fn a_new_pin_that_is_too_short_too_long_or_the_old_one_is_refused_before_anything_is_sent() {
    let desk = Desk::new();
    for value in ["123", &"1".repeat(256), &"1".repeat(300), &"1".repeat(5000), PIN] {
        let call = desk.logged(&["pin", "change", "--pin", "env:PIN", "--new-pin", "env:VALUE", "--json"]);
        let run = call.env("VALUE", value).run().code(6);
        assert_eq!(run.json()["error"]["kind"], "policy", "{} bytes", value.len());
        desk.nothing_was_sent();
    }
}

#[test]
fn a_source_without_end_is_refused() {
    let desk = Desk::new();
    let run = shell(desk.logged(&["pin", "verify", "--pin", "fd:3"]), r#""$PUKKA" "$@" 3</dev/zero"#);
    run.code(2);
    desk.nothing_was_opened();
}

#[test]
fn a_literal_secret_is_refused_with_the_reason_and_never_repeated() {
    let desk = Desk::new();
    for (command, option) in [
        (&["pin", "verify"], "--pin"),
        (&["pin", "change"], "--new-pin"),
        (&["pin", "reset"], "--puk"),
        (&["puk", "change"], "--new-puk"),
        (&["pin", "reset"], "--so-pin"),
        (&["pin", "reset"], "--admin-pin"),
        (&["so-pin", "change"], "--new-so-pin"),
    ] {
        for literal in ["31415926", "pass:31415926", "env:PIN=31415926", "ENV:31415926", "file31415926"] {
            let run = desk.logged(&[command[0], command[1], option, literal]).run().code(2);
            assert!(!run.err.contains("31415926") && run.out.is_empty(), "{run:?}");
            assert!(run.err.contains("every process"), "the reason is missing: {run:?}");
            for source in ["prompt", "pinentry", "env:", "file:", "fd:", "stdin", "credential:", "pinpad"] {
                assert!(run.err.contains(source), "{source} is not offered: {run:?}");
            }
            desk.nothing_was_opened();
        }
    }
}

#[test]
fn a_source_that_is_still_to_come_is_refused_as_such() {
    let desk = Desk::new();
    let run = verify(&desk, "escrow").code(2);
    assert!(run.err.contains("--pin") && run.err.contains("not have yet"), "{run:?}");
    desk.nothing_was_opened();
}

#[test]
fn a_pinpad_that_the_token_does_not_have_is_exit_7() {
    let desk = Desk::new();
    verify(&desk, "pinpad").code(7);
    desk.nothing_was_sent();
}

#[test]
fn with_no_input_a_missing_secret_is_exit_2_and_named_by_its_option() {
    let desk = Desk::new();
    for (arguments, missing) in [
        (&["pin", "verify"][..], "--pin"),
        (&["pin", "change", "--pin", "env:PIN"], "--new-pin"),
        (&["pin", "change", "--new-pin", "env:NEW"], "--pin"),
        (&["pin", "reset", "--new-pin", "env:NEW"], "--so-pin"),
        (&["so-pin", "change", "--so-pin", "env:SO"], "--new-so-pin"),
        (&["pin", "verify", "--pin", "prompt"], "--pin"),
    ] {
        let run = desk.logged(&[arguments, &["--no-input", "--json"]].concat()).run().code(2);
        let message = run.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with(missing), "{arguments:?}: {message}");
        desk.nothing_was_sent();
    }
}

#[test]
fn without_a_terminal_nobody_is_asked_even_where_asking_is_allowed() {
    let desk = Desk::new();
    let run = desk.logged(&["pin", "change", "--pin", "env:PIN"]).stdin("86420975\n86420975\n").run().code(2);
    assert!(run.err.contains("--new-pin"), "{run:?}");
    desk.nothing_was_sent();
}

#[test]
fn a_dry_run_shows_the_plan_reads_the_sources_and_sends_nothing() {
    let desk = Desk::new();
    let change = ["pin", "change", "--pin", "env:PIN", "--new-pin", "env:NEW", "--dry-run"];
    let planned = desk.logged(&[&change[..], &["--json"]].concat()).run().code(0).json();
    assert_eq!((&planned["command"], &planned["outcome"]), (&"pin change".into(), &"planned".into()));
    assert_eq!(planned["plan"]["by"], "user-pin");
    assert_eq!(planned["plan"]["needs"], serde_json::json!(["pin", "new-pin"]));
    assert!(planned["plan"]["costs"].as_array().is_some_and(|costs| costs[0].as_str().unwrap().contains("one try")));
    let steps = planned["plan"]["steps"].to_string();
    assert!(steps.contains("C_Login") && steps.contains("C_SetPIN"), "{steps}");
    desk.nothing_was_sent();
    let run = desk.logged(&change).run().code(0);
    assert!(run.out.contains("C_SetPIN") && run.err.is_empty(), "{run:?}");
    desk.nothing_was_sent();
    let reset = ["pin", "reset", "--so-pin", "env:SO", "--new-pin", "env:NEW", "--dry-run", "--json"];
    let planned = desk.logged(&reset).run().code(0).json();
    assert_eq!((&planned["plan"]["by"], &planned["role"]), (&"so-pin".into(), &"user-pin".into()));
    assert_eq!(planned["plan"]["needs"], serde_json::json!(["so-pin", "new-pin"]));
    desk.nothing_was_sent();
}

#[test]
fn a_dry_run_exits_as_the_call_would_for_all_that_is_known_before_anything_is_sent() {
    let desk = Desk::new();
    let file = desk.file("there", "kept\n");
    let there = format!("generate:{}", file.display());
    for (rule, new, code) in [
        ("", "env:UNSET_HERE", 2),
        ("", "file:/nonexistent", 2),
        ("", "env:SHORT", 6),
        ("", "env:SPACE", 6),
        ("", "env:PIN", 6),
        ("", &there, 2),
        ("token-flags=+0x20000", "env:NEW", 6), // CKF_USER_PIN_FINAL_TRY
        ("token-flags=+0x40000", "env:NEW", 5), // CKF_USER_PIN_LOCKED
    ] {
        let faults = if rule.is_empty() { Faults::new() } else { Faults::new().rule(rule) };
        let arguments = ["pin", "change", "--pin", "env:PIN", "--new-pin", new, "--dry-run"];
        let run = desk.logged_behind(faults, &arguments).env("SHORT", "1").env("SPACE", " 86420975").run();
        assert_eq!(run.code, code, "{rule} {new}: {run:?}");
        desk.nothing_was_sent();
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "kept\n");
}

#[test]
fn a_dry_run_generates_nothing() {
    let desk = Desk::new();
    let file = desk.at_home("generated");
    let call = ["pin", "change", "--pin", "env:PIN", "--dry-run", "--json", "--new-pin"];
    let planned = desk.logged(&[&call[..], &["generate"]].concat()).run().code(0).json();
    assert_eq!(planned["generated"], serde_json::json!({}));
    desk.logged(&[&call[..], &[&format!("generate:{}", file.display())]].concat()).run().code(0);
    assert!(!file.exists());
    desk.nothing_was_sent();
}

#[test]
fn standard_input_that_nobody_opened_is_exit_2_and_no_endless_wait() {
    let desk = Desk::new();
    let call = script(desk.logged(&["pin", "verify", "--pin", "stdin"]), r#"exec "$PUKKA" "$@" <&-"#);
    let mut call = call;
    Running::spawn(call.stdin(Stdio::null())).finish().code(2);
    desk.nothing_was_opened();
}
