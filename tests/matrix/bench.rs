//! Cards in the readers of one pcscd, a worker for each reader: what waits for pcscd to notice a card waits side by side.

use std::{
    fmt::{self, Display},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use super::applications::Application;
use crate::support::{
    Run,
    cards::{Card, Pcscd, VirtualCard, reader_name},
    home, pukka,
    running::Running,
};

/// How many readers a bench has.
const READERS: usize = 16;

/// How many seconds a call may take before it counts as one that hangs.
const MOST_SECONDS: &str = "60";

/// Something with a name for whoever reads of its failure.
pub struct Named<T> {
    pub name: String,
    pub what: T,
}

impl<T> Display for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Does `work` for each case, in the reader of whichever worker is free, and fails with every case that failed.
#[track_caller]
pub fn each<C: Sync + Display>(cases: &[C], work: impl Fn(&Pcscd, usize, &C) + Sync) {
    let pcscd = Pcscd::with_readers(READERS.min(cases.len()));
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for index in 0..READERS.min(cases.len()) {
            let (pcscd, next, failed, work) = (&pcscd, &next, &failed, &work);
            scope.spawn(move || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(why) = catch_unwind(AssertUnwindSafe(|| work(pcscd, index, case))) {
                        let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
                        failed.lock().unwrap().push(format!("{case}: {why}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

/// One reader with one card, whose whole state is at hand.
pub struct Seat<'p> {
    pub application: &'static Application,
    pub card: VirtualCard,
    pcscd: &'p Pcscd,
    index: usize,
    switches: Vec<String>,
    directory: TempDir,
    home: TempDir,
}

impl<'p> Seat<'p> {
    /// A card as delivered in this dialect; a later switch wins.
    pub fn new(pcscd: &'p Pcscd, index: usize, application: &'static Application, switches: &[String]) -> Self {
        Self::start_with(pcscd, index, application, switches, None, &[])
    }

    /// A card that has stored this already, to fail so from its first command on.
    pub fn with_state(
        pcscd: &'p Pcscd,
        index: usize,
        application: &'static Application,
        switches: &[String],
        state: &Value,
        fault: &str,
    ) -> Self {
        Self::start_with(pcscd, index, application, switches, Some(state), &[fault])
    }

    /// Real firmware, whose state is its own; a file keeps it over a pull.
    pub fn firmware(pcscd: &'p Pcscd, index: usize, application: &'static Application, fault: Option<&str>) -> Self {
        let directory = home();
        let card = pcscd.insert(index, firmware(application, &directory, fault));
        Self { application, card, pcscd, index, switches: Vec::new(), directory, home: home() }
    }

    /// Waits till firmware that a fault has pulled is gone, and puts it in again.
    pub fn reinsert_firmware(&mut self) {
        self.card.pull();
        self.card = self.pcscd.insert(self.index, firmware(self.application, &self.directory, None));
    }

    fn start_with(
        pcscd: &'p Pcscd,
        index: usize,
        application: &'static Application,
        switches: &[String],
        state: Option<&Value>,
        faults: &[&str],
    ) -> Self {
        let directory = home();
        if let Some(state) = state {
            fs::write(directory.path().join("card"), state.to_string()).unwrap();
        }
        let card = stand_in(application, switches, &directory);
        let card = pcscd.insert(index, faults.iter().fold(card, |card, fault| card.fault(fault)));
        Self { application, card, pcscd, index, switches: switches.to_vec(), directory, home: home() }
    }

    /// Pulls the card, wherever it is, and puts it in again with this state.
    pub fn put_back(&mut self, state: &Value) {
        self.card.pull();
        fs::write(self.directory.path().join("card"), state.to_string()).unwrap();
        self.card = self.pcscd.insert(self.index, stand_in(self.application, &self.switches, &self.directory));
    }

    /// Runs the tool on this card; its trace begins with it. What stands in `line` may name the token itself.
    #[track_caller]
    pub fn run(&self, line: &str) -> Run {
        self.start(line).finish()
    }

    /// Starts the tool on this card.
    pub fn start(&self, line: &str) -> Running {
        let call = self.command(&format!("{line} --json --no-input"));
        let mut timed = Command::new("setsid");
        timed.args(["--wait", "timeout", MOST_SECONDS]).arg(call.get_program()).args(call.get_args()).env_clear();
        timed.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
        Running::spawn(&mut timed)
    }

    /// The tool on this card, to be started.
    pub fn command(&self, line: &str) -> Command {
        let line = self.named(line);
        self.card.clear_trace();
        let line = if line.contains("--token") { line } else { line + self.application.call };
        let mut words: Vec<String> = line.split(' ').map(|word| word.replace('\u{a0}', " ")).collect();
        if !line.contains("--token") {
            let reader = reader_name(self.index).replace(' ', "%20");
            let token = format!("card:reader={reader};application={}", self.application.name);
            words.extend(["--application", self.application.name, "--token", &token].map(str::to_owned));
        }
        let secrets = self.application.secrets.iter().copied();
        pukka(self.home.path(), words).envs(self.pcscd.envs()).envs(secrets).command()
    }

    /// A call with what has to be typed before the token is destroyed in the place of SERIAL, its blanks not to be split at.
    #[track_caller]
    pub fn named(&self, line: &str) -> String {
        if !line.contains("SERIAL") {
            return line.to_owned();
        }
        let token = self.run("status").code(0).json()["tokens"][0].clone();
        let mut shown = ["serial", "label", "reader"].iter().filter_map(|field| token[field].as_str());
        line.replace("SERIAL", &shown.next().unwrap().replace(' ', "\u{a0}"))
    }

    /// What the card has stored, as the card itself keeps it: pukka has no part in that.
    #[track_caller]
    pub fn state(&self) -> Value {
        let file = self.directory.path().join("card");
        if !file.exists() {
            self.touch(); // it writes its state down with its first command
        }
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    }

    /// Lets the card take notice of what it has stored, as it does with its first command.
    pub fn touch(&self) {
        self.pcscd.send(self.index, &["00A4040000"]);
    }

    /// The tries of a role that are left on the card.
    #[track_caller]
    pub fn tries(&self, role: &str) -> u64 {
        tries(self.application, &self.state(), role)
    }

    /// The commands that the card got since the last call began.
    pub fn sent(&self) -> Vec<String> {
        self.card.apdus().into_iter().map(|(command, _)| command).collect()
    }

    /// How many they are; that an answer was fetched in parts does not count.
    pub fn commands(&self) -> usize {
        self.sent().iter().filter(|command| &command[2..4] != "C0").count()
    }

    /// Those of them that could present, set or destroy something.
    pub fn telling(&self) -> Vec<String> {
        self.sent().into_iter().filter(|command| is_telling(command)).collect()
    }

    /// Lets another program reset the card.
    pub fn reset(&self) {
        self.pcscd.reset(self.index);
    }

    /// Lets another program select an application that is not there, and leave the card so.
    pub fn select_nothing(&self) {
        self.pcscd.send(self.index, &["00A4040005A000000001"]);
    }

    /// The tries that `status` shows for a role, where it shows a number.
    #[track_caller]
    pub fn shown(&self, role: &str) -> Option<u64> {
        let status = self.run("status").code(0).json();
        let references = status["tokens"][0]["references"].as_array().unwrap();
        references.iter().find(|own| own["role"] == role).and_then(|own| own["tries"]["left"].as_u64())
    }
}

fn firmware(application: &Application, directory: &TempDir, fault: Option<&str>) -> Card {
    let card = if application.name == "piv" { Card::piv() } else { Card::openpgp() };
    fault.into_iter().fold(card.file(&directory.path().join("firmware")), Card::fault)
}

fn stand_in(application: &Application, switches: &[String], directory: &TempDir) -> Card {
    let (name, model) = application.stand_in;
    let card = Card::stand_in(name).file(&directory.path().join("card"));
    let card = model.iter().fold(card, |card, switch| card.dialect(switch));
    switches.iter().fold(card, |card, switch| card.dialect(switch))
}

/// The tries of a role in a state.
#[track_caller]
pub fn tries(application: &Application, state: &Value, role: &str) -> u64 {
    secret(application, state, role)["tries"].as_u64().unwrap()
}

/// A secret in a state: `value`, `tries` and `limit`.
#[track_caller]
pub fn secret<'s>(application: &Application, state: &'s Value, role: &str) -> &'s Value {
    let path = application.references.iter().find(|own| own.role == role).unwrap().path;
    state.pointer(path).unwrap_or_else(|| panic!("{path}: {state}"))
}

/// Whether a command is other than SELECT, a question for data, or a VERIFY that presents nothing.
fn is_telling(command: &str) -> bool {
    match &command[2..4] {
        "A4" | "B0" | "B1" | "CA" | "CB" | "C0" | "F1" | "F7" | "F8" | "FD" => false,
        "20" => command.len() > 10,
        "87" => command.get(14..16) == Some("82"), // an answer to a challenge, rather than the request for one
        _ => true,
    }
}
