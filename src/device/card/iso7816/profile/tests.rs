//! What a profile must be, and where it says that it is none.

use proptest::prelude::*;

use super::*;

/// The least that a profile says, a line each.
const LEAST: &str = r#"name = "my-card"
title = "My card"
status = "tested"
source = "its manual"
aid = ["A0 00 00 00 63 50 4B 43 53 2D 31 35"]

[[reference]]
name = "PIN"
role = "user-pin"
key = 0x81
encoding = "ascii"
pad = { byte = 0xFF, to = 8 }
least = 6
most = 8
counter = "verify"
reset = [{ by = "PUK", forms = [0, 1] }]

[[reference]]
name = "PUK"
role = "puk"
key = 0x82
encoding = "ascii"
pad = { byte = 0xFF, to = 8 }
least = 8
most = 8
counter = "none"
"#;

fn refused(text: &str) -> String {
    let error = Profile::parse(text, "FILE").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

/// Every change of `LEAST` that must be refused, the place that the refusal names, and a word of its reason.
const REFUSALS: &[(&str, &str, &str, &str)] = &[
    // Not TOML, or not these keys.
    ("name = \"my-card\"", "name = my-card", "line 1, column 8", ""),
    ("title", "colour", "line 2, column 1", "unknown field `colour`"),
    ("least = 6", "leest = 6", "line 13, column 1", "unknown field `leest`"),
    ("to = 8", "too = 8", "line 12, column 22", "unknown field `too`"),
    ("forms = [0, 1]", "form = [0]", "line 16, column 24", "unknown field `form`"),
    ("status = \"tested\"", "status = \"seen\"", "line 3, column 10", "unknown variant `seen`"),
    ("role = \"user-pin\"", "role = \"pin\"", "line 9, column 8", "user-pin, puk or so-pin"),
    ("counter = \"verify\"", "counter = \"guess\"", "line 15, column 11", "unknown variant `guess`"),
    ("counter = \"verify\"", "", "line 7, column 1", "missing field `counter`"),
    ("counter = \"verify\"", "counter.get-data = { command = \"00 CA 00 C4 00\" }", "line 15, column", "`left`"),
    // Names.
    ("name = \"my-card\"", "name = \"My-Card\"", "line 1, column 8", "lower-case"),
    ("name = \"my-card\"", "name = \"4711\"", "line 1, column 8", "begins with a letter"),
    ("name = \"my-card\"", "name = \"\"", "line 1, column 8", "1 to 32"),
    ("name = \"my-card\"", "name = \"piv\"", "line 1, column 8", "no profile"),
    ("name = \"my-card\"", "name = \"pkcs11\"", "line 1, column 8", "no profile"),
    ("title = \"My card\"", "title = \" \"", "line 2, column 9", "one line"),
    ("source = \"its manual\"", "source = \"a\\nb\"", "line 4, column 10", "one line"),
    ("name = \"PIN\"", "name = \"PIN 1\"", "line 8, column 8", "letters, digits and dashes"),
    ("name = \"PUK\"", "name = \"pin\"", "line 19, column 8", "two references PIN"),
    ("key = 0x82", "key = 0x81", "line 21, column 7", "PIN and PUK are one: key 81"),
    // Lengths and numbers.
    ("key = 0x81", "key = 256", "line 10, column 7", "256"),
    ("key = 0x81", "key = -1", "line 10, column 7", "-1"),
    ("key = 0x81", "", "line 9, column 8", "a PIN has a key"),
    ("byte = 0xFF, to = 8 }\nleast = 6", "byte = 300, to = 8 }\nleast = 6", "line 12, column 16", "300"),
    ("least = 6", "least = 0", "line 13, column 9", "1 to 8"),
    ("least = 6", "least = 9", "line 13, column 9", "1 to 8"),
    ("most = 8\ncounter = \"verify\"", "most = 65\ncounter = \"verify\"", "line 14, column 8", "1 to 64"),
    ("most = 8\ncounter = \"verify\"", "most = 9\ncounter = \"verify\"", "line 12, column 27", "9 bytes"),
    ("to = 8 }\nleast = 6", "to = 65 }\nleast = 6", "line 12, column 27", "1 to 64"),
    ("least = 6", "least = 6\ntries = 0", "line 14, column 9", "one try"),
    // Encodings.
    ("encoding = \"ascii\"", "encoding = \"utf8\"", "line 11, column 12", "unknown variant `utf8`"),
    ("encoding = \"ascii\"", "encoding = \"bcd\"\nalphabet = \"any\"", "line 12, column 12", "digits only"),
    ("encoding = \"ascii\"", "encoding = \"glp\"", "line 12, column 7", "always 8 bytes"),
    // The application.
    ("aid = [\"A0", "aid = [\"G0", "line 5, column 8", "hexadecimal"),
    ("aid = [\"A0 00 00 00 63 50 4B 43 53 2D 31 35\"]", "aid = [\"A0 00\"]", "line 5, column 8", "5 to 16"),
    ("aid = [\"A0 00 00 00 63 50 4B 43 53 2D 31 35\"]", "", "line 1, column 8", "aid and select"),
    ("aid = [\"A0", "select = [\"00 A4 00 0C\"]\naid = [\"A0", "line 5, column 10", "not by both"),
    ("aid = [\"A0 00 00 00 63 50 4B 43 53 2D 31 35\"]", "select = [\"00 A4 00 0C\"]", "line 5, column 10", "atr"),
    ("aid = [\"A0", "aid = [\n  \"A0 00 00 00 63\",\n  \"G0", "line 7, column 3", "hexadecimal"),
    ("aid = [\"A0", "atr = [\"3B *\"]\naid = [\"A0", "line 5, column 8", "every kind"),
    ("key = 0x81", "key = 0x81\nselect = [\"00 20 00 81\"]", "line 11, column 11", "not SELECT"),
    // Counters and serial numbers.
    (
        "counter = \"verify\"",
        "counter.get-data = { command = \"00 CA 00 C4 00\", left = \"\" }",
        "line 15, column 57",
        "at least one tag",
    ),
    (
        "counter = \"verify\"",
        "counter.get-data = { command = \"00 B0 00 00 00\", left = \"80\" }",
        "line 15, column 32",
        "not GET DATA",
    ),
    (
        "counter = \"verify\"",
        "tries = 3\ncounter.get-data = { command = \"00 CA 00 C4 00\", left = \"80\", limit = \"81\" }",
        "line 15, column 9",
        "the card tells its limit",
    ),
    (
        "\n[[reference]]\nname = \"PIN\"",
        "\n[serial]\nshown = \"hex\"\n[[reference]]\nname = \"PIN\"",
        "line 7, column 1",
        "file and get-data",
    ),
    (
        "\n[[reference]]\nname = \"PIN\"",
        "\n[serial]\nfile = [\"00 A4 00 0C\"]\nshown = \"hex\"\nlength = 65\n[[reference]]\nname = \"PIN\"",
        "line 10, column 10",
        "1 to 64",
    ),
    // Status words.
    ("aid = [\"A0", "status-words = { \"69\" = \"wrong\" }\naid = [\"A0", "line 5, column 18", "four digits"),
    ("aid = [\"A0", "status-words = { 9000 = \"wrong\" }\naid = [\"A0", "line 5, column 18", "every card"),
    ("aid = [\"A0", "status-words = { 6985 = \"bad\" }\naid = [\"A0", "line 5, column 25", "unknown variant `bad`"),
    // Resets.
    ("by = \"PUK\"", "by = \"PUK1\"", "line 16, column 17", "no reference of that name"),
    ("by = \"PUK\"", "by = \"PIN\"", "line 16, column 17", "a PUK or an SO PIN"),
    ("forms = [0, 1]", "forms = [4]", "line 16, column 32", "0, 1, 2 and 3"),
    ("forms = [0, 1]", "forms = []", "line 16, column 32", "once"),
    ("forms = [0, 1]", "forms = [1, 1]", "line 16, column 32", "once"),
    ("forms = [0, 1] }", "forms = [0] }, { by = \"PUK\", forms = [1] }", "line 16, column 46", "named twice"),
    ("key = 0x82\n", "", "line 18, column 1", "change = false"),
    // First values.
    ("least = 6", "least = 6\nfirst.set = { after = \"PUK\" }", "line 14, column 23", "not set in this way"),
    ("least = 6", "least = 6\nfirst.set = { after = \"X\" }", "line 14, column 23", "no reference of that name"),
    ("least = 6", "least = 6\nfirst.null-pin = { value = \"\" }", "line 14, column 28", "no bytes"),
    ("least = 6", "least = 6\nfirst.transport-pin = { least = 5, most = 9 }", "line 14, column 43", "fits"),
    ("least = 6", "least = 6\nfirst.magic = {}", "line 14, column 7", "unknown variant `magic`"),
];

#[test]
fn every_fault_is_refused_with_its_line_and_column() {
    Profile::parse(LEAST, "FILE").unwrap();
    let mut missed = Vec::new();
    for (right, wrong, place, why) in REFUSALS {
        assert!(LEAST.contains(right), "{right}");
        let refused = refused(&LEAST.replacen(right, wrong, 1));
        if !refused.starts_with(&format!("FILE, {place}")) || !refused.contains(why) {
            missed.push(format!("{wrong}: {refused}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_card_without_a_user_pin_is_none() {
    let refused = refused(&LEAST.replace("user-pin", "so-pin"));
    assert!(refused.contains("no reference of role user-pin"), "{refused}");
}

#[test]
fn one_key_at_two_places_is_two_references() {
    let elsewhere = LEAST.replace("key = 0x82", "key = 0x81\nselect = [\"00 A4 01 0C 02 AD F2\"]");
    Profile::parse(&elsewhere, "FILE").unwrap();
}

#[test]
fn what_a_file_holds_is_shown_escaped() {
    let refused = refused("\"\\u001B[2J\" = 1");
    assert!(!refused.contains('\u{1B}') && refused.contains("line 1, column 1"), "{refused}");
}

#[test]
fn the_pattern_with_the_most_digits_tells_what_a_status_word_means() {
    let words =
        "\n[status-words]\n63xx = \"blocked\"\n63Cx = \"wrong\"\n6985 = \"unset\"\n\n[[reference]]\nname = \"PIN\"";
    let profile = Profile::parse(&LEAST.replace("\n[[reference]]\nname = \"PIN\"", words), "FILE").unwrap();
    assert_eq!(profile.means(0x63C2), Some(Means::Wrong));
    assert_eq!(profile.means(0x6300), Some(Means::Blocked));
    assert_eq!(profile.means(0x6985), Some(Means::Unset));
    assert_eq!(profile.means(0x6983), None);
}

#[test]
fn the_example_of_the_manual_is_a_profile_that_holds() {
    let manual = include_str!("../../../../../docs/profiles.md");
    let examples: Vec<&str> = manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let whole: Vec<&&str> = examples.iter().filter(|example| example.starts_with("name = ")).collect();
    assert!(!whole.is_empty());
    for example in whole {
        Profile::parse(example, "docs/profiles.md").unwrap();
    }
}

#[test]
fn the_manual_names_every_key() {
    let manual = include_str!("../../../../../docs/profiles.md");
    let refused = refused("x = 1");
    let named = |text: &str| text.split('`').skip(3).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let keys = [
        named(&refused),
        named(&self::refused(&LEAST.replacen("key", "x", 1))),
        named(&self::refused(&LEAST.replacen("\n[[", "\n[serial]\nx = 1\n[[", 1))),
        named(&self::refused(&LEAST.replacen("counter = \"verify\"", "counter.get-data = { x = 1 }", 1))),
        named(&self::refused(&LEAST.replacen("counter = \"verify\"", "first.x = {}", 1))),
    ];
    for key in keys.iter().inspect(|keys| assert!(keys.len() > 2, "{keys:?}")).flatten() {
        assert!(manual.contains(&format!("`{key}`")), "docs/profiles.md says nothing of {key}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_by_an_error(text in any::<String>()) {
        let _ = Profile::parse(&text, "FILE");
    }

    #[test]
    fn no_change_of_a_profile_makes_the_parser_fail_otherwise(at in 0..LEAST.len(), cut in 0..40_usize, put in ".{0,12}") {
        let end = (at + cut).min(LEAST.len());
        let text = format!("{}{put}{}", &LEAST[..at], &LEAST[end..]);
        if let Ok(profile) = Profile::parse(&text, "FILE") {
            let shown = super::super::preview(&profile);
            prop_assert!(!shown.operations.is_empty());
        }
    }

    #[test]
    fn an_answer_to_reset_is_compared_with_any_pattern(pattern in "(3B|xx|\\*| ){0,40}", atr in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(pattern) = Atr::try_from(pattern) {
            let _ = pattern.fits(&atr);
        }
    }
}
