//! Cards in PC/SC readers, and the applications on them.

mod apdu;
mod application;
mod channel;
pub mod cipher;
mod clients;
pub mod doctor;
#[cfg(any(test, fuzzing))]
mod every;
mod failure;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gids;
mod handle;
pub mod iso7816;
mod openpgp;
mod pad;
mod pcscd;
mod piv;
mod reader;
mod refusal;
mod sc_hsm;
#[cfg(test)]
mod script;
mod status_word;
mod tlv;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use application::CardApplication;
use channel::Channel;
use iso7816::{Memory, Profiles};
use reader::{Card, Continuity, Reader, Sharing};

use crate::{
    error::{Error, Instead, Result, Trouble},
    selector::Selector,
    token::{Access, Application, Connection, Found, Place, Text, Token, Trace},
};

/// What every card connection has in common.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long to wait for a program that holds a card for itself.
    pub wait: Duration,
    /// Where APDUs are traced.
    pub trace: Trace,
    /// The cards that are known by a profile.
    pub profiles: Profiles,
}

/// Which cards are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The application, where one was named.
    pub application: Option<&'a str>,
    /// The token, where one was named.
    pub selector: Option<&'a Selector>,
    /// Which of several user PINs is meant, where one was named.
    pub reference: Option<&'a str>,
    /// Whether the token alone is wanted, so that a single candidate need not be asked who it is: the survey will see.
    pub sparing: bool,
}

/// What a search came to.
pub struct Search {
    /// The tokens.
    pub found: Vec<Found>,
    /// What hindered it here and there: a card that another holds, one that does not answer.
    pub problems: Vec<Error>,
    /// What there is instead of a card that is known.
    pub instead: Option<Instead>,
    /// Every reader that holds a card, wanted or not.
    pub readers: Vec<Text>,
}

/// Every application that a card is asked for and that needs no profile, in an order that harms nothing: a SELECT drops no more
/// than the verified state of the one before.
fn built_in() -> Vec<Box<dyn CardApplication>> {
    vec![
        Box::new(piv::Memory::default()),
        Box::new(openpgp::Memory::default()),
        Box::new(gids::Memory::default()),
        Box::new(sc_hsm::Memory::default()),
    ]
}

/// Every application that a card of this answer to reset is asked for: those of profiles come last, as one of a directory has to
/// leave what was selected before.
fn applications(wanted: Wanted<'_>, profiles: &Profiles, atr: &[u8]) -> Vec<Box<dyn CardApplication>> {
    let is_wanted = |one: &dyn CardApplication| wanted.application.is_none_or(|name| one.application().name() == name);
    let mut applications: Vec<Box<dyn CardApplication>> =
        built_in().into_iter().filter(|one| is_wanted(one.as_ref())).collect();
    for candidate in profiles.candidates(atr, wanted.application) {
        applications.push(Box::new(Memory::new(candidate, atr, wanted.reference)));
    }
    applications
}

/// The applications that a card is asked for.
pub fn known(profiles: &Profiles) -> Vec<Application> {
    let own = built_in().into_iter().map(|application| application.application());
    own.chain(profiles.kinds().map(|kind| kind.application())).collect()
}

/// Looks for applications on the cards in all readers, in all of them at once: a card takes its time.
///
/// # Errors
/// [`Error::Device`] where there is no pcscd, or it turns us away.
pub fn find(wanted: Wanted<'_>, settings: &Settings) -> Result<Search> {
    let (mut readers, attached) = reader::with_cards()?;
    let names = readers.iter().map(|reader| reader.name.clone()).collect();
    if let Some(name) = wanted.selector.and_then(Selector::reader) {
        readers.retain(|reader| reader.name.bytes() == name);
    }
    let mut search = Search { found: Vec::new(), problems: Vec::new(), instead: None, readers: names };
    search.instead = match (attached, readers.as_slice()) {
        (0, _) => Some(Instead { what: "no card reader is attached".into(), cure: Some(Trouble::NoReader.cure()) }),
        (_, []) => Some(Instead { what: "no reader holds a card".into(), cure: Some(Trouble::NoCard.cure()) }),
        (_, [reader, ..]) => Some(Instead {
            what: format!(
                "the card in {} has no application that is looked for; its answer to reset is {}",
                reader.name,
                spaced(&reader.atr)
            ),
            cure: None,
        }),
    };
    let decided = wanted.application.is_some() && wanted.selector.is_none_or(Selector::is_decided_by_reader);
    let spared = wanted.sparing && decided && readers.len() == 1;
    let looks: Vec<Look> = std::thread::scope(|scope| {
        let in_reader = |reader: Reader| {
            let is_held = reader.sharing == Sharing::Exclusive;
            let Look { found, problems } = look(reader, wanted, spared, settings);
            let problems = problems.into_iter();
            let problems = if is_held { problems.map(doctor::with_holder).collect() } else { problems.collect() };
            Look { found, problems }
        };
        let started: Vec<_> = readers.into_iter().map(|reader| scope.spawn(move || in_reader(reader))).collect();
        started
            .into_iter()
            .map(|thread| {
                thread.join().unwrap_or_else(|_| Look::hindered(Error::Internal("a panic in a reader's thread".into())))
            })
            .collect()
    });
    for look in looks {
        search.problems.extend(look.problems);
        search.found.extend(look.found.into_iter().map(|found| Found {
            identity: found.application.identity(found.place()),
            abilities: found.application.abilities(),
            connection: Box::new(found),
        }));
    }
    Ok(search)
}

