//! `token restore`: a token that a crash took away is put back from the copy that was made before.

use std::path::Path;

use crate::{
    device::{Settings, pkcs11},
    error::{Error, Result},
    input::Collector,
    interrupt::Interrupts,
    operation::Hint,
    render::{Failure, Restored},
    selector::{Selection, selectors},
    token::{Application, Condition, Identity, Place, PreImage, Proof, Route, Text},
};

/// Puts one token back. A token that is there is changed only where that is confirmed: what was set since is lost.
///
/// # Errors
/// [`Error::NoToken`] where no copy of it is kept, [`Error::Device`] where one is there and is damaged or cannot be read, [`Error::AmbiguousToken`] where several could be meant, [`Error::Policy`] for one
/// that is intact, [`Error::NotConfirmedByUser`], and [`Error::Unseen`] where it is not listed afterwards.
pub fn restore(
    selection: &Selection,
    settings: &Settings,
    collector: &mut Collector,
    interrupts: &Interrupts,
    dry_run: bool,
) -> Result<Restored, Failure> {
    let is_card = |name: &str| name != Application::Pkcs11.name();
    if selection.via == Some(Route::Pcsc) || selection.application.as_deref().is_some_and(is_card) {
        let what = "only a token whose module keeps it in files is put back from a copy".into();
        return Err(Failure::bare(Error::Unsupported { what }));
    }
    let slots = settings.slots();
    let kept = pkcs11::pre_image::all(slots.state.as_deref());
    let (of, selector) = choose(kept, selection, slots.state.as_deref()).map_err(Failure::bare)?;
    let failed = |error: Error| Failure { token: Some(selector.clone()), ..Failure::bare(error) };
    confirm(&of, collector, dry_run).map_err(failed)?;
    let mut restored =
        Restored { of: of.clone(), selector: selector.clone(), done: false, confirmed: false, unproved: None };
    if dry_run {
        return Ok(restored);
    }
    interrupts.hold();
    let modules = match (settings.modules.as_deref().unwrap_or_default(), &of.identity.place) {
        ([], Place::Slot { module, .. }) => vec![module.clone()],
        (named, _) => named.to_vec(),
    };
    restored.done = true;
    match pkcs11::pre_image::restore(&slots, &of, &modules).map_err(failed)? {
        Proof::Proved => restored.confirmed = true,
        Proof::NotPossible(why) => restored.unproved = Some(why),
    }
    Ok(restored)
}

/// The copy that is meant, with its selector: of several, where none is named, the only one whose token is lost.
fn choose(mut kept: Vec<PreImage>, selection: &Selection, state: Option<&Path>) -> Result<(PreImage, String)> {
    let identities: Vec<&Identity> = kept.iter().map(|kept| &kept.identity).collect();
    let names = selectors(&identities);
    let is_lost = |index: &usize| kept.get(*index).is_some_and(|kept| kept.condition != Condition::Intact);
    let meant: Vec<usize> = match &selection.selector {
        Some(selector) => selector.matches(&identities),
        None => (0..kept.len()).filter(is_lost).collect(),
    };
    match meant.as_slice() {
        [one] => Ok((kept.swap_remove(*one), names.get(*one).cloned().unwrap_or_default())),
        [] => {
            let what = match &selection.selector {
                _ if kept.is_empty() => "any token",
                Some(_) => "the token that was named",
                None => "a token that is lost",
            };
            Err(pkcs11::pre_image::missing(state, what, &names))
        }
        several => Err(Error::AmbiguousToken {
            why: format!("copies of {} tokens could be meant; name one", several.len()),
            candidates: several.iter().filter_map(|index| names.get(*index).cloned()).collect(),
        }),
    }
}

