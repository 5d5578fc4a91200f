//! Signals: they end the process at once while nothing is at stake, and wait while a token is written.
//!
//! SIGINT, SIGTERM, SIGHUP and SIGQUIT are blocked in every thread and taken by one that waits for them, so that no call into
//! a module or a reader is ever cut short by one.
//!
//! SIGTSTP and SIGCONT are taken by it too: a job that is stopped at a question leaves the terminal to the shell as it was, and
//! hides again what is typed when it goes on.

use std::{
    fs, io,
    sync::{Arc, Mutex, PoisonError},
};

use nix::sys::signal::{SigSet, Signal, raise};

/// Decides what a signal does now.
#[derive(Clone, Default)]
pub struct Interrupts {
    held: Arc<Mutex<bool>>,
}

impl Interrupts {
    /// Starts to watch. `interrupted` runs in the watching thread when a signal comes while none is held off; it ends the process.
    /// `stops` runs before the process is stopped by the terminal, `goes_on` whenever it has been continued.
    ///
    /// To be called before any other thread is started: threads inherit what is blocked.
    ///
    /// # Errors
    /// Where the system refuses a thread or a signal mask.
    pub fn watch(
        interrupted: impl Fn() + Send + 'static,
        stops: impl Fn() + Send + 'static,
        goes_on: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let signals =
            [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGCONT];
        let ignored = ignored();
        // `nohup`, and a shell that starts a job in the background, have them ignored; they stay so.
        let signals: SigSet = signals.into_iter().filter(|signal| ignored >> (*signal as i32 - 1) & 1 == 0).collect();
        signals.thread_block()?;
        let interrupts = Self::default();
        let held = Arc::clone(&interrupts.held);
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            while let Ok(signal) = signals.wait() {
                match signal {
                    Signal::SIGTSTP => {
                        stops();
                        stop();
                        continue;
                    }
                    Signal::SIGCONT => {
                        goes_on();
                        continue;
                    }
                    _ => {}
                }
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

    /// Nothing is at stake any more, and a person is asked again: a signal ends the process, one that waited does not.
    pub fn release(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

/// Stops the process as SIGTSTP does by itself, which is not at all where no shell could continue it.
fn stop() {
    let stop = SigSet::from_iter([Signal::SIGTSTP]);
    // What cannot be let through does nothing: the process goes on.
    let _ = raise(Signal::SIGTSTP).and_then(|()| stop.thread_unblock()).and_then(|()| stop.thread_block());
}

/// The signals that this process was started to ignore, as bits from the first (Linux); a blocked signal is no longer ignored.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
