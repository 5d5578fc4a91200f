//! `respond`: the help desk's half of challenge-response, which needs no token.

use crate::{
    challenge::Block,
    device::card::cipher,
    error::{Error, Result},
    input::Collector,
    secret::AdminKey,
    token::{Need, Role},
};

/// The question for the key, where it has no source.
const QUESTION: &str = "Admin key (32, 48 or 64 hexadecimal digits): ";

/// Answers a challenge as it was typed, with the admin key of the card that gave it. No token is looked for.
///
/// # Errors
/// [`Error::Usage`] for a challenge that is none, before the key is read, and for a source that is missing or unreadable;
/// [`Error::Policy`] for a key that is none, or is not of the cipher that the challenge's length stands for.
pub fn respond(challenge: &str, collector: &mut Collector) -> Result<Block> {
    let challenge = Block::parse(challenge).map_err(|why| Error::Usage(format!("--challenge {why}")))?;
    let need = Need::Current(Role::AdminKey);
    let key = AdminKey::parse(need, &collector.without_token(need, QUESTION)?)?;
    cipher::respond(&key, &challenge)
}
