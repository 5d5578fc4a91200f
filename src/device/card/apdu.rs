//! Command and response APDUs (ISO 7816-4), short form.

use std::fmt;

use crate::secret::Pages;

/// What a command carries.
pub enum Data {
    /// Nothing.
    None,
    /// Bytes that anyone may see.
    Plain(Vec<u8>),
    /// A PIN, PUK or key: wiped when dropped, withheld from traces.
    Secret(Pages),
}

impl Data {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Plain(bytes) => bytes,
            Self::Secret(bytes) => bytes,
        }
    }
}

/// A command APDU.
pub struct Command {
    /// The standard's name for it.
    pub name: &'static str,
    /// CLA, INS, P1, P2.
    pub header: [u8; 4],
    /// The command data.
    pub data: Data,
    /// Whether response data is expected (Le = 00).
    pub answers: bool,
}

/// The transmission protocol, which decides the form of some cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Character by character.
    T0,
    /// Block by block.
    T1,
}

/// The most data bytes of one short command.
const SHORT: usize = 255;

impl Command {
    /// Whether it presents a secret.
    pub fn is_secret(&self) -> bool {
        matches!(self.data, Data::Secret(_))
    }

    /// The bytes to transmit: one APDU, or a chain where the data is longer than 255 bytes (ISO 7816-4, 5.1.1.1).
    ///
    /// Under T=0 a case 1 command has P3 = 00, and a case 4 command no Le: the card announces its answer by 61xx.
    pub fn encode(&self, protocol: Protocol) -> Vec<Pages> {
        let data = self.data.bytes();
        let mut chunks: Vec<&[u8]> = data.chunks(SHORT).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        let last = chunks.len() - 1;
        let [cla, rest @ ..] = self.header;
        chunks
            .into_iter()
            .enumerate()
            .map(|(index, chunk)| {
                let mut apdu = Pages::with_capacity(chunk.len() + 6);
                apdu.push(if index < last { cla | 0x10 } else { cla });
                apdu.extend_from_slice(&rest);
                if let Some(length) = u8::try_from(chunk.len()).ok().filter(|length| *length > 0) {
                    apdu.push(length);
                    apdu.extend_from_slice(chunk);
                }
                match (chunk.is_empty(), index == last && self.answers, protocol) {
                    (true, true, _) | (false, true, Protocol::T1) | (true, false, Protocol::T0) => apdu.push(0),
                    _ => {}
                }
                apdu
            })
            .collect()
    }
}

/// The envelope, never the letter: a secret's bytes are counted, not shown.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:02X?}", self.name, self.header)?;
        match &self.data {
            Data::None => Ok(()),
            Data::Plain(bytes) => write!(f, " {}", hex(bytes)),
            Data::Secret(bytes) => write!(f, " + {} bytes withheld", bytes.len()),
        }
    }
}

/// Bytes as the standards print them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A response APDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The response data.
    pub data: Vec<u8>,
    /// SW1 and SW2.
    pub status: super::status_word::StatusWord,
}

impl Response {
    /// Splits what the card sent; none where it is shorter than a status word.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (data, status) = bytes.split_last_chunk::<2>()?;
        Some(Self { data: data.to_vec(), status: super::status_word::StatusWord(u16::from_be_bytes(*status)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::card::status_word::StatusWord;

    fn command(data: Data, answers: bool) -> Command {
        Command { name: "TEST", header: [0x00, 0x20, 0x00, 0x80], data, answers }
    }

    fn sent(command: &Command, protocol: Protocol) -> Vec<String> {
        command.encode(protocol).iter().map(|apdu| hex(apdu)).collect()
    }

    #[test]
    fn the_four_cases_have_the_form_that_each_protocol_wants() {
        let plain = || Data::Plain(vec![1, 2]);
        for (data, answers, t0, t1) in [
            (Data::None, false, "0020008000", "00200080"),
            (Data::None, true, "0020008000", "0020008000"),
            (plain(), false, "00200080020102", "00200080020102"),
            (plain(), true, "00200080020102", "0020008002010200"),
        ] {
            let command = command(data, answers);
            assert_eq!(
                (sent(&command, Protocol::T0), sent(&command, Protocol::T1)),
                (vec![t0.into()], vec![t1.into()])
            );
        }
    }

    #[test]
    fn long_data_goes_as_a_chain_whose_last_link_alone_has_a_plain_class() {
        let chain = command(Data::Plain(vec![0xAA; 300]), true).encode(Protocol::T1);
        assert_eq!(
            chain.iter().map(|apdu| (apdu[0], apdu[4], apdu.len())).collect::<Vec<_>>(),
            [(0x10, 255, 260), (0x00, 45, 51)]
        );
    }

    /// What a card makes of a chain: the header and the whole data, where every link is well formed.
    fn received(chain: &[Pages]) -> Option<([u8; 4], Vec<u8>)> {
        let mut data = Vec::new();
        let (last, before) = chain.split_last()?;
        for link in before {
            let [cla, _, _, _, length, rest @ ..] = &**link else { return None };
            (cla & 0x10 != 0 && rest.len() == usize::from(*length)).then_some(())?;
            data.extend_from_slice(rest);
        }
        let (header, body) = last.split_first_chunk::<4>()?;
        match body {
            [] | [_] => {}
            [length, rest @ ..] => data.extend_from_slice(rest.get(..usize::from(*length))?),
        }
        Some((*header, data))
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_what_a_card_receives_whatever_its_length(
            data in proptest::collection::vec(proptest::num::u8::ANY, 1..1024),
            answers in proptest::bool::ANY,
            t0 in proptest::bool::ANY,
        ) {
            let protocol = if t0 { Protocol::T0 } else { Protocol::T1 };
            let chain = command(Data::Plain(data.clone()), answers).encode(protocol);
            assert!(chain.iter().all(|apdu| apdu.len() <= 261));
            assert_eq!(received(&chain), Some(([0x00, 0x20, 0x00, 0x80], data)));
        }

        #[test]
        fn a_response_is_its_data_and_its_status_word(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let parsed = Response::parse(&bytes).map(|response| {
                [response.data, response.status.0.to_be_bytes().to_vec()].concat()
            });
            assert_eq!(parsed, (bytes.len() >= 2).then_some(bytes));
        }
    }

    #[test]
    fn a_secret_is_counted_and_not_shown() {
        let command = command(Data::Secret(Pages::from(&b"271828\xFF\xFF"[..])), false);
        assert_eq!(format!("{command:?}"), "TEST [00, 20, 00, 80] + 8 bytes withheld");
    }

    #[test]
    fn a_response_shorter_than_a_status_word_is_none() {
        assert_eq!(Response::parse(&[0x90]), None);
        assert_eq!(Response::parse(&[1, 0x90, 0]), Some(Response { data: vec![1], status: StatusWord(0x9000) }));
    }
}
