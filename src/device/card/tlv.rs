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

    /// An object in BER-TLV, its length in the shortest form.
    fn object(tag: &[u8], value: &[u8]) -> Vec<u8> {
        let length = match u8::try_from(value.len()) {
            Ok(short @ 0..=0x7F) => vec![short],
            Ok(long) => vec![0x81, long],
            Err(_) => [&[0x82][..], &u16::try_from(value.len()).unwrap().to_be_bytes()].concat(),
        };
        [tag, &length, value].concat()
    }

    proptest::proptest! {
        #[test]
        fn what_was_put_into_an_object_is_found_in_it(value in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let inner = [object(&[0xC4], &[7]), object(&[0x5F, 0x52], &value)].concat();
            assert_eq!(find(&object(&[0x6E], &object(&[0x73], &inner)), &[0x6E, 0x73, 0x5F52]), Some(value));
        }

        #[test]
        fn bytes_that_are_no_object_are_no_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            for path in [&[0x6E, 0x73, 0xC4][..], &[0x7E, 0x5F2F], &[0x06], &[0x70, 0xBF_8101, 0xA0, 0x9B]] {
                // What is found lies within what was given.
                assert!(find(&bytes, path).is_none_or(|value| value.len() <= bytes.len()));
            }
        }
    }
}
