//! What a reader makes of a structure and of what is typed: an APDU, or a status word of its own (PC/SC part 10, 2.5).

use std::path::Path;

/// Status words of the reader.
const TIMED_OUT: [u8; 2] = [0x64, 0x00];
const CANCELLED: [u8; 2] = [0x64, 0x01];
const DIFFER: [u8; 2] = [0x64, 0x02];
const LENGTH: [u8; 2] = [0x64, 0x03];
const STRUCTURE: [u8; 2] = [0x6B, 0x80];

type Own<T> = Result<T, [u8; 2]>;

/// The APDU that the reader sends to the card.
pub fn apdu(structure: &[u8], modifies: bool, typed: &Path) -> Own<Vec<u8>> {
    let (head, apdu) = structure.split_at_checked(if modifies { 24 } else { 19 }).ok_or(STRUCTURE)?;
    // Numbers of four bytes have the least significant one first.
    let length = head.last_chunk::<4>().map(|length| u32::from_le_bytes(*length));
    if length != u32::try_from(apdu.len()).ok() || apdu.len() < 5 {
        return Err(STRUCTURE);
    }
    // ASCII in bytes from the first one on, and no length in the data: all else is a reader's that can do more.
    let (field, no_length) = (usize::from(head[3]), head[4] == 0);
    if head[2] != 0x82 || field > 15 || !no_length {
        return Err(STRUCTURE);
    }
    let digits = if modifies { &head[7..9] } else { &head[5..7] };
    let limits = usize::from(digits[1])..=usize::from(digits[0]);
    let mut keys = Keys { typed, limits };
    let mut apdu = apdu.to_vec();
    let values: Vec<(usize, String)> = if modifies {
        let (old_at, new_at, confirm) = (usize::from(head[5]), usize::from(head[6]), head[9]);
        let old = if confirm & 2 != 0 { Some((old_at, keys.entry()?)) } else { None };
        let new = keys.entry()?;
        if confirm & 1 != 0 && keys.entry()? != new {
            return Err(DIFFER);
        }
        old.into_iter().chain([(new_at, new)]).collect()
    } else {
        vec![(0, keys.entry()?)]
    };
    for (at, value) in values {
        match field {
            // As long as what is typed.
            0 => {
                apdu.extend(value.bytes());
                apdu[4] += u8::try_from(value.len()).map_err(|_| LENGTH)?;
            }
            field if value.len() > field => return Err(LENGTH),
            _ => apdu.get_mut(5 + at..5 + at + value.len()).ok_or(STRUCTURE)?.copy_from_slice(value.as_bytes()),
        }
    }
    Ok(apdu)
}

/// The keys of the reader.
struct Keys<'a> {
    typed: &'a Path,
    limits: std::ops::RangeInclusive<usize>,
}

impl Keys<'_> {
    /// The next entry, which is taken from the file.
    fn entry(&mut self) -> Own<String> {
        let all = std::fs::read_to_string(self.typed).unwrap_or_default();
        let Some((line, rest)) = all.split_once('\n') else { return Err(TIMED_OUT) };
        std::fs::write(self.typed, rest).map_err(|_| TIMED_OUT)?;
        match line {
            "cancel" => Err(CANCELLED),
            digits if !self.limits.contains(&digits.len()) => Err(LENGTH),
            digits => Ok(digits.to_owned()),
        }
    }
}
