//! Virtual cards in readers of a private pcscd, for tests that run the whole command.
//!
//! What cannot be built or started panics with the reason. Each [`Pcscd`] is apart: tests run in parallel.
#![allow(dead_code, reason = "a test takes what it needs")]

// The paths stand here since the bench includes this file from elsewhere.
#[path = "cards/card.rs"]
mod card;
#[path = "cards/fixtures.rs"]
pub mod fixtures;
#[path = "cards/held.rs"]
mod held;
#[path = "cards/readers.rs"]
mod readers;

pub use card::Card;
pub use held::{Held, Hold};
pub use readers::reader_name;

use readers::{MOST, Readers, USUAL};

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tempfile::{NamedTempFile, TempDir};

/// How many seconds anything here may take that takes milliseconds on an idle machine.
const PATIENCE: u64 = 20;

const NO_COUNT: u32 = u32::MAX; // pcscd counts in 16 bits

/// A pcscd of its own with two readers, or as many as it has cards to begin with.
pub struct Pcscd(Arc<Room>);

/// What a card needs alive as long as it is in a reader. Fields end in this order.
struct Room {
    pcscd: Program,
    /// By reader: what pcscd had counted when the last card was seen, or [`NO_COUNT`].
    counts: Vec<AtomicU32>,
    readers: Readers,
    directory: TempDir,
}

impl Pcscd {
    /// Starts it, and waits till its readers are there.
    #[track_caller]
    pub fn start() -> Self {
        Self::with([]).0
    }

    /// Starts it with so many empty readers at least.
    #[track_caller]
    pub fn with_readers(count: usize) -> Self {
        must(Self::try_with(Readers::claim(count, USUAL), []).map(|(pcscd, [])| pcscd))
    }

    /// Starts it with `cards` in its readers, in their order. Quicker than to insert one by one: pcscd looks for cards
    /// every 400 ms.
    #[track_caller]
    pub fn with<const N: usize>(cards: [Card; N]) -> (Self, [VirtualCard; N]) {
        const { assert!(N <= MOST, "more cards than readers") };
        must(Self::try_with(Readers::claim(N, USUAL), cards))
    }

    /// The same in readers of another make: some modules look into their maker's only.
    #[track_caller]
    pub fn in_readers_of<const N: usize>(make: &'static str, cards: [Card; N]) -> (Self, [VirtualCard; N]) {
        const { assert!(N <= MOST, "more cards than readers") };
        must(Self::try_with(Readers::claim(N, make), cards))
    }

    /// The same in readers with a PIN pad, at which a person types what [`Self::type_at_pad`] says.
    #[track_caller]
    pub fn with_pad<const N: usize>(cards: [Card; N]) -> (Self, [VirtualCard; N]) {
        must(Self::try_with(Readers::claim(N, USUAL).map(|readers| readers.with_pad(fixtures::pad_reader())), cards))
    }

    /// What will be typed at the keys of a reader, in this order: digits, or `cancel`. Whatever else a reader asks for times out.
    #[track_caller]
    pub fn type_at_pad(&self, entries: &[&str]) {
        let lines: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
        must(fs::write(self.0.directory.path().join("typed"), lines).context("what is typed"));
    }

    /// From now on the readers with a PIN pad present an empty value before they ask for one, and say which make they are.
    #[track_caller]
    pub fn present_empty_values(&self) {
        must(fs::write(self.0.directory.path().join("presents-empty"), "").context("a reader of that make"));
    }

    fn try_with<const N: usize>(readers: Result<Readers>, cards: [Card; N]) -> Result<(Self, [VirtualCard; N])> {
        let directory = directory()?;
        let readers = readers?;
        readers.configure(directory.path())?;
        let pcscd = Self(Arc::new(Room {
            pcscd: start_pcscd(directory.path())?,
            counts: (0..readers.count()).map(|_| AtomicU32::new(NO_COUNT)).collect(),
            readers,
            directory,
        }));
        let cards = cards.into_iter().enumerate().map(|(index, card)| VirtualCard::start(&pcscd.0, index, &card));
        let cards: Vec<VirtualCard> = cards.collect::<Result<_>>()?;
        till_listening(&pcscd.socket()).with_context(|| pcscd.0.log())?;
        for index in 0..pcscd.0.readers.count() {
            match cards.get(index) {
                Some(card) => card.wait_till_present()?,
                None => pcscd.0.wait_till_absent(index)?,
            }
        }
        Ok((pcscd, cards.try_into().ok().context("a card each")?))
    }

    /// Starts a stand-in whose clients are turned away, as by polkit.
    #[track_caller]
    pub fn rejecting() -> Cardless {
        must(Cardless::start(|directory| {
            Program::start(Command::new(fixtures::built().join("rejecting-pcscd")).arg(socket(directory)))
        }))
    }

