//! The sentences of the dialogue: what is there, in what state it is, and what helps, for whoever has read no manual.

use std::borrow::Cow;

use super::{HINT, Listed, Listing, Render, talk};
use crate::{
    error::Error,
    operation::{Hint, Next, Way, advise, once_blocked},
    token::{Identity, Place, Reference, Retries, Role, State, Survey, Verb},
};

/// The columns that every terminal has.
const COLUMNS: usize = 80;

/// What tells where a policy is laid down.
const POLICY: &str = "pukka policy check";

/// What can be chosen.
pub struct Choice {
    /// What stands beside its number.
    what: String,
    /// What stands below it, line by line.
    below: Vec<String>,
}

impl Choice {
    /// A command, which nothing breaks, so that it can be pasted.
    pub fn command(what: String, command: &str) -> Self {
        Self { what, below: vec![command.to_owned()] }
    }

    /// A token, and what state it is in.
    pub fn token(identity: &Identity, state: &str) -> Self {
        // Beside the number, which is one digit as a rule.
        let below = textwrap::wrap(state, COLUMNS - 6).into_iter().map(Cow::into_owned).collect();
        Self { what: capitalised(&place(identity)), below }
    }
}

impl Render {
    /// Sentences of the dialogue, on lines of their own.
    pub fn say(self, sentences: &str) {
        textwrap::wrap(sentences, COLUMNS).iter().for_each(|line| talk(format_args!("{line}")));
    }

    /// A command on a line of its own, as it is typed: nothing breaks it, so that it can be pasted.
    pub fn command(self, command: &str) {
        talk(format_args!("  {}{command}{}", HINT.render(), HINT.render_reset()));
    }

    /// A command that is about to be run.
    pub fn runs(self, command: &str) {
        talk(format_args!("\n$ {}{command}{}", HINT.render(), HINT.render_reset()));
    }

    /// What can be chosen, by its number, and that nothing can.
    pub fn choices(self, choices: &[Choice], none: &str) {
        talk(format_args!(""));
        let width = choices.len().to_string().len();
        let margin = " ".repeat(width + 4);
        let numbered = |number: &str, what: &str| {
            let mut lines = textwrap::wrap(what, COLUMNS - margin.len()).into_iter();
            let first = lines.next().unwrap_or_default();
            talk(format_args!("  {}{number:>width$}{}  {first}", HINT.render(), HINT.render_reset()));
            lines.for_each(|line| talk(format_args!("{margin}{line}")));
        };
        for (index, Choice { what, below }) in choices.iter().enumerate() {
            numbered(&(index + 1).to_string(), what);
            below.iter().for_each(|line| talk(format_args!("{margin}{line}")));
        }
        numbered("q", none);
        talk(format_args!(""));
    }
}

/// The question behind so many choices.
pub fn question(choices: usize) -> String {
    match choices {
        1 => "Your choice (1 or q): ".into(),
        2 => "Your choice (1, 2 or q): ".into(),
        many => format!("Your choice (1 to {many}, or q): "),
    }
}

/// What is said to an answer that is none.
pub fn unclear(choices: usize) -> String {
    match choices {
        1 => "Type 1, or q for nothing.".into(),
        many => format!("Type a number from 1 to {many}, or q for nothing."),
    }
}

/// That nothing is there, what there is instead, and what to do.
pub fn nothing(instead: &str, cure: Option<&str>) -> String {
    let cure = cure.map(|cure| format!(" {}.", capitalised(cure))).unwrap_or_default();
    format!("No token is there: {instead}.{cure}")
}

/// That several tokens are there.
pub fn several(count: usize) -> String {
    let count = u8::try_from(count).map_or_else(|_| count.to_string(), number);
    capitalised(&format!("{count} tokens are there; which one is it about?"))
}

/// That one token is there.
pub fn there(identity: &Identity) -> String {
    capitalised(&format!("{} is there.", place(identity)))
}

/// That a token is lost; what puts it back stands below.
pub fn lost(identity: &Identity) -> String {
    format!("A write was cut off and took the token {identity} away. Its copy is kept; what puts it back is")
}

/// Who a token is and where it is: "PIV 5437251 in the reader Gemalto 00 00".
pub fn place(identity: &Identity) -> String {
    let name = identity.label.as_ref().or(identity.serial.as_ref()).map(|name| format!(" {name}")).unwrap_or_default();
    match &identity.place {
        Place::Reader(reader) => format!("{}{name} in the reader {reader}", identity.application.title()),
        Place::Slot { id, module } => {
            let module = module.file_name().map(|name| name.to_string_lossy().escape_debug().to_string());
            let of = module.map(|module| format!(" of {module}")).unwrap_or_default();
            match identity.blank {
                true => format!("a blank token in slot {id}{of}"),
                false => format!("the token{name} in slot {id}{of}"),
            }
        }
    }
}

