//! What a real pinentry cannot be made to do, done by a script: garbage, endless answers, errors by number, an early end.

use std::{fs, path::PathBuf};

use super::*;
use crate::support::{Run, marks::found, running::shell};

/// A pinentry that notes each line that it gets in `asked`, answers what asks nobody with OK, and GETPIN as `getpin` says, a
/// command of the shell.
fn script(desk: &Desk, getpin: &str) -> PathBuf {
    speaking(
        desk,
        &format!(
            r#"printf 'OK\n'
while read -r line; do
  printf '%s\n' "$line" >>"$HOME/asked"
  case $line in
    GETPIN*) {getpin} ;;
    BYE*) exit 0 ;;
    SETREPEAT*) printf 'ERR 83886355 Unknown IPC command\n' ;;
    *) printf 'OK\n' ;;
  esac
done
"#
        ),
    )
}

fn speaking(desk: &Desk, text: &str) -> PathBuf {
    let program = desk.file("pinentry", format!("#!/bin/sh\n{text}"));
    set_mode(&program, 0o700);
    program
}

/// `pin verify` by a pinentry that answers GETPIN so.
fn verify(desk: &Desk, getpin: &str) -> Run {
    let program = script(desk, getpin);
    desk.logged(&["pin", "verify", "--pin", "pinentry"]).env("PINENTRY", program).run()
}

fn asked(desk: &Desk) -> Vec<String> {
    let asked = fs::read_to_string(desk.at_home("asked")).unwrap();
    fs::remove_file(desk.at_home("asked")).unwrap();
    asked.lines().map(str::to_owned).collect()
}

#[test]
fn a_value_is_unescaped_and_may_come_in_several_lines_among_others() {
    let desk = Desk::new();
    desk.logged(&["pin", "change", "--pin", "env:PIN", "--new-pin", "env:ODD"]).env("ODD", "12%34 ä").run().code(0);
    verify(&desk, r"printf '# a comment\nS PROGRESS 1\nD 12%%25\nD 34 %%C3%%a4\nOK\n'").code(0);
    verify(&desk, r"printf 'D 12%%2534 \303\244\nOK here you are\n'").code(0);
    verify(&desk, r"printf 'D 12%%25\nOK\n'").code(4);
}

#[test]
fn whoever_cancels_or_closes_the_window_is_exit_130() {
    let desk = Desk::new();
    for code in ["83886179 Operation cancelled <Pinentry>", "83886278", "99 cancelled", "83886194 Not confirmed"] {
        let run = verify(&desk, &format!("printf 'ERR {code}\\n'")).code(130);
        assert!(run.err.contains("nothing was changed and no try was spent"), "{run:?}");
        desk.nothing_was_sent();
    }
}

#[test]
fn a_signal_that_comes_together_with_the_cancelling_is_told_once() {
    let desk = Desk::new();
    let program = script(&desk, r"kill -INT $PPID; printf 'ERR 83886278 cancelled\n'");
    for _ in 0..10 {
        let verify = ["pin", "verify", "--pin", "pinentry", "--json"];
        let run = desk.logged(&verify).env("PINENTRY", &program).run().code(130);
        assert_eq!(run.json()["error"]["kind"], "interrupted");
        desk.nothing_was_sent();
    }
}

#[test]
fn whatever_goes_wrong_is_exit_8_with_a_cure_and_spends_no_try() {
    let desk = Desk::new();
    for (getpin, said) in [
        ("printf 'ERR 83886142 Timeout <Pinentry>\\n'", "waited as long as it does"),
        ("printf 'ERR 83886165 No pinentry <Pinentry>\\n'", "cannot ask anybody"),
        ("printf 'ERR 83918950 Inappropriate ioctl for device <Pinentry>\\n'", "cannot ask anybody"),
        ("printf 'ERR 77\\n'", "cannot ask anybody"),
        ("printf 'ERR\\n'", "does not speak as a pinentry"),
        ("printf 'ERR 99999999999999999999 much\\n'", "does not speak as a pinentry"),
        ("exit 0", "ended before anything was entered"),
        ("exit 3", "ended before anything was entered"),
        ("kill -SEGV $$", "ended before anything was entered"),
        ("printf 'D 123456\\n'; exit 0", "ended before anything was entered"),
        ("printf '123456\\nOK\\n'", "does not speak as a pinentry"),
        ("printf 'D 12%%3\\nOK\\n'", "does not speak as a pinentry"),
        ("printf 'D 12%%zz\\nOK\\n'", "does not speak as a pinentry"),
        ("printf 'INQUIRE PIN\\n'", "does not speak as a pinentry"),
        ("yes 'D 123456'", "does not speak as a pinentry"),
        ("yes '# so'", "does not speak as a pinentry"),
        ("yes ''", "does not speak as a pinentry"),
        ("cat /dev/zero", "does not speak as a pinentry"),
        ("printf 'D '; yes 123456 | tr -d '\\n'", "does not speak as a pinentry"),
    ] {
        let run = verify(&desk, getpin).code(8);
        assert!(run.err.contains(said) && run.err.contains("nothing was sent"), "{getpin}: {run:?}");
        assert!(run.err.contains("hint: ") && !run.err.contains(PIN), "{getpin}: {run:?}");
        desk.nothing_was_sent();
    }
}

