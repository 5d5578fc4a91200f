//! Each command, from what was asked to what is shown.

mod asking;
mod tokens;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, IsTerminal},
    path::Path,
    process::ExitCode,
};

use crate::{
    cli::{self, Asked, Global, Request},
    config::{self, Config},
    device,
    error::Error,
    input::{Collector, Destroy, Source},
    interrupt::Interrupts,
    ledger::Nowhere,
    render::{Failure, Render},
    run::{self, Call},
    secret,
    selector::Selector,
    token::{Need, Role},
};
use asking::Asking;
use tokens::Tokens;

/// What came of a command.
type Result<T, E = Failure> = std::result::Result<T, E>;

/// Does what was asked for, and says with which code to end.
///
/// # Errors
/// [`Failure`], with the token and the hint where they are known.
pub fn execute(global: &Global, asked: Asked, render: Render) -> Result<ExitCode> {
    // A crash would leave secrets in a core file, and a program that is given it all the same. Where this fails, nothing else is lost.
    let _ = device::shut();
    let mut asking = Asking::of(global);
    let interrupts = asking.watch(asked.name(), render)?;
    if matches!(asked, Asked::Doctor) {
        return doctor(global, render);
    }
    let config = Config::load(global.config.as_deref())?;
    asking.by_pinentry(config.pinentry.as_deref());
    let tokens = |sources| Tokens::of(global, &config, sources);
    match asked {
        Asked::Guide => guide(&tokens(&BTreeMap::new())?, asking, &interrupts, render),
        Asked::Look { full, token } => look(&tokens(&BTreeMap::new())?, token, full, render),
        Asked::Operate(Request { operation, sources, destroy }) => {
            let tokens = tokens(&sources)?;
            let call = tokens.call(operation, sources, tokens.selection(None)?, render);
            operate(&call, destroy, &tokens, asking, &interrupts)
        }
        Asked::Restore { token, destroy } => {
            let collector = asking.collector(BTreeMap::new(), destroy);
            restore(&Tokens::without_profiles(global, &config), token, collector, &interrupts, render)
        }
        Asked::Profile { file } => profile(&file, render),
        Asked::Policy { role, sources } => {
            policy(&tokens(&sources)?, role, asking.collector(sources, Destroy::Ask), render)
        }
        Asked::Respond { challenge, sources } => {
            respond(&challenge, asking.collector(sources, Destroy::Ask), &interrupts, render)
        }
        Asked::Completions(shell) => Ok(render.data(&cli::completions(shell))?),
        // It was done before a configuration that does not hold could keep it from being done.
        Asked::Doctor => Ok(()),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// No command: a conversation where somebody can be talked with, whose choice is done as the command that it names; where standard
/// output alone is a terminal, what is there and what to do next.
fn guide(tokens: &Tokens<'_>, mut asking: Asking, interrupts: &Interrupts, render: Render) -> Result<()> {
    let Some(person) = asking.person().filter(|_| talks(render)) else {
        if !io::stdout().is_terminal() {
            return Err(Error::Usage("no command is given; `pukka --help` lists them".into()).into());
        }
        return Ok(render.guide(&tokens.look(None, true)?, &|hint| tokens.as_called(hint))?);
    };
    let listing = tokens.look(None, true)?;
    let Some(chosen) = run::guide(&listing, render, person, &|hint| tokens.as_called(hint))? else { return Ok(()) };
    let mut call = tokens.call(chosen.operation, BTreeMap::new(), chosen.selection, render);
    call.allow_last_try.extend(chosen.allow_last_try);
    operate(&call, Destroy::Ask, tokens, asking, interrupts)
}

/// Whether a person can be talked with: all three streams are a terminal, and text is wanted.
fn talks(render: Render) -> bool {
    !render.json && io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// `list` and `status`.
fn look(tokens: &Tokens<'_>, token: Option<Selector>, full: bool, render: Render) -> Result<()> {
    let listing = tokens.look(token, full).map_err(|failure| tokens.with_modules(failure))?;
    Ok(render.listing(if full { "status" } else { "list" }, &listing)?)
}

/// One operation on one token.
fn operate(call: &Call, destroy: Destroy, tokens: &Tokens<'_>, asking: Asking, interrupts: &Interrupts) -> Result<()> {
    let render = call.render;
    if !render.json && call.sources.values().filter(|source| **source == Source::Generate).count() > 1 {
        let why = "two generated values on standard output could not be told apart: use --json, or generate:FILE";
        return Err(Error::Usage(why.into()).into());
    }
    let refusal = secret::refusal().filter(|_| render.verbose);
    if let Some(why) = &refusal {
        render.note(&format!("secrets may be written to swap: the system locks no memory for them [{why}]"));
    }
    let mut collector = asking.collector(call.sources.clone(), destroy);
    let done = run::operate(call, &tokens.settings, &mut collector, &mut Nowhere, interrupts);
    if let (None, Some(why)) = (&refusal, secret::unlocked().filter(|_| render.verbose)) {
        render.note(&format!("a secret was held in memory that the system did not lock [{why}]"));
    }
    // What is pasted has to find the token as this call did.
    let report = done.map_err(|failure| tokens.with_profile(tokens.with_modules(told_once(failure, interrupts))))?;
    render.report(&report)?;
    if let (Some(next), false) = (tokens.next(&report), render.json) {
        render.note(&next);
    }
    Ok(())
}

/// A pinentry is interrupted together with this process, and says so too: it is told once.
fn told_once(failure: Failure, interrupts: &Interrupts) -> Failure {
    if failure.error == Error::Interrupted {
        interrupts.hold();
    }
    failure
}

/// `token restore`.
fn restore(
    tokens: &Tokens<'_>,
    token: Option<Selector>,
    mut collector: Collector,
    interrupts: &Interrupts,
    render: Render,
) -> Result<()> {
    let selection = tokens.selection(token)?;
    let restored = run::restore(&selection, &tokens.settings, &mut collector, interrupts, tokens.global.dry_run)?;
    Ok(render.restored(&restored)?)
}

/// `profile check`.
fn profile(file: &Path, render: Render) -> Result<()> {
    Ok(render.preview(&run::check_profile(file)?)?)
}

/// `policy check`.
fn policy(tokens: &Tokens<'_>, role: Role, mut collector: Collector, render: Render) -> Result<()> {
    let selection = tokens.selection(None)?;
    let laid = run::check_policy(tokens.policy, &selection, &tokens.settings, role, &mut collector)?;
    Ok(render.policy(&laid)?)
}

/// `respond`.
fn respond(challenge: &str, mut collector: Collector, interrupts: &Interrupts, render: Render) -> Result<()> {
    let response = run::respond(challenge, &mut collector).map_err(|error| told_once(error.into(), interrupts))?;
    Ok(render.response(&response)?)
}

/// `doctor`: what it finds ends it with 0, and with 8 where a check could not be made.
fn doctor(global: &Global, render: Render) -> Result<ExitCode> {
    let (config, mut findings) = run::configuration(global.config.as_deref());
    let (profiles, left_out) = run::profiles_that_hold(global.profile.as_deref(), &config::profiles());
    findings.extend(left_out);
    let settings = tokens::settings(global, &config, profiles, Vec::new());
    findings.extend(run::doctor(global.config.as_deref(), global.route(), &config.policy, &settings));
    let incomplete = render.findings(&findings)?;
    Ok(incomplete.map_or(ExitCode::SUCCESS, |error| ExitCode::from(error.exit_code())))
}

/// The environment variables of which these sources say that they hold secrets.
fn withheld(sources: &BTreeMap<Need, Source>) -> Vec<OsString> {
    let name = |source: &Source| match source {
        Source::Env(name) => Some(name.into()),
        _ => None,
    };
    sources.values().filter_map(name).collect()
}
