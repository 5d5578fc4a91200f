//! Dates and years: `1985`, `2412`, `010285`, `19850201`, `1.2.85`.
//!
//! The one rule of the calendar that is needed, how many days a month has, is written here: a crate for dates reads one format at
//! a time into copies of its own, and these are digits that could be read in several.

/// The years that a person alive, or an event within memory, may have.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2099;
/// What stands between the parts of a date.
const SEPARATORS: &[u8] = b".-/ _:";

/// Whether the value is a date or a year in any of these forms, or a date of eight digits is at least half of it:
///
/// | digits | forms |
/// | --- | --- |
/// | 4 | year of 1900 to 2099; day and month in either order |
/// | 6 | day, month and year of two digits, the year at the end or all the other way round, or the month first; month and year of four digits in either order |
/// | 8 | the same with a year of four digits |
/// | parts | the same with a separator between the parts, and without leading zeros |
pub(super) fn are_in(value: &[u8]) -> bool {
    if value.iter().all(u8::is_ascii_digit) && is_date(value) {
        return true;
    }
    let has_parts = is_separated(value);
    has_parts || value.windows(8).any(|eight| value.len() <= 2 * eight.len() && is_full(eight))
}

fn is_date(digits: &[u8]) -> bool {
    match *digits {
        [a, b, c, d] => is_year(&[a, b, c, d]) || is_day(&[a, b], &[c, d], None) || is_day(&[c, d], &[a, b], None),
        [a, b, c, d, e, f] => {
            let (first, second, third) = ([a, b], [c, d], [e, f]);
            is_in_order(&first, &second, &third)
                || (is_month(&first) && is_year(&[c, d, e, f]))
                || (is_month(&third) && is_year(&[a, b, c, d]))
        }
        _ => is_full(digits),
    }
}

/// Eight digits with a year of four.
fn is_full(digits: &[u8]) -> bool {
    match *digits {
        [a, b, c, d, e, f, g, h] => {
            is_in_order(&[a, b], &[c, d], &[e, f, g, h]) || is_in_order(&[a, b, c, d], &[e, f], &[g, h])
        }
        _ => false,
    }
}

fn is_separated(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| SEPARATORS.contains(byte));
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(one), Some(two), Some(three), None) => is_in_order(one, two, three),
        (Some(one), Some(two), None, None) => {
            is_day(one, two, None)
                || is_day(two, one, None)
                || (is_month(one) && is_year(two))
                || (is_month(two) && is_year(one))
        }
        _ => false,
    }
}

/// Day, month, year; month, day, year; or year, month, day.
fn is_in_order(one: &[u8], two: &[u8], three: &[u8]) -> bool {
    is_day(one, two, Some(three)) || is_day(two, one, Some(three)) || is_day(three, two, Some(one))
}

/// Whether there is, or was, or will be that day; of a year of two digits in any century of [`YEARS`], and without a year in some.
fn is_day(day: &[u8], month: &[u8], year: Option<&[u8]>) -> bool {
    let (Some(day), Some(month)) = (number(day, 1..=2), number(month, 1..=2)) else { return false };
    let is_leap = |year: u32| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let leaps = match year {
        None => true,
        Some(year) if year.len() == 2 => match number(year, 2..=2) {
            Some(year) => is_leap(1900 + year) || is_leap(2000 + year),
            None => return false,
        },
        Some(year) => match number(year, 4..=4).filter(|year| YEARS.contains(year)) {
            Some(year) => is_leap(year),
            None => return false,
        },
    };
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leaps),
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_month(digits: &[u8]) -> bool {
    number(digits, 1..=2).is_some_and(|month| (1..=12).contains(&month))
}

fn is_year(digits: &[u8]) -> bool {
    number(digits, 4..=4).is_some_and(|year| YEARS.contains(&year))
}

/// The number that so many digits make.
fn number(digits: &[u8], lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let fits = lengths.contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    fits.then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}
