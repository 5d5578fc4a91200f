//! Nothing is left in memory of what a card was sent: neither of the values that were given, nor of what was made of them.
//!
//! The tool is stopped where it says what it did, by a standard output that is full: all its secrets have been used by then.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::support::{
    Pukka,
    cards::{Card, Pcscd, VirtualCard},
    desk::secret_file,
    detached, home,
    marks::in_memory,
    pukka,
    running::Running,
};

/// What cards are delivered with, which may stand anywhere.
const DELIVERED: [(&str, &str); 5] = [
    ("PIN0", "123456"),
    ("PUK0", "12345678"),
    ("KEY0", "010203040506070801020304050607080102030405060708"),
    ("PIN_OF_HSM0", "648219"),
    ("SO0", "3537363231383830"),
];

/// The secrets that a card gets: by name, the longer ones in hexadecimal.
const SECRETS: [(&str, &str); 8] = [
    ("PIN", "92746183"),
    ("NEW", "58130967"),
    ("PUK", "70361492"),
    ("PUK2", "46829517"),
    ("CODE", "39150826"),
    ("SO", "9E2D7401C85B36FA"),
    ("KEY", "8F3A61C20B7E94D5A1187C4F5D926E03B4297AF0C8165DE2"),
    ("AES", "8F3A61C20B7E94D5A1187C4F5D926E03B4297AF0C8165DE26B90D53E17CA482F"),
];

/// How long the tool may take to get as far as it is stopped.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes to be searched for, and what they are.
struct Mark {
    name: String,
    bytes: Vec<u8>,
}

