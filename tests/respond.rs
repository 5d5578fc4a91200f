//! The help desk's half of challenge-response: published answers, groups for the telephone, and no token anywhere near.

use std::{io::ErrorKind, os::unix::net::UnixListener, path::Path};

use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    desk::{Desk, secret_file, set_mode},
    home,
    marks::found,
    pukka,
    running::shell,
    terminal::Terminal,
};

/// SP 800-67, appendix B.1: a key of 3DES, the first block ("The qufc"), and what it makes of it.
const KEY: &str = "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123";
const CHALLENGE: &str = "5468652071756663";
const RESPONSE: &str = "A826FD8CE53B855F";
/// The same two in groups, with check digits by hand: 2·8 → 1, +6, 2·4 = 8, +5: 20, and 12 is missing to 32; and so on.
const CHALLENGE_IN_GROUPS: &str = "5468C 6520E 71756 66632";
const RESPONSE_IN_GROUPS: &str = "A8267 FD8C5 E53BE 855FA";

/// FIPS 197, appendix C: keys of AES, and what each makes of 00112233445566778899AABBCCDDEEFF.
const AES_CHALLENGE: &str = "00112233445566778899AABBCCDDEEFF";
const AES: [(&str, &str); 3] = [
    ("000102030405060708090A0B0C0D0E0F", "69C4E0D86A7B0430D8CDB78070B4C55A"),
    ("000102030405060708090A0B0C0D0E0F1011121314151617", "DDA97CA4864CDFE06EAF70A0EC0D7191"),
    ("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "8EA2B7CA516745BFEAFC49904B496089"),
];

/// A call with KEY in its environment.
fn call(home: &TempDir, arguments: &[&str]) -> Pukka {
    pukka(home.path(), [&["respond"], arguments].concat()).env("KEY", KEY)
}

/// The answer to a challenge by the key in the environment.
fn respond(challenge: &str) -> Run {
    call(&home(), &["--challenge", challenge, "--admin-key", "env:KEY"]).run()
}

#[test]
fn eight_bytes_are_answered_with_3des() {
    let run = respond(CHALLENGE).code(0);
    assert_eq!(run.out, format!("{RESPONSE}\n"));
}

#[test]
fn sixteen_bytes_are_answered_with_aes_of_the_keys_length() {
    let home = home();
    for (key, response) in AES {
        let arguments = ["--challenge", AES_CHALLENGE, "--admin-key", "env:AES"];
        let run = call(&home, &arguments).env("AES", key).run().code(0);
        assert_eq!(run.out, format!("{response}\n"));
        let run = call(&home, &arguments).env("AES", key.to_lowercase()).run().code(0);
        assert_eq!(run.out, format!("{response}\n"));
    }
}

#[test]
fn the_groups_to_be_said_stand_on_standard_error_in_one_line_and_quiet_leaves_them_out() {
    let run = respond(CHALLENGE).code(0);
    assert!(run.err.lines().count() == 1 && run.err.ends_with(&format!("{RESPONSE_IN_GROUPS}\n")), "{run:?}");
    let quiet = call(&home(), &["-q", "--challenge", CHALLENGE, "--admin-key", "env:KEY"]).run().code(0);
    assert_eq!((quiet.out, quiet.err), (format!("{RESPONSE}\n"), String::new()));
}

#[test]
fn json_holds_the_response_and_its_groups() {
    let run = call(&home(), &["--json", "--challenge", CHALLENGE, "--admin-key", "env:KEY"]).run().code(0);
    assert!(run.out.starts_with(r#"{"schema":1,"command":"respond","response":""#) && run.err.is_empty(), "{run:?}");
    let groups: Vec<&str> = RESPONSE_IN_GROUPS.split(' ').collect();
    assert_eq!(
        run.json(),
        serde_json::json!({"schema": 1, "command": "respond", "response": RESPONSE, "groups": groups})
    );
}

#[test]
fn a_challenge_is_taken_as_windows_shows_it_and_as_it_is_said_and_typed() {
    for challenge in [
        "5468 6520 7175 6663",
        "5468-6520-7175-6663",
        "54-68-65-20-71-75-66-63",
        "54686520 71756663",
        "5468\u{2013}6520\u{2013}7175\u{2013}6663",
        CHALLENGE_IN_GROUPS,
        &CHALLENGE_IN_GROUPS.to_lowercase(),
        &CHALLENGE_IN_GROUPS.replace(' ', "-"),
        &CHALLENGE_IN_GROUPS.replace(' ', ""),
    ] {
        assert_eq!(respond(challenge).code(0).out, format!("{RESPONSE}\n"), "{challenge}");
    }
}

#[test]
fn groups_need_no_quotes() {
    for groups in ["5468 6520 7175 6663", CHALLENGE_IN_GROUPS] {
        for key_first in [true, false] {
            let key = ["--admin-key", "env:KEY"];
            let challenge: Vec<&str> = ["--challenge"].into_iter().chain(groups.split(' ')).collect();
            let arguments = if key_first { [&key, &challenge[..]].concat() } else { [&challenge, &key[..]].concat() };
            assert_eq!(call(&home(), &arguments).run().code(0).out, format!("{RESPONSE}\n"));
        }
    }
}

#[test]
fn what_is_said_in_groups_is_taken_in_groups() {
    let home = home();
    let arguments = ["--json", "--challenge", AES_CHALLENGE, "--admin-key", "env:AES"];
    let run = call(&home, &arguments).env("AES", AES[0].0).run().code(0).json();
    let groups: Vec<&str> = run["groups"].as_array().unwrap().iter().map(|group| group.as_str().unwrap()).collect();
    assert_eq!(groups.len(), 8);
    let again = |challenge: &str| {
        let arguments = ["--challenge", challenge, "--admin-key", "env:AES"];
        call(&home, &arguments).env("AES", AES[0].0).run().code(0).out
    };
    assert_eq!(again(&groups.join(" ")), again(AES[0].1));
}

#[test]
fn a_mistyped_group_is_named_and_not_repeated() {
    for (challenge, named, typed) in [
        ("5468C 6530E 71756 66632", "group 2 (digits 6 to 10)", "6530E"),
        ("5468C 6520E 71756 66623", "group 4 (digits 16 to 20)", "66623"),
        ("4568C 6520E 71756 66632", "group 1 (digits 1 to 5)", "4568C"),
        ("5468C6520E7l75666632", "group 3 (digits 11 to 15)", "7l756"),
        ("4568C 6520E 17756 66632", "groups 1 (digits 1 to 5) and 3 (digits 11 to 15)", "17756"),
        ("5468 6520 7I75 6663", "group 3 (digits 9 to 12)", "7I75"),
        ("5468C 6520 71756 66632", "4 in place of 5 digits in group 2", "6520"),
        ("5468 6520 71755 6663", "5 in place of 4 digits in group 3", "71755"),
    ] {
        let run = respond(challenge).code(2);
        assert!(run.err.contains("--challenge") && run.err.contains(named), "{challenge}: {run:?}");
        assert!(run.out.is_empty() && !run.err.contains(typed), "{run:?}");
        let json = call(&home(), &["--json", "--challenge", challenge, "--admin-key", "env:KEY"]).run().code(2).json();
        assert_eq!((&json["command"], &json["error"]["kind"]), (&"respond".into(), &"usage".into()));
    }
}

#[test]
fn a_challenge_of_another_length_is_exit_2_and_says_which_there_are() {
    for challenge in ["", "54", "546865207175666", "54686520717566630", &"0".repeat(48)] {
        let run = respond(challenge).code(2);
        assert!(run.err.contains("16 or 32") && run.err.contains("20 or 40"), "{challenge}: {run:?}");
    }
    for wrong in [&["--admin-key", "env:KEY"][..], &["--challenge", "--admin-key", "env:KEY"]] {
        let run = call(&home(), wrong).run().code(2);
        assert!(run.err.contains("--challenge") && run.err.contains("hint: pukka respond --help"), "{run:?}");
    }
}

#[test]
fn a_key_of_the_wrong_length_for_the_challenge_is_exit_6_and_says_which_it_takes() {
    for (key, named) in [(AES[0].0, "has 16 bytes"), (AES[2].0, "has 32 bytes")] {
        let arguments = ["--json", "--challenge", CHALLENGE, "--admin-key", "env:AES"];
        let json = call(&home(), &arguments).env("AES", key).run().code(6).json();
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains(named) && message.contains("3DES takes one of 24"), "{message}");
        assert_eq!(json["error"]["kind"], "policy");
    }
}

#[test]
fn a_key_that_is_none_is_exit_6_and_names_the_option() {
    let long = KEY.repeat(2);
    let odd = ["", &KEY[1..], &KEY[..16], &long, &KEY.replace('F', "G"), &KEY.replacen("01", " 1", 2), "secret"];
    for key in odd {
        let run = call(&home(), &["--challenge", CHALLENGE, "--admin-key", "env:ODD"]).env("ODD", key).run().code(6);
        assert!(run.err.contains("--admin-key") && run.out.is_empty(), "{key:?}: {run:?}");
    }
}

#[test]
fn a_key_is_taken_from_every_source_of_a_present_value() {
    let home = home();
    let file = secret_file(&home.path().join("key"), format!("{KEY}\n"));
    let file = format!("file:{}", file.display());
    let from = |source: &str| call(&home, &["--challenge", CHALLENGE, "--admin-key", source]);
    assert_eq!(from(&file).run().code(0).out, format!("{RESPONSE}\n"));
    assert_eq!(from("stdin").stdin(&format!("{KEY}\r\n")).run().code(0).out, format!("{RESPONSE}\n"));
    let run = shell(from("fd:3"), r#""$PUKKA" "$@" 3<"$HOME/key""#).code(0);
    assert_eq!(run.out, format!("{RESPONSE}\n"));
    let alias = call(&home, &["--challenge", CHALLENGE, "--management-key", "env:KEY"]);
    assert_eq!(alias.run().code(0).out, format!("{RESPONSE}\n"));
}

#[test]
fn the_call_of_the_contract_works_as_it_stands() {
    let home = home();
    secret_file(&home.path().join("KEY"), KEY);
    let call = call(&home, &["--challenge", "0011223344556677", "--admin-key", "file:KEY"]);
    let run = shell(call, r#"cd "$HOME" && "$PUKKA" "$@""#).code(0);
    assert!(run.out.len() == 17 && run.out.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()), "{run:?}");
}

#[test]
fn sources_are_held_to_their_rules() {
    let home = home();
    let file = secret_file(&home.path().join("key"), KEY);
    set_mode(&file, 0o644);
    let open = format!("file:{}", file.display());
    for (source, said) in [
        (open.as_str(), "open to other users"),
        ("env:UNSET_HERE", "is not set"),
        ("file:/nonexistent", "does not exist"),
        ("generate", "cannot be generated"),
        ("pinpad", "keys of a token"),
        (KEY, "every process"),
    ] {
        let run = call(&home, &["--challenge", CHALLENGE, "--admin-key", source]).run().code(2);
        assert!(run.err.contains("--admin-key") && run.err.contains(said), "{said}: {run:?}");
        assert!(!run.err.contains(KEY), "{run:?}");
    }
    let lines = call(&home, &["--challenge", CHALLENGE, "--admin-key", "stdin"]).stdin(&format!("{KEY}\nmore\n"));
    assert!(lines.run().code(2).err.contains("more lines"));
}

#[test]
fn a_missing_key_is_asked_for_on_the_terminal_and_not_shown() {
    let home = home();
    for arguments in [&["--challenge", CHALLENGE][..], &["--challenge", CHALLENGE, "--admin-key", "prompt"]] {
        let mut terminal = Terminal::spawn(call(&home, arguments).command());
        terminal.expect("Admin key (32, 48 or 64 hexadecimal digits): ").send(&format!("{KEY}\r"));
        let (code, shown) = terminal.wait();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains(RESPONSE) && shown.contains(RESPONSE_IN_GROUPS) && !shown.contains(KEY), "{shown}");
    }
    let mut terminal = Terminal::spawn(call(&home, &["--challenge", CHALLENGE]).command());
    terminal.expect("Admin key").expect(": ").send("\x03");
    assert_eq!(terminal.wait().0, 130);
}

#[test]
fn a_mistyped_challenge_is_said_before_the_key_is_asked_for() {
    let (code, shown) = Terminal::spawn(call(&home(), &["--challenge", "5468C 6530E 71756 66632"]).command()).wait();
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("group 2") && !shown.contains("Admin key"), "{shown}");
}

#[test]
fn where_nobody_can_be_asked_a_missing_key_is_exit_2_and_named_by_its_option() {
    for more in [&["--no-input"][..], &[], &["--no-input", "--admin-key", "prompt"]] {
        let run = call(&home(), &[&["--challenge", CHALLENGE], more].concat()).run().code(2);
        assert!(run.err.contains("the admin key is missing") && run.err.contains("--admin-key"), "{run:?}");
    }
    let mut terminal = Terminal::spawn(call(&home(), &["--challenge", CHALLENGE, "--no-input"]).command());
    terminal.expect("is missing");
    assert_eq!(terminal.wait().0, 2);
}

/// Somebody where pcscd is sought, who notes whether anyone comes.
fn listener(home: &Path) -> UnixListener {
    let listener = UnixListener::bind(home.join("no-pcscd")).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

#[test]
fn no_module_is_loaded_pcscd_is_not_called_and_nothing_is_written() {
    let desk = Desk::blank();
    let pcscd = listener(desk.home.path());
    let before = std::fs::read_dir(desk.home.path()).unwrap().count();
    let arguments = ["respond", "--challenge", CHALLENGE, "--admin-key", "env:KEY"];
    for more in [&[][..], &["--json"], &["--token", "desk-7"], &["--trace", "-v"], &["--application", "piv"]] {
        let run = desk.logged(&[&arguments[..], more].concat()).env("KEY", KEY).run().code(0);
        assert!(run.out.contains(RESPONSE) && !run.err.contains("trace"), "{run:?}");
    }
    desk.nothing_was_opened();
    assert_eq!(pcscd.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(std::fs::read_dir(desk.home.path()).unwrap().count(), before);
    // So that this could fail: what does look for tokens is noted.
    desk.logged(&["list", "--via", "pkcs11"]).run();
    assert!(!desk.calls().is_empty());
}

#[test]
fn the_key_is_in_nothing_that_is_written() {
    let home = home();
    let key = "8F3A71C25D9E604B17C8A2F36E5B90D4437C1EA9B8062FD5";
    let (lower, half) = (key.to_lowercase(), &key[..24]);
    let marks = [half, &key[24..], &lower[..24], &lower[24..]];
    for manner in [&[][..], &["--json"], &["--trace", "-v"], &["--dry-run"], &["--trace", "-v", "--json"]] {
        for challenge in [CHALLENGE, AES_CHALLENGE, "5468C 6530E 71756 66632", "12"] {
            for value in [key, &lower, half, &format!("{key}g"), &format!(" {key}"), &format!("{}x", &key[..47])] {
                let arguments = [&["--challenge", challenge, "--admin-key", "env:MARK"], manner].concat();
                let run = call(&home, &arguments).env("MARK", value).run();
                assert!([0, 2, 6].contains(&run.code), "{run:?}");
                assert_eq!(found(&run.out, &marks).or(found(&run.err, &marks)), None, "{run:?}");
            }
            let run = call(&home, &[&["--challenge", challenge, "--admin-key", key], manner].concat()).run().code(2);
            assert_eq!(found(&run.out, &marks).or(found(&run.err, &marks)), None, "{run:?}");
        }
        // A key in the place of the challenge, too.
        let run = call(&home, &[&["--challenge", key, "--admin-key", "env:KEY"], manner].concat()).run().code(2);
        assert_eq!(found(&run.out, &marks).or(found(&run.err, &marks)), None, "{run:?}");
    }
}
