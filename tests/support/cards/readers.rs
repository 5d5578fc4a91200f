//! The readers of a pcscd: where they listen, and how it is told of them.

use std::{
    fmt::Write,
    fs, iter,
    net::{Ipv4Addr, TcpListener},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result, bail};

/// The most that a pcscd has.
pub const MOST: usize = 16;

/// What readers are called where a test does not care.
pub const USUAL: &str = "Virtual PCD";

/// The name of reader `index`, the same in every pcscd whose readers have the [`USUAL`] names.
pub fn reader_name(index: usize) -> String {
    numbered(USUAL, index)
}

fn numbered(make: &str, index: usize) -> String {
    assert!(index < MOST, "there are at most {MOST} readers");
    format!("{} 00 {:02}", friendly_name(make, index / 2), index % 2)
}

/// What a pair of readers is called. pcscd numbers the two; pairs of one name would be told apart by nothing.
fn friendly_name(make: &str, pair: usize) -> String {
    if pair == 0 { make.to_owned() } else { format!("{make} {}", pair + 1) }
}

/// Readers on ports that no other test has.
pub struct Readers {
    make: &'static str,
    ports: Vec<Ports>,
    /// The driver of readers with a PIN pad, where they have one.
    pad: Option<PathBuf>,
}

impl Readers {
    /// At least `count`: they come in pairs, and no pcscd has less than one.
    pub fn claim(count: usize, make: &'static str) -> Result<Self> {
        let ports = (0..count.div_ceil(2).max(1)).map(|_| Ports::claim()).collect::<Result<_>>()?;
        Ok(Self { make, ports, pad: None })
    }

    /// The same with a PIN pad each, by that driver.
    pub fn with_pad(self, driver: PathBuf) -> Self {
        Self { pad: Some(driver), ..self }
    }

    pub fn count(&self) -> usize {
        2 * self.ports.len()
    }

    /// What pcscd calls reader `index`.
    pub fn name(&self, index: usize) -> String {
        numbered(self.make, index)
    }

    /// Where reader `index` listens for its card.
    pub fn port(&self, index: usize) -> u16 {
        self.ports[index / 2].first + u16::from(index % 2 == 1)
    }

    /// Writes them down in `directory` for pcscd.
    pub fn configure(&self, directory: &Path) -> Result<()> {
        let mut readers = String::new();
        for (pair, Ports { first, .. }) in self.ports.iter().enumerate() {
            // A copy each: entries that share a library, or a link to it, are listed, and only the last answers.
            let library = directory.join(format!("libifdvpcd-{pair}.so"));
            match &self.pad {
                None => fs::copy(vpcd_library()?, &library)?,
                Some(driver) => {
                    fs::copy(vpcd_library()?, directory.join(format!("vpcd-{pair}.so")))?;
                    fs::copy(driver, &library)?
                }
            };
            writeln!(readers, "FRIENDLYNAME {:?}\nDEVICENAME /dev/null:{first:#X}", friendly_name(self.make, pair))?;
            writeln!(readers, "CHANNELID {first:#X}\nLIBPATH {}\n", library.display())?;
        }
        fs::create_dir(directory.join("readers"))?;
        Ok(fs::write(directory.join("readers/vpcd"), readers)?)
    }
}

/// Two TCP ports in a row, one a reader, that no other test has.
struct Ports {
    first: u16,
    /// An abstract name, which ends with this process however it ends, and is as far known as the ports are.
    _claim: UnixListener,
}

impl Ports {
    fn claim() -> Result<Self> {
        for turn in 0..5_000 {
            let pair = process::id().wrapping_mul(61).wrapping_add(turn) % 5_000; // processes begin apart
            let first = u16::try_from(21_000 + 2 * pair)?; // below Linux's ephemeral ports, which any program may get
            let name = SocketAddr::from_abstract_name(format!("pukka-vpcd-{first}"))?;
            let Ok(claim) = UnixListener::bind_addr(&name) else { continue };
            // Not once pcscd is there: vpcd takes a probe for a card.
            let free = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
            if free(first) && free(first + 1) {
                return Ok(Self { first, _claim: claim });
            }
        }
        bail!("no two free ports in a row")
    }
}

fn vpcd_library() -> Result<PathBuf> {
    let architectures = fs::read_dir("/usr/lib")?.filter_map(Result::ok).map(|entry| entry.path());
    let mut libraries = iter::once("/usr/lib".into())
        .chain(architectures)
        .map(|directory| directory.join("pcsc/drivers/serial/libifdvpcd.so"));
    libraries.find(|library| library.exists()).context("no libifdvpcd.so: install vsmartcard-vpcd")
}
