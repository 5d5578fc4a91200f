//! The manual: README.md and every page of `docs/`, as a book and as calls that do what the page shows.
//!
//! Every command of a `console` block is typed into a shell on a real terminal, at a bench of its own, in the page's order, and
//! what is shown is compared with what the page shows; `…` there stands for anything. Comments, which no reader sees, say what
//! the words cannot:
//!
//! * `<!-- bench: piv -->`: from here on a new home, and this on it (see `bench.rs`);
//! * `<!-- before: COMMAND -->`: what happened before, and is not shown;
//! * `<!-- file: NAME -->`: the next block is in the home under this name;
//! * `<!-- typed: A, B -->`: what is typed at the questions of the next block, in order; `{response}` is the help desk's answer to the
//!   challenge that was shown last.
//!
//! A block in `sh` is run whole and has to succeed. Not `trycmd`: it starts a program a line, without a shell between them, without a
//! terminal and with nobody who types; its comparison and its difference are `snapbox`, which is what compares here too.

mod bench;
mod book;
mod calls;
mod page;
mod pictures;
mod shell;

use snapbox::{Assert, Data, assert::Action};

use bench::Bench;
use page::{Block, Page, Step};

/// The pages that have commands, each by a test of its own so that they run side by side.
macro_rules! pages {
    ($($test:ident: $path:literal,)*) => {
        /// Every page with a test.
        const PAGES: &[&str] = &[$($path),*];
        $(
            #[test]
            fn $test() {
                run(&Page::read($path));
            }
        )*
    };
}

pages! {
    the_landing_page_shows_what_happens: "README.md",
    the_commands_of_the_first_page_are_there: "docs/introduction.md",
    the_holders_page_shows_what_happens: "docs/holder.md",
    the_page_of_the_help_desk_shows_what_happens: "docs/help-desk.md",
    the_page_of_issuance_shows_what_happens: "docs/issuance.md",
    the_page_of_commands_shows_what_happens: "docs/commands.md",
    the_page_of_exit_codes_shows_what_happens: "docs/exit-codes.md",
    the_page_of_json_shows_what_happens: "docs/json.md",
    the_page_of_profiles_shows_what_happens: "docs/profiles.md",
    the_page_of_the_policy_shows_what_happens: "docs/policy.md",
    the_page_of_sources_shows_what_happens: "docs/sources.md",
    the_page_of_threats_shows_what_happens: "docs/threats.md",
    the_page_of_operations_shows_what_happens: "docs/operations.md",
    the_page_of_modules_shows_what_happens: "docs/modules.md",
    the_page_of_cost_shows_what_happens: "docs/performance.md",
}

/// Runs a page from its top to its end.
#[track_caller]
fn run(page: &Page) {
    let (mut bench, mut wrong) = (Bench::new(&[]), Vec::new());
    for step in &page.steps {
        match step {
            Step::Bench(words) => bench = Bench::new(words),
            Step::Before(command) => {
                bench.run(command, &[]);
            }
            Step::Block(block) => match block.language.as_str() {
                "console" => wrong.extend(converse(page, block, &mut bench)),
                "sh" => {
                    let (code, shown) = bench.run(&format!("(set -e\n{}\n)", block.text), &[]);
                    if code != 0 {
                        wrong.push(format!("{}:{}: exit {code}\n{shown}", page.path, block.line));
                    }
                }
                _ => bench.file(block),
            },
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Types each command of a block, answers its questions, and compares what is shown. Returns what is not as the page has it.
#[track_caller]
fn converse(page: &Page, block: &Block, bench: &mut Bench) -> Vec<String> {
    let (mut typed, mut wrong) = (block.typed.iter(), Vec::new());
    for call in block.calls() {
        let questions = call.questions(&mut typed);
        let (code, shown) = bench.run(&call.command, &questions);
        let place = format!("{}:{}: {}", page.path, call.line, call.command);
        let pattern = format!("\n{}", call.shows).replace("\n…\n", "\n...\n").replace('…', "[..]");
        let pattern = Data::text(pattern.trim_start_matches('\n'));
        if let Err(difference) = Assert::new().action(Action::Verify).try_eq(None, Data::text(&shown), pattern) {
            wrong.push(format!("{place}: exit {code}\n{difference}\nwhole:\n{shown}"));
        }
        let fails = call.shows.lines().any(|line| line.starts_with("error: ") || line.contains("\"error\":{"));
        if (code != 0) != fails {
            wrong.push(format!("{place}: exit {code}, which is not what the page shows"));
        }
    }
    assert_eq!(typed.next(), None, "{}:{}: more is typed than is asked for", page.path, block.line);
    wrong
}

/// What is found wrong with a page of one block.
fn found(block: &str) -> Vec<String> {
    let page = Page::parse("a page", format!("# A page\n\n```console\n{block}```\n"));
    converse(&page, page.blocks().next().unwrap(), &mut Bench::new(&[]))
}

#[test]
fn a_page_that_shows_something_else_is_found_out() {
    let right =
        found("$ echo one; echo two 2\none\ntwo …\n$ false; echo error: $?\nerror: 1\n$ ls /nowhere; echo $?\n…\n2\n");
    assert_eq!(right.len(), 1, "an error that is shown where none was: {right:?}");
    assert_eq!(found("$ echo one\ntwo\n").len(), 1, "another output");
    assert_eq!(found("$ echo one\n").len(), 1, "output that the page does not show");
    assert_eq!(found("$ false\n").len(), 1, "a failure that the page does not show");
    assert_eq!(found("$ export A=b; cd /\n$ echo $A; pwd\nb\n/\n"), Vec::<String>::new(), "one shell for all");
}
