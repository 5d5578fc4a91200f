//! What shuts a process that holds secrets against others: no core file, no tracer, and as far as the system allows no swap.

use std::io;

use nix::{
    libc,
    sys::{
        mman::{MlockAllFlags, mlockall},
        prctl::set_dumpable,
        resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit},
    },
};

/// Shuts this process. Secrets lie in locked pages of their own in any case ([`crate::secret::Pages`]); whoever may lock
/// without a limit, as root may, locks everything: also the stack, and what a module makes of a PIN.
///
/// # Errors
/// The system's own, where a core file or a tracer cannot be kept off.
pub fn shut() -> io::Result<()> {
    set_dumpable(false)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // Only without a limit: with one, memory that is mapped later would be refused, be it a module's.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    if getrlimit(Resource::RLIMIT_MEMLOCK)?.0 == RLIM_INFINITY {
        // Pages are locked as they come into use, so that nothing is read or filled for it.
        let on_use = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
        let _ = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_use);
    }
    Ok(())
}
