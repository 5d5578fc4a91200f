//! A token that was put back from its copy, or would be, as text and as JSON.

use serde::Serialize;

use super::{Render, json, talk};
use crate::{
    error::Result,
    token::{Condition, PreImage},
};

/// The command.
const COMMAND: &str = "token restore";

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    /// The copy.
    pub of: PreImage,
    /// What names the token.
    pub selector: String,
    /// Whether it was done, and not only planned.
    pub done: bool,
    /// Whether a module lists the token again.
    pub confirmed: bool,
    /// Why that is not known.
    pub unproved: Option<&'static str>,
}

#[derive(Serialize)]
struct Object<'a> {
    schema: u8,
    command: &'static str,
    outcome: &'static str,
    confirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unproved: Option<[&'static str; 1]>,
    token: json::Named<'a>,
    kept: String,
    files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
}

#[derive(Serialize)]
struct Plan {
    by: Option<&'static str>,
    needs: [&'static str; 0],
    costs: Vec<String>,
    steps: Vec<String>,
}

impl Render {
    /// What was put back.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] where standard output does not take it.
    pub fn restored(self, restored: &Restored) -> Result<()> {
        if self.json {
            return self.data(&json::line(&object(restored)));
        }
        let (identity, kept) = (&restored.of.identity, time(&restored.of));
        if !restored.done {
            let lines = steps(restored).into_iter().map(|step| ("step", step));
            let lines = lines.chain(costs(restored).into_iter().map(|cost| ("cost", cost)));
            let text: String = lines.map(|(name, line)| format!("  {name:<12}  {line}\n")).collect();
            return self.data(format!("token restore of {identity}\n{text}").as_bytes());
        }
        if !self.quiet {
            let proof = restored.unproved.map(|why| format!("; not confirmed: {why}")).unwrap_or_default();
            talk(format_args!("{identity} is back as it was at {kept}, with the PINs of then{proof}"));
        }
        Ok(())
    }
}

fn object(restored: &Restored) -> Object<'_> {
    Object {
        schema: json::SCHEMA,
        command: COMMAND,
        outcome: if restored.done { "restored" } else { "planned" },
        confirmed: restored.confirmed,
        unproved: restored.unproved.map(|why| [why]),
        token: json::named(&restored.selector, &restored.of.identity),
        kept: time(&restored.of),
        files: restored.of.files.iter().map(|file| file.display().to_string()).collect(),
        plan: (!restored.done).then(|| Plan { by: None, needs: [], costs: costs(restored), steps: steps(restored) }),
    }
}

fn steps(restored: &Restored) -> Vec<String> {
    let shown = |file: &std::path::PathBuf| file.display().to_string().escape_debug().to_string();
    let files = restored.of.files.iter().map(|file| format!("{} as it was at {}", shown(file), time(&restored.of)));
    files.chain(["C_GetTokenInfo, as proof".into()]).collect()
}

fn costs(restored: &Restored) -> Vec<String> {
    match restored.of.condition {
        Condition::Damaged => Vec::new(),
        _ => vec!["what was set on the token since is lost, PINs too".into()],
    }
}

fn time(of: &PreImage) -> String {
    humantime::format_rfc3339_seconds(of.kept).to_string()
}
