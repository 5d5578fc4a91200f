//! How much of a value stands in runs.

/// The fewest characters that make a run: two that follow each other stand in every other good value.
const LEAST: usize = 3;
/// The fewest of a run that is too much where it is half of the value.
const LONG: usize = 4;

/// Whether runs make up too much of a value: more than half of it stands in runs of three characters or more, or just half where
/// one of them has four or more. So `1234` spoils eight digits, and `123` neither eight nor six.
///
/// `run` tells how many characters at the start of what it is given are a run. Where two overlap, each character counts once.
pub(super) fn prevail(value: &[u8], run: impl Fn(&[u8]) -> usize) -> bool {
    let (mut covered, mut longest, mut reach) = (0, 0, 0);
    for start in 0..value.len() {
        let length = value.get(start..).map_or(0, &run);
        if length >= LEAST {
            longest = longest.max(length);
            reach = reach.max(start + length);
        }
        covered += usize::from(start < reach);
    }
    covered * 2 > value.len() || (longest >= LONG && covered * 2 >= value.len())
}
