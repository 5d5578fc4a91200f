//! Runs pcscd on a socket of its own: binds it, hands it over in systemd's way, and becomes pcscd.

use std::{
    ffi::OsString,
    os::unix::{net::UnixListener, process::CommandExt},
    path::PathBuf,
    process::{self, Command},
};

use anyhow::{Context, Result};
use clap::Parser;
use command_fds::{CommandFdExt, FdMapping};

/// The first descriptor that systemd hands over (`sd_listen_fds(3)`).
const LISTEN_FDS_START: i32 = 3;

/// Run pcscd on a socket of its own
#[derive(Parser)]
#[command(after_help = "Example: private-pcscd ./pcscd.comm -- pcscd --foreground --error -c ./conf")]
struct Arguments {
    /// Where clients find it, by `PCSCLITE_CSOCK_NAME`; must not exist yet
    socket: PathBuf,

    /// pcscd and its arguments
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

fn main() -> Result<()> {
    let Arguments { socket, program } = Arguments::parse();
    let (program, arguments) = program.split_first().context("no program to run")?;
    let listener = UnixListener::bind(&socket).with_context(|| format!("socket {}", socket.display()))?;
    // The mapping also clears close-on-exec: without the descriptor pcscd silently takes the system's socket.
    let handover = FdMapping { parent_fd: listener.into(), child_fd: LISTEN_FDS_START };
    let failure = Command::new(program)
        .args(arguments)
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", process::id().to_string())
        .fd_mappings(vec![handover])?
        .exec();
    Err(failure).with_context(|| program.to_string_lossy().into_owned())
}