/// The readers that hold a card; none where there is no pcscd. No card is touched.
pub fn readers() -> Vec<Text> {
    reader::with_cards().map_or_else(|_| Vec::new(), |(readers, _)| readers.into_iter().map(|one| one.name).collect())
}

/// How many readers there are, with a card or without; none where there is no pcscd.
pub fn attached() -> usize {
    reader::attached().map_or(0, |readers| readers.len())
}

/// Bytes as a profile takes them: `3B F5`.
fn spaced(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

/// What was found in one reader.
struct Look {
    found: Vec<OnCard>,
    problems: Vec<Error>,
}

impl Look {
    fn hindered(problem: Error) -> Self {
        Self { found: Vec::new(), problems: vec![problem] }
    }
}

/// Asks the card in `reader` for each application that may be wanted, each once.
fn look(reader: Reader, wanted: Wanted<'_>, spared: bool, settings: &Settings) -> Look {
    let (name, atr) = (reader.name.clone(), reader.atr.clone());
    let card = match reader.connect(settings.wait) {
        Ok(card) => Arc::new(Mutex::new(card)),
        Err(problem) => return Look::hindered(problem),
    };
    let candidates = applications(wanted, &settings.profiles, &atr).into_iter();
    let on_card = |application| OnCard {
        card: Arc::clone(&card),
        reader: name.clone(),
        application,
        serial: None,
        settings: settings.clone(),
    };
    if spared {
        return Look { found: candidates.map(on_card).collect(), problems: Vec::new() };
    }
    let mut look = Look { found: Vec::new(), problems: Vec::new() };
    for candidate in candidates {
        let mut candidate = on_card(candidate);
        match candidate.identify() {
            Ok(()) => look.found.push(candidate),
            // A card without the application is simply none of ours.
            Err((Error::NoToken(_), _)) => {}
            Err((problem, answers)) => {
                look.problems.push(problem);
                if !answers {
                    break;
                }
            }
        }
    }
    look
}

/// The connection to one application on a card: powered, not locked, with what is known of it. Those on one card share its
/// handle.
struct OnCard {
    card: Arc<Mutex<Card>>,
    reader: Text,
    application: Box<dyn CardApplication>,
    /// The serial that the card told, none inside where it has none; nothing where it was not asked.
    serial: Option<Option<Text>>,
    settings: Settings,
}

impl OnCard {
    fn place(&self) -> Place {
        Place::Reader(self.reader.clone())
    }

    /// Asks the card who it is. Where that fails, whether the card still answers.
    fn identify(&mut self) -> Result<(), (Error, bool)> {
        let mut answers = false;
        let mut serial = None;
        let done = self.with(|application, channel, _| {
            let told = application.identify(channel);
            answers = !channel.is_broken();
            serial = Some(told?);
            Ok(())
        });
        self.serial = serial;
        done.map_err(|error| (error, answers))
    }

    fn with(
        &mut self,
        work: impl FnOnce(&mut dyn CardApplication, &mut Channel<'_>, Place) -> Result<()>,
    ) -> Result<()> {
        let place = self.place();
        // A thread that panicked with the card has left it at a place that the next transaction begins anew.
        let mut card = self.card.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut transaction, continuity) = card.begin(self.settings.wait)?;
        let mut channel = Channel::new(&mut transaction, &self.settings.trace);
        let application = self.application.as_mut();
        // The handle that was kept proves that the card is the same one; after a reset its serial is asked as well.
        let known = self.serial.as_ref().filter(|_| continuity == Continuity::Reset);
        let same = application.resume(continuity).and_then(|()| recognise(application, &mut channel, known));
        let done = same.and_then(|()| work(application, &mut channel, place));
        let presented = channel.presented();
        transaction.end(presented);
        done
    }
}

/// Makes sure that this is still the card that was chosen, after another program reset it.
fn recognise(
    application: &mut dyn CardApplication,
    channel: &mut Channel<'_>,
    known: Option<&Option<Text>>,
) -> Result<()> {
    let Some(known) = known else { return Ok(()) };
    match application.identify(channel)? == *known {
        true => Ok(()),
        false => Err(Error::Device {
            what: "another card is in the reader now".into(),
            cure: Some("look again with `pukka list`".into()),
            detail: None,
        }),
    }
}

impl Connection for OnCard {
    fn transact(&mut self, _access: Access, work: &mut dyn FnMut(&mut dyn Token) -> Result<()>) -> Result<()> {
        // A transaction of PC/SC locks the card for reading and writing alike.
        self.with(|application, channel, place| work(application.token(channel, place).as_mut()))
    }

    fn hides_card(&self) -> bool {
        self.application.is_self_named()
    }
}

#[cfg(test)]
mod tests;
