//! The same again: `111111`, `121212`, `12341234`, `112233`, `123321`, `122112`.

use super::runs;

/// The fewest characters that doubles and mirrors are seen in.
const LEAST: usize = 4;
/// From how many characters on two different ones are too few.
const LEAST_OF_TWO: usize = 6;

/// Whether the value, in lower case, repeats itself: mostly runs of one character ([`runs::prevail`]), a piece at least twice with
/// or without a beginning of it at the end, every character doubled, the same forwards and backwards, or of six characters and
/// more only two different ones.
pub(super) fn are_in(value: &[u8]) -> bool {
    let run = |rest: &[u8]| 1 + rest.windows(2).take_while(|pair| matches!(pair, [one, next] if one == next)).count();
    runs::prevail(value, run) || is_periodic(value) || is_doubled(value) || is_mirrored(value) || has_only_two(value)
}

fn is_periodic(value: &[u8]) -> bool {
    (1..=value.len() / 2).any(|piece| value.iter().zip(value.iter().skip(piece)).all(|(one, later)| one == later))
}

fn is_doubled(value: &[u8]) -> bool {
    value.len() >= LEAST
        && value.len() % 2 == 0
        && value.chunks(2).all(|pair| matches!(pair, [one, other] if one == other))
}

fn is_mirrored(value: &[u8]) -> bool {
    value.len() >= LEAST && value.iter().eq(value.iter().rev())
}

fn has_only_two(value: &[u8]) -> bool {
    let Some(first) = value.first() else { return false };
    let Some(second) = value.iter().find(|byte| *byte != first) else { return value.len() >= LEAST };
    value.len() >= LEAST_OF_TWO && value.iter().all(|byte| byte == first || byte == second)
}
