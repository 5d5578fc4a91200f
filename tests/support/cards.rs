//! Virtual cards in readers of a private pcscd, for tests that run the whole command.
//!
//! What cannot be built or started panics with the reason. Each [`Pcscd`] is apart: tests run in parallel.
#![allow(dead_code, reason = "a test takes what it needs")]

// The path stands here since the bench includes this file from elsewhere.
#[path = "cards/held.rs"]
mod held;

pub use held::{Held, Hold};

use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io, iter,
    net::{Ipv4Addr, TcpListener},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Output, Stdio},
    sync::{Arc, OnceLock, atomic::AtomicU32, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tempfile::{NamedTempFile, TempDir};

/// How many seconds anything here may take that takes milliseconds on an idle machine.
const PATIENCE: u64 = 20;

const NO_COUNT: u32 = u32::MAX; // pcscd counts in 16 bits

/// The readers of every [`Pcscd`].
pub const READERS: usize = 2;

/// The name of reader `index`, the same in every [`Pcscd`].
pub fn reader_name(index: usize) -> String {
    assert!(index < READERS, "there are {READERS} readers");
    format!("Virtual PCD 00 {index:02}")
}

/// Where the programs of `softhsm-fixtures/virtual-cards` are. The first to ask builds them; `PUKKA_VIRTUAL_CARDS` is a
/// directory that has them already.
pub mod fixtures {
    use super::*;

    pub fn virtual_card() -> PathBuf {
        built().join("virtual-card")
    }

    pub fn private_pcscd() -> PathBuf {
        built().join("private-pcscd")
    }

    pub fn card_tool() -> PathBuf {
        built().join("card-tool")
    }

    pub(super) fn built() -> &'static Path {
        static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let built = BUILT.get_or_init(|| match env::var_os("PUKKA_VIRTUAL_CARDS") {
            Some(directory) => Ok(directory.into()),
            None => build().map_err(|error| format!("{error:#}")),
        });
        must(built.as_deref().map_err(|error| anyhow!("{error}")))
    }

    fn build() -> Result<PathBuf> {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("softhsm-fixtures/virtual-cards");
        let target = bench.join("target");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--locked", "--workspace", "--manifest-path"]).arg(bench.join("Cargo.toml"));
        cargo.arg("--target-dir").arg(&target).current_dir(&bench);
        // What the cargo that runs this test says of pukka (its flags, its wrapper for coverage) is not for these.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_the_outer_build)) {
            cargo.env_remove(name);
        }
        output(&mut cargo).map(|_| target.join("release"))
    }

    fn is_of_the_outer_build(name: &str) -> bool {
        const OURS: [&str; 6] =
            ["CARGO_HOME", "CARGO_BUILD_JOBS", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];
        let outer = ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "LLVM_PROFILE_FILE", "__CARGO"];
        outer.iter().any(|start| name.starts_with(start)) && !OURS.iter().any(|start| name.starts_with(start))
    }
}

/// A pcscd of its own with two empty readers.
pub struct Pcscd(Arc<Room>);

/// What a card needs alive as long as it is in a reader. Fields end in this order.
struct Room {
    pcscd: Program,
    /// By reader: what pcscd had counted when the last card was seen, or [`NO_COUNT`].
    counts: [AtomicU32; READERS],
    ports: Ports,
    directory: TempDir,
}

impl Pcscd {
    /// Starts it, and waits till its readers are there.
    #[track_caller]
    pub fn start() -> Self {
        Self::with([]).0
    }

    /// Starts it with `cards` in its readers, in their order. Quicker than to insert one by one: pcscd looks for cards
    /// every 400 ms.
    #[track_caller]
    pub fn with<const N: usize>(cards: [Card; N]) -> (Self, [VirtualCard; N]) {
        const { assert!(N <= READERS, "more cards than readers") };
        must(Self::try_with(cards))
    }

