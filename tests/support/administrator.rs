//! An administrator's `/etc/pukka` that the tool sees and the machine does not: a mount that only it and its children have.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::geteuid;
use tempfile::TempDir;

use super::Pukka;

/// Puts a directory in the place of /etc, in which everything is what it was but `pukka`, and starts the rest of its words. What is
/// mounted must reach no other namespace: inside a chroot, where / is no mount of its own, that takes a private view of it below /run.
const SCRIPT: &str = r#"
own=$1; shift
if mount --make-rprivate / 2>/dev/null; then
  mount --bind /etc "$own/was" && mount --bind "$own/etc" /etc && exec "$@"
else
  mount --make-rprivate /run && mount -t tmpfs tmpfs /run && mkdir /run/view && mount --rbind / /run/view &&
  mount --make-rprivate /run/view && mount --bind /etc "/run/view$own/was" &&
  mount --bind "/run/view$own/etc" /run/view/etc && exec chroot /run/view sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
fi"#;

/// What stands in `/etc/pukka`, for the calls that are started under it.
pub struct Administrator(TempDir);

impl Administrator {
    /// With this in `config.toml`.
    #[track_caller]
    pub fn new(config: &str) -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        let (etc, was) = (own.0.path().join("etc"), own.0.path().join("was"));
        fs::create_dir(&was).unwrap();
        fs::create_dir_all(etc.join("pukka")).unwrap();
        // Somebody else is to come through here too.
        for directory in [own.0.path(), &etc, &etc.join("pukka")] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for entry in fs::read_dir("/etc").unwrap() {
            let name = entry.unwrap().file_name();
            if name != "pukka" {
                std::os::unix::fs::symlink(was.join(&name), etc.join(&name)).unwrap();
            }
        }
        fs::write(own.file(), config).unwrap();
        fs::set_permissions(own.file(), fs::Permissions::from_mode(0o644)).unwrap();
        own
    }

    /// The file as the test reaches it.
    pub fn file(&self) -> PathBuf {
        self.path("config.toml")
    }

    /// Another one beside it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("etc/pukka").join(name)
    }

    /// Starts the tool where `/etc/pukka` is this.
    #[track_caller]
    pub fn over(&self, call: Pukka) -> Pukka {
        call.started_by(self.launcher())
    }

    fn launcher(&self) -> Command {
        let mut launcher = Command::new("unshare");
        // Who is not root becomes it in a namespace of users; where there are none, as in a chroot, tests run as root.
        if !geteuid().is_root() {
            launcher.arg("--map-root-user");
        }
        launcher.args(["--mount", "--propagation", "unchanged", "sh", "-ec", SCRIPT, "sh"]).arg(self.0.path());
        launcher
    }

    /// The tool's own word for the file.
    pub fn shown() -> &'static Path {
        Path::new("/etc/pukka/config.toml")
    }
}
