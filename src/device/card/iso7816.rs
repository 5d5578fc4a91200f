//! Ordinary ISO 7816 cards: what a profile says of one, the bytes that follow from it, and what the card's answers mean.

mod answer;
mod application;
mod bytes;
mod encoding;
mod kind;
mod pad;
mod place;
mod preview;
pub mod profile;
mod profiles;
mod template;
mod token;
mod verdict;

pub use application::Memory;
pub use encoding::{Encoding, Pad as Padding};
pub use kind::Kind;
pub use preview::preview;
pub use profiles::{Candidate, Profiles};
pub use template::{Secret, Template, Which};

#[cfg(test)]
mod tests;
