//! No call escapes: a second look at the pages, a dumb one, finds each call in their lines, and each was run or is at least one that
//! the command line takes.

use std::collections::BTreeSet;

use clap::{Parser, error::ErrorKind};
use pukka::cli::Cli;

use super::{PAGES, book::pages, page::Page};

/// What stands for a value in text, and one that does.
const PLACEHOLDERS: [(&str, &str); 7] = [
    ("SOURCE", "prompt"),
    ("HEX", "0011223344556677"),
    ("SECONDS", "5"),
    ("SHELL", "bash"),
    ("N", "3"),
    ("ROLE", "puk"),
    ("…", ""),
];

/// Whether the command line takes it as it stands.
fn parses(call: &str) -> Result<(), String> {
    let plain = call.replace(['[', ']'], "");
    let words = shlex::split(&plain).ok_or("quotes")?;
    let filled = words
        .into_iter()
        .map(|word| PLACEHOLDERS.iter().find(|(name, _)| *name == word).map_or(word, |(_, value)| (*value).to_owned()));
    match Cli::try_parse_from(filled.filter(|word| !word.is_empty())) {
        Ok(cli) => cli.asked().map(drop).map_err(|error| error.to_string()),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// The lines of a page that a shell runs: every command of `console` blocks, and `sh` blocks as a whole.
fn lines_that_run(page: &Page) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    for block in page.blocks() {
        match block.language.as_str() {
            "console" => lines.extend(block.calls().iter().flat_map(|call| call.line..call.line + call.lines)),
            "sh" => lines.extend(block.line..block.line + block.text.lines().count()),
            _ => {}
        }
    }
    lines
}

/// Where a call begins in a line, if there is one: the word `pukka` with a blank and another word behind it.
fn call_in(line: &str) -> Option<&str> {
    let at = line.find("pukka ")?;
    let alone =
        line[..at].chars().next_back().is_none_or(|before| before.is_whitespace() || "/(\"'`=".contains(before));
    alone.then(|| &line[at..])
}

#[test]
fn no_call_in_a_block_escapes_the_tests() {
    let mut seen = 0;
    for page in pages() {
        let runs = lines_that_run(&page);
        let (mut inside, mut shell) = (false, false);
        for (number, line) in page.text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
            if let Some(info) = line.trim_start().strip_prefix("```") {
                inside = !inside;
                shell = inside && ["console", "sh"].contains(&info);
                continue;
            }
            let line = line.trim_start();
            let (begins, call) = match line.strip_prefix("$ ").or(line.strip_prefix("> ").filter(|_| inside)) {
                Some(typed) => (call_in(typed), true),
                None => (call_in(line).filter(|_| inside && (!shell || runs.contains(&number))), false),
            };
            let Some(begins) = begins else { continue };
            seen += 1;
            let runs = runs.contains(&number);
            assert!(runs || !(call || shell), "{}:{number}: nobody runs {line}", page.path);
            // In a unit, say, or in a string of JSON.
            if !runs {
                let begins = begins.split('"').next().unwrap_or_default();
                parses(begins).unwrap_or_else(|why| panic!("{}:{number}: {begins}: {why}", page.path));
            }
        }
    }
    assert!(seen > 50, "only {seen} calls were found");
}

#[test]
fn every_call_within_the_text_is_one_that_the_command_line_takes() {
    let mut read = 0;
    for page in pages() {
        for (line, code) in page.inline.iter().filter(|(_, code)| code.starts_with("pukka ")) {
            read += 1;
            parses(code).unwrap_or_else(|why| panic!("{}:{line}: {code}: {why}", page.path));
        }
    }
    // The dumb way to count them.
    let dumb = |page: &Page| {
        let mut inside = false;
        let count = |line: &str| {
            inside ^= line.trim_start().starts_with("```");
            if inside { 0 } else { line.matches("`pukka ").count() }
        };
        page.text.lines().map(count).sum::<usize>()
    };
    assert_eq!(read, pages().iter().map(dumb).sum::<usize>(), "calls that the parser of the pages did not see");
    assert!(read > 30, "only {read} calls were found");
}

#[test]
fn what_is_no_call_is_found_to_be_none() {
    for wrong in ["pukka pin chnge", "pukka pin change --pin 123456", "pukka pin change --pni prompt"] {
        assert!(parses(wrong).is_err(), "{wrong}");
    }
    assert_eq!(call_in("ExecStart=/usr/bin/pukka pin verify"), Some("pukka pin verify"));
    assert_eq!(call_in("of pukka itself"), Some("pukka itself"), "a word for a page to put otherwise");
    assert_eq!(call_in("/etc/pukka/config.toml"), None);
}

#[test]
fn every_page_with_commands_has_a_test_that_runs_them() {
    for page in pages() {
        let runs = page.blocks().any(|block| ["console", "sh"].contains(&block.language.as_str()));
        assert!(!runs || PAGES.contains(&page.path.as_str()), "nobody runs the commands of {}", page.path);
    }
}