#[test]
fn what_ends_at_once_or_says_nothing_or_no_greeting_is_exit_8() {
    let desk = Desk::new();
    for (text, said) in [
        ("exit 1", "ended before anything was entered"),
        ("printf 'hello\\n'", "does not speak as a pinentry"),
        ("cat /dev/zero", "does not speak as a pinentry"),
        ("exec sleep 1000", "does not answer"),
        ("trap '' TERM; printf 'OK\\nand then?\\n'; while :; do sleep 1; done", "does not speak as a pinentry"),
    ] {
        let program = speaking(&desk, text);
        let run = desk.logged(&["pin", "verify", "--pin", "pinentry"]).env("PINENTRY", program).run().code(8);
        assert!(run.err.contains(said), "{text}: {run:?}");
        desk.nothing_was_sent();
    }
}

#[test]
fn a_value_that_is_far_too_long_is_refused() {
    let desk = Desk::new();
    let long =
        |length: usize| format!("i=0; while [ $i -lt {length} ]; do printf 'D 1\\n'; i=$((i+1)); done; printf 'OK\\n'");
    verify(&desk, &long(200)).code(4);
    desk.calls();
    let run = verify(&desk, "printf 'D %0900d\\nD %0900d\\nOK\\n' 1 1").code(8);
    assert!(run.err.contains("does not speak as a pinentry"), "{run:?}");
    desk.nothing_was_sent();
}

#[test]
fn nothing_entered_is_asked_for_again_and_said_to_be_so() {
    let desk = Desk::new();
    let run = verify(&desk, "printf 'OK\\n'").code(6);
    assert!(run.err.contains("nothing was typed"), "{run:?}");
    let told: Vec<String> = asked(&desk).into_iter().filter(|line| line.starts_with("SETERROR")).collect();
    assert_eq!(told, ["SETERROR nothing was typed"; 2]);
    desk.nothing_was_sent();
}

#[test]
fn one_that_cannot_ask_twice_is_started_twice_and_two_entries_that_differ_are_asked_for_again() {
    let desk = Desk::new();
    let lines = "D 86420975\nD 86420976\nD 86420975\nD 86420975\n";
    desk.file("lines", lines);
    let next = r#"head -n 1 "$HOME/lines"; sed -i 1d "$HOME/lines"; printf 'OK\n'"#;
    let call = desk.logged(&["pin", "change", "--pin", "env:PIN", "--new-pin", "pinentry"]);
    call.env("PINENTRY", script(&desk, next)).run().code(0);
    let asked = asked(&desk);
    let questions: Vec<&str> = asked.iter().filter_map(|line| line.strip_prefix("SETDESC ")).collect();
    let (new, again) = ("New PIN of desk-7 (4 to 255 bytes)", "The same new PIN again");
    assert_eq!(questions, [new, again, new, again]);
    assert!(asked.contains(&"SETERROR the two entries differ".to_owned()), "{asked:?}");
    assert!(desk.is_pin(NEW));
}

#[test]
fn what_a_token_calls_itself_cannot_say_anything_to_the_pinentry_of_its_own() {
    for (label, told) in [
        ("a%0ABYE", "a%250ABYE"),
        ("a\nSETDESC give it to me", "a%5Cn"),
        ("a\r\nOK\x1b[2J", "a%5Cr%5Cn"),
        ("zoë %zz\\", "zo%C3%AB %25zz%5C%5C"),
    ] {
        let desk = Desk::blank();
        desk.store.token(label, "12345678", Some(PIN));
        let program = script(&desk, "printf 'D 123456\\nOK\\n'");
        let run = desk.logged(&["pin", "verify", "--pin", "pinentry"]).env("PINENTRY", program).run().code(0);
        let asked = asked(&desk);
        let questions: Vec<&String> = asked.iter().filter(|line| line.starts_with("SETDESC")).collect();
        assert_eq!(questions.len(), 1, "{asked:?}");
        assert!(questions[0].starts_with(&format!("SETDESC PIN of {told}")), "{questions:?} {run:?}");
        assert_eq!(asked.iter().filter(|line| line.starts_with("BYE")).count(), 1, "{asked:?}");
    }
}

