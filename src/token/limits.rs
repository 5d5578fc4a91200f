//! The limits of retry counters, and what a token asks of whoever sets them.

use std::collections::BTreeMap;

use super::Role;

/// The tries that each counter is to have after a right value.
pub type Limits = BTreeMap<Role, u8>;

/// What a kind of token asks of whoever sets its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitRules {
    /// The roles whose limits one command sets, all of them at once.
    pub roles: &'static [Role],
    /// The roles whose present secrets it wants, beside that of the authority.
    pub beside: &'static [Role],
    /// The roles whose values it puts back to those of delivery; each gets a new one in the same run.
    pub restores: &'static [Role],
}
