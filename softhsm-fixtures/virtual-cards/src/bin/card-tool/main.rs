//! Another program at the card: waits for it, sends it APDUs, or keeps it from others.

mod wait;

use std::{
    ffi::CString,
    io::{self, Read, Write},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};
use pcsc::{Card, Context, Disposition, MAX_BUFFER_SIZE_EXTENDED, Protocols, Scope, ShareMode};

/// Be another program at a card, in the pcscd that `PCSCLITE_CSOCK_NAME` names
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Wait till a reader has a card, or none, and print how often a card came or went
    Await {
        card: Presence,
        reader: String,

        /// Wait also till a card came or went since this was printed
        #[arg(long, value_name = "COUNT")]
        since: Option<u32>,

        /// Give up after this many seconds
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// Send APDUs and print the responses, one a line
    #[command(after_help = "Example: card-tool send 'Virtual PCD 00 00' 00A4040009A0000003080000100000 00200080")]
    Send(Exchange),
    /// Send APDUs as `send` does, print `ready`, and stay connected till standard input ends
    Hold(Exchange),
}

#[derive(Clone, Copy, ValueEnum)]
enum Presence {
    Present,
    Absent,
}

#[derive(Args)]
struct Exchange {
    reader: String,

    /// Commands in hex, sent as they are: nothing is selected before
    apdus: Vec<String>,

    /// Let no other program connect meanwhile
    #[arg(long)]
    exclusive: bool,

    /// Let no other program send anything meanwhile
    #[arg(long)]
    transaction: bool,

    /// Reset the card at the end; else it is left as it is
    #[arg(long)]
    reset: bool,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Await { card, reader, since, seconds } => {
            let count = wait::till(&reader, card, since, Duration::from_secs(seconds))?;
            Ok(say(&count.to_string())?)
        }
        Command::Send(exchange) => run(&exchange, || Ok(())),
        Command::Hold(exchange) => run(&exchange, || {
            say("ready")?;
            io::stdin().read_to_end(&mut Vec::new())?;
            Ok(())
        }),
    }
}

fn run(exchange: &Exchange, then: impl FnOnce() -> Result<()>) -> Result<()> {
    let mode = if exchange.exclusive { ShareMode::Exclusive } else { ShareMode::Shared };
    let end = if exchange.reset { Disposition::ResetCard } else { Disposition::LeaveCard };
    let reader = CString::new(exchange.reader.as_str())?;
    let context = Context::establish(Scope::User).context("no pcscd")?;
    let mut card = context.connect(&reader, mode, Protocols::ANY).with_context(|| exchange.reader.clone())?;
    if exchange.transaction {
        let transaction = card.transaction()?;
        send(&transaction, &exchange.apdus)?;
        then()?;
        transaction.end(Disposition::LeaveCard).map_err(|(_, error)| error)?;
    } else {
        send(&card, &exchange.apdus)?;
        then()?;
    }
    Ok(card.disconnect(end).map_err(|(_, error)| error)?)
}

fn send(card: &Card, apdus: &[String]) -> Result<()> {
    let mut buffer = vec![0; MAX_BUFFER_SIZE_EXTENDED];
    for apdu in apdus {
        let command = HEXUPPER_PERMISSIVE.decode(apdu.as_bytes()).with_context(|| format!("{apdu} is not hex"))?;
        let response = card.transmit(&command, &mut buffer).with_context(|| apdu.clone())?;
        say(&HEXUPPER.encode(response))?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
