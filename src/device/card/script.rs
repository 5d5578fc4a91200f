//! A card that knows one dialogue by heart: `>` a command, `<` its response, `{old}` a secret by name (`{old FF8}` filled up with
//! FF to 8 bytes, `{old GLP}` in a block of GlobalPlatform, `{so-pin HEX}` its hexadecimal digits), `#` why.
//! `> reset` is a reset of the card, `< pulled` its end. `> reader 42330006 1E 1E` is a request to the reader itself, by its control
//! code; `< nothing` an empty answer. A reader of whom a dialogue has no request takes none.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use zeroize::Zeroizing;

use super::{
    apdu::{Protocol, hex},
    application::CardApplication,
    channel::{Channel, Transport},
};
use crate::{
    error::{EntryEnd, Error, Keys, Result},
    secret::{Entry, Pin},
    token::{Place, Role, Text, Token, Trace},
};

/// The secrets of dialogues, by name.
const SECRETS: &[(&str, &str)] = &[
    ("old", "123456"),
    ("new", "271828"),
    ("surplus", "1234561"),
    ("puk", "12345678"),
    ("new-puk", "87654321"),
    ("admin", "12345678"),
    ("new-admin", "87654321"),
    ("code", "24682468"),
    ("key", "010203040506070801020304050607080102030405060708"),
    ("new-key", "8F3A61C20B7E94D5A1187C4F5D926E03B4297AF0C8165DE2"),
    ("long-key", "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4"),
    ("so-pin", "3537363231383830"),
    ("new-so-pin", "A1B2C3D4E5F60718"),
    ("admin-key", "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123"),
    ("new-admin-key", "FEDCBA9876543210DCBA9876543210FEBA9876543210FEDC"),
    // What the admin key makes of "The qufc" (SP 800-67, appendix B.1).
    ("response", "A826FD8CE53B855F"),
];

/// A secret by its name.
pub fn entry(name: &str) -> Entry {
    let (_, value) = SECRETS.iter().find(|(known, _)| *known == name).unwrap();
    Entry::Value(Pin::take(Zeroizing::new(value.as_bytes().to_vec())))
}

/// The dialogue with another answer at its end, and what comes behind it.
pub fn ends(dialogue: &str, answer: &str, behind: &str) -> String {
    let kept = dialogue.trim_end().strip_suffix("90 00").unwrap();
    format!("{kept}{answer}\n{behind}")
}

/// What a reader answers by itself where an entry of the user PIN came to nothing (PC/SC part 10), and what that is.
pub fn entries_that_came_to_nothing() -> [(&'static str, Error); 4] {
    let told = |answer: &'static str, end| {
        let detail = Some(format!("SW {}", answer.replace(' ', "")));
        (answer, Error::NotEntered { role: Role::UserPin, end, keys: Keys::Reader, detail })
    };
    [
        told("64 00", EntryEnd::TimedOut),
        told("64 01", EntryEnd::Cancelled),
        told("64 02", EntryEnd::Differ),
        told("64 03", EntryEnd::Length),
    ]
}

/// Lends the application out as a token to work that knows nothing of cards.
pub fn as_token<R>(
    work: impl FnOnce(&mut dyn Token) -> R,
) -> impl FnOnce(&mut dyn CardApplication, &mut Channel<'_>) -> R {
    move |application, channel| work(application.token(channel, Place::Reader(Text::from("Reader"))).as_mut())
}

#[derive(Debug, PartialEq)]
enum Line {
    Command(String),
    Control(String),
    Response(Vec<u8>),
    Reset,
    Pulled,
}

struct Script {
    protocol: Protocol,
    lines: VecDeque<Line>,
    /// Whether requests to the reader itself are part of the dialogue.
    has_reader: bool,
}

