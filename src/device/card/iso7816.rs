//! Ordinary ISO 7816 cards: what a profile says of one, the bytes that follow from it, and what the card's answers mean.

mod answer;
mod bytes;
mod encoding;
mod place;
mod preview;
pub mod profile;
mod template;

pub use preview::preview;
pub use template::{Secret, Template, Which};