    /// Starts one that has no reader.
    #[track_caller]
    pub fn without_readers() -> Cardless {
        must(Cardless::start(|directory| {
            fs::create_dir(directory.join("readers"))?;
            start_pcscd(directory)
        }))
    }

    /// The environment that makes a program its client.
    pub fn envs(&self) -> [(&'static str, OsString); 1] {
        environment(self.0.directory.path())
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        socket(self.0.directory.path())
    }

    /// Makes `command` its client.
    pub fn apply<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.envs())
    }

    /// Puts `card` into reader `index`, and waits till pcscd sees it.
    #[track_caller]
    pub fn insert(&self, index: usize, card: Card) -> VirtualCard {
        must(self.0.wait_till_absent(index)); // the card before may be gone without pcscd having noticed
        let card = must(VirtualCard::start(&self.0, index, &card));
        must(card.wait_till_present());
        card
    }

    /// The responses to `apdus`, sent by a program that connects, and leaves the card as it is then. A card that is
    /// pulled over a command has an empty one: this reader tells of it with the next.
    #[track_caller]
    pub fn send(&self, index: usize, apdus: &[&str]) -> Vec<String> {
        let sent = must(output(self.0.tool().arg("send").arg(self.0.readers.name(index)).args(apdus)));
        String::from_utf8_lossy(&sent.stdout).lines().map(str::to_owned).collect()
    }

    /// Resets the card in reader `index`, as another program may at any time.
    #[track_caller]
    pub fn reset(&self, index: usize) {
        must(output(self.0.tool().args(["send", "--reset", &self.0.readers.name(index)])));
    }

    /// Lets another program hold the card in reader `index`, after it has sent `apdus`; it leaves the card as it is.
    #[track_caller]
    pub fn hold(&self, index: usize, hold: Hold, apdus: &[&str]) -> Held {
        must(Held::start(&self.0, index, hold, apdus))
    }
}

impl Room {
    fn tool(&self) -> Command {
        let mut tool = Command::new(fixtures::card_tool());
        tool.envs(environment(self.directory.path()));
        tool
    }

    fn wait_till_present(&self, index: usize) -> Result<()> {
        self.wait(index, "present", NO_COUNT).map(|count| self.counts[index].store(count, Ordering::SeqCst))
    }

    /// Waits for more than an empty reader: that pcscd has seen the last card go.
    fn wait_till_absent(&self, index: usize) -> Result<()> {
        self.wait(index, "absent", self.counts[index].swap(NO_COUNT, Ordering::SeqCst)).map(drop)
    }

    fn wait(&self, index: usize, state: &str, since: u32) -> Result<u32> {
        let limits = ["--since", &since.to_string(), "--seconds", &PATIENCE.to_string()];
        let awaited = output(self.tool().args(["await", state, &self.readers.name(index)]).args(limits));
        Ok(String::from_utf8(awaited.with_context(|| self.log())?.stdout)?.trim().parse()?)
    }

    fn log(&self) -> String {
        format!("pcscd says: {}", fs::read_to_string(self.directory.path().join("pcscd.log")).unwrap_or_default())
    }
}

/// A pcscd, or a stand-in for one, through which nobody gets at a card.
pub struct Cardless {
    program: Program,
    directory: TempDir,
}

impl Cardless {
    fn start(program: impl FnOnce(&Path) -> Result<Program>) -> Result<Self> {
        let directory = directory()?;
        let program = program(directory.path())?;
        till_listening(&socket(directory.path()))?;
        Ok(Self { program, directory })
    }

    /// The environment that makes a program its client.
    pub fn envs(&self) -> [(&'static str, OsString); 1] {
        environment(self.directory.path())
    }
}

/// A card in a reader; dropping it pulls it.
pub struct VirtualCard {
    program: Program,
    trace: NamedTempFile,
    faults: PathBuf,
    index: usize,
    room: Arc<Room>,
}

impl VirtualCard {
    fn start(room: &Arc<Room>, index: usize, card: &Card) -> Result<Self> {
        let trace = NamedTempFile::new_in(room.directory.path())?;
        let stderr = OpenOptions::new().append(true).open(trace.path())?; // appends, so it can be cleared
        let faults = trace.path().with_extension("faults");
        let mut program = card.command(room.readers.port(index));
        program.arg("--fault-file").arg(&faults);
        let program = Program::start(program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr))?;
        Ok(Self { program, trace, faults, index, room: Arc::clone(room) })
    }

    fn wait_till_present(&self) -> Result<()> {
        self.room.wait_till_present(self.index).with_context(|| format!("the card says: {}", self.lines().join("\n")))
    }

