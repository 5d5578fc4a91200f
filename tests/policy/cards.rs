//! On cards: who may reset, and whether a last try may be spent.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::says;
use crate::support::{
    Pukka,
    administrator::Administrator,
    cards::{Card, Pcscd, VirtualCard},
    home, pukka,
    terminal::Terminal,
};

/// One card, and a file of the administrator's.
struct Ruled {
    home: TempDir,
    pcscd: Pcscd,
    card: VirtualCard,
    administrator: Administrator,
}

fn ruled(card: Card, config: &str) -> Ruled {
    let (pcscd, [card]) = Pcscd::with([card]);
    Ruled { home: home(), pcscd, card, administrator: Administrator::new(config) }
}

impl Ruled {
    fn call(&self, line: &str) -> Pukka {
        self.card.clear_trace();
        let secrets =
            [("PIN", "123456"), ("NEW", "264859"), ("WRONG", "999999"), ("PUK", "12345678"), ("RC", "26485927")];
        let call = pukka(self.home.path(), line.split_whitespace()).envs(self.pcscd.envs()).envs(secrets);
        self.administrator.over(call.env("KEY", KEY))
    }

    /// Runs it to a refusal of this kind that sent no secret.
    #[track_caller]
    fn refused(&self, line: &str, kind: &str) -> Value {
        let error = self.call(&format!("{line} --json")).run().code(6).json()["error"].clone();
        assert_eq!(error["kind"], kind, "{error}");
        let presented: Vec<String> = self
            .card
            .apdus()
            .into_iter()
            .map(|(command, _)| command)
            .filter(|command| ["20", "24", "2C", "82", "87", "DA"].contains(&&command[2..4]) && command.len() > 10)
            .collect();
        assert_eq!(presented, [""; 0]);
        error
    }

    fn can(&self) -> String {
        let status = self.call("status --json").run().code(0).json();
        status["tokens"][0]["can"].to_string()
    }
}

/// The management key of delivery.
const KEY: &str = "010203040506070801020304050607080102030405060708";

#[test]
fn a_new_pin_that_a_rule_refuses_sends_no_apdu_that_holds_a_secret() {
    let desk = ruled(Card::piv(), "[[policy]]\napplication = \"piv\"\nmin = 7\n");
    for line in [
        "pin change --pin env:PIN --new-pin env:NEW",
        "pin reset --puk env:PUK --new-pin env:NEW",
        "pin change --pin env:PIN --new-pin env:NEW --dry-run",
    ] {
        says(&desk.refused(line, "policy"), &["rule min: /etc/pukka/config.toml, line 3"]);
    }
}

#[test]
fn a_policy_by_serial_number_holds_for_calls_that_read_no_more_than_they_need() {
    // Serial 00 52 F7 43, in decimal as on the key.
    let desk = ruled(Card::piv(), "[[policy]]\nserial = \"5437251\"\nmin = 7\n");
    for line in [
        "pin change --application piv --pin env:PIN --new-pin env:NEW",
        "pin reset --application piv --puk env:PUK --new-pin env:NEW",
    ] {
        desk.refused(line, "policy");
    }
    let other = ruled(Card::piv(), "[[policy]]\nserial = \"5437252\"\nmin = 7\n");
    other.call("pin change --application piv --pin env:PIN --new-pin env:NEW").run().code(0);
}

#[test]
fn a_pin_that_is_the_puk_is_refused_where_the_call_holds_both() {
    let desk = ruled(Card::piv(), "[[policy]]\nrefuse = [\"other\"]\n");
    says(&desk.refused("pin reset --puk env:PUK --new-pin env:PUK", "policy"), &["rule other", "line 2"]);
}

#[test]
fn of_two_authorities_the_one_that_is_permitted_is_taken_offered_and_hinted_at() {
    let desk = ruled(Card::openpgp(), "[[policy]]\nauthorities = [\"reset-code\"]\n");
    let error = desk.refused("pin reset --admin-pin env:PUK --new-pin env:NEW", "policy");
    says(&error, &["the policy forbids `pin reset` by the Admin PIN", "/etc/pukka/config.toml, line 2"]);
    // The card has no reset code yet: what is permitted is named where it can be done.
    assert!(!error["hint"].as_str().unwrap().contains("so-pin"), "{error}");
    assert!(!desk.can().contains("\"pin reset\""), "{}", desk.can());
    desk.call("reset-code set --so-pin env:PUK --new-reset-code env:RC").run().code(0);
    let error = desk.refused("pin reset --by so-pin --new-pin env:NEW", "policy");
    assert!(error["hint"].as_str().unwrap().starts_with("pukka pin reset --token"), "{error}");
    assert!(desk.can().contains(&json!({"operation": "pin reset", "by": "reset-code"}).to_string()), "{}", desk.can());
    desk.call("pin reset --reset-code env:RC --new-pin env:NEW").run().code(0);
}

