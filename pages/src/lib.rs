//! The man pages of pukka: what its command line says of itself, and what only the page of the program as a whole says.

pub mod facts;
pub mod prose;

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use pukka::cli::Cli;
use roff::{Inline, Roff, bold, italic, roman};

/// What an example begins with in the help of a command.
const EXAMPLE: &str = "Example: ";

/// Every page, with its file's name.
///
/// # Errors
/// Those of the writer, which is a buffer in memory.
pub fn manual() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut program = Cli::command();
    program.build();
    let mut pages = Vec::new();
    add(&program, &program, &mut pages)?;
    Ok(pages)
}

fn add(program: &Command, command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    pages.push((format!("{name}.1"), page(program, command)?));
    command.get_subcommands().try_for_each(|below| add(program, below, pages))
}

/// The page of a command; that of the program has what holds for all of them.
fn page(program: &Command, command: &Command) -> io::Result<Vec<u8>> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let is_program = name == program.get_name();
    // What each command takes is told once, on the page of the program.
    let own = command
        .clone()
        .mut_args(|argument| if is_program || !argument.is_global_set() { argument } else { argument.hide(true) });
    let own = own.override_usage(usage(command, is_program)).subcommand_help_heading("COMMANDS");
    let man = Man::new(own);
    let mut page = title(&name, program.get_version().unwrap_or_default());
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    said_after(command).to_writer(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    man.render_options_section(&mut page)?;
    examples(command, is_program).to_writer(&mut page)?;
    if is_program { facts::sections() } else { facts::elsewhere() }.to_writer(&mut page)?;
    see_also(command, &name).to_writer(&mut page)?;
    Ok(page)
}

/// The title line, without a date, so that the same sources give the same page; clap_mangen would leave the empty field out, and
/// the next one would stand in its place.
fn title(name: &str, version: &str) -> Vec<u8> {
    format!(".TH {} 1 \"\" \"pukka {version}\" \"PIN administration\"\n", name.to_uppercase()).into_bytes()
}

/// How it is called: its own options, which a list of all that every command takes would bury.
fn usage(command: &Command, is_program: bool) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let own = command.get_arguments().filter(|argument| !argument.is_global_set() && !argument.is_hide_set());
    let shown = own.filter(|argument| !["help", "version"].contains(&argument.get_id().as_str())).map(|argument| {
        let value = argument.get_value_names().and_then(<[_]>::first).filter(|_| argument.get_action().takes_values());
        let words: Vec<String> = argument
            .get_long()
            .map(|long| format!("--{long}"))
            .into_iter()
            .chain(value.map(ToString::to_string))
            .collect();
        if argument.is_required_set() { words.join(" ") } else { format!("[{}]", words.join(" ")) }
    });
    let mut words: Vec<String> = [name.to_owned()].into_iter().chain(shown).chain(["[OPTION]...".to_owned()]).collect();
    if command.has_subcommands() {
        words.push(if is_program { "COMMAND".into() } else { "VERB".into() });
    }
    words.join(" ")
}

/// What there is to say beyond the first line: here alone, and behind the options of the help.
fn said_after(command: &Command) -> Roff {
    let mut roff = Roff::new();
    for paragraph in prose::of(command.get_bin_name().unwrap_or_else(|| command.get_name())) {
        roff.control("PP", []).text([roman(*paragraph)]);
    }
    let said = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for line in said.lines().filter(|line| !line.starts_with(EXAMPLE)) {
        roff.control("PP", []).text([roman(line)]);
    }
    roff
}

/// The examples of a command; of one that has verbs, those of its verbs.
fn examples(command: &Command, is_program: bool) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    let below: Vec<&Command> = match command.has_subcommands() && !is_program {
        true => command.get_subcommands().collect(),
        false => vec![command],
    };
    for command in below {
        let said = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let about = command.get_about().filter(|_| !is_program).map(ToString::to_string);
        for example in said.lines().filter_map(|line| line.strip_prefix(EXAMPLE)) {
            example_of(&mut roff, about.as_deref().unwrap_or("What is plugged in, and in what state"), example);
        }
    }
    if is_program {
        for (what, example) in facts::EXAMPLES {
            example_of(&mut roff, what, example);
        }
    }
    roff
}

fn example_of(roff: &mut Roff, what: &str, example: &str) {
    roff.control("PP", []).text([roman(format!("{what}:"))]);
    roff.control("PP", []).control("RS", ["4"]).control("nf", []);
    roff.text([bold(example)]);
    roff.control("fi", []).control("RE", []);
}

/// The pages beside this one: of the program, of its own verbs or of those beside it.
fn see_also(command: &Command, name: &str) -> Roff {
    let mut pages: Vec<String> = match name.rsplit_once('-') {
        Some(_) if name != "pukka" => vec!["pukka(1)".into()],
        _ => Vec::new(),
    };
    if name != "pukka" {
        pages.extend(command.get_subcommands().filter_map(|verb| Some(format!("{}(1)", verb.get_display_name()?))));
    } else {
        pages.extend(["pcscd(8)", "pkcs11-tool(1)", "p11-kit(8)", "softhsm2-util(1)"].map(str::to_owned));
    }
    let mut roff = Roff::new();
    let line: Vec<Inline> = pages
        .iter()
        .enumerate()
        .flat_map(|(index, page)| {
            let (page, section) = page.split_once('(').unwrap_or((page, ""));
            let end = if index + 1 < pages.len() { format!("({section}, ") } else { format!("({section}") };
            [bold(page), roman(end)]
        })
        .collect();
    roff.control("SH", ["SEE ALSO"]).text(line);
    roff
}

/// A list of terms and what each means.
fn terms<'a>(roff: &mut Roff, heading: &str, opens: &str, terms: impl IntoIterator<Item = (String, &'a str)>) {
    roff.control("SH", [heading]);
    if !opens.is_empty() {
        roff.text([roman(opens)]);
    }
    for (term, meaning) in terms {
        roff.control("TP", []).text([italic(term)]).text([roman(meaning)]);
    }
}