    /// Every command and its response since the start or [`clear_trace`](Self::clear_trace), in hex. A command that was
    /// not answered yet has an empty response.
    pub fn apdus(&self) -> Vec<(String, String)> {
        let mut apdus: Vec<(String, String)> = Vec::new();
        for line in self.lines() {
            match (line.split_once(' '), apdus.last_mut()) {
                (Some((">", command)), _) => apdus.push((command.to_owned(), String::new())),
                (Some(("<", response)), Some(last)) => last.1 = response.to_owned(),
                _ => {}
            }
        }
        apdus
    }

    /// How often a client reset the card since the start or [`clear_trace`](Self::clear_trace). That pcscd powers it
    /// off after some seconds without a client, which forgets as much, is not counted.
    pub fn resets(&self) -> usize {
        self.lines().iter().filter(|line| *line == "# reset").count()
    }

    /// Forgets what was sent so far. Nobody may be sending meanwhile.
    #[track_caller]
    pub fn clear_trace(&self) {
        must(self.trace.as_file().set_len(0).map_err(Into::into));
    }

    /// Goes wrong so, as `stand-in-card --help` has it, counted from the next command on; without a fault, no more. What
    /// was to go wrong before is forgotten.
    #[track_caller]
    pub fn fail(&self, faults: &[&str]) {
        // Complete once it is there: the card looks for it before each command.
        let written = self.faults.with_extension("written");
        must(
            fs::write(&written, faults.join("\n"))
                .and_then(|()| fs::rename(&written, &self.faults))
                .map_err(Into::into),
        );
    }

    /// Waits till the card that a fault has pulled is gone, and pcscd has noticed.
    #[track_caller]
    pub fn wait_till_pulled(&mut self) {
        must(self.program.0.wait().map_err(Into::into));
        must(self.room.wait_till_absent(self.index));
    }

    /// Pulls the card, at once, and waits till pcscd has noticed.
    #[track_caller]
    pub fn pull(&mut self) {
        self.program.kill();
        must(self.room.wait_till_absent(self.index));
    }

    /// Complete lines only: the card writes while this reads.
    fn lines(&self) -> Vec<String> {
        let trace = fs::read_to_string(self.trace.path()).unwrap_or_default();
        trace.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }
}

/// A program that ends, at the latest, with the test.
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Result<Self> {
        command.env("RUST_LIB_BACKTRACE", "0"); // reasons, not stacks
        Ok(Self(command.spawn().with_context(|| format!("{command:?}"))?))
    }

    fn kill(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a pcscd with the readers that are configured in `directory`.
fn start_pcscd(directory: &Path) -> Result<Program> {
    let log = File::create(directory.join("pcscd.log"))?;
    let mut pcscd = Command::new(fixtures::private_pcscd());
    pcscd.arg(socket(directory)).arg("--").arg(pcscd_program());
    pcscd.args(["--foreground", "--error", "--config"]).arg(directory.join("readers"));
    // For the driver of readers with a PIN pad; others do not look.
    pcscd.env("PAD_READER", directory);
    if asks_polkit()? {
        pcscd.arg("--disable-polkit");
    }
    Program::start(pcscd.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log))
}

/// Not below `TMPDIR`, which may be long: the name of a socket has less than 108 bytes.
fn directory() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("pukka-").tempdir_in("/tmp")
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("pcscd.comm")
}

fn environment(directory: &Path) -> [(&'static str, OsString); 1] {
    [("PCSCLITE_CSOCK_NAME", socket(directory).into())]
}

/// `/usr/sbin` is not in everyone's `PATH`.
fn pcscd_program() -> &'static Path {
    let usual = Path::new("/usr/sbin/pcscd");
    if usual.exists() { usual } else { Path::new("pcscd") }
}

/// Whether pcscd asks polkit about each client, as 2.3 on Debian does, and can be told not to.
fn asks_polkit() -> Result<bool> {
    let help = Command::new(pcscd_program()).arg("--help").output().context("no pcscd: install pcscd")?;
    Ok([help.stdout, help.stderr].iter().any(|text| String::from_utf8_lossy(text).contains("--disable-polkit")))
}

/// A client that leaves at once is nothing to either pcscd; that the file is there does not mean that anyone listens.
fn till_listening(socket: &Path) -> Result<()> {
    let start = Instant::now();
    while UnixStream::connect(socket).is_err() {
        ensure!(start.elapsed().as_secs() < PATIENCE, "nobody listens on {}", socket.display());
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn output(command: &mut Command) -> Result<Output> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    Ok(output)
}

/// The value, or the end of the test.
#[track_caller]
#[allow(clippy::panic, reason = "a test without its cards has failed")]
fn must<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:#}"),
    }
}
