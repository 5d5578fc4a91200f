//! How ISO 7816 file-system cards differ.

use super::{field::Encoding, reference::References};
use crate::{
    apdu::Status,
    application::PLAIN_ATR,
    dialect::{Answer, Bytes, YesNo},
    model::{Model, Modelled},
};

crate::switches! {
    /// The switches that other applications do not have.
    #[derive(Debug)]
    pub struct IsoDialect {
        /// answer to reset
        atr: Atr = Atr::Plain,
        /// name of the application; `none`: it is selected by path, or not at all
        name: Bytes = Bytes(Vec::new()),
        /// name of a second application: references from 80 on are known while it is selected only
        inner_name: Bytes = Bytes(Vec::new()),
        /// identifier of the second application's directory
        inner_file: Bytes = Bytes(Vec::new()),
        /// `ROLE@REFERENCE=VALUE/TRIES/LEAST-MOST[/PUK]`, joined with commas; ROLE: pin, puk, code (a PUK of no reference)
        references: References = References::default(),
        /// how a PIN becomes bytes: `ascii`, `bcd`, or `glp`, a block of GlobalPlatform
        encoding: Encoding = Encoding::Ascii,
        /// what a PIN is padded with; `none`: not at all
        pad: Bytes = Bytes(Vec::new()),
        /// to how many bytes
        pad_length: u8 = 8,
        /// PIN in VERIFY, new PIN in RESET RETRY COUNTER: good unpadded too
        unpadded: YesNo = YesNo(false),
        /// a PIN that is not padded to the length, or too short unpadded
        field_length: Answer = Answer::Fixed(Status::WRONG_LENGTH),
        /// empty VERIFY of the PUK
        puk_query: Answer = Answer::Fixed(Status::NO_REFERENCE),
        /// a reference that is not there
        unknown_reference: Status = Status::NO_REFERENCE,
        /// CHANGE of the PUK
        puk_change: YesNo = YesNo(false),
        /// CHANGE and RESET RETRY COUNTER, new value equal to the stored one; `9000`: accepted
        same: Answer = Answer::ACCEPTED,
        /// RESET RETRY COUNTER: the P1s that are there, two hex digits each; 00 and 01 with the PUK, 02 and 03 after its VERIFY
        reset_forms: Bytes = Bytes(vec![0]),
        /// RESET RETRY COUNTER with another P1
        reset_p1: Status = Status::WRONG_P1_P2,
        /// RESET RETRY COUNTER with P1 02 or 03, the PUK not verified
        reset_unverified: Status = Status::SECURITY,
        /// GET DATA of the tries: `none`, `70` (Estonia 2018), `a0` (Estonia 2025)
        counter: Counter = Counter::None,
        /// PINs as delivered: `set`, `null-pin` (six bytes of zero), `transport-pin` (to be changed), `unset` (CHANGE P1=01)
        first: First = First::Set,
        /// VERIFY, CHANGE and RESET RETRY COUNTER are 6982, and free, as through a contactless reader
        contactless: YesNo = YesNo(false),
        /// GET DATA 01A0 has the serial number, after eight bytes
        serial_object: YesNo = YesNo(false),
        /// what GET DATA 0101 has, of an IsoApplet its version in two bytes, then its features; `none`: it is not there
        version_object: Bytes = Bytes(Vec::new()),
        /// path of the file with the serial number, MF included; `none`: there is none
        serial_file: Bytes = Bytes(Vec::new()),
        /// tag of the serial number in that file; `none`: it stands there as it is
        serial_tag: Bytes = Bytes(Vec::new()),
        /// the files of PKCS#15 are there
        pkcs15: YesNo = YesNo(false),
    }
}

