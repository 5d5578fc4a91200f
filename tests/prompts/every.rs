//! Every prompt there is, a row each, held to the same manners: nothing is shown of what is typed, whatever ends it restores the
//! terminal and sends nothing, and a paste that brings more than the value is said to be a problem and never trimmed.

use super::*;
use crate::support::{Pukka, cards::VirtualCard};

/// What is typed or pasted; it is no value that any token has, and long enough for all of them.
const TYPED: &str = "48151623";

/// A question that comes up.
struct Prompt {
    /// The call, with its sources.
    call: &'static str,
    /// What is answered before: a part of each question, and the answer.
    before: &'static [(&'static str, &'static str)],
    /// What the question begins with.
    question: &'static str,
    /// What is asked for.
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A value that the token has, which is asked for once: what nobody meant ends the call.
    Present,
    /// A value that the token is to get, or a response: it is asked for again.
    Again,
    /// The same a second time.
    Repetition,
    /// A word that may be shown.
    Word,
}
use Kind::{Again, Present, Repetition, Word};

const fn prompt(call: &'static str, question: &'static str, kind: Kind) -> Prompt {
    Prompt { call, before: &[], question, kind }
}

const fn behind(
    call: &'static str,
    before: &'static [(&'static str, &'static str)],
    question: &'static str,
    kind: Kind,
) -> Prompt {
    Prompt { call, before, question, kind }
}

const OF_PKCS11: [Prompt; 10] = [
    prompt("pin verify", "PIN of desk-7", Present),
    prompt("pin change --new-pin prompt", "PIN of desk-7", Present),
    prompt("pin change --pin env:PIN", "New PIN of desk-7", Again),
    behind("pin change --pin env:PIN", &[("New PIN", NEW)], "The same new PIN again", Repetition),
    prompt("pin reset --new-pin env:NEW", "SO PIN of desk-7", Present),
    prompt("pin reset --so-pin env:SO", "New PIN of desk-7", Again),
    prompt("so-pin change --so-pin env:SO", "New SO PIN of desk-7", Again),
    behind("so-pin change --so-pin env:SO", &[("New SO PIN", NEW)], "The same new SO PIN again", Repetition),
    prompt("token init --token desk-7 --so-pin env:SO", "to go on", Word),
    prompt("respond --challenge 0011223344556677", "Admin key", Present),
];

const OF_A_BLANK_TOKEN: [Prompt; 2] = [
    prompt("token init --label desk-7", "New SO PIN of", Again),
    behind("token init --label desk-7", &[("New SO PIN", NEW)], "The same new SO PIN again", Repetition),
];

const OF_PIV: [Prompt; 6] = [
    prompt("pin verify", "PIN of", Present),
    prompt("pin reset --new-pin env:NEW", "PUK of", Present),
    prompt("puk change --puk env:PUK", "New PUK of", Again),
    behind("puk change --puk env:PUK", &[("New PUK", "70361492")], "The same new PUK again", Repetition),
    prompt("admin-key change --new-admin-key env:KEY", "anagement key of", Present),
    prompt("admin-key change --admin-key env:KEY", "New ", Again),
];

const OF_OPENPGP: [Prompt; 5] = [
    prompt("pin reset --new-pin env:NEW --by so-pin", "dmin PIN of", Present),
    prompt("pin reset --new-pin env:NEW --by reset-code", "eset code of", Present),
    prompt("reset-code set", "dmin PIN of", Present),
    prompt("reset-code set --so-pin env:SO", "New reset code of", Again),
    behind("reset-code set --so-pin env:SO", &[("New reset code", NEW)], "The same new reset code again", Repetition),
];

const OF_GIDS: [Prompt; 2] = [
    prompt("pin reset --by challenge --new-pin env:NEW", "Response to the challenge", Again),
    prompt("pin reset --by admin-key --new-pin env:NEW", "key of", Present),
];

/// Where a prompt comes up, and what tells that nothing came of it.
trait Place {
    fn call(&self, line: &str) -> Pukka;
    fn nothing_was_sent(&self);
}

impl Place for Desk {
    fn call(&self, line: &str) -> Pukka {
        self.logged(&line.split(' ').collect::<Vec<_>>())
    }

    #[track_caller]
    fn nothing_was_sent(&self) {
        Desk::nothing_was_sent(self);
    }
}

/// A card in a reader.
struct AtReader {
    application: &'static str,
    home: tempfile::TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
}

impl AtReader {
    fn new(application: &'static str, card: Card) -> Self {
        let (pcscd, [card]) = Pcscd::with([card]);
        Self { application, home: home(), pcscd, card }
    }
}

impl Place for AtReader {
    fn call(&self, line: &str) -> Pukka {
        self.card.clear_trace();
        let words = line.split(' ').chain(["--application", self.application]);
        pukka(self.home.path(), words).envs(self.pcscd.envs()).envs([
            ("NEW", NEW),
            ("PUK", "12345678"),
            ("SO", "12345678"),
            ("KEY", "010203040506070801020304050607080102030405060708"),
            ("RC", "24682468"),
        ])
    }

