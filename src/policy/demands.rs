//! What a policy demands of a new value, and which of two demands holds.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Characters, Refused};

/// What a new value of some roles must be beyond the token's own limits. What is absent asks nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Demands {
    /// The fewest characters.
    pub min: Option<usize>,
    /// The most characters.
    pub max: Option<usize>,
    /// Which characters.
    pub characters: Option<Characters>,
    /// What it must not be.
    pub refuse: Option<BTreeSet<Refused>>,
}

impl Demands {
    /// What passes both: the stricter of each holds. The order does not matter, nor how often each is said.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            min: both(self.min, other.min, usize::max),
            max: both(self.max, other.max, usize::min),
            characters: both(self.characters, other.characters, Characters::and),
            refuse: both(self.refuse, other.refuse, |one, another| one.union(&another).copied().collect()),
        }
    }

    /// The keys that these set looser than the administrator's: what they say there is not what would hold of both. A key that is
    /// not set loosens nothing.
    pub fn loosens(&self, administrator: &Self) -> Vec<&'static str> {
        let held = self.clone().stricter(administrator.clone());
        [
            ("min", self.min.is_some() && self.min != held.min),
            ("max", self.max.is_some() && self.max != held.max),
            ("characters", self.characters.is_some() && self.characters != held.characters),
            ("refuse", self.refuse.is_some() && self.refuse != held.refuse),
        ]
        .into_iter()
        .filter_map(|(key, is_looser)| is_looser.then_some(key))
        .collect()
    }

    /// How many digits a value may have that is of digits alone; none where it may not be.
    pub fn digits(&self) -> Option<(usize, usize)> {
        let is_of_digits = self.characters.is_none_or(|characters| characters.hold(b'0'));
        is_of_digits.then(|| (self.min.unwrap_or_default(), self.max.unwrap_or(usize::MAX)))
    }

    /// Whether they refuse that.
    pub fn refuse(&self, refused: Refused) -> bool {
        self.refuse.as_ref().is_some_and(|all| all.contains(&refused))
    }
}

/// What holds where either or both are said.
fn both<T>(one: Option<T>, another: Option<T>, merge: impl FnOnce(T, T) -> T) -> Option<T> {
    match (one, another) {
        (Some(one), Some(another)) => Some(merge(one, another)),
        (one, another) => one.or(another),
    }
}
