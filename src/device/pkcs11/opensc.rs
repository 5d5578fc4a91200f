//! What OpenSC's configuration says of unblocking, which decides whether OpenSC's module takes a PUK for a PUK, and of slots, which
//! decides how many readers it shows.

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

/// How many slots there are for all readers, and for each (opensc.conf(5)), unless the file says otherwise.
const SLOTS: (&str, usize) = ("max_virtual_slots", 16);
const SLOTS_EACH: (&str, usize) = ("slots_per_card", 4);

/// What the file says; nothing where there is none. `is_used` says whether OpenSC's module is among those that pukka asks, `readers`
/// how many there are.
pub fn examine(is_used: bool, readers: usize) -> Vec<Finding> {
    let named = env::var_os("OPENSC_CONF").map(PathBuf::from);
    let places = named.map_or_else(|| PLACES.iter().map(PathBuf::from).collect(), |named| vec![named]);
    for place in &places {
        let shown = place.display().to_string().escape_debug().to_string();
        let findings = match fs::read(place) {
            Ok(text) => examine_text(&shown, &String::from_utf8_lossy(&text), is_used, readers),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                let what = format!("{shown} cannot be read");
                vec![Finding::unknown(Check::OpenSc, what).detail(error.to_string())]
            }
        };
        let path = Value::Name(Text::from(place.display().to_string().as_str()));
        return findings.into_iter().map(|finding| finding.with("path", path.clone())).collect();
    }
    if env::var_os("OPENSC_CONF").is_some() {
        let missing = "OPENSC_CONF names a file that is not there: OpenSC goes by its defaults";
        return vec![Finding::warning(Check::OpenSc, missing).cure("correct OPENSC_CONF, or unset it")];
    }
    // Without a file the default holds, which is worth a word where it matters.
    if is_used { examine_text("OpenSC has no configuration file", "", true, readers) } else { Vec::new() }
}

fn examine_text(shown: &str, text: &str, is_used: bool, readers: usize) -> Vec<Finding> {
    let unseen = if is_used { unseen(shown, text, readers) } else { None };
    [judge(shown, text, is_used)].into_iter().chain(unseen).collect()
}

/// Readers that the module does not show, since their slots are used up by those before them.
fn unseen(shown: &str, text: &str, readers: usize) -> Option<Finding> {
    let number = |(key, default): (&str, usize)| {
        value(text, key).ok().flatten().and_then(|number| number.parse().ok()).unwrap_or(default)
    };
    let (slots, each) = (number(SLOTS), number(SLOTS_EACH));
    let seen = slots.checked_div(each)?;
    (readers > seen).then(|| {
        let what = format!(
            "{shown}: OpenSC's module shows the first {seen} of {readers} readers, by {slots} slots ({}) and {each} for each ({})",
            SLOTS.0, SLOTS_EACH.0
        );
        let enough = readers.saturating_mul(each);
        let finding = Finding::warning(Check::OpenSc, what);
        finding.cure(format!("say {} = {enough} there, in the block pkcs11 of app opensc-pkcs11", SLOTS.0))
    })
}

fn judge(shown: &str, text: &str, is_used: bool) -> Finding {
    let style = match value(text, KEY) {
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
fn value(text: &str, wanted: &str) -> Result<Option<String>, String> {
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
        [key, equals, value] if key == wanted && equals == "=" => Some(value.clone()),
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
            assert_eq!(value(&file(line), KEY).unwrap().as_deref(), expected, "{line}");
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
    fn readers_for_which_no_slots_are_left_are_told_with_how_many_would_do() {
        for (line, readers, seen) in [
            ("", 4, None),
            ("", 5, Some("the first 4 of 5 readers")),
            ("max_virtual_slots = 32;", 8, None),
            ("max_virtual_slots = 32;", 9, Some("the first 8 of 9 readers")),
            ("slots_per_card = 2;", 8, None),
            ("slots_per_card = 0;", 8, None),
        ] {
            let finding = unseen("F", &file(line), readers);
            match (finding, seen) {
                (Some(finding), Some(seen)) => assert!(finding.what.contains(seen), "{line}: {finding:?}"),
                (finding, None) => assert_eq!(finding, None, "{line}"),
                (None, Some(_)) => panic!("{line}: nothing told of {readers} readers"),
            }
        }
        assert!(unseen("F", "", 6).unwrap().cure.unwrap().contains("max_virtual_slots = 24"));
        assert_eq!(examine_text("F", "", false, 6).len(), 1, "nobody asks OpenSC");
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
