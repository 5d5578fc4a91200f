//! Nothing is left in memory of what a pinentry handed over.

use super::*;
use crate::support::desk::set_mode;

/// A pinentry that hands the lines of a file over, one by one.
pub const PINENTRY: &str = r#"#!/bin/sh
printf 'OK\n'
while read -r line; do
  case $line in
    GETPIN*) head -n 1 "$F/lines" | sed 's/%/%25/g; s/^/D /'; sed -i 1d "$F/lines"; printf 'OK\n' ;;
    BYE*) exit 0 ;;
    SETREPEAT*) printf 'ERR 83886355\n' ;;
    *) printf 'OK\n' ;;
  esac
done
"#;
const EXEC: &str = r#"PINENTRY="$F/pinentry" exec "$PUKKA" "$@""#;
const BY_PINENTRY: [&str; 6] = ["pin", "change", "--pin", "pinentry", "--new-pin", "pinentry"];

fn staged(lines: &[&str]) -> Stage {
    let stage = Stage::new();
    set_mode(&stage.file("pinentry", PINENTRY), 0o700);
    stage.file("lines", &format!("{}\n", lines.join("\n")));
    stage
}

#[test]
fn the_search_finds_what_a_pinentry_gave_while_it_is_in_use_and_not_in_the_environment_or_arguments() {
    let stage = staged(&[OLD, NEW, NEW]);
    let gate = stage.gate("use");
    let faults = Faults::new().rule("swallow").rule(gate.before("C_SetPIN"));
    let running = start(&stage, &BY_PINENTRY, faults, EXEC);
    gate.wait();
    let left = in_memory(running.id(), &MARKS);
    let told = ["cmdline", "environ"].map(|file| fs::read(format!("/proc/{}/{file}", running.id())).unwrap()).concat();
    gate.open();
    running.finish().code(0);
    assert!(left.contains(&OLD) && left.contains(&NEW), "{left:?}");
    assert!(!MARKS.iter().any(|mark| String::from_utf8_lossy(&told).contains(mark)));
}

#[test]
fn nothing_is_left_in_memory_of_what_a_pinentry_gave() {
    // What is entered is used in a second transaction, for which the module reads the token anew, as for the proof.
    for (lines, rule, last, code) in [
        (&[OLD, NEW, NEW][..], "", 3, 0),
        (&[OLD, NEW, SO, NEW, SO, SO, NEW], "", 1, 6),
        (&[OLD, NEW, NEW], "C_Login=CKR_PIN_INCORRECT", 2, 4),
    ] {
        let left = left_at_finalize(last, &staged(lines), &BY_PINENTRY, rule, EXEC, code);
        assert_eq!(left, Vec::<&str>::new(), "{lines:?} {rule}");
    }
}
