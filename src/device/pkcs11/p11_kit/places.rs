//! Where p11-kit's configuration stands, and where its modules do.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The places that are read.
#[derive(Debug)]
pub struct Places {
    /// The directory of the administrator's pkcs11.conf.
    pub system: PathBuf,
    /// The administrator's module files.
    pub system_modules: PathBuf,
    /// Those that packages bring.
    pub package_modules: PathBuf,
    /// The directory of the user's pkcs11.conf.
    pub user: User,
    /// The user's module files.
    pub user_modules: Option<PathBuf>,
    /// Where a module stands that is named without a directory.
    pub modules: Vec<PathBuf>,
    /// Variables that change what p11-kit does, and what each does.
    pub environment: Vec<(&'static str, &'static str)>,
}

/// The user's own configuration.
#[derive(Debug)]
pub enum User {
    /// The directory where it stands.
    At(PathBuf),
    /// It is not read, and why.
    LeftOut(&'static str),
}

/// The variables that p11-kit heeds.
const VARIABLES: [(&str, &str); 4] = [
    ("P11_KIT_STRICT", "p11-kit aborts a program that calls a module wrongly"),
    ("P11_KIT_DEBUG", "p11-kit writes to standard error what it does"),
    ("P11_KIT_NO_USER_CONFIG", "p11-kit leaves out the user's own configuration"),
    ("P11_KIT_SERVER_ADDRESS", "p11-kit's client module asks the server at another address"),
];

impl Places {
    /// Those of this process, as p11-kit is built everywhere but for the directory of modules, which each distribution has its own of.
    pub fn of_this_process() -> Self {
        let directory = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = directory("XDG_CONFIG_HOME").or_else(|| directory("HOME").map(|home| home.join(".config")));
        let user = base.map(|base| base.join("pkcs11"));
        let lib =
            |path: &str| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path().join("pkcs11"));
        let fixed = ["/usr/lib64/pkcs11", "/usr/lib/pkcs11", "/usr/local/lib/pkcs11"];
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            system: "/etc/pkcs11".into(),
            system_modules: "/etc/pkcs11/modules".into(),
            package_modules: "/usr/share/p11-kit/modules".into(),
            user_modules: user.as_ref().map(|user| user.join("modules")),
            user: match user {
                _ if nix::unistd::getuid().is_root() => User::LeftOut("p11-kit does not read it for root"),
                _ if is_set("P11_KIT_NO_USER_CONFIG") => User::LeftOut("P11_KIT_NO_USER_CONFIG is set"),
                None => User::LeftOut("HOME is not set"),
                Some(user) => User::At(user),
            },
            modules: fixed.iter().map(PathBuf::from).chain(lib("/usr/lib")).collect(),
            environment: VARIABLES.into_iter().filter(|(name, _)| is_set(name)).collect(),
        }
    }

    /// The file of a module, where there is one.
    pub fn resolve(&self, module: &Path) -> Option<PathBuf> {
        if let Ok(rest) = module.strip_prefix("~") {
            let home = env::var_os("HOME").map(PathBuf::from)?;
            return Some(home.join(rest)).filter(|path| path.exists());
        }
        if module.is_absolute() {
            return Some(module.to_owned()).filter(|path| path.exists());
        }
        self.modules.iter().map(|directory| directory.join(module)).find(|path| path.exists())
    }
}
