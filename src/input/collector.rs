//! Collects the secrets of a plan: those at hand first, before any token is opened; the others from a person, never under a lock.

mod answer;
mod askers;
mod keys;
mod rules;

pub use rules::Rules;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, IsTerminal},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::PathBuf,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use zeroize::Zeroizing;

use super::{
    Prompter, Source, credential, file,
    lines::{self, Lines, as_typed, check, no_line, unreadable},
};
use crate::{
    error::{Error, Result},
    operation::{Plan, Secrets},
    policy,
    secret::{Entry, Pin},
    token::{Need, Retries, Role, Survey, Text},
};

/// How often a person may try to type a new value that is taken and repeated rightly.
const PATIENCE: usize = 3;

/// How the destruction of a live token is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destroy {
    /// A person types the name.
    Ask,
    /// The call named it.
    Named(String),
}

/// A value that we made, for the report.
#[derive(Debug)]
pub struct Generated {
    /// What it is for.
    pub need: Need,
    /// The value; none where it went to a file.
    pub value: Option<Pin>,
}

/// The secrets of one operation on their way from their sources.
pub struct Collector {
    sources: BTreeMap<Need, Source>,
    at_hand: BTreeMap<Need, Pin>,
    ask: Option<Box<dyn Prompter>>,
    pinentry: Option<Box<dyn Prompter>>,
    destroy: Destroy,
    generated: Vec<Generated>,
    files: Vec<PathBuf>,
    rules: Rules,
}

impl Collector {
    /// A collector over the sources that were named; `ask` is none where nobody may be asked.
    pub fn new(sources: BTreeMap<Need, Source>, ask: Option<Box<dyn Prompter>>, destroy: Destroy) -> Self {
        let (at_hand, generated, files) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { sources, at_hand, ask, pinentry: None, destroy, generated, files, rules: Rules::default() }
    }

    /// Reads every source that needs no person. Nothing of a token is known or touched yet.
    ///
    /// # Errors
    /// [`Error::Usage`] for a source that is missing, unreadable or open to others, and for missing or left-over lines of
    /// standard input; [`Error::Policy`] for a value that nobody meant.
    pub fn read_ahead(&mut self) -> Result<()> {
        let mut shared: Vec<(Source, Lines)> = Vec::new();
        self.check_late()?;
        let mut has_left_over = false;
        let named: Vec<_> = self.sources.iter().filter(|(need, _)| !need.is_late()).collect();
        for (at, (need, source)) in named.iter().copied().enumerate() {
            let value = match source {
                Source::Env(name) => from_environment(name, *need)?,
                Source::Credential(name) => credential::read(name, *need)?,
                Source::Stdin | Source::File(_) | Source::Descriptor(_) => {
                    let index = match shared.iter().position(|(open, _)| open == source) {
                        Some(index) => index,
                        None => {
                            shared.push((source.clone(), Lines::read(open(source, *need)?, *need)?));
                            shared.len() - 1
                        }
                    };
                    let line = shared.get_mut(index).and_then(|(_, lines)| lines.next_line());
                    // What nobody will ask for goes at once.
                    if !named.iter().skip(at + 1).any(|(_, other)| *other == source) {
                        let (_, lines) = shared.swap_remove(index);
                        has_left_over |= *source == Source::Stdin && !lines.is_done();
                    }
                    line.ok_or_else(|| no_line(*need))?
                }
                Source::Prompt | Source::Pinentry | Source::Pad | Source::Generate | Source::GenerateTo(_) => continue,
            };
            check(*need, &value)?;
            self.at_hand.insert(*need, value);
        }
        match has_left_over {
            true => Err(Error::Usage("standard input holds more lines than there are options that name it".into())),
            false => Ok(()),
        }
    }

    /// Whether a source was named for it.
    pub fn names(&self, need: Need) -> bool {
        self.sources.contains_key(&need)
    }

    /// The secret of a command that needs no token: from its source, or from a person who is asked `question`.
    ///
    /// # Errors
    /// As [`Self::read_ahead`]; [`Error::Usage`] where nobody may be asked, or the keys of a token are named, as there is none;
    /// [`Error::Interrupted`].
    pub fn without_token(&mut self, need: Need, question: &str) -> Result<Pin> {
        self.read_ahead()?;
        if let Some(value) = self.at_hand.remove(&need) {
            return Ok(value);
        }
        if self.sources.get(&need) == Some(&Source::Pad) {
            return Err(Error::Usage(format!(
                "--{} names the keys of a token, and none is needed here",
                need.option()
            )));
        }
        let value = typed(self.asked(need)?, question)?;
        check(need, &value).map(|()| value)
    }

