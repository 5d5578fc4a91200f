//! What copies of tokens tell an examination: tokens that a cut-off write took away, and copies that were left behind.

use std::path::Path;

use super::all;
use crate::{
    finding::{Check, Finding, Value},
    token::{Condition, PreImage, Text},
};

/// Looks at each copy that is kept for this user, and at the token it is of.
pub fn examine(state: Option<&Path>) -> Vec<Finding> {
    all(state).iter().map(finding).collect()
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
