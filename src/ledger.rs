//! The record of what was intended and what came of it. Nothing is kept yet; the spine already tells everything.

use crate::{
    error::{Error, Result},
    operation::{Outcome, Plan},
    token::Identity,
};

/// What is about to be done. It never holds a secret.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// How.
    pub plan: &'a Plan,
    /// To which token.
    pub token: &'a Identity,
}

/// A place where operations are recorded.
pub trait Ledger {
    /// Records what is about to be done, before the token is touched.
    ///
    /// # Errors
    /// Where it cannot be recorded; then nothing is sent.
    fn intent(&mut self, intent: Intent<'_>) -> Result<()>;

    /// Records what came of it.
    ///
    /// # Errors
    /// Where it cannot be recorded; it is done all the same.
    fn outcome(&mut self, outcome: Result<Outcome, &Error>) -> Result<()>;
}

/// Keeps nothing.
#[derive(Debug, Default)]
pub struct Nowhere;

impl Ledger for Nowhere {
    fn intent(&mut self, _intent: Intent<'_>) -> Result<()> {
        Ok(())
    }

    fn outcome(&mut self, _outcome: Result<Outcome, &Error>) -> Result<()> {
        Ok(())
    }
}
