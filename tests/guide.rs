//! `pukka` alone on a terminal: what it says of each state, what it offers, and what comes of the answers.

mod answers;
mod nothing;
mod states;

use tempfile::TempDir;

use crate::support::{
    Pukka,
    cards::{Card, Pcscd, VirtualCard},
    desk::{Desk, SO},
    home, pukka,
    softhsm::Faults,
    terminal::Terminal,
};

/// What a terminal shows for a line that nobody types: the answer to a question of which nothing is shown.
const UNSEEN: &str = "";

const SELECT_PIV: &str = "00A4040009A00000030800001000";
const WRONG_PIN: &str = "002000800839393939393939FF";
const WRONG_PUK: &str = "002C0080103939393939393939323731383238FFFF";

/// A reader with one card in it, and a home.
struct Reader {
    home: TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
}

impl Reader {
    fn with(card: Card) -> Self {
        let (pcscd, [card]) = Pcscd::with([card]);
        Self { home: home(), pcscd, card }
    }

    fn call(&self, words: &str) -> Pukka {
        self.card.clear_trace();
        pukka(self.home.path(), words.split_whitespace()).envs(self.pcscd.envs())
    }

    /// The dialogue.
    fn guide(&self) -> Terminal {
        Terminal::spawn(self.call("").command())
    }

    /// Another program sends this to the PIV card, so often.
    fn send(&self, apdu: &str, times: usize) {
        self.pcscd.send(0, &[&[SELECT_PIV][..], &vec![apdu; times]].concat());
    }

    /// The commands that presented a secret: VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER with data.
    fn presented(&self) -> usize {
        let secret = |command: &str| ["20", "24", "2C"].contains(&&command[2..4]) && command.len() > 10;
        self.card.apdus().iter().filter(|(command, _)| secret(command)).count()
    }
}

/// A token of SoftHSM2, its serial and its slot.
struct Soft {
    desk: Desk,
    serial: String,
}

impl Soft {
    fn new(label: &str, pin: Option<&str>) -> Self {
        let desk = Desk::blank();
        let serial = desk.store.token(label, SO, pin);
        Self { desk, serial }
    }

    /// The slot id, which SoftHSM2 makes from the last eight digits of the serial.
    fn slot(&self) -> u32 {
        u32::from_str_radix(&self.serial[8..], 16).unwrap() & 0x7fff_ffff
    }

    fn guide(&self, faults: Faults) -> Terminal {
        Terminal::spawn(self.desk.logged_behind(faults, &["--via", "pkcs11"]).command())
    }
}

/// All that was shown, as lines of text.
fn lines(shown: &str) -> String {
    shown.replace("\r\n", "\n")
}

#[test]
fn a_blocked_pin_is_told_with_the_tries_of_its_puk_and_a_new_one_is_set_by_it() {
    let reader = Reader::with(Card::stand_in("piv").dialect("card=yubikey"));
    reader.send(WRONG_PIN, 3);
    let mut terminal = reader.guide();
    terminal.expect("Your choice (1 or q): ").send("1\r");
    terminal.expect("PUK of ").expect("): ").send("12345678\r");
    terminal.expect("New PIN of ").expect("): ").send("264859\r").expect("again: ").send("264859\r");
    let (code, shown) = terminal.wait();
    assert_eq!(
        lines(&shown),
        format!(
            "PIV 5437251 in the reader Virtual PCD 00 00 is there.
The PIN is blocked; the PUK has three tries left. The PUK and the management key
still have the values of delivery, which anyone can look up.

  1  Set a new PIN, with the PUK
     pukka pin reset --token 'card:serial=5437251;application=piv'
  q  Nothing

Your choice (1 or q): 1

$ pukka pin reset --token 'card:serial=5437251;application=piv'
PUK of piv 5437251 (3 of 3 tries left): {UNSEEN}
New PIN of piv 5437251 (6 to 8 digits): {UNSEEN}
The same new PIN again: {UNSEEN}
piv 5437251: PIN reset by the PUK and confirmed; 3 tries left
"
        )
    );
    assert_eq!(code, 0);
    reader.call("pin verify --pin env:PIN --no-input").env("PIN", "264859").run().code(0);
}

#[test]
fn a_card_that_does_not_tell_the_tries_of_its_puk_is_said_not_to_and_the_way_is_the_same() {
    let reader = Reader::with(Card::piv());
    reader.send(WRONG_PIN, 3);
    let mut terminal = reader.guide();
    terminal.expect("Your choice (1 or q): ").send("1\r");
    terminal.expect("PUK of ").expect("): ").send("12345678\r");
    terminal.expect("New PIN of ").expect("): ").send("264859\r").expect("again: ").send("264859\r");
    let (code, shown) = terminal.wait();
    assert!(
        lines(&shown).starts_with(
            "PIV 5437251 in the reader Virtual PCD 00 00 is there.
The PIN is blocked; the token does not tell how many tries the PUK has left.

  1  Set a new PIN, with the PUK
     pukka pin reset --token 'card:serial=5437251;application=piv'
  q  Nothing

Your choice (1 or q): 1

$ pukka pin reset --token 'card:serial=5437251;application=piv'
PUK of piv 5437251 (it does not tell how many tries are left): \n"
        ),
        "{shown}"
    );
    assert_eq!(code, 0, "{shown}");
    reader.call("pin verify --pin env:PIN --no-input").env("PIN", "264859").run().code(0);
}

#[test]
fn a_wrong_puk_ends_the_dialogue_as_it_ends_the_command() {
    let reader = Reader::with(Card::piv());
    reader.send(WRONG_PIN, 3);
    let mut terminal = reader.guide();
    terminal.expect("Your choice (1 or q): ").send("1\r").expect("PUK of ").expect("): ").send("99999999\r");
    terminal.expect("New PIN of ").expect("): ").send("264859\r").expect("again: ").send("264859\r");
    let (code, shown) = terminal.wait();
    assert!(lines(&shown).ends_with("The same new PIN again: \nerror: wrong PUK; 2 tries left [SW 63C2]\n"), "{shown}");
    assert_eq!(code, 4, "{shown}");
}
