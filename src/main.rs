//! `pukka`: arguments and environment in, exit code out.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, IsTerminal},
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use clap::Parser;
use pukka::{
    cli::{self, Asked, Cli, Global, Request, Wrong},
    config::{self, Config},
    device::{
        self, Settings,
        card::iso7816::Profiles,
        pkcs11::{Options, WORKER},
    },
    error::{Error, Result},
    input::{Collector, Destroy, Dialog, Pinentry, Prompter, Restorer, Source, Terminal},
    interrupt::Interrupts,
    ledger::Nowhere,
    operation::Hint,
    render::{self, Failure, Render},
    run::{self, Call},
    secret,
    selector::Selection,
    token::Trace,
};

/// How long an interrupted process tries to say so.
const LAST_WORDS: Duration = Duration::from_millis(500);

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
    let command = name(&asked);
    let place = note_panics();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| execute(&cli, asked, render))).unwrap_or_else(|_| {
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
    match device::pkcs11::serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(Render { json: false, quiet: false, verbose: false }, None, &Failure::bare(error)),
    }
}

/// Does what was asked for, and says with which code to end.
fn execute(cli: &Cli, asked: Asked, render: Render) -> Result<ExitCode, Failure> {
    let global = &cli.global;
    let command = name(&asked);
    // A crash would leave secrets in a core file, and a program that is given it all the same. Where this fails, nothing else is lost.
    let _ = device::shut();
    let mut terminal = if global.no_input { None } else { Terminal::open() };
    let restorer = terminal.as_ref().map(Terminal::restorer);
    let dialog = Dialog::default();
    let opened = dialog.clone();
    let (pausing, resuming) = (restorer.clone(), restorer.clone());
    let stops = move || pausing.iter().for_each(Restorer::pause);
    let goes_on = move || resuming.iter().for_each(Restorer::resume);
    let interrupted = move || {
        opened.end();
        restorer.iter().for_each(|restorer| restorer.restore());
        // In a thread of its own: whoever does not read our output must not keep us from ending.
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            render.failure(Some(command), &Failure::bare(Error::Interrupted));
            let _ = say.send(());
        });
        let _ = said.recv_timeout(LAST_WORDS);
        // Not `std::process::exit`: it would run the exit handlers of a module beside a thread that is inside it.
        signal_hook::low_level::exit(Error::Interrupted.exit_code().into());
    };
    let interrupts = Interrupts::watch(interrupted, stops, goes_on).map_err(|error| {
        Failure::bare(Error::device("the system refuses to let signals be held off", error.to_string()))
    })?;
    if matches!(asked, Asked::Doctor) {
        return examine(global, render).map_err(Failure::bare);
    }
    let config = Config::load(global.config.as_deref()).map_err(Failure::bare)?;
    // What asks no token has nothing to do with profiles that do not hold.
    let (profiles, named) = match asked {
        Asked::Guide | Asked::Look { .. } | Asked::Operate(_) | Asked::Policy { .. } => {
            run::profiles(global.profile.as_deref(), &config::profiles()).map_err(Failure::bare)?
        }
        Asked::Restore { .. }
        | Asked::Profile { .. }
        | Asked::Doctor
        | Asked::Respond { .. }
        | Asked::Completions(_) => (Profiles::default(), None),
    };
    let selection = |token| {
        let mut selection = global.selection(token).map_err(Failure::bare)?;
        named.iter().for_each(|named| named.narrow(&mut selection));
        Ok::<Selection, Failure>(selection)
    };
    let withheld = withheld(&asked);
    let pinentry = (!global.no_input)
        .then(|| Box::new(Pinentry::new(config.pinentry.as_deref(), withheld.clone(), dialog)) as Box<dyn Prompter>);
    let settings = settings(global, &config, profiles, withheld);
    // A pinentry is interrupted together with this process, and says so too: it is told once.
    let told_once = |failure: Failure| {
        if failure.error == Error::Interrupted {
            interrupts.hold();
        }
        failure
    };
    let as_called = |hint: Hint| {
        let hint = hint.with_modules(&global.modules);
        named.iter().fold(hint, |hint, named| hint.with_profile(&named.application, &named.file))
    };
    let mut allow_last_try = global.allowed_last_tries();
    // What is chosen in the dialogue is done as the command that it names.
    let (asked, selection_of_choice) = match (asked, terminal.as_mut().filter(|_| talks(render))) {
        (Asked::Guide, Some(terminal)) => {
            let listing = run::look(&selection(None)?, &settings, &config.policy, true)?;
            let Some(chosen) = run::guide(&listing, render, terminal, &as_called).map_err(Failure::bare)? else {
                return Ok(ExitCode::SUCCESS);
            };
            allow_last_try.extend(chosen.allow_last_try);
            (Asked::Operate(Request::new(chosen.operation, BTreeMap::new())), Some(chosen.selection))
        }
        (asked, _) => (asked, None),
    };
    match asked {
        Asked::Guide if io::stdout().is_terminal() => {
            let listing = run::look(&selection(None)?, &settings, &config.policy, true)?;
            render.guide(&listing, &as_called).map_err(Failure::bare)
        }
        Asked::Guide => Err(Failure::bare(Error::Usage("no command is given; `pukka --help` lists them".into()))),
        Asked::Look { full, token } => {
            let selection = selection(token)?;
            let listing = run::look(&selection, &settings, &config.policy, full)
                .map_err(|failure| failure.with_modules(&global.modules))?;
            render.listing(command, &listing).map_err(Failure::bare)
        }
        Asked::Operate(Request { operation, sources, destroy }) => {
            if !render.json && sources.values().filter(|source| **source == Source::Generate).count() > 1 {
                let why =
                    "two generated values on standard output could not be told apart: use --json, or generate:FILE";
                return Err(Failure::bare(Error::Usage(why.into())));
            }
            let selection = selection_of_choice.map_or_else(|| selection(None), Ok)?;
            if let Some(why) = secret::refusal().filter(|_| render.verbose) {
                render.note(&format!("secrets may be written to swap: the system locks no memory for them [{why}]"));
            }
            let ask = terminal.map(|terminal| Box::new(terminal) as Box<dyn Prompter>);
            let mut collector = Collector::new(sources.clone(), ask, destroy).with_pinentry(pinentry);
            let call = Call {
                operation,
                selection,
                sources,
                allow_last_try,
                policy: config.policy.clone(),
                dry_run: global.dry_run,
                render,
            };
            let done = run::operate(&call, &settings, &mut collector, &mut Nowhere, &interrupts);
            // What is pasted has to find the token as this call did.
            let report = done.map_err(told_once).map_err(|failure| {
                let failure = failure.with_modules(&global.modules).with_config(global.config.as_deref());
                named.iter().fold(failure, |failure, named| failure.with_profile(&named.application, &named.file))
            })?;
            render.report(&report).map_err(Failure::bare)?;
            if let (Some(next), false) = (report.next(&global.modules), render.json) {
                render.note(&next);
            }
            Ok(())
        }
        Asked::Restore { token, destroy } => {
            let selection = selection(token)?;
            let ask = terminal.map(|terminal| Box::new(terminal) as Box<dyn Prompter>);
            let mut collector = Collector::new(BTreeMap::new(), ask, destroy);
            let restored = run::restore(&selection, &settings, &mut collector, &interrupts, global.dry_run)?;
            render.restored(&restored).map_err(Failure::bare)
        }
        Asked::Profile { file } => {
            let preview = run::check_profile(&file).map_err(Failure::bare)?;
            render.preview(&preview).map_err(Failure::bare)
        }
        Asked::Policy { role, sources } => {
            let selection = selection(None)?;
            let ask = terminal.map(|terminal| Box::new(terminal) as Box<dyn Prompter>);
            let mut collector = Collector::new(sources, ask, Destroy::Ask).with_pinentry(pinentry);
            let laid =
                run::check_policy(&config.policy, &selection, &settings, role, &mut collector).map_err(told_once)?;
            render.policy(&laid).map_err(Failure::bare)
        }
        Asked::Respond { challenge, sources } => {
            let ask = terminal.map(|terminal| Box::new(terminal) as Box<dyn Prompter>);
            let mut collector = Collector::new(sources, ask, Destroy::Ask).with_pinentry(pinentry);
            let response = run::respond(&challenge, &mut collector).map_err(Failure::bare).map_err(told_once)?;
            render.response(&response).map_err(Failure::bare)
        }
        Asked::Completions(shell) => render.data(&cli::completions(shell)).map_err(Failure::bare),
        // It was done before a configuration that does not hold could keep it from being done.
        Asked::Doctor => Ok(()),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// How devices are reached, as the call and the configuration say.
fn settings(global: &Global, config: &Config, profiles: Profiles, withheld: Vec<OsString>) -> Settings {
    Settings {
        modules: global.modules(config),
        locks: config::locks(),
        state: config::state(),
        wait: global.wait(config),
        options: Options { timeout: global.module_timeout(config), withheld, inits: config.inits() },
        trace: if global.trace { render::trace() } else { Trace::default() },
        profiles,
    }
}

/// `doctor`: what it finds ends it with 0, and with 8 where a check could not be made.
fn examine(global: &Global, render: Render) -> Result<ExitCode> {
    let (config, mut findings) = run::configuration(global.config.as_deref());
    let (profiles, left_out) = run::profiles_that_hold(global.profile.as_deref(), &config::profiles());
    findings.extend(left_out);
    findings.extend(run::doctor(
        global.config.as_deref(),
        global.route(),
        &config.policy,
        &settings(global, &config, profiles, Vec::new()),
    ));
    let incomplete = render.findings(&findings)?;
    Ok(incomplete.map_or(ExitCode::SUCCESS, |error| ExitCode::from(error.exit_code())))
}

/// Whether a person can be talked with: all three streams are a terminal, and text is wanted.
fn talks(render: Render) -> bool {
    !render.json && io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// The environment variables that hold secrets.
fn withheld(asked: &Asked) -> Vec<OsString> {
    let sources = match asked {
        Asked::Operate(Request { sources, .. }) | Asked::Policy { sources, .. } => sources,
        _ => return Vec::new(),
    };
    let name = |source: &Source| match source {
        Source::Env(name) => Some(name.into()),
        _ => None,
    };
    sources.values().filter_map(name).collect()
}

/// The command's name in JSON.
fn name(asked: &Asked) -> &'static str {
    match asked {
        Asked::Guide | Asked::Look { full: true, .. } => "status",
        Asked::Look { full: false, .. } => "list",
        Asked::Operate(request) => request.operation.verb().name(),
        Asked::Restore { .. } => "token restore",
        Asked::Profile { .. } => "profile check",
        Asked::Policy { .. } => "policy check",
        Asked::Doctor => "doctor",
        Asked::Respond { .. } => "respond",
        Asked::Completions(_) => "completions",
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
