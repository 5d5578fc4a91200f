//! Configuration files, and where state stands.

mod list;
mod module;
mod permissions;
mod policy;
mod text;

pub use list::list;
pub use permissions::examine as permissions;
pub use text::read as text;

use std::{
    env,
    ffi::CString,
    fs::{self, Metadata},
    io::ErrorKind,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use toml::Spanned;

pub use module::Module;

use crate::{
    error::{Error, Result},
    policy::Policy,
};

/// The administrator's file.
const ADMINISTRATOR: &str = "/etc/pukka/config.toml";
/// The administrator's profiles.
const ADMINISTRATORS_PROFILES: &str = "/etc/pukka/profiles.d";
/// The lock directory that an administrator makes (mode 1777) so that all users of a machine share it.
const SHARED_LOCKS: &str = "/var/lib/pukka/locks";

/// The longest file in bytes that is read.
const MOST: u64 = 1 << 20;

/// What the configuration files say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The PKCS#11 modules to load where none is named; p11-kit's proxy where this is not said, none at all where it is empty.
    pub modules: Option<Vec<Module>>,
    /// Seconds to wait for a token that another process uses.
    pub wait: Option<u32>,
    /// Seconds that a module may take for one call.
    pub module_timeout: Option<NonZeroU32>,
    /// What new values must be, who may set them, and whether a last try may be spent.
    pub policy: Policy,
    /// The program that asks on the desktop, where `PINENTRY` names none; a bare name is looked for on `PATH`.
    pub pinentry: Option<PathBuf>,
}

/// What a file may say. An unknown key is an error: a setting that is not understood does not do what it says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Text {
    modules: Option<Vec<Module>>,
    wait: Option<u32>,
    module_timeout: Option<NonZeroU32>,
    pinentry: Option<PathBuf>,
    #[serde(default)]
    policy: Vec<Spanned<policy::Table>>,
}

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    /// Its policy cannot be loosened.
    Administrator,
    /// Its policy may only tighten.
    User,
}

impl Config {
    /// Reads the administrator's file and the user's, whose settings come first; `named` takes the place of the user's.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line and column; a file that was named has to be there; the administrator's must be nobody
    /// else's to change, and its policy is not loosened.
    pub fn load(named: Option<&Path>) -> Result<Self> {
        let mut config = Self::default();
        for file in files(named) {
            config = file.read()?.unwrap_or_default().over(config);
        }
        config.policy.check().map(|()| config)
    }

    /// What the C_Initialize of each module is to be told that wants to be.
    pub fn inits(&self) -> Vec<(PathBuf, CString)> {
        let modules = self.modules.iter().flatten();
        modules.filter_map(|module| Some((module.path.clone(), module.init.clone()?))).collect()
    }

    /// These settings, and those of `other` where there are none; both policies, of which the stricter holds.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        let Policy { mut administrator, mut user } = other.policy;
        administrator.extend(self.policy.administrator);
        user.extend(self.policy.user);
        Self {
            modules: self.modules.or(other.modules),
            wait: self.wait.or(other.wait),
            module_timeout: self.module_timeout.or(other.module_timeout),
            policy: Policy { administrator, user },
            pinentry: self.pinentry.or(other.pinentry),
        }
    }

    fn parse(text: &str, shown: &str, author: Author) -> Result<Self> {
        let place = |at: usize| {
            let before = text.get(..at).unwrap_or_default();
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            (before.matches('\n').count() + 1, column)
        };
        let refused = |at: usize, why: &str| {
            let (line, column) = place(at);
            Error::Usage(format!("{shown}, line {line}, column {column}: {why}"))
        };
        // Before anything is said of what stands there, which may be said with its words.
        if let Some(at) = with_password(text) {
            return Err(refused(
                at,
                "a URL with a password in it is not taken: every program on the machine may read this file",
            ));
        }
        let Text { modules, wait, module_timeout, pinentry, policy } = toml::from_str(text)
            .map_err(|error: toml::de::Error| refused(error.span().unwrap_or_default().start, error.message()))?;
        let file: Arc<str> = shown.into();
        let clause =
            |table| policy::clause(table, &file, |at| place(at).0).map_err(|wrong| refused(wrong.at, &wrong.why));
        let clauses = policy.into_iter().map(clause).collect::<Result<Vec<_>>>()?;
        let policy = match author {
            Author::Administrator => Policy { administrator: clauses, user: Vec::new() },
            Author::User => Policy { administrator: Vec::new(), user: clauses },
        };
        Ok(Self { modules, wait, module_timeout, policy, pinentry })
    }
}

