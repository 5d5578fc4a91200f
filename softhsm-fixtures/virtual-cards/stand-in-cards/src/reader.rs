//! The wire to a vpcd reader: finds it, then answers it till it goes away or the card does.

use std::{
    io::{Error, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::net::sockopt::set_tcp_quickack;

use crate::slot::Slot;

/// pcscd may still be starting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Joins `slot`, and the card in it, to the reader on `port`.
///
/// # Errors
/// No reader there within ten seconds, a broken exchange, or what ended the card. A reader that closes the connection is
/// a good end, and so is a card that left it.
pub fn serve(port: u16, slot: &mut Slot<'_>) -> Result<()> {
    let mut stream = find(port).with_context(|| format!("no vpcd reader on port {port}"))?;
    stream.set_nodelay(true)?;
    loop {
        let message = match receive(&mut stream) {
            Err(error) if is_removal(&error) => return Ok(()),
            message => message.context("listening to the reader")?,
        };
        // The control codes of vpcd's protocol; only the ATR is answered.
        let answer = match message[..] {
            [0] => slot.restart("power off").map(|()| None)?,
            [1] => {
                slot.power_on();
                None
            }
            [2] => slot.restart("reset").map(|()| None)?,
            [4] => Some(slot.atr().to_vec()),
            [] | [_] => bail!("the reader said {message:02X?}"),
            _ => match slot.execute(&message)? {
                Some(response) => Some(response),
                None => return Ok(()),
            },
        };
        match answer.map_or(Ok(()), |answer| send(&mut stream, &answer)) {
            Err(error) if is_removal(&error) => return Ok(()),
            sent => sent.context("answering the reader")?,
        }
    }
}

fn receive(stream: &mut TcpStream) -> Result<Vec<u8>, Error> {
    // vpcd writes length and body apart, without TCP_NODELAY: the body waits for our ACK of the length, which Linux
    // delays by 40 ms unless told otherwise; it forgets that each time we send.
    set_tcp_quickack(&*stream, true)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn send(stream: &mut TcpStream, answer: &[u8]) -> Result<(), Error> {
    let length = u16::try_from(answer.len()).map_err(|_| ErrorKind::InvalidData)?;
    stream.write_all(&[&length.to_be_bytes(), answer].concat())
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
