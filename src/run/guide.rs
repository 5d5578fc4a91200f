//! `pukka` alone on a terminal: a short conversation, from what is there to the command that helps, which it offers to run.
//!
//! Nothing is open while somebody is asked: what was seen is told, and what is chosen is done as its command would do it.

use crate::{
    error::Result,
    input::Prompter,
    operation::{Hint, Next, Operation, Way, next},
    render::{
        Listed, Listing, Render,
        guide::{self, Choice},
    },
    selector::{Selection, Selector},
    token::{Role, Survey},
};

/// How often somebody may answer what is no answer.
const PATIENCE: usize = 3;

/// What somebody chose to be done.
pub struct Chosen {
    /// What.
    pub operation: Operation,
    /// To which token, and to which of its user PINs, where it has several.
    pub selection: Selection,
    /// The role whose last try may be spent, as was said beside the choice.
    pub allow_last_try: Option<Role>,
}

/// A token, and what helps with it.
struct Met<'a> {
    token: &'a Listed,
    survey: &'a Survey,
    next: Vec<Next>,
}

impl Met<'_> {
    fn state(&self) -> String {
        guide::state(self.token, self.survey, &self.next)
    }

    fn ways(&self) -> impl Iterator<Item = (&Next, &Way)> {
        self.next.iter().flat_map(|next| next.ways.iter().map(move |way| (next, way)))
    }
}

/// Tells what is there and in what state, and asks what is to be done; nothing, where nobody chooses anything. `as_called` adds
/// to a command what the call named.
///
/// # Errors
/// [`crate::error::Error::Usage`] where a selector that was printed does not parse, which would be a bug.
pub fn guide(
    listing: &Listing,
    render: Render,
    ask: &mut dyn Prompter,
    as_called: &dyn Fn(Hint) -> Hint,
) -> Result<Option<Chosen>> {
    guide::problems(listing).iter().for_each(|problem| render.say(problem));
    for (identity, hint) in &listing.lost {
        render.say(&guide::lost(identity));
        render.command(&as_called(hint.clone()).text());
    }
    let tokens = met(listing);
    let met = match tokens.as_slice() {
        [] => {
            listing.instead().iter().for_each(|instead| render.say(&guide::nothing(instead, listing.cure())));
            return Ok(None);
        }
        [one] => {
            render.say(&guide::there(&one.survey.identity));
            one
        }
        several => {
            render.say(&guide::several(several.len()));
            let choices: Vec<Choice> =
                several.iter().map(|met| Choice::token(&met.survey.identity, &met.state())).collect();
            render.choices(&choices, "None of them");
            match choose(choices.len(), render, ask).and_then(|index| several.get(index)) {
                Some(met) => {
                    render.say(&format!("\n{}", guide::there(&met.survey.identity)));
                    met
                }
                None => return Ok(None),
            }
        }
    };
    render.say(&met.state());
    for next in met.next.iter().filter(|next| next.ways.iter().all(|way| way.operation.is_none())) {
        let (said, command) = guide::left(next, met.survey);
        render.say(&said);
        command.into_iter().for_each(|command| render.command(&as_called(command).text()));
    }
    offer(met, render, ask, as_called)
}

/// The tokens that are told of: a blank slot, which SoftHSM2 always shows, is beside the point where there is anything else.
fn met(listing: &Listing) -> Vec<Met<'_>> {
    let met = listing.tokens.iter().filter_map(|token| {
        let survey = token.survey.as_ref()?;
        Some(Met { token, survey, next: next(survey, &token.selector) })
    });
    let (blank, live): (Vec<Met<'_>>, Vec<Met<'_>>) = met.partition(|met| met.survey.identity.blank);
    match live.is_empty() && listing.lost.is_empty() {
        true => blank,
        false => live,
    }
}

/// Offers what helps with a token.
fn offer(
    met: &Met<'_>,
    render: Render,
    ask: &mut dyn Prompter,
    as_called: &dyn Fn(Hint) -> Hint,
) -> Result<Option<Chosen>> {
    let (mut choices, mut offered) = (Vec::new(), Vec::new());
    for (next, way) in met.ways() {
        if let Some(operation) = &way.operation {
            let command = as_called(way.hint.clone()).text().into_owned();
            choices.push(Choice::command(guide::purpose(way, next, met.survey), &command));
            offered.push((way, operation, command));
        }
    }
    if offered.is_empty() {
        return Ok(None);
    }
    render.choices(&choices, "Nothing");
    let chosen = choose(choices.len(), render, ask).and_then(|index| offered.into_iter().nth(index));
    let Some((way, operation, command)) = chosen else { return Ok(None) };
    render.runs(&command);
    Ok(Some(Chosen {
        operation: operation.clone(),
        selection: Selection {
            selector: Some(Selector::parse(&met.token.selector)?),
            reference: way.reference.map(str::to_owned),
            ..Selection::default()
        },
        allow_last_try: way.last_try,
    }))
}

/// Asks which of so many is meant; nothing where the answer is `q`, empty, or the end of input, or is none again and again.
fn choose(choices: usize, render: Render, ask: &mut dyn Prompter) -> Option<usize> {
    let question = guide::question(choices);
    for _ in 0..PATIENCE {
        // The end of input is an answer too; a signal ends the process by itself.
        let Ok(answer) = ask.word(&question) else { break };
        match answer.trim() {
            "" | "q" | "Q" => break,
            answer => match answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
                Some(index) if index < choices => return Some(index),
                _ => render.say(&guide::unclear(choices)),
            },
        }
    }
    render.say("Nothing was done.");
    None
}
