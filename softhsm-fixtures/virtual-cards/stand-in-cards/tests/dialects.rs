//! Every switch turned: how cards were seen to differ, each cell by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use stand_in_cards::{application, card::Card, hex, slot::Card as _};

const GIDS: &str = "00A4040009A00000039742544659";
const HSM: &str = "00A404000BE82B0601040181C31F0201";
const WRONG: &str = "0020008006393939393939";
const RIGHT: &str = "0020008006313233343536";
const QUERY: &str = "00200080";
const COUNTER: &str = "00CB3FFF045C027F7100";
const CHANGE_WRONG: &str = "002400800C393939393939363534333231";
const CHANGE_SHORT: &str = "0024008009313233343536313233";

/// What a card in this dialect says to these commands, after it was selected.
fn say(name: &str, switches: &[&str], commands: &[&str]) -> Vec<String> {
    let mut applications = vec![application::by_name(name).unwrap()];
    for switch in switches {
        application::turn(&mut applications, switch).unwrap();
    }
    applications.iter_mut().for_each(|application| application.deliver());
    let mut card = Card::new(applications, None);
    card.respond(&hex::decode(if name == "gids" { GIDS } else { HSM }).unwrap()).unwrap();
    let mut say = |command: &&str| hex::encode(&card.respond(&hex::decode(command).unwrap()).unwrap());
    commands.iter().map(&mut say).collect()
}

#[test]
fn a_wrong_value_is_told_in_many_ways_and_costs_a_try_in_each() {
    for (switch, commands, answers) in [
        ("wrong=6300", [WRONG, COUNTER], ["6300", "7F71069701029301039000"]),
        ("refusals=6982", [WRONG, COUNTER], ["6982", "7F71069701029301039000"]),
        ("change-wrong=6300", [CHANGE_WRONG, COUNTER], ["6300", "7F71069701029301039000"]),
        ("change-wrong=6982", [CHANGE_WRONG, COUNTER], ["6982", "7F71069701029301039000"]),
    ] {
        assert_eq!(say("gids", &[switch], &commands), answers, "{switch}");
    }
}

#[test]
fn the_last_wrong_try_and_a_blocked_pin_are_told_in_many_ways() {
    let commands = [WRONG, WRONG, RIGHT, QUERY, CHANGE_WRONG];
    for (switches, answers) in [
        (&["tries=2"][..], ["63C1", "63C0", "6983", "6983", "6983"]),
        (&["tries=2", "last=6983", "blocked=63C0"], ["63C1", "6983", "63C0", "6983", "6983"]),
        (&["tries=2", "query-blocked=63C0", "change-blocked=6300"], ["63C1", "63C0", "6983", "63C0", "6300"]),
        (&["tries=2", "refusals=6982"], ["6982", "6982", "6982", "6983", "6982"]),
    ] {
        assert_eq!(say("gids", switches, &commands), answers, "{switches:?}");
    }
}

#[test]
fn an_empty_verify_tells_of_the_tries_or_of_what_was_verified() {
    assert_eq!(say("gids", &[], &[RIGHT, QUERY]), ["9000", "63C3"]);
    assert_eq!(
        say("gids", &["query-verified=9000"], &[RIGHT, QUERY, "00200082", QUERY]),
        ["9000", "9000", "9000", "63C3"]
    );
    assert_eq!(say("gids", &["query=6A86"], &[QUERY]), ["6A86"]);
    assert_eq!(say("gids", &["counter=no"], &[COUNTER]), ["6A88"]);
}

#[test]
fn a_new_value_that_is_too_short_is_refused_in_many_ways_or_taken() {
    for (switch, answer) in
        [("change-short=6A80", "6A80"), ("change-short=6985", "6985"), ("change-short=6700", "6700")]
    {
        assert_eq!(say("gids", &[switch], &[CHANGE_SHORT, RIGHT]), [answer, "9000"], "{switch}");
    }
    let taken = ["change-short=9000", "verify-length=9000"];
    assert_eq!(say("gids", &taken, &[CHANGE_SHORT, "0020008003313233"]), ["9000", "9000"]);
}

