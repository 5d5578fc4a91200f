//! Bytes in hex, on the command line and in files.

use anyhow::{Context, Result};
use data_encoding::HEXUPPER_PERMISSIVE;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Bytes in upper case hex, no space between.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    HEXUPPER_PERMISSIVE.encode(bytes)
}

/// The bytes that `text` stands for, in hex of either case.
///
/// # Errors
/// It is no hex.
pub fn decode(text: &str) -> Result<Vec<u8>> {
    HEXUPPER_PERMISSIVE.decode(text.as_bytes()).with_context(|| format!("{text}: no hex"))
}

/// For `#[serde(with = "hex")]`.
#[allow(clippy::missing_errors_doc, reason = "as serde has it")]
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encode(bytes))
}

/// For `#[serde(with = "hex")]`.
#[allow(clippy::missing_errors_doc, reason = "as serde has it")]
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    decode(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
