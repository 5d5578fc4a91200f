//! Signals: they end the process at once while nothing is at stake, and wait while a token is written.
//!
//! SIGINT, SIGTERM, SIGHUP and SIGQUIT are blocked in every thread and taken by one that waits for them, so that no call into
//! a module or a reader is ever cut short by one.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use nix::sys::signal::{SigSet, Signal};

/// Decides what a signal does now.
#[derive(Clone, Default)]
pub struct Interrupts {
    held: Arc<Mutex<bool>>,
}

impl Interrupts {
    /// Starts to watch. `interrupted` runs in the watching thread when a signal comes while none is held off; it ends the process.
    ///
    /// To be called before any other thread is started: threads inherit what is blocked.
    ///
    /// # Errors
    /// Where the system refuses a thread or a signal mask.
    pub fn watch(interrupted: impl Fn() + Send + 'static) -> io::Result<Self> {
        let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect();
        signals.thread_block()?;
        let interrupts = Self::default();
        let held = Arc::clone(&interrupts.held);
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            while signals.wait().is_ok() {
                // The lock is kept meanwhile, so that no write can begin while the process ends.
                let held = held.lock().unwrap_or_else(PoisonError::into_inner);
                if !*held {
                    interrupted();
                }
            }
        })?;
        Ok(interrupts)
    }

    /// From now on signals wait: the operation runs to its end, and its true outcome is the exit code.
    pub fn hold(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}
