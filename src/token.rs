//! The domain: what a token is, what it holds, what it can do, and the two traits that devices implement.

mod ability;
mod beginning;
mod holds;
mod identity;
mod limits;
mod need;
mod pad;
mod pre_image;
mod preview;
mod reference;
mod retries;
mod role;
mod text;
mod trace;

pub use ability::{Ability, Verb};
pub use beginning::{Beginning, Harm, InitRules, Recovery, Terms};
pub use holds::Holds;
pub use identity::{Application, Identity, Place, Route};
pub use limits::{LimitRules, Limits};
pub use need::Need;
pub use pad::{Entries, Pad, ReaderPad, Typed, common};
pub use pre_image::{Condition, PreImage};
pub use preview::{Preview, Sent};
pub use reference::{Length, Reference, State, Unit};
pub use retries::Retries;
pub use role::Role;
pub use text::Text;
pub use trace::Trace;

use std::borrow::Cow;

use crate::{
    error::{Error, Result},
    secret::Entry,
};

/// Everything a survey learnt of one application on one token.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Which token this is.
    pub identity: Identity,
    /// Its PINs, PUKs and keys, in the order a person expects.
    pub references: Vec<Reference>,
    /// What this kind of token can do, whatever its present state, as far as a policy permits it.
    pub abilities: Cow<'static, [Ability]>,
    /// What it could do besides, and the policy of this machine does not permit.
    pub forbidden: Vec<Ability>,
    /// What it asks of whoever sets the limits of its retry counters, where they can be set.
    pub limit_rules: Option<&'static LimitRules>,
    /// The role that has to get its first value before the user PIN does, or never can.
    pub set_before: Option<Role>,
    /// What it asks of whoever lets it begin anew, where it can.
    pub init_rules: Option<&'static InitRules>,
    /// What brings a blocked secret back, where it is neither another's authority nor a new beginning, in a sentence.
    pub unblocked_by: Option<&'static str>,
    /// What else a person should know of this token, a sentence each.
    pub notes: Vec<&'static str>,
    /// Whether and which secrets can be typed at the token itself.
    pub pad: Pad,
}

impl Survey {
    /// A token of which there is no more to say than these.
    pub fn new(identity: Identity, references: Vec<Reference>, abilities: impl Into<Cow<'static, [Ability]>>) -> Self {
        Self {
            identity,
            references,
            abilities: abilities.into(),
            forbidden: Vec::new(),
            limit_rules: None,
            set_before: None,
            init_rules: None,
            unblocked_by: None,
            notes: Vec::new(),
            pad: Pad::None,
        }
    }

    /// The reference that plays `role`, where the token has one; of several user PINs, the one that was chosen.
    pub fn reference(&self, role: Role) -> Option<&Reference> {
        self.references.iter().find(|reference| reference.role == role)
    }

    /// What the token calls `role`, and what everybody does where it has no name of its own for it.
    pub fn called(&self, role: Role) -> &'static str {
        self.reference(role).map_or(role.title(), |reference| reference.name)
    }
}

/// How much a survey reads: a round trip costs about 15 ms on a real card, so an operation reads what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth<'a> {
    /// Identity, every reference, limits and defaults.
    Full,
    /// The references of these roles only, without what is merely informative.
    Only(&'a [Role]),
}

/// Who stands behind a reset or an unblock: the role, and its secret.
#[derive(Debug, Clone, Copy)]
pub struct Authority<'a> {
    /// The role whose secret is presented.
    pub role: Role,
    /// That secret.
    pub secret: &'a Entry,
}

/// What a proof came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The token accepted the new value in a fresh session.
    Proved,
    /// This token gives no proof of that secret which is worth its risk; the reason, in words.
    NotPossible(&'static str),
}

