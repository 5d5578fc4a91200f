//! PIV: what each dialect answers, where it departs from the recording.

use super::{card, replay};
use stand_in_cards::{
    card::Card,
    hex,
    slot::Card as _,
    symmetric::{Algorithm, Key},
};

const FIRST_KEY: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn send(card: &mut Card, apdu: &str) -> String {
    hex::encode(&card.respond(&hex::decode(apdu).unwrap()).unwrap())
}

/// Mutual authentication by the management key: the status of the last answer.
fn authenticate(card: &mut Card, id: u8, algorithm: Algorithm, key: &[u8]) -> String {
    let (key, block) = (Key::new(algorithm, key).unwrap(), algorithm.block());
    let witness = hex::decode(&send(card, &format!("0087{id:02X}9B047C02800000"))).unwrap();
    let witness = key.decrypt(&witness[4..4 + block]);
    let challenge = vec![0x55; block];
    let length = block as u8;
    let fields = [&[0x80, length][..], &witness, &[0x81, length], &challenge].concat();
    let template = [&[0x7C, fields.len() as u8][..], &fields].concat();
    let command = [&[0, 0x87, id, 0x9B, template.len() as u8][..], &template, &[0]].concat();
    let answer = card.respond(&command).unwrap();
    if let [0x7C, _, 0x82, _, encrypted @ .., 0x90, 0] = &answer[..] {
        assert_eq!(encrypted, key.encrypt(&challenge), "the card knows the key too");
    }
    hex::encode(&answer[answer.len() - 2..])
}

#[test]
fn a_yubikey_tells_default_values_and_limits() {
    replay(
        card("piv", &["card=yubikey"]),
        "00A4040005A00000030800 -> 9000 61114F0600001000010079074F05A000000308
         00FD000000 -> 9000 050403
         00F8000000 -> 9000 0052F743
         00F7008000 -> 9000 0101FF05010106020303
         00F7008100 -> 9000 0101FF05010106020303
         00F7009B00 -> 9000 01010302020001050101
         002000800831323334353637FF -> 63C2
         00F7008000 -> 9000 0101FF05010106020302
         0024008010313233343536FFFF363534333231FFFF -> 9000
         00F7008000 -> 9000 0101FF05010006020303
         0024008010313233343536FFFF363534333231FFFF -> 63C2
         00200081 -> 6A80
         002C0280083132333435363738 -> 6A86
         00CB3FFF035C017E00 -> 6A82",
    );
}

#[test]
fn a_yubikey_takes_a_badly_padded_pin_for_a_wrong_one() {
    replay(
        card("piv", &["card=yubikey"]),
        "002000800831323334353600FF -> 63C2
         0020008006313233343536 -> 6A80
         00200080 -> 63C2",
    );
}

#[test]
fn a_yubikey_looks_at_the_old_value_before_it_refuses_the_new() {
    let block = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
    replay(
        card("piv", &["card=yubikey"]),
        &format!(
            "002C008010{block} -> 63C2
             002C008010313233343536373831323334FFFFFFFF -> 6A80
             00F7008100 -> 9000 0101FF05010106020303
             0024008010{block} -> 63C2
             0024008010313233343536FFFF31323334FFFFFFFF -> 6A80
             00200080 -> 63C3"
        ),
    );
}

#[test]
fn the_version_of_a_yubikey_decides_what_it_knows() {
    let [metadata, serial] = ["00F7008000", "00F8000000"];
    for (version, knows_metadata, knows_serial) in
        [("5.0.2", false, false), ("5.0.3", false, true), ("5.2.7", false, true), ("5.3.0", true, true)]
    {
        let mut card = card("piv", &["card=yubikey", &format!("version={version}")]);
        assert_eq!(send(&mut card, metadata) != "6D00", knows_metadata, "{version}");
        assert_eq!(send(&mut card, serial) != "6D00", knows_serial, "{version}");
    }
    replay(card("piv", &["card=yubikey", "version=5.7.1"]), "00F7009B00 -> 9000 01010A02020001050101");
}

#[test]
fn limits_want_the_management_key_and_the_pin_and_bring_the_first_values_back() {
    let mut card = card("piv", &["card=yubikey"]);
    let key = FIRST_KEY.repeat(3);
    assert_eq!(send(&mut card, "00FA0506"), "6982");
    assert_eq!(send(&mut card, "0024008010313233343536FFFF363534333231FFFF"), "9000");
    assert_eq!(send(&mut card, "00FA0506"), "6982");
    assert_eq!(authenticate(&mut card, 3, Algorithm::Tdes, &key), "9000");
    assert_eq!(send(&mut card, "00FA0506"), "9000");
    replay(
        card,
        "0020008008363534333231FFFF -> 63C4
         0020008008313233343536FFFF -> 9000
         00F7008000 -> 9000 0101FF05010106020505
         00F7008100 -> 9000 0101FF05010106020606",
    );
    replay(super::card("piv", &[]), "00FA0000 -> 6A81\n00FA0506 -> 6A81");
}

