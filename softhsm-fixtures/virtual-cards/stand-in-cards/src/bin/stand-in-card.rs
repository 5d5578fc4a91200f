//! Connects a stand-in card to a vpcd reader, till the reader goes away or the card is told to.

use std::{
    io::{Write, stdout},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use stand_in_cards::{
    application::{self, Application},
    card::{Card, Manner},
    fault::{Fault, Faults},
    hex, reader,
    store::Store,
};

/// Put a stand-in card into a vpcd reader
#[derive(Parser)]
#[command(after_help = "\
A switch of one application among several is APPLICATION.NAME=VALUE.

Faults are KIND@WHEN. KIND: pull-before, pull-after (the work is done, the answer lost), cut=BYTES (what is left of the
answer), answer=HEX, garbage=BYTES, silence=SECONDS (before the answer), lie (9000, and nothing done). WHEN: N (the
n-th command since the start), INS:N (the n-th of that instruction), INS+N (the n-th from the first of that instruction
on); * for N: each.

Example: stand-in-card gids --port 21000 --dialect change-wrong=6300 --fault pull-after@24:1 --trace")]
struct Arguments {
    /// What is on the card
    #[arg(required = true, value_delimiter = ',')]
    applications: Vec<String>,

    /// TCP port of the vpcd reader on this machine
    #[arg(long, required_unless_present = "dialects")]
    port: Option<u16>,

    /// Show the switches of the applications with their values, and end
    #[arg(long)]
    dialects: bool,

    /// Turn a switch
    #[arg(long, value_name = "NAME=VALUE")]
    dialect: Vec<String>,

    /// Keep the card's state in this file, also over a kill; without it, in RAM
    #[arg(long, value_name = "STORE")]
    file: Option<PathBuf>,

    /// Serial number of the card; how long it is depends on the application
    #[arg(long, value_name = "HEX")]
    serial: Option<String>,

    /// Answer each APDU this much later, as a slower card would
    #[arg(long, value_name = "N", default_value_t = 0)]
    delay_ms: u64,

    /// Fail so
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,

    /// Take faults from this file, one a line, and remove it, whenever it is there: they stand in for those that were
    #[arg(long, value_name = "FILE")]
    fault_file: Option<PathBuf>,

    /// Print each APDU on standard error: `> ` command, `< ` response, `# ` power on, power off, reset and faults
    #[arg(long)]
    trace: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut applications =
        arguments.applications.iter().map(|name| application::by_name(name)).collect::<Result<Vec<_>>>()?;
    for switch in &arguments.dialect {
        turn(&mut applications, switch).with_context(|| format!("dialect {switch}"))?;
    }
    let Some(port) = arguments.port else { return show(&mut applications) };
    let serial = arguments.serial.as_deref().map(hex::decode).transpose()?;
    for application in &mut applications {
        if let Some(serial) = &serial {
            application.set_serial(serial)?;
        }
        application.deliver();
    }
    let store = arguments.file.as_deref().map(|file| Store::open(file, &mut applications)).transpose()?;
    let manner = Manner {
        delay: Duration::from_millis(arguments.delay_ms),
        faults: Faults::new(arguments.fault),
        fault_file: arguments.fault_file,
    };
    reader::serve(port, &mut Card::new(applications, store, manner, arguments.trace))
}

/// Turns a switch on every application that has it, or on the one that is named.
fn turn(applications: &mut [Box<dyn Application>], switch: &str) -> Result<()> {
    let (name, value) = switch.split_once('=').context("no = between name and value")?;
    let (only, name) = name.split_once('.').map_or((None, name), |(only, name)| (Some(only), name));
    let mut known = false;
    for application in applications.iter_mut().filter(|one| only.is_none_or(|only| only == one.name())) {
        for group in application.dialect() {
            known |= group.set(name, value)?;
        }
    }
    if !known {
        bail!("no such switch; --dialects shows them");
    }
    Ok(())
}

fn show(applications: &mut [Box<dyn Application>]) -> Result<()> {
    for application in applications {
        let name = application.name();
        for (switch, value, meaning) in application.dialect().iter().flat_map(|group| group.list()) {
            writeln!(stdout(), "{:32} {value:10} {meaning}", format!("{name}.{switch}"))?;
        }
    }
    Ok(())
}
