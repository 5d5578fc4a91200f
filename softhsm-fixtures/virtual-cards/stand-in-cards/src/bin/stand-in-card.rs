//! Connects a stand-in card to a vpcd reader, till the reader goes away or the card is told to.

use std::{
    io::{Write, stdout},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::Parser;
use stand_in_cards::{
    application::{self, Application},
    card::Card,
    hex, reader,
    slot::{FAULTS, Manner, Slot},
    store::Store,
};

/// Put a stand-in card into a vpcd reader
#[derive(Parser)]
#[command(after_help = format!("\
A switch of one application among several is APPLICATION.NAME=VALUE. refusals=STATUS turns every switch of a wrong or
blocked secret at once: `refusals=6982` is a card that says the same to all.

{FAULTS}

Example: stand-in-card gids --port 21000 --dialect change-wrong=6300 --fault pull-after@24:1 --trace"))]
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

    #[command(flatten)]
    manner: Manner,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut applications =
        arguments.applications.iter().map(|name| application::by_name(name)).collect::<Result<Vec<_>>>()?;
    for switch in &arguments.dialect {
        application::turn(&mut applications, switch).with_context(|| format!("dialect {switch}"))?;
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
    reader::serve(port, &mut Slot::new(&mut Card::new(applications, store), arguments.manner))
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
