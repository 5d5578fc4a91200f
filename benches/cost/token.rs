//! PKCS#11 tokens in software, beside the same calls made by a program without a worker, lock, copy or proof.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    line::command,
    measure::{self, Cost, Reaches, median},
    softhsm::{SoftHsm, softhsm_module},
};

/// Measures what the title says.
type Run = fn(&str, &mut Reaches);

/// What is measured, by its title.
pub const RACES: [(&str, Run); 3] = [
    ("SoftHSM2 `pin change`", change),
    ("SoftHSM2 `list` of one token", list),
    ("SoftHSM2 `status` of one of 5000 tokens", status),
];

/// The two values between which a PIN goes to and fro.
const PINS: [&str; 2] = ["123456", "654321"];

/// How many times as long as the floor a PIN change may take.
const CHANGE_REACH: f64 = 2.0;
/// How many times as long as the floor the status of one of many tokens may take.
const STATUS_REACH: f64 = 1.1;

/// How many tokens there are where there are many.
const MANY: usize = 5000;
const ROUNDS: usize = 41;
/// Of what takes about a second each.
const SLOW_ROUNDS: usize = 15;

/// One thing, done by several programs.
struct Race<'a> {
    title: &'a str,
    /// Name, line, and where state and caches go; the floor first, then pukka.
    tools: &'a [(&'a str, String, &'a Path)],
    rounds: usize,
    /// How many times as long as the floor pukka may take.
    reach: Option<f64>,
}

impl Race<'_> {
    /// Runs every tool in turn, each with the PIN that the one before it gave.
    fn run(&self, store: &SoftHsm, reaches: &mut Reaches) {
        let mut costs = vec![Vec::new(); self.tools.len()];
        let mut turns = PINS.iter().cycle().zip(PINS.iter().cycle().skip(1));
        let mut pins = turns.next().unwrap();
        for _ in 0..self.rounds {
            for ((_, line, home), costs) in self.tools.iter().zip(&mut costs) {
                costs.push(measure::run(command(line, pins.0, pins.1, home).env("SOFTHSM2_CONF", store.conf())));
                if line.contains("{new}") || line.contains("env:NEW") {
                    pins = turns.next().unwrap();
                }
            }
        }
        println!("\n## {}\n\n| tool | wall | to the floor | cpu | to the floor |", self.title);
        println!("| --- | --- | --- | --- | --- |");
        let medians = costs.iter().map(|costs| (median(costs, |cost| cost.wall), median(costs, |cost| cost.cpu)));
        let medians: Vec<(f64, f64)> = medians.collect();
        let (floor_wall, floor_cpu) = medians[0];
        for (index, ((name, ..), (wall, cpu))) in self.tools.iter().zip(medians).enumerate() {
            let to_wall = match self.reach.filter(|_| index == 1) {
                Some(reach) => reaches.hold_time(self.title, wall / floor_wall, reach),
                None => format!("{:.2}", wall / floor_wall),
            };
            println!("| {name} | {:.1} ms | {to_wall} | {:.1} ms | {:.2} |", wall * 1e3, cpu * 1e3, cpu / floor_cpu);
        }
    }
}

/// `pin change`, with its copy on disk and with one in memory, where a sync costs nothing.
fn change(title: &str, reaches: &mut Reaches) {
    let (store, home) = (SoftHsm::on_disk(), on_disk());
    store.token("bench", "12345678", Some(PINS[0]));
    let memory = TempDir::new_in("/dev/shm").unwrap();
    let (floor, module) = (floor(), module());
    let pukka =
        format!("pukka pin change --via pkcs11 --module {module} --token bench --pin env:OLD --new-pin env:NEW");
    let tools = [
        ("floor: C_Login, C_SetPIN", format!("{floor} {module} bench {{old}} {{new}}"), home.path()),
        ("**pukka** (worker, lock, copy and proof included)", pukka.clone(), home.path()),
        ("pukka, its copy in memory", pukka, memory.path()),
        (
            "pkcs11-tool (no proof)",
            format!(
                "pkcs11-tool --module {module} --token-label bench --login --pin {{old}} --change-pin --new-pin {{new}}"
            ),
            home.path(),
        ),
    ];
    let reach = Some(CHANGE_REACH);
    Race { title, tools: &tools, rounds: ROUNDS, reach }.run(&store, reaches);
}

