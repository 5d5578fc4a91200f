//! OpenPGP: what each dialect answers, where it departs from the recording.

use super::{card, replay};

/// Hashes of the first 100000 bytes of "saltPW1." and 123456, "saltPW3." and 12345678, "saltPW1." and 654321, over and
/// over, as Python's hashlib has them.
const PW1_256: &str = "FDE676BECC21FC05924545991C18F79444617447D5E76A8463BA3AA961C5C5A5";
const PW3_256: &str = "DF766DF8D1E85026F0ADB100612E43913AABCA1D106BC66D4EB99F54BA028A40";
const NEW_256: &str = "95D4AEEF0AF471E7F500D5D28476A150AA601FFDA146FD37F06177302092B80A";
const PW1_512: &str = "65E5B9E315D92200A0B1C1DB3190245E2AAC3FB6E934DC0A0D6F4E6E9324FD220049E005983FB761BA20C066F421F45BD7ED16\
                       997A08052BB7B3644F5490C39D";
/// "saltPW1." and 12345678: PW3 where there is one salt.
const PW3_ONE_SALT: &str = "6B1AF83AF8FBA1BB31D89E0BD737EA1A6016A0AAF1A83123F41874D14CCF615A";

#[test]
fn a_yubikey_says_6982_for_wrong_and_6983_when_blocked() {
    replay(
        card("openpgp", &["card=yubikey"]),
        "00A4040006D2760001240100 -> 9000
         00CA004F00 -> 9000 D276000124010304000600DEC0DE0000
         00200081 -> 63C3
         0020008106393939393939 -> 6982
         00200081053132333435 -> 6700
         00CA00C400 -> 9000 007F7F7F020003
         002400810C393939393939363534333231 -> 6982
         0020008106393939393939 -> 6983
         00CA00C400 -> 9000 007F7F7F000003
         0020008106313233343536 -> 6983
         002400810C313233343536363534333231 -> 6983",
    );
}

#[test]
fn a_mute_card_says_6982_to_everything_and_counts_all_the_same() {
    replay(
        card("openpgp", &["card=yubikey-mute"]),
        "00200081 -> 6982
         0020008106393939393939 -> 6982
         002400810C393939393939363534333231 -> 6982
         0020008106393939393939 -> 6982
         0020008106313233343536 -> 6982
         002400810C313233343536363534333231 -> 6982
         00CA00C400 -> 9000 007F7F7F000003
         00DA00D3083132333435363738 -> 6982
         00200083083132333435363738 -> 9000
         00DA00D3083132333435363738 -> 9000
         002C00810E3939393939393939363534333231 -> 6982
         00CA00C400 -> 9000 007F7F7F000203
         00DA00D300 -> 6700
         002C028106363534333231 -> 9000
         0020008106363534333231 -> 9000",
    );
}

#[test]
fn each_word_of_a_wrong_change_can_be_had() {
    for (word, first) in [("6300", "6300"), ("6982", "6982"), ("63Cx", "63C2")] {
        let wrong = "002400810C393939393939363534333231";
        let switch = format!("change-wrong={word}");
        replay(card("openpgp", &[&switch]), &format!("{wrong} -> {first}\n00CA00C400 -> 9000 007F7F7F020003"));
    }
}

#[test]
fn a_neo_is_of_version_2_and_its_limits_bring_the_first_pins_back() {
    replay(
        card("openpgp", &["card=neo"]),
        "00CA004F00 -> 9000 D276000124010200000600DEC0DE0000
         00200081 -> 6A80
         0020FF81 -> 6A86
         00CA00C400 -> 9000 FF7F7F7F030003
         00CA00F900 -> 6A88
         002400810C313233343536363534333231 -> 9000
         00F2000003050607 -> 6982
         00200083083132333435363738 -> 9000
         00F2000003050607 -> 9000
         00CA00C400 -> 9000 FF7F7F7F050007
         0020008106313233343536 -> 9000",
    );
}

#[test]
fn the_limits_of_a_yubikey_keep_the_pins() {
    replay(
        card("openpgp", &["card=yubikey"]),
        "002400810C313233343536363534333231 -> 9000
         00200083083132333435363738 -> 9000
         00F2000003050607 -> 9000
         00DA00D3083132333435363738 -> 9000
         00CA00C400 -> 9000 007F7F7F050607
         0020008106363534333231 -> 9000",
    );
    replay(card("openpgp", &[]), "00200083083132333435363738 -> 9000\n00F2000003050607 -> 6D00");
}

