//! What a policy refuses and what it lets pass: values of people, and values built by the thousand.

mod demands;
mod limits;
mod listed;
mod rules;

use super::{Beside, Characters, Common, Demands, Refused, Rule};
use crate::secret::Pin;
use zeroize::Zeroizing;

fn pin(value: impl AsRef<[u8]>) -> Pin {
    Pin::take(Zeroizing::new(value.as_ref().to_vec()))
}

/// Demands that refuse these, and nothing else.
fn refusing(refused: impl IntoIterator<Item = Refused>) -> Demands {
    Demands { refuse: Some(refused.into_iter().collect()), ..Demands::default() }
}
