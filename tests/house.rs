//! The house itself: who imports whom, who may use which crate, and how a source file looks.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The layers of `src/lib.rs`, each with its rooms.
const LAYERS: [(&str, &[&str]); 6] = [
    ("ground", &["child"]),
    ("core", &["token", "selector", "secret", "challenge", "error", "finding"]),
    ("decisions", &["operation", "policy"]),
    ("devices", &["device"]),
    ("edges", &["cli", "config", "input", "ledger", "render"]),
    ("spine", &["run", "interrupt", "command"]),
];

/// The edges that may import another edge: what was typed becomes sources and settings, what was generated is shown, or kept where
/// state is.
const BETWEEN_EDGES: [(&str, &str); 4] =
    [("cli", "config"), ("cli", "input"), ("render", "input"), ("render", "config")];

/// A source file: its path below `src`, and its code without comments.
struct Source {
    path: PathBuf,
    text: String,
    code: String,
}

impl Source {
    /// The room it belongs to: `device` for `device/card/piv.rs`.
    fn room(&self) -> String {
        self.path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
    }

    /// How many modules lie above its own, the root of the crate included: 1 for `cli.rs`, 2 for `cli/pin.rs`.
    fn depth(&self) -> usize {
        self.path.iter().count()
    }

    fn is_below(&self, place: &str) -> bool {
        self.path.starts_with(place)
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// The Rust files below a folder.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let paths = below(&src);
    assert!(paths.len() > 40, "these are not all sources: {paths:?}");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        Source { path: path.strip_prefix(&src).unwrap().to_owned(), text, code }
    };
    paths.into_iter().map(read).collect()
}

fn layer(room: &str) -> &'static str {
    let found = LAYERS.iter().find(|(_, rooms)| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("{room} stands in no layer of the table")).0
}

/// Whether `room` may import `other`.
fn may_import(room: &str, other: &str) -> bool {
    let (from, to) = (layer(room), layer(other));
    match from {
        _ if room == other => true,
        "ground" => false,
        "core" => to == "core",
        "devices" => ["ground", "core"].contains(&to),
        "decisions" => ["core", "decisions"].contains(&to),
        "edges" => ["ground", "core", "decisions"].contains(&to) || BETWEEN_EDGES.contains(&(room, other)),
        "spine" => true,
        other => panic!("no such layer: {other}"),
    }
}

/// The rooms of the crate that code at `depth` imports or names by path, in braces or not, from `crate` or by `super`.
fn imports(code: &str, depth: usize, known: &[String]) -> Vec<String> {
    let mut rooms = Vec::new();
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
    };
    let heads = |rest: &str| -> Vec<String> {
        let Some(inside) = rest.strip_prefix('{') else { return vec![word(rest)] };
        let (mut open, mut begins, mut heads) = (1, true, Vec::new());
        for (at, character) in inside.char_indices() {
            if begins && open == 1 && character.is_alphabetic() {
                heads.push(word(&inside[at..]));
                begins = false;
            }
            match character {
                '{' => open += 1,
                '}' => open -= 1,
                ',' if open == 1 => begins = true,
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        heads
    };
    for root in ["crate::".to_owned(), "pukka::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&root) {
            let boundary = code[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
            if boundary && !code[..at].ends_with("super::") {
                rooms.extend(heads(&code[at + root.len()..]).into_iter().filter(|head| known.contains(head)));
            }
        }
    }
    rooms
}

fn rooms() -> Vec<String> {
    LAYERS.iter().flat_map(|(_, rooms)| rooms.iter().map(ToString::to_string)).collect()
}

#[test]
fn imports_are_read_in_every_form_they_are_written_in() {
    let known = rooms();
    let read = |code: &str, depth: usize| imports(code, depth, &known);
    assert_eq!(read("use crate::device::Route;", 1), ["device"]);
    assert_eq!(read("use crate::{\n    error::{Error, run},\n    run::{self, Call},\n};", 2), ["error", "run"]);
    assert_eq!(read("fn a() -> crate::cli::Cli {}", 3), ["cli"]);
    assert_eq!(read("use super::super::device::Route;", 2), ["device"]);
    assert_eq!(read("use super::token::Verb;", 2), Vec::<String>::new(), "cli/token.rs, not the domain");
}

#[test]
fn nobody_imports_what_the_table_of_the_house_forbids() {
    let known = rooms();
    let mut seen = 0;
    for source in sources().iter().filter(|source| !["main", "lib"].contains(&source.room().as_str())) {
        for other in imports(&source.code, source.depth(), &known) {
            seen += 1;
            assert!(may_import(&source.room(), &other), "{} imports {other}", source.name());
        }
    }
    assert!(seen > 100, "only {seen} imports were found");
}

#[test]
fn every_room_stands_in_the_table_and_the_page_of_the_crate_says_the_same() {
    let sources = sources();
    let library = sources.iter().find(|source| source.name() == "lib.rs").unwrap();
    let declared: Vec<&str> =
        library.code.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    for room in &declared {
        layer(room);
    }
    assert_eq!(declared.len(), rooms().len(), "{declared:?}");
    for (layer, rooms) in LAYERS {
        let names: Vec<String> = rooms.iter().map(|room| format!("[`{room}`]")).collect();
        let row = format!("//! | {layer} | {} |", names.join(", "));
        assert!(library.text.contains(&row), "src/lib.rs has no row {row}");
    }
}

/// Asserts that `word` stands in code below `places` and nowhere else.
fn only_in(word: &str, places: &[&str]) {
    let sources = sources();
    let users: Vec<&Source> = sources.iter().filter(|source| uses(&source.code, word)).collect();
    assert!(!users.is_empty(), "nobody uses {word}: this rule holds nothing");
    for user in users {
        assert!(places.iter().any(|place| user.is_below(place)), "{} uses {word}", user.name());
    }
}

/// Whether `word` stands there as a whole.
fn uses(code: &str, word: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(part) && !code[at + word.len()..].chars().next().is_some_and(part)
    })
}