/// Lets a person confirm that a token that is there goes back to what it was.
fn confirm(of: &PreImage, collector: &mut Collector, dry_run: bool) -> Result<()> {
    if of.condition == Condition::Damaged {
        return Ok(());
    }
    let (identity, kept) = (&of.identity, humantime::format_rfc3339_seconds(of.kept));
    let word = identity.serial.as_ref().or(identity.label.as_ref()).map(Text::lossless).unwrap_or_default();
    let refused = || {
        Error::Policy(format!(
            "{identity} is there, and would go back to what it was at {kept}, its PINs too; --destroy and its serial confirm that"
        ))
    };
    let said =
        format!("{identity} is there, and will go back to what it was at {kept}: what was set since is lost, PINs too");
    let confirmed = if dry_run { collector.is_confirmed(&word) } else { collector.confirm(&word, &said) };
    confirmed.unwrap_or_else(|| Err(refused()))
}

/// A token that a cut-off write took away, and whose copy is kept.
pub struct Lost {
    /// Who it is.
    pub identity: Identity,
    /// What puts it back.
    pub hint: Hint,
}

impl Lost {
    /// The same, as what hinders a search: it could be the one that is meant.
    pub fn error(&self) -> Error {
        let Self { identity, hint } = self;
        let what = format!(
            "a write was cut off and took the token {identity} away; its copy is kept, and `{}` puts it back",
            hint.text()
        );
        Error::Device {
            what,
            cure: Some(format!("put it back with `{}`, or name another token", hint.text())),
            detail: None,
        }
    }
}

/// The lost tokens that a call which names none could mean.
pub fn lost(selection: &Selection, settings: &Settings) -> Vec<Lost> {
    let is_card = |name: &str| name != Application::Pkcs11.name();
    let is_named = selection.selector.is_some() || selection.application.as_deref().is_some_and(is_card);
    if is_named || selection.via == Some(Route::Pcsc) {
        return Vec::new();
    }
    let mut lost = pkcs11::pre_image::all(settings.state.as_deref());
    lost.retain(|kept| kept.condition == Condition::Damaged);
    let identities: Vec<&Identity> = lost.iter().map(|kept| &kept.identity).collect();
    let told = identities.iter().zip(selectors(&identities));
    told.map(|(identity, selector)| Lost {
        identity: (*identity).clone(),
        hint: hint(identity, &identities, &selector),
    })
    .collect()
}

/// What puts a token back, of all that are lost.
fn hint(identity: &Identity, lost: &[&Identity], selector: &str) -> Hint {
    let is_shared = lost.iter().filter(|other| other.serial == identity.serial).count() > 1;
    Hint::restore(identity.serial.as_ref().filter(|_| !is_shared), selector)
}

/// The same failure, where the token that is meant is lost and a copy of it is kept: what puts it back comes before any other hint.
/// `token` is the one that was chosen, as far as it came to that.
pub fn with_rescue(failure: Failure, selection: &Selection, token: Option<&Identity>, settings: &Settings) -> Failure {
    let mut lost = pkcs11::pre_image::all(settings.state.as_deref());
    lost.retain(|kept| kept.condition == Condition::Damaged);
    let identities: Vec<&Identity> = lost.iter().map(|kept| &kept.identity).collect();
    // A blank slot is offered in the place of a token that is gone.
    let may_be_gone = matches!(
        failure.error,
        Error::NoToken(_)
            | Error::NothingThere { .. }
            | Error::Unsupported { .. }
            | Error::Unset { .. }
            | Error::Device { .. }
    );
    let is = |one: &Identity, other: &Identity| {
        let is_of_its_kind = one.manufacturer == other.manufacturer && one.model == other.model;
        is_of_its_kind && one.serial == other.serial && one.label == other.label
    };
    let meant: Vec<usize> = match (token.filter(|token| !token.blank), &selection.selector) {
        (Some(token), _) => {
            (0..lost.len()).filter(|index| identities.get(*index).is_some_and(|lost| is(lost, token))).collect()
        }
        (None, _) if !may_be_gone => Vec::new(),
        (None, Some(selector)) => selector.matches(&identities),
        (None, None) => (0..lost.len()).collect(),
    };
    let [meant] = meant.as_slice() else { return failure };
    let Some((identity, selector)) = identities.get(*meant).zip(selectors(&identities).get(*meant).cloned()) else {
        return failure;
    };
    Failure { hint: Some(hint(identity, &identities, &selector)), ..failure }
}