impl Transport for Script {
    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, apdu: &[u8]) -> Result<Vec<u8>> {
        assert_eq!(self.lines.pop_front(), Some(Line::Command(hex(apdu))));
        match self.lines.pop_front() {
            Some(Line::Response(response)) => Ok(response),
            Some(Line::Pulled) => Err(Error::device("pulled", None)),
            other => panic!("no response, but {other:?}"),
        }
    }

    fn reset(&mut self) -> Result<()> {
        assert_eq!(self.lines.pop_front(), Some(Line::Reset));
        Ok(())
    }

    fn control(&mut self, code: u32, data: &[u8], _limit: Duration) -> Result<Vec<u8>> {
        if !self.has_reader {
            return Err(Error::device("the reader takes no such request", None));
        }
        assert_eq!(self.lines.pop_front(), Some(Line::Control(format!("{code:08X}{}", hex(data)))));
        match self.lines.pop_front() {
            Some(Line::Response(response)) => Ok(response),
            Some(Line::Pulled) => Err(Error::device("pulled", None)),
            other => panic!("no response, but {other:?}"),
        }
    }
}

fn parse(dialogue: &str) -> VecDeque<Line> {
    let mut text = dialogue.to_owned();
    for (name, value) in SECRETS {
        for (filler, byte) in [("FF", 0xFF), ("00", 0x00)] {
            for length in [8, 12, 16] {
                let mut block = value.as_bytes().to_vec();
                block.resize(length, byte);
                text = text.replace(&format!("{{{name} {filler}{length}}}"), &hex(&block));
            }
        }
        let digits: String = format!("2{:X}{value:F<14}", value.len());
        text = text.replace(&format!("{{{name} GLP}}"), &digits);
        text = text.replace(&format!("{{{name}}}"), &hex(value.as_bytes()));
        text = text.replace(&format!("{{{name} HEX}}"), value);
    }
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| match line.split_at(2) {
            ("> ", "reset") => Line::Reset,
            ("< ", "pulled") => Line::Pulled,
            ("< ", "nothing") => Line::Response(Vec::new()),
            ("> ", command) if command.starts_with("reader ") => {
                Line::Control(command["reader ".len()..].replace(' ', ""))
            }
            ("> ", command) => Line::Command(command.replace(' ', "")),
            ("< ", response) => Line::Response(bytes(response)),
            _ => panic!("no line of a dialogue: {line}"),
        })
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// Lets `work` meet the card of `dialogue` under that protocol, by what `application` knows of it. Anything else than the
/// dialogue, in that order and to its end, is a failure, and so is a secret in the trace.
pub fn play<R>(
    application: &mut dyn CardApplication,
    protocol: Protocol,
    dialogue: &str,
    work: impl FnOnce(&mut dyn CardApplication, &mut Channel<'_>) -> R,
) -> R {
    let lines = parse(dialogue);
    let has_reader = lines.iter().any(|line| matches!(line, Line::Control(_)));
    let mut script = Script { protocol, lines, has_reader };
    let traced = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&traced);
    let trace = Trace::to(move |line| sink.lock().unwrap().push_str(&format!("{line}\n")));
    let result = {
        let mut channel = Channel::new(&mut script, &trace);
        work(application, &mut channel)
    };
    assert_eq!(script.lines, [], "the dialogue goes on");
    let traced = traced.lock().unwrap();
    for (name, value) in SECRETS {
        assert!(!traced.contains(value) && !traced.contains(&hex(value.as_bytes())), "{name} in {traced}");
    }
    result
}

/// A card that answers every command by `answer` and remembers what it was sent.
pub struct Answering<F: FnMut(&[u8]) -> Vec<u8>> {
    answer: F,
    pub sent: Vec<Vec<u8>>,
}

impl<F: FnMut(&[u8]) -> Vec<u8>> Answering<F> {
    pub fn new(answer: F) -> Self {
        Self { answer, sent: Vec::new() }
    }

    /// Lets `work` meet it, by what `application` knows of it.
    pub fn meet<R>(
        &mut self,
        application: &mut dyn CardApplication,
        work: impl FnOnce(&mut dyn CardApplication, &mut Channel<'_>) -> R,
    ) -> R {
        let trace = Trace::default();
        work(application, &mut Channel::new(self, &trace))
    }
}

impl<F: FnMut(&[u8]) -> Vec<u8>> Transport for Answering<F> {
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    fn transmit(&mut self, apdu: &[u8]) -> Result<Vec<u8>> {
        assert!(self.sent.len() < 1000, "this does not end");
        self.sent.push(apdu.to_vec());
        Ok((self.answer)(apdu))
    }

    fn reset(&mut self) -> Result<()> {
        self.sent.push(b"reset".to_vec());
        Ok(())
    }
}