/// What state a token is in, in sentences.
pub fn state(token: &Listed, survey: &Survey, next: &[Next]) -> String {
    if survey.identity.blank {
        return "It has no PIN yet: it has to be initialised first.".into();
    }
    let mut sentences: Vec<String> = next.iter().map(|next| of_pin(next, survey)).collect();
    let at_risk = next.iter().filter(|next| next.pin.retries.is_last() && next.pin.state != State::Blocked);
    sentences.extend(at_risk.map(|next| once_blocked_sentence(next, survey, &token.selector)));
    // What is blocked is open to nobody.
    let is_open = |own: &&Reference| own.default == Some(true) && own.state != State::Blocked;
    let delivered: Vec<&Reference> = survey.references.iter().filter(is_open).collect();
    sentences.extend(match delivered.as_slice() {
        [] => None,
        [one] => {
            Some(capitalised(&format!("{} still has the value of delivery, which anyone can look up.", the(one.name))))
        }
        several => {
            let names: Vec<String> = several.iter().map(|own| the(own.name)).collect();
            Some(capitalised(&format!(
                "{} still have the values of delivery, which anyone can look up.",
                enumerated(&names)
            )))
        }
    });
    if next.is_empty() {
        sentences.push("It shows no PIN.".into());
    }
    sentences.extend(token.unmet.iter().map(|why| capitalised(&format!("{why}."))));
    if token.unmet.is_none() && is_well(survey, next) {
        sentences.push("Nothing has to be done.".into());
    }
    sentences.extend(survey.notes.iter().map(|note| capitalised(&format!("{note}."))));
    sentences.join(" ")
}

/// Whether nothing needs to be done.
fn is_well(survey: &Survey, next: &[Next]) -> bool {
    let is_ready = |next: &Next| next.pin.state == State::Ready && !next.pin.retries.is_last();
    !next.is_empty() && next.iter().all(is_ready) && survey.references.iter().all(|own| own.default != Some(true))
}

/// "The PIN is blocked; the PUK has three tries left."
fn of_pin(next: &Next, survey: &Survey) -> String {
    let pin = &next.pin;
    let own = |role: Role| role != Role::UserPin;
    let asked = |role: Role| next.ways.iter().any(|way| way.able.by == Some(role));
    let others = survey.references.iter().filter(|other| own(other.role)).filter(|other| {
        let is_alarming = other.state == State::Blocked || other.retries.is_last();
        let is_well = pin.state == State::Ready && !pin.retries.is_last();
        is_alarming || (!is_well && (asked(other.role) || other.state == State::Unset))
    });
    let clauses = others.filter_map(|other| of_other(other, pin));
    let said: Vec<String> = [standing(pin)].into_iter().chain(clauses).collect();
    capitalised(&format!("{}.", said.join("; ")))
}

/// How a user PIN stands.
fn standing(pin: &Reference) -> String {
    let name = the(pin.name);
    let tries = match pin.retries {
        Retries::Left { left: 1, .. } | Retries::Final => {
            Some("one try is left, and a wrong value now blocks it".to_owned())
        }
        Retries::Left { left, limit: Some(limit) } if left < limit => {
            Some(format!("{} of its {} are left", number(left), tries(limit)))
        }
        Retries::Left { left, .. } => Some(format!("{} are left", tries(left))),
        Retries::Low => Some("a wrong value was given since the last right one".into()),
        Retries::Unknown if pin.state == State::Unknown => Some("nor does it tell how many tries are left".into()),
        Retries::Unknown => Some("the token does not tell how many tries are left".into()),
        Retries::Unlimited => Some("this token does not count tries".into()),
        Retries::Blocked => None,
    };
    let tries = tries.map(|tries| format!("; {tries}")).unwrap_or_default();
    match pin.state {
        State::Ready => format!("{name} is ready{tries}"),
        State::Blocked => format!("{name} is blocked"),
        State::Unset => format!("{name} has not been set yet"),
        State::MustChange => format!("{name} must be changed before it can be used{tries}"),
        State::Unknown => format!("the token does not tell whether {name} is ready or blocked{tries}"),
    }
}

/// How another secret stands, beside a user PIN.
fn of_other(other: &Reference, pin: &Reference) -> Option<String> {
    let name = the(other.name);
    Some(match (other.state, other.retries) {
        (State::Unset, _) if other.role == Role::ResetCode => format!("{name} is not set, or blocked"),
        (State::Unset, _) => format!("{name} has not been set"),
        (State::Blocked, _) if pin.state == State::Blocked => format!("{name} is blocked too"),
        (State::Blocked, _) => format!("{name} is blocked"),
        (_, Retries::Left { left, .. }) => format!("{name} has {} left", tries(left)),
        (_, Retries::Final) => format!("{name} has {} left", tries(1)),
        (_, Retries::Low) => format!("a wrong {} was given since the last right one", other.name),
        (State::MustChange, _) => format!("{name} must be changed"),
        (_, Retries::Unknown) if other.role.is_counted() => {
            format!("the token does not tell how many tries {name} has left")
        }
        (_, Retries::Unknown | Retries::Unlimited | Retries::Blocked) => return None,
    })
}

