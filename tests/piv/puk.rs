//! The PUK of a PIV card: what it resets, what a wrong one costs, how it is changed.

use serde_json::json;

use super::{SELECT, desk, desk_with, error};
use crate::support::{cards::Card, terminal::Terminal};

const RESET: &str = "pin reset --application piv --puk env:PUK --new-pin env:NEW";
const RESET_BY_WRONG: &str = "pin reset --application piv --puk env:PUK2 --new-pin env:NEW";
const CHANGE_PUK: &str = "puk change --application piv --puk env:PUK --new-puk env:PUK2";

#[test]
fn a_reset_by_the_puk_brings_a_new_pin_and_three_tries_in_at_most_five_apdus() {
    let desk = desk();
    for tries in [0, 1, 3] {
        desk.leave_tries(tries);
        let done = desk.run(&format!("{RESET} --json")).code(0).json();
        assert_eq!(desk.headers(), ["00A40400", "00F70081", "00CB3FFF", "002C0080", "00200080"]);
        // This card tells a counter to who asks for nothing else, and nobody did.
        assert_eq!(done["tries"], json!(null));
        assert_eq!(desk.card.resets(), 1);
        assert_eq!((&done["command"], &done["outcome"]), (&json!("pin reset"), &json!("reset")));
        assert_eq!((&done["role"], &done["by"], &done["confirmed"]), (&json!("user-pin"), &json!("puk"), &json!(true)));
        assert_eq!(desk.counter(), "63C3");
        assert_eq!(desk.verify("323731383238FFFF"), "9000");
    }
}

#[test]
fn a_wrong_puk_costs_one_of_its_tries_and_says_so() {
    let desk = desk();
    let wrong = error(&desk.run(&format!("{RESET_BY_WRONG} --json")).code(4));
    assert_eq!(wrong["kind"], "wrong-secret");
    assert_eq!((&wrong["role"], &wrong["tries_left"]), (&json!("puk"), &json!(2)), "{wrong}");
    assert_eq!(desk.presented().len(), 1);
    assert_eq!(desk.card.resets(), 1);
    let text = desk.run(RESET_BY_WRONG).code(4);
    assert!(text.err.contains("wrong PUK; 1 try left"), "{text:?}");
    assert_eq!(desk.counter(), "63C3", "the PIN's own counter is another");
    assert_eq!(desk.verify("313233343536FFFF"), "9000", "the PIN is the old one");
}

#[test]
fn a_blocked_puk_is_told_as_blocked_and_nobody_is_led_to_lose_everything_while_the_pin_works() {
    let desk = desk();
    for _ in 0..2 {
        desk.run(RESET_BY_WRONG).code(4);
    }
    for command in [RESET_BY_WRONG, RESET] {
        let blocked = error(&desk.run(&format!("{command} --json")).code(5));
        assert_eq!((&blocked["kind"], &blocked["role"]), (&json!("blocked"), &json!("puk")), "{blocked}");
        let hint = blocked["hint"].as_str().unwrap();
        assert!(hint.contains("the PIN still works") && !hint.contains("erase"), "{hint}");
    }
    assert_eq!(desk.verify("313233343536FFFF"), "9000", "the PIN is the old one");
}

#[test]
fn a_puk_is_changed_but_not_confirmed_since_a_proof_would_risk_it() {
    let desk = desk();
    let done = desk.run(&format!("{CHANGE_PUK} --json")).code(0).json();
    assert_eq!((&done["command"], &done["outcome"]), (&json!("puk change"), &json!("changed")));
    assert_eq!((&done["role"], &done["by"], &done["confirmed"]), (&json!("puk"), &json!("puk"), &json!(false)));
    assert_eq!(desk.presented(), ["002400811031323334353637383837363534333231"], "sent once, and never probed");
    assert_eq!(desk.card.resets(), 1);
    desk.run(RESET).code(4); // the old one
    desk.run(RESET_BY_WRONG).code(0); // which is the new one now
    assert_eq!(desk.verify("323731383238FFFF"), "9000");
}

#[test]
fn a_success_that_is_not_confirmed_says_so_in_its_line() {
    let run = desk().run(CHANGE_PUK).code(0);
    assert!(run.err.contains("PUK changed") && run.err.contains("not confirmed"), "{run:?}");
}

#[test]
fn a_wrong_puk_in_its_change_is_told_as_wrong_even_where_the_card_gives_no_number() {
    let desk = desk();
    let wrong = error(
        &desk.run("puk change --application piv --puk env:PUK2 --new-puk env:PUK --json").code(4), // the card says 6300
    );
    assert_eq!((&wrong["role"], &wrong["tries_left"]), (&json!("puk"), &json!(null)), "{wrong}");
    let probe = ["002C0080103939393939393939313233343536FFFF"];
    assert_eq!(desk.pcscd.send(0, &[SELECT, probe[0]])[1], "63C1", "one try was spent by pukka, one by this");
}

#[test]
fn a_puk_of_another_length_than_the_card_has_is_never_sent() {
    let desk = desk_with(Card::stand_in("piv").dialect("card=plain"));
    for line in [
        "pin reset --application piv --puk env:PIN --new-pin env:NEW",
        "puk change --application piv --puk env:PIN --new-puk env:PUK2",
    ] {
        let refused = error(&desk.run(&format!("{line} --json")).code(6));
        assert_eq!(refused["kind"], "policy", "{line}: {refused}");
        let said = refused["message"].as_str().unwrap();
        assert!(said.contains("cannot be the PUK, which has 8 characters") && !said.contains("123456"), "{said}");
        assert_eq!(desk.presented(), [""; 0], "{line}");
    }
    desk.run(RESET).code(0);
}

#[test]
fn a_short_puk_that_yubicos_extensions_may_have_is_sent_where_a_source_names_it() {
    for desk in [desk(), desk_with(Card::stand_in("piv").dialect("card=yubikey"))] {
        desk.run("pin reset --application piv --puk env:PIN --new-pin env:NEW").code(4);
        assert_eq!(desk.presented().len(), 1);
    }
}

#[test]
fn a_person_who_types_the_pin_for_the_puk_is_asked_again_before_a_try_is_spent() {
    let desk = desk();
    let reset = || Terminal::spawn(desk.call("pin reset --application piv --new-pin env:NEW").command());
    let mut terminal = reset();
    terminal.expect("PUK of ").send("123456\r");
    terminal.expect("a PUK mostly has 8 characters or more; type it again to send it all the same");
    terminal.expect("PUK of ");
    assert_eq!(desk.presented(), [""; 0], "not yet");
    terminal.send("12345678\r");
    let (code, shown) = terminal.wait();
    assert_eq!((code, desk.presented().len()), (0, 2), "{shown}"); // the reset and its proof

    let mut terminal = reset();
    terminal.expect("PUK of ").send("123456\r");
    terminal.expect("type it again").expect("PUK of ").send("123456\r");
    let (code, shown) = terminal.wait();
    assert_eq!((code, desk.presented().len()), (4, 1), "{shown}");
}
