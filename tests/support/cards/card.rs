//! What can be put into a reader.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use super::fixtures;

/// A card to be put into a reader, as it is delivered unless it has a file.
#[derive(Clone)]
pub struct Card {
    program: fn() -> PathBuf,
    applications: &'static str,
    options: Vec<OsString>,
}

impl Card {
    /// PIN 123456, PUK 12345678; three tries of the PIN.
    pub fn piv() -> Self {
        Self::new(fixtures::virtual_card, "piv")
    }

    /// PW1 123456, PW3 12345678, no reset code.
    pub fn openpgp() -> Self {
        Self::new(fixtures::virtual_card, "openpgp")
    }

    /// A stand-in that answers as recorded cards did; several applications with commas between. Which there are, and
    /// their secrets: `stand-in-card APPLICATION --dialects`.
    pub fn stand_in(applications: &'static str) -> Self {
        Self::new(fixtures::stand_in_card, applications)
    }

    fn new(program: fn() -> PathBuf, applications: &'static str) -> Self {
        Self { program, applications, options: Vec::new() }
    }

    /// Turns a switch of a stand-in, `NAME=VALUE`; `APPLICATION.NAME=VALUE` where it has several.
    pub fn dialect(self, switch: &str) -> Self {
        self.option("--dialect", switch)
    }

    /// Goes wrong as `stand-in-card --help` has it, counted from the first command on; see
    /// [`VirtualCard::fail`](super::VirtualCard::fail) for later ones.
    pub fn fault(self, fault: &str) -> Self {
        self.option("--fault", fault)
    }

    /// Eight hex digits; else 0052F743 on PIV and 00DEC0DE on others.
    pub fn serial(self, hex: &str) -> Self {
        self.option("--serial", hex)
    }

    /// Answers to the first five bytes of its name too.
    pub fn short_aid(self) -> Self {
        self.option("--short-aid", "true")
    }

    /// As slow as a real card, or slower: per APDU.
    pub fn delay_ms(self, milliseconds: u64) -> Self {
        self.option("--delay-ms", milliseconds.to_string())
    }

    /// Keeps the card's state in this file (with firmware, and one beside it), so that it can be pulled and put in again.
    pub fn file(self, store: &Path) -> Self {
        self.option("--file", store)
    }

    /// The program that is this card in the reader on `port`.
    pub(super) fn command(&self, port: u16) -> Command {
        let mut command = Command::new((self.program)());
        command.args([self.applications, "--trace", "--port"]).arg(port.to_string()).args(&self.options);
        command
    }

    fn option(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.options.extend([name.into(), value.into()]);
        self
    }
}
