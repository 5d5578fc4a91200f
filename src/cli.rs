//! The command line: what was typed, turned into an operation and a selection, and nothing else.

mod admin_key;
mod global;
mod pin;
mod policy;
mod profile;
mod puk;
mod reset_code;
mod respond;
mod retries;
mod so_pin;
mod sources;
mod token;
mod wrong;

pub use global::Global;
pub use respond::Respond;
pub use wrong::{Wrong, explain};

use std::{collections::BTreeMap, path::PathBuf};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    error::Result,
    input::{Destroy, Source},
    operation::Operation,
    selector::Selector,
    token::{Need, Role},
};

/// Administer the PINs of smart cards and PKCS#11 tokens
#[derive(Debug, Parser)]
#[command(
    name = "pukka",
    version,
    disable_help_subcommand = true,
    max_term_width = 80,
    after_help = "Without a command, on a terminal: what is plugged in and what to do next\nExample: pukka status"
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub noun: Option<Noun>,
}

/// The nouns of the command line.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// List every token and application found, with the selector to name it
    #[command(after_help = "Example: pukka list --json")]
    List,
    /// Show the state of each PIN, the tries left, and what can be done
    #[command(after_help = "Example: pukka status desk-7")]
    Status {
        /// The token; every one found, if not given
        #[arg(id = "named", value_name = "TOKEN", value_hint = clap::ValueHint::Other)]
        token: Option<String>,
    },
    /// Set, change, verify, unblock or reset the user PIN
    #[command(subcommand, arg_required_else_help = true, after_help = "Example: pukka pin change --token 4711")]
    Pin(pin::Verb),
    /// Change the PUK
    #[command(subcommand, arg_required_else_help = true, after_help = "Example: pukka puk change --application piv")]
    Puk(puk::Verb),
    /// Change the SO PIN
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example: pukka so-pin change --token desk-7",
        visible_alias = "admin-pin"
    )]
    SoPin(so_pin::Verb),
    /// Change the admin key (PIV's management key, the admin key of GIDS)
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example: pukka admin-key change --token 4711",
        visible_alias = "management-key"
    )]
    AdminKey(admin_key::Verb),
    /// Set or clear the code that resets the PIN of an OpenPGP card
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example: pukka reset-code clear --application openpgp"
    )]
    ResetCode(reset_code::Verb),
    /// Set how many tries there are
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example: pukka retries set --application piv --pin-tries 5 --puk-tries 5"
    )]
    Retries(retries::Verb),
    /// Initialise, erase or restore a token
    #[command(subcommand, arg_required_else_help = true, after_help = "Example: pukka token erase --application piv")]
    Token(token::Verb),
    /// Check a profile of an ISO 7816 card
    #[command(subcommand, arg_required_else_help = true, after_help = "Example: pukka profile check my-card.toml")]
    Profile(profile::Verb),
    /// Check the policy of the configuration, and whether a PIN would pass
    #[command(subcommand, arg_required_else_help = true, after_help = "Example: pukka policy check --application piv")]
    Policy(policy::Verb),
    /// Find out why a token cannot be reached: readers, cards, who holds one, modules, permissions; spends nothing
    #[command(
        after_help = "Exits 0 whatever it finds, and 8 where a check could not be made\nExample: pukka doctor --json"
    )]
    Doctor,
    /// Answer the challenge of a card with its admin key; needs no token
    #[command(after_help = "Example: pukka respond --challenge 0011223344556677 --admin-key file:KEY")]
    Respond(Respond),
    /// Print the completions of a shell
    #[command(after_help = "Example: pukka completions bash")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What was asked for.