impl AsRef<[u8]> for Mark {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn mark(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Mark {
    Mark { name: name.into(), bytes: bytes.into() }
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Every secret as it was given; of a hexadecimal one its bytes too.
fn given_marks() -> Vec<Mark> {
    let mut marks: Vec<Mark> = SECRETS.iter().map(|(name, value)| mark(*name, *value)).collect();
    let digits = SECRETS.iter().filter(|(_, value)| value.len() >= 16);
    marks.extend(digits.map(|(name, value)| mark(format!("bytes of {name}"), unhex(value))));
    marks
}

/// What was made of the secrets: the fields of every command that presents one, behind what anyone knows.
fn made(card: &VirtualCard) -> Vec<Mark> {
    let commands = card.apdus().into_iter().map(|(command, _)| unhex(&command)).filter(|command| command.len() >= 13);
    let field = |command: Vec<u8>| {
        let data = &command[5..5 + usize::from(command[4])];
        let value = match (command[1], data) {
            // The first object of a dynamic authentication template, if it is a witness or a response.
            (0x87, [0x7C, _, 0x80 | 0x82, length, value @ ..]) => &value[..usize::from(*length)],
            (0x20 | 0x24 | 0x2C, data) => data,
            _ => return None,
        };
        Some(mark(format!("{:02X} {:02X}", command[1], command[3]), value))
    };
    commands.filter_map(field).collect()
}

/// A call that has said nothing yet of what it did, and cannot.
pub struct Stopped {
    pub tool: Child,
    output: UnixStream,
}

impl Stopped {
    #[track_caller]
    pub fn start(call: Pukka) -> Self {
        let (output, full) = UnixStream::pair().unwrap();
        full.set_nonblocking(true).unwrap();
        let fill = std::iter::repeat_with(|| (&full).write(&[b' '; 4096])).find_map(Result::err).unwrap();
        assert_eq!(fill.kind(), ErrorKind::WouldBlock);
        full.set_nonblocking(false).unwrap();
        let mut command = detached(&call.command());
        command.stdin(Stdio::null()).stdout(OwnedFd::from(full)).stderr(Stdio::piped());
        let mut stopped = Self { tool: command.spawn().unwrap(), output };
        let start = Instant::now();
        while !stopped.writes() {
            assert!(stopped.tool.try_wait().unwrap().is_none(), "it has ended: {}", stopped.said());
            assert!(start.elapsed() < PATIENCE, "it says nothing");
            thread::sleep(Duration::from_millis(5));
        }
        stopped
    }

    /// Whether it waits for standard output to take something: `write`, whose number depends on the machine, to 1.
    fn writes(&self) -> bool {
        let call = fs::read_to_string(format!("/proc/{}/syscall", self.tool.id())).unwrap_or_default();
        ["1 0x1 ", "64 0x1 "].iter().any(|write| call.starts_with(write))
    }

    fn said(&mut self) -> String {
        std::io::read_to_string(self.tool.stderr.take().unwrap()).unwrap()
    }

    /// Lets it go on, and returns its exit code and its report.
    pub fn finish(mut self) -> (i32, String) {
        let mut report = String::new();
        self.output.read_to_string(&mut report).unwrap();
        (self.tool.wait().unwrap().code().unwrap(), report.trim_start().to_owned())
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = (self.tool.kill(), self.tool.wait());
    }
}

/// One card with secrets of its own, and files that hold each.
struct Stage {
    home: TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
    application: &'static str,
}

impl Stage {
    #[track_caller]
    fn new(application: &'static str, dialect: &[&str], setup: &[&str]) -> Self {
        let card = dialect.iter().fold(Card::stand_in(application), |card, switch| card.dialect(switch));
        let (pcscd, [card]) = Pcscd::with([card]);
        let stage = Self { home: home(), pcscd, card, application };
        for (name, value) in DELIVERED.iter().chain(&SECRETS) {
            secret_file(&stage.home.path().join(name), format!("{value}\n"));
        }
        setup.iter().for_each(|line| drop(stage.call(line).run().code(0)));
        stage
    }

    /// A call in which `@NAME` is the file of that secret.
    fn call(&self, line: &str) -> Pukka {
        let folder = self.home.path().display();
        let word = |word: &str| word.strip_prefix('@').map_or(word.to_owned(), |name| format!("file:{folder}/{name}"));
        let words = line.split(' ').map(word).chain(["--application", self.application, "--json"].map(str::to_owned));
        pukka(self.home.path(), words).envs(self.pcscd.envs())
    }

    /// Asserts that a call which ends with `code` has left nothing in memory when it is about to say so; `sent` counts the
    /// fields with secrets that it sent, so that it is seen what was searched for.
    #[track_caller]
    fn leaves_nothing(&self, line: &str, code: i32, sent: usize) {
        self.card.clear_trace();
        let stopped = Stopped::start(self.call(line));
        let (given, made) = (given_marks(), made(&self.card));
        let marks: Vec<&Mark> = given.iter().chain(&made).collect();
        let left: Vec<&str> = in_memory(stopped.tool.id(), &marks).iter().map(|mark| mark.name.as_str()).collect();
        let (ended, report) = stopped.finish();
        assert_eq!(ended, code, "{line}: {report}");
        assert_eq!(made.len(), sent, "{line}: {:?}", self.card.apdus());
        assert_eq!(left, Vec::<&str>::new(), "{line}");
    }
}

#[test]
fn the_search_finds_what_a_card_is_sent_while_it_is_under_way() {
    let given = ["pin change --pin @PIN0 --new-pin @PIN"];
    let stage = Stage::new("openpgp", &["kdf=three-salts"], &given);
    stage.card.fail(&["silence=20@24:1"]);
    stage.card.clear_trace();
    let running = Running::start(stage.call("pin change --pin @PIN --new-pin @NEW"));
    let start = Instant::now();
    while !stage
        .card
        .apdus()
        .last()
        .is_some_and(|(command, response)| command.starts_with("0024") && response.is_empty())
    {
        assert!(start.elapsed() < PATIENCE, "nothing is sent: {:?}", stage.card.apdus());
        thread::sleep(Duration::from_millis(5));
    }
    let (given, made) = (given_marks(), made(&stage.card));
    let marks: Vec<&Mark> = given.iter().chain(&made).collect();
    let found: Vec<&str> = in_memory(running.id(), &marks).iter().map(|mark| mark.name.as_str()).collect();
    assert_eq!(found, ["PIN", "NEW", "20 81", "24 81"]);
}

const GIVEN_TO_PIV: [&str; 2] = ["pin change --pin @PIN0 --new-pin @PIN", "puk change --puk @PUK0 --new-puk @PUK"];

#[test]
fn nothing_is_left_in_memory_of_a_pin_and_a_puk_that_a_piv_card_was_sent() {
    let stage = Stage::new("piv", &["card=yubikey"], &GIVEN_TO_PIV);
    stage.leaves_nothing("pin change --pin @CODE --new-pin @NEW", 4, 1);
    stage.leaves_nothing("pin change --pin @PIN --new-pin @NEW", 0, 2);
    stage.leaves_nothing("pin reset --puk @PUK --new-pin @PIN", 0, 2);
    stage.leaves_nothing("puk change --puk @PUK --new-puk @PUK2", 0, 1);
}

#[test]
fn nothing_is_left_in_memory_of_an_admin_key_of_piv_nor_of_what_it_deciphered() {
    let limits = "--pin-tries 5 --puk-tries 4 --new-pin @NEW --new-puk @PUK2";
    for key in ["@KEY", "@AES"] {
        let stage = Stage::new("piv", &["card=yubikey"], &GIVEN_TO_PIV);
        stage.leaves_nothing(&format!("admin-key change --admin-key @KEY0 --new-admin-key {key}"), 0, 2);
        stage.leaves_nothing(&format!("retries set --admin-key {key} --pin @PIN {limits}"), 0, 5);
    }
}

#[test]
fn nothing_is_left_in_memory_of_what_an_openpgp_card_was_sent_nor_of_what_its_kdf_was_given() {
    for hash in ["sha256", "sha512"] {
        let given = ["pin change --pin @PIN0 --new-pin @PIN", "so-pin change --so-pin @PUK0 --new-so-pin @SO"];
        let hash = format!("kdf-hash={hash}");
        let stage = Stage::new("openpgp", &["kdf=three-salts", &hash], &given);
        stage.leaves_nothing("pin change --pin @PIN --new-pin @NEW", 0, 3);
        stage.leaves_nothing("reset-code set --so-pin @SO --new-reset-code @CODE", 0, 1);
        stage.leaves_nothing("pin reset --reset-code @CODE --new-pin @PIN", 0, 2);
    }
}

#[test]
fn nothing_is_left_in_memory_of_an_admin_key_of_gids_nor_of_its_responses() {
    let given = ["pin change --pin @PIN0 --new-pin @PIN", "admin-key change --admin-key @KEY0 --new-admin-key @KEY"];
    let delivered = format!("admin-key={}", DELIVERED[2].1);
    for switches in [&[delivered.as_str()][..], &[&delivered, "mutual=6A86"]] {
        let stage = Stage::new("gids", switches, &given);
        stage.leaves_nothing("pin reset --admin-key @KEY --new-pin @NEW", 0, 3);
    }
}

#[test]
fn nothing_is_left_in_memory_of_an_so_pin_of_a_smartcard_hsm() {
    let given = ["pin change --pin @PIN_OF_HSM0 --new-pin @PIN", "so-pin change --so-pin @SO0 --new-so-pin @SO"];
    let stage = Stage::new("sc-hsm", &[], &given);
    stage.leaves_nothing("pin reset --so-pin @SO --new-pin @NEW", 0, 2);
    stage.leaves_nothing("pin change --pin @NEW --new-pin @PIN", 0, 3);
}
