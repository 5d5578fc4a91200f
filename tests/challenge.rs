//! Challenge and response, both halves: the card's holder at one desk, `pukka respond` at another, and other programs at the
//! card in between.

mod others;
mod sources;

use std::{thread, time::Duration};

use serde_json::json;

use crate::{
    gids::{Desk, KEY, error},
    support::{home, marks::found, pukka, terminal::Terminal},
};

const BY_CHALLENGE: &str = "pin reset --application gids --by challenge --new-pin env:NEW";
const QUESTION: &str = "Response to the challenge ";

/// What the help desk says to a challenge: its answer in plain digits, and in groups.
fn help_desk(challenge: &str, key: &str) -> (String, String) {
    let words = ["respond", "--challenge", challenge, "--admin-key", "env:KEY", "--json"];
    let answer = pukka(home().path(), words).env("KEY", key).run().code(0).json();
    let groups: Vec<&str> = answer["groups"].as_array().unwrap().iter().map(|group| group.as_str().unwrap()).collect();
    (answer["response"].as_str().unwrap().to_owned(), groups.join(" "))
}

/// The last challenge that was said, and whatever stands under it.
#[track_caller]
fn challenge(said: &str) -> (String, String) {
    let behind = said.rsplit("challenge: ").next().unwrap();
    let mut lines = behind.lines();
    (lines.next().unwrap().trim().to_owned(), lines.next().unwrap().trim().to_owned())
}

/// The call on a terminal, up to the question for the response; and the challenge.
#[track_caller]
fn at_the_question(desk: &Desk, call: &str) -> (Terminal, String) {
    let mut terminal = Terminal::spawn(desk.call(call).command());
    terminal.expect(QUESTION);
    let challenge = challenge(&terminal.transcript()).0;
    (terminal, challenge)
}

/// The commands from the one with the challenge on, without their data.
fn from_the_challenge(desk: &Desk) -> Vec<String> {
    let sent = desk.sent();
    let asked = sent.iter().rposition(|command| command == "00870000047C02810000").unwrap();
    sent[asked..].iter().map(|command| command[..command.len().min(16)].to_owned()).collect()
}

/// A challenge, its answer as the very next command, the reset, the counter, the proof.
const ANSWERED: [&str; 5] =
    ["00870000047C0281", "008700000C7C0A82", "002C028006323731", "00CB3FFF045C027F", "0020008006323731"];

#[test]
fn a_pin_is_reset_by_what_the_help_desk_answers_to_the_challenge() {
    let desk = Desk::new();
    desk.leave_tries(0);
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    let groups = challenge(&terminal.transcript()).1;
    let said = groups.rsplit(": ").next().unwrap();
    // The help desk may be told it either way.
    let (response, spoken) = help_desk(&given, KEY);
    assert_eq!(help_desk(said, KEY).0, response);
    terminal.send(&format!("{spoken}\r"));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("PIN reset by the response to the challenge"), "{shown}");
    assert!(!shown.contains(&response) && !shown.contains(&spoken), "not echoed: {shown}");
    assert_eq!(from_the_challenge(&desk), ANSWERED);
    assert_eq!(desk.card.resets(), 1, "behind the proof");
    assert!(desk.is_pin("271828") && desk.tries().0 == 3);
}

#[test]
fn nothing_is_asked_behind_the_challenge_but_the_response() {
    let desk = Desk::new();
    let mut terminal = Terminal::spawn(desk.call("pin reset --application gids --by challenge").command());
    terminal.expect("New PIN of ");
    assert!(desk.sent().iter().all(|command| !command.starts_with("0087")), "no challenge yet");
    // What the policy refuses is refused before there is one.
    terminal.send("27\r").expect("too short").expect("New PIN of ").send("271828\r");
    terminal.expect("The same new PIN again").send("271828\r");
    terminal.expect("challenge: ").expect(QUESTION);
    let (response, _) = help_desk(&challenge(&terminal.transcript()).0, KEY);
    terminal.send(&format!("{response}\r"));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(from_the_challenge(&desk), ANSWERED);
}

