//! Characters that follow each other: `123456`, `987654`, `fedcba`, `890123`, `13579`, `102030`.

use super::runs;

/// From one character to the next, up and down; after 9 comes 0, and after z comes a.
const STEPS: [i16; 4] = [1, -1, 2, -2];
/// The fewest characters of a run by twos, `1357`; by ones every run counts.
const LEAST_BY_TWO: usize = 4;
/// The fewest numbers of two digits that make a series.
const LEAST_PAIRS: usize = 3;

/// Whether the value, in lower case, is mostly runs of digits or letters up or down by one or two ([`runs::prevail`]), or a
/// series of numbers of two digits that go up or down by the same each time.
pub(super) fn are_in(value: &[u8]) -> bool {
    runs::prevail(value, |rest| STEPS.iter().map(|step| run(rest, *step)).max().unwrap_or_default()) || is_series(value)
}

fn run(rest: &[u8], step: i16) -> usize {
    let follows = |pair: &&[u8]| matches!(pair, [one, next] if follow(*one, step) == Some(*next));
    let length = 1 + rest.windows(2).take_while(follows).count();
    if step.abs() == 1 || length >= LEAST_BY_TWO { length } else { 1 }
}

/// What comes `step` after a digit or a letter.
fn follow(byte: u8, step: i16) -> Option<u8> {
    let (first, of) = match byte {
        b'0'..=b'9' => (b'0', 10),
        b'a'..=b'z' => (b'a', 26),
        _ => return None,
    };
    let place = (i16::from(byte - first) + step).rem_euclid(of);
    u8::try_from(place).ok().map(|place| first + place)
}

fn is_series(value: &[u8]) -> bool {
    if value.len() % 2 != 0 || value.len() < 2 * LEAST_PAIRS || !value.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number = |pair: &[u8]| pair.iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0'));
    let steps = value.windows(4).step_by(2).map(|both| number(&both[2..]) - number(&both[..2]));
    let mut steps = steps.peekable();
    match steps.peek().copied() {
        Some(0) | None => false,
        Some(first) => steps.all(|step| step == first),
    }
}