#[test]
fn the_management_key_is_changed_after_authentication_and_to_aes_from_5_4_on() {
    let mut card = card("piv", &["card=yubikey"]);
    let (old, new) = (FIRST_KEY.repeat(3), vec![0xA5; 16]);
    let set = format!("00FFFFFF13089B10{}", hex::encode(&new));
    assert_eq!(send(&mut card, &set), "6982");
    assert_eq!(authenticate(&mut card, 3, Algorithm::Tdes, &[9; 24]), "6982");
    assert_eq!(send(&mut card, &set), "6982");
    assert_eq!(authenticate(&mut card, 3, Algorithm::Tdes, &old), "9000");
    assert_eq!(send(&mut card, &set), "9000");
    assert_eq!(authenticate(&mut card, 8, Algorithm::Aes, &new), "9000");
    assert_eq!(send(&mut card, "00F7009B00"), "010108020200010501009000");

    let mut card = super::card("piv", &["card=yubikey", "version=5.3.9"]);
    assert_eq!(authenticate(&mut card, 3, Algorithm::Tdes, &old), "9000");
    assert_eq!(send(&mut card, &set), "6A80");
}

#[test]
fn a_reset_wants_both_blocked_and_each_card_refuses_in_its_way() {
    for (model, refused) in [("yubikey", "6985"), ("pivapplet", "6982"), ("plain", "6D00")] {
        let mut card = card("piv", &[&format!("card={model}")]);
        assert_eq!(send(&mut card, "00FB0000"), refused, "{model}");
        while send(&mut card, "002000800830303030303030FF") != "6983" {}
        assert_eq!(send(&mut card, "00FB0000"), refused, "{model}: the PIN alone is blocked");
        while send(&mut card, "002C0080103030303030303030313233343536FFFF") != "6983" {}
        let done = if model == "plain" { "6D00" } else { "9000" };
        assert_eq!(send(&mut card, "00FB0000"), done, "{model}");
    }
}

/// Algorithm, PIN and touch policy, origin, public key: a point of P-256, without which ykman shows no slot at all.
#[test]
fn a_yubikey_tells_of_its_key_and_a_reset_erases_it() {
    let point = "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296\
                 4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5";
    let mut card = card("piv", &["card=yubikey"]);
    assert_eq!(
        send(&mut card, "00F7009A00"),
        format!("010111 02020201 030101 0443 8641 {point} 9000").replace(' ', "")
    );
    while send(&mut card, "002000800830303030303030FF") != "6983" {}
    while send(&mut card, "002C0080103030303030303030313233343536FFFF") != "6983" {}
    assert_eq!(send(&mut card, "00FB0000"), "9000");
    assert_eq!(send(&mut card, "00F7009A00"), "6A88");
}

#[test]
fn a_pivapplet_erases_its_keys_once_both_are_blocked() {
    for (model, left) in [("pivapplet", false), ("yubikey", true)] {
        let mut card = card("piv", &[&format!("card={model}")]);
        while send(&mut card, "002000800830303030303030FF") != "6983" {}
        assert_ne!(send(&mut card, "00F7009A00"), "6A88", "{model}");
        while send(&mut card, "002C0080103030303030303030313233343536FFFF") != "6983" {}
        assert_eq!(send(&mut card, "00F7009A00") != "6A88", left, "{model}");
    }
}

#[test]
fn the_discovery_object_says_which_pin_there_is() {
    let global = "0020000008313233343536FFFF";
    replay(card("piv", &["discovery=none"]), &format!("00CB3FFF035C017E00 -> 6A82\n{global} -> 6A88"));
    replay(
        card("piv", &["discovery=6020"]),
        &format!(
            "00CB3FFF035C017E00 -> 9000 7E124F0BA0000003080000100001005F2F026020\n00200000 -> 63C3\n{global} -> 9000"
        ),
    );
}

#[test]
fn through_a_contactless_reader_the_right_pin_is_refused_and_costs_nothing() {
    replay(
        card("piv", &["contactless=yes"]),
        "0020008008313233343536FFFF -> 6982
         0024008010313233343536FFFF363534333231FFFF -> 6982
         00200080 -> 63C3",
    );
}

#[test]
fn a_neo_does_not_show_that_a_pin_was_verified() {
    replay(card("piv", &["card=neo"]), "0020008008313233343536FFFF -> 9000\n00200080 -> 63C3\n00F7008000 -> 6D00");
}

#[test]
fn a_plain_card_has_no_extension() {
    replay(
        card("piv", &["card=plain"]),
        "00FD0000 -> 6D00\n00F80000 -> 6D00\n00F70080 -> 6D00\n00FA0303 -> 6D00\n00FB0000 -> 6D00
         00CB3FFF035C017E00 -> 9000 7E124F0BA0000003080000100001005F2F024010",
    );
}
