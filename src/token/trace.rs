//! Where devices say what they send and receive, when somebody asked for a trace.

use std::{fmt, sync::Arc};

/// A sink for trace lines. What is secret never reaches it: devices withhold it where the command is made.
#[derive(Clone, Default)]
pub struct Trace(Option<Arc<Sink>>);

type Sink = dyn Fn(fmt::Arguments<'_>) + Send + Sync;

impl Trace {
    /// A trace that goes to `sink`, a line a call.
    pub fn to(sink: impl Fn(fmt::Arguments<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Whether anybody listens.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Says one line; nothing is formatted where nobody listens.
    pub fn line(&self, line: fmt::Arguments<'_>) {
        if let Some(sink) = &self.0 {
            sink(line);
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Trace(on)" } else { "Trace(off)" })
    }
}
