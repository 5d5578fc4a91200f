//! What a reader tells of its keys: the list of its features, and the properties of its PIN entry (PC/SC part 10, 2.2 to 2.6).
//!
//! Both come from a driver or from the reader itself, so that nothing in them is trusted: a list that is cut off or contradicts
//! itself is none.

/// The request for the list of features, before the system's own coding.
pub const GET_FEATURE_REQUEST: u32 = 3400;

/// Tags of features.
const VERIFY_PIN_START: u8 = 0x01;
const VERIFY_PIN_FINISH: u8 = 0x02;
const MODIFY_PIN_START: u8 = 0x03;
const MODIFY_PIN_FINISH: u8 = 0x04;
const VERIFY_PIN_DIRECT: u8 = 0x06;
const MODIFY_PIN_DIRECT: u8 = 0x07;
const IFD_PIN_PROPERTIES: u8 = 0x0A;
const ABORT: u8 = 0x0B;
const GET_TLV_PROPERTIES: u8 = 0x12;

/// How an entry is asked for, by control codes of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// One request, which ends with the card's answer.
    Direct(u32),
    /// A request that begins the entry, and one that waits for its end; one that gives it up, where there is one.
    Steps {
        /// It takes the structure.
        start: u32,
        /// It takes nothing, and gives the card's answer.
        finish: u32,
        /// It ends an entry that cannot be finished.
        abort: Option<u32>,
    },
}

/// The features of a reader that concern PINs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    /// One value for a command.
    pub verify: Option<Way>,
    /// An old value and a new one, or a new one that is repeated.
    pub modify: Option<Way>,
    /// The code that asks for the display and its like in four bytes.
    pub pin_properties: Option<u32>,
    /// The code that asks for properties by tag.
    pub tlv_properties: Option<u32>,
}

impl Features {
    /// Reads the list: tag, length 04, control code with the most significant byte first. Features that are not known are left
    /// out; an empty list has none.
    pub fn parse(list: &[u8]) -> Self {
        let Some(objects) = objects(list) else { return Self::default() };
        let code = |tag: u8| {
            let mut codes = objects.iter().filter(|(own, _)| *own == tag).map(|(_, value)| {
                let code = <[u8; 4]>::try_from(*value).ok().map(u32::from_be_bytes);
                code.filter(|code| *code != 0)
            });
            let first = codes.next()??;
            // Whoever names one feature by two codes is not to be asked for it by either.
            codes.all(|other| other == Some(first)).then_some(first)
        };
        let way = |direct: u8, start: u8, finish: u8| match (code(direct), code(start), code(finish)) {
            (Some(direct), ..) => Some(Way::Direct(direct)),
            (None, Some(start), Some(finish)) => Some(Way::Steps { start, finish, abort: code(ABORT) }),
            _ => None,
        };
        Self {
            verify: way(VERIFY_PIN_DIRECT, VERIFY_PIN_START, VERIFY_PIN_FINISH),
            modify: way(MODIFY_PIN_DIRECT, MODIFY_PIN_START, MODIFY_PIN_FINISH),
            pin_properties: code(IFD_PIN_PROPERTIES),
            tlv_properties: code(GET_TLV_PROPERTIES),
        }
    }
}

/// What a reader tells of its PIN entry; nothing where it does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Properties {
    /// Whether it has a display.
    pub display: bool,
    /// The ways to end an entry that it knows (bEntryValidationCondition), where it tells.
    pub ends: Option<u8>,
    /// The fewest digits of an entry.
    pub least: Option<usize>,
    /// The most.
    pub most: Option<usize>,
    /// The makers' and the product's number on USB.
    pub device: Option<(u16, u16)>,
}

impl Properties {
    /// Reads properties by tag: tag, length, value with the least significant byte first.
    pub fn parse(list: &[u8]) -> Self {
        let Some(objects) = objects(list) else { return Self::default() };
        let value = |tag: u8| {
            let (_, value) = objects.iter().find(|(own, _)| *own == tag)?;
            match **value {
                [byte] => Some(u32::from(byte)),
                [low, high] => Some(u16::from_le_bytes([low, high]).into()),
                [a, b, c, d] => Some(u32::from_le_bytes([a, b, c, d])),
                _ => None,
            }
        };
        let byte = |tag: u8| value(tag).and_then(|value| u8::try_from(value).ok());
        let word = |tag: u8| value(tag).and_then(|value| u16::try_from(value).ok());
        // Of a size that a driver does not know it says 0.
        let size = |tag: u8| byte(tag).filter(|size| *size > 0).map(usize::from);
        Self {
            display: word(1).is_some_and(|layout| layout != 0),
            ends: byte(2),
            least: size(6),
            most: size(7),
            device: word(11).zip(word(12)),
        }
    }

    /// Reads PIN_PROPERTIES_STRUCTURE: wLcdLayout, bEntryValidationCondition, bTimeOut2. One of another length tells nothing.
    pub fn of_structure(structure: &[u8]) -> Self {
        match *structure {
            [low, high, ends, _] => Self { display: (low, high) != (0, 0), ends: Some(ends), ..Self::default() },
            _ => Self::default(),
        }
    }
}

