//! Values built by the thousand: what a generator of one kind builds is refused by the rule that names the kind, and what is built
//! to lie outside it passes that rule.

use proptest::prelude::*;

use super::*;

fn is_refused(by: Refused, value: impl AsRef<[u8]>, beside: &Beside<'_>) -> bool {
    refusing([by]).broken(&pin(value), beside) == [Rule::Refused(by)]
}

fn by(rule: Refused, value: impl AsRef<[u8]>) -> bool {
    is_refused(rule, value, &Beside::default())
}

/// A run of `length` digits or letters from a start, up or down by one or two.
fn run(alphabet: &[u8], start: usize, step: usize, is_up: bool, length: usize) -> String {
    let places = (0..length).map(|at| (start + at * step) % alphabet.len());
    let value = places.map(|place| char::from(alphabet[place]));
    if is_up { value.collect() } else { value.collect::<Vec<_>>().into_iter().rev().collect() }
}

const DIGITS: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
/// Rows as they are printed on keyboards, and columns as they are on pads.
const ROWS: [&str; 14] = [
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "2580",
    "8520",
    "7410",
];
const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn is_leap(year: u32) -> bool {
    year % 4 == 0 && year % 100 != 0 || year % 400 == 0
}

/// Any day of the years that count.
fn date() -> impl Strategy<Value = (u32, u32, u32)> {
    (1900_u32..=2099, 1_u32..=12).prop_flat_map(|(year, month)| {
        let days = if month == 2 && !is_leap(year) { 28 } else { DAYS[month as usize - 1] };
        (Just(year), Just(month), 1..=days)
    })
}

/// A case that nobody thinks of, at random.
fn in_any_case(value: &str, capitals: u32) -> String {
    let change = |(at, character): (usize, char)| match capitals >> (at % 32) & 1 {
        1 => character.to_ascii_uppercase(),
        _ => character,
    };
    value.chars().enumerate().map(change).collect()
}

