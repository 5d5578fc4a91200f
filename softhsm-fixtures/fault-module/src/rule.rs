//! One rule about a call: `CALL[:USER][#N[-]]=EFFECT`.

use cryptoki_sys::{CK_USER_TYPE, CKU_CONTEXT_SPECIFIC, CKU_SO, CKU_USER};

use crate::effect::Effect;
use crate::function_list;

pub struct Fault {
    call: &'static str,
    user: Option<CK_USER_TYPE>,
    when: When,
    pub effect: Effect,
}

enum When {
    Always,
    Nth(u64),
    From(u64),
}

impl Fault {
    pub fn new(call: &'static str, effect: Effect) -> Self {
        Self { call, user: None, when: When::Always, effect }
    }

    /// `number` counts the calls of this name, `of_user` those for the same user type.
    pub fn meets(&self, call: &str, user: Option<CK_USER_TYPE>, number: u64, of_user: u64) -> bool {
        let number = if self.user.is_some() { of_user } else { number };
        self.call == call
            && (self.user.is_none() || self.user == user)
            && match self.when {
                When::Always => true,
                When::Nth(n) => number == n,
                When::From(n) => number >= n,
            }
    }

    pub fn parse(which: &str, effect: &str) -> Result<Self, String> {
        let (which, when) = match which.split_once('#') {
            None => (which, When::Always),
            Some((which, n)) => match n.strip_suffix('-') {
                Some(n) => (which, When::From(ordinal(n)?)),
                None => (which, When::Nth(ordinal(n)?)),
            },
        };
        let (name, user) = match which.split_once(':') {
            None => (which, None),
            Some((name, user)) => (name, Some(user)),
        };
        let call = function_list::named(name).ok_or_else(|| format!("there is no call `{name}`"))?;
        let user = match (call, user) {
            (_, None) => None,
            ("C_Login", Some("SO")) => Some(CKU_SO),
            ("C_Login", Some("USER")) => Some(CKU_USER),
            ("C_Login", Some("CONTEXT")) => Some(CKU_CONTEXT_SPECIFIC),
            (_, Some(user)) => return Err(format!("{call} knows no user type `{user}`")),
        };
        Ok(Self { call, user, when, effect: Effect::parse(effect)? })
    }
}

/// A count from 1.
pub fn ordinal(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("`{text}` is not a count from 1"))
}
