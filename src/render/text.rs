//! Text for people: one fact a line, aligned; a success in one line.

use std::fmt::Write;

use super::{Listed, Listing, Report};
use crate::{
    challenge::Block,
    operation::{Hint, Next, Plan, Way, choices, next},
    policy,
    selector::quoted,
    token::{Ability, Identity, Pad, Place, Reference, Retries, Role, State, Survey, Verb},
};

/// A listing: a line a token for `list`, a paragraph a token for `status`.
pub fn listing(listing: &Listing) -> String {
    let paragraphs: Vec<String> =
        listing.tokens.iter().filter_map(|token| Some(paragraph(token, token.survey.as_ref()?))).collect();
    if !paragraphs.is_empty() {
        return paragraphs.join("\n");
    }
    let rows: Vec<(&str, String, &str)> = listing
        .tokens
        .iter()
        .map(|token| (token.identity.application.name(), token.identity.to_string(), token.selector.as_str()))
        .collect();
    let width = rows.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or_default();
    rows.iter()
        .map(|(application, name, selector)| format!("{application:<7}  {name:<width$}  {}\n", quoted(selector)))
        .collect()
}

/// A challenge or response as it is said on the telephone.
pub fn spoken(block: &Block) -> String {
    format!("in groups, each with its check digit: {}", block.groups().join(" "))
}

/// What to do next with each PIN of each token, in one sentence and one command. `as_called` adds what the call named, so that
/// the command finds the token as the call did.
pub fn guidance(listing: &Listing, as_called: &dyn Fn(Hint) -> Hint) -> Vec<String> {
    let of_token = |token: &Listed| {
        let survey = token.survey.as_ref()?;
        let next = next(survey, &token.selector);
        let said = next.iter().filter_map(|next| Some((next, next.ways.first()?)));
        let said = said.map(|(next, way)| {
            format!("{}: {}: {}", token.identity, why(next, way, survey), as_called(way.hint.clone()).text())
        });
        // Two PINs that only a new beginning helps are helped by one.
        let mut said: Vec<String> = said.collect();
        said.dedup();
        Some(said)
    };
    let of_lost = |(identity, hint): &(Identity, Hint)| {
        format!("{identity}: is lost, and its copy is kept: {}", as_called(hint.clone()).text())
    };
    // The blank slot may be what stands in the place of the token that is lost: nothing is to begin anew there.
    let tokens = listing.tokens.iter().filter(|token| listing.lost.is_empty() || !token.identity.blank);
    listing.lost.iter().map(of_lost).chain(tokens.filter_map(of_token).flatten()).collect()
}

/// How a PIN stands, in few words.
fn why(next: &Next, way: &Way, survey: &Survey) -> String {
    let name = way.reference.map_or_else(|| "the PIN".to_owned(), str::to_owned);
    match next.pin.state {
        _ if survey.identity.blank => "the token is blank".into(),
        State::Blocked => format!("{name} is blocked"),
        State::Unset => format!("{name} has not been set yet"),
        State::MustChange => format!("{name} must be changed"),
        State::Ready | State::Unknown if next.pin.retries.is_last() => {
            let set = if way.able.verb == Verb::PinReset { "; a new one can be set" } else { "" };
            format!("only one try of {name} is left, and a wrong value blocks it{set}")
        }
        State::Ready | State::Unknown => match way.able.verb {
            Verb::PukChange => at_delivery(survey.called(Role::Puk)),
            Verb::SoPinChange => at_delivery(survey.called(Role::SoPin)),
            Verb::AdminKeyChange => at_delivery(survey.called(Role::AdminKey)),
            Verb::PinReset => format!("a new value of {name} can be set"),
            _ => format!("{name} can be changed"),
        },
    }
}

fn at_delivery(called: &str) -> String {
    format!("the {called} still has the value of delivery")
}

