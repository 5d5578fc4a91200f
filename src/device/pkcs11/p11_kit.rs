//! p11-kit's configuration: which modules its proxy loads, and why it leaves others out (pkcs11.conf(5)).
//!
//! p11-kit says what is wrong on standard error, in the middle of another program's output, and its proxy then shows fewer modules,
//! or none at all: one file that does not parse is enough. So the files are read here as p11-kit reads them (seen with 0.24.1).

mod file;
mod places;

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use file::{Fields, parse};
pub use places::{Places, User};

use crate::{
    finding::{Check, Finding, Value},
    token::Text,
};

/// The program name by which a file includes or excludes the proxy.
const PROXY: &str = "p11-kit-proxy";

/// What the configuration comes to.
#[derive(Debug, Default)]
pub struct Kit {
    /// What there is to tell.
    pub findings: Vec<Finding>,
    /// The modules that the proxy loads, in the order of their names.
    pub modules: Vec<PathBuf>,
}

/// What is set for one module, by the file that is named first, and by those of the same name for what it leaves open.
struct Configured {
    file: PathBuf,
    fields: Fields,
}

/// Reads the configuration at these places.
pub fn examine(places: &Places) -> Kit {
    let mut kit = Kit::default();
    let (mut configured, mut is_broken) = (BTreeMap::new(), false);
    kit.findings.extend(places.environment.iter().map(|(name, what)| {
        Finding::warning(Check::P11Kit, format!("{name} is set: {what}"))
            .cure(format!("unset {name} where that is not meant"))
    }));
    let mode = match mode(places) {
        Ok(mode) => mode,
        Err(finding) => {
            kit.findings.push(*finding);
            is_broken = true;
            Mode::None
        }
    };
    for (directory, is_users) in directories(places, mode) {
        for file in match files(directory) {
            Ok(files) => files,
            // p11-kit goes without a user's own directory that it may not read, and without anything where it is another.
            Err(error) => {
                let what = format!("{} cannot be read", shown(directory));
                kit.findings.push(Finding::unknown(Check::P11Kit, what).detail(error.to_string()));
                is_broken |= !is_users;
                continue;
            }
        } {
            match read(&file) {
                Ok(fields) => {
                    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    let known: &mut Configured =
                        configured.entry(name).or_insert_with(|| Configured { file, fields: Fields::new() });
                    for (key, value) in fields {
                        known.fields.entry(key).or_insert(value);
                    }
                }
                Err(finding) => {
                    kit.findings.push(*finding);
                    is_broken = true;
                }
            }
        }
    }
    let seen: Vec<Seen> = configured.values().map(|one| judge(one, places)).collect();
    let stops = seen.iter().any(|seen| seen.stops);
    for Seen { finding, module, .. } in seen {
        kit.findings.push(finding);
        kit.modules.extend(module.filter(|_| !is_broken && !stops));
    }
    if is_broken || stops {
        let why =
            if is_broken { "what it cannot read" } else { "a module that is marked as critical and is not there" };
        let what = format!("because of {why}, p11-kit's proxy loads no module at all");
        let cure = "correct or remove that file, or name a module with --module";
        kit.findings.push(Finding::problem(Check::P11Kit, what).cure(cure));
    } else if kit.modules.is_empty() {
        kit.findings.push(
            Finding::warning(Check::P11Kit, "p11-kit's proxy is configured to load no module")
                .cure("install a module's package, or name a module with --module"),
        );
    }
    kit
}

/// Which directories are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Those of the system.
    None,
    /// The user's first, then those of the system.
    Merge,
    /// The user's.
    Only,
}

/// What the two global files say of the user's own configuration.
fn mode(places: &Places) -> Result<Mode, Box<Finding>> {
    let of = |path: &Path, default: Mode| -> Result<Mode, Box<Finding>> {
        let fields = read(path)?;
        match fields.get("user-config").map(String::as_str) {
            None => Ok(default),
            Some("none") => Ok(Mode::None),
            Some("merge") => Ok(Mode::Merge),
            Some("only" | "override") => Ok(Mode::Only),
            Some(other) => {
                let what =
                    format!("{}: user-config is {}, which p11-kit does not know", shown(path), Text::from(other));
                Err(Box::new(Finding::problem(Check::P11Kit, what).cure("give it one of none, merge, only")))
            }
        }
    };
    let mode = of(&places.system.join("pkcs11.conf"), Mode::Merge)?;
    match &places.user {
        User::At(user) if mode != Mode::None => of(&user.join("pkcs11.conf"), mode),
        User::At(_) | User::LeftOut(_) => Ok(Mode::None),
    }
}

