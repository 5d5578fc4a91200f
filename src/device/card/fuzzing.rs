//! What the fuzz targets call (`fuzz/`): the ways by which bytes from outside come in. It is no part of the tool.

use super::{
    apdu::Protocol,
    channel::Channel,
    channel::Transport,
    every::every_application,
    iso7816,
    pad::{Features, Properties},
    tlv,
};
use crate::{
    error::{Error, Result},
    token::{Depth, Place, Role, Text, Trace},
};

/// A card that answers by a script: a byte that says how many follow, and these; none at all when the script ends.
struct Scripted<'a>(&'a [u8]);

impl Transport for Scripted<'_> {
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    fn transmit(&mut self, _apdu: &[u8]) -> Result<Vec<u8>> {
        let pulled = || Error::device("the card was pulled", None);
        let (length, rest) = self.0.split_first().ok_or_else(pulled)?;
        let (answer, rest) = rest.split_at(rest.len().min((*length).into()));
        self.0 = rest;
        Ok(answer.to_vec())
    }

    fn reset(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Lets every application look at a card of these answers.
pub fn answers(script: &[u8]) {
    let trace = Trace::default();
    for mut one in every_application() {
        let mut card = Scripted(script);
        let mut channel = Channel::new(&mut card, &trace);
        // An error is an answer; a panic, or a loop without an end, is what is looked for.
        let _ = one.identify(&mut channel);
        let mut token = one.token(&mut channel, Place::Reader(Text::from("Reader")));
        let _ = token.survey(Depth::Full);
        let _ = token.survey(Depth::Only(&Role::ALL));
    }
}

/// Looks into an object by paths of tags of every length.
pub fn object(bytes: &[u8]) {
    for path in
        [&[0x6E, 0x73, 0xC4][..], &[0x7E, 0x5F2F], &[0x7F71, 0x97], &[0x70, 0xBF_8101, 0xA0, 0x9B], &[0x06], &[]]
    {
        let found = tlv::find(bytes, path);
        assert!(found.is_none_or(|value| value.len() <= bytes.len()));
    }
}

/// Reads what a reader tells of its keys.
pub fn reader(bytes: &[u8]) {
    let _ = Features::parse(bytes);
    let _ = (Properties::parse(bytes), Properties::of_structure(bytes));
}

/// Reads a profile.
pub fn profile(text: &str) {
    let _ = iso7816::profile::Profile::parse(text, "FILE");
}
