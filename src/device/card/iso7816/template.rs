//! Commands with the places where secrets go, by what a profile says: what is shown without a card is what is sent to one.

use std::fmt::{self, Write as _};

use super::{
    encoding::Encoding,
    profile::{Aid, Apdu, Counter, First, Form, Reference, Serial},
};
use crate::{
    device::card::{
        apdu::{Command, Data},
        pad::Field,
    },
    error::{Error, Result},
    secret::{Pages, Pin},
};

/// Which of its values goes to a place in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that the card has now.
    Current,
    /// The PIN of delivery.
    Transport,
    /// The one that it is to get.
    New,
}

/// A place in a command where a secret goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret<'a> {
    /// Whose.
    pub reference: &'a Reference,
    /// Which of its values.
    pub which: Which,
}

/// What the data of a command is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part<'a> {
    Plain(Vec<u8>),
    Secret(Secret<'a>),
}

/// A command APDU with places for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<'a> {
    /// The standard's name for it.
    pub name: &'static str,
    header: [u8; 4],
    parts: Vec<Part<'a>>,
    answers: bool,
}

impl<'a> Template<'a> {
    fn new(name: &'static str, header: [u8; 4], parts: Vec<Part<'a>>) -> Self {
        Self { name, header, parts, answers: false }
    }

    fn plain(name: &'static str, apdu: &Apdu) -> Self {
        let data = Part::Plain(apdu.data.clone());
        Self { name, header: apdu.header, parts: vec![data], answers: apdu.answers }
    }

    /// The secrets it wants, in order.
    pub fn secrets(&self) -> impl Iterator<Item = Secret<'a>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Secret(secret) => Some(*secret),
            Part::Plain(_) => None,
        })
    }

    /// CLA, INS, P1, P2.
    pub fn header(&self) -> [u8; 4] {
        self.header
    }

    /// How each of its secrets stands in it, for a reader that fills them in; none where they differ, where something else stands
    /// there as well, and where no reader can form them.
    pub fn field(&self) -> Option<Field> {
        let mut fields = self.parts.iter().map(|part| match part {
            Part::Secret(Secret { reference, .. }) => Field::of(reference.encoding, reference.pad),
            Part::Plain(_) => None,
        });
        let first = fields.next()??;
        fields.all(|field| field == Some(first)).then_some(first)
    }

    /// The command, with `values` in the places of its secrets, in order.
    ///
    /// # Errors
    /// [`Error::Policy`] where a value cannot be carried: nothing was sent. [`Error::Internal`] where there are more or fewer
    /// values than places.
    pub fn fill(&self, values: &[&Pin]) -> Result<Command> {
        let secrets: Vec<Secret<'_>> = self.secrets().collect();
        if secrets.len() != values.len() {
            return Err(Error::Internal("a command has another number of secrets".into()));
        }
        let mut blocks = secrets
            .iter()
            .zip(values)
            .map(|(Secret { reference, .. }, value)| reference.encoding.encode(value, reference.pad));
        let mut data = Pages::with_capacity(usize::from(u8::MAX));
        for part in &self.parts {
            match part {
                Part::Plain(bytes) => data.extend_from_slice(bytes),
                Part::Secret(_) => {
                    blocks.next().transpose()?.iter().for_each(|block| data.extend_from_slice(block));
                }
            }
        }
        drop(blocks);
        if data.len() > usize::from(u8::MAX) {
            return Err(Error::Policy("the values are too long for one command; nothing was sent".into()));
        }
        let data = match (data.is_empty(), secrets.is_empty()) {
            (true, _) => Data::None,
            (false, true) => Data::Plain(data.to_vec()),
            (false, false) => Data::Secret(data),
        };
        Ok(Command { name: self.name, header: self.header, data, answers: self.answers })
    }

    /// The data's length where it does not depend on a value.
    fn length(&self) -> Option<usize> {
        let lengths = self.parts.iter().map(|part| match part {
            Part::Plain(bytes) => Some(bytes.len()),
            Part::Secret(Secret { reference, .. }) => match reference.encoding {
                Encoding::Glp => Some(super::encoding::GLP_BLOCK),
                Encoding::Ascii | Encoding::Bcd => reference.pad.map(|pad| pad.to),
            },
        });
        lengths.sum()
    }
}

