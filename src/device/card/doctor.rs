//! What an examination asks of PC/SC: pcscd, each reader, each card and who holds it, and what kind of card needs care.

use std::path::Path;

use super::{
    Look, OnCard, Settings, Wanted,
    clients::{Clients, clients},
    look,
    openpgp::{KDF_IS_ON, KDF_IS_UNCLEAR},
    pcscd::{Listener, listener, socket},
    reader::{self, Reader, Sharing},
    spaced,
};
use crate::{
    error::{Error, Result, Trouble},
    finding::{Check, Finding, Value},
    token::{Access, Connection, Depth, Pad, Survey, Text},
};

/// What helps with a card that gives no reason.
const CURE: &str =
    "take the card out and insert it again; one that does so each time is broken, or needs a program of its maker";

/// Asks pcscd and the cards in all readers, in all of them at once. Nothing is presented to a card, nothing on it changes.
pub fn examine(settings: &Settings) -> Vec<Finding> {
    let socket = socket();
    let shown = socket.display().to_string().escape_debug().to_string();
    let attached = match reader::attached() {
        Ok(attached) => attached,
        Err(error) => return vec![unreachable(&error, &socket, &shown)],
    };
    let mut findings = vec![Finding::ok(Check::Pcscd, format!("the smart-card service (pcscd) answers at {shown}"))];
    if attached.is_empty() {
        findings.push(Finding::warning(Check::Reader, "no card reader is attached").cure(Trouble::NoReader.cure()));
    }
    let examined: Vec<Vec<Finding>> = std::thread::scope(|scope| {
        let socket = &socket;
        let started: Vec<_> = attached
            .into_iter()
            .map(|(name, reader)| scope.spawn(move || in_reader(&name, reader, socket, settings)))
            .collect();
        let broken = || vec![Finding::unknown(Check::Reader, "a panic in a reader's thread")];
        started.into_iter().map(|thread| thread.join().unwrap_or_else(|_| broken())).collect()
    });
    findings.extend(examined.into_iter().flatten());
    findings
}

/// Why pcscd does not answer: not there, gone, or not for this user.
fn unreachable(error: &Error, socket: &Path, shown: &str) -> Finding {
    let finding = Finding::failure(Check::Pcscd, error);
    let where_it_is = match listener(socket) {
        Listener::Missing => format!("there is no socket at {shown}"),
        Listener::Gone => format!("nobody listens at the socket {shown}"),
        Listener::There => format!("it listens at {shown}"),
    };
    Finding { what: format!("{}: {where_it_is}", finding.what), ..finding }
}

fn in_reader(name: &Text, reader: Option<Reader>, socket: &Path, settings: &Settings) -> Vec<Finding> {
    let Some(reader) = reader else {
        return vec![Finding::ok(Check::Reader, format!("{name} is empty")).name("reader", Some(name))];
    };
    let atr = spaced(&reader.atr);
    let (sharing, shared) = match reader.sharing {
        Sharing::Free => (Sharing::Free, ""),
        Sharing::Shared => (Sharing::Shared, ", and other programs are connected to it"),
        Sharing::Exclusive => (Sharing::Exclusive, ", and another program has it for itself"),
    };
    let of_reader = |finding: Finding| finding.name("reader", Some(name));
    let holds = Finding::ok(Check::Reader, format!("{name} holds a card{shared}"));
    let mut findings = vec![of_reader(holds).with("atr", Value::Name(Text::from(atr.as_str())))];
    let wanted = Wanted { application: None, selector: None, reference: None, sparing: false };
    let Look { found, problems } = look(reader, wanted, false, settings);
    if found.is_empty() && problems.is_empty() {
        let unknown = format!("the card in {name} has no application that is known; its answer to reset is {atr}");
        let cure = "an ordinary ISO 7816 card can be described by a profile: see `pukka profile check --help`";
        findings.push(of_reader(Finding::warning(Check::Card, unknown).cure(cure)));
    }
    for problem in problems {
        let finding = Finding::failure(Check::Card, &problem).or_cure(CURE);
        findings.push(of_reader(match sharing {
            Sharing::Free => finding,
            Sharing::Shared | Sharing::Exclusive => held(finding, clients(socket)),
        }));
    }
    findings.extend(found.into_iter().flat_map(application).map(of_reader));
    findings
}

/// The same failure at a card that another program has for itself, with who that is, or who it can be.
pub fn with_holder(error: Error) -> Error {
    match (error, clients(&socket()).as_ref().and_then(who)) {
        (Error::Device { what, cure, detail }, Some(who)) => {
            Error::Device { what: format!("{what}; {who}"), cure, detail }
        }
        (error, _) => error,
    }
}

