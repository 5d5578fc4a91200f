//! What people and scripts see: data on standard output, talk on standard error, text or JSON.

mod findings;
pub mod guide;
mod json;
mod policy;
mod profile;
mod report;
mod restored;
mod text;

pub use policy::Laid;
pub use report::{Failure, Listed, Listing, Report};
pub use restored::Restored;

use std::{
    fmt,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};

use crate::{
    challenge::Block,
    config,
    error::{Error, Result},
    input::{self, Generated},
    operation::Hint,
    secret::Pages,
    selector::quoted,
    token::Trace,
};

/// The style of the word that opens an error.
const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of the word that opens a hint.
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// How output is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Render {
    /// One JSON object on standard output, and nothing else there.
    pub json: bool,
    /// Nothing is said of a success.
    pub quiet: bool,
    /// The token's selector and the commands are said of a success too.
    pub verbose: bool,
}

impl Render {
    /// The listing of `list` (identities only) or `status`.
    ///
    /// # Errors
    /// [`Error::Device`] where standard output does not take it.
    pub fn listing(self, command: &str, listing: &Listing) -> Result<()> {
        if self.json {
            return self.data(&json::listing(command, listing));
        }
        self.data(text::listing(listing).as_bytes())?;
        if let Some(instead) = listing.instead().filter(|_| !self.quiet) {
            talk(format_args!("no token found: {instead}"));
            listing.cure().iter().for_each(|cure| talk(format_args!("hint: {cure}")));
        }
        for problem in &listing.problems {
            talk(format_args!("note: {problem}"));
        }
        Ok(())
    }

    /// What to do next with the tokens of a listing, for `pukka` alone on a terminal. `as_called` adds to a command what the
    /// call named.
    ///
    /// # Errors
    /// As [`Render::listing`].
    pub fn guide(self, listing: &Listing, as_called: &dyn Fn(Hint) -> Hint) -> Result<()> {
        self.listing("status", listing)?;
        text::guidance(listing, as_called).iter().for_each(|line| talk(format_args!("{line}")));
        Ok(())
    }

    /// What an operation did.
    ///
    /// # Errors
    /// [`Error::Device`] where standard output does not take a value that was generated.
    pub fn report(self, report: &Report) -> Result<()> {
        if self.json {
            return match report.generated.iter().any(|generated| generated.value.is_some()) {
                true => self.value(&json::report(report)).map_err(|error| lost(report, error)),
                false => self.data(&json::report(report)),
            };
        }
        if let Some(plan) = &report.plan {
            return self.data(text::plan(report, plan).as_bytes());
        }
        self.generated(&report.generated).map_err(|error| lost(report, error))?;
        if self.verbose {
            text::details(report).lines().for_each(|line| talk(format_args!("{line}")));
        }
        if !self.quiet {
            talk(format_args!("{}", text::success(report)));
        }
        Ok(())
    }

    /// The response to a challenge.
    ///
    /// # Errors
    /// [`Error::Device`] where standard output does not take it.
    pub fn response(self, response: &Block) -> Result<()> {
        if self.json {
            return self.value(&json::response(response));
        }
        self.value(format!("{response}\n").as_bytes())?;
        if !self.quiet {
            talk(format_args!("{}", text::spoken(response)));
        }
        Ok(())
    }

    /// The values that were generated, a line each.
    fn generated(self, generated: &[Generated]) -> Result<()> {
        for value in generated.iter().filter_map(|generated| generated.value.as_ref()) {
            let mut line = Pages::with_capacity(value.len() + 1);
            line.extend_from_slice(value.bytes());
            line.push(b'\n');
            self.value(&line)?;
        }
        Ok(())
    }

