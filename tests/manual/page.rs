//! A page of the manual: what stands in it, in order.

use std::{fs, path::Path, slice::Iter};

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// A page.
pub struct Page {
    /// Below the root of the repository.
    pub path: String,
    pub text: String,
    pub steps: Vec<Step>,
    /// Code within the text, each with its line.
    pub inline: Vec<(usize, String)>,
    /// Where links and pictures lead; the second word is the text that stands for a picture.
    pub links: Vec<Link>,
    /// The titles, as they are read.
    pub headings: Vec<(HeadingLevel, String)>,
}

/// A link or a picture.
pub struct Link {
    pub target: String,
    pub text: String,
    pub picture: bool,
}

/// What a page has for its reader at a terminal, or for its test.
pub enum Step {
    /// A new bench with this on it.
    Bench(Vec<String>),
    /// What is done beforehand and not shown.
    Before(String),
    Block(Block),
}

/// A block of code.
pub struct Block {
    pub language: String,
    pub text: String,
    /// The line of its first line.
    pub line: usize,
    /// What is typed at its questions.
    pub typed: Vec<String>,
    /// The file it stands in.
    pub file: Option<String>,
}

/// A command and what it shows.
pub struct Call {
    pub command: String,
    pub shows: String,
    /// The line of the page on which it begins, and how many it takes.
    pub line: usize,
    pub lines: usize,
}

impl Page {
    /// Reads one of the repository.
    #[track_caller]
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        Self::parse(path, text.unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    pub fn parse(path: &str, text: String) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            text: text.clone(),
            steps: Vec::new(),
            inline: Vec::new(),
            links: Vec::new(),
            headings: Vec::new(),
        };
        let line =
            |offset: usize| text[..offset].lines().count() + usize::from(text[..offset].ends_with('\n') || offset == 0);
        let (mut typed, mut file, mut words, mut link) = (Vec::new(), None, String::new(), None);
        let mut events = Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter();
        while let Some((event, range)) = events.next() {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => match comment(&html) {
                    Some(("bench", rest)) => {
                        page.steps.push(Step::Bench(rest.split_whitespace().map(str::to_owned).collect()));
                    }
                    Some(("before", rest)) => page.steps.push(Step::Before(rest.to_owned())),
                    Some(("typed", rest)) => typed = rest.split(',').map(|value| value.trim().to_owned()).collect(),
                    Some(("file", rest)) => file = Some(rest.to_owned()),
                    Some((other, _)) => panic!("{path}:{}: no such comment: {other}", line(range.start)),
                    None => {}
                },
                Event::Start(Tag::CodeBlock(kind)) => {
                    let (language, fence) = match kind {
                        CodeBlockKind::Fenced(info) => (info.to_string(), 1),
                        CodeBlockKind::Indented => (String::new(), 0),
                    };
                    let mut code = String::new();
                    for (event, _) in events.by_ref() {
                        match event {
                            Event::Text(part) => code.push_str(&part),
                            Event::End(TagEnd::CodeBlock) => break,
                            _ => {}
                        }
                    }
                    let (line, typed) = (line(range.start) + fence, std::mem::take(&mut typed));
                    page.steps.push(Step::Block(Block { language, text: code, line, typed, file: file.take() }));
                }
                Event::Code(code) => {
                    words.push_str(&code);
                    page.inline.push((line(range.start), code.to_string()));
                }
                Event::Text(part) => words.push_str(&part),
                Event::SoftBreak => words.push(' '),
                Event::Start(Tag::Heading { .. }) => words.clear(),
                Event::End(TagEnd::Heading(level)) => page.headings.push((level, std::mem::take(&mut words))),
                Event::Start(Tag::Link { dest_url, .. }) => {
                    link = Some((dest_url.to_string(), words.len()));
                }
                Event::Start(Tag::Image { dest_url, .. }) => {
                    link = Some((dest_url.to_string(), words.len()));
                }
                Event::End(end @ (TagEnd::Link | TagEnd::Image)) => {
                    let picture = end == TagEnd::Image;
                    if let Some((target, from)) = link.take() {
                        page.links.push(Link { target, text: words[from..].to_owned(), picture });
                    }
                }
                _ => {}
            }
        }
        page
    }

    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.steps.iter().filter_map(|step| match step {
            Step::Block(block) => Some(block),
            _ => None,
        })
    }
}

impl Block {
    /// The commands of a `console` block: behind `$ `, and behind `> ` what belongs to them; all else is what they show.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            let line_number = self.line + index;
            match (line.strip_prefix("$ "), line.strip_prefix("> "), calls.last_mut()) {
                (Some(command), _, _) => {
                    let command = command.to_owned();
                    calls.push(Call { command, shows: String::new(), line: line_number, lines: 1 });
                }
                (None, Some(more), Some(call)) if call.shows.is_empty() => {
                    call.command = format!("{}\n{more}", call.command);
                    call.lines += 1;
                }
                (None, _, Some(call)) => call.shows = format!("{}{line}\n", call.shows),
                (None, _, None) => panic!("line {line_number}: output without a command: {line}"),
            }
        }
        calls
    }
}

impl Call {
    /// The questions among what is shown, each with what is typed there: a line that ends in a colon or a question mark, with the
    /// answer behind it where the terminal shows one.
    pub fn questions(&self, typed: &mut Iter<String>) -> Vec<(String, String)> {
        let mut questions = Vec::new();
        let mut rest = typed.clone();
        for line in self.shows.lines() {
            let Some(answer) = rest.as_slice().first() else { break };
            let question = line.strip_suffix(&format!(" {answer}")).unwrap_or(line);
            if question.ends_with([':', '?', ']']) {
                // Of a question that has something random in it, what is behind that.
                let fixed = question.rsplit('…').next().unwrap_or_default();
                questions.push((fixed.to_owned(), answer.clone()));
                rest.next();
            }
        }
        *typed = rest;
        questions
    }
}

/// The word and the rest of `<!-- word: rest -->`; other comments are nobody's business.
fn comment(html: &str) -> Option<(&str, &str)> {
    let (word, rest) = html.trim().strip_prefix("<!--")?.strip_suffix("-->")?.split_once(':')?;
    Some((word.trim(), rest.trim()))
}