/// `list` of a single token: what is left beside the floor is pukka's start, its worker's, and what passes between them.
fn list(title: &str, reaches: &mut Reaches) {
    let (store, home) = (SoftHsm::on_disk(), on_disk());
    store.token("bench", "12345678", Some(PINS[0]));
    let (floor, module) = (floor(), module());
    let tools = [
        ("floor: C_Initialize, listing", format!("{floor} {module}"), home.path()),
        ("**pukka list**", format!("pukka list --via pkcs11 --module {module}"), home.path()),
        ("pkcs11-tool -L", format!("pkcs11-tool --module {module} -L"), home.path()),
        ("pukka --version, without a worker", "pukka --version".into(), home.path()),
    ];
    Race { title, tools: &tools, rounds: ROUNDS, reach: None }.run(&store, reaches);
}

/// `status` of one token of a store that holds thousands.
fn status(title: &str, reaches: &mut Reaches) {
    let (store, home) = (SoftHsm::on_disk(), on_disk());
    let serial = store.token("bench", "12345678", Some(PINS[0]));
    let serial = multiply(&store.dir().join("tokens"), &serial);
    let (floor, module) = (floor(), module());
    let listed = command(&format!("{floor} {module}"), "", "", home.path()).env("SOFTHSM2_CONF", store.conf()).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    assert_eq!(listed, format!("{} tokens\n", MANY + 1), "the blank one, too");
    let status = format!("pukka status --via pkcs11 --module {module} --token {serial}");
    let tools = [
        ("floor: C_Initialize, listing", format!("{floor} {module}"), home.path()),
        ("**pukka status --token SERIAL**", status, home.path()),
        ("pkcs11-tool -L", format!("pkcs11-tool --module {module} -L"), home.path()),
    ];
    Race { title, tools: &tools, rounds: SLOW_ROUNDS, reach: Some(STATUS_REACH) }.run(&store, reaches);
}

/// Makes many of the one token in a store, whose serial is in its file and at the end of its directory's name: making each by
/// SoftHSM2 takes minutes. Returns the serial of one in the middle.
fn multiply(tokens: &Path, serial: &str) -> String {
    let one = fs::read_dir(tokens).unwrap().next().unwrap().unwrap().path();
    let token = fs::read(one.join("token.object")).unwrap();
    let place = token.windows(serial.len()).position(|bytes| bytes == serial.as_bytes()).unwrap();
    let serials = (1..MANY).map(|number| format!("8000{number:012x}"));
    for serial in serials.clone() {
        let copy = tokens.join(format!("00000000-0000-4000-{}-{}", &serial[..4], &serial[4..]));
        let mut token = token.clone();
        token[place..place + serial.len()].copy_from_slice(serial.as_bytes());
        fs::create_dir(&copy).unwrap();
        fs::write(copy.join("token.object"), token).unwrap();
        fs::copy(one.join("generation"), copy.join("generation")).unwrap();
        fs::write(copy.join("token.lock"), "").unwrap();
    }
    serials.clone().nth(MANY / 2).unwrap()
}

/// A home on the file system that is built on: that of temporary files may live in memory, where a sync costs nothing.
fn on_disk() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn module() -> String {
    softhsm_module().display().to_string()
}

/// The floor over PKCS#11, built from the workspace of the fault module.
fn floor() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("softhsm-fixtures/fault-module");
    let program: PathBuf = folder.join("target/release/floor");
    assert!(program.is_file(), "build it first: cargo build --release --locked --bin floor, in {}", folder.display());
    program.display().to_string()
}

/// What `--version` takes.
pub fn start_up(home: &Path) {
    let costs: Vec<Cost> = (0..ROUNDS).map(|_| measure::run(&mut command("pukka --version", "", "", home))).collect();
    println!(
        "\n## start-up\n\n`pukka --version`: {:.1} ms of cpu, {:.1} ms of wall time",
        median(&costs, |cost| cost.cpu) * 1e3,
        median(&costs, |cost| cost.wall) * 1e3
    );
}
