//! A call that is wrong, explained without repeating what was typed: it may be a secret.

use std::error::Error as _;

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Cli;
use crate::{error::Error, operation::Hint};

/// What became of a command line that did not parse.
#[derive(Debug)]
pub enum Wrong {
    /// Help or the version was asked for: data, for standard output.
    Help(String),
    /// The call is wrong.
    Usage {
        /// Why.
        error: Error,
        /// Where help is to be had.
        hint: Hint,
        /// The command, as far as it was understood.
        command: String,
    },
}

/// Explains what the parser says, in words that hold nothing but our own names.
pub fn explain(error: &clap::Error, arguments: &[std::ffi::OsString]) -> Wrong {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Wrong::Help(error.render().to_string());
    }
    let option = ours(error, ContextKind::InvalidArg);
    let named = option.as_deref().and_then(|option| option.split(' ').next()).unwrap_or("an option");
    let sentence = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => "a verb is missing".into(),
        ErrorKind::InvalidSubcommand => "there is no such command".into(),
        ErrorKind::UnknownArgument if option.is_some() => format!("this command has no {named}"),
        ErrorKind::UnknownArgument => {
            "there is an argument too many, or an option that this command does not have (a token is named with --token, and a secret is never an argument)".into()
        }
        ErrorKind::ValueValidation => match error.source() {
            Some(reason) => format!("{named} {reason}"),
            None => format!("{named} does not take that value"),
        },
        ErrorKind::InvalidValue => match ours(error, ContextKind::ValidValue) {
            Some(values) => format!("{named} takes one of {values}"),
            None => format!("{named} wants a value"),
        },
        ErrorKind::MissingRequiredArgument => format!("{named} is missing"),
        ErrorKind::ArgumentConflict => format!("{named} is given twice, or beside one that excludes it"),
        ErrorKind::NoEquals => format!("{named} takes its value behind an equals sign"),
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("{named} has another number of values")
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".into(),
        _ => "the command line is not understood".into(),
    };
    let meant = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue]
        .into_iter()
        .find_map(|kind| ours(error, kind))
        .map(|suggestion| format!("; did you mean {suggestion}?"))
        .unwrap_or_default();
    let command = understood(arguments);
    let help = if command.is_empty() { "pukka --help".into() } else { format!("pukka {command} --help") };
    Wrong::Usage { error: Error::Usage(format!("{sentence}{meant}")), hint: Hint::Command(help), command }
}

/// A context of the parser's error, where it holds names of ours and nothing that was typed.
fn ours(error: &clap::Error, kind: ContextKind) -> Option<String> {
    let names: Vec<String> = match error.get(kind)? {
        ContextValue::String(name) => vec![name.clone()],
        ContextValue::Strings(names) => names.clone(),
        _ => Vec::new(),
    };
    // What was typed stands in InvalidArg for an unknown one, and is known by no command.
    let known: Vec<String> = names.into_iter().filter(|name| is_known(name)).collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn is_known(name: &str) -> bool {
    let word = name.split([' ', '=', '[', '<']).next().unwrap_or_default().trim_start_matches('-');
    fn below(command: &clap::Command, word: &str) -> bool {
        let option = |argument: &clap::Arg| {
            argument.get_long() == Some(word)
                || argument.get_visible_aliases().is_some_and(|aliases| aliases.contains(&word))
                || argument.get_possible_values().iter().any(|value| value.get_name() == word)
        };
        command.get_name() == word
            || command.get_arguments().any(option)
            || command.get_subcommands().any(|command| below(command, word))
    }
    let mut command = Cli::command();
    command.build();
    word.is_empty() || below(&command, word)
}

/// The command that was meant, as far as its words are ours: `pin change`.
fn understood(arguments: &[std::ffi::OsString]) -> String {
    let mut command = Cli::command();
    let mut path: Vec<String> = Vec::new();
    for argument in arguments.iter().skip(1) {
        let Some(next) = argument.to_str().and_then(|word| command.find_subcommand(word).cloned()) else { continue };
        path.push(next.get_name().to_owned());
        command = next;
    }
    path.join(" ")
}
