//! Commands written as one line, with the PIN that holds, the new one and the rest put in.

use std::{
    env,
    fs::{self, File},
    io::{Seek, Write},
    path::Path,
    process::{Command, Stdio},
};

use crate::cards::{fixtures, reader_name};

const SCDAEMON: &str = "/usr/lib/gnupg/scdaemon";

/// What lines and commands to the card name besides the PINs.
const SECRETS: [(&str, &str); 6] = [
    ("PUK", "12345678"),
    ("LONG_PUK", "1234567812345678"),
    ("ADMIN", "12345678"),
    ("CODE", "24682468"),
    ("SO", "3537363231383830"),
    ("KEY", "000000000000000000000000000000000000000000000000"),
];

/// What the tools look for in their home.
pub fn prepare(home: &Path) {
    fs::write(home.join("scdaemon.conf"), "disable-ccid\n").unwrap(); // PC/SC and nothing else
}

/// The command that a line says: words, then, after `<`, what it reads, a line between semicolons. `{old}`, `{new}`
/// and the names of [`SECRETS`] stand for values; those are in the environment, too.
pub fn command(line: &str, old: &str, new: &str, home: &Path) -> Command {
    let (words, input) = line.split_once(" < ").unwrap_or((line, ""));
    let put_in = |word: &str| put_in(word, old, new).replace("{home}", home.to_str().unwrap());
    let mut words = words.split_whitespace().map(put_in);
    let mut command = match words.next().unwrap().as_str() {
        "pukka" => Command::new(env!("CARGO_BIN_EXE_pukka")),
        "card-tool" => Command::new(fixtures::card_tool()),
        "scdaemon" => Command::new(SCDAEMON),
        program => Command::new(program),
    };
    command.args(words).env("OLD", old).env("NEW", new).envs(SECRETS);
    command.env("HOME", home).env("XDG_STATE_HOME", home).env("XDG_CACHE_HOME", home).env_remove("PUKKA_MODULE");
    command.stdin(if input.is_empty() { Stdio::null() } else { spoken(&put_in(input)).into() });
    command
}

/// Values in the place of their names; `{OLD}` and `{NEW}` in hexadecimal.
pub fn put_in(text: &str, old: &str, new: &str) -> String {
    let hex = |pin: &str| pin.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let mut text = text.replace("{reader}", &reader_name(0));
    for (name, value) in [("OLD", &*hex(old)), ("NEW", &*hex(new)), ("old", old), ("new", new)].iter().chain(&SECRETS) {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

fn spoken(input: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all((input.replace(';', "\n") + "\n").as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}
