//! Which of the tokens that were found is meant; a command that writes or verifies never guesses.

use crate::{
    device::{Problem, Search},
    error::{Error, Instead, Result},
    operation::Operation,
    selector::{Selection, Selector, naming},
    token::{Found, Identity, Place, Route},
};

/// The token that is meant.
pub struct Chosen {
    /// The way to it.
    pub found: Found,
    /// Its selector, unique among what was found.
    pub selector: String,
    /// What a person types to confirm its destruction: its serial, its label where the serial is empty or shared.
    pub destroy_word: String,
}

/// Chooses the token of an operation.
///
/// # Errors
/// [`Error::NoToken`], [`Error::AmbiguousToken`], or what kept a token from being looked at.
pub fn choose(search: &mut Search, selection: &Selection, operation: &Operation) -> Result<Chosen> {
    let (instead, answered) = (search.instead.take(), search.answered);
    let problems = std::mem::take(&mut search.problems);
    let found = &mut search.found;
    let identities: Vec<&Identity> = found.iter().map(|found| &found.identity).collect();
    let name = naming(&identities);
    let verb = operation.verb();
    let is_init = matches!(operation, Operation::Init { .. });
    let (hidden, routes): (Vec<_>, Vec<_>) = problems.into_iter().partition(|problem| problem.hides_token);
    let candidates: Vec<usize> = match &selection.selector {
        Some(selector) => selector.matches(&identities),
        // A token that cannot be looked at could be the one that is meant.
        None if !hidden.is_empty() => {
            return Err(hidden
                .into_iter()
                .next()
                .map_or(Error::Internal("no problem".into()), |problem| problem.error));
        }
        None if is_init => {
            (0..found.len()).filter(|index| identities.get(*index).is_some_and(|token| token.blank)).collect()
        }
        None => (0..found.len()).collect(),
    };
    // Of those that match, the ones whose kind has the operation; where none has it, its refusal says what the token can do.
    let able: Vec<usize> =
        candidates.iter().copied().filter(|index| found.get(*index).is_some_and(|found| found.has(verb))).collect();
    // A blank slot, which SoftHSM2 always shows, is beside the point of what a token cannot do.
    let is_live = |index: &usize| identities.get(*index).is_some_and(|token| !token.blank);
    let live: Vec<usize> = candidates.iter().copied().filter(is_live).collect();
    let named = |indices: &[usize]| {
        indices.iter().filter_map(|index| identities.get(*index).map(|identity| name(identity))).collect()
    };
    let index = match (able.as_slice(), live.as_slice(), candidates.as_slice()) {
        ([one], ..) | ([], [one], _) | ([], _, [one]) => *one,
        ([], _, []) if is_init && selection.selector.is_none() && found.iter().any(|found| found.has(verb)) => {
            return Err(Error::NoToken(
                "no token is blank; name a live one with --token to destroy what it holds and begin anew".into(),
            ));
        }
        ([], _, []) if is_init && selection.selector.is_none() && !found.is_empty() => {
            return Err(Error::Unsupported { what: format!("none of the tokens found has `{verb}`") });
        }
        ([], _, []) => {
            let problems = hidden.into_iter().chain(routes).collect();
            return Err(nothing(selection, problems, answered, instead));
        }
        ([], _, several) => {
            return Err(Error::Unsupported {
                what: format!("none of the {} tokens found has `{verb}`", several.len()),
            });
        }
        (several, ..) => {
            let why = format!("{} tokens could be meant; name one with --token", several.len());
            return Err(Error::AmbiguousToken { why, candidates: named(several) });
        }
    };
    if let Operation::Init { label: Some(label), .. } = operation {
        let same =
            |other: &usize| *other != index && identities.get(*other).is_some_and(|token| has_label(token, label));
        let taken: Vec<usize> = (0..found.len()).filter(same).collect();
        if !taken.is_empty() {
            let why = "another token has this label already; give a label of its own".into();
            return Err(Error::AmbiguousToken { why, candidates: named(&taken) });
        }
    }
    let destroy_word = identities.get(index).map(|token| destroy_word(token, &identities)).unwrap_or_default();
    let selector = identities.get(index).map(|identity| name(identity)).unwrap_or_default();
    drop(name);
    Ok(Chosen { found: found.swap_remove(index), selector, destroy_word })
}

/// Refuses to take a blank slot, which SoftHSM2 always shows, for the token that is meant, where none is named and there are others
/// that could not be seen: nobody is led to begin anew because a service is not running.
///
/// # Errors
/// As [`nothing`].
pub fn beyond_blank(search: &mut Search, selection: &Selection, operation: &Operation) -> Result<()> {
    let is_blank = |found: &Found| found.identity.blank && found.identity.place.route() == Route::Pkcs11;
    let is_bare = !search.found.is_empty() && search.found.iter().all(is_blank);
    let is_hindered = !search.problems.is_empty() || search.instead.is_some();
    if selection.selector.is_some() || operation.destroys() || !is_bare || !is_hindered {
        return Ok(());
    }
    Err(nothing(selection, std::mem::take(&mut search.problems), search.answered, search.instead.take()))
}