#[test]
fn a_bad_length_is_refused_for_nothing_or_costs_a_try() {
    let short = "0020008003313233";
    assert_eq!(say("gids", &[], &[short, QUERY]), ["63C3", "63C3"]);
    assert_eq!(say("gids", &["verify-length=6700"], &[short, QUERY]), ["6700", "63C3"]);
    assert_eq!(say("gids", &["verify-length=9000"], &[short, QUERY]), ["63C2", "63C2"]);
    assert_eq!(say("gids", &["verify-restores=no"], &[WRONG, RIGHT, QUERY]), ["63C2", "9000", "63C2"]);
}

#[test]
fn the_options_of_a_smartcard_hsm_say_how_its_pin_is_reset() {
    let (reset, keep) = ("002C00810E3537363231383830363438323139", "002C0181083537363231383830");
    let (verify, keep_verified) = ("00200088083537363231383830", "002C0381");
    let commands = [reset, keep, verify, keep_verified];
    assert_eq!(say("sc-hsm", &["options=0001"], &commands), ["9000", "6986", "9000", "6986"]);
    assert_eq!(say("sc-hsm", &["options=0021"], &commands), ["9000", "9000", "9000", "9000"]);
    assert_eq!(say("sc-hsm", &["options=0000"], &commands), ["6986", "6986", "9000", "6986"]);
    let wrong = "002C00810E3939393939393939363438323139";
    assert_eq!(say("sc-hsm", &["so-tries=1"], &[wrong, reset, "00200088"]), ["6983", "6983", "6983"]);
    assert_eq!(say("sc-hsm", &["reset-wrong=6982"], &[wrong, "00200088"]), ["6982", "63CE"]);
    assert_eq!(say("sc-hsm", &["reset-short=6A80"], &["002C00810B3537363231383830313233"]), ["6A80"]);
}

#[test]
fn a_transport_pin_is_changed_before_it_is_verified() {
    let (right, change) = ("0020008106363438323139", "002400810C363438323139313233343536");
    let said = say("sc-hsm", &["options=0003"], &["00200081", right, change, "00200081", right]);
    assert_eq!(said, ["6984", "6984", "9000", "9000", "63C2"]);
}

#[test]
fn a_new_smartcard_hsm_has_no_pin_until_it_is_initialised() {
    let initialise = "805000001B8002000181063634383231398208353736323138383091010392010000";
    let initialise = &initialise[..initialise.len() - 8]; // without a key share
    let initialise = initialise.replacen("1B", &format!("{:02X}", initialise.len() / 2 - 5), 1);
    let said = say("sc-hsm", &["delivered=new"], &["00200081", &initialise, "00200081", "00200088"]);
    assert_eq!(said, ["6A88", "9000", "63C3", "63CF"]);
    let other = initialise.replace("3537363231383830", "3030303030303030");
    assert_eq!(say("sc-hsm", &[], &[&other, "00200088"]), ["6985", "63CE"]);
}

#[test]
fn a_gids_card_without_a_pin_takes_the_first_one_from_anyone_and_no_second() {
    let (set, query) = ("0024018006313233343536", "00200080");
    assert_eq!(say("gids", &["pin=none"], &[query, set, query, set]), ["6984", "9000", "63C3", "6982"]);
    assert_eq!(
        say("gids", &["delivered=blank"], &[query, set, set, COUNTER]),
        ["9000", "9000", "9000", "7F71069701039301039000"]
    );
}

#[test]
fn a_virtual_smart_card_gives_no_external_challenge() {
    let (select, external) = ("002281A403830180", "00870000047C02810000");
    let mutual = "00870000147C12811000112233445566778899AABBCCDDEEFF00";
    let said = say("gids", &["external=6A80"], &[select, external, mutual]);
    assert_eq!((&said[0][..], &said[1][..], &said[2][..8], said[2].len()), ("9000", "6A80", "7C128110", 44));
    let said = say("gids", &["mutual=6A80", "admin-cipher=aes"], &[select, mutual, external]);
    assert_eq!((&said[1][..], &said[2][..8], said[2].len()), ("6A80", "7C128110", 44));
}

#[test]
fn responses_come_at_once_or_are_fetched() {
    assert_eq!(say("gids", &["without-le=61xx"], &[GIDS, "00C0000014"])[0], "6114");
    assert_eq!(say("gids", &["with-le=6Cxx"], &[COUNTER])[0], "6C09");
    assert_eq!(say("gids", &["chaining=no"], &["10200080013100"])[0], "6884");
}
