//! What a page has before it: a home, tokens, cards in readers, and secrets in variables.

use std::fs;

use tempfile::TempDir;

use super::{page::Block, shell::Shell};
use crate::support::{
    cards::{Card, Pcscd, VirtualCard},
    desk::secret_file,
    home, pukka,
    softhsm::{SoftHsm, softhsm_module},
};

/// Where pages say SoftHSM2's module is; Debian has it there.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// The secrets of every bench, by variable. Those of the cards are their values of delivery.
const SECRETS: [(&str, &str); 11] = [
    ("PIN", "123456"),
    ("NEW_PIN", "904627"),
    ("WRONG_PIN", "777777"),
    ("PUK", "12345678"),
    ("NEW_PUK", "40718296"),
    ("SO_PIN", "12345678"),
    ("NEW_SO_PIN", "51904637"),
    ("RESET_CODE", "73018264"),
    ("ADMIN_KEY", GIDS_KEY),
    ("NEW_ADMIN_KEY", "0123456789abcdeffedcba98765432100f1e2d3c4b5a6978"),
    ("HSM_SO_PIN", "3537363231383830"),
];

const GIDS_KEY: &str = "000000000000000000000000000000000000000000000000";

/// One bench; all of it goes when the page's next begins.
pub struct Bench {
    pub shell: Shell,
    home: TempDir,
    _cards: Vec<VirtualCard>,
    _pcscd: Option<Pcscd>,
    _store: Option<SoftHsm>,
}

impl Bench {
    /// By word: `softhsm`, a store with a blank slot, or `desk-7`, one with a token of that label; else a card for the next reader.
    /// `colours` leaves them on.
    #[track_caller]
    pub fn new(words: &[String]) -> Self {
        let home = home();
        let mut call = pukka(home.path(), [""; 0]).envs(SECRETS);
        let (mut store, mut cards, mut coloured) = (None, Vec::new(), false);
        for word in words {
            match word.as_str() {
                "colours" => coloured = true,
                "softhsm" => store = Some(SoftHsm::new()),
                "desk-7" => store.get_or_insert_with(SoftHsm::new).token("desk-7", "12345678", Some("123456")).clear(),
                other => cards.push(card(other)),
            }
        }
        let pcscd = (!cards.is_empty()).then(|| Pcscd::with_readers(cards.len()));
        let inserted =
            pcscd.iter().flat_map(|pcscd| cards.iter().cloned().enumerate().map(|(at, card)| pcscd.insert(at, card)));
        let inserted = inserted.collect();
        if let Some(pcscd) = &pcscd {
            call = call.envs(pcscd.envs());
        }
        let config = match &store {
            Some(store) => {
                call = call.with(|command| store.envs(command));
                format!("modules = [\"{}\"]\n", softhsm_module().display())
            }
            // What the machine that tests has in p11-kit is not on the page.
            None => "modules = []\n".to_owned(),
        };
        fs::create_dir_all(home.path().join("config/pukka")).unwrap();
        fs::write(home.path().join("config/pukka/config.toml"), config).unwrap();
        secret_file(&home.path().join("admin-key"), format!("{GIDS_KEY}\n"));
        let call = if coloured { call.env("TERM", "xterm-256color") } else { call.env("NO_COLOR", "1") };
        let shell = Shell::start(home.path(), call);
        Self { shell, home, _cards: inserted, _pcscd: pcscd, _store: store }
    }

    /// Runs a command, with the module where this machine has it.
    #[track_caller]
    pub fn run(&mut self, command: &str, questions: &[(String, String)]) -> (i32, String) {
        self.shell.run(&command.replace(MODULE, softhsm_module().to_str().unwrap()), questions)
    }

    /// Writes a file that the page shows and names.
    pub fn file(&self, block: &Block) {
        if let Some(name) = &block.file {
            secret_file(&self.home.path().join(name), &block.text);
        }
    }
}

/// A card as it is delivered.
#[track_caller]
fn card(word: &str) -> Card {
    match word {
        "piv" => Card::piv(),
        "openpgp" => Card::openpgp(),
        "yubikey" => Card::stand_in("piv").dialect("card=yubikey"),
        "gids" => Card::stand_in("gids"),
        "hsm" => Card::stand_in("sc-hsm"),
        "isoapplet" => Card::stand_in("iso7816"),
        other => panic!("no bench has {other}"),
    }
}
