//! The bytes of each command, as the documents have them.

use super::{
    super::{
        preview,
        profile::{Profile, built_in},
    },
    *,
};
use crate::device::card::apdu::{Protocol, hex};

fn profile(name: &str) -> Profile {
    built_in().unwrap().into_iter().find(|profile| profile.name == name).unwrap()
}

fn pin(value: &str) -> Pin {
    Pin::take(value.as_bytes())
}

/// What goes to the card, in hexadecimal.
fn sent(template: &Template<'_>, values: &[&str]) -> String {
    let pins: Vec<Pin> = values.iter().map(|value| pin(value)).collect();
    let command = template.fill(&pins.iter().collect::<Vec<_>>()).unwrap();
    command.encode(Protocol::T1).iter().map(|apdu| hex(apdu)).collect()
}

#[test]
fn the_recorded_commands_of_isoapplet_are_made_byte_by_byte() {
    let card = profile("isoapplet");
    let (pin, puk) = (card.reference("PIN").unwrap(), card.reference("PUK").unwrap());
    assert_eq!(sent(&select_application(&card.aid[0]), &[]), "00A404000CF276A288BCFBA69D34F3100100");
    assert_eq!(sent(&pin.ask().unwrap(), &[]), "00200001");
    let verify = pin.verify(Which::Current).unwrap();
    assert_eq!(sent(&verify, &["123456"]), "002000011031323334353600000000000000000000");
    assert_eq!(
        sent(&pin.exchange().unwrap(), &["123456", "654321"]),
        "00240001203132333435360000000000000000000036353433323100000000000000000000"
    );
    assert_eq!(
        sent(&pin.reset(Form::WithCode, puk).unwrap(), &["1234567812345678", "123456"]),
        "002C0001203132333435363738313233343536373831323334353600000000000000000000"
    );
    assert_eq!(
        sent(&pin.reset(Form::CodeOnly, puk).unwrap(), &["1234567812345678"]),
        "002C01011031323334353637383132333435363738"
    );
    assert_eq!(sent(&pin.reset(Form::VerifiedKeep, puk).unwrap(), &[]), "002C0301");
    assert_eq!(sent(&puk.set().unwrap(), &["1234567812345678"]), "002401021031323334353637383132333435363738");
    assert_eq!(sent(&pin.set().unwrap(), &["123456"]), "002401011031323334353600000000000000000000");
    assert_eq!(puk.exchange(), None);
}

#[test]
fn the_estonian_pin2_is_elsewhere_and_its_puk_is_verified_before() {
    let card = profile("esteid-2018");
    let (pin2, puk) = (card.reference("PIN2").unwrap(), card.reference("PUK").unwrap());
    let way = card.way(0, None, &pin2.select);
    assert_eq!(sent(&way[1], &[]), "00A4040C1051534344204170706C69636174696F6E");
    assert_eq!(sent(&pin2.ask().unwrap(), &[]), "00CB3FFF0A4D087006BF810502A08000");
    assert_eq!(sent(&puk.verify(Which::Current).unwrap(), &["12345678"]), "002000020C3132333435363738FFFFFFFF");
    assert_eq!(sent(&pin2.reset(Form::Verified, puk).unwrap(), &["54321"]), "002C02850C3534333231FFFFFFFFFFFFFF");
}

#[test]
fn the_estonian_card_of_2025_is_padded_with_zeros_and_takes_the_puk_along() {
    let card = profile("esteid-2025");
    let (pin1, puk) = (card.reference("PIN1").unwrap(), card.reference("PUK").unwrap());
    assert_eq!(sent(&pin1.ask().unwrap(), &[]), "00CB00FF05A00383018100");
    assert_eq!(
        sent(&pin1.reset(Form::WithCode, puk).unwrap(), &["12345678", "1234"]),
        "002C008118313233343536373800000000313233340000000000000000"
    );
}

