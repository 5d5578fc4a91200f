//! openCryptoki's soft token behind its own daemon.

use crate::support::{home, pukka};

#[test]
fn the_module_is_installed() {
    let home = home();
    let run =
        pukka(home.path(), ["list", "--json", "--module", "/usr/lib/x86_64-linux-gnu/opencryptoki/libopencryptoki.so"])
            .run();
    run.code(0);
}
