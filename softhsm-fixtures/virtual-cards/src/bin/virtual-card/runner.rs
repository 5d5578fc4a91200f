//! Runs the Trussed service beside an application, and makes the application's clients of it.

use std::{
    sync::mpsc::{self, Sender},
    thread,
};

use anyhow::{Context, Result, anyhow};
use trussed::{
    ClientImplementation, pipe,
    platform::Syscall,
    service::Service,
    types::CoreContext,
    virt::{self, StoreConfig},
};

use crate::dispatch::{BACKENDS, Dispatch};

pub type Client<'a> = ClientImplementation<'a, Call, Dispatch>;

/// Where an application's client comes from; there is one at a time.
pub struct Clients<'a> {
    channel: &'a pipe::TrussedChannel,
    calls: Sender<()>,
}

impl<'a> Clients<'a> {
    /// # Errors
    /// Where the client before this one still lives.
    pub fn next(&self) -> Result<Client<'a>> {
        let requester = self.channel.requester().context("the firmware's client is in use")?;
        Ok(Client::new(requester, Call(self.calls.clone()), None))
    }
}

/// Wakes the service. trussed's own runner sleeps a millisecond between calls; this one waits for them.
pub struct Call(Sender<()>);

impl Syscall for Call {
    fn syscall(&mut self) {
        // The service ends after its last client, or with the process: there is always someone to hear this.
        let _ = self.0.send(());
    }
}

/// Runs `application` with a service whose files are in `store`, under the name `id`.
pub fn run(store: StoreConfig<'_>, id: &str, application: impl FnOnce(Clients<'_>) -> Result<()>) -> Result<()> {
    virt::with_platform(store, |platform| {
        let channel = pipe::TrussedChannel::new();
        let responder = channel.responder().context("the firmware's service is in use")?;
        let id = id.try_into().map_err(|_| anyhow!("{id} is too long for a client's name"))?;
        let key = b"some bytes".as_slice().try_into().map_err(|_| anyhow!("the hardware key is too long"))?;
        let mut service = Service::with_dispatch(platform, Dispatch::with_hardware_key(key));
        let mut endpoints = [pipe::ServiceEndpoint::new(responder, CoreContext::new(id), BACKENDS)];
        let (calls, called) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                while called.recv().is_ok() {
                    service.process(&mut endpoints);
                }
            });
            application(Clients { channel: &channel, calls })
        })
    })
}
