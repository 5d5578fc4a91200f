//! What pukka costs beside the tools a user would otherwise run, and beside a floor that does only what it must.
//!
//! Rounds of all tools alternate in one run, and medians are given as ratios: absolute times are those of one noisy machine.
//! APDUs are counted on the card's side.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A program for developers.

#[path = "../tests/support/cards.rs"]
mod cards;
#[path = "../tests/support/softhsm.rs"]
#[allow(dead_code, reason = "the bench takes what it needs")]
mod softhsm;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use cards::{Card, Pcscd, VirtualCard, fixtures, reader_name};
use nix::sys::resource::{UsageWho, getrusage};
use softhsm::{SoftHsm, softhsm_module};

/// The two values between which a PIN changes.
const PINS: [&str; 2] = ["123456", "654321"];

/// One run of one tool.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    apdus: usize,
}

/// The command that changes a PIN from the first value to the second.
type Change = dyn Fn(&str, &str) -> Command;

/// A tool and how it changes a PIN from the first value to the second.
struct Tool {
    name: &'static str,
    change: Box<Change>,
}

fn main() {
    // `cargo test --benches` only wants to know that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    println!("Medians of one run; ratios to the floor of the same run.\n");
    piv(home.path());
    softhsm(home.path());
    start_up();
}

fn pukka(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pukka"));
    command.env("HOME", home).env("XDG_STATE_HOME", home).env_remove("PUKKA_MODULE");
    command
}

/// The tools that are installed and can change this PIN; the others are named, not passed over in silence.
/// The PIN is the first value before and after.
fn able(tools: Vec<Tool>) -> Vec<Tool> {
    let there = |tool: &Tool| {
        let change = |old, new| {
            (tool.change)(old, new).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
        };
        if PINS.windows(2).any(|pins| !change(pins[0], pins[1]) || !change(pins[1], pins[0])) {
            println!("(not measured, since it is not installed or fails here: {})", tool.name);
            return false;
        }
        true
    };
    tools.into_iter().filter(there).collect()
}

/// Runs every tool in turn, `rounds` times, each changing the PIN that the one before it left.
fn measure(tools: &[Tool], rounds: usize, card: Option<&VirtualCard>) -> Vec<Vec<Cost>> {
    let mut costs = vec![Vec::new(); tools.len()];
    let mut turn = 0;
    for _ in 0..rounds {
        for (tool, costs) in tools.iter().zip(&mut costs) {
            let mut command = (tool.change)(PINS[turn % 2], PINS[(turn + 1) % 2]);
            if let Some(card) = card {
                card.clear_trace();
            }
            let mut cost = run(&mut command);
            cost.apdus = card.map_or(0, |card| card.apdus().len());
            costs.push(cost);
            turn += 1;
        }
    }
    costs
}

/// Runs a command to its end, which must be a success.
fn run(command: &mut Command) -> Cost {
    let before = cpu();
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let wall = start.elapsed().as_secs_f64();
    assert!(output.status.success(), "{command:?}: {output:?}");
    Cost { wall, cpu: cpu() - before, apdus: 0 }
}

/// Seconds of processor time that ended children have used, user and system.
fn cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    [usage.user_time(), usage.system_time()].iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum()
}

