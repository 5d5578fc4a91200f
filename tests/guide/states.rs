//! A transcript for each state that a PIN can be in, written from what a person has to be told.

use super::*;

/// What is shown up to the answer `q`, which does nothing.
#[track_caller]
fn told(mut terminal: Terminal, expected: &str) {
    terminal.expect("Your choice (").expect("): ").send("q\r");
    let (code, shown) = terminal.wait();
    assert_eq!(lines(&shown), format!("{expected}q\nNothing was done.\n"));
    assert_eq!(code, 0);
}

/// A token of SoftHSM2 behind `rule`, and what is said of it below the line that names it.
#[track_caller]
fn told_of_module(rule: &str, expected: &str) {
    let soft = Soft::new("desk-7", Some("123456"));
    let there = format!("The token desk-7 in slot {} of libfault_module.so is there.\n", soft.slot());
    let expected = expected.replace("SEL", &format!("pkcs11:token=desk-7;serial={}", soft.serial));
    let faults = Faults::new();
    told(soft.guide(if rule.is_empty() { faults } else { faults.rule(rule) }), &(there + &expected));
    soft.desk.nothing_was_sent();
}

const PIV: &str = "PIV 5437251 in the reader Virtual PCD 00 00 is there.\n";
const CHANGE_PIV: &str = "
  1  Change the PIN, where you know the old one
     pukka pin change --token 'card:serial=5437251;application=piv'
  2  Set a new PIN in place of one that is forgotten, with the PUK
     pukka pin reset --token 'card:serial=5437251;application=piv'
  q  Nothing

Your choice (1, 2 or q): ";

#[test]
fn ready() {
    let reader = Reader::with(Card::piv());
    let said = "The PIN is ready; three tries are left. Nothing has to be done.\n";
    told(reader.guide(), &[PIV, said, CHANGE_PIV].concat());
    assert_eq!(reader.presented(), 0);
    reader.send(WRONG_PIN, 1);
    let said = "The PIN is ready; two tries are left. Nothing has to be done.\n";
    told(reader.guide(), &[PIV, said, CHANGE_PIV].concat());
}

#[test]
fn ready_on_a_token_that_does_not_count() {
    told_of_module(
        "",
        "The PIN is ready; this token does not count tries. Nothing has to be done.

  1  Change the PIN, where you know the old one
     pukka pin change --token 'SEL'
  2  Set a new PIN in place of one that is forgotten, with the SO PIN
     pukka pin reset --token 'SEL'
  q  Nothing

Your choice (1, 2 or q): ",
    );
}

#[test]
fn at_the_value_of_delivery() {
    let reader = Reader::with(Card::stand_in("piv").dialect("card=yubikey"));
    reader.send(WRONG_PIN, 1);
    told(
        reader.guide(),
        "PIV 5437251 in the reader Virtual PCD 00 00 is there.
The PIN is ready; two of its three tries are left. The PIN, the PUK and the
management key still have the values of delivery, which anyone can look up.

  1  Change the PIN
     pukka pin change --token 'card:serial=5437251;application=piv'
  2  Change the PUK
     pukka puk change --token 'card:serial=5437251;application=piv'
  q  Nothing

Your choice (1, 2 or q): ",
    );
}

#[test]
fn with_one_try_left_the_safer_way_comes_first_and_what_a_wrong_pin_does_is_said_beforehand() {
    let reader = Reader::with(Card::piv());
    reader.send(WRONG_PIN, 2);
    let mut terminal = reader.guide();
    terminal.expect("Your choice (1, 2 or q): ").send("2\r").expect("(1 try left): ").send("999999\r");
    terminal.expect("New PIN of ").expect("): ").send("904627\r").expect("again: ").send("904627\r");
    let (code, shown) = terminal.wait();
    assert!(
        lines(&shown).starts_with(
            "PIV 5437251 in the reader Virtual PCD 00 00 is there.
The PIN is ready; one try is left, and a wrong value now blocks it; the token
does not tell how many tries the PUK has left. Once the PIN is blocked, it takes
the PUK to bring it back.

  1  Set a new PIN in place of one that is forgotten, with the PUK
     pukka pin reset --token 'card:serial=5437251;application=piv'
  2  Change the PIN, where you know the old one; a wrong PIN blocks it
     pukka pin change --token 'card:serial=5437251;application=piv' --allow-last-try=user-pin
  q  Nothing

Your choice (1, 2 or q): 2

$ pukka pin change --token 'card:serial=5437251;application=piv' --allow-last-try=user-pin
PIN of piv 5437251 (1 try left): \n"
        ),
        "{shown}"
    );
    assert_eq!(code, 5, "{shown}");
    assert!(shown.contains("error: the PIN is blocked: that was its last try"), "{shown}");
}

#[test]
fn blocked_with_its_puk_what_destroys_is_named_with_its_price_and_not_offered() {
    let reader = Reader::with(Card::stand_in("piv").dialect("card=yubikey"));
    reader.send(WRONG_PIN, 3);
    reader.send(WRONG_PUK, 3);
    let (code, shown) = reader.guide().wait();
    assert_eq!(
        lines(&shown),
        "PIV 5437251 in the reader Virtual PCD 00 00 is there.
The PIN is blocked; the PUK is blocked too. The management key still has the
value of delivery, which anyone can look up.
Nothing on this token brings the PIN back: ask whoever issued it. What else is
left is to begin anew, by which everything on the token is lost, every key and
certificate too. That is never offered here; its command is
  pukka token erase --token 'card:serial=5437251;application=piv'
"
    );
    assert_eq!((code, reader.presented()), (0, 0));
}

