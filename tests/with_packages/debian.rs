//! The Debian package, installed in a clean directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{done, files, is_found_by_man, shells_complete, sources, support, works};

const CONFIGURATION: &str = "etc/pukka/config.toml";

/// The one package that was built.
#[track_caller]
fn package() -> PathBuf {
    let built = fs::read_dir(sources().join("target/debian")).expect("`make deb` comes first");
    let built: Vec<PathBuf> = built.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(built.len(), 1, "{built:?}");
    built[0].clone()
}

/// A field of the package.
#[track_caller]
fn field(name: &str) -> String {
    done(Command::new("dpkg-deb").arg("--field").arg(package()).arg(name)).trim().to_owned()
}

/// A directory with nothing but an empty database of packages.
struct Root(TempDir);

impl Root {
    fn new() -> Self {
        let root = support::home();
        for directory in ["info", "updates"] {
            fs::create_dir_all(root.path().join("var/lib/dpkg").join(directory)).unwrap();
        }
        fs::write(root.path().join("var/lib/dpkg/status"), "").unwrap();
        Self(root)
    }

    /// dpkg there; the libraries that the package depends on are those of this machine.
    #[track_caller]
    fn dpkg(&self, arguments: &[&str]) -> String {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg("--root").arg(self.0.path()).args(["--force-depends", "--force-not-root", "--force-bad-path"]);
        done(dpkg.args(["--log", "/dev/null"]).args(arguments))
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// What is there beside the database.
    fn files(&self) -> Vec<PathBuf> {
        files(self.0.path()).into_iter().filter(|path| !path.starts_with("var/lib/dpkg")).collect()
    }
}

#[test]
fn what_the_package_installs_works_where_it_stands_and_a_purge_leaves_nothing() {
    let root = Root::new();
    root.dpkg(&["--install", package().to_str().unwrap()]);
    works(&root.at("usr/bin/pukka"));
    is_found_by_man(&root.at("usr/share/man"));
    shells_complete(&root.at("usr/share"), "zsh/vendor-completions");
    assert_eq!(root.dpkg(&["--verify", "pukka"]), "", "what is there differs from what was packed");
    let listed = root.dpkg(&["--listfiles", "pukka"]);
    for file in root.files() {
        assert!(listed.lines().any(|line| line == format!("/{}", file.display())), "{}", file.display());
    }

    // What the administrator wrote outlives everything but a purge.
    fs::write(root.at(CONFIGURATION), "wait = 9\n").unwrap();
    root.dpkg(&["--install", package().to_str().unwrap()]);
    root.dpkg(&["--remove", "pukka"]);
    assert_eq!(root.files(), [Path::new(CONFIGURATION)]);
    assert_eq!(fs::read_to_string(root.at(CONFIGURATION)).unwrap(), "wait = 9\n");
    root.dpkg(&["--purge", "pukka"]);
    assert_eq!(root.files(), Vec::<PathBuf>::new());
}

#[test]
fn the_package_says_what_it_needs_and_changes_nothing_of_how_pukka_behaves() {
    assert_eq!((field("Package").as_str(), field("Version").starts_with(env!("CARGO_PKG_VERSION"))), ("pukka", true));
    assert!(field("Depends").contains("libpcsclite1") && field("Depends").contains("libc6"), "{}", field("Depends"));
    assert!(field("Recommends").contains("pcscd"));
    let root = Root::new();
    root.dpkg(&["--install", package().to_str().unwrap()]);
    // A default of ours, said in the file, would be one that an upgrade cannot change.
    let configuration = fs::read_to_string(root.at(CONFIGURATION)).unwrap();
    let says = configuration.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    assert_eq!(says, None);
    assert!(!root.at("var/lib/pukka").exists(), "whether users share locks is for the administrator to say");
    for page in fs::read_dir(sources().join("target/pages/man")).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        assert!(root.at(&format!("usr/share/man/man1/{name}.gz")).is_file(), "{name} is not there, or not compressed");
    }
    for file in ["copyright", "README.md.gz", "docs/schema.json", "docs/pictures/status.svg"] {
        assert!(
            ["", ".gz"]
                .iter()
                .any(|end| root.at(&format!("usr/share/doc/pukka/{}{end}", file.trim_end_matches(".gz"))).is_file()),
            "{file}"
        );
    }
}

#[test]
fn the_program_is_stripped_and_as_small_as_the_page_of_costs_says() {
    let page = fs::read_to_string(sources().join("docs/performance.md")).unwrap();
    let said = page.lines().find_map(|line| line.strip_prefix("| `pukka`, stripped | ")?.split(' ').next()).unwrap();
    let most = said.parse::<f64>().unwrap() * 1e6 * 1.15;
    let root = Root::new();
    root.dpkg(&["--install", package().to_str().unwrap()]);
    let program = root.at("usr/bin/pukka");
    let bytes = fs::metadata(&program).unwrap().len();
    assert!((bytes as f64) < most, "{bytes} bytes, where {said} MB are stated");
    let sections = done(Command::new("readelf").args(["--wide", "--section-headers"]).arg(&program));
    assert!(sections.contains(".text") && !sections.contains(".symtab"), "it has its symbols: {sections}");
}