#[test]
fn a_card_of_version_2_knows_no_empty_verify_and_another_takes_it_for_a_wrong_pin() {
    replay(card("openpgp", &["card=v2"]), "00200081 -> 6A80\n00CA00C400 -> 9000 007F7F7F030003");
    let counts = card("openpgp", &["card=v2", "query-counts=yes"]);
    replay(counts, "00200081 -> 6982\n00CA00C400 -> 9000 007F7F7F020003");
}

#[test]
fn termination_wants_what_the_card_says_and_leaves_a_new_one() {
    let block = |reference: &str, value: &str, last: &str| {
        format!("0020{reference}{value} -> 6982\n0020{reference}{value} -> 6982\n0020{reference}{value} -> {last}\n")
    };
    let [pw1, pw3] = [block("0081", "06303030303030", "6983"), block("0083", "083030303030303030", "6983")];
    let anew = "00A4040006D2760001240100 -> 9000\n00440000 -> 9000\n00CA00C400 -> 9000 007F7F7F030003";
    let dialogue = format!("{pw3}00E60000 -> 6982\n{pw1}00E60000 -> 9000\n00CA5F5200 -> 6285\n{anew}");
    replay(card("openpgp", &["card=yubikey"]), &dialogue);
    replay(card("openpgp", &["terminate=absent"]), "00200083083132333435363738 -> 9000\n00E60000 -> 6D00");
    replay(card("openpgp", &["terminate=both-blocked"]), "00200083083132333435363738 -> 9000\n00E60000 -> 9000");
}

#[test]
fn the_life_cycle_byte_may_say_nothing() {
    replay(card("openpgp", &["life-cycle=00"]), "00CA5F5200 -> 9000 0031F573C00160009000");
}

#[test]
fn with_kdf_the_card_compares_what_was_derived() {
    replay(
        card("openpgp", &["kdf=three-salts"]),
        &format!(
            "00CA00F900 -> 9000 8101038201088304000186A0840873616C745057312E850873616C7452432E2E860873616C745057332E\
             8720{PW1_256}8820{PW3_256}
             0020008106313233343536 -> 63C2
             0020008120{PW1_256} -> 9000
             0020008320{PW3_256} -> 9000
             00240081263132333435363738{PW1_256} -> 6700
             0024008140{PW1_256}{NEW_256} -> 9000
             0020008120{NEW_256} -> 9000
             002C028106313233343536 -> 6A80
             002C028120{PW1_256} -> 9000
             00DA00D3083132333435363738 -> 6A80
             00DA00D320{NEW_256} -> 9000
             002C008140{NEW_256}{PW1_256} -> 9000"
        ),
    );
}

#[test]
fn kdf_has_one_salt_or_three_and_either_hash() {
    replay(card("openpgp", &["kdf=three-salts", "kdf-hash=sha512"]), &format!("0020008140{PW1_512} -> 9000"));
    replay(
        card("openpgp", &["kdf=one-salt", "verify-length=6700"]),
        &format!(
            "0020008106313233343536 -> 6700
             0020008320{PW3_256} -> 63C2
             0020008320{PW3_ONE_SALT} -> 9000
             00CA00F900 -> 9000 8101038201088304000186A0840873616C745057312E8720{PW1_256}8820{PW3_ONE_SALT}"
        ),
    );
    replay(card("openpgp", &["kdf=absent"]), "00CA00F900 -> 6A88\n00CA00C000 -> 9000 3E001000100010000001");
    replay(card("openpgp", &["kdf=off"]), "00CA00F900 -> 9000 810100");
}

#[test]
fn a_kdf_that_is_written_may_set_the_pins_or_leave_them_to_the_host() {
    let object = format!("8101038201088304000186A0840873616C745057312E8720{PW1_256}8820{PW3_ONE_SALT}");
    let put = format!("00200083083132333435363738 -> 9000\n00DA00F95A{object} -> 9000\n00CA00F900 -> 9000 {object}\n");
    let [plain, derived] = ["0020008106313233343536".to_owned(), format!("0020008120{PW1_256}")];
    replay(card("openpgp", &[]), &format!("{put}{plain} -> 63C2\n{derived} -> 9000"));
    replay(card("openpgp", &["kdf-sets-pins=no"]), &format!("{put}{derived} -> 63C2\n{plain} -> 9000"));
}
