//! BER-TLV objects (ISO 7816-4, annex E), read and made.

/// The object `tag` around `value`, which may have up to 65535 bytes.
#[must_use]
pub fn object(tag: u16, value: &[u8]) -> Vec<u8> {
    let mut object = Vec::with_capacity(value.len() + 5);
    if tag > 0xFF {
        object.push((tag >> 8) as u8);
    }
    object.push((tag & 0xFF) as u8);
    match value.len() {
        length @ 0..0x80 => object.push(length as u8),
        length @ 0x80..0x100 => object.extend([0x81, length as u8]),
        length => object.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    object.extend_from_slice(value);
    object
}

/// The objects in `bytes`, one after another; `None` where they are not whole.
#[must_use]
pub fn objects(mut bytes: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut found = Vec::new();
    while let Some((&first, rest)) = bytes.split_first() {
        let (tag, rest) = if first & 0x1F == 0x1F {
            let (&second, rest) = rest.split_first()?;
            (u16::from_be_bytes([first, second]), rest)
        } else {
            (u16::from(first), rest)
        };
        let (length, rest) = match *rest {
            [length @ 0..=0x7F, ref rest @ ..] => (usize::from(length), rest),
            [0x81, length, ref rest @ ..] => (usize::from(length), rest),
            [0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        found.push((tag, value));
        bytes = rest;
    }
    Some(found)
}

/// The value at the end of `path`, the tag of the outermost object first.
#[must_use]
pub fn find<'a>(bytes: &'a [u8], path: &[u16]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, tag| {
        objects(bytes)?.into_iter().find_map(|(found, value)| (found == *tag).then_some(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_found_again() {
        let inner = [object(0x97, &[2]), object(0x5FC1, &[7; 200])].concat();
        let outer = object(0x7F71, &inner);
        assert_eq!(find(&outer, &[0x7F71, 0x97]), Some(&[2][..]));
        assert_eq!(find(&outer, &[0x7F71, 0x5FC1]), Some(&[7; 200][..]));
        assert_eq!(find(&outer[..9], &[0x7F71]), None);
    }
}
