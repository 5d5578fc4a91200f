//! Structures as other programs send them, byte by byte.

use super::*;
use crate::token::Role;

const PIN: [Need; 1] = [Need::Current(Role::UserPin)];
const OLD_AND_NEW: [Need; 2] = [Need::Current(Role::UserPin), Need::New(Role::UserPin)];

fn blank(header: [u8; 4], needs: &[Need], field: Field, digits: (usize, usize)) -> Blank<'_> {
    Blank { name: "TEST", header, needs, field, digits }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

const DISPLAY: Properties = Properties { display: true, ends: Some(7), least: None, most: None, device: None };

/// A recorded structure, with the times and the ways to write the same that a program chose for itself.
fn recorded(hex: &str, own: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = bytes(hex);
    own.iter().for_each(|(at, byte)| bytes[*at] = *byte);
    bytes
}

#[test]
fn a_value_as_long_as_it_is_typed_has_the_structure_that_worked_with_a_smart_card_hsm() {
    // Recorded in OpenSC#309. bmFormatString names bytes as its unit here, as in GnuPG (scd/apdu.c); offset 0 is the same in both.
    let opensc = "1E1E0200000F06020000000000000005 0000000020008100";
    let sent = blank([0x00, 0x20, 0x00, 0x81], &PIN, Field::Open, (6, 15)).structure(&Properties::default());
    assert_eq!(sent, recorded(opensc, &[(2, 0x82)]));
}

#[test]
fn the_sprx32_gets_no_length_byte_where_it_has_to_add_one() {
    // What works there, by the same thread.
    let opensc = "1E1E0200000F06020000000000000004 00000000200081";
    let sprx32 = Properties { device: Some((0x04E6, 0xE003)), ..Properties::default() };
    let sent = blank([0x00, 0x20, 0x00, 0x81], &PIN, Field::Open, (6, 15)).structure(&sprx32);
    assert_eq!(sent, recorded(opensc, &[(2, 0x82)]));
    // A field that is filled up has its length all the same.
    let field = Field::Filled { filler: 0xFF, length: 8 };
    let sent = blank([0x00, 0x20, 0x00, 0x80], &PIN, field, (6, 8)).structure(&sprx32);
    assert!(sent.ends_with(&bytes("0D000000 00200080 08 FFFFFFFFFFFFFFFF")));
}

#[test]
fn an_openpgp_card_is_verified_as_gnupg_does_it() {
    // scd/apdu.c, pcsc_pinpad_verify, with a PIN of 6 to 15: no times of its own, one message in English. bTeoPrologue is of no use
    // to a reader that forms the block itself.
    let gnupg = "00 00 82 00 00 0F 06 02 01 09 04 00 00 00 05 05 00 00 00 00 20 00 81 00";
    let sent = blank([0x00, 0x20, 0x00, 0x81], &PIN, Field::Open, (6, 15)).structure(&DISPLAY);
    assert_eq!(sent, recorded(gnupg, &[(0, 30), (1, 30), (14, 0)]));
}

#[test]
fn an_openpgp_card_is_changed_as_gnupg_does_it() {
    // scd/apdu.c, pcsc_pinpad_modify.
    let gnupg = "00 00 82 00 00 00 00 0F 06 03 02 03 09 04 00 01 02 00 00 05 05 00 00 00 00 24 00 81 00";
    let sent = blank([0x00, 0x24, 0x00, 0x81], &OLD_AND_NEW, Field::Open, (6, 15)).structure(&DISPLAY);
    assert_eq!(sent, recorded(gnupg, &[(0, 30), (1, 30), (19, 0)]));
}

#[test]
fn a_field_that_is_filled_up_has_its_length_and_its_offset() {
    // The example that comes with the CCID driver (scardcontrol.c): fields of four bytes, the language the other
    // way round, one message for all.
    let field = Field::Filled { filler: 0x30, length: 4 };
    let modify = "00 00 82 04 00 00 04 08 04 03 02 03 04 09 00 00 00 00 00 00 0D 00 00 00 00 24 00 00 08 30 30 30 30 30 30 30 30";
    let sent = blank([0x00, 0x24, 0x00, 0x00], &OLD_AND_NEW, field, (4, 8)).structure(&DISPLAY);
    assert_eq!(sent, recorded(modify, &[(0, 30), (1, 30), (12, 0x09), (13, 0x04), (15, 1), (16, 2)]));
}

#[test]
fn a_block_of_global_platform_is_described_as_opensc_does_it() {
    // reader-pcsc.c: BCD from bit 8 on (41), a count of 4 bits and 8 bytes in all (48), the count from bit 4 on (04).
    let opensc = "1E 1E 41 48 04 0C 04 02 00 00 00 00 00 00 00 0D 00 00 00 00 20 00 01 08 20 FF FF FF FF FF FF FF";
    let sent = blank([0x00, 0x20, 0x00, 0x01], &PIN, Field::Glp, (4, 12)).structure(&Properties::default());
    assert_eq!(sent, bytes(opensc));
    let opensc = "1E 1E 41 48 04 00 08 0C 04 03 02 00 00 00 00 01 02 00 00 00 15 00 00 00 00 24 00 01 10 \
                  20 FF FF FF FF FF FF FF 20 FF FF FF FF FF FF FF";
    let sent = blank([0x00, 0x24, 0x00, 0x01], &OLD_AND_NEW, Field::Glp, (4, 12)).structure(&Properties::default());
    assert_eq!(sent, bytes(opensc));
}

#[test]
fn a_new_value_alone_is_asked_for_twice_and_no_old_one() {
    // OpenSC's form of it (SC_PIN_CMD_IMPLICIT_CHANGE): bConfirmPIN 01, two messages, of index 01 and 02.
    let opensc = "1E 1E 82 00 00 00 00 0F 06 01 02 02 09 04 01 02 02 00 00 00 05 00 00 00 00 2C 02 81 00";
    let new = [Need::New(Role::UserPin)];
    let sent = blank([0x00, 0x2C, 0x02, 0x81], &new, Field::Open, (6, 15)).structure(&DISPLAY);
    assert_eq!(sent, bytes(opensc));
}

#[test]
fn a_reader_without_a_key_that_confirms_ends_at_the_most_digits() {
    let properties = Properties { ends: Some(0x05), ..Properties::default() };
    let sent = blank([0x00, 0x20, 0x00, 0x80], &PIN, Field::Open, (4, 4)).structure(&properties);
    assert_eq!(sent[7], 0x01);
}