#[test]
fn the_belgian_pin_goes_as_a_block_of_global_platform() {
    let card = profile("belgium");
    let exchange = card.reference("PIN").unwrap().exchange().unwrap();
    assert_eq!(sent(&exchange, &["12345", "123456789012"]), "00240001102512345FFFFFFFFF2C123456789012FF");
    assert_eq!(
        exchange.to_string(),
        "00 24 00 01 10 {PIN as a GlobalPlatform block} {new PIN as a GlobalPlatform block}"
    );
}

#[test]
fn a_null_pin_stands_before_the_first_value_as_it_is() {
    let text = include_str!("../../profiles/isoapplet.toml")
        .replace("first.set = { after = \"PUK\" }", "first.null-pin = { value = \"00 00 00 00 00 00\" }")
        .replace("pad = { byte = 0x00, to = 16 }\n", "");
    let card = Profile::parse(&text, "FILE").unwrap();
    let set = card.reference("PIN").unwrap().set().unwrap();
    assert_eq!(sent(&set, &["648219"]), "002400010C000000000000363438323139");
    assert_eq!(set.to_string(), "00 24 00 01 Lc 00 00 00 00 00 00 {new PIN}");
    let shown = preview(&card);
    let change = shown.operations.iter().find(|sent| sent.verb == Some(crate::token::Verb::PinChange)).unwrap();
    let names: Vec<&str> = change.commands.iter().map(|(_, apdu)| apdu.as_str()).skip(1).collect();
    // The card is not told where the old value ends, so it is verified before.
    let expected =
        ["00 20 00 01", "00 20 00 01 Lc {PIN}", "00 24 00 01 Lc {PIN} {new PIN}", "00 20 00 01 Lc {new PIN}"];
    assert_eq!(names, expected);
}

#[test]
fn the_way_leads_through_the_application_where_it_is_not_absolute() {
    let card = profile("esteid-2018");
    let [pin1, pin2] = ["PIN1", "PIN2"].map(|name| card.reference(name).unwrap());
    let steps = |from: Option<&[super::super::profile::Select]>, to| card.way(0, from, to).len();
    assert_eq!(steps(None, &pin1.select), 1);
    assert_eq!(steps(None, &pin2.select), 2);
    assert_eq!(steps(Some(&[]), &pin1.select), 0);
    assert_eq!(steps(Some(&[]), &pin2.select), 1);
    assert_eq!(steps(Some(&pin2.select), &pin2.select), 0);
    assert_eq!(steps(Some(&pin2.select), &pin1.select), 1, "back by the application");
}

#[test]
fn what_is_shown_is_what_is_sent_on_every_card() {
    for card in built_in().unwrap() {
        for reference in &card.references {
            let templates = [reference.ask(), reference.verify(Which::Current), reference.exchange(), reference.set()];
            for template in templates.into_iter().flatten() {
                let values: Vec<String> = template.secrets().map(|secret| "1".repeat(secret.reference.most)).collect();
                let sent = sent(&template, &values.iter().map(String::as_str).collect::<Vec<_>>());
                let plain: String = template.to_string().split('{').next().unwrap().replace(' ', "");
                let header = plain.strip_suffix("Lc").unwrap_or(&plain);
                assert!(sent.starts_with(header), "{}: {template} {sent}", card.name);
            }
        }
    }
}

#[test]
fn a_value_that_cannot_be_carried_is_refused_and_a_command_knows_how_many_it_wants() {
    let card = profile("esteid-2018");
    let verify = card.reference("PIN1").unwrap().verify(Which::Current).unwrap();
    for wrong in ["1234567890123", "12é4", ""] {
        assert_eq!(verify.fill(&[&pin(wrong)]).map(|_| ()).unwrap_err().exit_code(), 6);
    }
    assert_eq!(verify.fill(&[]).map(|_| ()).unwrap_err().exit_code(), 1);
    assert!(verify.fill(&[&pin("1234")]).unwrap().is_secret());
    assert!(!card.reference("PIN1").unwrap().ask().unwrap().fill(&[]).unwrap().is_secret());
}
