//! What is left of the pages of a secret in a process that goes on without it, however that came.

use std::{fs::File, os::unix::fs::FileExt, panic};

use pukka::secret::Pages;

/// What stands at an address of this process; nothing where nothing is mapped there.
fn at(address: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let memory = File::open("/proc/self/mem").unwrap();
    memory.read_exact_at(&mut bytes, address as u64).map_or_else(|_| Vec::new(), |()| bytes)
}

#[test]
fn nothing_is_left_of_a_secret_after_an_error_or_a_panic() {
    let value = b"fjSVW~@imL*ihR&N3Wc!Xxq";
    let hold = |end: fn() -> Result<(), ()>, place: &mut usize| -> Result<(), ()> {
        let mut pages = Pages::with_capacity(4);
        // It moves as it grows.
        let first = pages.as_ptr() as usize;
        pages.extend_from_slice(&value[..4]);
        pages.resize(5000, b'x');
        pages[..value.len()].copy_from_slice(value);
        assert_ne!(at(first, 4), &value[..4], "a copy is left behind");
        *place = pages.as_ptr() as usize;
        assert_eq!(at(*place, value.len()), value, "the search finds nothing");
        end()
    };
    for end in [|| Ok(()), || Err(()), || panic!("on purpose")] {
        let mut place = 0;
        let ended = panic::catch_unwind(panic::AssertUnwindSafe(|| hold(end, &mut place)));
        assert!(place != 0, "it ended early: {ended:?}");
        assert_ne!(at(place, value.len()), value);
    }
}
