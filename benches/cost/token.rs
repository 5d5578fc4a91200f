//! A PKCS#11 token in software, and how long pukka takes to start.

use std::path::{Path, PathBuf};

use crate::{
    line::command,
    measure::{self, Cost, median},
    softhsm::{SoftHsm, softhsm_module},
};

/// The two values between which the PIN goes to and fro.
const PINS: [&str; 2] = ["123456", "654321"];

const ROUNDS: usize = 41;

/// `pin change` of a SoftHSM2 token by each tool in turn, the floor first.
pub fn run(home: &Path) {
    let store = SoftHsm::new();
    store.token("bench", "12345678", Some(PINS[0]));
    let (floor, module) = (floor().display().to_string(), softhsm_module().display().to_string());
    let tools = [
        ("floor: C_Login, C_SetPIN", format!("{floor} {module} bench {{old}} {{new}}")),
        (
            "**pukka** (lock and proof included)",
            format!("pukka pin change --via pkcs11 --module {module} --token bench --pin env:OLD --new-pin env:NEW"),
        ),
        (
            "pkcs11-tool (no proof)",
            format!(
                "pkcs11-tool --module {module} --token-label bench --login --pin {{old}} --change-pin --new-pin {{new}}"
            ),
        ),
    ];
    let mut costs = [const { Vec::new() }; 3];
    let mut turns = PINS.iter().cycle().zip(PINS.iter().cycle().skip(1));
    for _ in 0..ROUNDS {
        for ((_, line), costs) in tools.iter().zip(&mut costs) {
            let (old, new) = turns.next().unwrap();
            costs.push(measure::run(command(line, old, new, home).env("SOFTHSM2_CONF", store.conf())));
        }
    }
    println!("\n## SoftHSM2 `pin change`\n\n| tool | wall | to the floor | cpu | to the floor |");
    println!("| --- | --- | --- | --- | --- |");
    let medians = costs.each_ref().map(|costs| (median(costs, |cost| cost.wall), median(costs, |cost| cost.cpu)));
    let (floor_wall, floor_cpu) = medians[0];
    for ((name, _), (wall, cpu)) in tools.iter().zip(medians) {
        let (to_wall, to_cpu) = (wall / floor_wall, cpu / floor_cpu);
        println!("| {name} | {:.1} ms | {to_wall:.2} | {:.1} ms | {to_cpu:.2} |", wall * 1e3, cpu * 1e3);
    }
}

/// The floor over PKCS#11, built from the workspace of the fault module.
fn floor() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("softhsm-fixtures/fault-module");
    let program = folder.join("target/release/floor");
    assert!(program.is_file(), "build it first: cargo build --release --locked --bin floor, in {}", folder.display());
    program
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
