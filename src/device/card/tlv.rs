//! What is found in the BER-TLV objects of a card (ISO 7816-4, 5.2.2).
//!
//! Tags and lengths are cut here, level by level: `iso7816-tlv` reads all that is nested by recursion, and a card that nests a
//! thousand objects overflows the stack.

/// The longest object that is looked into.
const MOST: usize = 4096;

/// The value at a path of tags, each inside the one before; none where it is not there, or the object is malformed.
pub fn find(bytes: &[u8], path: &[u64]) -> Option<Vec<u8>> {
    if path.is_empty() || bytes.len() > MOST {
        return None;
    }
    path.iter().try_fold(bytes, |content, tag| first(content, *tag)).map(<[u8]>::to_vec)
}

/// The value of the first of the objects, one behind the other, that has this tag.
fn first(mut objects: &[u8], wanted: u64) -> Option<&[u8]> {
    loop {
        // Zeros before and between objects mean nothing (ISO 7816-4, 5.2.2.1).
        while let [0x00, rest @ ..] = objects {
            objects = rest;
        }
        let (tag, rest) = tag(objects)?;
        let (length, rest) = length(rest)?;
        let (value, rest) = rest.split_at_checked(length)?;
        if tag == wanted {
            return Some(value);
        }
        objects = rest;
    }
}

/// A tag of one to three bytes: more follow where the low five bits of the first are all set, and while the high bit is.
fn tag(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mut tag = u64::from(*first);
    if first & 0x1F == 0x1F {
        for position in 1.. {
            let (next, behind) = rest.split_first().filter(|_| position <= 2)?;
            (tag, rest) = (tag << 8 | u64::from(*next), behind);
            if next & 0x80 == 0 {
                break;
            }
        }
    }
    Some((tag, rest))
}

/// A length in one byte up to 7F, else in the one or two bytes behind 81 or 82.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [length @ 0..=0x7F, rest @ ..] | [0x81, length, rest @ ..] => Some((usize::from(*length), rest)),
        [0x82, high, low, rest @ ..] => Some((usize::from(u16::from_be_bytes([*high, *low])), rest)),
        _ => None,
    }
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

    #[test]
    fn objects_nested_as_deep_as_they_fit_are_no_stack_overflow() {
        let mut nested = Vec::new();
        while nested.len() < MOST - 4 {
            nested = object(&[0x30], &nested);
        }
        assert!(find(&nested, &[0x30, 0x30, 0x30]).is_some());
        assert_eq!(find(&nested, &[0x30, 0x31]), None);
        assert_eq!(find(&[0x30; MOST], &[0x31]), None);
    }

    #[test]
    fn tags_of_three_bytes_and_padding_between_objects_are_no_trouble() {
        assert_eq!(find(&[0xBF, 0x81, 0x81, 0x01, 0x00], &[0xBF_8181]), None);
        assert_eq!(find(&[0x00, 0x00, 0x9A, 0x01, 0x05], &[0x9A]), Some(vec![5]));
        assert_eq!(find(&[0x00, 0x9B, 0x01, 0x04, 0x00, 0x00, 0x00, 0x9A, 0x01, 0x05], &[0x9A]), Some(vec![5]));
        assert_eq!(find(&[0x9A, 0x80], &[0x9A]), None);
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
