//! What an examination asks of PKCS#11: which modules load, and what p11-kit and OpenSC are told by their files.

use std::path::{Path, PathBuf};

use super::{
    Library, PROXY, Settings, introduce, lock, opensc,
    p11_kit::{self, Places, User},
    pre_image,
};
use crate::{
    finding::{Check, Condition, Finding, Value},
    token::{Found, Text},
};

/// What helps with a module that gives no reason.
const CURE: &str =
    "look whether its device is there and its service runs; with --trace stands what the module itself says";

/// Loads each of the modules that were named; where none was, p11-kit's proxy and each module that it loads. Nobody logs in.
/// `readers` is how many the system has.
pub fn examine(named: Option<&[PathBuf]>, readers: usize, settings: &Settings) -> Vec<Finding> {
    let places = Places::of_this_process();
    let kit = p11_kit::examine(&places);
    let mut findings = kit.findings;
    if let User::LeftOut(why) = places.user {
        if places.user_modules.as_ref().is_some_and(|modules| modules.is_dir()) {
            findings.push(Finding::warning(Check::P11Kit, format!("the user's own configuration is left out: {why}")));
        }
    }
    let is_opensc = |modules: &[PathBuf]| modules.iter().any(|module| opensc::is_module(module));
    match named {
        None => {
            findings.extend(opensc::examine(is_opensc(&kit.modules), readers));
            let proxy = module(Path::new(PROXY), settings);
            // Nobody asked for it: a machine without p11-kit simply has no such tokens.
            let softened = proxy.into_iter().map(|finding| match finding.state {
                Condition::Problem => Finding { state: Condition::Warning, ..finding },
                _ => finding,
            });
            findings.extend(softened);
            findings.extend(kit.modules.iter().flat_map(|path| module(path, settings)));
        }
        Some(named) => {
            findings.extend(opensc::examine(is_opensc(named), readers));
            findings.extend(named.iter().flat_map(|path| module(path, settings)));
        }
    }
    findings.extend(settings.locks.iter().flat_map(|locks| lock::examine(locks)));
    findings.extend(pre_image::examine(settings.state.as_deref()));
    findings
}

/// Whether a module loads, who made it, and how many tokens it shows.
fn module(path: &Path, settings: &Settings) -> Vec<Finding> {
    let named = Text::from(path.display().to_string().as_str());
    let of_module = |finding: Finding| finding.with("module", Value::Name(named.clone()));
    let (library, slots) = match introduce(path, settings) {
        Ok(shown) => shown,
        Err(error) => return vec![of_module(Finding::failure(Check::Module, &error).or_cure(CURE))],
    };
    let Library { manufacturer, description, version: (major, minor) } = library;
    let told = [&description, &manufacturer].into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
    let version = format!("{major}.{minor}");
    let loads = Finding::ok(
        Check::Module,
        format!("{named} loads: {} (library version {version}); {}", told.join(", "), tokens(&slots.found)),
    );
    let loads = of_module(loads)
        .name("manufacturer", manufacturer.as_ref())
        .name("description", description.as_ref())
        .with("version", Value::Name(Text::from(version.as_str())))
        .with("tokens", Value::Count(slots.found.len()))
        .with("blank", Value::Count(slots.found.iter().filter(|found| found.identity.blank).count()));
    let busy = slots.unsettled.then(|| {
        let what = format!("{named}: another process is writing a token, so that one may be missing here");
        of_module(Finding::warning(Check::Module, what).cure("look again when it has finished"))
    });
    let unread = slots.unread.iter().map(|(_, error)| error);
    let problems = slots
        .problems
        .iter()
        .chain(unread)
        .map(|error| of_module(Finding::failure(Check::Module, error).or_cure(CURE)));
    [loads].into_iter().chain(busy).chain(problems).collect()
}

fn tokens(found: &[Found]) -> String {
    let blank = found.iter().filter(|found| found.identity.blank).count();
    let of_them = match blank {
        0 => String::new(),
        blank => format!(", {blank} blank"),
    };
    match found.len() {
        0 => "no token with a PIN".into(),
        1 => format!("1 token{of_them}"),
        several => format!("{several} tokens{of_them}"),
    }
}
