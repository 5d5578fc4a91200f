//! The book as such: its table of contents, its links, its blocks and its pictures' words.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use super::page::Page;
use crate::support::schema;

/// The book's blocks are in one of these; `text` is what is neither run nor read by a program.
const LANGUAGES: [&str; 6] = ["console", "sh", "toml", "json", "ini", "text"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The landing page and every page below `docs`.
pub fn pages() -> Vec<Page> {
    let mut paths = vec![PathBuf::from("README.md")];
    collect(&root().join("docs"), &mut paths);
    paths.sort();
    paths.iter().map(|path| Page::read(path.to_str().unwrap())).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
}

/// Where a link of `page` leads: a path below the root, and the anchor there.
fn target(page: &Page, link: &str) -> (PathBuf, Option<String>) {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor.to_owned())));
    let from = Path::new(&page.path);
    let joined = if path.is_empty() { from.to_owned() } else { from.parent().unwrap().join(path) };
    let mut plain = PathBuf::new();
    for part in joined.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{}: {link} leads out of the repository", page.path),
            part => plain.push(part),
        }
    }
    (plain, anchor)
}

/// The anchor that mdBook and the usual web pages of repositories make of a title.
fn anchor(title: &str) -> String {
    let kept = title.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|character| character.is_alphanumeric() || ['-', '_'].contains(character)).collect()
}

#[test]
fn the_table_of_contents_has_every_page_once() {
    let summary = Page::read("docs/SUMMARY.md");
    let listed: Vec<PathBuf> = summary.links.iter().map(|link| target(&summary, &link.target).0).collect();
    let once: BTreeSet<&PathBuf> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice: {listed:?}");
    for page in pages().iter().filter(|page| !["README.md", "docs/SUMMARY.md"].contains(&page.path.as_str())) {
        assert!(once.contains(&PathBuf::from(&page.path)), "{} is an orphan", page.path);
    }
}

#[test]
fn every_link_leads_somewhere_and_every_anchor_is_there() {
    let pages = pages();
    let mut seen = 0;
    for page in &pages {
        for link in page.links.iter().filter(|link| !link.target.contains("://")) {
            seen += 1;
            let (path, wanted) = target(page, &link.target);
            assert!(root().join(&path).exists(), "{}: {} is not there", page.path, link.target);
            let Some(wanted) = wanted else { continue };
            let titles = &pages.iter().find(|page| Path::new(&page.path) == path).unwrap().headings;
            let there = titles.iter().any(|(_, title)| anchor(title) == wanted);
            assert!(there, "{}: {} has no such title", page.path, link.target);
        }
    }
    assert!(seen > 30, "only {seen} links were found");
}

/// The book is one folder: what lies beside it is not there where it is read.
#[test]
fn no_page_of_the_book_leads_out_of_it() {
    for page in pages().iter().filter(|page| page.path.starts_with("docs/")) {
        for link in page.links.iter().filter(|link| !link.target.contains("://")) {
            assert!(target(page, &link.target).0.starts_with("docs"), "{}: {}", page.path, link.target);
        }
    }
}

#[test]
fn every_block_says_its_language() {
    for page in pages() {
        for block in page.blocks() {
            let said = LANGUAGES.contains(&block.language.as_str());
            assert!(said, "{}:{}: {:?} is none of {LANGUAGES:?}", page.path, block.line, block.language);
        }
    }
}

#[test]
fn every_page_has_one_title_and_it_comes_first() {
    for page in pages().iter().filter(|page| page.path != "docs/SUMMARY.md") {
        let titles = page.headings.iter().filter(|(level, _)| *level as usize == 1).count();
        assert_eq!((titles, page.text.starts_with("# ")), (1, true), "{}", page.path);
    }
}

#[test]
fn every_picture_says_in_words_what_it_shows() {
    let pages = pages();
    let pictures: Vec<_> = pages.iter().flat_map(|page| &page.links).filter(|link| link.picture).collect();
    assert!(pictures.len() >= 3, "the pictures are gone");
    for picture in pictures {
        assert!(picture.text.len() > 40, "{}: {:?}", picture.target, picture.text);
    }
}

#[test]
fn json_in_the_book_is_what_the_schema_has() {
    for page in pages() {
        for block in page.blocks().filter(|block| block.language == "json") {
            for line in block.text.lines() {
                let object = serde_json::from_str(line).unwrap_or_else(|why| panic!("{}: {why}: {line}", page.path));
                let held = schema::alternative(&object);
                held.unwrap_or_else(|why| panic!("{}:{}: {why}: {line}", page.path, block.line));
            }
        }
    }
}
