//! pkcsslotd over a token store of its own.
//!
//! Its paths are fixed, and so are those of its module, so each daemon has namespaces in which they are its own. Whoever uses the
//! module must enter them ([`Daemon::enter`]). What cannot be made fails the test with the reason.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// How long the daemon may take to start, which is a matter of milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lays the store of `$1` over the fixed paths, then becomes the daemon.
///
/// In a chroot / is no mount of its own and cannot be made private; then it must be so already, or what is mounted here shows outside.
///
/// Daemons with a user of their own (Debian 13 has 3.23) leave the foreground in spite of `-f`, and nothing here would end them.
const BEGIN: &str = r#"set -eu
! getent passwd pkcsslotd >/dev/null || { echo 'these tests know openCryptoki as Debian 12 has it, 3.8; this is a newer one' >&2; exit 1; }
mount --make-rprivate / 2>/dev/null || {
  mount --bind /run /run
  if grep -q ' /run .* shared:' /proc/self/mountinfo; then
    umount /run; echo 'this chroot stands on a shared mount, so its mounts would show outside of it' >&2; exit 1
  fi
}
install -d -g pkcs11 -m 770 "$1/store" "$1/store/swtok" "$1/store/swtok/TOK_OBJ"
mount --bind "$1/store" /var/lib/opencryptoki
mount --bind "$1/opencryptoki.conf" /etc/opencryptoki/opencryptoki.conf
mkdir -p /dev/shm
for own in /run /dev/shm; do mount -t tmpfs tmpfs "$own"; done
mkdir -p /run/lock
install -d -g pkcs11 -m 770 /var/lock/opencryptoki /var/lock/opencryptoki/swtok
exec pkcsslotd -f"#;

/// One soft token, in slot 3.
const CONFIGURATION: &str = "version opencryptoki-3.1\nslot 3\n{\nstdll = libpkcs11_sw.so\n}\n";

/// openCryptoki's module.
pub fn module() -> PathBuf {
    let multiarch = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found = multiarch.map(|entry| entry.path().join("pkcs11/libopencryptoki.so"));
    found.find(|path| path.exists()).expect("openCryptoki is not installed: it is in the package opencryptoki")
}

/// A running daemon; it ends with the test, and its store too.
pub struct Daemon {
    process: Child,
    directory: TempDir,
}

impl Daemon {
    /// Over an empty store: one blank token.
    #[track_caller]
    pub fn start() -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("opencryptoki.conf"), CONFIGURATION).unwrap();
        let process = begin(directory.path()).unwrap_or_else(|error| panic!("openCryptoki: {error:#}"));
        Self { process, directory }
    }

    /// Ends it and starts it over the same store, as when the machine starts again: its shared memory is lost.
    #[track_caller]
    pub fn restart(&mut self) {
        end(&mut self.process);
        self.process = begin(self.directory.path()).unwrap_or_else(|error| panic!("openCryptoki: {error:#}"));
    }

    /// A command that runs what is appended to it where this daemon is.
    pub fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.process.id().to_string(), "--mount", "--ipc", "--"]);
        command
    }

    /// Where the token has its files.
    pub fn store(&self) -> PathBuf {
        self.directory.path().join("store/swtok")
    }

    /// What the token has stored: its files by name.
    pub fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.store()).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.path().is_file());
        let mut stored: Vec<(String, Vec<u8>)> =
            files.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect();
        stored.sort();
        stored
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn begin(directory: &Path) -> Result<Child> {
    let log = directory.join("daemon.log");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--ipc", "--propagation", "unchanged", "sh", "-c", BEGIN, "sh"]).arg(directory);
    command.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
    let mut process = command.spawn().context("there is no unshare, it is in the package util-linux")?;
    till_ready(&mut process).map_err(|error| {
        end(&mut process);
        let said = fs::read_to_string(&log).unwrap_or_default();
        let needs = match said.contains("unshare") || said.contains("mount") {
            true => "its paths are fixed, so it needs a mount and an IPC namespace, which take root and CAP_SYS_ADMIN",
            false => "pkcsslotd did not start",
        };
        error.context(said.trim().to_owned()).context(needs)
    })?;
    Ok(process)
}

/// Waits till the process is the daemon, and the daemon has its socket.
fn till_ready(process: &mut Child) -> Result<()> {
    let own = PathBuf::from(format!("/proc/{}", process.id()));
    let start = Instant::now();
    loop {
        if let Some(status) = process.try_wait()? {
            bail!("{status}");
        }
        let is_daemon = fs::read_to_string(own.join("comm")).is_ok_and(|name| name.trim() == "pkcsslotd");
        if is_daemon && own.join("root/run/pkcsslotd.socket").exists() {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "pkcsslotd has no socket after {PATIENCE:?}");
        sleep(Duration::from_millis(20));
    }
}

/// SIGTERM, which the daemon obeys within a second; it leaves no process behind.
fn end(process: &mut Child) {
    // One that has been waited for has no process id any more.
    if let (Ok(None), Ok(id)) = (process.try_wait(), i32::try_from(process.id())) {
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
    let _ = process.wait();
}
