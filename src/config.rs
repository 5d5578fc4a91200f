//! Configuration files, and where state stands.

mod module;
mod permissions;

pub use permissions::examine as permissions;

use std::{
    env,
    ffi::CString,
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use module::Module;

use crate::error::{Error, Result};

/// The administrator's file.
const ADMINISTRATOR: &str = "/etc/pukka/config.toml";
/// The administrator's profiles.
const ADMINISTRATORS_PROFILES: &str = "/etc/pukka/profiles.d";
/// The lock directory that an administrator makes (mode 1777) so that all users of a machine share it.
const SHARED_LOCKS: &str = "/var/lib/pukka/locks";

/// What a configuration file may say. An unknown key is an error: a setting that is not understood does not do what it says.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The PKCS#11 modules to load where none is named; p11-kit's proxy where this is not said, none at all where it is empty.
    #[serde(default)]
    pub modules: Option<Vec<Module>>,
    /// Seconds to wait for a token that another process uses.
    #[serde(default)]
    pub wait: Option<u32>,
    /// Seconds that a module may take for one call.
    #[serde(default, rename = "module-timeout")]
    pub module_timeout: Option<NonZeroU32>,
    /// The program that asks on the desktop, where `PINENTRY` names none; a bare name is looked for on `PATH`.
    #[serde(default)]
    pub pinentry: Option<PathBuf>,
}

impl Config {
    /// Reads the administrator's file and the user's, whose settings come first; `named` takes the place of the user's.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line and column; a file that was named has to be there.
    pub fn load(named: Option<&Path>) -> Result<Self> {
        let mut config = Self::default();
        for file in files(named) {
            config = file.read()?.unwrap_or_default().over(config);
        }
        Ok(config)
    }

    /// What the C_Initialize of each module is to be told that wants to be.
    pub fn inits(&self) -> Vec<(PathBuf, CString)> {
        let modules = self.modules.iter().flatten();
        modules.filter_map(|module| Some((module.path.clone(), module.init.clone()?))).collect()
    }

    /// These settings, and those of `other` where there are none.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        Self {
            modules: self.modules.or(other.modules),
            wait: self.wait.or(other.wait),
            module_timeout: self.module_timeout.or(other.module_timeout),
            pinentry: self.pinentry.or(other.pinentry),
        }
    }

    fn parse(text: &str, shown: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Error::Usage(format!("{shown}, line {line}, column {column}: {}", error.message()))
        })
    }
}

/// A configuration file.
#[derive(Debug)]
pub struct ConfigFile {
    /// Where it stands.
    pub path: PathBuf,
    /// Whether it was named, so that it has to be there.
    required: bool,
}

/// The configuration files, the one whose settings come first last; `named` takes the place of the user's.
pub fn files(named: Option<&Path>) -> Vec<ConfigFile> {
    let administrator = ConfigFile { path: ADMINISTRATOR.into(), required: false };
    let user = match named {
        Some(path) => Some(ConfigFile { path: path.to_owned(), required: true }),
        None => directory("XDG_CONFIG_HOME", ".config")
            .map(|directory| ConfigFile { path: directory.join("config.toml"), required: false }),
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
        match fs::read_to_string(&self.path) {
            Ok(text) => Config::parse(&text, &shown).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !self.required => Ok(None),
            Err(error) => Err(Error::Usage(format!("the configuration {shown} cannot be read: {error}"))),
        }
    }
}

/// The directories of a site's own profiles: the administrator's, and the user's own where that is known.
pub fn profiles() -> Vec<PathBuf> {
    let user = directory("XDG_CONFIG_HOME", ".config").map(|directory| directory.join("profiles.d"));
    [PathBuf::from(ADMINISTRATORS_PROFILES)].into_iter().chain(user).collect()
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
        let error = Config::parse("wait = 3\n  modul = [\"a\"]\n", "FILE").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("FILE, line 2, column 3: unknown field `modul`"), "{error}");
    }

    #[test]
    fn every_key_is_read() {
        let text = "modules = [\"/a.so\", { path = \"/b.so\", init = \"configdir='sql:/x'\" }, { path = \"/c.so\" }]\nwait = 9\nmodule-timeout = 7\npinentry = \"/usr/bin/pinentry-gtk-2\"";
        let config = Config::parse(text, "FILE").unwrap();
        let module =
            |path: &str, init: Option<&std::ffi::CStr>| Module { path: path.into(), init: init.map(Into::into) };
        let modules = vec![module("/a.so", None), module("/b.so", Some(c"configdir='sql:/x'")), module("/c.so", None)];
        let pinentry = Some("/usr/bin/pinentry-gtk-2".into());
        let module_timeout = NonZeroU32::new(7);
        assert_eq!(config, Config { modules: Some(modules), wait: Some(9), module_timeout, pinentry });
        assert_eq!(Config::parse("modules = []", "FILE").unwrap().modules, Some(Vec::new()));
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
            let error = Config::parse(&format!("modules = [\n  {module},\n]\n"), "FILE").unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let said = error.to_string();
            assert!(said.starts_with(&format!("FILE, {place}: ")) && said.contains(why), "{module}: {said}");
        }
    }
}
