//! The pictures of the manual, made anew from real runs: one that shows something else than a run does fails.
//!
//! `make pictures` writes those that differ. `anstyle-svg` draws them.

use std::{fmt::Write, path::Path};

use anstyle_svg::Term;
use snapbox::{Assert, Data, data::DataFormat};

use super::bench::Bench;

/// What a picture shows: its bench, what happened before, and each command with the questions it asks and what is typed there.
struct Picture<'a> {
    name: &'a str,
    bench: &'a [&'a str],
    before: &'a [&'a str],
    calls: &'a [(&'a str, &'a [(&'a str, &'a str)])],
}

const PROMPT: &str = "\x1b[32m$\x1b[0m ";

impl Picture<'_> {
    /// Runs its calls, and compares it with what is there; with `SNAPSHOTS=overwrite` it is written.
    #[track_caller]
    fn is_what_a_run_shows(&self) {
        let words: Vec<String> = self.bench.iter().chain(&["colours"]).map(ToString::to_string).collect();
        let mut bench = Bench::new(&words);
        for command in self.before {
            bench.run(command, &[]);
        }
        let mut shown = String::new();
        for (call, questions) in self.calls {
            let owned = |(question, answer): &(&str, &str)| ((*question).to_owned(), (*answer).to_owned());
            let (_, shows) = bench.run(call, &questions.iter().map(owned).collect::<Vec<_>>());
            write!(shown, "{PROMPT}{call}\n{shows}").unwrap();
        }
        let svg = Term::new().min_width_px(640).render_svg(shown.trim_end());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures").join(self.name);
        let there = Data::read_from(&path, Some(DataFormat::Text)).raw();
        let compared = Assert::new().action_env("SNAPSHOTS").try_eq(Some(&self.name), Data::text(svg), there);
        if let Err(difference) = compared {
            panic!("docs/pictures/{} shows something else than a run: make pictures\n{difference}", self.name);
        }
    }
}

#[test]
fn the_picture_of_status_is_what_a_run_shows() {
    Picture { name: "status.svg", bench: &["piv"], before: &[], calls: &[("pukka status", &[])] }.is_what_a_run_shows();
}

#[test]
fn the_picture_of_an_error_is_what_a_run_shows() {
    let question = "PIN of piv in Virtual PCD 00 00 (3 tries left): ";
    let wrong: &[(&str, &str)] = &[(question, "271828")];
    Picture { name: "error.svg", bench: &["piv"], before: &[], calls: &[("pukka pin verify", wrong)] }.is_what_a_run_shows();
}
