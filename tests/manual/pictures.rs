//! The pictures of the manual, made anew from real runs: one that shows something else than a run does fails.
//!
//! `make pictures` writes those that differ. `anstyle-svg` draws them.

use std::{fmt::Write, path::Path};

use anstyle::{Color, RgbColor};
use anstyle_svg::{Palette, Term, WIN10_CONSOLE};
use snapbox::{Assert, Data, data::DataFormat};

use super::bench::Bench;

/// What a picture shows: its bench, what happened before, and each command with the questions it asks and what is typed there.
struct Picture<'a> {
    name: &'a str,
    bench: &'a [&'a str],
    before: &'a [&'a str],
    calls: &'a [(&'a str, &'a [(&'a str, &'a str)])],
}

/// Colours that can be read on a dark ground, which stands out from a light page and a dark one alike.
const GROUND: RgbColor = RgbColor(0x1b, 0x1f, 0x24);
const TEXT: RgbColor = RgbColor(0xe6, 0xe8, 0xeb);

fn palette() -> Palette {
    let Palette(mut colours) = WIN10_CONSOLE;
    // The eight bright ones for both: the darker red is hard to read on any dark ground.
    colours.copy_within(8.., 0);
    Palette(colours)
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
        let term = Term::new().palette(palette()).fg_color(Color::Rgb(TEXT)).bg_color(Color::Rgb(GROUND));
        let svg = term.render_svg(shown.trim_end());
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
    let verify = "pukka pin verify";
    Picture {
        name: "error.svg",
        bench: &["piv"],
        before: &[],
        calls: &[
            (verify, &[("PIN of piv 5437251 (3 tries left): ", "271828")]),
            (verify, &[("PIN of piv 5437251 (2 tries left): ", "314159")]),
        ],
    }
    .is_what_a_run_shows();
}

#[test]
fn the_picture_of_a_guided_unblock_is_what_a_run_shows() {
    let block = "for i in 1 2 3; do pukka pin verify --pin env:WRONG_PIN --allow-last-try; done";
    let talk: &[(&str, &str)] = &[
        ("Your choice (1 or q): ", "1"),
        ("PUK of piv 5437251 (it does not tell how many tries are left): ", "12345678"),
        ("New PIN of piv 5437251 (6 to 8 digits): ", "584017"),
        ("The same new PIN again: ", "584017"),
    ];
    Picture { name: "unblock.svg", bench: &["piv"], before: &[block], calls: &[("pukka", talk)] }.is_what_a_run_shows();
}
