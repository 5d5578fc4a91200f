//! Connects a PIV or OpenPGP card with real firmware to a vpcd reader, till the reader goes away.

mod apdu;
mod card;
mod dispatch;
mod openpgp;
mod piv;
mod runner;
mod store;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use stand_in_cards::reader;
use trussed::virt::StoreConfig;

use card::{Card, Firmware};

/// Put a virtual card with real firmware into a vpcd reader
#[derive(Parser)]
#[command(after_help = "Example: virtual-card piv --port 21000 --serial 0052F743 --trace")]
struct Arguments {
    /// What is on the card
    application: Application,

    /// TCP port of the vpcd reader on this machine
    #[arg(long)]
    port: u16,

    /// Keep the card's state in this file and one beside it, also over a kill; without it, in RAM
    #[arg(long, value_name = "STORE")]
    file: Option<PathBuf>,

    /// Serial number of the card, four bytes in hex
    #[arg(long, value_name = "HEX8", value_parser = serial)]
    serial: Option<[u8; 4]>,

    /// Answer each APDU this much later, as a slower card would
    #[arg(long, value_name = "N", default_value_t = 0)]
    delay_ms: u64,

    /// PIV: take a SELECT by the five bytes of the provider too, as cards do that some tools expect
    #[arg(long, action = clap::ArgAction::Set, default_value_t = false)]
    short_aid: bool,

    /// Print each APDU on standard error: `> ` command, `< ` response, `# ` power on, power off and reset
    #[arg(long)]
    trace: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Application {
    Piv,
    Openpgp,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let store = match &arguments.file {
        Some(file) => store::on_disk(file).with_context(|| format!("store {}", file.display()))?,
        None => StoreConfig::ram(),
    };
    match arguments.application {
        Application::Piv => runner::run(store, "piv", |clients| {
            let serial = arguments.serial.unwrap_or(piv::SERIAL);
            insert(&mut piv::Piv::new(clients, serial, arguments.short_aid)?, &arguments)
        }),
        Application::Openpgp => runner::run(store, "opcard", |clients| {
            let serial = arguments.serial.unwrap_or(openpgp::SERIAL);
            insert(&mut openpgp::OpenPgp::new(&clients, serial)?, &arguments)
        }),
    }
}

fn insert(firmware: &mut dyn Firmware, arguments: &Arguments) -> Result<()> {
    let delay = Duration::from_millis(arguments.delay_ms);
    reader::serve(arguments.port, &mut Card::new(firmware, delay, arguments.trace))
}

fn serial(hex: &str) -> Result<[u8; 4]> {
    let bytes = data_encoding::HEXUPPER_PERMISSIVE.decode(hex.as_bytes())?;
    bytes.try_into().ok().context("a serial number is four bytes: eight hex digits")
}
