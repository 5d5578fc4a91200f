//! ISO 7816: what each card answers, as the documents of its drivers have it.

use super::{card, replay};

const QSCD: &str = "00A4040C1051534344204170706C69636174696F6E -> 9000";

#[test]
fn an_estonian_card_of_2018_has_its_tries_in_get_data_and_resets_after_verify_of_the_puk() {
    let tries = |number: &str, left: &str| {
        format!(
            "00CB3FFF0A4D087006BF81{number}02A08000 -> 9000 701EBF81{number}1AA0189A01039B01{left}A1108C06F300007343009C06F30000734300\n"
        )
    };
    let [pin, wrong] = ["31323334FFFFFFFFFFFFFFFF", "39393939FFFFFFFFFFFFFFFF"];
    let [puk, new] = ["3132333435363738FFFFFFFF", "34333231FFFFFFFFFFFFFFFF"];
    let dialogue = [
        "00A4040010A000000077010800070000FE00000100 -> 9000\n".to_owned(),
        tries("01", "03"),
        format!("002000010C{wrong} -> 63C2\n"),
        tries("01", "02"),
        format!("0020000104{} -> 6700\n", &pin[..8]),
        format!("0024000118{pin}{pin} -> 6985\n"),
        format!("0024000118{pin}{new} -> 9000\n0020008104{} -> 6A88\n", &pin[..8]),
        format!("002C02010C{pin} -> 6982\n002000020C{puk} -> 9000\n002C02010C{pin} -> 9000\n"),
        format!("002C000118{puk}{pin} -> 6A86\n002000010C{pin} -> 9000\n"),
        format!("002000850C3132333435FFFFFFFFFFFFFF -> 6A88\n{QSCD}\n"),
        tries("05", "03"),
        "002000850C3132333435FFFFFFFFFFFFFF -> 9000\n00A4000C -> 9000\n002000850C3132333435FFFFFFFFFFFFFF -> 6A88\n"
            .to_owned(),
        "00A4010C02ADF2 -> 9000\n002000850C3132333435FFFFFFFFFFFFFF -> 9000".to_owned(),
    ];
    replay(card("iso7816", &["card=esteid-2018"]), &dialogue.concat());
}

#[test]
fn an_estonian_card_of_2025_says_which_pin_is_to_be_changed() {
    let tries = |reference: &str, left: &str, changed: &str| {
        format!("00CB00FF05A0038301{reference}00 -> 9000 A00B8301{reference}DF2101{left}DF2F01{changed}\n")
    };
    let [pin, new] = ["313233340000000000000000", "343332310000000000000000"];
    let puk = "313233343536373800000000";
    let dialogue = [
        "00A404000CA000000063504B43532D3135 -> 9000\n".to_owned(),
        tries("81", "03", "00"),
        tries("83", "03", "01"),
        format!("002000810C{new} -> 63C2\n"),
        tries("81", "02", "00"),
        format!("0024008118{pin}{new} -> 9000\n"),
        tries("81", "03", "01"),
        format!("002C008118{puk}{pin} -> 9000\n002000810C{pin} -> 9000\n"),
        format!("002C02810C{pin} -> 6A86\n0024008318{puk}{puk} -> 6A88\n"),
    ];
    replay(card("iso7816", &["card=esteid-2025"]), &dialogue.concat());
}

/// OpenSC 0.26 asks for the three bytes, where 0.23 asks nothing; 6D00 is to it an applet before 1.0, all else a fault.
#[test]
fn an_isoapplet_has_its_version_and_features_in_get_data_and_no_other_card_has() {
    replay(card("iso7816", &["card=isoapplet"]), "00CA010103 -> 9000 010001");
    for other in ["myeid", "esteid-2018", "esteid-2025", "itacns", "null-pin", "glp"] {
        replay(card("iso7816", &[&format!("card={other}")]), "00CA010103 -> 6A88");
    }
}

