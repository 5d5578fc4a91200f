//! What is found in the BER-TLV objects of a card (ISO 7816-4, 5.2.2).

use iso7816_tlv::ber::{Tag, Tlv, Value};

/// The longest object that is looked into: a card could nest them so that reading takes seconds.
const MOST: usize = 4096;

/// The value at a path of tags, each inside the one before; none where it is not there, or the object is malformed.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_the_path_that_leads_to_it() {
        // 70 { BF8101 { A0 { 9A 01 03, 9B 01 02 } } }
        let object = [0x70, 0x0C, 0xBF, 0x81, 0x01, 0x08, 0xA0, 0x06, 0x9A, 0x01, 0x03, 0x9B, 0x01, 0x02];
        assert_eq!(find(&object, &[0x70, 0xBF_8101, 0xA0, 0x9B]), Some(vec![2]));
        assert_eq!(find(&object, &[0x70, 0xBF_8101, 0xA0, 0x9C]), None);
        assert_eq!(find(&object, &[]), None);
    }
}
