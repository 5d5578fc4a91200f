//! A stand-in for a pcscd that polkit lets nobody use: it closes every connection unanswered.
//!
//! A real one is not to be had everywhere: Debian 12 builds pcscd without polkit, and elsewhere the verdict hangs on
//! who asks and whether polkit runs. What pcscd does then is simple ("Rejected unauthorized PC/SC client"): it asks
//! polkit before it reads a byte, and closes with the client's greeting unread.

use std::{
    io::Read,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::Parser;
use rustix::net::{RecvFlags, recv};

/// Be a pcscd that rejects every client, till killed
#[derive(Parser)]
struct Arguments {
    /// Where clients find it, by `PCSCLITE_CSOCK_NAME`; must not exist yet
    socket: PathBuf,
}

fn main() -> Result<()> {
    let Arguments { socket } = Arguments::parse();
    let listener = UnixListener::bind(&socket).with_context(|| format!("socket {}", socket.display()))?;
    for client in listener.incoming() {
        // A client that leaves early is no concern of the next one.
        let _ = reject(client?);
    }
    Ok(())
}

/// Waits for the greeting, which comes in two writes, as a real pcscd waits for polkit: closing between the two would
/// look to the client like no pcscd at all.
fn reject(mut client: UnixStream) -> Result<()> {
    client.read_exact(&mut [0_u8; 8])?; // size and command
    recv(client, &mut [0_u8; 1], RecvFlags::PEEK)?; // protocol version
    Ok(())
}
