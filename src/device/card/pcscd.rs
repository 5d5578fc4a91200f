//! Where pcscd listens, and whether it does.

use std::{
    io::ErrorKind,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

/// Where Debian's pcscd listens; libpcsclite knows the same place.
const SOCKET: &str = "/run/pcscd/pcscd.comm";

/// What is at the place where pcscd listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Nothing.
    Missing,
    /// A socket, and nobody behind it.
    Gone,
    /// Somebody, whether or not this user may talk to him.
    There,
}

/// Where pcscd listens for this process.
pub fn socket() -> PathBuf {
    std::env::var_os("PCSCLITE_CSOCK_NAME").map_or_else(|| SOCKET.into(), PathBuf::from)
}

/// Who listens there: libpcsclite gives one error for "not there" and for "turned away".
pub fn listener(socket: &Path) -> Listener {
    match UnixStream::connect(socket).map_err(|error| error.kind()) {
        Ok(_) | Err(ErrorKind::PermissionDenied) => Listener::There,
        Err(ErrorKind::NotFound) => Listener::Missing,
        Err(_) => Listener::Gone,
    }
}
