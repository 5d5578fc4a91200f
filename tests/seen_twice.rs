//! One device seen over PC/SC and through a module, or through two modules, is one token.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Pukka, Run,
    cards::{Card, Pcscd, VirtualCard},
    desk::{Desk, LABEL, selectors},
    home,
    modules::{opensc, ykcs11},
    pukka,
    softhsm::{Faults, calls, softhsm_module},
};

const PROXY: &str = "p11-kit-proxy.so";

/// Cards, and a home.
struct Cards<const N: usize> {
    pcscd: Pcscd,
    _cards: [VirtualCard; N],
    home: TempDir,
}

fn cards<const N: usize>(cards: [Card; N]) -> Cards<N> {
    let (pcscd, cards) = Pcscd::in_readers_of("Yubico YubiKey CCID", cards);
    Cards { pcscd, _cards: cards, home: home() }
}

impl<const N: usize> Cards<N> {
    fn call(&self, modules: &[&Path], line: &str) -> Pukka {
        let named = modules.iter().flat_map(|module| ["--module".into(), module.display().to_string()]);
        let arguments = line.split_whitespace().map(str::to_owned).chain(named);
        pukka(self.home.path(), arguments).envs(self.pcscd.envs()).envs([("PIN", "123456"), ("HSM", "648219")])
    }

    #[track_caller]
    fn tokens(&self, modules: &[&Path], line: &str) -> Vec<Value> {
        tokens(&self.call(modules, &format!("{line} --json")).run().code(0))
    }
}

fn tokens(run: &Run) -> Vec<Value> {
    run.json()["tokens"].as_array().unwrap().clone()
}

fn routes(tokens: &[Value]) -> Vec<&str> {
    tokens.iter().map(|token| token["route"].as_str().unwrap()).collect()
}

fn yubikey() -> Card {
    Card::stand_in("piv").dialect("card=yubikey")
}

#[test]
fn a_card_that_a_module_shows_too_is_one_token_and_the_native_route_is_taken() {
    for (card, module, pin) in [
        (yubikey(), ykcs11(), "PIN"),
        (yubikey(), opensc(), "PIN"),
        (Card::piv(), opensc(), "PIN"),
        (Card::openpgp(), opensc(), "PIN"),
        (Card::stand_in("sc-hsm"), opensc(), "HSM"),
    ] {
        let desk = cards([card]);
        let modules = [module.as_path()];
        for words in ["list", "status"] {
            assert_eq!(routes(&desk.tokens(&modules, words)), ["pcsc"], "{words} {module:?}");
            assert_eq!(routes(&desk.tokens(&modules, &format!("{words} --via pcsc"))), ["pcsc"], "{module:?}");
            let asked = desk.tokens(&modules, &format!("{words} --via pkcs11"));
            assert!(!asked.is_empty() && asked.iter().all(|token| token["route"] == "pkcs11"), "{asked:?}");
        }
        let text = desk.call(&modules, "list").run().code(0);
        assert_eq!(text.out.lines().count(), 1, "{text:?}");

        // One candidate needs no naming, and the dry run tells what would be sent.
        let verify = format!("pin verify --pin env:{pin}");
        let done = desk.call(&modules, &format!("{verify} --json")).run().code(0).json();
        assert!(done["token"]["selector"].as_str().unwrap().starts_with("card:"), "{done}");
        if module == ykcs11() {
            let done = desk.call(&modules, &format!("{verify} --via pkcs11 --json")).run().code(0).json();
            assert!(done["token"]["selector"].as_str().unwrap().starts_with("pkcs11:"), "{done}");
        }
    }
}

#[test]
fn what_names_the_modules_token_finds_it_still() {
    let desk = cards([Card::piv()]);
    let (module, native) = (opensc(), "5437251");
    let modules = [module.as_path()];
    let shown = desk.tokens(&modules, "list --via pkcs11")[0].clone();
    let (selector, serial) = (shown["selector"].as_str().unwrap(), shown["serial"].as_str().unwrap());
    assert!(selector.contains(&format!("serial={serial}")) && serial != native, "{shown}");
    for (token, prefix) in [
        (selector, "pkcs11:"),
        (serial, "pkcs11:"),
        ("PIV_II", "pkcs11:"),
        (native, "card:"),
        ("card:serial=5437251", "card:"),
    ] {
        let mut tail = vec!["status".to_owned(), token.to_owned(), "--json".to_owned()];
        tail.extend(["--module".to_owned(), module.display().to_string()]);
        let found = tokens(&pukka(desk.home.path(), tail).envs(desk.pcscd.envs()).run().code(0));
        assert_eq!(found.len(), 1, "{token}");
        assert!(found[0]["selector"].as_str().unwrap().starts_with(prefix), "{token}: {found:?}");
    }
}

#[test]
fn of_two_modules_at_one_reader_the_first_that_was_named_is_taken() {
    let desk = cards([yubikey()]);
    let (opensc, ykcs11) = (opensc(), ykcs11());
    for modules in [[&opensc, &ykcs11], [&ykcs11, &opensc]] {
        let named = modules.map(PathBuf::as_path);
        let shown = desk.tokens(&named, "list --via pkcs11");
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!(shown[0]["module"].as_str(), modules[0].to_str());
        assert_eq!(routes(&desk.tokens(&named, "list")), ["pcsc"]);
    }
    // The other one's token is found by what it alone says of it.
    let both = [opensc.as_path(), ykcs11.as_path()];
    let shown = desk.tokens(&both, "status pkcs11:serial=5437251");
    assert_eq!((shown.len(), shown[0]["module"].as_str()), (1, ykcs11.to_str()));
}

