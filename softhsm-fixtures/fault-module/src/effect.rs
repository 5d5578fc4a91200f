//! What a fault does to a call: steps before and after it, and another answer.

use std::ffi::c_int;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use cryptoki_sys::{CK_RV, CKR_OK};

use crate::code;

const POLL: Duration = Duration::from_millis(2);

pub enum Effect {
    Before(Step),
    /// Not forwarded.
    Answer(CK_RV),
    After(Step),
    /// Forwarded, then this code.
    Instead(CK_RV),
}

pub enum Step {
    Delay(Duration),
    Pause(PathBuf),
    Noise(String),
    Complaint(String),
    Crash,
    Hang,
}

impl Effect {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest)));
        Ok(match (word, rest) {
            ("lie", None) => Self::Answer(CKR_OK),
            ("after", Some(code)) => Self::Instead(code::parse(code)?),
            ("delay", Some(milliseconds)) => Self::Before(delay(milliseconds)?),
            ("after-delay", Some(milliseconds)) => Self::After(delay(milliseconds)?),
            ("pause", Some(path)) => Self::Before(pause(path)?),
            ("pause-after", Some(path)) => Self::After(pause(path)?),
            ("noise", Some(text)) => Self::Before(Step::Noise(text.to_owned())),
            ("complaint", Some(text)) => Self::Before(Step::Complaint(text.to_owned())),
            ("crash", None) => Self::Before(Step::Crash),
            ("after-crash", None) => Self::After(Step::Crash),
            ("hang", None) => Self::Before(Step::Hang),
            ("after-hang", None) => Self::After(Step::Hang),
            _ => Self::Answer(code::parse(text)?),
        })
    }

    pub fn before(&self) -> Option<&Step> {
        if let Self::Before(step) = self { Some(step) } else { None }
    }

    pub fn answer(&self) -> Option<CK_RV> {
        if let Self::Answer(code) = self { Some(*code) } else { None }
    }

    pub fn after(&self) -> Option<&Step> {
        if let Self::After(step) = self { Some(step) } else { None }
    }

    pub fn instead(&self) -> Option<CK_RV> {
        if let Self::Instead(code) = self { Some(*code) } else { None }
    }
}

impl Step {
    /// `log` is told the outcome of a call that will never return.
    pub fn take(&self, log: impl FnOnce(&str)) {
        match self {
            Self::Delay(time) => sleep(*time),
            Self::Pause(path) => wait(path),
            Self::Noise(text) => {
                let mut out = std::io::stdout().lock();
                // Nobody may be listening: that is the caller's business.
                let _ = writeln!(out, "{text}").and_then(|()| out.flush());
            }
            Self::Complaint(text) => eprintln!("{text}"),
            Self::Crash => {
                log("crash");
                crash();
            }
            Self::Hang => {
                log("hang");
                loop {
                    sleep(Duration::from_secs(3600));
                }
            }
        }
    }
}

/// Says `PATH.reached` and waits for `PATH`; dies with the test, whose directory takes `PATH.reached` away.
fn wait(path: &Path) {
    let mut reached = path.as_os_str().to_owned();
    reached.push(".reached");
    let reached = PathBuf::from(reached);
    if let Err(error) = File::create(&reached) {
        eprintln!("fault-module: {}: {error}", reached.display());
        std::process::abort();
    }
    while !path.exists() {
        if !reached.exists() {
            std::process::abort();
        }
        sleep(POLL);
    }
}

fn crash() -> ! {
    unsafe extern "C" {
        safe fn raise(signal: c_int) -> c_int;
    }
    const SIGSEGV: c_int = 11;
    // Again and again: a handler, such as Rust's own for stack overflows, may only step aside the first time.
    loop {
        raise(SIGSEGV);
    }
}

fn delay(milliseconds: &str) -> Result<Step, String> {
    let milliseconds = milliseconds.parse().map_err(|_| format!("`{milliseconds}` is not a number of milliseconds"))?;
    Ok(Step::Delay(Duration::from_millis(milliseconds)))
}

fn pause(path: &str) -> Result<Step, String> {
    if path.is_empty() { Err("a pause needs a path".to_owned()) } else { Ok(Step::Pause(path.into())) }
}