/// Where a URL with a password in it stands: `scheme://user:password@host`.
fn with_password(text: &str) -> Option<usize> {
    text.match_indices("://").map(|(at, _)| at).find(|at| {
        let rest = text.get(at + 3..).unwrap_or_default();
        let authority =
            rest.split(|end: char| end.is_whitespace() || "/?#\"'".contains(end)).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// A configuration file.
#[derive(Debug)]
pub struct ConfigFile {
    /// Where it stands.
    pub path: PathBuf,
    /// Whether it was named, so that it has to be there.
    required: bool,
    author: Author,
}

/// The configuration files, the one whose settings come first last; `named` takes the place of the user's.
pub fn files(named: Option<&Path>) -> Vec<ConfigFile> {
    let administrator = ConfigFile { path: ADMINISTRATOR.into(), required: false, author: Author::Administrator };
    let user = match named {
        Some(path) => Some(ConfigFile { path: path.to_owned(), required: true, author: Author::User }),
        None => directory("XDG_CONFIG_HOME", ".config").map(|directory| ConfigFile {
            path: directory.join("config.toml"),
            required: false,
            author: Author::User,
        }),
    };
    [administrator].into_iter().chain(user).collect()
}

impl ConfigFile {
    /// What it says; none where it is not there and need not be.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read(&self) -> Result<Option<Config>> {
        let shown = self.path.display().to_string().escape_debug().to_string();
        let unreadable =
            |error: std::io::Error| Error::Usage(format!("the configuration {shown} cannot be read: {error}"));
        if self.author == Author::Administrator {
            self.is_trusted()?;
        }
        // A user without a home, such as a service's, has no file there; that of an administrator is missed where it could be hidden.
        let is_missing = |error: &std::io::Error| match error.kind() {
            ErrorKind::NotFound => true,
            ErrorKind::NotADirectory => self.author == Author::User,
            _ => false,
        };
        // A link that leads nowhere is no file that is not there.
        let is_absent = || fs::symlink_metadata(&self.path).is_err_and(|error| is_missing(&error));
        let (text, metadata) = match text::read(&self.path, MOST) {
            Err(error) if is_missing(&error) && !self.required && is_absent() => return Ok(None),
            file => file.map_err(unreadable)?,
        };
        if self.author == Author::Administrator {
            let why = permissions::loosened(&metadata);
            why.map_or(Ok(()), |why| Err(not_the_administrators(&shown, why)))?;
        }
        Config::parse(&text, &shown, self.author).map(Some)
    }

    /// Refuses a directory in which somebody else could put another file in the place of the administrator's.
    fn is_trusted(&self) -> Result<()> {
        let Some(directory) = self.path.parent() else { return Ok(()) };
        let why = fs::metadata(directory).ok().and_then(|metadata| permissions::loosened(&metadata));
        why.map_or(Ok(()), |why| Err(not_the_administrators(&directory.display().to_string(), why)))
    }

    /// Whose it is: `administrator` or `user`.
    pub fn author(&self) -> &'static str {
        match self.author {
            Author::Administrator => "administrator",
            Author::User => "user",
        }
    }
}

fn not_the_administrators(shown: &str, why: &str) -> Error {
    Error::Usage(format!(
        "{shown} {why}, so that the administrator's policy could be anyone's; `pukka doctor` says what cures it"
    ))
}

/// The directories of a site's own profiles: the administrator's, and the user's own where that is known.
pub fn profiles() -> Vec<PathBuf> {
    let user = directory("XDG_CONFIG_HOME", ".config").map(|directory| directory.join("profiles.d"));
    [PathBuf::from(ADMINISTRATORS_PROFILES)].into_iter().chain(user).collect()
}

/// Whether a profile in `file` is the administrator's: it stands among those, and nobody else can change it.
pub fn is_administrators_profile(path: &Path, file: &Metadata) -> bool {
    let directory = Path::new(ADMINISTRATORS_PROFILES);
    let is_theirs = |metadata: &Metadata| permissions::loosened(metadata).is_none();
    let is_safe = || fs::metadata(directory).is_ok_and(|directory| is_theirs(&directory));
    path.parent() == Some(directory) && is_theirs(file) && is_safe()
}

/// Where lock files stand: the directory that the administrator shares, else the user's own; none where neither is known.
pub fn locks() -> Option<PathBuf> {
    match Path::new(SHARED_LOCKS).is_dir() {
        true => Some(SHARED_LOCKS.into()),
        false => state().map(|state| state.join("locks")),
    }
}

/// Where stands what must outlive a crash; none where nothing tells. It is the user's own even where locks are shared: what is put
/// back from there is put back with this user's rights, so nobody else may lay anything there.
pub fn state() -> Option<PathBuf> {
    directory("XDG_STATE_HOME", ".local/state")
}

/// Where a generated value goes that standard output did not take; none where nothing tells.
pub fn lost() -> Option<PathBuf> {
    state().map(|state| state.join("lost"))
}

/// A directory of the XDG base directory specification, for pukka; a relative value is ignored, as it says.
fn directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home =
        || env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute()).map(|home| home.join(below_home));
    named.or_else(home).map(|base| base.join("pukka"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_with_line_and_column() {
        let error = Config::parse("wait = 3\n  modul = [\"a\"]\n", "FILE", Author::User).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("FILE, line 2, column 3: unknown field `modul`"), "{error}");
    }

    #[test]
    fn every_key_is_read() {
        let text = "modules = [\"/a.so\", { path = \"/b.so\", init = \"configdir='sql:/x'\" }, { path = \"/c.so\" }]\nwait = 9\nmodule-timeout = 7\npinentry = \"/usr/bin/pinentry-gtk-2\"";
        let config = Config::parse(text, "FILE", Author::User).unwrap();
        let module =
            |path: &str, init: Option<&std::ffi::CStr>| Module { path: path.into(), init: init.map(Into::into) };
        let modules = vec![module("/a.so", None), module("/b.so", Some(c"configdir='sql:/x'")), module("/c.so", None)];
        assert_eq!(
            config,
            Config {
                modules: Some(modules),
                wait: Some(9),
                module_timeout: NonZeroU32::new(7),
                policy: Policy::default(),
                pinentry: Some("/usr/bin/pinentry-gtk-2".into()),
            }
        );
        assert_eq!(Config::parse("modules = []", "FILE", Author::User).unwrap().modules, Some(Vec::new()));
    }

    #[test]
    fn a_module_that_is_not_understood_is_an_error_with_line_and_column() {
        for (module, place, why) in [
            ("{ path = \"/a.so\", inti = \"x\" }", "line 2, column 21", "unknown field `inti`"),
            ("{ init = \"x\" }", "line 2, column 3", "missing field `path`"),
            ("{ path = \"/a.so\", init = \"x\\u0000y\" }", "line 2, column 28", "NUL"),
            ("{ path = \"/a.so\", init = 7 }", "line 2, column 28", "invalid type: integer `7`"),
            ("{ path = \"\" }", "line 2, column 12", "a path"),
            ("\"\"", "line 2, column 3", "a path"),
            ("7", "line 2, column 3", "a path, or a table of path and init"),
        ] {
            let error = Config::parse(&format!("modules = [\n  {module},\n]\n"), "FILE", Author::User).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let said = error.to_string();
            assert!(said.starts_with(&format!("FILE, {place}: ")) && said.contains(why), "{module}: {said}");
        }
    }
}