/// The objects of a list, each a tag of one byte, a length of one byte and so many bytes; none where the list is cut off.
fn objects(mut list: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut objects = Vec::new();
    while let [tag, length, rest @ ..] = list {
        let (value, after) = rest.split_at_checked((*length).into())?;
        objects.push((*tag, value));
        list = after;
    }
    list.is_empty().then_some(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists that readers gave: one in a comment of the Belgian middleware (Fedict/eid-mw, pinpad.cpp), one in rdesktop#238.
    const TWO: [u8; 12] = [0x06, 4, 0x00, 0x31, 0x20, 0x30, 0x07, 4, 0x00, 0x31, 0x20, 0x34];
    const FOUR: [u8; 24] = [
        0x06, 4, 0x42, 0x33, 0x00, 0x06, 0x07, 4, 0x42, 0x33, 0x00, 0x07, //
        0x0A, 4, 0x42, 0x33, 0x00, 0x0A, 0x12, 4, 0x42, 0x33, 0x00, 0x12,
    ];

    #[test]
    fn the_features_are_read_with_their_codes() {
        let two = Features {
            verify: Some(Way::Direct(0x0031_2030)),
            modify: Some(Way::Direct(0x0031_2034)),
            ..Features::default()
        };
        assert_eq!(Features::parse(&TWO), two);
        let four = Features {
            verify: Some(Way::Direct(0x4233_0006)),
            modify: Some(Way::Direct(0x4233_0007)),
            pin_properties: Some(0x4233_000A),
            tlv_properties: Some(0x4233_0012),
        };
        assert_eq!(Features::parse(&FOUR), four);
    }

    /// A list of these features, each with a code of its own.
    fn list(tags: &[u8]) -> Vec<u8> {
        tags.iter().flat_map(|tag| [*tag, 4, 0x42, 0x33, 0x00, *tag]).collect()
    }

    #[test]
    fn two_steps_are_taken_where_both_are_there_and_one_is_not() {
        let steps = |start: u32, finish: u32, abort| {
            Some(Way::Steps { start: 0x4233_0000 + start, finish: 0x4233_0000 + finish, abort })
        };
        let parsed = Features::parse(&list(&[1, 2, 3, 4, 5]));
        assert_eq!((parsed.verify, parsed.modify), (steps(1, 2, None), steps(3, 4, None)));
        let parsed = Features::parse(&list(&[1, 2, 4, 7, 0x0B]));
        assert_eq!((parsed.verify, parsed.modify), (steps(1, 2, Some(0x4233_000B)), Some(Way::Direct(0x4233_0007))));
        assert_eq!(Features::parse(&list(&[1, 3, 0x0B])), Features::default());
    }

    #[test]
    fn a_list_that_is_empty_cut_off_or_contradicts_itself_has_no_features() {
        assert_eq!(Features::parse(&[]), Features::default());
        for length in (0..TWO.len()).filter(|length| length % 6 != 0) {
            assert_eq!(Features::parse(&TWO[..length]), Features::default(), "{length}");
        }
        let twice = [&TWO[..], &[0x06, 4, 0x00, 0x31, 0x20, 0x38]].concat();
        assert_eq!(
            (Features::parse(&twice).verify, Features::parse(&twice).modify),
            (None, Some(Way::Direct(0x0031_2034)))
        );
        let same = [&TWO[..], &TWO[..]].concat();
        assert_eq!(Features::parse(&same), Features::parse(&TWO));
        assert_eq!(Features::parse(&[0x06, 2, 0x31, 0x20]), Features::default());
        assert_eq!(Features::parse(&[0x06, 4, 0, 0, 0, 0]), Features::default());
    }

    #[test]
    fn properties_have_the_least_significant_byte_first() {
        // wLcdLayout of two lines with 16 characters, any end of an entry, 4 to 8 digits, the GemPC Pinpad (08E6:3478).
        let told = [1, 2, 0x10, 0x02, 2, 1, 7, 3, 1, 0, 6, 1, 4, 7, 1, 8, 11, 2, 0xE6, 0x08, 12, 2, 0x78, 0x34];
        let wanted =
            Properties { display: true, ends: Some(7), least: Some(4), most: Some(8), device: Some((0x08E6, 0x3478)) };
        assert_eq!(Properties::parse(&told), wanted);
        assert_eq!(Properties::parse(&told[..told.len() - 1]), Properties::default());
        let unknown = [1, 2, 0, 0, 6, 1, 0, 7, 1, 0, 10, 4, 0, 0, 1, 0];
        assert_eq!(Properties::parse(&unknown), Properties::default());
    }

    #[test]
    fn a_structure_of_properties_tells_of_the_display() {
        // So an ACS APG8201-B2 (its reference manual, 9.3.4).
        let told = Properties::of_structure(&[0x10, 0x02, 0x07, 0x00]);
        assert_eq!((told.display, told.ends), (true, Some(7)));
        assert_eq!(Properties::of_structure(&[0x10, 0x02, 0x07]), Properties::default());
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_reader_tells_is_read_without_a_panic(list in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let features = Features::parse(&list);
            let _ = (Properties::parse(&list), Properties::of_structure(&list));
            // A code stands in the list, byte by byte, behind its tag.
            if let Some(Way::Direct(code)) = features.verify {
                let named = [&[0x06, 4][..], &code.to_be_bytes()].concat();
                assert!(list.windows(6).any(|object| object == named));
            }
        }
    }
}
