//! The files by which PKCS#15 programs find the PINs of a card (ISO 7816-15).

use super::{
    dialect::IsoDialect,
    reference::{Reference, Role},
};
use crate::tlv;

pub const DIRECTORY: &[u8] = &[0x3F, 0x00, 0x50, 0x15];

const OBJECTS: u16 = 0x5031;
const TOKEN: u16 = 0x5032;
const AUTHENTICATION: u16 = 0x4401;

// ASN.1 tags
const SEQUENCE: u16 = 0x30;
const INTEGER: u16 = 0x02;
const BITS: u16 = 0x03;
const OCTETS: u16 = 0x04;
const ENUMERATED: u16 = 0x0A;
const TEXT: u16 = 0x0C;

/// Paths and contents.
pub fn files(dialect: &IsoDialect, serial: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let path = |file: u16| [DIRECTORY, &file.to_be_bytes()].concat();
    let authentication = tlv::object(0xA8, &sequence(&[tlv::object(OCTETS, &path(AUTHENTICATION))]));
    let token = sequence(&[
        tlv::object(INTEGER, &[0]),
        tlv::object(OCTETS, serial),
        tlv::object(TEXT, b"stand-in"),
        tlv::object(0x80, b"Stand-in card"),
        tlv::object(BITS, &[4, 0x10]),
    ]);
    let pins = dialect.references.0.iter().filter(|one| one.role != Role::Code);
    let pins = pins.map(|one| pin(one, dialect)).collect::<Vec<_>>().concat();
    vec![(path(OBJECTS), authentication), (path(TOKEN), token), (path(AUTHENTICATION), pins)]
}

/// The authentication object of a PIN or PUK; its identifier is its reference.
fn pin(reference: &Reference, dialect: &IsoDialect) -> Vec<u8> {
    let mut common = vec![tlv::object(TEXT, if reference.role == Role::Pin { b"PIN" } else { b"PUK" })];
    common.push(tlv::object(BITS, &[6, 0xC0])); // private, modifiable
    common.extend(reference.puk.map(|puk| tlv::object(OCTETS, &[puk])));
    let mut flags = 0x08; // initialized; then needs-padding, unblockingPin
    flags |= if dialect.pad.0.is_empty() { 0 } else { 0x04 };
    flags |= if reference.role == Role::Puk { 0x02 } else { 0 };
    let (least, most) = (*reference.length.start() as u8, *reference.length.end() as u8);
    let stored = if dialect.pad.0.is_empty() { most } else { dialect.pad_length };
    let mut attributes = vec![
        tlv::object(BITS, &[1, flags]),
        tlv::object(ENUMERATED, &[1]), // ASCII digits
        tlv::object(INTEGER, &[least]),
        tlv::object(INTEGER, &[stored]),
        tlv::object(INTEGER, &[most]),
        tlv::object(0x80, &[reference.reference]),
    ];
    if !dialect.pad.0.is_empty() {
        attributes.push(tlv::object(OCTETS, &dialect.pad.0));
    }
    let class = sequence(&[tlv::object(OCTETS, &[reference.reference])]);
    sequence(&[sequence(&common), class, tlv::object(0xA1, &sequence(&attributes))])
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv::object(SEQUENCE, &elements.concat())
}
