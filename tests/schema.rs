//! The JSON Schema: each command has its object in it, and what is no such object is refused.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::{
    rescue::{CHANGE, Rescue, empty},
    support::{
        Run,
        cards::{Card, Pcscd},
        desk::Desk,
        home, pukka,
        schema::{PUBLISHED, alternative, names, with},
    },
};

/// A change of the PIN of a token in software.
fn changed() -> Value {
    json!({
        "schema": 1, "command": "pin change", "outcome": "changed", "confirmed": true, "role": "user-pin", "by": "user-pin",
        "token": {
            "selector": "pkcs11:token=desk-7", "application": "pkcs11", "serial": "9672f829f8e860c1", "label": "desk-7"
        },
        "tries": { "left": 3, "limit": 3 }, "generated": { "new-pin": "271828" }
    })
}

/// A wrong PIN on a card.
fn refused() -> Value {
    json!({
        "schema": 1, "command": "pin change",
        "error": {
            "kind": "wrong-secret", "exit_code": 4, "role": "user-pin", "tries_left": 2, "message": "wrong PIN; 2 tries left",
            "hint": "pukka pin reset", "detail": "SW 63C2", "token": { "selector": "card:serial=1" }, "candidates": []
        }
    })
}

/// The state of a card.
fn surveyed() -> Value {
    json!({
        "schema": 1, "command": "status", "problems": [],
        "tokens": [{
            "selector": "card:serial=12345678;application=piv", "application": "piv", "serial": "12345678", "label": null,
            "manufacturer": "Yubico", "model": "YubiKey 5", "route": "pcsc", "reader": "Virtual PCD 00 00", "slot": null,
            "module": null, "can": [{ "operation": "pin change" }, { "operation": "pin reset", "by": "puk" }],
            "references": [{
                "role": "user-pin", "name": "PIN", "key_reference": "80", "state": "ready", "tries": { "left": 3, "limit": 3 },
                "default": false, "temporary": null, "expires": null,
                "length": { "min": 6, "max": 8, "unit": "characters" }
            }]
        }]
    })
}

#[test]
fn the_objects_that_the_manual_shows_are_taken() {
    assert_eq!(alternative(&changed()), Ok("operation"));
    assert_eq!(alternative(&refused()), Ok("failure"));
    assert_eq!(alternative(&surveyed()), Ok("status"));
}

/// Asserts that no alternative takes `object` with something else at `path`, and that without the change one does.
#[track_caller]
fn none_takes(object: &Value, path: &str, value: Option<Value>) {
    alternative(object).unwrap();
    let spoilt = with(object, path, value);
    assert!(alternative(&spoilt).is_err(), "{path} is not looked at: {spoilt}");
}

