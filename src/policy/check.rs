//! Whether a new value is what a policy demands.
//!
//! Nothing here estimates how many guesses a value would stand. The crate that does, zxcvbn, keeps copies of the value and of its
//! pieces that it does not wipe, makes the program nearly twice as large, is only passively maintained, and of digits alone it tells
//! little that these rules do not: a token gives a guesser a handful of tries, and against those it is enough that a value is none
//! of the likely ones.

use zeroize::Zeroizing;

use super::{
    Common, Demands, Refused, Rule, bare::bare, count, dates, frequent, keyboard, overlap, repeats, sequences,
};
use crate::{
    error::{Error, Result},
    secret::Pin,
    token::{Role, Unit},
};

/// Who refuses it.
const WHO: &str = ", which the policy refuses";

/// What is known beside the new value. What is absent refuses nothing.
#[derive(Debug, Default)]
pub struct Beside<'a> {
    /// The value that it replaces.
    pub old: Option<&'a Pin>,
    /// The other secrets of the token that this call holds, new and present ones.
    pub others: Vec<(Role, &'a Pin)>,
    /// The token's or the card's number.
    pub serial: Option<&'a str>,
    /// The token's label.
    pub label: Option<&'a str>,
    /// The site's own lists of common values.
    pub lists: Vec<&'a Common>,
}

impl Demands {
    /// Checks a new value of `role`.
    ///
    /// # Errors
    /// [`Error::AgainstPolicy`] with the first rule that refuses it, never the value nor a part of it.
    pub fn check(&self, role: Role, value: &Pin, beside: &Beside<'_>) -> Result<()> {
        match self.broken(value, beside).first() {
            None => Ok(()),
            Some(rule) => Err(Error::AgainstPolicy {
                why: format!("the new {role} {}", self.sentence(*rule, value, beside)),
                detail: format!("rule {}", rule.name()),
            }),
        }
    }

    /// Every rule that refuses the value, in the order in which they are told.
    pub fn broken(&self, value: &Pin, beside: &Beside<'_>) -> Vec<Rule> {
        let length = count(value, Unit::Characters);
        let mut folded = Zeroizing::new(Vec::with_capacity(value.len()));
        folded.extend(value.bytes().iter().map(u8::to_ascii_lowercase));
        let bare = bare(&folded);
        let is_in = |rule: &dyn Fn(&[u8]) -> bool| rule(&folded) || bare.as_ref().is_some_and(|bare| rule(bare));
        let outside = |characters: super::Characters| !value.bytes().iter().all(|byte| characters.hold(*byte));
        let limits = [
            (Rule::Characters, self.characters.is_some_and(outside)),
            (Rule::Min, self.min.is_some_and(|min| length < min)),
            (Rule::Max, self.max.is_some_and(|max| length > max)),
        ];
        let refused = self.refuse.iter().flatten().map(|refused| {
            let is_so = match refused {
                Refused::Sequences => is_in(&sequences::are_in),
                Refused::Repeats => is_in(&repeats::are_in),
                Refused::Keyboard => is_in(&keyboard::is_in),
                Refused::Dates => is_in(&dates::are_in),
                Refused::Common => is_in(&|value| frequent::holds(&beside.lists, value)),
                Refused::Old => beside.old == Some(value),
                Refused::Other => beside.others.iter().any(|(_, other)| *other == value),
                Refused::Serial => beside.serial.is_some_and(|serial| overlap::is_in(&folded, serial)),
                Refused::Label => beside.label.is_some_and(|label| overlap::is_in(&folded, label)),
            };
            (Rule::Refused(*refused), is_so)
        });
        limits.into_iter().chain(refused).filter_map(|(rule, is_broken)| is_broken.then_some(rule)).collect()
    }

    /// What a person should know of a value that no policy refuses, as the end of a sentence: the first of all that one could.
    pub fn weakness(value: &Pin, beside: &Beside<'_>) -> Option<String> {
        let all = Self { refuse: Some(Refused::ALL.into()), ..Self::default() };
        let rule = all.broken(value, beside).first().copied()?;
        Some(all.sentence(rule, value, beside).trim_end_matches(WHO).to_owned())
    }

    /// What is wrong with the value by that rule, as the end of a sentence.
    fn sentence(&self, rule: Rule, value: &Pin, beside: &Beside<'_>) -> String {
        let other = || beside.others.iter().find(|(_, other)| *other == value).map(|(role, _)| *role);
        let what = match rule {
            Rule::Characters => {
                let allowed = self.characters.map_or("characters", super::Characters::in_words);
                return format!("holds a character that the policy does not allow: it allows {allowed} only");
            }
            Rule::Min => {
                return format!(
                    "is too short: the policy asks for at least {} characters",
                    self.min.unwrap_or_default()
                );
            }
            Rule::Max => {
                return format!("is too long: the policy allows at most {} characters", self.max.unwrap_or_default());
            }
            Rule::Refused(Refused::Sequences) => "is for the most part a sequence",
            Rule::Refused(Refused::Repeats) => "repeats itself",
            Rule::Refused(Refused::Keyboard) => "is for the most part keys that stand beside each other",
            Rule::Refused(Refused::Dates) => "is a date or a year",
            Rule::Refused(Refused::Common) => "is a common one",
            Rule::Refused(Refused::Old) => "is the old one",
            Rule::Refused(Refused::Other) => match other() {
                Some(role) => return format!("is also the {role}{WHO}"),
                None => "is also another secret of this token",
            },
            Rule::Refused(Refused::Serial) => "has too much of the token's number in it",
            Rule::Refused(Refused::Label) => "has too much of the token's label in it",
        };
        format!("{what}{WHO}")
    }
}