/// Who holds a card, or can: PC/SC itself does not tell.
fn who(Clients { seen, unseen }: &Clients) -> Option<String> {
    let others = match unseen {
        0 => None,
        1 => Some("a program of another user".to_owned()),
        several => Some(format!("one of {several} connections of other users' programs")),
    };
    Some(match (seen.as_slice(), others) {
        ([], None) => return None,
        ([], Some(others)) => format!("it is {others}, as nobody else is connected to pcscd"),
        ([one], None) => format!("it is {one}, as nobody else is connected to pcscd"),
        (several, others) => {
            let all: Vec<String> = several.iter().cloned().chain(others).collect();
            format!("pcscd does not tell which; connected to it are {}", all.join(", "))
        }
    })
}

/// A card that another holds, with who that is, or who it can be.
fn held(finding: Finding, clients: Option<Clients>) -> Finding {
    let Some((clients, who)) = clients.and_then(|clients| who(&clients).map(|who| (clients, who))) else {
        return finding;
    };
    let Clients { seen, unseen } = clients;
    let names: Vec<Text> = seen.iter().map(|name| Text::from(name.as_str())).collect();
    let finding = Finding { what: format!("{}; {who}", finding.what), ..finding };
    let finding = match (names.as_slice(), unseen) {
        ([one], 0) => finding.with("holder", Value::Name(one.clone())),
        _ => finding,
    };
    finding.with("candidates", Value::Names(names)).with("candidates_unseen", Value::Count(unseen))
}

/// An application on a card, and what a person should know of it.
fn application(mut found: OnCard) -> Vec<Finding> {
    let mut survey: Result<Survey> = Err(Error::Internal("a transaction without work".into()));
    let done = found.transact(Access::Read, &mut |token| {
        survey = token.survey(Depth::Full);
        Ok(())
    });
    let survey = match done.and(survey) {
        Ok(survey) => survey,
        Err(error) => return vec![Finding::failure(Check::Card, &error).or_cure(CURE)],
    };
    let identity = &survey.identity;
    let title = identity.application.title();
    let serial = identity.serial.as_ref().map(|serial| format!(" {serial}")).unwrap_or_default();
    let named = |finding: Finding| {
        let application = Text::from(identity.application.name());
        finding.name("application", Some(&application)).name("serial", identity.serial.as_ref())
    };
    let note = |note: &&'static str| {
        let said = format!("{title}{serial}: {note}");
        match *note {
            KDF_IS_ON => {
                Finding::warning(Check::Kdf, said).cure("type its PINs at the keyboard, never at a reader's pad")
            }
            KDF_IS_UNCLEAR => Finding::problem(Check::Kdf, said).cure(
                "change its PINs with the program that set KDF up, or set it up anew with `gpg --card-edit`, kdf-setup",
            ),
            _ => Finding::warning(Check::Card, said),
        }
    };
    let there = Finding::ok(Check::Card, format!("{title}{serial} in {}", found.reader));
    let pad = (survey.pad != Pad::None)
        .then(|| Finding::ok(Check::Card, format!("{title}{serial} and a PIN pad {}", survey.pad)));
    [there].into_iter().chain(pad).chain(survey.notes.iter().map(note)).map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(seen: &[&str], unseen: usize) -> Finding {
        let seen = seen.iter().map(|name| (*name).to_owned()).collect();
        held(Finding::problem(Check::Card, "it is held"), Some(Clients { seen, unseen }))
    }

    #[test]
    fn who_holds_a_card_is_told_where_one_alone_can_be_it_and_else_candidates_are() {
        let alone = said(&["gpg (process 7)"], 0);
        assert_eq!(alone.what, "it is held; it is gpg (process 7), as nobody else is connected to pcscd");
        assert!(alone.values.contains(&("holder", Value::Name(Text::from("gpg (process 7)")))));
        for (seen, unseen) in [(&["gpg (process 7)", "firefox (process 9)"][..], 0), (&["gpg (process 7)"], 1)] {
            let several = said(seen, unseen);
            assert!(several.what.contains("does not tell which"), "{several:?}");
            assert!(several.what.contains("gpg (process 7), "), "{several:?}");
            assert!(!several.values.iter().any(|(name, _)| *name == "holder"), "{several:?}");
        }
        assert_eq!(said(&[], 0).what, "it is held");
        assert!(said(&[], 1).what.ends_with("it is a program of another user, as nobody else is connected to pcscd"));
    }
}
