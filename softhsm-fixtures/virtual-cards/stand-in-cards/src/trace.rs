//! What passed between reader and card, on standard error: an independent count of what was sent.

use std::io::{Write, stderr};

use data_encoding::HEXUPPER;

/// The trace of one card, or nothing at all.
pub struct Trace {
    on: bool,
}

impl Trace {
    /// A trace that is written where it is `on`.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self { on }
    }

    /// `> ` and what the reader sent, in hex.
    pub fn command(&self, apdu: &[u8]) {
        self.line(">", || HEXUPPER.encode(apdu));
    }

    /// `< ` and what the card answers, in hex.
    pub fn response(&self, apdu: &[u8]) {
        self.line("<", || HEXUPPER.encode(apdu));
    }

    /// `# ` and what else happened.
    pub fn signal(&self, signal: &str) {
        self.line("#", || signal.to_owned());
    }

    fn line(&self, mark: &str, text: impl FnOnce() -> String) {
        if self.on {
            // In one write, so that a kill never leaves half a line. A card works on when nobody reads its trace.
            let _ = stderr().write_all(format!("{mark} {}\n", text()).as_bytes());
        }
    }
}
