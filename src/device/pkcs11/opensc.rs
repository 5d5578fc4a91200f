//! What OpenSC's configuration says of unblocking: it decides whether OpenSC's module takes a PUK for a PUK.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::finding::{Check, Finding, Value};
use crate::token::Text;

/// Where OpenSC looks, unless OPENSC_CONF names another file: Debian's place, and that of an OpenSC built by hand.
const PLACES: [&str; 2] = ["/etc/opensc/opensc.conf", "/etc/opensc.conf"];
const KEY: &str = "user_pin_unblock_style";
/// What the key may be (opensc.conf(5)).
const STYLES: [&str; 4] =
    ["none", "set_pin_in_unlogged_session", "set_pin_in_specific_context", "init_pin_in_so_session"];

/// Whether the file at `module` is OpenSC's module, by its name.
pub fn is_module(module: &Path) -> bool {
    module.file_name().is_some_and(|name| name.to_string_lossy().contains("opensc-pkcs11"))
}

/// What the file says; nothing where there is none. `is_used` says whether OpenSC's module is among those that pukka asks.
pub fn examine(is_used: bool) -> Vec<Finding> {
    let named = env::var_os("OPENSC_CONF").map(PathBuf::from);
    let places = named.map_or_else(|| PLACES.iter().map(PathBuf::from).collect(), |named| vec![named]);
    for place in &places {
        let shown = place.display().to_string().escape_debug().to_string();
        let finding = match fs::read(place) {
            Ok(text) => judge(&shown, &String::from_utf8_lossy(&text), is_used),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => Finding::unknown(Check::OpenSc, format!("{shown} cannot be read")).detail(error.to_string()),
        };
        let path = Text::from(place.display().to_string().as_str());
        return vec![finding.with("path", Value::Name(path))];
    }
    if env::var_os("OPENSC_CONF").is_some() {
        let missing = "OPENSC_CONF names a file that is not there: OpenSC goes by its defaults";
        return vec![Finding::warning(Check::OpenSc, missing).cure("correct OPENSC_CONF, or unset it")];
    }
    // Without a file the default holds, which is worth a word where it matters.
    if is_used { vec![judge("OpenSC has no configuration file", "", true)] } else { Vec::new() }
}

fn judge(shown: &str, text: &str, is_used: bool) -> Finding {
    let style = match style(text) {
        Ok(style) => style,
        Err(why) => {
            let cure = "correct it by opensc.conf(5); OpenSC goes by its defaults meanwhile";
            return Finding::problem(Check::OpenSc, format!("{shown} does not parse: {why}")).cure(cure);
        }
    };
    let told = style.as_deref().unwrap_or("none");
    let value = Value::Name(Text::from(told));
    let default = if style.is_none() { " (its default)" } else { "" };
    let finding = match told {
        "none" => {
            let what = format!(
                "{shown}: {KEY} is none{default}, by which OpenSC's module takes a PUK for the old PIN and a try of the PIN is spent: `pin reset --by puk` is refused over it"
            );
            // As it is delivered: nothing to be told of where nobody asks OpenSC.
            let finding = if is_used { Finding::warning } else { Finding::ok };
            let cure = "reset by the PUK over the reader, with --via pcsc";
            if is_used { finding(Check::OpenSc, what).cure(cure) } else { finding(Check::OpenSc, what) }
        }
        known if STYLES.contains(&known) => Finding::ok(Check::OpenSc, format!("{shown}: {KEY} is {known}")),
        other => {
            let what = format!("{shown}: {KEY} is {}, which OpenSC does not know", Text::from(other));
            Finding::problem(Check::OpenSc, what).cure(format!("give it one of {}", STYLES.join(", ")))
        }
    };
    finding.with("user_pin_unblock_style", value)
}

/// The value of the key where it stands last; none where it does not. Of the file's form (blocks in braces, lists that a semicolon
/// ends, comments behind #) no more is read than finds it.
fn style(text: &str) -> Result<Option<String>, String> {
    let words = words(text)?;
    let mut depth = 0_usize;
    for word in &words {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.checked_sub(1).ok_or("a brace is closed that was not opened")?,
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a brace is not closed".into());
    }
    let value = |three: &[String]| match three {
        [key, equals, value] if key == KEY && equals == "=" => Some(value.clone()),
        _ => None,
    };
    Ok(words.windows(3).filter_map(value).next_back())
}

/// Words, marks of punctuation, and what stands in quotes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '#' => break,
                '{' | '}' | '=' | ',' | ';' => 1,
                '"' => {
                    let inside = rest.get(1..).unwrap_or_default();
                    let end = inside.find('"').ok_or_else(|| format!("a quote on line {} is not closed", index + 1))?;
                    end + 2
                }
                _ => rest
                    .find(|character: char| character.is_whitespace() || "{}=,;\"#".contains(character))
                    .unwrap_or(rest.len()),
            };
            let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            words.push(word.trim_matches('"').to_owned());
            rest = after.trim_start();
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Condition;

    /// The form in which OpenSC is delivered, with one line in its place.
    fn file(line: &str) -> String {
        format!("app default {{\n\t# debug = 3;\n}}\napp opensc-pkcs11 {{\n\tpkcs11 {{\n\t\t{line}\n\t}}\n}}\n")
    }

    #[test]
    fn the_style_is_read_where_it_is_not_a_comment() {
        for (line, expected) in [
            ("user_pin_unblock_style = init_pin_in_so_session;", Some("init_pin_in_so_session")),
            ("user_pin_unblock_style=\"none\";", Some("none")),
            ("# user_pin_unblock_style = set_pin_in_unlogged_session;", None),
            ("", None),
        ] {
            assert_eq!(style(&file(line)).unwrap().as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn none_is_told_as_what_a_puk_costs_and_is_a_warning_only_where_opensc_is_asked() {
        for (is_used, state) in [(true, Condition::Warning), (false, Condition::Ok)] {
            let finding = judge("F", &file(""), is_used);
            assert_eq!(finding.state, state);
            assert!(finding.what.contains("`pin reset --by puk` is refused"), "{finding:?}");
        }
        assert_eq!(judge("F", &file("user_pin_unblock_style = init_pin_in_so_session;"), true).state, Condition::Ok);
        let unknown = judge("F", &file("user_pin_unblock_style = unblock;"), true);
        assert_eq!(unknown.state, Condition::Problem);
        assert!(unknown.cure.unwrap().contains("set_pin_in_unlogged_session"));
    }

    #[test]
    fn what_does_not_parse_is_told_with_the_reason() {
        for (text, why) in [
            ("app default {", "not closed"),
            ("}", "was not opened"),
            ("app default {\n a = \"b;\n}", "a quote on line 2"),
        ] {
            let finding = judge("F", text, false);
            assert_eq!(finding.state, Condition::Problem);
            assert!(finding.what.contains(why), "{text}: {finding:?}");
        }
    }
}