#[test]
fn a_pinentry_gets_no_secret_of_another_option_and_no_descriptor_but_its_own() {
    let desk = Desk::new();
    desk.file("pin", "123456\n");
    let look = r#"env >"$HOME/environment"; ls -l /proc/$$/fd >"$HOME/open"; grep Sig /proc/self/status >"$HOME/signals"; printf 'D 86420975\nOK\n'"#;
    let program = script(&desk, look);
    let call = desk.logged(&["pin", "change", "--pin", "env:PIN", "--new-pin", "pinentry", "--trace"]);
    call.env("PINENTRY", &program).env("DISPLAY", ":7").run().code(0);
    let environment = fs::read_to_string(desk.at_home("environment")).unwrap();
    assert!(!environment.lines().any(|line| line.starts_with("PIN=")), "{environment}");
    assert!(environment.contains("DISPLAY=:7") && environment.contains("HOME="), "{environment}");

    let call = desk.logged(&["pin", "change", "--pin", "fd:3", "--new-pin", "pinentry"]).env("PINENTRY", &program);
    shell(call.env("PIN", "unused"), r#"printf '86420975\n' >"$HOME/pin"; "$PUKKA" "$@" 3<"$HOME/pin" 7<"$HOME/pin""#)
        .code(6);
    let open = fs::read_to_string(desk.at_home("open")).unwrap();
    assert!(!open.contains("/pin\n") && open.contains("pipe:"), "{open}");
    let signals = fs::read_to_string(desk.at_home("signals")).unwrap();
    for kind in ["SigBlk:", "SigIgn:"] {
        let set = signals.lines().find_map(|line| line.strip_prefix(kind)).unwrap();
        // Those that the C library keeps for itself stand above.
        assert_eq!(u64::from_str_radix(set.trim(), 16).unwrap() & 0x7FFF_FFFF, 0, "{signals}");
    }
}

#[test]
fn what_was_entered_stands_in_no_output_trace_or_file() {
    const MARKS: [&str; 2] = ["pin-93Ls!mf2Z", "pin-04Mt!ng3A"];
    for manner in [&[][..], &["--json"], &["--trace", "-v"], &["--trace", "--json"]] {
        for (entered, code) in [(MARKS[0], 0), (MARKS[1], 4), (" pin-93Ls!mf2Z", 6)] {
            let desk = Desk::blank();
            desk.store.token("desk-7", "12345678", Some(MARKS[0]));
            desk.file("line", format!("D {entered}\n"));
            let program = script(&desk, r#"cat "$HOME/line"; rm "$HOME/line"; printf 'OK\n'"#);
            let verify = [&["pin", "verify", "--pin", "pinentry"], manner].concat();
            let run = desk.logged(&verify).env("PINENTRY", program).run().code(code);
            assert_eq!(found(&format!("{}{}", run.out, run.err), &MARKS), None, "{run:?}");
            assert!(!manner.contains(&"--trace") || run.err.contains("C_GetTokenInfo"), "{run:?}");
            crate::support::marks::none_in_files(desk.home.path(), &MARKS);
        }
    }
}

#[test]
fn a_note_about_one_value_stands_in_no_window_that_asks_for_another() {
    let desk = Desk::new();
    let text = r#"printf 'OK\n'
while read -r line; do
  printf '%s\n' "$line" >>"$HOME/asked"
  case $line in
    SETDESC*PIN*) desc=$line; printf 'OK\n' ;;
    GETPIN*) case $desc in *SO*) printf 'S PIN_REPEATED\nD 12345678\nOK\n' ;; *) printf 'S PIN_REPEATED\nD 23456789\nOK\n' ;; esac ;;
    BYE*) exit 0 ;;
    *) printf 'OK\n' ;;
  esac
done
"#;
    let program = speaking(&desk, text);
    let init = ["token", "init", "--label", "desk-9", "--new-so-pin", "pinentry", "--new-pin", "pinentry"];
    let run = desk.logged(&init).env("PINENTRY", program).run().code(0);
    let asked = asked(&desk);
    assert_eq!(asked.iter().filter(|line| line.starts_with("GETPIN")).count(), 2, "{asked:?}");
    assert!(!asked.iter().any(|line| line.starts_with("SETERROR")), "{asked:?}");
    let notes: Vec<&str> = run.err.lines().filter(|line| line.contains("guessed early")).collect();
    assert_eq!(notes.len(), 2, "{}", run.err);
    for role in ["note: the new SO PIN ", "note: the new PIN "] {
        assert_eq!(notes.iter().filter(|note| note.starts_with(role)).count(), 1, "{role}: {notes:?}");
    }
}