/// The bytes, with each secret by name: `00 20 00 01 0C {PIN1 FF-padded to 12}`.
impl fmt::Display for Template<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line: String = self.header.iter().map(|byte| format!("{byte:02X} ")).collect();
        match self.length() {
            Some(0) => {}
            Some(length) => write!(line, "{length:02X} ")?,
            None => line.push_str("Lc "),
        }
        for part in &self.parts {
            match part {
                Part::Plain(bytes) => bytes.iter().try_for_each(|byte| write!(line, "{byte:02X} "))?,
                Part::Secret(secret) => write!(line, "{{{secret}}} ")?,
            }
        }
        if self.answers {
            line.push_str("00");
        }
        f.write_str(line.trim_end())
    }
}

/// `new PIN1 FF-padded to 12`.
impl fmt::Display for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reference { name, encoding, pad, .. } = self.reference;
        f.write_str(match self.which {
            Which::Current => "",
            Which::Transport => "transport ",
            Which::New => "new ",
        })?;
        f.write_str(name)?;
        match encoding {
            Encoding::Ascii => {}
            Encoding::Bcd => f.write_str(" as BCD")?,
            Encoding::Glp => f.write_str(" as a GlobalPlatform block")?,
        }
        pad.iter().try_for_each(|pad| write!(f, " {:02X}-padded to {}", pad.byte, pad.to))
    }
}

/// SELECT by an application identifier (ISO 7816-4, 11.2.2): the first or only occurrence, with its control information.
pub fn select_application<'a>(aid: &Aid) -> Template<'a> {
    let apdu = Apdu { header: [0x00, 0xA4, 0x04, 0x00], data: aid.0.clone(), answers: true };
    Template::plain("SELECT", &apdu)
}

/// A SELECT command as the profile has it.
pub fn select<'a>(apdu: &Apdu) -> Template<'a> {
    Template::plain("SELECT", apdu)
}

impl Serial {
    /// The command that reads the serial number, once its file is selected where it is in one.
    pub fn read(&self) -> Template<'_> {
        match &self.get_data {
            Some(command) => Template::plain("GET DATA", &command.0),
            None => Template::plain(
                "READ BINARY",
                &Apdu { header: [0x00, 0xB0, 0x00, 0x00], data: Vec::new(), answers: true },
            ),
        }
    }
}

impl Reference {
    fn secret(&self, which: Which) -> Part<'_> {
        Part::Secret(Secret { reference: self, which })
    }

    /// The command that reads the counter, where the card tells it.
    pub fn ask(&self) -> Option<Template<'_>> {
        match &self.counter {
            Counter::Verify => Some(Template::new("VERIFY", [0x00, 0x20, 0x00, self.key?], Vec::new())),
            Counter::GetData(data) => Some(Template::plain("GET DATA", &data.command.0)),
            Counter::None => None,
        }
    }

    /// VERIFY with the current value, or with a new one as proof; none where it has no key reference.
    pub fn verify(&self, which: Which) -> Option<Template<'_>> {
        Some(Template::new("VERIFY", [0x00, 0x20, 0x00, self.key?], vec![self.secret(which)]))
    }

    /// CHANGE REFERENCE DATA with the old value and the new one, where it works.
    pub fn exchange(&self) -> Option<Template<'_>> {
        let key = self.key.filter(|_| self.change)?;
        let parts = vec![self.secret(Which::Current), self.secret(Which::New)];
        Some(Template::new("CHANGE REFERENCE DATA", [0x00, 0x24, 0x00, key], parts))
    }

    /// The command that gives it its first value, where it can be without one.
    pub fn set(&self) -> Option<Template<'_>> {
        let new = self.secret(Which::New);
        let (p1, parts) = match self.first.as_ref()? {
            First::Set { .. } => (0x01, vec![new]),
            First::NullPin { value } => (0x00, vec![Part::Plain(value.0.clone()), new]),
            First::TransportPin { .. } => (0x00, vec![self.secret(Which::Transport), new]),
        };
        Some(Template::new("CHANGE REFERENCE DATA", [0x00, 0x24, p1, self.key?], parts))
    }

    /// RESET RETRY COUNTER in one of its forms, by the value of `by`; the last two want it verified before.
    pub fn reset<'a>(&'a self, form: Form, by: &'a Reference) -> Option<Template<'a>> {
        let (code, new) = (by.secret(Which::Current), self.secret(Which::New));
        let (p1, parts) = match form {
            Form::WithCode => (0x00, vec![code, new]),
            Form::CodeOnly => (0x01, vec![code]),
            Form::Verified => (0x02, vec![new]),
            Form::VerifiedKeep => (0x03, Vec::new()),
        };
        Some(Template::new("RESET RETRY COUNTER", [0x00, 0x2C, p1, self.key?], parts))
    }
}

#[cfg(test)]
mod tests;
