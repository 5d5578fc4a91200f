//! Keys that stand beside each other: `qwertz`, `1qaz2wsx`, `1q2w3e4r`, and on the pads of digits `2580`, `147258`, `159753`.

use super::runs;

/// Lines of keys, to be read in both directions, in lower case. QWERTY, QWERTZ and AZERTY; the row of digits is a sequence.
const LINES: [&[u8]; 33] = [
    b"qwertyuiop",
    b"asdfghjkl",
    b"zxcvbnm",
    b"qwertzuiop",
    b"yxcvbnm",
    b"azertyuiop",
    b"qsdfghjklm",
    b"wxcvbn",
    b"!@#$%^&*()",
    // Slanting columns.
    b"1qaz",
    b"2wsx",
    b"3edc",
    b"4rfv",
    b"5tgb",
    b"6yhn",
    b"7ujm",
    b"1qay",
    b"6zhn",
    b"1aqw",
    b"2zsx",
    // Two rows in turn.
    b"1q2w3e4r5t6y7u8i9o0p",
    b"4r5t6z7u8i9o0p",
    b"1a2z3e4r5t6y7u8i9o0p",
    b"q1w2e3r4t5y6u7i8o9p0",
    b"t5z6u7i8o9p0",
    // Columns of the pads: of telephones, with 1 above and 0 below 8, and of calculators, with 7 above and 0 below.
    b"2580",
    b"7410",
    b"8520",
    b"369",
    // Diagonals.
    b"159",
    b"753",
    // Round the corners, and round the cross.
    b"1397139",
    b"2684268",
];

/// Whether the value, in lower case, is mostly runs along such lines ([`runs::prevail`]).
pub(super) fn is_in(value: &[u8]) -> bool {
    runs::prevail(value, |rest| {
        let ways = LINES.iter().flat_map(|line| [along(line.iter(), rest), along(line.iter().rev(), rest)]);
        ways.max().unwrap_or_default()
    })
}

/// How many characters of `rest` stand one after the other in the line.
fn along<'a>(line: impl Iterator<Item = &'a u8> + Clone, rest: &[u8]) -> usize {
    let mut from = line;
    let mut longest = 0;
    loop {
        longest = longest.max(from.clone().zip(rest).take_while(|(key, byte)| key == byte).count());
        if from.next().is_none() {
            return longest;
        }
    }
}
