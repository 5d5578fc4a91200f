//! How much of a value stands in runs.

/// The fewest characters that make a run: two that follow each other stand in every other good value.
const LEAST: usize = 3;
/// The fewest of a run that is too much where it is half of the value.
const LONG: usize = 4;

/// Whether runs make up too much of a value: more than half of it stands in runs of three characters or more, or just half where
/// one of them has four or more. So `1234` spoils eight digits, and `123` neither eight nor six.
///
/// `run` tells how many characters at the start of what it is given are a run. A run begins where the one before it ended.
pub(super) fn prevail(value: &[u8], run: impl Fn(&[u8]) -> usize) -> bool {
    let (mut rest, mut covered, mut longest) = (value, 0, 0);
    while !rest.is_empty() {
        let length = run(rest);
        let is_run = length >= LEAST;
        if is_run {
            covered += length;
            longest = longest.max(length);
        }
        rest = rest.get(if is_run { length } else { 1 }..).unwrap_or_default();
    }
    covered * 2 > value.len() || (longest >= LONG && covered * 2 >= value.len())
}
