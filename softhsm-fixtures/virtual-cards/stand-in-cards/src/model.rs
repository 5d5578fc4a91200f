//! Models of cards: switches of an application that are turned together, by the name of a card.

use std::fmt;

use anyhow::{Context, Result};

use crate::{apdu::Transport, dialect::Switches, pin::PinDialect};

/// A card by name, with its switches; `card` among them, as the first, is one that it is like.
pub type Model = (&'static str, &'static [(&'static str, &'static str)]);

/// The switches of one application, which it has besides those of the PIN commands and of the transport.
pub trait Modelled: Switches + Default + Clone {
    /// The first is how the application is unless said otherwise.
    const MODELS: &'static [Model];
}

/// All switches of an application. `card` sets every one of them, so it is to be turned first.
#[derive(Clone)]
pub struct Dialect<T> {
    pub pin: PinDialect,
    pub own: T,
    pub transport: Transport,
    card: &'static str,
}

impl<T: Modelled> Dialect<T> {
    /// The first model. A switch that it does not have is without effect here; a test turns every model's.
    #[must_use]
    pub fn new() -> Self {
        let mut dialect = Self::blank();
        if let Some((name, _)) = T::MODELS.first() {
            // The switches of the models are constants, and tested: there is nothing to report.
            let _ = dialect.become_card(name);
        }
        dialect
    }

    fn blank() -> Self {
        Self { pin: PinDialect::default(), own: T::default(), transport: Transport::default(), card: "" }
    }

    fn become_card(&mut self, name: &str) -> Result<()> {
        let names = T::MODELS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let (card, switches) =
            T::MODELS.iter().find(|(card, _)| *card == name).with_context(|| format!("{name}: none of {names}"))?;
        *self = Self::blank();
        for (switch, value) in *switches {
            self.set(switch, value)?.then_some(()).with_context(|| format!("{card}: no switch {switch}"))?;
        }
        self.card = card;
        Ok(())
    }
}

impl<T: Modelled> Default for Dialect<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Modelled> Switches for Dialect<T> {
    fn set(&mut self, name: &str, value: &str) -> Result<bool> {
        if name == "card" {
            return self.become_card(value).map(|()| true);
        }
        Ok(self.own.set(name, value)? || self.pin.set(name, value)? || self.transport.set(name, value)?)
    }

    fn list(&self) -> Vec<(String, String, &'static str)> {
        let card = ("card".to_owned(), self.card.to_owned(), "all that follows, as on this card; to be turned first");
        [vec![card], self.own.list(), self.pin.list(), self.transport.list()].concat()
    }
}

impl<T: fmt::Debug> fmt::Debug for Dialect<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct(self.card).field("own", &self.own).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

    use super::*;

    /// Turns every model on.
    pub fn every_model_has_only_switches_that_exist<T: Modelled>() {
        for (name, _) in T::MODELS {
            let mut dialect = Dialect::<T>::new();
            assert!(dialect.set("card", name).unwrap());
            assert_eq!(dialect.card, *name);
        }
        assert!(Dialect::<T>::new().set("card", "no such card").is_err());
    }
}