#[test]
fn a_myeid_has_a_puk_for_each_pin_that_has_no_reference() {
    replay(
        card("iso7816", &["card=myeid"]),
        "00A404000CA000000063504B43532D3135 -> 9000
         00200001 -> 63C3
         0020000108313233343536FFFF -> 9000
         00200001 -> 9000
         00200011 -> 6A88
         002C0001103232323232323232313233343536FFFF -> 63C9
         002C0001103131313131313131363534333231FFFF -> 9000
         002C0002103232323232323232313233343536FFFF -> 9000
         0020000206363534333231 -> 6700
         00CA01A000 -> 9000 0000000000000000414230313233343536000000",
    );
}

#[test]
fn an_italian_card_is_selected_by_path_and_its_puk_is_the_next_reference() {
    replay(
        card("iso7816", &["card=itacns"]),
        "00A404000CA000000063504B43532D3135 -> 6A82
         00A40000023F00 -> 9000 6F078201388302.F00
         00A4080C0410001003 -> 9000
         00B0000000 -> 9000 414230313233343536
         0020009008393939393939FFFF -> 63C2
         00200091 -> 6A88
         002C00901038373635343332313132333435FFFFFF -> 9000
         00200090083132333435FFFFFF -> 9000",
    );
}

#[test]
fn a_null_pin_is_replaced_by_the_holder_and_unblocked_without_a_new_value() {
    replay(
        card("iso7816", &["card=null-pin"]),
        "00200000 -> 6985
         0020000006313233343536 -> 6985
         002400000C000000000000363534333231 -> 9000
         00200000 -> 63C3
         0020000006303030303030 -> 63C2
         0020000006303030303030 -> 63C1
         0020000006303030303030 -> 63C0
         002C0300 -> 6982
         00200001083132333435363738 -> 9000
         002C0300 -> 9000
         0020000006363534333231 -> 9000",
    );
}

#[test]
fn a_transport_pin_stands_till_it_is_changed() {
    let switches = ["card=null-pin", "first=transport-pin"];
    replay(
        card("iso7816", &switches),
        "80CA000000 -> 9000 E30490020001
         002400000C313233343536363534333231 -> 9000
         80CA000000 -> 9000 E30490020000",
    );
}

#[test]
fn an_applet_without_values_takes_the_puk_first_or_never() {
    let puk = "002401021031323334353637383132333435363738";
    let pin = "002401011031323334353600000000000000000000";
    let reset = "002C00012031323334353637383132333435363738393939393939".to_owned() + &"00".repeat(10);
    replay(card("iso7816", &["first=unset"]), &format!("{puk} -> 9000\n{pin} -> 9000\n{reset} -> 9000"));
    replay(card("iso7816", &["first=unset"]), &format!("{pin} -> 9000\n{puk} -> 6A86\n{reset} -> 63C0"));
}

#[test]
fn a_global_platform_block_is_what_belgium_takes() {
    replay(
        card("iso7816", &["card=glp"]),
        "0020000108241234FFFFFFFFFF -> 9000
         0020000108249999FFFFFFFFFF -> 63C2
         0024000110241234FFFFFFFFFF2C123456789012FF -> 9000
         00200001082C123456789012FF -> 9000
         002C000110241234FFFFFFFFFF241234FFFFFFFFFF -> 6D00",
    );
}

#[test]
fn through_a_contactless_reader_the_right_pin_is_refused_and_costs_nothing() {
    replay(card("iso7816", &["contactless=yes"]), "0020000106313233343536 -> 6982\n00200001 -> 63C3");
}

#[test]
fn the_puk_alone_unblocks_where_the_card_has_that_form() {
    let mut block = "0020000106303030303030 -> 63C2\n0020000106303030303030 -> 63C1\n".to_owned();
    block += "0020000106303030303030 -> 63C0\n";
    replay(
        card("iso7816", &["reset-forms=0001"]),
        &format!("{block}002C01011031323334353637383132333435363738 -> 9000\n0020000106313233343536 -> 9000"),
    );
}