/// Why nothing was found: what hindered the search, else what there is instead.
///
/// A word that names a token may be a card's, so a route that fails is told beside it; it is no answer where another route
/// was asked and had none.
pub fn nothing(selection: &Selection, problems: Vec<Problem>, answered: bool, instead: Option<Instead>) -> Error {
    let is_word = matches!(selection.selector, Some(Selector::Word(_)));
    let asked = selection.via.is_some() || selection.application.is_some();
    match problems.into_iter().next() {
        Some(Problem { error, route, .. }) if is_word && answered && !asked => {
            let besides = match route {
                Route::Pcsc => "of cards nothing is known",
                Route::Pkcs11 => "one module could not be asked",
            };
            Error::NoToken(format!("no token matches the one that was named (and {besides}: {error})"))
        }
        Some(problem) => problem.error,
        None if selection.selector.is_some() => Error::NoToken("no token matches the one that was named".into()),
        None => {
            let sought = selection
                .application
                .as_deref()
                .map_or("no token is there".into(), |name| format!("no {name} token is there"));
            match instead {
                Some(Instead { what, cure: Some(cure) }) => {
                    Error::NothingThere { what: format!("{sought}: {what}"), cure }
                }
                Some(Instead { what, cure: None }) => Error::NoToken(format!("{sought}: {what}")),
                None => Error::NoToken(sought),
            }
        }
    }
}

fn has_label(token: &Identity, label: &str) -> bool {
    token.label.as_ref().is_some_and(|own| own.bytes() == label.trim_end().as_bytes())
}

fn destroy_word(token: &Identity, all: &[&Identity]) -> String {
    // A module may show a card that was found in its reader too: that is the same one.
    let is_like = |other: &&&Identity| other.serial == token.serial && other.place.route() == token.place.route();
    let shared = all.iter().filter(is_like).count() > 1;
    let word = match (&token.serial, &token.label) {
        (Some(serial), _) if !shared => Some(serial),
        (_, Some(label)) => Some(label),
        (serial, None) => serial.as_ref(),
    };
    match (word, &token.place) {
        (Some(word), _) => word.lossless(),
        (None, Place::Slot { id, .. }) => format!("slot {id}"),
        (None, Place::Reader(reader)) => reader.lossless(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{Access, Application, Connection, Harm, Role, Terms, Text, Token};

    /// What nobody gets to.
    struct Never;

    impl Connection for Never {
        fn transact(&mut self, _: Access, _: &mut dyn FnMut(&mut dyn Token) -> Result<()>) -> Result<()> {
            Err(Error::Internal("it was opened".into()))
        }
    }

    fn slot(blank: bool) -> Found {
        let identity = Identity {
            application: Application::Pkcs11,
            serial: Some(Text::from("1234")),
            label: None,
            manufacturer: None,
            model: None,
            place: Place::Slot { id: 17, module: "/m.so".into() },
            blank,
        };
        Found { identity, abilities: &[], connection: Box::new(Never) }
    }

    #[test]
    fn a_blank_slot_is_not_what_is_meant_where_a_route_to_others_failed() {
        let change = Operation::Change { role: Role::UserPin };
        let init = Operation::Init { label: None, terms: Terms::default(), harm: Harm::Refused };
        let said = |blank, hindered, operation: &Operation, selection: &Selection| {
            let error = Error::Device { what: "no pcscd".into(), cure: None, detail: None };
            let problem = Problem { error, hides_token: false, route: Route::Pcsc };
            let problems = if hindered { vec![problem] } else { Vec::new() };
            let mut search = Search { found: vec![slot(blank)], problems, answered: true, instead: None };
            beyond_blank(&mut search, selection, operation).map_err(|error| error.to_string())
        };
        let unnamed = Selection::default();
        assert_eq!(said(true, true, &change, &unnamed), Err("no pcscd".into()));
        assert_eq!(said(true, false, &change, &unnamed), Ok(()));
        assert_eq!(said(false, true, &change, &unnamed), Ok(()));
        assert_eq!(said(true, true, &init, &unnamed), Ok(()));
        let named = Selection { selector: Some(Selector::Word("1234".into())), ..Selection::default() };
        assert_eq!(said(true, true, &change, &named), Ok(()));
    }

    #[test]
    fn what_hindered_the_search_for_a_word_is_told_by_its_route() {
        let selection = Selection { selector: Some(Selector::Word("desk-7".into())), ..Selection::default() };
        for (route, told) in [
            (Route::Pcsc, "of cards nothing is known: no pcscd"),
            (Route::Pkcs11, "one module could not be asked: no pcscd"),
        ] {
            let error = Error::Device { what: "no pcscd".into(), cure: None, detail: None };
            let problem = Problem { error, hides_token: false, route };
            let error = nothing(&selection, vec![problem], true, None);
            assert_eq!(error.kind(), "no-token");
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