/// One application on one token, inside one transaction.
///
/// Every method that takes a secret may spend a try; the others never do. What a kind of token cannot do,
/// it refuses by default.
pub trait Token {
    /// Reads identity, references and counters. Spends no try and changes nothing stored.
    ///
    /// # Errors
    /// [`Error::Device`] when the token does not answer; [`Error::NoToken`] when the application is not there.
    fn survey(&mut self, depth: Depth<'_>) -> Result<Survey>;

    /// The retry counter of `role`, read as the last command before the one that spends a try.
    ///
    /// Unlike a survey it may drop a verified state, since a verified card does not tell its counter.
    ///
    /// # Errors
    /// [`Error::Device`] when the token does not answer.
    fn retries(&mut self, role: Role) -> Result<Retries>;

    /// The counter of `role` before its new value is proved; the proof is not made where only one try is left.
    ///
    /// # Errors
    /// As [`Token::retries`].
    fn retries_before_proof(&mut self, role: Role) -> Result<Retries> {
        self.retries(role)
    }

    /// Narrows how many digits the keys of a reader take for a new value of `role`, of which a policy may ask for more than the card
    /// does; a token that has no such reader has nothing to narrow.
    fn narrow_keys(&mut self, _role: Role, _digits: (usize, usize)) {}

    /// Presents the secret of `role`.
    ///
    /// # Errors
    /// [`Error::WrongSecret`] when a try was spent, [`Error::Blocked`] when none is left.
    fn verify(&mut self, role: Role, pin: &Entry) -> Result<()>;

    /// Replaces the secret of `role`, knowing the old one.
    ///
    /// # Errors
    /// As [`Token::verify`] for the old value; [`Error::NewValueRefused`] for the new one.
    fn change(&mut self, role: Role, _old: &Entry, _new: &Entry) -> Result<()> {
        Err(Error::unsupported(format!("change of the {role}")))
    }

    /// Gives `role` a new secret on another's authority; the counter is full afterwards.
    ///
    /// # Errors
    /// As [`Token::verify`], for the authority; [`Error::NewValueRefused`] for the new value.
    fn reset(&mut self, role: Role, authority: Authority<'_>, _new: &Entry) -> Result<()> {
        Err(Error::unsupported(format!("reset of the {role} by the {}", authority.role)))
    }

    /// Gives `role` its first value, where it has none, or that of delivery which everybody knows.
    ///
    /// # Errors
    /// As [`Token::verify`], for the value of delivery; [`Error::NewValueRefused`].
    fn set(&mut self, role: Role, _new: &Entry) -> Result<()> {
        Err(Error::unsupported(format!("first {role} to be set")))
    }

    /// Takes the value of `role` away, by another's authority.
    ///
    /// # Errors
    /// As [`Token::verify`], for the authority.
    fn clear(&mut self, role: Role, _authority: Authority<'_>) -> Result<()> {
        Err(Error::unsupported(format!("{role} that can be cleared")))
    }

    /// Sets the limits of the retry counters; the counters are full afterwards. `authorities` are the one that the ability
    /// names and those that [`LimitRules::beside`] does, in this order.
    ///
    /// # Errors
    /// As [`Token::verify`], for the authorities.
    fn set_limits(&mut self, _limits: &Limits, _authorities: &[Authority<'_>]) -> Result<()> {
        Err(Error::unsupported("retry counter whose limit can be set".into()))
    }

    /// Draws a challenge, which the response answers that [`Token::reset`] takes as an authority. Nothing at all may be sent
    /// to the card between the two.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Device`].
    fn challenge(&mut self) -> Result<Vec<u8>> {
        Err(Error::unsupported("challenge to be answered".into()))
    }

    /// Puts the application back to the state of delivery: everything on it is lost.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Device`].
    fn erase(&mut self) -> Result<()> {
        Err(Error::unsupported("way back to the state of delivery".into()))
    }

    /// Restores the counter of `role` and keeps its value.
    ///
    /// # Errors
    /// As [`Token::verify`], for the authority.
    fn unblock(&mut self, role: Role, _authority: Authority<'_>) -> Result<()> {
        Err(Error::unsupported(format!("unblocking of the {role} with its value kept")))
    }

    /// Destroys what the token holds and begins anew. Returns who the token is from now on.
    ///
    /// # Errors
    /// [`Error::WrongSecret`] when a live token has another SO PIN.
    fn init(&mut self, _beginning: &Beginning<'_>) -> Result<Identity> {
        Err(Error::unsupported("initialisation".into()))
    }

    /// Proves from a fresh session that `pin` is the secret of `role` now.
    ///
    /// # Errors
    /// As [`Token::verify`]; each of them means that the proof failed.
    fn prove(&mut self, role: Role, pin: &Entry) -> Result<Proof>;

    /// Which value `role` has after a write whose end is not known, or whose proof failed; `old` where it is at hand, `new` where no
    /// proof has refused it. Spends no try that could be the last, and none where a wrong one counts for more than this secret. None
    /// where nothing was written. A card is not asked: most likely it is not there any more.
    fn diagnose(&mut self, _role: Role, _old: Option<&Entry>, _new: Option<&Entry>) -> Option<Holds> {
        Some(Holds::Unknown)
    }
}

/// Whether a transaction may change the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It reads only; others may read meanwhile.
    Read,
    /// It may write or present a secret.
    Write,
}

/// Keeps one card powered, or one slot known, without locking it.
pub trait Connection {
    /// Locks the token, runs `work` on it, and unlocks it again.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Device`] when the token is gone or another holds it.
    fn transact(&mut self, access: Access, work: &mut dyn FnMut(&mut dyn Token) -> Result<()>) -> Result<()>;

    /// Whether this may be a card that has another application elsewhere, and other names: behind a module, and where a profile of
    /// the caller's own says what it is called.
    fn hides_card(&self) -> bool {
        false
    }
}

/// A token that was found, and the way to it.
pub struct Found {
    /// Who it is, as far as the search had to ask.
    pub identity: Identity,
    /// What its kind can do.
    pub abilities: &'static [Ability],
    /// The way to it.
    pub connection: Box<dyn Connection + Send>,
}

impl Found {
    /// Whether this kind of token has the operation, whatever its state.
    pub fn has(&self, verb: Verb) -> bool {
        self.abilities.iter().any(|ability| ability.verb == verb)
    }
}
