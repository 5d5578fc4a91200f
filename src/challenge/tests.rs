//! What is read, what is refused and named, and what the check digit betrays.

use proptest::{collection::vec, prelude::*};

use super::*;

fn eight() -> Block {
    Block::new(&[0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]).unwrap()
}

fn mistyped(text: &str) -> Vec<usize> {
    match Block::parse(text) {
        Err(Malformed::Mistyped(groups)) => groups.into_iter().map(|group| group.ordinal).collect(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_check_digit_is_that_of_the_meid() {
    // 3GPP2 S.R0048: the check digit of AF0123450ABCDE is C.
    assert_eq!(check_digit(&[0xA, 0xF, 0, 1, 2, 3, 4, 5, 0, 0xA, 0xB, 0xC, 0xD, 0xE]), 0xC);
}

#[test]
fn a_block_is_shown_plain_and_in_groups() {
    assert_eq!(eight().to_string(), "0011223344556677");
    // By hand: 2·1 + 1 + 2·0 + 0 = 3, and 13 is missing to 16; 2·3 + 3 + 2·2 + 2 = 15; 10 + 5 + 8 + 4 = 27; 14 + 7 + 12 + 6 = 39.
    assert_eq!(eight().groups(), ["0011D", "22331", "44555", "66779"]);
    assert_eq!(Block::new(&[0xFF; 16]).unwrap().groups().len(), 8);
    assert_eq!(Block::new(&[0xFF; 16]).unwrap().to_string(), "F".repeat(32));
}

#[test]
fn spaces_dashes_and_either_case_are_taken() {
    for text in [
        "0011223344556677",
        "0011 2233 4455 6677",
        "0011-2233-4455-6677",
        "  00 11 22 33\t44 55 66 77\n",
        "00112233\u{2013}44556677",
        "0011\u{a0}2233\u{2011}4455\u{2014}6677",
        "0011D 22331 44555 66779",
        "0011d-22331-44555-66779",
        "0011d223314455566779",
        "0011D 22331 4455566779",
    ] {
        assert_eq!(Block::parse(text), Ok(eight()), "{text}");
    }
}

#[test]
fn a_mistyped_group_is_named_by_its_ordinal_and_not_repeated() {
    assert_eq!(mistyped("0011D 22341 44555 66779"), [2]);
    assert_eq!(mistyped("0011D 22331 44555 66778"), [4]);
    assert_eq!(mistyped("0011D 32331 44555 6677A"), [2, 4]);
    assert_eq!(mistyped("0011 2233 44O5 6677"), [3], "the letter O");
    let sentence = Block::parse("0011D 32331 44555 6677A").unwrap_err().to_string();
    assert_eq!(sentence, "is mistyped in groups 2 (digits 6 to 10) and 4 (digits 16 to 20)");
    assert_eq!(Block::parse("0011 2233 44O5 6677").unwrap_err().to_string(), "is mistyped in group 3 (digits 9 to 12)");
}

#[test]
fn a_digit_lost_or_doubled_is_named_where_the_groups_tell() {
    for (text, ordinal, length, usual) in [
        ("0011D 2231 44555 66779", 2, 4, 5),
        ("0011D 22331 445555 66779", 3, 6, 5),
        ("0011 2233 445 6677", 3, 3, 4),
        ("0011 22333 4455 6677", 2, 5, 4),
        ("00 11 22 33 44 5 66 77", 6, 1, 2),
        ("0011D 2231 44555 667779", 2, 4, 5),
    ] {
        assert_eq!(Block::parse(text), Err(Malformed::Uneven { ordinal, length, usual }), "{text}");
    }
}

#[test]
fn another_number_of_digits_is_refused() {
    for length in [0, 1, 8, 15, 17, 18, 19, 21, 31, 33, 39, 41, 48, 64] {
        assert_eq!(Block::parse(&"0".repeat(length)), Err(Malformed::Length(length)));
    }
}

#[test]
fn only_eight_and_sixteen_bytes_are_a_block() {
    for length in 0..40 {
        assert_eq!(Block::new(&vec![0; length]).is_some(), [8, 16].contains(&length), "{length}");
    }
}

#[test]
fn what_the_check_digit_does_not_betray_is_known() {
    // Luhn's own weakness: 0 and F in each other's place, as 0 and 9 in base 10.
    assert_eq!(check_digit(&[0, 0xF, 0, 0]), check_digit(&[0xF, 0, 0, 0]));
    // A group knows nothing of the others.
    assert!(Block::parse("22331 0011D 44555 66779").is_ok());
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![vec(any::<u8>(), 8), vec(any::<u8>(), 16)].prop_map(|bytes| Block::new(&bytes).unwrap())
}

/// The digits of a block in checked groups, and an index into them.
fn typed() -> impl Strategy<Value = (Vec<u32>, usize)> {
    (block(), any::<prop::sample::Index>()).prop_map(|(block, index)| {
        let digits: Vec<u32> = block.groups().concat().chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        let index = index.index(digits.len());
        (digits, index)
    })
}

fn text(digits: &[u32]) -> String {
    digits.iter().map(|digit| format!("{digit:x}")).collect()
}

proptest! {
    #[test]
    fn what_is_shown_is_read_again(block in block(), between in "[ \\-\u{2013}]{1,3}") {
        prop_assert!(Block::parse(&block.to_string()).is_ok_and(|read| read == block));
        prop_assert!(Block::parse(&block.to_string().to_lowercase()).is_ok_and(|read| read == block));
        prop_assert!(Block::parse(&block.groups().join(&between)).is_ok_and(|read| read == block));
        prop_assert!(Block::parse(&block.groups().concat().to_lowercase()).is_ok_and(|read| read == block));
    }

    #[test]
    fn every_single_wrong_digit_names_its_group((mut digits, at) in typed(), off in 1..16_u32) {
        digits[at] = (digits[at] + off) % 16;
        prop_assert_eq!(mistyped(&text(&digits)), [at / CHECKED + 1]);
    }

    #[test]
    fn two_neighbours_in_each_others_place_name_their_groups_unless_they_are_0_and_f((mut digits, at) in typed()) {
        prop_assume!(at + 1 < digits.len() && digits[at] != digits[at + 1]);
        let groups = [at / CHECKED + 1, (at + 1) / CHECKED + 1];
        digits.swap(at, at + 1);
        let pair = [digits[at].min(digits[at + 1]), digits[at].max(digits[at + 1])];
        if groups[0] != groups[1] {
            prop_assert_eq!(mistyped(&text(&digits)), groups);
        } else if pair == [0, 15] {
            prop_assert!(Block::parse(&text(&digits)).is_ok());
        } else {
            prop_assert_eq!(mistyped(&text(&digits)), &groups[..1]);
        }
    }

    #[test]
    fn whatever_is_typed_is_read_or_refused_without_a_panic(text in "\\PC*") {
        let _ = Block::parse(&text);
    }

    #[test]
    fn what_is_refused_is_not_repeated(digits in vec(0..16_u32, 16..41)) {
        let digits = text(&digits);
        if let Err(refused) = Block::parse(&digits) {
            let sentence = refused.to_string();
            prop_assert!(digits.as_bytes().windows(5).all(|part| !sentence.contains(std::str::from_utf8(part).unwrap())));
        }
    }
}