#[test]
fn unset_and_set_by_the_so() {
    let soft = Soft::new("desk-7", None);
    let mut terminal = soft.guide(Faults::new());
    terminal.expect("Your choice (1 or q): ").send("1\r").expect("SO PIN of ").expect("): ").send("12345678\r");
    terminal.expect("New PIN of ").expect("): ").send("86420975\r").expect("again: ").send("86420975\r");
    let (code, shown) = terminal.wait();
    let (slot, serial) = (soft.slot(), &soft.serial);
    assert!(
        lines(&shown).starts_with(&format!(
            "The token desk-7 in slot {slot} of libfault_module.so is there.
The PIN has not been set yet.

  1  Set the first PIN, with the SO PIN
     pukka pin set --token 'pkcs11:token=desk-7;serial={serial}'
  q  Nothing

Your choice (1 or q): 1

$ pukka pin set --token 'pkcs11:token=desk-7;serial={serial}'
SO PIN of desk-7 (it does not count tries): \n"
        )),
        "{shown}"
    );
    assert_eq!(code, 0, "{shown}");
    assert!(soft.desk.is_pin("86420975"));
}

#[test]
fn unset_on_a_card_that_takes_the_first_pin_from_anyone() {
    let reader = Reader::with(Card::stand_in("gids").dialect("pin=none"));
    let mut terminal = reader.guide();
    terminal.expect("The PIN has not been set yet.").expect("  1  Set the first PIN\r\n     pukka pin set --token ");
    terminal.expect("Your choice (1 or q): ").send("1\r");
    terminal.expect("New PIN of ").expect("): ").send("904627\r").expect("again: ").send("904627\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn must_be_changed() {
    told_of_module(
        "token-flags=+0x80000", // CKF_USER_PIN_TO_BE_CHANGED
        "The PIN must be changed before it can be used; this token does not count tries.

  1  Change the PIN
     pukka pin change --token 'SEL'
  q  Nothing

Your choice (1 or q): ",
    );
}

#[test]
fn a_transport_pin_must_be_changed_too_and_is_in_the_dialogue() {
    let reader = Reader::with(Card::stand_in("sc-hsm").dialect("options=0003"));
    let mut terminal = reader.guide();
    terminal.expect("The PIN must be changed before it can be used").expect("  1  Change the PIN\r\n");
    terminal.expect("Your choice (1 or q): ").send("1\r").expect("PIN of ").expect(": ").send("648219\r");
    terminal.expect("New PIN of ").expect("): ").send("904627\r").expect("again: ").send("904627\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn unknown_is_said_to_be_unknown() {
    let reader = Reader::with(Card::stand_in("sc-hsm").dialect("query=6F00"));
    let mut terminal = reader.guide();
    terminal.expect("The token does not tell whether the PIN is ready or blocked;");
    terminal.expect("  1  Change the PIN, where you know the old one\r\n");
    terminal.expect("  2  Set a new PIN in place of one that is forgotten, with the SO PIN\r\n");
    terminal.expect("Your choice (1, 2 or q): ").send("q\r");
    assert_eq!(terminal.wait().0, 0);
    assert_eq!(reader.presented(), 0);
}

#[test]
fn low() {
    told_of_module(
        "token-flags=+0x10000", // CKF_USER_PIN_COUNT_LOW
        "The PIN is ready; a wrong value was given since the last right one. Nothing has
to be done.

  1  Change the PIN, where you know the old one
     pukka pin change --token 'SEL'
  2  Set a new PIN in place of one that is forgotten, with the SO PIN
     pukka pin reset --token 'SEL'
  q  Nothing

Your choice (1, 2 or q): ",
    );
}

#[test]
fn final_try() {
    told_of_module(
        "token-flags=+0x20000", // CKF_USER_PIN_FINAL_TRY
        "The PIN is ready; one try is left, and a wrong value now blocks it. Once the PIN
is blocked, it takes the SO PIN to bring it back.

  1  Set a new PIN in place of one that is forgotten, with the SO PIN
     pukka pin reset --token 'SEL'
  2  Change the PIN, where you know the old one; a wrong PIN blocks it
     pukka pin change --token 'SEL' --allow-last-try=user-pin
  q  Nothing

Your choice (1, 2 or q): ",
    );
}

#[test]
fn locked() {
    told_of_module(
        "token-flags=+0x40000", // CKF_USER_PIN_LOCKED
        "The PIN is blocked.

  1  Set a new PIN, with the SO PIN
     pukka pin reset --token 'SEL'
  q  Nothing

Your choice (1 or q): ",
    );
}

#[test]
fn several_pins_of_one_card_go_by_their_names() {
    let reader = Reader::with(Card::stand_in("iso7816").dialect("card=esteid-2018"));
    let mut terminal = reader.guide();
    terminal.expect("PIN1 is ready; three tries are left. PIN2 is ready; three tries are left.");
    terminal.expect("  1  Change PIN1, where you know the old one\r\n").expect(" --reference PIN1\r\n");
    terminal.expect("  3  Change PIN2, where you know the old one\r\n").expect(" --reference PIN2\r\n");
    terminal.expect("Your choice (1 to 4, or q): ").send("1\r").expect("PIN1 of ").expect(": ").send("1234\r");
    terminal.expect("New PIN1 of ").expect("): ").send("2718\r").expect("again: ").send("2718\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
}