    /// Whether everything that the plan needs is at hand without asking anyone.
    pub fn is_ready(&self, plan: &Plan, survey: &Survey) -> bool {
        let at_hand = |need: &Need| {
            self.at_hand.contains_key(need)
                || self.is_made(*need)
                || (self.is_typed_at_token(*need, plan, survey) && self.ask.is_some())
        };
        let confirmed = plan.destroys.is_none() || matches!(self.destroy, Destroy::Named(_));
        confirmed && plan.needs().iter().all(at_hand)
    }

    /// Checks the values that are at hand, and the name that confirms a destruction, for a plan that is not carried out.
    ///
    /// # Errors
    /// As [`Collector::collect`].
    pub fn check_ahead(&self, plan: &Plan, survey: &Survey) -> Result<()> {
        match (&plan.destroys, &self.destroy) {
            (Some(name), Destroy::Named(given)) => confirm(name, given)?,
            (None, Destroy::Named(_)) => {
                return Err(Error::Usage(
                    "--destroy names a live token, and the one that is meant is blank: name it with --token".into(),
                ));
            }
            (_, Destroy::Ask) => {}
        }
        self.check_keys(plan, survey)?;
        for need in plan.needs() {
            match self.at_hand.get(&need) {
                Some(value) => self.check_value(need, value, survey)?,
                None if self.is_typed_at_token(need, plan, survey) && self.ask.is_some() => {}
                None if self.is_typed_at_token(need, plan, survey) => return Err(missing(need)),
                None => self.may_be_had(need, plan, survey)?,
            }
        }
        Ok(())
    }

    /// Whether a value that is not at hand can be had at all: without anyone to ask it must have a source.
    fn may_be_had(&self, need: Need, plan: &Plan, survey: &Survey) -> Result<()> {
        match self.sources.get(&need) {
            Some(Source::GenerateTo(path)) => file::is_free(path, need),
            Some(Source::Generate) if !is_read(&io::stdout()) => Err(Error::Usage(
                "nobody reads standard output, where the generated value goes; use generate:FILE".into(),
            )),
            Some(Source::Generate) => Ok(()),
            Some(Source::Env(name)) => from_environment(name, need).map(drop),
            Some(Source::Credential(name)) => credential::read(name, need).map(drop),
            // What is read late may not even be there yet.
            Some(Source::Stdin | Source::File(_) | Source::Descriptor(_)) => Ok(()),
            Some(Source::Pad) => Err(self.refused_keys(need, plan, survey)),
            _ => self.can_ask(need),
        }
    }

    /// Asks a person for what is not at hand, and for the confirmation of a destruction; afterwards [`Self::is_ready`], but for
    /// a response, which [`Self::answer`] asks for.
    ///
    /// # Errors
    /// [`Error::Usage`] where something is missing and nobody may be asked, [`Error::Policy`], [`Error::Interrupted`],
    /// [`Error::NotConfirmedByUser`].
    pub fn ask(&mut self, plan: &Plan, survey: &Survey) -> Result<()> {
        // Whether all can be had is settled before anybody is asked for the first.
        self.check_ahead(plan, survey)?;
        if let Some(name) = &plan.destroys {
            self.confirm_destruction(name, survey)?;
            self.destroy = Destroy::Named(name.clone());
        }
        for need in plan.needs().into_iter().filter(|need| !need.is_late()) {
            if self.at_hand.contains_key(&need) || self.is_made(need) || self.is_typed_at_token(need, plan, survey) {
                continue;
            }
            let value = match is_new(need, survey) {
                true => self.ask_new(need, survey)?,
                false => self.ask_current(need, survey)?,
            };
            self.at_hand.insert(need, value);
        }
        Ok(())
    }

