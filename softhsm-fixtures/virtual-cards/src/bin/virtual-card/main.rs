//! Connects a PIV or OpenPGP card with real firmware to a vpcd reader, till the reader goes away.

mod apdu;
mod card;
mod dispatch;
mod openpgp;
mod piv;
mod runner;
mod store;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use stand_in_cards::{
    reader,
    slot::{FAULTS, Manner, Slot},
};
use trussed::virt::StoreConfig;

use card::{Card, Firmware};

/// Put a virtual card with real firmware into a vpcd reader
#[derive(Parser)]
#[command(after_help = format!("{FAULTS}\n\nExample: virtual-card piv --port 21000 --serial 0052F743 --trace"))]
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

    /// PIV: take a SELECT by the five bytes of the provider too, as cards do that some tools expect
    #[arg(long, action = clap::ArgAction::Set, default_value_t = false)]
    short_aid: bool,

    #[command(flatten)]
    manner: Manner,
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
    reader::serve(arguments.port, &mut Slot::new(&mut Card::new(firmware), arguments.manner.clone()))
}

fn serial(hex: &str) -> Result<[u8; 4]> {
    let bytes = data_encoding::HEXUPPER_PERMISSIVE.decode(hex.as_bytes())?;
    bytes.try_into().ok().context("a serial number is four bytes: eight hex digits")
}
