//! A card with one or more stand-in applications.

use anyhow::Result;

use crate::{
    apdu::{Channel, Command, Reply, Status},
    application::Application,
    slot,
    store::Store,
};

/// A card. The first of its applications is the one selected after a reset, and the answer to reset is that one's.
pub struct Card {
    applications: Vec<Box<dyn Application>>,
    selected: usize,
    channel: Channel,
    store: Option<Store>,
}

impl Card {
    /// A card with these applications, delivered or loaded; there is at least one.
    #[must_use]
    pub fn new(applications: Vec<Box<dyn Application>>, store: Option<Store>) -> Self {
        Self { applications, selected: 0, channel: Channel::default(), store }
    }
}

impl slot::Card for Card {
    fn atr(&self) -> &[u8] {
        self.applications[0].atr()
    }

    fn restart(&mut self) -> Result<()> {
        self.selected = 0;
        self.channel = Channel::default();
        for application in &mut self.applications {
            application.reset();
        }
        Ok(())
    }

    fn respond(&mut self, apdu: &[u8]) -> Result<Vec<u8>> {
        let Self { applications, selected, channel, .. } = self;
        let transport = applications[*selected].transport().clone();
        let response = channel.answer(apdu, &transport, |command| dispatch(applications, selected, command));
        if let Some(store) = &mut self.store {
            store.keep(&mut self.applications)?;
        }
        Ok(response)
    }
}

/// SELECT by name finds an application, every other command goes to the one selected.
fn dispatch(applications: &mut [Box<dyn Application>], selected: &mut usize, command: &Command) -> Reply {
    if (command.ins, command.p1) != (0xA4, 0x04) {
        return applications[*selected].transmit(command);
    }
    let named = applications.iter().position(|one| one.answers_to(&command.data)).ok_or(Status::NO_FILE)?;
    if named != *selected {
        applications[*selected].deselect();
        *selected = named;
    }
    applications[named].select(command)
}