    /// Why a command failed, and what a person can do about it.
    pub fn failure(self, command: Option<&str>, failure: &Failure) {
        let written = match self.json {
            true => self.value(&json::failure(command, failure)),
            false => self.generated(&failure.generated),
        };
        // Where standard output is broken, standard error is the only place left to say why.
        if self.json && written.is_ok() {
            return;
        }
        let [error, hint] = [ERROR, HINT].map(|style| (style.render(), style.render_reset()));
        let detail = failure.error.detail().map(|detail| format!(" [{detail}]")).unwrap_or_default();
        for done in &failure.done {
            talk(format_args!("the token was {} before this failed", done.name()));
        }
        talk(format_args!("{}error:{} {}{detail}", error.0, error.1, failure.sentence()));
        if let Some(diagnosis) = failure.diagnosis() {
            talk(format_args!("{diagnosis}"));
        }
        if failure.generated.iter().any(|generated| generated.value.is_some()) {
            let place = match written {
                Ok(()) => "stands on standard output".to_owned(),
                Err(_) => match rescued(&failure.generated) {
                    Some(place) => format!("stands {place}"),
                    None => "is lost, since standard output did not take it; give the token another one".into(),
                },
            };
            talk(format_args!("the token may have taken the generated value, which {place}"));
        }
        if let Error::AmbiguousToken { candidates, .. } = &failure.error {
            candidates.iter().for_each(|candidate| talk(format_args!("  {}", quoted(candidate))));
        }
        if let Some(next) = &failure.hint {
            talk(format_args!("{}hint:{} {}", hint.0, hint.1, next.text()));
        }
    }

    /// The challenge that a person hands on to the help desk: plain, and as it is said on the telephone.
    pub fn challenge(self, challenge: &Block) {
        talk(format_args!("challenge: {challenge}"));
        talk(format_args!("{}", text::spoken(challenge)));
    }

    /// What a person should know before it happens.
    pub fn note(self, what: &str) {
        if !self.quiet {
            talk(format_args!("note: {what}"));
        }
    }

    /// Data for standard output: listings, help. A reader who has had enough, as `head` has, is no error.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn data(self, bytes: &[u8]) -> Result<()> {
        match write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(not_taken),
        }
    }

    /// What nobody else has: a generated value, a response, why a command failed.
    fn value(self, bytes: &[u8]) -> Result<()> {
        write(bytes).map_err(not_taken)
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

#[allow(clippy::needless_pass_by_value)] // As `map_err` hands it over.
fn not_taken(error: io::Error) -> Error {
    Error::device("standard output does not take what is to be written there", error.to_string())
}

/// What is left to say where a value was generated, the token has it, and standard output does not take it: where it stands
/// instead, since nobody else knows it.
fn lost(report: &Report, error: Error) -> Error {
    if report.generated.iter().all(|generated| generated.value.is_none()) {
        return error;
    }
    let (what, cure) = match rescued(&report.generated) {
        Some(place) => (
            format!("the token has its new value, which standard output did not take; it stands {place} instead"),
            "take it from there, and name generate:FILE where standard output may fail",
        ),
        None => (
            "the token has its new value, but standard output did not take it, and nobody knows it now".into(),
            "give it another one, with generate:FILE where standard output may fail",
        ),
    };
    Error::Device { what, cure: Some(cure.into()), detail: error.detail().map(str::to_owned) }
}

/// Puts generated values where they are found: on the terminal, else in files of the state directory. Where that is, if anywhere.
fn rescued(generated: &[Generated]) -> Option<String> {
    if on_terminal(generated) {
        return Some("on the terminal".into());
    }
    let directory = config::lost()?;
    let values = generated.iter().filter_map(|generated| Some((generated.need, generated.value.as_ref()?)));
    let kept: Result<Vec<_>> = values.map(|(need, value)| input::keep(&directory, need, value)).collect();
    let shown = |path: &std::path::PathBuf| path.display().to_string().escape_debug().to_string();
    Some(format!("in {}", kept.ok()?.iter().map(shown).collect::<Vec<_>>().join(" and ")))
}

/// Shows generated values on the terminal, where there is one. Whether it took them.
fn on_terminal(generated: &[Generated]) -> bool {
    let terminal = std::fs::OpenOptions::new().write(true).open("/dev/tty");
    let mut values = generated.iter().filter_map(|generated| generated.value.as_ref());
    terminal.is_ok_and(|mut terminal| {
        values.all(|value| terminal.write_all(value.bytes()).and_then(|()| terminal.write_all(b"\n")).is_ok())
    })
}

/// A trace on standard error.
pub fn trace() -> Trace {
    Trace::to(|line| talk(format_args!("trace: {line}")))
}

/// One line on standard error, in colours only where it is a terminal and NO_COLOR does not forbid it.
fn talk(line: fmt::Arguments<'_>) {
    // Nobody can be told that standard error is broken.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
