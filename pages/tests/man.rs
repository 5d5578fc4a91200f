//! The man pages: each renders without a warning, fits a terminal, and says what holds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use clap::{CommandFactory, Parser};
use pages::{facts, manual, prose};
use pukka::{cli::Cli, input::Source};

/// What a program prints of a page, and what it warns of.
#[track_caller]
fn rendered(program: &str, arguments: &[&str], page: &[u8]) -> (String, String) {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("MANWIDTH", "80")
        .env("LC_ALL", "C.UTF-8")
        .env("MANROFFOPT", "-ww")
        .env_remove("MANPATH");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(page).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn by_man(page: &[u8]) -> (String, String) {
    rendered("man", &["--warnings", "--local-file", "-"], page)
}

fn by_groff(page: &[u8]) -> (String, String) {
    rendered("groff", &["-man", "-ww", "-rLL=80n", "-Tutf8", "-P-cbou"], page)
}

#[test]
fn every_page_renders_without_a_warning_and_fits_80_columns() {
    for (name, page) in manual().unwrap() {
        for (shown, warnings) in [by_man(&page), by_groff(&page)] {
            assert_eq!(warnings, "", "{name}");
            assert!(
                shown.contains("EXAMPLES") && shown.contains("EXIT STATUS") && shown.contains("SYNOPSIS"),
                "{name}: {shown}"
            );
            // An example stands on one line, that can be pasted, however long it is.
            let long = shown.lines().find(|line| line.chars().count() > 80 && !line.contains("  pukka "));
            assert_eq!(long, None, "{name}");
        }
    }
}

#[test]
fn a_page_with_a_fault_is_warned_of_so_that_the_test_above_can_fail() {
    let page = b".TH PUKKA 1\n.SH NAME\npukka - x\n.unheard-of\n\\[unheardof]\n";
    for (_, warnings) in [by_man(page), by_groff(page)] {
        assert!(warnings.contains("unheard"), "{warnings}");
    }
}

/// Every command as it is called.
fn commands() -> Vec<String> {
    fn below(command: &clap::Command, called: &str, found: &mut Vec<String>) {
        found.push(called.to_owned());
        command.get_subcommands().for_each(|verb| below(verb, &format!("{called} {}", verb.get_name()), found));
    }
    let mut found = Vec::new();
    below(&Cli::command(), "pukka", &mut found);
    found
}

#[test]
fn every_command_has_a_page_under_its_own_name_that_shows_its_options() {
    let pages = manual().unwrap();
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<String> = commands().iter().map(|called| format!("{}.1", called.replace(' ', "-"))).collect();
    assert_eq!(names, expected);
    let shown = |name: &str| by_man(&pages.iter().find(|(own, _)| own == name).unwrap().1).0;
    let change = shown("pukka-pin-change.1");
    assert!(change.contains("pukka pin change [--pin SOURCE] [--new-pin SOURCE] [OPTION]..."), "{change}");
    assert!(!change.contains("--dry-run"), "what every command takes stands on one page: {change}");
    let program = shown("pukka.1");
    for section in ["COMMANDS", "OPTIONS OF EVERY COMMAND", "SECRETS", "FILES", "ENVIRONMENT", "SEE ALSO"] {
        assert!(program.lines().any(|line| line == section), "{section}: {program}");
    }
    assert!(program.contains("--dry-run") && program.contains("pukka-pin(1)"), "{program}");
}

#[test]
fn what_is_said_of_a_command_is_said_of_one_that_there_is() {
    let commands = commands();
    for (called, _) in prose::PROSE {
        assert!(commands.iter().any(|command| command == called), "{called}");
    }
}

#[test]
fn the_examples_and_the_sources_are_taken() {
    for (_, example) in facts::EXAMPLES {
        Cli::try_parse_from(example.split(' ')).unwrap_or_else(|error| panic!("{example}: {error}")).asked().unwrap();
    }
    for (source, _) in facts::SOURCES {
        let word = source.replace("fd:N", "fd:3");
        assert!(Source::new_value(&word).is_ok(), "{source}");
    }
}

#[test]
fn every_source_that_the_help_of_an_option_names_stands_in_the_list() {
    let command = Cli::command();
    let change = command.find_subcommand("pin").and_then(|pin| pin.find_subcommand("change")).unwrap();
    let help = change.get_arguments().find(|option| option.get_long() == Some("pin")).unwrap().get_help().unwrap();
    let help = help.to_string();
    let named = help.split_once(": ").unwrap().1.split(", ").flat_map(|words| words.split(" or "));
    let named: BTreeSet<&str> = named.chain(["generate", "generate:FILE"]).collect();
    assert_eq!(facts::SOURCES.iter().map(|(source, _)| *source).collect::<BTreeSet<_>>(), named);
}

#[test]
fn exit_codes_and_kinds_are_those_of_the_json_schema() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../docs/schema.json")).unwrap();
    let rules = schema["$defs"]["error"]["allOf"].as_array().unwrap().iter();
    let of_schema = rules.filter_map(|rule| {
        let code = rule["then"]["properties"]["exit_code"]["const"].as_u64()?;
        let kinds = &rule["if"]["properties"]["kind"]["enum"];
        Some((code, kinds.as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned()).collect::<Vec<_>>()))
    });
    let of_page = facts::EXITS.iter().filter(|(_, kinds, _)| !kinds.is_empty());
    let of_page = of_page.map(|(code, kinds, _)| (u64::from(*code), kinds.iter().map(ToString::to_string).collect()));
    assert_eq!(of_schema.collect::<Vec<_>>(), of_page.collect::<Vec<(u64, Vec<String>)>>());
}