#[test]
fn only_devices_know_pkcs11_and_pc_sc() {
    only_in("cryptoki_sys", &["device/pkcs11.rs", "device/pkcs11"]);
    only_in("pcsc::", &["device/card"]);
}

#[test]
fn only_cards_know_ciphers() {
    for cipher in ["aes", "cbc", "des"] {
        only_in(cipher, &["device/card/cipher.rs"]);
    }
}

#[test]
fn only_the_command_line_knows_clap() {
    only_in("clap", &["cli.rs", "cli", "main.rs"]);
    only_in("clap_complete", &["cli.rs", "cli"]);
}

#[test]
fn only_one_file_is_unsafe() {
    only_in("unsafe", &["device/pkcs11/raw.rs"]);
}

#[test]
fn a_program_is_started_in_one_way() {
    only_in("posix_spawn", &["child.rs"]);
    // A test makes itself a neighbour.
    let starts = |source: &&Source| source.code.split("#[cfg(test)]").next().unwrap().contains("Command::new");
    assert_eq!(sources().iter().filter(starts).map(Source::name).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn only_secrets_lie_in_pages_of_their_own() {
    only_in("memmap2", &["secret"]);
    only_in("mlockall", &["device/process.rs"]);
}

#[test]
fn only_input_changes_the_terminal() {
    only_in("termios", &["input"]);
    only_in("tcsetattr", &["input"]);
}

#[test]
fn decisions_and_core_do_no_input_or_output() {
    for source in sources().iter().filter(|source| matches!(layer_of(source), Some("core" | "decisions"))) {
        let io =
            ["std::fs", "std::io", "std::net", "std::process", "std::env", "nix", "File", "Command::new", "println"];
        for word in io {
            assert!(!uses(&source.code, word), "{} uses {word}", source.name());
        }
        let grouped =
            source.code.split("use std::{").nth(1).and_then(|rest| rest.split("};").next()).unwrap_or_default();
        for word in ["fs", "io", "net", "process", "env"] {
            assert!(!uses(grouped, word), "{} imports std::{word}", source.name());
        }
    }
}

fn layer_of(source: &Source) -> Option<&'static str> {
    let room = source.room();
    (!["main", "lib"].contains(&room.as_str())).then(|| layer(&room))
}

#[test]
fn no_file_of_the_sources_or_the_tests_is_longer_than_500_lines() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let lengths = sources().into_iter().map(|source| (source.name(), source.text.lines().count())).chain(
        below(&tests)
            .into_iter()
            .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap().lines().count())),
    );
    let long: Vec<(String, usize)> = lengths.filter(|(_, lines)| *lines > 500).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn every_source_file_opens_with_one_sentence_that_says_what_it_is() {
    for source in sources() {
        let first = source.text.lines().next().unwrap_or_default();
        let sentence = first.strip_prefix("//! ").unwrap_or_else(|| panic!("{} opens with {first:?}", source.name()));
        assert!(sentence.len() > 10, "{} opens with {first:?}", source.name());
    }
}

#[test]
fn there_is_no_room_for_things_that_belong_nowhere() {
    for source in sources() {
        let stem = source.path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(!["util", "utils", "common", "helpers", "misc"].contains(&stem.as_str()), "{}", source.name());
    }
}