    /// Hands every secret of the plan over but a response, each checked before anything is sent; makes those that are generated.
    /// Nobody is asked, but told what the token's own keys are for.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn collect(&mut self, plan: &Plan, survey: &Survey) -> Result<Secrets> {
        self.check_ahead(plan, survey)?;
        self.announce(plan, survey)?;
        let mut secrets = Secrets::default();
        for need in plan.needs().into_iter().filter(|need| !need.is_late()) {
            let entry = if let Some(value) = self.at_hand.remove(&need) {
                Entry::Value(value)
            } else if self.is_typed_at_token(need, plan, survey) {
                Entry::Pad
            } else {
                Entry::Value(self.make(need, survey, &secrets)?)
            };
            secrets.put(need, entry);
        }
        Ok(secrets)
    }

    /// Takes back what was handed over for an act that came to nothing and is begun again. What was generated for it is made
    /// anew then: till that time nobody shall take it for what the token has.
    pub fn take_back(&mut self, secrets: Secrets) {
        for (need, value) in secrets.into_values() {
            if !need.is_late() && !self.is_made(need) {
                self.at_hand.insert(need, value);
            }
        }
        self.generated.clear();
        self.discard_files();
    }

    /// Wipes what was read and not used.
    pub fn forget(&mut self) {
        self.at_hand.clear();
    }

    /// What was generated, for the report.
    pub fn take_generated(&mut self) -> Vec<Generated> {
        std::mem::take(&mut self.generated)
    }

    /// Removes the files of generated values that the token certainly did not take.
    pub fn discard_files(&mut self) {
        self.files.drain(..).for_each(|path| file::remove(&path));
    }

    fn make(&mut self, need: Need, survey: &Survey, secrets: &Secrets) -> Result<Pin> {
        let value = self.draw(need, survey, secrets)?;
        match self.sources.get(&need) {
            Some(Source::GenerateTo(path)) => {
                file::write_new(path, &value, need)?;
                self.files.push(path.clone());
                self.generated.push(Generated { need, value: None });
            }
            _ => {
                let copy = Pin::take(value.bytes());
                self.generated.push(Generated { need, value: Some(copy) });
            }
        }
        Ok(value)
    }

    fn ask_current(&mut self, need: Need, survey: &Survey) -> Result<Pin> {
        let question = question(need, survey);
        let ask = |own: &mut Self| {
            let value = typed(own.asked(need)?, &question)?;
            let checked = check(need, &value).and_then(|()| own.check_value(need, &value, survey));
            checked.map(|()| value).map_err(|error| as_typed(error, need))
        };
        let value = ask(self)?;
        // A PIN where the PUK belongs would cost one of the few tries that nothing gives back.
        let usual = survey.reference(need.role()).filter(|own| own.role == Role::Puk).map_or(0, |own| own.length.min);
        if value.len() >= usual {
            return Ok(value);
        }
        let called = survey.called(need.role());
        let doubt = format!("a {called} mostly has {usual} characters or more; type it again to send it all the same");
        self.asked(need)?.tell(&doubt);
        ask(self)
    }

    /// Asks for a new value twice, and says at once what is wrong with it.
    fn ask_new(&mut self, need: Need, survey: &Survey) -> Result<Pin> {
        let differ = || Error::Policy("the two entries differ".into());
        let again = format!("The same new {} again: ", survey.called(need.role()));
        let (told, question) = self.wanted(need, survey);
        told.iter().try_for_each(|told| self.asked(need).map(|prompter| prompter.tell(told)))?;
        let mut last = differ();
        for _ in 0..PATIENCE {
            let (value, repeated) = self.asked(need)?.new_secret(&question)?;
            last = match check(need, &value).and_then(|()| self.check_value(need, &value, survey)) {
                Err(_) if value.is_empty() => nothing_typed(),
                Err(refused) => as_typed(refused, need),
                Ok(()) => {
                    let weak = self.weakness(need, &value, survey);
                    let prompter = self.asked(need)?;
                    weak.iter().for_each(|weak| prompter.note(weak));
                    if repeated || prompter.secret(&again)? == value {
                        return Ok(value);
                    }
                    differ()
                }
            };
            self.asked(need)?.tell(&last.to_string());
        }
        Err(last)
    }

    fn confirm_destruction(&mut self, name: &str, survey: &Survey) -> Result<()> {
        let said = format!("everything on {} will be destroyed: every key, certificate and PIN", survey.identity);
        match self.confirm(name, &said) {
            None => Err(Error::Usage(
                "the token is live and would be destroyed: confirm it with --destroy and its serial".into(),
            )),
            Some(confirmed) => confirmed,
        }
    }

    /// Takes the word `name` for a confirmation: from the call, else from a person, who is told first what it is that will be done.
    /// None where the call does not name it and nobody may be asked.
    pub fn confirm(&mut self, name: &str, what: &str) -> Option<Result<()>> {
        if let Destroy::Named(given) = &self.destroy {
            return Some(confirm(name, given));
        }
        let prompter = self.ask.as_deref_mut()?;
        prompter.tell(what);
        let given = prompter.word(&format!("Type {} to go on: ", Text::from(name)));
        Some(given.and_then(|given| confirm(name, &given)))
    }

    /// The same for what is only planned: a person who could be asked is not.
    pub fn is_confirmed(&self, name: &str) -> Option<Result<()>> {
        match &self.destroy {
            Destroy::Named(given) => Some(confirm(name, given)),
            Destroy::Ask => self.ask.is_some().then_some(Ok(())),
        }
    }

    fn is_made(&self, need: Need) -> bool {
        matches!(self.sources.get(&need), Some(Source::Generate | Source::GenerateTo(_)))
    }

    /// The keys of a token supply all values of one command or none; without a word they are the default.
    fn is_typed_at_token(&self, need: Need, plan: &Plan, survey: &Survey) -> bool {
        let named = |other: Need| self.sources.get(&other);
        self.has_keys_for(need, plan, survey)
            && match named(need) {
                Some(source) => *source == Source::Pad,
                None => {
                    self.companions(need, plan, survey).all(|other| matches!(named(other), None | Some(Source::Pad)))
                }
            }
    }

    /// Refuses a command of which the keys would supply one value, and another source the other.
    fn check_keys(&self, plan: &Plan, survey: &Survey) -> Result<()> {
        let typed = |need| self.is_typed_at_token(need, plan, survey);
        let needs = plan.needs();
        let others = |need| self.companions(need, plan, survey);
        let mixed = needs.iter().find(|need| typed(**need) && !others(**need).all(typed));
        mixed.map_or(Ok(()), |need| Err(keys::mixed(*need, others(*need))))
    }
}