proptest! {
    #[test]
    fn every_sequence_is_refused_wherever_it_starts(
        start in 0_usize..26, step in 1_usize..=2, is_up: bool, length in 4_usize..=20, letters: bool, capitals: u32,
    ) {
        let value = run(if letters { LETTERS } else { DIGITS }, start, step, is_up, length);
        prop_assert!(by(Refused::Sequences, in_any_case(&value, capitals)), "{}", value);
    }

    #[test]
    fn a_run_of_four_that_is_half_of_a_value_spoils_it_wherever_it_stands(
        start in 0_usize..10, step in 1_usize..=2, is_up: bool, rest in "[0-9]{0,4}", at in 0_usize..=4,
    ) {
        let (before, after) = rest.split_at(at.min(rest.len()));
        let value = format!("{before}{}{after}", run(DIGITS, start, step, is_up, 4));
        prop_assert!(by(Refused::Sequences, &value), "{}", value);
    }

    #[test]
    fn a_value_whose_characters_never_follow_each_other_is_no_sequence(
        start in 0_u8..10, steps in proptest::collection::vec(3_u8..=7, 3..=11),
    ) {
        let digits: Vec<u8> = steps.iter().scan(start, |at, step| { *at = (*at + step) % 10; Some(*at) }).collect();
        let numbers: Vec<i32> = digits.chunks_exact(2).map(|pair| i32::from(pair[0]) * 10 + i32::from(pair[1])).collect();
        prop_assume!(numbers.windows(3).all(|three| three[1] - three[0] != three[2] - three[1]) || digits.len() % 2 == 1);
        let value: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        prop_assert!(!by(Refused::Sequences, &value), "{}", value);
    }

    #[test]
    fn every_series_of_two_digits_is_refused(first in 0_i32..100, step in -49_i32..=49, count in 3_usize..=6) {
        let numbers: Vec<i32> = (0..count).map(|at| first + step * at as i32).collect();
        prop_assume!(step != 0 && numbers.iter().all(|number| (0..100).contains(number)));
        let value: String = numbers.iter().map(|number| format!("{number:02}")).collect();
        prop_assert!(by(Refused::Sequences, &value), "{}", value);
    }

    #[test]
    fn every_piece_repeated_is_refused(piece in "[ -~]{1,6}", times in 2_usize..=6, more in 0_usize..6, capitals: u32) {
        let mut value = piece.repeat(times);
        value.extend(piece.chars().take(more));
        let value = in_any_case(&value, capitals);
        prop_assert!(by(Refused::Repeats, &value), "{}", value);
    }

    #[test]
    fn every_mirror_and_every_doubling_is_refused(half in "[ -~]{2,8}", middle in "[0-9]?") {
        let mirrored = half.chars().chain(middle.chars()).chain(half.chars().rev()).collect::<String>();
        let doubled = half.chars().flat_map(|character| [character; 2]).collect::<String>();
        prop_assert!(by(Refused::Repeats, &mirrored) && by(Refused::Repeats, &doubled), "{} {}", mirrored, doubled);
    }

    #[test]
    fn a_value_of_different_characters_repeats_nothing(value in Just(DIGITS.to_vec()).prop_shuffle(), length in 2_usize..=10) {
        prop_assert!(!by(Refused::Repeats, &value[..length]));
    }

    #[test]
    fn every_piece_of_a_row_of_keys_is_refused_in_both_directions(
        row in proptest::sample::select(&ROWS), from in 0_usize..7, length in 4_usize..=10, is_back: bool, capitals: u32,
    ) {
        let piece: String = row.chars().skip(from).take(length).collect();
        prop_assume!(piece.len() >= 4);
        let piece = if is_back { piece.chars().rev().collect() } else { piece };
        prop_assert!(by(Refused::Keyboard, in_any_case(&piece, capitals)), "{}", piece);
    }

    #[test]
    fn a_value_of_which_no_two_neighbours_are_neighbours_on_any_line_is_no_row_of_keys(value in "[adgjk05ö]{4,12}") {
        // None of these stands beside another of them, but j and k.
        prop_assume!(!value.contains("jk") && !value.contains("kj"));
        prop_assert!(!by(Refused::Keyboard, &value), "{}", value);
    }

    #[test]
    fn every_day_is_a_date_in_every_form((year, month, day) in date(), separator in proptest::sample::select(&[".", "-", "/", " ", "_"])) {
        let (short, s) = (year % 100, separator);
        for value in [
            format!("{day:02}{month:02}"), format!("{month:02}{day:02}"), format!("{year}"),
            format!("{day:02}{month:02}{short:02}"), format!("{month:02}{day:02}{short:02}"), format!("{short:02}{month:02}{day:02}"),
            format!("{month:02}{year}"), format!("{year}{month:02}"),
            format!("{day:02}{month:02}{year}"), format!("{month:02}{day:02}{year}"), format!("{year}{month:02}{day:02}"),
            format!("{day}{s}{month}{s}{short:02}"), format!("{month}{s}{day}{s}{year}"), format!("{year}{s}{month:02}{s}{day:02}"),
            format!("{day}{s}{month}"), format!("{month:02}{s}{year}"),
        ] {
            prop_assert!(by(Refused::Dates, &value), "{}", value);
        }
    }

    #[test]
    fn a_day_that_never_was_is_no_date(day in 32_u32..100, month in 13_u32..100, year in 2100_u32..9999) {
        // Neither part is a month, so no order of them is a date.
        for value in [format!("{day}{month}"), format!("{day}{month}{day}"), format!("{day}{month}{year}"), format!("{year}{month}{day}")] {
            let is_year = value.len() == 4 && (1900..=2099).contains(&value.parse::<u32>().unwrap());
            let is_of_month = value.len() == 6 && ["19", "20"].iter().any(|century| value.starts_with(century) || value[2..].starts_with(century));
            prop_assume!(!is_of_month);
            prop_assert_eq!(by(Refused::Dates, &value), is_year, "{}", value);
        }
    }

    #[test]
    fn a_full_date_that_is_half_of_a_value_is_refused((year, month, day) in date(), before in "[a-z]{0,8}", after in "[a-z]{0,8}") {
        let value = format!("{before}{year}{month:02}{day:02}{after}");
        prop_assert_eq!(by(Refused::Dates, &value), value.len() <= 16);
    }

    #[test]
    fn four_characters_of_the_number_are_refused_where_they_are_half(
        number in "[0-9A-F]{8,16}", from in 0_usize..12, length in 4_usize..=8, before in "[g-z]{0,8}", after in "[g-z]{0,8}", capitals: u32,
    ) {
        let piece: String = number.chars().skip(from).take(length).collect();
        prop_assume!(piece.len() >= 4);
        let value = in_any_case(&format!("{before}{}{after}", piece.to_lowercase()), capitals);
        let expected = 2 * piece.len() >= value.len() || piece.len() == number.len();
        let beside = Beside { serial: Some(&number), label: Some(&number), ..Beside::default() };
        prop_assert_eq!(is_refused(Refused::Serial, &value, &beside), expected, "{} in {}", value, number);
        prop_assert_eq!(is_refused(Refused::Label, &value, &beside), expected);
    }

    #[test]
    fn a_value_that_shares_three_characters_with_the_number_passes(number in "[0-9]{8}", from in 0_usize..=5, rest in "[a-z]{1,3}") {
        let value = format!("{}{rest}", &number[from..from + 3]);
        let beside = Beside { serial: Some(&number), label: Some(&number), ..Beside::default() };
        prop_assert!(!is_refused(Refused::Serial, &value, &beside) && !is_refused(Refused::Label, &value, &beside));
    }

    #[test]
    fn what_is_the_same_is_refused_and_what_is_not_is_not(value: Vec<u8>, another: Vec<u8>) {
        let (known, other) = (pin(&value), pin(&another));
        let beside = Beside { old: Some(&known), others: vec![(crate::token::Role::Puk, &known)], ..Beside::default() };
        prop_assert!(is_refused(Refused::Old, &value, &beside) && is_refused(Refused::Other, &value, &beside));
        let beside = Beside { old: Some(&other), others: vec![(crate::token::Role::Puk, &other)], ..Beside::default() };
        prop_assert_eq!(is_refused(Refused::Old, &value, &beside), value == another);
        prop_assert_eq!(is_refused(Refused::Other, &value, &beside), value == another);
    }

    #[test]
    fn any_bytes_at_all_are_judged(value: Vec<u8>, number: String, list: String) {
        let demands = Demands { min: Some(4), max: Some(8), characters: Some(Characters::Digits), ..refusing(Refused::ALL) };
        let list = Common::of(&list);
        let beside = Beside { serial: Some(&number), label: Some(&number), lists: vec![&list], ..Beside::default() };
        let broken = demands.broken(&pin(&value), &beside);
        let is_outside = !value.iter().all(u8::is_ascii_digit);
        prop_assert_eq!(broken.contains(&Rule::Characters), is_outside);
    }

    #[test]
    fn lengths_count_characters(value in "\\PC{0,12}", min in 0_usize..12, max in 0_usize..12) {
        let demands = Demands { min: Some(min), max: Some(max), ..Demands::default() };
        let count = value.chars().count();
        let broken = demands.broken(&pin(&value), &Beside::default());
        prop_assert_eq!(broken.contains(&Rule::Min), count < min);
        prop_assert_eq!(broken.contains(&Rule::Max), count > max);
    }
}