#[test]
fn the_card_stays_powered_and_untouched_for_longer_than_pcscd_leaves_one_without_clients() {
    let desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    let before = desk.sent();
    thread::sleep(Duration::from_secs(8)); // pcscd powers off after 5
    assert_eq!((desk.sent(), desk.card.resets()), (before, 0));
    // Nor is the reader locked meanwhile.
    assert_eq!(desk.pcscd.send(0, &[]), [""; 0]);
    terminal.send(&format!("{}\r", help_desk(&given, KEY).0));
    assert_eq!(terminal.wait().0, 0);
    assert_eq!(from_the_challenge(&desk), ANSWERED);
}

#[test]
fn a_mistyped_group_is_named_and_asked_again_and_nothing_is_sent_for_it() {
    let desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    let (_, groups) = help_desk(&given, KEY);
    let mut groups: Vec<String> = groups.split(' ').map(str::to_owned).collect();
    let right = groups.clone();
    let first = groups[2].remove(0);
    groups[2].insert(0, if first == '0' { '1' } else { '0' });
    terminal.send(&format!("{}\r", groups.join(" "))).expect("group 3").expect(QUESTION);
    assert_eq!(from_the_challenge(&desk).len(), 1, "nothing was sent");
    terminal.send(&format!("{}\r", right.join("-").to_lowercase()));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(from_the_challenge(&desk), ANSWERED);
}

#[test]
fn a_card_of_aes_gives_a_challenge_of_sixteen_bytes() {
    let key = "000102030405060708090A0B0C0D0E0F";
    let desk = Desk::with(&["admin-cipher=aes", &format!("admin-key={key}")]);
    let (mut terminal, given) = at_the_question(&desk, BY_CHALLENGE);
    assert_eq!(given.len(), 32);
    terminal.send(&format!("{}\r", help_desk(&given, key).1));
    assert_eq!(terminal.wait().0, 0);
    assert!(desk.is_pin("271828"));
}

#[test]
fn who_gives_up_at_the_question_has_sent_nothing_more() {
    for (keys, code) in [("\x03", 130), ("\x04", 130)] {
        let desk = Desk::new();
        let (mut terminal, _) = at_the_question(&desk, BY_CHALLENGE);
        terminal.send(keys);
        let (ended, shown) = terminal.wait();
        assert_eq!(ended, code, "{shown}");
        assert_eq!(from_the_challenge(&desk).len(), 1);
        assert!(desk.is_pin("123456"));
    }
}

#[test]
fn a_card_that_gives_no_challenge_is_exit_7() {
    let desk = Desk::with(&["external=6A81"]);
    let refused = error(&desk.run(&format!("{BY_CHALLENGE} --response env:KEY --json")).code(7));
    assert_eq!(refused["kind"], "unsupported");
    assert_eq!(desk.presented(), [""; 0]);
}

#[test]
fn a_dry_run_draws_no_challenge_and_shows_the_plan() {
    let desk = Desk::new();
    let dry = |more: &str| desk.run(&format!("{BY_CHALLENGE} --dry-run --json{more}"));
    let planned = dry(" --response stdin").code(0).json();
    assert_eq!((&planned["outcome"], &planned["plan"]["by"]), (&json!("planned"), &json!("challenge")));
    assert_eq!(planned["plan"]["needs"], json!(["response", "new-pin"]));
    assert!(planned["plan"]["steps"].to_string().contains("challenge"), "{planned}");
    assert_eq!(dry("").code, 2, "nobody can be asked for the response");
    assert!(desk.headers().iter().all(|header| header != "00870000"), "{:?}", desk.headers());
}

#[test]
fn neither_the_response_nor_the_new_pin_stands_in_the_trace() {
    let desk = Desk::new();
    let (mut terminal, given) = at_the_question(&desk, &format!("{BY_CHALLENGE} --trace -v"));
    let (response, _) = help_desk(&given, KEY);
    terminal.send(&format!("{response}\r"));
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("trace: > GENERAL AUTHENTICATE"), "{shown}");
    assert_eq!(found(&shown, &["271828", KEY]), None, "{shown}");
    let spaced: Vec<&str> = (0..8).map(|at| &response[2 * at..][..2]).collect();
    assert!(!shown.contains(&response) && !shown.contains(&spaced.join(" ")), "{shown}");
}