fn median(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    let mut values: Vec<f64> = costs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn table(title: &str, tools: &[Tool], costs: &[Vec<Cost>], with_apdus: bool) {
    println!(
        "\n{title}\n\n| tool | {}wall, ms | to the floor | cpu, ms | to the floor |",
        if with_apdus { "APDUs | " } else { "" }
    );
    println!("| --- | {}--- | --- | --- | --- |", if with_apdus { "--- | " } else { "" });
    let (floor_wall, floor_cpu) = (median(&costs[0], |cost| cost.wall), median(&costs[0], |cost| cost.cpu));
    for (tool, costs) in tools.iter().zip(costs) {
        let (wall, cpu) = (median(costs, |cost| cost.wall), median(costs, |cost| cost.cpu));
        let apdus = if with_apdus { format!("{} | ", median(costs, |cost| cost.apdus as f64)) } else { String::new() };
        println!(
            "| {} | {apdus}{:.1} | {:.2} | {:.1} | {:.2} |",
            tool.name,
            wall * 1e3,
            wall / floor_wall,
            cpu * 1e3,
            cpu / floor_cpu
        );
    }
}

fn piv(home: &Path) {
    let pcscd = Pcscd::start();
    for (delay, rounds) in [(0, 15), (15, 7)] {
        let card = pcscd.insert(0, Card::piv().short_aid().delay_ms(delay));
        let tools = able(piv_tools(&pcscd, home));
        let costs = measure(&tools, rounds, Some(&card));
        table(&format!("PIV `pin change`, a card of {delay} ms an APDU"), &tools, &costs, true);
        if delay == 0 {
            println!("\nAPDUs of other commands:\n");
            for arguments in [
                &["status", "--application", "piv"][..],
                &["list", "--via", "pcsc"],
                &["pin", "verify", "--application", "piv", "--pin", "env:PIN"],
            ] {
                card.clear_trace();
                // The PIN that the last tool left.
                let pin = PINS[rounds * tools.len() % 2];
                run(pukka(home).envs(pcscd.envs()).env("PIN", pin).args(arguments));
                println!("* `pukka {}`: {}", arguments.join(" "), card.apdus().len());
            }
        }
    }
}

fn piv_tools(pcscd: &Pcscd, home: &Path) -> Vec<Tool> {
    let (envs, home, reader) = (pcscd.envs(), home.to_owned(), reader_name(0));
    let tool = |name, change: Box<Change>| {
        let envs = envs.clone();
        let change = Box::new(move |old: &str, new: &str| {
            let mut command = change(old, new);
            command.envs(envs.clone());
            command
        });
        Tool { name, change }
    };
    let args = |program: &'static str, arguments: fn(&str, &str, &str) -> Vec<String>| -> Box<Change> {
        let reader = reader.clone();
        Box::new(move |old, new| {
            let mut command = Command::new(program);
            command.args(arguments(&reader, old, new));
            command
        })
    };
    vec![
        tool("floor (SELECT, CHANGE)", {
            Box::new(|old, new| {
                let block = |pin: &str| pin.bytes().map(|byte| format!("{byte:02X}")).collect::<String>() + "FFFF";
                let mut command = Command::new(fixtures::card_tool());
                command.args(["send", &reader_name(0), "--reset", "00A4040009A0000003080000100000"]).arg(format!(
                    "0024008010{}{}",
                    block(old),
                    block(new)
                ));
                command
            })
        }),
        tool("pukka (guard and proof included)", {
            Box::new(move |old, new| {
                let mut command = pukka(&home);
                command.args(["pin", "change", "--application", "piv", "--pin", "env:OLD", "--new-pin", "env:NEW"]);
                command.env("OLD", old).env("NEW", new);
                command
            })
        }),
        tool(
            "yubico-piv-tool",
            args("yubico-piv-tool", |reader, old, new| {
                ["-r", reader, "-a", "change-pin", "-P", old, "-N", new].map(str::to_owned).to_vec()
            }),
        ),
        tool(
            "ykman",
            args("ykman", |reader, old, new| {
                ["--reader", reader, "piv", "access", "change-pin", "-P", old, "-n", new].map(str::to_owned).to_vec()
            }),
        ),
        tool(
            "pkcs15-tool",
            args("pkcs15-tool", |_, old, new| {
                ["--reader", "0", "--change-pin", "--auth-id", "01", "--pin", old, "--new-pin", new]
                    .map(str::to_owned)
                    .to_vec()
            }),
        ),
    ]
}

fn softhsm(home: &Path) {
    let store = SoftHsm::new();
    store.token("bench", "12345678", Some("123456"));
    let (conf, module, home) = (store.conf().to_owned(), softhsm_module(), home.to_owned());
    let with = |name, change: Box<Change>| {
        let conf = conf.clone();
        let change = Box::new(move |old: &str, new: &str| {
            let mut command = change(old, new);
            command.env("SOFTHSM2_CONF", &conf);
            command
        });
        Tool { name, change }
    };
    let [a, b, c] = [module.clone(), module.clone(), module];
    let tools = able(vec![
        with("floor (only the calls, no proof)", {
            Box::new(move |old, new| {
                let mut command = Command::new(floor());
                command.arg(&a).args(["bench", old, new]);
                command
            })
        }),
        with("pukka (lock and proof included)", {
            Box::new(move |old, new| {
                let mut command = pukka(&home);
                command.args([
                    "pin",
                    "change",
                    "--via",
                    "pkcs11",
                    "--token",
                    "bench",
                    "--pin",
                    "env:OLD",
                    "--new-pin",
                    "env:NEW",
                    "--module",
                ]);
                command.arg(&b).env("OLD", old).env("NEW", new);
                command
            })
        }),
        with("pkcs11-tool (no proof)", {
            Box::new(move |old, new| {
                let mut command = Command::new("pkcs11-tool");
                command.arg("--module").arg(&c).args([
                    "--token-label",
                    "bench",
                    "--login",
                    "--pin",
                    old,
                    "--change-pin",
                    "--new-pin",
                    new,
                ]);
                command
            })
        }),
    ]);
    let costs = measure(&tools, 41, None);
    table("SoftHSM2 `pin change`", &tools, &costs, false);
}

/// The floor over PKCS#11, built from the workspace of the fault module.
fn floor() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("softhsm-fixtures/fault-module");
    let program = folder.join("target/release/floor");
    assert!(program.is_file(), "build it first: cargo build --release --locked --bin floor, in {}", folder.display());
    program
}

fn start_up() {
    let home = tempfile::tempdir().unwrap();
    let costs: Vec<Cost> = (0..41).map(|_| run(pukka(home.path()).arg("--version"))).collect();
    println!(
        "\nStart-up, `pukka --version`: {:.1} ms of cpu, {:.1} ms of wall time",
        median(&costs, |cost| cost.cpu) * 1e3,
        median(&costs, |cost| cost.wall) * 1e3
    );
}
