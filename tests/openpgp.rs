//! OpenPGP cards: real firmware behind a real pcscd. What the card has is asked of it beside pukka, by another program.

mod admin;
mod change;
mod dialects;
mod erase;
mod status;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    cards::{Card, Pcscd, VirtualCard},
    home, pukka,
};

const SELECT: &str = "00A4040006D2760001240100";
const COUNTERS: &str = "00CA00C400";

/// A desk with one OpenPGP card as delivered: PW1 123456, PW3 12345678, no reset code, three tries each.
struct Desk {
    home: TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
}

fn desk() -> Desk {
    desk_with(Card::openpgp())
}

fn desk_with(card: Card) -> Desk {
    let (pcscd, [card]) = Pcscd::with([card]);
    Desk { home: home(), pcscd, card }
}

impl Desk {
    /// A call with what the environment holds for it; the card's trace begins with it.
    fn call(&self, line: &str) -> Pukka {
        self.card.clear_trace();
        pukka(self.home.path(), line.split_whitespace()).envs(self.pcscd.envs()).envs([
            ("PIN", "123456"),
            ("NEW", "271828"),
            ("WRONG", "999999"),
            ("SURPLUS", "1234567"),
            ("ADMIN", "12345678"),
            ("ADMIN2", "87654321"),
            ("RC", "24682468"),
        ])
    }

    #[track_caller]
    fn run(&self, line: &str) -> Run {
        self.call(line).run()
    }

    /// The error object of a call that ends with this exit code.
    #[track_caller]
    fn refused(&self, line: &str, code: i32) -> Value {
        let run = self.run(&format!("{line} --json")).code(code);
        let object = run.json();
        assert_eq!((&object["schema"], &object["error"]["exit_code"]), (&1.into(), &code.into()), "{run:?}");
        object["error"].clone()
    }

    /// What another program is answered to these commands, the application selected before them. The card is left reset.
    fn ask<const N: usize>(&self, commands: [&str; N]) -> [String; N] {
        let answers = self.pcscd.send(0, &[&[SELECT][..], &commands].concat());
        self.pcscd.reset(0);
        answers[1..].to_vec().try_into().unwrap()
    }

    /// The tries of PW1, reset code and PW3, as DO C4 tells them to another program.
    fn counters(&self) -> [u8; 3] {
        let [told] = self.ask([COUNTERS]);
        [8, 10, 12].map(|at| u8::from_str_radix(&told[at..at + 2], 16).unwrap())
    }

    /// What the card answers to a value, presented by another program.
    fn verify(&self, key_reference: u8, value: &str) -> String {
        let hex: String = value.bytes().map(|byte| format!("{byte:02X}")).collect();
        let [answer] = self.ask([&format!("002000{key_reference:02X}{:02X}{hex}", value.len())]);
        answer
    }

    /// Spends tries of a PIN till so many are left.
    #[track_caller]
    fn leave_tries(&self, key_reference: u8, left: u8) {
        let place = if key_reference == 0x81 { 0 } else { 2 };
        for _ in left..self.counters()[place] {
            self.verify(key_reference, "99999999");
        }
        assert_eq!(self.counters()[place], left);
    }

    /// A desk whose card has the reset code 24682468.
    fn with_reset_code(self) -> Self {
        let set = self.ask(["00200083083132333435363738", "00DA00D3083234363832343638"]);
        assert_eq!(set, ["9000", "9000"]);
        self
    }

    /// The commands that the card got since the last call began, as CLA INS P1 P2.
    fn headers(&self) -> Vec<String> {
        self.card.apdus().iter().map(|(command, _)| command[..8].to_owned()).collect()
    }

    /// Those of them that are neither SELECT nor GET DATA.
    fn telling(&self) -> Vec<String> {
        self.headers().into_iter().filter(|header| !["A4", "CA"].contains(&&header[2..4])).collect()
    }
}
