//! What a value shares with what is printed on the card or told by it: its number, its label.

/// The fewest characters that are more than chance.
const LEAST: usize = 4;

/// Whether a value shares with `known` at least four characters in a row that are half of the value or more, or holds all of
/// `known` where that has four or more. Only ASCII letters and digits count, in any case: `12-34` is `1234`.
pub(super) fn is_in(value: &[u8], known: &str) -> bool {
    let known = known.as_bytes();
    let shared = (0..value.len()).map(|start| longest(tail(value, start), known)).max().unwrap_or_default();
    let (length, all) = (characters(value).count(), characters(known).count());
    shared >= LEAST && (2 * shared >= length || shared == all)
}

/// How many characters at the start of `value` stand somewhere in `known`.
fn longest(value: &[u8], known: &[u8]) -> usize {
    let common = |start| characters(value).zip(characters(tail(known, start))).take_while(|(one, other)| one == other);
    (0..known.len()).map(|start| common(start).count()).max().unwrap_or_default()
}

fn tail(bytes: &[u8], start: usize) -> &[u8] {
    bytes.get(start..).unwrap_or_default()
}

fn characters(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase)
}
