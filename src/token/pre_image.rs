//! A copy of a token's files, made before a secret was presented to it, for the case that the token is lost by that.

use std::{path::PathBuf, time::SystemTime};

use super::Identity;

/// A copy that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreImage {
    /// Whose it is, and by which module it was seen when the copy was made.
    pub identity: Identity,
    /// When that was.
    pub kept: SystemTime,
    /// Where the files belong.
    pub files: Vec<PathBuf>,
    /// How the files that stand there now are.
    pub condition: Condition,
}

/// How the files of a token are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// They hold the token.
    Intact,
    /// One is missing, empty, cut off, or of another token.
    Damaged,
    /// One cannot be read.
    Unreadable,
}