fn missing(need: Need) -> Error {
    Error::Usage(format!(
        "the {}{} is missing and nobody can be asked for it: name its source with --{}",
        if need.is_new() { "new " } else { "" },
        need.role(),
        need.option()
    ))
}

/// What a person types, who is asked again where that is nothing.
fn typed(prompter: &mut dyn Prompter, question: &str) -> Result<Pin> {
    for _ in 0..PATIENCE {
        let value = prompter.secret(question)?;
        if !value.is_empty() {
            return Ok(value);
        }
        prompter.tell(&nothing_typed().to_string());
    }
    Err(nothing_typed())
}

fn nothing_typed() -> Error {
    Error::Policy("nothing was typed".into())
}

fn confirm(name: &str, given: &str) -> Result<()> {
    if name == given { Ok(()) } else { Err(Error::NotConfirmedByUser { wanted: Some(Text::from(name)) }) }
}

/// Whether the token is to get this value; on a blank one that is so even of what `--so-pin` gives.
fn is_new(need: Need, survey: &Survey) -> bool {
    need.is_new() || survey.identity.blank
}

/// The question for a present value, with the token and the tries left in it.
fn question(need: Need, survey: &Survey) -> String {
    let (role, token) = (need.role(), &survey.identity);
    let called = survey.called(role);
    let Some(reference) = survey.reference(role) else { return format!("{called} of {token}: ") };
    let said: Vec<String> = tries(need, survey).into_iter().chain(policy::digits(reference)).collect();
    match said.is_empty() {
        true => format!("{called} of {token}: "),
        false => format!("{called} of {token} ({}): ", said.join("; ")),
    }
}

/// What the token tells of the tries of a value that is presented.
fn tries(need: Need, survey: &Survey) -> Option<String> {
    match survey.reference(need.role())?.retries {
        Retries::Unknown if !need.role().is_counted() => None,
        Retries::Unknown => Some("it does not tell how many tries are left".to_owned()),
        Retries::Unlimited => Some("it does not count tries".to_owned()),
        retries => Some(retries.to_string()),
    }
}

fn from_environment(name: &str, need: Need) -> Result<Pin> {
    use std::os::unix::ffi::OsStringExt;
    let value = std::env::var_os(name)
        .ok_or_else(|| Error::Usage(format!("the environment variable that --{} names is not set", need.option())))?;
    Ok(Pin::take(Zeroizing::new(value.into_vec())))
}

fn open(source: &Source, need: Need) -> Result<File> {
    match source {
        Source::File(path) => file::open(path, need),
        Source::Descriptor(number) => lines::descriptor(*number).map_err(|error| unreadable(need, &error)),
        _ if io::stdin().is_terminal() => Err(Error::Usage(format!(
            "standard input is a terminal, which would show what is typed: use --{} prompt",
            need.option()
        ))),
        _ => lines::stdin().map_err(|error| unreadable(need, &error)),
    }
}

/// Whether somebody will read what is written there. A pipe whose reader is gone says so beforehand, and a standard output
/// that was closed is the null device by the time that `main` runs.
fn is_read(out: &impl AsFd) -> bool {
    let mut asked = [PollFd::new(out.as_fd(), PollFlags::POLLOUT)];
    let broken = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
    let answered = poll(&mut asked, PollTimeout::ZERO).is_ok();
    let listens = asked.iter().all(|answer| answer.revents().is_none_or(|events| !events.intersects(broken)));
    let device = |file: io::Result<File>| file.and_then(|file| file.metadata()).map(|about| about.rdev()).ok();
    let null = device(File::open("/dev/null"));
    let is_null = null.is_some() && device(out.as_fd().try_clone_to_owned().map(File::from)) == null;
    (!answered || listens) && !is_null
}
