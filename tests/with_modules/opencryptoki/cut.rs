//! What a writer that was cut off leaves: openCryptoki empties a file, then writes it.

use std::fs::File;

use super::Bench;
use crate::support::desk::{NEW, OTHER, PIN};

impl Bench {
    /// Leaves a file of the token as a program does that was killed while it wrote.
    fn cut(&self, name: &str) {
        File::options().write(true).truncate(true).open(self.daemon.store().join(name)).unwrap();
    }
}

/// The token has the hash of the new PIN, and nothing that this PIN decrypts.
#[test]
fn a_pin_whose_key_was_lost_is_a_fault_and_the_so_gives_a_new_one() {
    let bench = Bench::new();
    bench.run("pin change --token desk-7 --pin env:PIN --new-pin env:NEW").code(0);
    bench.cut("MK_USER");
    let error = bench.refused("pin verify --token desk-7 --pin env:NEW", 8, "device");
    assert_eq!(error["detail"], "CKR_FUNCTION_FAILED (0x6)");
    assert_eq!(bench.logs_in("user", NEW), Err("CKR_FUNCTION_FAILED".into()));
    bench.done("pin reset --token desk-7 --so-pin env:SO --new-pin env:OTHER", "reset");
    assert_eq!(bench.logs_in("user", OTHER), Ok(()));
}

#[test]
fn an_so_whose_key_was_lost_is_a_fault_and_the_user_keeps_the_token() {
    let bench = Bench::new();
    bench.cut("MK_SO");
    bench.refused("pin reset --token desk-7 --so-pin env:SO --new-pin env:NEW", 8, "device");
    assert_eq!(bench.logs_in("user", PIN), Ok(()));
    bench.done("pin change --token desk-7 --pin env:PIN --new-pin env:NEW", "changed");
}

#[test]
fn a_token_whose_record_was_lost_is_not_there_and_comes_back_with_its_record() {
    let bench = Bench::new();
    let record = std::fs::read(bench.daemon.store().join("NVTOK.DAT")).unwrap();
    bench.cut("NVTOK.DAT");
    bench.refused("pin verify --token desk-7 --pin env:PIN", 3, "no-token");
    std::fs::write(bench.daemon.store().join("NVTOK.DAT"), record).unwrap();
    bench.done("pin verify --token desk-7 --pin env:PIN", "verified");
}
