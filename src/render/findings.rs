//! What an examination found, as text and as JSON.

use std::fmt::Write;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Failure, Render, talk};
use crate::{
    error::{Error, Result},
    finding::{Finding, Value, complete},
};

#[derive(Serialize)]
struct Object<'a> {
    schema: u8,
    command: &'static str,
    checks: Vec<CheckObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<super::json::ErrorObject<'a>>,
}

/// The four fields of every finding, and those of its own.
struct CheckObject<'a>(&'a Finding);

impl Serialize for CheckObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Finding { check, state, what, cure, detail, values } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("check", check.name())?;
        map.serialize_entry("state", state.name())?;
        map.serialize_entry("what", what)?;
        map.serialize_entry("cure", cure)?;
        map.serialize_entry("detail", detail)?;
        for (name, value) in values {
            match value {
                Value::Name(text) => map.serialize_entry(name, &text.lossless())?,
                Value::Names(texts) => {
                    map.serialize_entry(name, &texts.iter().map(|text| text.lossless()).collect::<Vec<_>>())?;
                }
                Value::Count(count) => map.serialize_entry(name, count)?,
            }
        }
        map.end()
    }
}

impl Render {
    /// What an examination found, and what keeps it from being whole.
    ///
    /// # Errors
    /// [`Error::Device`] where standard output does not take it.
    pub fn findings(self, findings: &[Finding]) -> Result<Option<Error>> {
        let failure = complete(findings).err().map(Failure::bare);
        if self.json {
            self.data(&super::json::line(&Object {
                schema: super::json::SCHEMA,
                command: "doctor",
                checks: findings.iter().map(CheckObject).collect(),
                error: failure.as_ref().map(super::json::error),
            }))?;
        } else {
            self.data(text(findings).as_bytes())?;
            failure.iter().for_each(|failure| talk(format_args!("error: {}", failure.sentence())));
        }
        Ok(failure.map(|failure| failure.error))
    }
}

/// A line a finding, and one below it for its cure.
fn text(findings: &[Finding]) -> String {
    let check = findings.iter().map(|finding| finding.check.name().len()).max().unwrap_or_default();
    let state = findings.iter().map(|finding| finding.state.name().len()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { check: name, state: how, what, cure, detail, .. } in findings {
        let detail = detail.as_ref().map(|detail| format!(" [{}]", detail.escape_debug())).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<check$}  {:<state$}  {what}{detail}", name.name(), how.name());
        if let Some(cure) = cure {
            let _ = writeln!(text, "{:<check$}  {:<state$}  {cure}", "", "cure:");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Check;

    #[test]
    fn each_fact_is_a_line_in_columns_with_its_cure_below() {
        let findings = [
            Finding::ok(Check::Pcscd, "it answers"),
            Finding::problem(Check::Permissions, "others can read it").cure("chmod go= it").detail("EACCES"),
        ];
        assert_eq!(
            text(&findings),
            "pcscd        ok       it answers\n\
             permissions  problem  others can read it [EACCES]\n\
             \u{20}            cure:    chmod go= it\n"
        );
    }
}
