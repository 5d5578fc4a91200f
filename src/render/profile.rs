//! What a profile would send, as text and as JSON.

use serde::Serialize;

use super::Render;
use crate::{
    error::Result,
    token::{Preview, Sent, Text},
};

#[derive(Serialize)]
struct Object<'a> {
    schema: u8,
    command: &'static str,
    profile: ProfileObject<'a>,
    operations: Vec<OperationObject<'a>>,
}

#[derive(Serialize)]
struct ProfileObject<'a> {
    name: &'a str,
    title: &'a str,
    status: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct OperationObject<'a> {
    operation: &'static str,
    reference: Option<&'a str>,
    by: Option<&'static str>,
    commands: Vec<CommandObject<'a>>,
}

#[derive(Serialize)]
struct CommandObject<'a> {
    name: &'static str,
    apdu: &'a str,
}

impl Render {
    /// What a profile would send for each operation.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] where standard output does not take it.
    pub fn preview(self, preview: &Preview) -> Result<()> {
        match self.json {
            true => self.data(&super::json::line(&object(preview))),
            false => self.data(text(preview).as_bytes()),
        }
    }
}

fn object(preview: &Preview) -> Object<'_> {
    let operation = |sent| OperationObject {
        operation: operation(sent),
        reference: sent.reference.as_deref(),
        by: sent.by.map(crate::token::Role::name),
        commands: sent.commands.iter().map(|(name, apdu)| CommandObject { name, apdu }).collect(),
    };
    Object {
        schema: super::json::SCHEMA,
        command: "profile check",
        profile: ProfileObject {
            name: &preview.name,
            title: &preview.title,
            status: &preview.status,
            source: &preview.source,
        },
        operations: preview.operations.iter().map(operation).collect(),
    }
}

/// What finds the application and reads its counters is what `status` sends.
fn operation(sent: &Sent) -> &'static str {
    sent.verb.map_or("status", |verb| verb.name())
}

/// A paragraph an operation: as it is called, and a line a command.
fn text(preview: &Preview) -> String {
    let Preview { name, title, status, source, operations } = preview;
    let head = format!("{name}  {}\n{status}: {}\n", Text::from(title.as_str()), Text::from(source.as_str()));
    let width = operations.iter().flat_map(|sent| &sent.commands).map(|(name, _)| name.len()).max().unwrap_or_default();
    let paragraph = |sent: &Sent| {
        let reference = sent.reference.as_ref().map(|name| format!(" --reference {name}")).unwrap_or_default();
        let by = sent.by.map(|role| format!(" --by {}", role.name())).unwrap_or_default();
        let lines: String = sent.commands.iter().map(|(name, apdu)| format!("  {name:<width$}  {apdu}\n")).collect();
        format!("\n{}{reference}{by}\n{lines}", operation(sent))
    };
    head + &operations.iter().map(paragraph).collect::<String>()
}
