//! `make install` and `make uninstall`.

use std::{fs, path::Path, process::Command};

use super::{done, files, is_found_by_man, shells_complete, sources, support, works};

/// Runs make on a target, as somebody who installs below `prefix`.
#[track_caller]
fn make(target: &str, destination: &Path, prefix: &str) {
    let destination = format!("DESTDIR={}", destination.display());
    let mut make = Command::new("make");
    // What this test runs in was started by make itself.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    done(make.arg("--silent").arg("-C").arg(sources()).args([target, &destination, &format!("PREFIX={prefix}")]));
}

#[test]
fn what_is_installed_works_where_it_stands_and_goes_away_without_a_trace() {
    let destination = support::home();
    make("install", destination.path(), "/opt/our own");
    let root = destination.path().join("opt/our own");
    works(&root.join("bin/pukka"));
    is_found_by_man(&root.join("share/man"));
    shells_complete(&root.join("share"), "zsh/site-functions");
    for page in fs::read_dir(sources().join("target/pages/man")).unwrap() {
        assert!(root.join("share/man/man1").join(page.unwrap().file_name()).is_file());
    }
    for file in [
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "docs/schema.json",
        "docs/profiles.md",
        "docs/examples/config.toml",
        "docs/pictures/status.svg",
    ] {
        assert!(root.join("share/doc/pukka").join(file).is_file(), "{file}");
    }
    // Nothing but what was named: no configuration, no state.
    assert_eq!(fs::read_dir(destination.path()).unwrap().count(), 1);

    let beside = root.join("share/man/man1/pukkasan.1");
    fs::write(&beside, "another program's").unwrap();
    make("uninstall", destination.path(), "/opt/our own");
    assert_eq!(files(&root), [beside.strip_prefix(&root).unwrap()]);
}