#[test]
fn demands_of_nothing_refuse_nothing() {
    for value in ["", "1", "123456", "000000", "qwerty", "010285"] {
        assert_eq!(Demands::default().broken(&pin(value), &Beside::default()), []);
        assert_eq!(refusing([]).broken(&pin(value), &Beside::default()), []);
    }
}

#[test]
fn every_common_value_is_refused_in_any_case_and_what_stands_beside_it_is_not() {
    let list = include_str!("../common.txt");
    let entries: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(entries.len() > 10_000, "{}", entries.len());
    for entry in entries.iter().step_by(17) {
        assert!(by(Refused::Common, entry) && by(Refused::Common, entry.to_uppercase()), "{entry}");
        assert!(!by(Refused::Common, format!("{entry}~~")), "{entry}");
    }
    let different: std::collections::BTreeSet<_> = entries.iter().collect();
    assert_eq!(different.len(), entries.len());
    for entry in entries {
        assert!(entry.len() >= 4 && *entry == entry.to_lowercase() && entry.trim() == entry, "{entry}");
    }
    assert!(!by(Refused::Common, "") && !by(Refused::Common, "# Values of delivery"));
}

#[test]
fn the_sites_own_list_is_common_too_without_its_comments_and_blank_lines() {
    let lists = ["# ours\n\nGolfGTI\r\n  acme42  \n", "73519", "\u{FEFF}bom271\nlast"].map(Common::of);
    let beside = Beside { lists: lists.iter().collect(), ..Beside::default() };
    for value in ["golfgti", "GolfGTI", "ACME42", "73519", "123456", "bom271", "LAST", "acme-42"] {
        assert!(is_refused(Refused::Common, value, &beside), "{value}");
    }
    for value in ["# ours", "", "olfgti", "735190"] {
        assert!(!is_refused(Refused::Common, value, &beside), "{value}");
    }
}

#[test]
fn there_is_a_29th_of_february_in_leap_years_alone() {
    for year in 1900..=2099 {
        let value = format!("2902{year}");
        assert_eq!(by(Refused::Dates, &value), is_leap(year), "{value}");
    }
}

#[test]
fn of_digits_by_chance_most_pass_everything() {
    // The multiples of a prime, cut to so many digits.
    for (digits, all, least) in [(4, 10_000_u64, 70), (6, 1_000_000, 80), (8, 100_000_000, 90)] {
        let values = (0..1000_u64).map(|at| at * 7_919_777 % all).map(|number| format!("{number:0digits$}"));
        let passing = values.filter(|value| refusing(Refused::ALL).broken(&pin(value), &Beside::default()).is_empty());
        let percent = passing.count() / 10;
        assert!((least..100).contains(&percent), "{percent} of a hundred with {digits} digits");
    }
}
