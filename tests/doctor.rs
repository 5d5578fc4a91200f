//! `pukka doctor`: what it finds on the way to tokens, and that it spends nothing and changes nothing.

mod cards;
mod files;
mod modules;

use serde_json::{Value, json};

use crate::support::Run;

/// The findings of a run in JSON, whose form holds for each.
#[track_caller]
fn checks(run: &Run) -> Vec<Value> {
    let object = run.json();
    assert!(run.out.starts_with(r#"{"schema":1,"command":"doctor","checks":["#), "{run:?}");
    let checks = object["checks"].as_array().unwrap().clone();
    for check in &checks {
        let state = check["state"].as_str().unwrap();
        assert!(["ok", "warning", "problem", "unknown"].contains(&state), "{check}");
        assert!(check["check"].is_string() && !check["what"].as_str().unwrap().is_empty(), "{check}");
        assert!(check.get("cure").is_some() && check.get("detail").is_some(), "{check}");
        assert!(state != "problem" || check["cure"].is_string(), "a problem without a cure: {check}");
    }
    checks
}

/// The findings of one check in one state.
fn of<'a>(checks: &'a [Value], check: &str, state: &str) -> Vec<&'a Value> {
    checks.iter().filter(|one| one["check"] == check && one["state"] == state).collect()
}

/// The only finding of that check and state.
#[track_caller]
fn only<'a>(checks: &'a [Value], check: &str, state: &str) -> &'a Value {
    match of(checks, check, state).as_slice() {
        [one] => one,
        other => panic!("{check} {state}: {other:?} of {}", json!(checks)),
    }
}

#[track_caller]
fn says(finding: &Value, words: &[&str]) {
    let what = finding["what"].as_str().unwrap();
    words.iter().for_each(|word| assert!(what.contains(word), "{word}: {finding}"));
}
