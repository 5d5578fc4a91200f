//! What cards tell in BER-TLV (ISO 7816-4, 5.2.2), looked up by a path of tags.

use iso7816_tlv::ber::{Tag, Tlv, Value};

/// The longest object that is looked into: a card could nest them so that reading takes seconds.
const MOST: usize = 4096;

/// The value at a path of tags, each found in the value of the one before.
pub fn find(bytes: &[u8], path: &[u64]) -> Option<Vec<u8>> {
    let (tag, deeper) = path.split_first().filter(|_| bytes.len() <= MOST)?;
    let tag = Tag::try_from(*tag).ok()?;
    let found = Tlv::parse_all(bytes).into_iter().find(|tlv| *tlv.tag() == tag)?;
    let content = match found.value() {
        Value::Primitive(bytes) => bytes.clone(),
        Value::Constructed(inner) => inner.iter().flat_map(Tlv::to_vec).collect(),
    };
    if deeper.is_empty() { Some(content) } else { find(&content, deeper) }
}