#[test]
fn what_the_proxy_shows_of_a_module_that_was_named_too_is_one_token() {
    let desk = cards([Card::piv()]);
    let opensc = opensc();
    let shown = desk.tokens(&[&opensc, Path::new(PROXY)], "list --via pkcs11");
    let of_card: Vec<&Value> = shown.iter().filter(|token| token["label"] == "PIV_II").collect();
    assert_eq!(of_card.len(), 1, "{shown:?}");
    assert_eq!(of_card[0]["module"].as_str(), opensc.to_str());
}

#[test]
fn the_tokens_that_one_module_shows_in_one_reader_stay_several() {
    let desk = cards([Card::openpgp()]);
    let opensc = opensc();
    let labels = |modules: &[&Path]| {
        let shown = desk.tokens(modules, "list --via pkcs11");
        let mut labels: Vec<String> =
            shown.iter().map(|token| token["label"].as_str().unwrap_or_default().to_owned()).collect();
        labels.retain(|label| label.starts_with("OpenPGP"));
        labels
    };
    let both = ["OpenPGP card (User PIN)", "OpenPGP card (User PIN (sig))"];
    assert_eq!(labels(&[&opensc]), both);
    assert_eq!(labels(&[&opensc, Path::new(PROXY)]), both);
}

#[test]
fn cards_in_two_readers_stay_two_whatever_they_say_of_themselves() {
    let desk = cards([Card::piv(), Card::piv()]);
    let opensc = opensc();
    assert_eq!(routes(&desk.tokens(&[&opensc], "list")), ["pcsc", "pcsc"]);
    assert_eq!(
        desk.tokens(&[&opensc, Path::new(PROXY)], "list --via pkcs11")
            .iter()
            .filter(|token| token["label"] == "PIV_II")
            .count(),
        2
    );
}

#[test]
fn one_serial_in_a_card_and_in_a_token_of_another_kind_is_two_tokens() {
    let desk = Desk::new();
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("sc-hsm")]);
    let serial: String = b"DEV00DEC0DE".iter().map(|byte| format!("{byte:02x}")).collect();
    let faults = Faults::new().rule(format!("token-only=6465736b2d37;token-serial={serial}"));
    let shown = tokens(&desk.faulty(&faults, "list --json").envs(pcscd.envs()).run().code(0));
    let same: Vec<Value> = shown.into_iter().filter(|token| token["serial"] == "DEV00DEC0DE").collect();
    assert_eq!(routes(&same), ["pcsc", "pkcs11"]);
    // So the serial alone does not tell which is meant, and nothing is guessed.
    let verify = "pin verify --token DEV00DEC0DE --pin env:PIN --json";
    let error = desk.faulty(&faults, verify).envs(pcscd.envs()).run().code(3).json()["error"].clone();
    assert_eq!(error["kind"], "ambiguous-token");
    assert_eq!(error["candidates"].as_array().unwrap().len(), 2, "{error}");
}

#[test]
fn a_software_token_through_its_module_and_the_proxy_is_one() {
    let desk = Desk::new();
    let both = |words: &str| {
        desk.call(words).with(|command| {
            command.args(["--module", PROXY]);
        })
    };
    let shown = tokens(&both("list --json").run().code(0));
    let live: Vec<&Value> = shown.iter().filter(|token| token["label"] == LABEL).collect();
    assert_eq!(live.len(), 1, "{shown:?}");
    assert_eq!(live[0]["module"].as_str(), softhsm_module().to_str());
    both("pin change --pin env:PIN --new-pin env:NEW").run().code(0);
    // Alone, the proxy shows it.
    let alone = desk.bare("list --json --module p11-kit-proxy.so").run().code(0);
    assert!(selectors(&alone).iter().any(|one| one.contains(LABEL)), "{alone:?}");
}

#[test]
fn a_card_that_pcsc_shows_is_not_hidden_by_a_module_that_cannot_read_it() {
    let desk = cards([yubikey()]);
    for module in [ykcs11(), opensc()] {
        let faults = Faults::before(module).rule("C_GetTokenInfo=CKR_DEVICE_ERROR");
        let call = |words: &str| desk.call(&[&faults.module()], words).with(|command| faults.envs(command)).run();
        let listing = call("list --json").code(0).json();
        assert_eq!((listing["tokens"].as_array().unwrap().len(), &listing["problems"]), (1, &json!([])), "{listing}");
        call("pin verify --pin env:PIN").code(0);
        // Where the module alone was asked, that is what has to be told.
        assert_eq!(call("pin verify --pin env:PIN --via pkcs11 --json").code(8).json()["error"]["kind"], "device");
    }
}

#[test]
fn slots_are_asked_for_their_readers_only_where_there_is_something_to_compare_them_with() {
    let desk = Desk::new();
    let (_, called) = desk.watched(Faults::new(), "list");
    assert!(!called.iter().any(|call| call == "C_GetSlotInfo"), "{called:?}");
    let (pcscd, _cards) = Pcscd::with([Card::stand_in("gids")]);
    let log = desk.path("log");
    desk.faulty(&Faults::new().log(&log), "list").envs(pcscd.envs()).run().code(0);
    let asked = || calls(&log).iter().filter(|call| call.starts_with("C_GetSlotInfo ")).count();
    assert_eq!(asked(), 2, "the token and the blank one");
    // A name that one token alone has leaves nothing to compare.
    std::fs::remove_file(&log).unwrap();
    desk.faulty(&Faults::new().log(&log), "status desk-7").envs(pcscd.envs()).run().code(0);
    assert_eq!(asked(), 0);
}
