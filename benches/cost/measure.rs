//! What one run costs, medians of many, and whether the numbers reach what they must.

use std::{
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use nix::sys::resource::{UsageWho, getrusage};

/// One run of one command.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Seconds.
    pub wall: f64,
    /// Seconds of processor time.
    pub cpu: f64,
    pub apdus: usize,
}

/// Runs a command to its end, which must be a success.
pub fn run(command: &mut Command) -> Cost {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let before = cpu();
    let start = Instant::now();
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let wall = start.elapsed().as_secs_f64();
    assert!(output.status.success(), "{command:?}: {output:?}");
    Cost { wall, cpu: cpu() - before, apdus: 0 }
}

/// Seconds of processor time that ended children have used, user and system.
fn cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    [usage.user_time(), usage.system_time()].iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum()
}

pub fn median(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    let mut values: Vec<f64> = costs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Counts and times that were held against what they must reach.
#[derive(Default)]
pub struct Reaches {
    above: Vec<String>,
}

impl Reaches {
    /// Says whether pukka got by with `reach` APDUs, and remembers it where it did not.
    pub fn hold(&mut self, what: &str, apdus: usize, reach: usize) -> String {
        if apdus <= reach {
            return format!("{apdus}, at most {reach}");
        }
        self.above.push(format!("{what}: {apdus} APDUs, at most {reach} were allowed"));
        format!("**{apdus}, ABOVE the {reach} allowed**")
    }

    /// Says how many times as long as the floor pukka took, and remembers it where that is more than `reach`.
    pub fn hold_time(&mut self, what: &str, ratio: f64, reach: f64) -> String {
        if ratio <= reach {
            return format!("**{ratio:.2}**, at most {reach}");
        }
        self.above.push(format!("{what}: {ratio:.2} times as long as the floor, at most {reach} was allowed"));
        format!("**{ratio:.2}, ABOVE the {reach} allowed**")
    }

    /// A failure where one was above its reach.
    pub fn conclude(self) -> ExitCode {
        self.above.iter().for_each(|line| println!("ABOVE ITS REACH: {line}"));
        if self.above.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
