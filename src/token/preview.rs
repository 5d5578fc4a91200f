//! What an application would be sent for each operation, with secrets by name.

use super::{Role, Verb};

/// What the application of a profile would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The application's name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// How far it was proved: `tested` or `from documents`.
    pub status: String,
    /// Where the facts are from.
    pub source: String,
    /// The operations that it has.
    pub operations: Vec<Sent>,
}

/// What one operation sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Which; none for what finds the application and reads who it is.
    pub verb: Option<Verb>,
    /// The reference's name, where the application has several of its role.
    pub reference: Option<String>,
    /// By whose authority, where it is another's.
    pub by: Option<Role>,
    /// The commands, each with the standard's name and its bytes.
    pub commands: Vec<(&'static str, String)>,
}
