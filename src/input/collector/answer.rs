//! The response to a challenge: taken from its source only once the challenge has been said.

use super::{Collector, PATIENCE, Source, check, credential, from_environment, nothing_typed, open};
use crate::{
    challenge::Block,
    error::{Error, Result},
    input::lines::Lines,
    secret::{Pages, Pin},
    token::{Need, Role, Survey},
};

/// What a response is for.
const RESPONSE: Need = Need::Current(Role::Response);

impl Collector {
    /// Whether a person is asked for the response, who can give another one to another challenge.
    pub fn asks_for_response(&self) -> bool {
        matches!(self.sources.get(&RESPONSE), None | Some(Source::Prompt | Source::Pinentry))
    }

    /// The response to `challenge`, in hexadecimal digits: one line of its source, which is read now and not before, or what a
    /// person types, who is told what is mistyped in it and asked again.
    ///
    /// # Errors
    /// [`Error::Usage`] where its source cannot be read, [`Error::Policy`] for what is no response to this challenge,
    /// [`Error::Interrupted`].
    pub fn answer(&mut self, challenge: &Block, survey: &Survey) -> Result<Pin> {
        match self.sources.get(&RESPONSE) {
            None | Some(Source::Prompt | Source::Pinentry) => {}
            Some(Source::Credential(name)) => return response(&credential::read(name, RESPONSE)?, challenge),
            Some(Source::Env(name)) => return response(&from_environment(name, RESPONSE)?, challenge),
            Some(source) => return response(&Lines::read_one(open(source, RESPONSE)?, RESPONSE)?, challenge),
        }
        let prompter = self.asked(RESPONSE)?;
        let question = format!("Response to the challenge {challenge} of {}: ", survey.identity);
        for _ in 1..PATIENCE {
            let given = prompter.secret(&question)?;
            match response(&given, challenge) {
                Err(_) if given.is_empty() => prompter.tell(&nothing_typed().to_string()),
                Err(refused) => prompter.tell(&refused.to_string()),
                given => return given,
            }
        }
        let given = prompter.secret(&question)?;
        if given.is_empty() { Err(nothing_typed()) } else { response(&given, challenge) }
    }

    /// Refuses a source of which the response would be one line among others: those are read ahead, and it is not there yet.
    pub(super) fn check_late(&self) -> Result<()> {
        let Some(late) = self.sources.get(&RESPONSE) else { return Ok(()) };
        let lines = matches!(late, Source::Stdin | Source::File(_) | Source::Descriptor(_));
        match self.sources.iter().find(|(need, source)| lines && **need != RESPONSE && *source == late) {
            Some((other, _)) => Err(Error::Usage(format!(
                "--response and --{} name the same source, which is read to its end before there is a challenge to respond to",
                other.option()
            ))),
            None => Ok(()),
        }
    }
}

/// A response as it was given, plain or in groups, in plain digits.
fn response(given: &Pin, challenge: &Block) -> Result<Pin> {
    check(RESPONSE, given)?;
    let refused = |why: &str| Error::Policy(format!("what --response gave {why}; nothing was sent"));
    let text = std::str::from_utf8(given.bytes()).map_err(|_| refused("is no hexadecimal number"))?;
    let response = Block::parse(text).map_err(|why| refused(&why.to_string()))?;
    if response.bytes().len() != challenge.bytes().len() {
        let [given, wanted] = [&response, challenge].map(|block| 2 * block.bytes().len());
        return Err(refused(&format!("has {given} digits, where the response to this challenge has {wanted}")));
    }
    // Of their final size from the start, so that no copy is left behind.
    let mut digits = Pages::filled(2 * response.bytes().len(), 0);
    base16ct::upper::encode(response.bytes(), &mut digits).map_err(|_| refused("is no hexadecimal number"))?;
    Ok(Pin::take(digits))
}
