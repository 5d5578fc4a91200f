//! A card behind a module: what the tool says, and what the card was sent.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Pukka,
    cards::{Card, Pcscd, VirtualCard},
    home, pukka,
};

/// A card, the module that it is reached through, and a home for the tool.
pub(super) struct CardBench {
    pub(super) module: PathBuf,
    pub(super) secrets: &'static [(&'static str, &'static str)],
    pcscd: Pcscd,
    card: VirtualCard,
    home: TempDir,
}

impl CardBench {
    /// With what the variables of every call hold.
    pub(super) fn new(card: Card, module: PathBuf, secrets: &'static [(&'static str, &'static str)]) -> Self {
        let (pcscd, [card]) = Pcscd::in_readers_of("Yubico YubiKey CCID", [card]);
        Self { module, secrets, pcscd, card, home: home() }
    }

    /// The tool on this module alone.
    pub(super) fn call(&self, words: &str) -> Pukka {
        self.card.clear_trace();
        let call = pukka(self.home.path(), words.split_whitespace()).envs(self.pcscd.envs());
        call.envs(self.secrets.iter().copied()).with(|command| {
            command.args(["--via", "pkcs11", "--json", "--module"]).arg(&self.module);
        })
    }

    /// What it answers.
    #[track_caller]
    pub(super) fn run(&self, words: &str, code: i32) -> Value {
        self.call(words).run().code(code).json()
    }

    /// Its refusal.
    #[track_caller]
    pub(super) fn refused(&self, words: &str, code: i32, kind: &str) -> Value {
        let error = self.run(words, code)["error"].clone();
        assert_eq!(error["kind"], kind, "{words}: {error}");
        error
    }

    /// What it says of a reference.
    #[track_caller]
    pub(super) fn reference(&self, role: &str) -> Value {
        let status = self.run("status", 0);
        let references = status["tokens"][0]["references"].as_array().unwrap().clone();
        references.into_iter().find(|reference| reference["role"] == role).unwrap()
    }

    /// The headers of what presented or set a secret in the last call, in their order.
    #[track_caller]
    pub(super) fn presented(&self) -> Vec<String> {
        let presents = |command: &&String| match command.get(2..4) {
            // With data: without, VERIFY asks for the counter, and P1 of FF logs out.
            Some("20") => command.len() > 10 && !command.starts_with("0020FF"),
            Some(instruction) => ["24", "2C", "87", "FF", "FB", "50"].contains(&instruction),
            None => false,
        };
        let apdus = self.card.apdus();
        apdus.iter().map(|(command, _)| command).filter(presents).map(|command| command[..8].to_owned()).collect()
    }

    /// Asserts that the last call presented these.
    #[track_caller]
    pub(super) fn assert_presented(&self, headers: &[&str]) {
        assert_eq!(self.presented(), headers, "{:?}", self.card.apdus());
    }

    /// Makes another program the client of this card.
    pub(super) fn envs(&self, command: &mut std::process::Command) {
        command.envs(self.pcscd.envs());
    }
}
