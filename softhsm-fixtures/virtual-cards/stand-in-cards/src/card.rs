//! A card with one or more applications, as the reader sees it.

use std::{path::PathBuf, thread, time::Duration};

use anyhow::Result;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::{
    apdu::{Channel, Command, Reply, Status},
    application::Application,
    fault::{Faults, Kind},
    reader,
    store::Store,
    trace::Trace,
};

/// How the card behaves apart from its applications.
#[derive(Default)]
pub struct Manner {
    /// Each answer comes this much later, as from a slower card.
    pub delay: Duration,
    pub faults: Faults,
    /// Where faults are handed to it while it runs: see [`Faults::take`].
    pub fault_file: Option<PathBuf>,
}

/// A card. The first of its applications is the one selected after a reset.
pub struct Card {
    applications: Vec<Box<dyn Application>>,
    selected: usize,
    channel: Channel,
    store: Option<Store>,
    manner: Manner,
    trace: Trace,
}

impl Card {
    /// A card with these applications, delivered or loaded; there is at least one.
    #[must_use]
    pub fn new(applications: Vec<Box<dyn Application>>, store: Option<Store>, manner: Manner, trace: bool) -> Self {
        Self { applications, selected: 0, channel: Channel::default(), store, manner, trace: Trace::new(trace) }
    }

    /// The response of the card without faults, its state kept.
    ///
    /// # Errors
    /// The state cannot be written.
    pub fn respond(&mut self, apdu: &[u8]) -> Result<Vec<u8>> {
        let Self { applications, selected, channel, .. } = self;
        let transport = applications[*selected].transport().clone();
        let response = channel.answer(apdu, &transport, |command| dispatch(applications, selected, command));
        if let Some(store) = &mut self.store {
            store.keep(&self.applications)?;
        }
        Ok(response)
    }

    /// Forgets what a reset forgets.
    pub fn restart(&mut self) {
        self.selected = 0;
        self.channel = Channel::default();
        for application in &mut self.applications {
            application.reset();
        }
    }

    fn fail(&mut self, kind: Kind, apdu: &[u8]) -> Result<Option<Vec<u8>>> {
        self.trace.signal(&format!("fault {kind:?}"));
        if kind == Kind::PullBefore {
            return Ok(None);
        }
        if kind == Kind::Lie {
            return Ok(Some(Status::OK.0.to_be_bytes().to_vec()));
        }
        let mut response = self.respond(apdu)?;
        match kind {
            Kind::PullBefore | Kind::PullAfter => return Ok(None),
            Kind::Lie => {}
            Kind::Cut(bytes) => response.truncate(bytes),
            Kind::Answer(answer) => response = answer,
            Kind::Garbage(bytes) => {
                response = vec![0; bytes];
                getrandom(&mut response, GetRandomFlags::empty())?;
                if let [.., first, _] = &mut response[..] {
                    *first |= 0xF0; // no class of status words begins so
                }
            }
            Kind::Silence(time) => thread::sleep(time),
        }
        Ok(Some(response))
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

impl reader::Card for Card {
    fn atr(&self) -> &[u8] {
        self.applications[0].atr()
    }

    fn power_on(&mut self) -> Result<()> {
        self.trace.signal("power on");
        Ok(())
    }

    fn power_off(&mut self) -> Result<()> {
        self.trace.signal("power off");
        self.restart();
        Ok(())
    }

    fn reset(&mut self) -> Result<()> {
        self.trace.signal("reset");
        self.restart();
        Ok(())
    }

    fn execute(&mut self, apdu: &[u8]) -> Result<Option<Vec<u8>>> {
        self.trace.command(apdu);
        thread::sleep(self.manner.delay);
        if let Some(file) = &self.manner.fault_file {
            self.manner.faults.take(file)?;
        }
        let response = match self.manner.faults.at(apdu) {
            Some(kind) => self.fail(kind, apdu)?,
            None => Some(self.respond(apdu)?),
        };
        // Before the reader gets it: whoever has seen a command succeed finds it in the trace.
        if let Some(response) = &response {
            self.trace.response(response);
        }
        Ok(response)
    }
}
