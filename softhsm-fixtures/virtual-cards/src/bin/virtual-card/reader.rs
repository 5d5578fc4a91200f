//! The wire to a vpcd reader: finds it, then answers it till it goes away.

use std::{
    io::{Error, ErrorKind},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::net::sockopt::set_tcp_quickack;
use vpicc::Connection;

use crate::card::Card;

/// pcscd may still be starting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts `card` into the reader on `port`.
///
/// # Errors
/// No reader there within ten seconds, or a broken exchange. A reader that closes the connection is a good end.
pub fn serve(port: u16, card: &mut Card<'_>) -> Result<()> {
    let stream = find(port).with_context(|| format!("no vpcd reader on port {port}"))?;
    stream.set_nodelay(true)?;
    let socket = stream.try_clone()?;
    let mut reader = Connection::from(stream);
    loop {
        // vpcd writes length and body apart, without TCP_NODELAY: the body waits for our ACK of the length, which Linux
        // delays by 40 ms unless told otherwise; it forgets that each time we send.
        let exchange = set_tcp_quickack(&socket, true).map_err(Error::from).and_then(|()| reader.poll(card));
        card.failure()?;
        match exchange {
            Ok(()) => {}
            Err(error) if is_removal(&error) => return Ok(()),
            Err(error) => return Err(error).context("talking to the reader"),
        }
    }
}

fn find(port: u16) -> Result<TcpStream, Error> {
    let start = Instant::now();
    loop {
        match connect(port) {
            Err(_) if start.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(5)),
            found => return found,
        }
    }
}

fn connect(port: u16) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    // A connection to an ephemeral port that nobody listens on may come from that very port, and meet itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

fn is_removal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