#[test]
fn limits_that_give_the_pin_a_new_value_ask_for_the_authority_over_it() {
    let neo = || ["manufacturer=0006", "version=2.0", "firmware=010018", "retries=set-and-reset"];
    let card = || neo().into_iter().fold(Card::stand_in("openpgp"), Card::dialect);
    let set = "retries set --so-pin env:PUK --pin-tries 5 --reset-code-tries 4 --so-pin-tries 6 --new-pin env:NEW --new-so-pin env:RC";
    let desk = ruled(card(), "[[policy]]\nauthorities = [\"reset-code\"]\n");
    desk.refused("pin reset --so-pin env:PUK --new-pin env:NEW", "policy");
    let error = desk.refused(set, "policy");
    says(&error, &["the policy forbids `retries set` by the SO PIN", "/etc/pukka/config.toml, line 2"]);
    assert!(!desk.can().contains("retries set"), "{}", desk.can());
    // Who may reset it may set its limits; and where the card keeps its values, nobody's is given.
    let permitted = ruled(card(), "[[policy]]\nauthorities = [\"so-pin\"]\n");
    permitted.call(set).run().code(0);
    let keeps = Card::stand_in("openpgp").dialect("card=yubikey");
    let keeps = ruled(keeps, "[[policy]]\nauthorities = [\"reset-code\"]\n");
    let set = set.split(" --new-pin").next().unwrap();
    keeps.call(set).run().code(0);
    assert!(keeps.can().contains("retries set"), "{}", keeps.can());
}

#[test]
fn the_authority_over_the_reset_code_is_a_matter_of_its_own_role() {
    let desk = ruled(Card::openpgp(), "[[policy]]\nroles = [\"reset-code\"]\nauthorities = []\n");
    desk.refused("reset-code set --so-pin env:PUK --new-reset-code env:RC", "policy");
    desk.refused("reset-code clear --so-pin env:PUK", "policy");
    desk.call("pin reset --so-pin env:PUK --new-pin env:NEW").run().code(0);
}

#[test]
fn a_last_try_that_the_policy_keeps_is_not_spent_whatever_the_call_allows() {
    let desk = ruled(Card::piv(), "[[policy]]\nroles = [\"user-pin\"]\nallow-last-try = false\n");
    for _ in 0..2 {
        desk.call("pin verify --pin env:WRONG").run().code(4);
    }
    for allowed in ["", " --allow-last-try", " --allow-last-try=user-pin", " --allow-last-try --dry-run"] {
        let error = desk.refused(&format!("pin verify --pin env:PIN{allowed}"), "last-try");
        says(&error, &["/etc/pukka/config.toml, line 3"]);
        assert!(!error.to_string().contains("--allow-last-try"), "what is forbidden is not offered: {error}");
        assert!(error["hint"].as_str().unwrap().contains("pukka pin reset"), "{error}");
        assert_eq!((&error["role"], &error["tries_left"]), (&json!("user-pin"), &json!(1)));
    }
    let can = desk.can();
    assert!(!can.contains("pin change") && !can.contains("pin verify") && can.contains("pin reset"), "{can}");
    // The other's last try is not the policy's affair.
    desk.call("pin reset --puk env:PUK --new-pin env:NEW").run().code(0);
    desk.call("pin verify --pin env:NEW").run().code(0);
}

#[test]
fn where_only_the_policy_is_in_the_way_nobody_is_led_to_erase_the_card_nor_to_what_is_blocked() {
    let desk = ruled(Card::stand_in("piv").dialect("card=yubikey"), "[[policy]]\nauthorities = [\"challenge\"]\n");
    for _ in 0..3 {
        desk.call("pin verify --pin env:WRONG --allow-last-try").run();
    }
    for line in ["pin verify --pin env:PIN", "pin change --pin env:PIN --new-pin env:NEW"] {
        let error = desk.call(&format!("{line} --json")).run().code(5).json()["error"].clone();
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains("`pukka policy check`") && !hint.contains("erase"), "{error}");
    }
    let error = desk.refused("pin reset --puk env:PUK --new-pin env:NEW", "policy");
    assert_eq!(error["hint"], "pukka policy check");
    let (_, shown) = Terminal::spawn(desk.call("").command()).wait();
    assert!(shown.contains("pukka policy check") && !shown.contains("erase"), "{shown}");
}

#[test]
fn a_policy_that_no_new_pin_of_the_card_can_meet_is_told_before_a_change_is_offered() {
    let desk = ruled(Card::piv(), "[[policy]]\nmin = 10\n");
    let (_, shown) = Terminal::spawn(desk.call("").command()).wait();
    assert!(shown.contains("at least 10 characters") && !shown.contains("Change the PIN"), "{shown}");
    assert!(!shown.contains("Nothing has to be done"), "{shown}");
    assert!(!desk.can().contains("pin change"), "{}", desk.can());
}

#[test]
fn a_card_whose_puk_alone_is_blocked_is_not_erased_for_it() {
    let desk = ruled(Card::stand_in("piv").dialect("card=yubikey"), "");
    for _ in 0..3 {
        desk.call("puk change --puk env:RC --new-puk env:PUK --allow-last-try=puk").run();
    }
    for line in ["pin reset --puk env:PUK --new-pin env:NEW", "puk change --puk env:PUK --new-puk env:RC"] {
        let error = desk.call(&format!("{line} --json")).run().code(5).json()["error"].clone();
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains("the PIN still works") && !hint.contains("erase"), "{error}");
    }
}