#[derive(Debug)]
pub enum Asked {
    /// Nothing: look around and say what to do next.
    Guide,
    /// `list`, or `status` of one token or of all.
    Look {
        /// Whether states are read too.
        full: bool,
        /// The token named by position.
        token: Option<Selector>,
    },
    /// An operation on one token.
    Operate(Request),
    /// A token put back from its copy.
    Restore {
        /// The token named by position.
        token: Option<Selector>,
        /// How it is confirmed that a token that is there goes back to what it was.
        destroy: Destroy,
    },
    /// What a profile would send.
    Profile {
        /// Its file.
        file: PathBuf,
    },
    /// What the policy lays down, and whether a value would pass.
    Policy {
        /// Whose value.
        role: Role,
        /// Where the value comes from, where there is one.
        sources: BTreeMap<Need, Source>,
    },
    /// An examination of this machine.
    Doctor,
    /// The response to a challenge.
    Respond {
        /// The challenge, as it was typed.
        challenge: String,
        /// Where the admin key comes from.
        sources: BTreeMap<Need, Source>,
    },
    /// Completions for a shell.
    Completions(clap_complete::Shell),
}

impl Asked {
    /// The command's name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Guide | Self::Look { full: true, .. } => "status",
            Self::Look { full: false, .. } => "list",
            Self::Operate(request) => request.operation.verb().name(),
            Self::Restore { .. } => "token restore",
            Self::Profile { .. } => "profile check",
            Self::Policy { .. } => "policy check",
            Self::Doctor => "doctor",
            Self::Respond { .. } => "respond",
            Self::Completions(_) => "completions",
        }
    }
}

/// An operation, its sources, and its confirmation.
#[derive(Debug)]
pub struct Request {
    /// What.
    pub operation: Operation,
    /// Where its secrets come from.
    pub sources: BTreeMap<Need, Source>,
    /// How a destruction is confirmed.
    pub destroy: Destroy,
}

impl Request {
    /// An operation that destroys nothing.
    pub fn new(operation: Operation, sources: BTreeMap<Need, Source>) -> Self {
        Self { operation, sources, destroy: Destroy::Ask }
    }
}

impl Cli {
    /// What was asked for.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`].
    pub fn asked(&self) -> Result<Asked> {
        Ok(match &self.noun {
            None => Asked::Guide,
            Some(Noun::List) => Asked::Look { full: false, token: None },
            Some(Noun::Status { token }) => {
                Asked::Look { full: true, token: token.as_deref().map(Selector::parse).transpose()? }
            }
            Some(Noun::Pin(verb)) => Asked::Operate(verb.request()),
            Some(Noun::Puk(verb)) => Asked::Operate(verb.request()),
            Some(Noun::SoPin(verb)) => Asked::Operate(verb.request()),
            Some(Noun::AdminKey(verb)) => Asked::Operate(verb.request()),
            Some(Noun::ResetCode(verb)) => Asked::Operate(verb.request()),
            Some(Noun::Retries(verb)) => Asked::Operate(verb.request()),
            Some(Noun::Token(verb)) => verb.asked()?,
            Some(Noun::Profile(verb)) => verb.asked(),
            Some(Noun::Policy(verb)) => verb.asked(),
            Some(Noun::Doctor) => Asked::Doctor,
            Some(Noun::Respond(respond)) => {
                Asked::Respond { challenge: respond.challenge(), sources: respond.sources() }
            }
            Some(Noun::Completions { shell }) => Asked::Completions(*shell),
        })
    }
}

/// The completion script of a shell.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pukka", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// Every command, with its path.
    fn commands() -> Vec<(String, clap::Command)> {
        fn below(path: &str, command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
            for command in command.get_subcommands() {
                let path = format!("{path} {}", command.get_name());
                below(&path, command, found);
                found.push((path, command.clone()));
            }
        }
        let mut found = Vec::new();
        below("pukka", &Cli::command(), &mut found);
        found
    }

    #[test]
    fn every_command_has_an_example_that_parses_as_that_command() {
        for (path, command) in commands() {
            let help = command.get_after_help().unwrap_or_else(|| panic!("{path} has no example")).to_string();
            let example = help.lines().find_map(|line| line.strip_prefix("Example: ")).unwrap();
            assert!(example.starts_with(&path), "{path}: {example}");
            let parsed =
                Cli::try_parse_from(example.split_whitespace()).unwrap_or_else(|error| panic!("{example}: {error}"));
            parsed.asked().unwrap();
        }
    }
}