    fn try_with<const N: usize>(cards: [Card; N]) -> Result<(Self, [VirtualCard; N])> {
        let directory = directory()?;
        let ports = Ports::claim()?;
        configure(directory.path(), ports.first)?;
        let pcscd = Self(Arc::new(Room {
            pcscd: start_pcscd(directory.path())?,
            counts: [const { AtomicU32::new(NO_COUNT) }; READERS],
            ports,
            directory,
        }));
        let cards = cards.into_iter().enumerate().map(|(index, card)| VirtualCard::start(&pcscd.0, index, &card));
        let cards: Vec<VirtualCard> = cards.collect::<Result<_>>()?;
        till_listening(&pcscd.socket()).with_context(|| pcscd.0.log())?;
        for index in 0..READERS {
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

    /// The responses to `apdus`, sent by a program that connects, and leaves the card as it is then.
    #[track_caller]
    pub fn send(&self, index: usize, apdus: &[&str]) -> Vec<String> {
        let sent = must(output(self.0.tool().arg("send").arg(reader_name(index)).args(apdus)));
        String::from_utf8_lossy(&sent.stdout).lines().map(str::to_owned).collect()
    }

    /// Resets the card in reader `index`, as another program may at any time.
    #[track_caller]
    pub fn reset(&self, index: usize) {
        must(output(self.0.tool().args(["send", "--reset", &reader_name(index)])));
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
        let awaited = output(self.tool().args(["await", state, &reader_name(index)]).args(limits));
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

/// A card to be put into a reader, as it is delivered unless it has a file.
#[derive(Clone)]
pub struct Card {
    application: &'static str,
    options: Vec<OsString>,
}

impl Card {
    /// PIN 123456, PUK 12345678; three tries of the PIN.
    pub fn piv() -> Self {
        Self { application: "piv", options: Vec::new() }
    }

    /// PW1 123456, PW3 12345678, no reset code.
    pub fn openpgp() -> Self {
        Self { application: "openpgp", options: Vec::new() }
    }

    /// Eight hex digits; else 0052F743 on PIV and 00DEC0DE on OpenPGP.
    pub fn serial(self, hex: &str) -> Self {
        self.option("--serial", hex)
    }

    /// Answers to the first five bytes of its name too.
    pub fn short_aid(self) -> Self {
        self.option("--short-aid", "true")
    }

    /// As slow as a real card, or slower: per APDU.
    pub fn delay_ms(self, milliseconds: u64) -> Self {
        self.option("--delay-ms", milliseconds.to_string())
    }

    /// Keeps the card's state in this file and one beside it, so that it can be pulled and put in again.
    pub fn file(self, store: &Path) -> Self {
        self.option("--file", store)
    }

    fn option(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.options.extend([name.into(), value.into()]);
        self
    }
}

/// A card in a reader; dropping it pulls it.
pub struct VirtualCard {
    program: Program,
    trace: NamedTempFile,
    index: usize,
    room: Arc<Room>,
}

impl VirtualCard {
    fn start(room: &Arc<Room>, index: usize, card: &Card) -> Result<Self> {
        let trace = NamedTempFile::new_in(room.directory.path())?;
        let stderr = OpenOptions::new().append(true).open(trace.path())?; // appends, so it can be cleared
        let port = usize::from(room.ports.first) + index;
        let mut program = Command::new(fixtures::virtual_card());
        program.args([card.application, "--trace", "--port"]).arg(port.to_string()).args(&card.options);
        let program = Program::start(program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr))?;
        Ok(Self { program, trace, index, room: Arc::clone(room) })
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

/// Two TCP ports in a row, one a reader, that no other test has.
struct Ports {
    first: u16,
    /// An abstract name, which ends with this process however it ends, and is as far known as the ports are.
    _claim: UnixListener,
}

impl Ports {
    fn claim() -> Result<Self> {
        for turn in 0..5_000 {
            let pair = process::id().wrapping_mul(61).wrapping_add(turn) % 5_000; // processes begin apart
            let first = u16::try_from(21_000 + 2 * pair)?; // below Linux's ephemeral ports, which any program may get
            let name = SocketAddr::from_abstract_name(format!("pukka-vpcd-{first}"))?;
            let Ok(claim) = UnixListener::bind_addr(&name) else { continue };
            // Not once pcscd is there: vpcd takes a probe for a card.
            let free = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
            if free(first) && free(first + 1) {
                return Ok(Self { first, _claim: claim });
            }
        }
        bail!("no two free ports in a row")
    }
}

/// Starts a pcscd with the readers that are configured in `directory`.
fn start_pcscd(directory: &Path) -> Result<Program> {
    let log = File::create(directory.join("pcscd.log"))?;
    let mut pcscd = Command::new(fixtures::private_pcscd());
    pcscd.arg(socket(directory)).arg("--").arg(pcscd_program());
    pcscd.args(["--foreground", "--error", "--config"]).arg(directory.join("readers"));
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

fn configure(directory: &Path, port: u16) -> Result<()> {
    // A copy each: entries that share a library, or a link to it, are listed, and only the last answer.
    fs::copy(vpcd_library()?, directory.join("libifdvpcd.so"))?;
    fs::create_dir(directory.join("readers"))?;
    let library = format!("LIBPATH {}/libifdvpcd.so", directory.display());
    let reader =
        format!("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:{port:#X}\nCHANNELID {port:#X}\n{library}\n");
    Ok(fs::write(directory.join("readers/vpcd"), reader)?)
}

fn vpcd_library() -> Result<PathBuf> {
    let architectures = fs::read_dir("/usr/lib")?.filter_map(Result::ok).map(|entry| entry.path());
    let mut libraries = iter::once("/usr/lib".into())
        .chain(architectures)
        .map(|directory| directory.join("pcsc/drivers/serial/libifdvpcd.so"));
    libraries.find(|library| library.exists()).context("no libifdvpcd.so: install vsmartcard-vpcd")
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
