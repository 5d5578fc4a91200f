//! `docs/schema.json`, which every object holds to that the tool prints in any test.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// What people get: it lets fields pass that are added later.
pub static PUBLISHED: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../docs/schema.json")).unwrap());

/// The alternatives of the schema by name, each with what tells whether an object is one: nothing passes that it does not name.
static ALTERNATIVES: LazyLock<Vec<(String, Validator)>> = LazyLock::new(|| {
    let mut definitions = PUBLISHED["$defs"].clone();
    definitions.as_object_mut().unwrap().values_mut().for_each(close);
    let validator = |reference: &Value| {
        let schema = json!({ "$schema": PUBLISHED["$schema"], "$ref": reference, "$defs": definitions });
        jsonschema::validator_for(&schema).unwrap()
    };
    let named = |reference: &Value| reference.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let references = PUBLISHED["oneOf"].as_array().unwrap().iter().map(|alternative| &alternative["$ref"]);
    references.map(|reference| (named(reference), validator(reference))).collect()
});

/// Closes an object's schema, and those of the objects in it, against fields that it does not name.
fn close(schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else { return };
    if keywords.contains_key("required") && keywords.contains_key("properties") {
        keywords.insert("additionalProperties".into(), json!(false));
    }
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(close),
            ("anyOf" | "oneOf", Value::Array(alternatives)) => alternatives.iter_mut().for_each(close),
            ("items", items) => close(items),
            _ => {}
        }
    }
}

/// The names of the alternatives.
pub fn names() -> Vec<&'static str> {
    ALTERNATIVES.iter().map(|(name, _)| name.as_str()).collect()
}

/// The alternative that an object is, or why it is none.
pub fn alternative(object: &Value) -> Result<&'static str, String> {
    let fits = ALTERNATIVES.iter().filter(|(_, validator)| validator.is_valid(object));
    match fits.map(|(name, _)| name.as_str()).collect::<Vec<_>>()[..] {
        [one] => Ok(one),
        [] => Err(nearest(object)),
        ref several => Err(format!("it is several at once: {several:?}")),
    }
}

/// What is wrong with an object, beside the alternative that finds least to say against it.
fn nearest(object: &Value) -> String {
    let against = |(name, validator): &(String, Validator)| {
        let errors = validator.iter_errors(object);
        let errors: Vec<String> = errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
        (errors.len(), format!("as {name}, {}", errors.join("; ")))
    };
    let all = ALTERNATIVES.iter().map(against).min_by_key(|(errors, _)| *errors);
    all.map(|(_, said)| said).unwrap()
}

/// Asserts that each object among these lines holds to the schema, and that its schema number stands first.
#[track_caller]
pub fn hold(lines: &str) {
    for line in lines.lines().map(str::trim_end).filter(|line| line.starts_with("{\"")) {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line.starts_with(r#"{"schema":1,"command":"#), "{line}");
        alternative(&object).unwrap_or_else(|why| panic!("docs/schema.json does not have this: {why}\n{line}"));
    }
}

/// An object with one of its fields in place of what stood there, or without it; `path` is a JSON pointer.
pub fn with(object: &Value, path: &str, value: Option<Value>) -> Value {
    let mut object = object.clone();
    let (parent, field) = path.rsplit_once('/').unwrap();
    let fields: &mut Map<String, Value> = object.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
    match value {
        Some(value) => fields.insert(field.to_owned(), value),
        None => fields.remove(field),
    };
    object
}