/// What a wrong value would lead to, where one try is left.
fn once_blocked_sentence(next: &Next, survey: &Survey, selector: &str) -> String {
    let name = the(next.pin.name);
    let left = once_blocked(next, survey, selector);
    let held_back = left.as_ref().is_some_and(|left| left.held_back);
    match left.and_then(|left| left.ways.into_iter().next()).map(|way| (way.hint, way.able.by)) {
        None if held_back => {
            format!("Once {name} is blocked, the policy of this machine permits nothing that brings it back.")
        }
        Some((Hint::Command(_), Some(by))) => {
            format!("Once {name} is blocked, it takes the {} to bring it back.", survey.called(by))
        }
        Some((Hint::LastResort(_), _)) => format!(
            "Once {name} is blocked, all that is left is to begin the token anew, by which everything on it is lost."
        ),
        _ => format!("Once {name} is blocked, nothing on this token brings it back."),
    }
}

/// What a way does, beside its number.
pub fn purpose(way: &Way, next: &Next, survey: &Survey) -> String {
    let (own, name) = (next.pin.name, the(next.pin.name));
    let by = match way.able.by {
        Some(Role::Response) => ", with the answer to a challenge, which the help desk gives".into(),
        Some(by) => format!(", with the {}", survey.called(by)),
        None => String::new(),
    };
    let what = match way.able.verb {
        Verb::PinChange if next.ways.iter().any(|way| way.able.verb == Verb::PinReset) => {
            format!("Change {name}, where you know the old one")
        }
        Verb::PinChange => format!("Change {name}"),
        Verb::PinReset if next.pin.state == State::Blocked => format!("Set a new {own}{by}"),
        Verb::PinReset => format!("Set a new {own} in place of one that is forgotten{by}"),
        Verb::PinUnblock => format!("Keep {name} and give it back its tries{by}"),
        Verb::PinSet => format!("Set the first {own}{by}"),
        Verb::PukChange => format!("Change the {}", survey.called(Role::Puk)),
        Verb::SoPinChange => format!("Change the {}", survey.called(Role::SoPin)),
        Verb::AdminKeyChange => format!("Change the {}", survey.called(Role::AdminKey)),
        other => capitalised(other.name()),
    };
    let risk = way.last_try.map(|role| {
        let risked = if role == Role::UserPin { own } else { survey.called(role) };
        format!("; a wrong {risked} blocks it")
    });
    what + &risk.unwrap_or_default()
}

/// What is left where nothing can be offered, in sentences, and the command, where there is one.
pub fn left(next: &Next, survey: &Survey) -> (String, Option<Hint>) {
    let name = the(next.pin.name);
    if let Some(how) = survey.unblocked_by.filter(|_| next.pin.state == State::Blocked) {
        return (capitalised(&format!("{how}.")), None);
    }
    if next.held_back {
        let way = if next.pin.state == State::Unset { format!("set {name}") } else { format!("bring {name} back") };
        let said = format!(
            "The token has a way to {way}, and only the policy of this machine forbids it: ask whoever administers this machine. What tells where that is laid down is"
        );
        return (said, Some(Hint::Command(POLICY.into())));
    }
    let hint = next.ways.first().map(|way| &way.hint);
    match hint {
        Some(Hint::LastResort(command)) => (
            format!(
                "Nothing on this token brings {name} back: ask whoever issued it. What else is left is to begin anew, by which everything on the token is lost, every key and certificate too. That is never offered here; its command is"
            ),
            // The sentence told the price.
            Some(Hint::Command(command.clone())),
        ),
        // A kind of token without labels takes none.
        Some(Hint::Command(command)) if !command.ends_with("--label NAME") => {
            ("What lets it begin is".into(), hint.cloned())
        }
        Some(Hint::Command(_)) => ("Its label is yours to choose, in place of NAME:".into(), hint.cloned()),
        Some(Hint::Advice(advice)) => (capitalised(&format!("{advice}.")), None),
        None if next.pin.state == State::Ready => (String::new(), None),
        None => (format!("Nothing on this token brings {name} back: ask whoever issued it."), None),
    }
}

/// What keeps a listing from being whole, with the cure where it is known.
pub fn problems(listing: &Listing) -> Vec<String> {
    let cured = |problem: &Error| match advise(problem) {
        Some(Hint::Advice(cure)) => format!("note: {problem}: {cure}"),
        _ => format!("note: {problem}"),
    };
    listing.problems.iter().map(cured).collect()
}

/// "the PUK", and "PIN1", which is a name of its own.
fn the(name: &str) -> String {
    if name.ends_with(|last: char| last.is_ascii_digit()) { name.to_owned() } else { format!("the {name}") }
}

/// "one try", "three tries".
fn tries(count: u8) -> String {
    format!("{} {}", number(count), if count == 1 { "try" } else { "tries" })
}

/// A small number in words.
pub fn number(count: u8) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(usize::from(count)).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

fn enumerated(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// As a sentence begins.
pub fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
