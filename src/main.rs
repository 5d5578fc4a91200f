//! `pukka`: arguments and environment in, exit code out.

use std::{
    ffi::OsString,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use clap::Parser;
use pukka::{
    cli::{self, Cli, Wrong},
    command,
    device::pkcs11::{WORKER, serve},
    error::Error,
    render::{Failure, Render},
};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first == WORKER) {
        return work();
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &arguments),
    };
    let render = Render { json: cli.global.json, quiet: cli.global.quiet, verbose: cli.global.verbose > 0 };
    let asked = match cli.asked() {
        Ok(asked) => asked,
        Err(error) => return end(render, None, &Failure::bare(error)),
    };
    let command = asked.name();
    let place = note_panics();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| command::execute(&cli.global, asked, render)))
        .unwrap_or_else(|_| {
            let place = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err(Failure::bare(Error::Internal(format!("panic at {}", place.as_deref().unwrap_or("an unknown place")))))
        });
    match outcome {
        Ok(code) => code,
        Err(failure) => end(render, Some(command), &failure),
    }
}

/// This process was started to load a module for another one of this program.
fn work() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(Render { json: false, quiet: false, verbose: false }, None, &Failure::bare(error)),
    }
}

/// A command line that did not parse: help, or the reason, in JSON too where that was asked for.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let render = Render { json: arguments.iter().any(|argument| argument == "--json"), quiet: false, verbose: false };
    match cli::explain(error, arguments) {
        Wrong::Help(text) => match render.data(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => ExitCode::from(error.exit_code()),
        },
        Wrong::Usage { error, hint, command } => {
            let failure = Failure { hint: Some(hint), ..Failure::bare(error) };
            end(render, Some(command.as_str()).filter(|command| !command.is_empty()), &failure)
        }
    }
}

fn end(render: Render, command: Option<&str>, failure: &Failure) -> ExitCode {
    render.failure(command, failure);
    ExitCode::from(failure.error.exit_code())
}

/// Keeps where a panic happened and nothing of what it says, which could hold anything.
fn note_panics() -> Arc<Mutex<Option<String>>> {
    let place = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&place);
    panic::set_hook(Box::new(move |panic| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = panic.location().map(ToString::to_string);
    }));
    place
}