    #[track_caller]
    fn nothing_was_sent(&self) {
        for (command, _) in self.card.apdus() {
            // VERIFY with a value, CHANGE REFERENCE DATA, RESET RETRY COUNTER, EXTERNAL AUTHENTICATE, PUT DATA, what Yubico added.
            let sends = match &command[2..4] {
                "20" => command.len() > 10,
                instruction => ["24", "2C", "82", "DA", "DB", "FA", "FF"].contains(&instruction),
            };
            assert!(!sends, "{command}");
        }
    }
}

impl Prompt {
    /// Up to the question, which waits for its answer.
    #[track_caller]
    fn come_up(&self, place: &dyn Place) -> Terminal {
        let mut terminal = Terminal::spawn(place.call(self.call).command());
        for (question, answer) in self.before {
            terminal.expect(question).expect(": ").send(&format!("{answer}\r"));
        }
        terminal.expect(self.question).expect(": ");
        assert_eq!(terminal.echoes(), self.kind == Word, "{}", self.call);
        terminal
    }

    /// Ends in this way with exit 130; nothing was sent, and the terminal is as it was.
    #[track_caller]
    fn ends(&self, place: &dyn Place, how: impl FnOnce(&mut Terminal)) {
        let mut terminal = self.come_up(place);
        how(&mut terminal);
        let (code, shown) = terminal.wait_restored();
        assert_eq!(code, 130, "{}: {shown}", self.call);
        assert!(shown.contains("nothing was changed and no try was spent"), "{}: {shown}", self.call);
        assert!(self.kind == Word || !shown.contains(TYPED), "{}: {shown}", self.call);
        place.nothing_was_sent();
    }

    /// What is pasted beside the value is said to be a problem: a value of now ends the call, another is asked for again.
    #[track_caller]
    fn is_pasted(&self, place: &dyn Place, pasted: &str, problem: &str) {
        let mut terminal = self.come_up(place);
        terminal.resize().send(pasted);
        let code = match self.kind {
            Present | Word => 6,
            Again => {
                terminal.expect(problem).expect(self.question).send("\x03");
                130
            }
            Repetition => {
                terminal.expect("the two entries differ").expect("New ").expect(": ").send("\x03");
                130
            }
        };
        let (ended, shown) = terminal.wait_restored();
        assert_eq!(ended, code, "{}: {shown}", self.call);
        let said = match self.kind {
            Present | Again => problem,
            Repetition => "differ",
            Word => "not confirmed",
        };
        assert!(shown.contains(said), "{}: {shown}", self.call);
        assert!(self.kind == Word || !shown.contains(TYPED), "{}: {shown}", self.call);
        place.nothing_was_sent();
    }
}

/// Holds each prompt to all of it.
#[track_caller]
fn behave(place: &dyn Place, prompts: &[Prompt]) {
    for prompt in prompts {
        for keys in ["\x03", &format!("{TYPED}\x03"), "\x04", &format!("{TYPED}\x04\x04")] {
            prompt.ends(place, |terminal| {
                terminal.send(keys);
            });
        }
        prompt.ends(place, |terminal| {
            // Nothing is typed: what arrives behind the end is the shell's, and shown.
            kill(Pid::from_raw(terminal.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        });
        let mut terminal = prompt.come_up(place);
        terminal.send(TYPED);
        assert_eq!(terminal.close(), Some(130), "{}", prompt.call);
        place.nothing_was_sent();

        let white = "white space at its beginning or end, which is refused and not trimmed";
        prompt.is_pasted(place, &format!("{TYPED} \r"), white);
        prompt.is_pasted(place, &format!("\x1b[200~{TYPED}\x1b[201~\r"), "an escape sequence");
    }
}

#[test]
fn every_prompt_of_a_pkcs11_token_behaves() {
    behave(&Desk::new(), &OF_PKCS11);
}

#[test]
fn every_prompt_of_a_blank_token_behaves() {
    behave(&Desk::blank(), &OF_A_BLANK_TOKEN);
}

#[test]
fn every_prompt_of_a_piv_card_behaves() {
    behave(&AtReader::new("piv", Card::piv()), &OF_PIV);
}

#[test]
fn every_prompt_of_an_openpgp_card_behaves() {
    let place = AtReader::new("openpgp", Card::openpgp());
    place.call("reset-code set --so-pin env:SO --new-reset-code env:RC").run().code(0);
    behave(&place, &OF_OPENPGP);
}

#[test]
fn every_prompt_of_a_gids_card_behaves() {
    let key = "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123";
    let card = Card::stand_in("gids").dialect(&format!("admin-key={key}"));
    behave(&AtReader::new("gids", card), &OF_GIDS);
}
