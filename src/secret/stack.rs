//! The stack behind a computation with a secret.

use zeroize::zeroize_stack;

/// How much of the stack is wiped, in bytes: far more than a cipher or hash takes, also where nothing was optimised.
const DEPTH: usize = 64 * 1024;

/// Does `work`, and wipes the stack that it used: ciphers and hashes are wiped when dropped, and not what was moved or spilled
/// on their way.
pub fn on_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    // A frame of its own, so that all that `work` uses lies where is wiped.
    #[inline(never)]
    fn apart<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    let done = apart(work);
    zeroize_stack::<DEPTH>();
    done
}
