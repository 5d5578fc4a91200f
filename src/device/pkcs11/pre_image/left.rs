//! What copies of tokens tell an examination: tokens that a cut-off write took away, and copies that were left behind.

use std::path::Path;

use super::{Directory, all, shown};
use crate::{
    error::Error,
    finding::{Check, Finding, Value},
    token::{Condition, PreImage, Text},
};

/// Looks at each copy that is kept for this user, at the token it is of, and at what stands in the place of one and is none.
pub fn examine(state: Option<&Path>) -> Vec<Finding> {
    let spoilt = state.map(Directory::below).and_then(|directory| directory.spoilt().ok()).unwrap_or_default();
    let damaged = spoilt.iter().map(|path| {
        let what = format!("{} is a copy that is damaged, cannot be read, or is not this user's alone", shown(path));
        Finding::warning(Check::PreImage, what).cure(
            "see that it belongs to this user, with mode 600; remove one that is damaged once its token is there and has its PIN",
        )
    });
    all(state).iter().map(finding).chain(damaged).collect()
}

/// Why there is no copy of `what`, where none was found that could be it: one may be there that is damaged or cannot be read. `others`
/// says which there are.
pub fn missing(state: Option<&Path>, what: &str, others: &[String]) -> Error {
    let Some(directory) = state.map(Directory::below) else {
        return Error::NoToken(format!(
            "no copy of {what} is found, as nothing says where state stands; set HOME or XDG_STATE_HOME"
        ));
    };
    let place = shown(directory.place());
    match directory.spoilt() {
        Err(error) => Error::Device {
            what: format!("whether a copy of {what} is kept is not known: {place} cannot be read"),
            cure: Some("look again as the user who made the copy".into()),
            detail: Some(error.to_string()),
        },
        Ok(spoilt) if !spoilt.is_empty() => {
            let names: Vec<_> =
                spoilt.iter().filter_map(|path| path.file_name()).map(|name| shown(name.as_ref())).collect();
            Error::Device {
                what: format!(
                    "a copy is there and is damaged, cannot be read, or is not this user's alone: {} in {place}",
                    names.join(", ")
                ),
                cure: Some("see that it belongs to this user, with mode 600; one that is damaged is put back by nobody: take the token from a backup".into()),
                detail: None,
            }
        }
        Ok(_) if others.is_empty() => Error::NoToken(format!("no copy of {what} is kept in {place}")),
        Ok(_) => Error::NoToken(format!("no copy of {what} is kept in {place}, but of {}", others.join(", "))),
    }
}

fn finding(PreImage { identity, kept, files, condition }: &PreImage) -> Finding {
    let when = humantime::format_rfc3339_seconds(*kept);
    let finding = match condition {
        Condition::Damaged => {
            let what = format!("a write was cut off and took the token {identity} away; its copy of {when} is kept");
            let named = identity.serial.as_ref().or(identity.label.as_ref()).map(Text::to_string);
            let cure = format!("put it back with `pukka token restore '{}'`", named.unwrap_or_default());
            Finding::problem(Check::PreImage, what).cure(cure)
        }
        Condition::Intact => {
            let what = format!(
                "a copy of the token {identity} of {when} is kept, from a call that has not ended; the token is there"
            );
            Finding::warning(Check::PreImage, what).cure("let that call end, or find out by `pukka pin verify` which PIN the token has: that takes the copy away")
        }
        Condition::Unreadable => {
            let what = format!(
                "a copy of the token {identity} of {when} is kept, and its files cannot be read, so that nobody knows whether it is lost"
            );
            Finding::warning(Check::PreImage, what).cure("look again as a user who may read them")
        }
    };
    let files = files.iter().map(|file| Text::from(file.display().to_string().as_str())).collect();
    finding.name("serial", identity.serial.as_ref()).with("files", Value::Names(files))
}
