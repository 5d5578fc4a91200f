//! Who is asked for a value: the person at the terminal, or the one before the desktop's pinentry.

use std::collections::BTreeMap;

use super::{Collector, Prompter, Source, missing};
use crate::{error::Result, token::Need};

/// One who asks; none where nobody may be asked.
type Asker = Option<Box<dyn Prompter>>;

impl Collector {
    /// The same collector, which may also ask by a pinentry where a source names it.
    #[must_use]
    pub fn with_pinentry(self, pinentry: Option<Box<dyn Prompter>>) -> Self {
        Self { pinentry, ..self }
    }

    /// Who asks for a value.
    pub(super) fn asked(&mut self, need: Need) -> Result<&mut dyn Prompter> {
        of(need, &self.sources, &mut self.ask, &mut self.pinentry)
    }

    /// Whether somebody can be asked for it.
    pub(super) fn can_ask(&self, need: Need) -> Result<()> {
        let asker = if is_by_pinentry(need, &self.sources) { &self.pinentry } else { &self.ask };
        asker.as_ref().ok_or_else(|| missing(need))?.can_ask()
    }
}

/// The same over the parts of a collector.
pub(super) fn of<'a>(
    need: Need,
    sources: &BTreeMap<Need, Source>,
    terminal: &'a mut Asker,
    pinentry: &'a mut Asker,
) -> Result<&'a mut dyn Prompter> {
    match if is_by_pinentry(need, sources) { pinentry } else { terminal } {
        Some(asker) => Ok(asker.as_mut()),
        None => Err(missing(need)),
    }
}

fn is_by_pinentry(need: Need, sources: &BTreeMap<Need, Source>) -> bool {
    sources.get(&need) == Some(&Source::Pinentry)
}
