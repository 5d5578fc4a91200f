//! The lock of a token, which the worker of its module holds.

use std::sync::{PoisonError, atomic::Ordering};

use nix::sys::time::TimeSpec;

use super::Module;
use crate::device::pkcs11::wire::{Locked, Request};

/// A held lock of a token; let go of when dropped, or when the worker ends.
pub struct Lock<'a> {
    pub(super) module: &'a Module,
    pub(super) locked: Locked,
}

impl Lock<'_> {
    /// Whether another process may have changed the token since `time`, on the clock of file times.
    pub fn changed_since(&self, time: TimeSpec) -> bool {
        self.locked.changed_since(time)
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        *self.module.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.module.has_lock.store(false, Ordering::SeqCst);
        // A worker that is lost has let go of it, or keeps it as long as it writes.
        let _ = self.module.worker.ask::<()>(&Request::Unlock);
    }
}
