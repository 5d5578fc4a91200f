//! Where secrets come from: read ahead where no person is needed, asked for where one is.

mod collector;
mod credential;
mod file;
mod generate;
mod lines;
mod pinentry;
mod source;
mod terminal;

pub use collector::{Collector, Destroy, Generated, Rules};
pub use file::keep;
pub use pinentry::{Dialog, Pinentry};
pub use source::{Source, SourceError};
pub use terminal::{Prompter, Restorer, Terminal};