/// One line that names the token, what was done, whether it was proved, and the tries left.
pub fn success(report: &Report) -> String {
    let done = match report.outcome.map_or("planned", |outcome| outcome.name()) {
        "initialised" => "initialised".to_owned(),
        "verified" => format!("the {} is right", report.called),
        "erased" => "erased".to_owned(),
        done if report.verb == Verb::RetriesSet => format!("tries {done}"),
        done => match report.by_called.filter(|_| report.by != Some(report.role)) {
            Some(by) => format!("{} {done} by the {by}", report.called),
            None => format!("{} {done}", report.called),
        },
    };
    let proof = match (report.confirmed, report.role, report.unproved.first()) {
        (true, ..) if done.ends_with("is right") => String::new(),
        (true, ..) => " and confirmed".into(),
        (false, _, why) => format!(", not confirmed: {}", why.copied().unwrap_or("no proof was made")),
    };
    let tries = match (report.retries, report.at_least) {
        (Retries::Unknown, Some(1)) => "; at least 1 try left".into(),
        (Retries::Unknown, Some(left)) => format!("; at least {left} tries left"),
        (Retries::Unknown, None) => String::new(),
        (retries, _) => format!("; {retries}"),
    };
    let delivered = if report.verb == Verb::TokenErase { "; the values of delivery are valid now" } else { "" };
    format!("{}: {done}{proof}{tries}{delivered}", report.identity)
}

/// The plan of a dry run.
pub fn plan(report: &Report, plan: &Plan) -> String {
    let needs: Vec<String> = plan.needs().iter().map(|need| format!("--{}", need.option())).collect();
    let mut text = format!("plan for {}\n", report.identity);
    fact(&mut text, "operation", plan.verb.name());
    report.by_called.iter().for_each(|by| fact(&mut text, "by", by));
    fact(&mut text, "needs", &needs.join(", "));
    report.costs.iter().for_each(|cost| fact(&mut text, "costs", cost));
    report.commands.iter().for_each(|command| fact(&mut text, "step", command));
    text
}

/// What `--verbose` says of a success.
pub fn details(report: &Report) -> String {
    let mut text = String::new();
    fact(&mut text, "selector", &quoted(&report.selector));
    report.commands.iter().for_each(|command| fact(&mut text, "step", command));
    report.unproved.iter().for_each(|why| fact(&mut text, "unproved", why));
    text
}

fn paragraph(token: &Listed, survey: &Survey) -> String {
    let identity = &survey.identity;
    let mut text = format!("{identity}\n");
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            fact(&mut text, name, &value);
        }
    };
    let of = |text: Option<&crate::token::Text>| text.map(ToString::to_string);
    say("selector", Some(quoted(&token.selector)));
    say("application", Some(identity.application.to_string()));
    say("serial", of(identity.serial.as_ref()));
    say("manufacturer", of(identity.manufacturer.as_ref()));
    say("model", of(identity.model.as_ref()));
    match &identity.place {
        Place::Reader(reader) => say("reader", Some(reader.to_string())),
        Place::Slot { id, module } => {
            say("slot", Some(id.to_string()));
            say("module", Some(module.display().to_string().escape_debug().to_string()));
        }
    }
    survey.references.iter().for_each(|reference| say(reference.name, Some(state(reference))));
    say("PIN pad", (survey.pad != Pad::None).then(|| survey.pad.to_string()));
    survey.notes.iter().for_each(|note| say("note", Some((*note).to_owned())));
    let can: Vec<String> = choices(survey).iter().map(|choice| able(choice, survey)).collect();
    say("can", Some(if can.is_empty() { "nothing, as it is".into() } else { can.join(", ") }));
    text
}

fn fact(text: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {name:<12}  {value}");
}

fn state(reference: &Reference) -> String {
    let state = match reference.state {
        State::Ready => "ready",
        State::Blocked => "blocked",
        // Neither has tries, and the card tells no more.
        State::Unset if reference.role == Role::ResetCode => "not set, or blocked",
        State::Unset => "not set",
        State::MustChange => "must be changed",
        State::Unknown => "state not told",
    };
    let tries = match (reference.state, reference.retries) {
        (State::Unset | State::Blocked, _) => String::new(),
        (_, retries) => format!("; {retries}"),
    };
    let default = if reference.default == Some(true) { "; still the value of delivery" } else { "" };
    format!("{state}{tries}{default}; takes {}", policy::limits(reference.length))
}

fn able((able, reference): &(Ability, Option<&str>), survey: &Survey) -> String {
    let of = reference.map(|name| format!(" of {name}")).unwrap_or_default();
    match able.by {
        Some(by) => format!("{}{of} (by the {})", able.verb, survey.called(by)),
        None => format!("{}{of}", able.verb),
    }
}
