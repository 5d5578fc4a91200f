//! Which programs are connected to pcscd, as far as the system tells.
//!
//! PC/SC says that a card is held, and not by whom. Linux tells any user which sockets are connected to which (sock_diag(7)), and
//! whose they are of the processes that this user may look into; no crate at hand speaks that protocol.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};

/// SOCK_DIAG_BY_FAMILY, for every socket that is connected: `nlmsghdr` and `unix_diag_req`, in the machine's own byte order.
const BY_FAMILY: u16 = 20;
const UNIX: u8 = 1;
const REQUEST_AND_DUMP: u16 = 0x301;
const ESTABLISHED: u32 = 1 << 1;
const NAME_AND_PEER: u32 = 0x1 | 0x4;
/// The lengths of `nlmsghdr`, of `unix_diag_msg` and of `rtattr`.
const HEADER: usize = 16;
const MESSAGE: usize = 16;
const ATTRIBUTE: usize = 4;
/// The attributes that are asked for.
const NAME: u16 = 0;
const PEER: u16 = 2;
/// The message that ends a dump, and the one that refuses it.
const DONE: u16 = 3;
const REFUSED: u16 = 2;
/// How long the kernel may take in seconds, which takes no time.
const PATIENCE: i64 = 2;

/// The programs that are connected to pcscd, this one apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// Those that this user may look into: name and process.
    pub seen: Vec<String>,
    /// How many connections belong to others.
    pub unseen: usize,
}

/// The programs that are connected to who listens at `socket`; none where the system does not tell.
pub fn clients(socket: &Path) -> Option<Clients> {
    let mut others = peers(&dump()?, socket);
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let has: Vec<u32> = sockets(process).into_iter().filter(|inode| others.contains(inode)).collect();
        match process == std::process::id() {
            true => others.retain(|inode| !has.contains(inode)),
            false => processes.push((process, has)),
        }
    }
    processes.retain(|(_, has)| has.iter().any(|inode| others.contains(inode)));
    others.retain(|inode| !processes.iter().any(|(_, has)| has.contains(inode)));
    // What was closed while the processes were looked through belongs to nobody any more.
    if !others.is_empty() {
        let now = peers(&dump()?, socket);
        others.retain(|inode| now.contains(inode));
    }
    Some(Clients { seen: processes.iter().map(|(process, _)| named(*process)).collect(), unseen: others.len() })
}

/// A process as a person knows it.
fn named(process: u32) -> String {
    match fs::read_to_string(format!("/proc/{process}/comm")) {
        Ok(name) => format!("{} (process {process})", name.trim_end().escape_debug()),
        Err(_) => format!("process {process}"),
    }
}

/// The inodes of the sockets that a process has open; none where this user may not look into it.
fn sockets(process: u32) -> Vec<u32> {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let inode = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    open.filter_map(inode).collect()
}

/// Every answer of the kernel to the question for connected sockets of this machine.
#[cfg(target_os = "linux")]
fn dump() -> Option<Vec<u8>> {
    use nix::sys::{
        socket::{AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt::ReceiveTimeout},
        time::{TimeVal, TimeValLike},
    };
    let kind = (SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag);
    let socket = socket(AddressFamily::Netlink, kind.0, kind.1, kind.2).ok()?;
    setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(PATIENCE)).ok()?;
    let mut kernel = File::from(socket);
    kernel.write_all(&request()).ok()?;
    let (mut answers, mut part) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let length = kernel.read(&mut part).ok().filter(|length| *length > 0)?;
        let part = part.get(..length)?;
        answers.extend_from_slice(part);
        match messages(part).map(|(kind, _)| kind).find(|kind| [DONE, REFUSED].contains(kind)) {
            Some(DONE) => return Some(answers),
            Some(_) => return None,
            None => {}
        }
    }
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
fn dump() -> Option<Vec<u8>> {
    None
}

fn request() -> Vec<u8> {
    let words = |values: &[u32]| values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<u8>>();
    let body = [vec![UNIX, 0, 0, 0], words(&[ESTABLISHED, 0, NAME_AND_PEER, 0, 0])].concat();
    let kind: Vec<u8> = [BY_FAMILY, REQUEST_AND_DUMP].iter().flat_map(|value| value.to_ne_bytes()).collect();
    [words(&[u32::try_from(HEADER + body.len()).unwrap_or_default()]), kind, words(&[1, 0]), body].concat()
}

/// The inodes at the far end of the sockets that carry the name of `listener`: those that it accepted.
fn peers(answers: &[u8], listener: &Path) -> BTreeSet<u32> {
    let peer = |(kind, message): (u16, &[u8])| {
        let attributes = message.get(MESSAGE..).filter(|_| kind == BY_FAMILY)?;
        let of = |wanted| self::attributes(attributes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
        let name = of(NAME)?;
        let name = name.strip_suffix(&[0]).unwrap_or(name);
        let peer = of(PEER)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))?;
        // A far end that is closed, and of which the listener has not heard yet, has no inode.
        (name == listener.as_os_str().as_encoded_bytes() && peer != 0).then_some(peer)
    };
    messages(answers).filter_map(peer).collect()
}

/// The messages of a dump, each with its kind.
fn messages(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    records(bytes, HEADER, |header| Some((u32::from_ne_bytes(*header.first_chunk()?) as usize, header.get(4..6)?)))
}

/// The attributes of a message, each with its kind.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    records(bytes, ATTRIBUTE, |header| Some((u16::from_ne_bytes(*header.first_chunk()?).into(), header.get(2..4)?)))
}

/// Records in a row, each behind a header that tells the length of both and the kind, and filled up to four bytes.
fn records(
    mut bytes: &[u8],
    header: usize,
    read: impl Fn(&[u8]) -> Option<(usize, &[u8])>,
) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (length, kind) = read(bytes.get(..header)?)?;
        let record = bytes.get(header..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes(*kind.first_chunk()?), record))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_program_that_is_connected_is_named_and_this_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("socket");
        let listener = UnixListener::bind(&place).unwrap();
        let _own = UnixStream::connect(&place).unwrap();
        let (_accepted, _) = listener.accept().unwrap();
        assert_eq!(clients(&place).unwrap(), Clients::default());
        // A child that has a connection of its own, as its standard input.
        let theirs = UnixStream::connect(&place).unwrap();
        let _accepted = listener.accept().unwrap();
        // The command, which keeps the connection open here too, ends with this line.
        let mut child =
            std::process::Command::new("sleep").arg("60").stdin(std::os::fd::OwnedFd::from(theirs)).spawn().unwrap();
        let expected = format!("sleep (process {})", child.id());
        // Till the child is the program that it will be.
        let start = std::time::Instant::now();
        let mut found = clients(&place).unwrap();
        while found.seen != [expected.clone()] && start.elapsed().as_secs() < 10 {
            found = clients(&place).unwrap();
        }
        let _ = (child.kill(), child.wait());
        assert_eq!(found, Clients { seen: vec![expected], unseen: 0 });
    }

    #[test]
    fn what_is_cut_off_or_makes_no_sense_is_left_out() {
        let mut answers = request();
        assert_eq!(messages(&answers).count(), 1);
        assert!(peers(&answers, Path::new("/run/pcscd/pcscd.comm")).is_empty());
        answers.truncate(20);
        assert_eq!(messages(&answers).count(), 0);
        assert_eq!(messages(&[0; 64]).count(), 0);
    }
}