/// The directories in the order in which p11-kit reads them, and whether each is the user's.
fn directories(places: &Places, mode: Mode) -> Vec<(&Path, bool)> {
    let user = match &places.user {
        User::At(_) => places.user_modules.as_deref().filter(|_| mode != Mode::None),
        User::LeftOut(_) => None,
    };
    let system = [places.system_modules.as_path(), places.package_modules.as_path()];
    let system = system.into_iter().filter(|_| mode != Mode::Only).map(|path| (path, false));
    user.map(|path| (path, true)).into_iter().chain(system).collect()
}

/// The files of a directory in the order of their names; none where there is no such directory.
fn files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Fields, Box<Finding>> {
    let of_file = |finding: Finding| finding.with("path", Value::Name(Text::from(path.display().to_string().as_str())));
    let text = match fs::read(path) {
        Ok(text) => text,
        // A link that leads nowhere is as good as an empty file.
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => Vec::new(),
        Err(error) => {
            let finding = Finding::problem(Check::P11Kit, format!("{} cannot be read", shown(path)));
            let finding = finding.cure("let it be read by everybody, or remove it").detail(error.to_string());
            return Err(Box::new(of_file(finding)));
        }
    };
    parse(&String::from_utf8_lossy(&text)).map_err(|(line, why)| {
        Box::new(of_file(
            Finding::problem(Check::P11Kit, format!("{}, line {line}: {why}", shown(path)))
                .cure("write each setting as `name: value` on a line of its own"),
        ))
    })
}

/// What is to tell of one module.
struct Seen {
    finding: Finding,
    /// The module, where the proxy loads it.
    module: Option<PathBuf>,
    /// Whether it keeps p11-kit from loading anything.
    stops: bool,
}

fn judge(Configured { file, fields }: &Configured, places: &Places) -> Seen {
    let name = shown(file);
    let get = |key| fields.get(key).map(String::as_str).filter(|value: &&str| !value.is_empty());
    let of_file = |finding: Finding| finding.with("path", Value::Name(Text::from(file.display().to_string().as_str())));
    let left_out = |finding| Seen { finding: of_file(finding), module: None, stops: false };
    if let Some(remote) = get("remote") {
        // The server behind it is asked through the proxy alone.
        return left_out(Finding::ok(Check::P11Kit, format!("{name}: a module behind {}", Text::from(remote))));
    }
    let Some(module) = get("module") else {
        let what = format!("{name} names no module");
        return left_out(Finding::warning(Check::P11Kit, what).cure("give it a line `module: PATH`, or remove it"));
    };
    let said = Text::from(module);
    let with_module = |seen: Seen| Seen { finding: seen.finding.with("module", Value::Name(said.clone())), ..seen };
    if !is_enabled(get("enable-in"), get("disable-in")) {
        return with_module(left_out(Finding::ok(Check::P11Kit, format!("{name}: {said}, not for the proxy"))));
    }
    let Some(path) = places.resolve(Path::new(module)) else {
        let what = format!("{name}: there is no module {said}");
        let cure = "install its package again, or remove the file that names it";
        let stops = get("critical") == Some("yes");
        return with_module(Seen { stops, ..left_out(Finding::problem(Check::P11Kit, what).cure(cure)) });
    };
    let finding = of_file(Finding::ok(Check::P11Kit, format!("{name}: {said}")));
    with_module(Seen { finding, module: Some(path), stops: false })
}

/// Whether the proxy is among the programs that a module is for.
fn is_enabled(only: Option<&str>, not: Option<&str>) -> bool {
    let has_proxy = |list: &str| list.split([',', ' ', '\t']).any(|name| name.trim() == PROXY);
    match (only, not) {
        (Some(only), _) => has_proxy(only),
        (None, Some(not)) => !has_proxy(not),
        (None, None) => true,
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

#[cfg(test)]
mod tests;
