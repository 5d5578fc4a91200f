//! The way to cards: pcscd, readers, and other programs.

use crate::support::{
    cards::{Card, Hold, Pcscd},
    home, pukka,
    terminal::Terminal,
};

/// PIV cards alone, and what a person is asked for.
const CHANGE: [&str; 4] = ["pin", "change", "--application", "piv"];

#[test]
fn a_pin_is_changed_on_a_terminal() {
    let home = home();
    let (pcscd, [_card]) = Pcscd::with([Card::piv()]);
    let mut terminal = Terminal::spawn(pukka(home.path(), CHANGE).envs(pcscd.envs()).command());
    terminal.expect("PIN of").send("123456\r").expect("New PIN").send("271828\r").expect("again").send("271828\r");
    let (code, shown) = terminal.wait();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(pcscd.send(0, &["00A4040009A00000030800001000", "0020008008323731383238FFFF"])[1], "9000");
    let _ = Hold::Shared;
}