/// The paths of all fields of an object, those of objects and arrays in it too.
fn fields(value: &Value, path: &str) -> Vec<String> {
    let below = |(name, value): (String, &Value)| {
        let path = format!("{path}/{name}");
        let inner = fields(value, &path);
        inner.into_iter().chain([path])
    };
    match value {
        Value::Object(map) => map.iter().flat_map(|(name, value)| below((name.clone(), value))).collect(),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.flat_map(|(index, item)| fields(item, &format!("{path}/{index}"))).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn no_field_may_be_missing_but_those_that_are_there_at_times() {
    let at_times = ["/generated/new-pin", "/tokens/0/can/1/by"];
    for object in [changed(), refused(), surveyed()] {
        for path in fields(&object, "").iter().filter(|path| !at_times.contains(&path.as_str())) {
            none_takes(&object, path, None);
        }
    }
}

#[test]
fn a_field_of_another_type_is_refused() {
    for object in [changed(), refused(), surveyed()] {
        for path in fields(&object, "") {
            none_takes(&object, &path, Some(json!([1.5])));
        }
    }
}

#[test]
fn a_word_that_is_none_of_the_contract_is_refused() {
    for (object, path, word) in [
        (changed(), "/outcome", "done"),
        (changed(), "/command", "pin chnge"),
        (changed(), "/role", "pin"),
        (changed(), "/by", "somebody"),
        (changed(), "/tries", "low"),
        (refused(), "/error/kind", "wrong-pin"),
        (surveyed(), "/tokens/0/references/0/state", "okay"),
        (surveyed(), "/tokens/0/references/0/key_reference", "0x80"),
        (surveyed(), "/tokens/0/route", "usb"),
        (surveyed(), "/tokens/0/selector", "12345678"),
        (surveyed(), "/tokens/0/can/0/operation", "pin guess"),
    ] {
        none_takes(&object, path, Some(json!(word)));
    }
    none_takes(&changed(), "/generated", Some(json!({ "pin": "271828" })));
    none_takes(&changed(), "/schema", Some(json!(2)));
    none_takes(&surveyed(), "/tokens/0/references/0/tries", Some(json!({ "flag": "some" })));
}

#[test]
fn what_contradicts_itself_is_refused() {
    none_takes(&changed(), "/outcome", Some(json!("verified")));
    none_takes(&changed(), "/outcome", Some(json!("planned")));
    none_takes(&changed(), "/confirmed", Some(json!(false)));
    none_takes(&changed(), "/unproved", Some(json!(["this token gives no proof"])));
    none_takes(&refused(), "/error/role", Some(json!(null)));
    none_takes(&refused(), "/error/candidates", Some(json!(["card:serial=2"])));
    none_takes(&surveyed(), "/instead", Some(json!("no module shows a token")));
    none_takes(&surveyed(), "/hint", Some(json!("insert one")));
    none_takes(&surveyed(), "/tokens/0/slot", Some(json!(0)));
    none_takes(&surveyed(), "/tokens/0/route", Some(json!("pkcs11")));
}

#[test]
fn each_kind_of_failure_has_its_own_exit_code() {
    // The table of exit codes in the contract.
    let kinds = [
        (1, &["internal"][..]),
        (2, &["usage"]),
        (3, &["no-token", "ambiguous-token"]),
        (4, &["wrong-secret"]),
        (5, &["blocked", "unset", "must-change"]),
        (6, &["policy", "last-try", "not-confirmed-by-user", "new-value-refused"]),
        (7, &["unsupported"]),
        (8, &["device"]),
        (11, &["unconfirmed"]),
        (130, &["interrupted"]),
    ];
    let failure = |kind: &str, code: i32| {
        let tries = match kind {
            "blocked" => json!(0),
            "last-try" => json!(1),
            _ => json!(null),
        };
        let candidates = if kind == "ambiguous-token" { json!(["card:serial=1", "card:serial=2"]) } else { json!([]) };
        let fields =
            [("kind", json!(kind)), ("exit_code", json!(code)), ("tries_left", tries), ("candidates", candidates)];
        fields
            .into_iter()
            .fold(refused(), |object, (name, value)| with(&object, &format!("/error/{name}"), Some(value)))
    };
    for kind in kinds.iter().flat_map(|(_, kinds)| *kinds) {
        for (code, own) in kinds {
            let taken = alternative(&failure(kind, code)).is_ok();
            assert_eq!(taken, own.contains(kind), "{kind} with exit {code}");
        }
    }
}

#[test]
fn a_field_that_is_added_later_breaks_nobody_who_holds_to_the_schema_and_fails_here() {
    let published = jsonschema::validator_for(&PUBLISHED).unwrap();
    for object in [changed(), refused(), surveyed()] {
        assert!(published.is_valid(&object), "{object}");
        let later = with(&object, "/later", Some(json!(true)));
        assert!(published.is_valid(&later), "{later}");
        assert!(alternative(&later).is_err(), "{later}");
    }
    assert!(!published.is_valid(&with(&changed(), "/outcome", Some(json!("done")))));
}

/// The alternatives and commands of the objects that were printed.
#[derive(Default)]
struct Printed(BTreeSet<(&'static str, String)>);

impl Printed {
    #[track_caller]
    fn take(&mut self, run: Run) {
        let object = run.json();
        let name = alternative(&object).unwrap_or_else(|why| panic!("{why}: {object}"));
        self.0.insert((name, object["command"].as_str().unwrap_or_default().to_owned()));
    }
}

const KEY: &str = "010203040506070801020304050607080102030405060708";

/// What the commands print that want a card.
fn of_cards(printed: &mut Printed) {
    let cards = [
        Card::stand_in("piv").dialect("card=yubikey"),
        Card::stand_in("openpgp"),
        Card::stand_in("gids").dialect(&format!("admin-key={KEY}")),
        Card::stand_in("sc-hsm").dialect("options=0021"),
    ];
    let (pcscd, _cards) = Pcscd::with(cards);
    let home = home();
    let mut call = |line: &str| {
        let call = pukka(home.path(), line.split(' ').chain(["--json", "--no-input", "--via", "pcsc"]));
        let secrets = [("PIN", "123456"), ("NEW", "271828"), ("PUK", "12345678"), ("PUK2", "87654321"), ("KEY", KEY)];
        let of_hsm = [("HSM", "648219"), ("HSM_SO", "3537363231383830")];
        let run = call.envs(pcscd.envs()).envs(secrets).envs(of_hsm).run();
        let object = run.json();
        printed.take(run);
        object
    };
    for line in [
        "pin verify --application sc-hsm --pin env:HSM",
        "pin unblock --application sc-hsm --so-pin env:HSM_SO",
        "so-pin reset --application openpgp",
        "puk change --application piv --puk env:PUK --new-puk env:PUK2",
        "admin-key change --application gids --admin-key env:KEY --new-admin-key generate",
        "reset-code set --application openpgp --so-pin env:PUK --new-reset-code generate",
        "reset-code clear --application openpgp --so-pin env:PUK",
        "retries set --application piv --admin-key env:KEY --pin env:PIN --pin-tries 5 --puk-tries 4 --new-pin env:NEW --new-puk env:PUK",
        "list",
        "status",
        "doctor",
        "respond --challenge 0011223344556677 --admin-key env:KEY",
    ] {
        call(line);
    }
    let openpgp = call("status --application openpgp");
    call(&format!("token erase --application openpgp --destroy {}", openpgp["tokens"][0]["serial"].as_str().unwrap()));
}

/// What the commands print that want a token in software.
fn of_tokens(printed: &mut Printed) {
    let desk = Desk::blank();
    for line in [
        "token init --label desk-7 --new-so-pin env:SO",
        "pin set --so-pin env:SO --new-pin env:PIN",
        "pin change --pin env:PIN --new-pin env:NEW --dry-run",
        "pin change --pin env:PIN --new-pin env:NEW",
        "pin reset --so-pin env:SO --new-pin generate",
        "so-pin change --so-pin env:SO --new-so-pin env:SO2",
        "pin unblock --so-pin env:SO",
    ] {
        printed.take(desk.run(&format!("{line} --no-input --json --via pkcs11")));
    }
    let rescue = Rescue::new();
    rescue.killed(CHANGE, &empty);
    printed.take(rescue.restore("--dry-run --json"));
    printed.take(rescue.restore("--json"));
}

#[test]
fn every_command_prints_the_object_that_the_schema_has_for_it() {
    let mut printed = Printed::default();
    of_cards(&mut printed);
    of_tokens(&mut printed);
    let home = home();
    let profile = home.path().join("card.toml");
    fs::write(&profile, crate::profile::CARD).unwrap();
    printed.take(pukka(home.path(), ["profile", "check", profile.to_str().unwrap(), "--json"]).run());

    printed.take(pukka(home.path(), ["policy", "check", "--json"]).run());

    let alternatives: BTreeSet<&str> = printed.0.iter().map(|(name, _)| *name).collect();
    assert_eq!(alternatives, names().into_iter().collect(), "an alternative that nothing prints is not tested");
    let done: BTreeSet<&str> =
        printed.0.iter().filter(|(name, _)| *name == "operation").map(|(_, command)| &**command).collect();
    let verbs: BTreeSet<&str> =
        PUBLISHED["$defs"]["verb"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    // No token gives another SO PIN for a forgotten one.
    assert_eq!(verbs.difference(&done).collect::<Vec<_>>(), [&"so-pin reset"], "each other operation is done once");
}