impl Modelled for IsoDialect {
    const MODELS: &'static [Model] = &[
        (
            "isoapplet",
            &[
                ("name", "F276A288BCFBA69D34F31001"),
                ("references", "pin@01=123456/3/4-16/02,puk@02=1234567812345678/5/16-16"),
                ("pad", "00"),
                ("pad-length", "16"),
                ("unpadded", "yes"),
                ("puk-query", "6A86"),
                ("unknown-reference", "6A86"),
                ("query-verified", "63Cx"),
                ("query-blocked", "63Cx"),
                ("blocked", "63Cx"),
                ("change-blocked", "63Cx"),
                ("change-short", "9000"),
                ("reset-blocked", "63Cx"),
                ("reset-short", "9000"),
                ("reset-p1", "6700"),
                // 1.0, extended APDUs: no more can be true of a card that makes no random numbers and has no keys.
                ("version-object", "010001"),
                ("pkcs15", "yes"),
            ],
        ),
        (
            "myeid",
            &[
                ("atr", "myeid"),
                ("name", "A000000063504B43532D3135"),
                (
                    "references",
                    "pin@01=123456/3/4-8/11,code@11=11111111/10/4-8,pin@02=654321/3/4-8/12,code@12=22222222/10/4-8",
                ),
                ("pad", "FF"),
                ("change-short", "6A80"),
                ("reset-short", "6A80"),
                ("serial-object", "yes"),
            ],
        ),
        (
            "esteid-2018",
            &[
                ("atr", "esteid-2018"),
                ("name", "A000000077010800070000FE00000100"),
                ("inner-name", "51534344204170706C69636174696F6E"),
                ("inner-file", "ADF2"),
                ("references", "pin@01=1234/3/4-12/02,puk@02=12345678/3/8-12,pin@85=12345/3/5-12/02"),
                ("pad", "FF"),
                ("pad-length", "12"),
                ("query", "6700"),
                ("query-verified", "6700"),
                ("query-blocked", "6700"),
                ("puk-query", "6700"),
                ("puk-change", "yes"),
                ("same", "6985"),
                ("change-short", "6A80"),
                ("reset-short", "6A80"),
                ("reset-forms", "02"),
                ("counter", "70"),
                ("serial-file", "3F00D003"),
                ("serial-tag", "04"),
            ],
        ),
        (
            "esteid-2025",
            &[
                ("atr", "esteid-2025"),
                ("name", "A000000063504B43532D3135"),
                ("references", "pin@81=1234/3/4-12/83,pin@82=12345/3/5-12/83,puk@83=12345678/3/8-12"),
                ("pad", "00"),
                ("pad-length", "12"),
                ("query", "6700"),
                ("query-verified", "6700"),
                ("query-blocked", "6700"),
                ("puk-query", "6700"),
                ("same", "6A80"),
                ("change-short", "6A80"),
                ("reset-short", "6A80"),
                ("counter", "a0"),
                ("first", "transport-pin"),
            ],
        ),
        (
            "itacns",
            &[
                ("atr", "itacns"),
                ("references", "pin@90=12345678/3/5-8/91,puk@91=87654321/3/8-8"),
                ("pad", "FF"),
                ("change-short", "6A80"),
                ("reset-short", "6A80"),
                ("serial-file", "3F0010001003"),
            ],
        ),
        // TCOS: global PIN and PUK; the holder replaces six bytes of zero.
        (
            "null-pin",
            &[
                ("references", "pin@00=123456/3/6-16/01,puk@01=12345678/3/8-16"),
                ("first", "null-pin"),
                ("reset-forms", "03"),
            ],
        ),
        // Belgium: a block, and no way back once it is blocked.
        (
            "glp",
            &[
                ("name", "A000000177504B43532D3135"),
                ("references", "pin@01=1234/3/4-12"),
                ("encoding", "glp"),
                ("reset-forms", "none"),
                ("reset-p1", "6D00"),
                ("change-short", "6A80"),
            ],
        ),
    ];
}

crate::choice! {
    /// GET DATA of the tries.
    pub enum Counter { None = "none", EstEid2018 = "70", EstEid2025 = "a0" }
}

crate::choice! {
    /// How PINs are handed out.
    pub enum First { Set = "set", NullPin = "null-pin", TransportPin = "transport-pin", Unset = "unset" }
}

crate::choice! {
    /// By which drivers know a card.
    pub enum Atr {
        Plain = "plain", MyEid = "myeid", EstEid2018 = "esteid-2018", EstEid2025 = "esteid-2025", ItaCns = "itacns"
    }
}

impl Atr {
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Plain => PLAIN_ATR,
            Self::MyEid => b"\x3B\xF5\x18\x00\x00\x81\x31\xFE\x45MyEID\x9A",
            Self::EstEid2018 => b"\x3B\xDB\x96\x00\x80\xB1\xFE\x45\x1F\x83\x00\x12\x23\x3FSeID\x0F\x90\x00\xF1",
            Self::EstEid2025 => {
                b"\x3B\xFF\x96\x00\x00\x80\x31\xFE\x43\x80\x31\xB8SeIDd\xB0\x85\x05\x10\x12\x23\x3F\x1D"
            }
            Self::ItaCns => {
                b"\x3B\xFF\x18\x00\xFF\x81\x31\xFE\x55\x00\x6B\x02\x09\x04\x03\x01\x01\x01CNS\x10\x31\x80\x9A"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::every_model_has_only_switches_that_exist;

    #[test]
    fn every_model_is_one() {
        every_model_has_only_switches_that_exist::<IsoDialect>();
    }

    /// The last byte makes the exclusive or of all but the first zero (ISO 7816-3, section 8.2.5).
    #[test]
    fn every_answer_to_reset_has_the_right_check_byte() {
        for atr in [Atr::Plain, Atr::MyEid, Atr::EstEid2018, Atr::EstEid2025, Atr::ItaCns] {
            assert_eq!(atr.bytes()[1..].iter().fold(0, |sum, byte| sum ^ byte), 0, "{atr}");
        }
    }
}
