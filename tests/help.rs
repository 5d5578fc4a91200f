//! `--help` and `-h` of every command, as the program prints them: 80 columns, and an example that a shell takes.

use clap::CommandFactory;

use crate::support::{Run, home, pukka};

/// The columns that are there on every terminal.
const COLUMNS: usize = 80;

/// The words of every command, none for the program itself.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        found.push(path.to_vec());
        for command in command.get_subcommands() {
            below(command, &[path, &[command.get_name().to_owned()]].concat(), found);
        }
    }
    let mut found = Vec::new();
    below(&pukka::cli::Cli::command(), &[], &mut found);
    assert!(found.len() > 25, "these are not all: {found:?}");
    found
}

/// The help of a command, where the environment tells of this many columns.
#[track_caller]
fn help(command: &[String], option: &str, columns: &str) -> Run {
    let words = command.iter().map(String::as_str).chain([option]);
    pukka(home().path(), words).env("COLUMNS", columns).run().code(0)
}

#[test]
fn the_help_of_every_command_fits_80_columns_and_has_an_example_on_one_line() {
    for command in commands() {
        for (option, columns) in [("--help", "80"), ("-h", "80"), ("--help", "200")] {
            let help = help(&command, option, columns);
            for line in help.out.lines() {
                assert!(line.chars().count() <= COLUMNS, "{command:?} {option}: {line}");
            }
            let called = ["pukka"].into_iter().chain(command.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
            let example = help.out.lines().find_map(|line| line.strip_prefix("Example: "));
            let example = example.unwrap_or_else(|| panic!("{command:?} has no example: {}", help.out));
            assert!(example.starts_with(&called), "{called}: {example}");
            // In the source it stands on one line; here it must not have been broken into two.
            let in_source = pukka::cli::Cli::command();
            let in_source = command.iter().fold(&in_source, |above, word| above.find_subcommand(word).unwrap());
            assert!(
                in_source
                    .get_after_help()
                    .unwrap()
                    .to_string()
                    .lines()
                    .any(|line| line == format!("Example: {example}"))
            );
        }
    }
}
