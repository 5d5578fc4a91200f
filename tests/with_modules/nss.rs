//! NSS softokn: it wants to be told where its database is, has no SO once there is a password, and wipes on request of anybody.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::caller::Caller;
use crate::support::desk::{NEW, PIN, WRONG, only, secret_file};

const VERIFY: &str = "pin verify --via pkcs11 --pin env:";
const CHANGE: &str = "pin change --via pkcs11 --pin env:PIN --new-pin env:NEW";
const RESET: &str = "pin reset --via pkcs11 --so-pin env:SO --new-pin env:NEW";
const CHANGE_SO: &str = "so-pin change --via pkcs11 --so-pin env:SO --new-so-pin env:SO2";
const ANEW: &str = "token init --token pkcs11:manufacturer=Mozilla%20Foundation --label desk-7 --so-pin env:SO";

/// A database, and the configuration that tells the module where it is.
struct Nss {
    caller: Caller,
    directory: TempDir,
}

impl Nss {
    /// Without a password, which the module shows as a token that is not initialised.
    #[track_caller]
    fn blank() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("db")).unwrap();
        let module = fs::read_dir("/usr/lib")
            .unwrap()
            .flatten()
            .flat_map(|entry| ["libsoftokn3.so", "nss/libsoftokn3.so"].map(|name| entry.path().join(name)));
        let module = module.into_iter().find(|path| path.exists());
        let nss = Self {
            caller: Caller::new(module.expect("NSS is not installed: it is in the package libnss3"), Vec::new()),
            directory,
        };
        let database = nss.directory.path().join("db");
        nss.configure(&format!(
            "modules = [{{ path = {:?}, init = \"configdir='sql:{}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=\" }}]\n",
            nss.caller.module, database.display()
        ));
        nss
    }

    /// With [`PIN`] as its password, and a key that a wipe would destroy.
    #[track_caller]
    fn new() -> Self {
        let nss = Self::blank();
        nss.certutil(&["-N"], PIN);
        let noise = nss.directory.path().join("noise");
        fs::write(&noise, [7; 64]).unwrap();
        nss.certutil(&["-S", "-n", "deed", "-s", "CN=deed", "-x", "-t", ",,", "-z", noise.to_str().unwrap()], PIN);
        assert!(nss.has_deed(PIN));
        nss
    }

    fn configure(&self, text: &str) {
        let directory = self.caller.home.path().join("config/pukka");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("config.toml"), text).unwrap();
    }

    #[track_caller]
    fn certutil(&self, words: &[&str], password: &str) {
        let output = self.try_certutil(words, password);
        assert!(output.status.success(), "{output:?}");
    }

    fn try_certutil(&self, words: &[&str], password: &str) -> Output {
        let file = self.directory.path().join("password");
        secret_file(&file, password.as_bytes());
        let mut command = Command::new("certutil");
        command.args(words).arg("-d").arg(format!("sql:{}", self.directory.path().join("db").display()));
        command.arg("-f").arg(file).output().expect("there is no certutil: it is in the package libnss3-tools")
    }

    /// Whether NSS's own tool finds the key by this password.
    fn has_deed(&self, password: &str) -> bool {
        let output = self.try_certutil(&["-K"], password);
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("deed")
    }

    #[track_caller]
    fn token(&self) -> Value {
        let tokens = self.caller.tokens();
        assert_eq!(tokens.len(), 1, "its slot without PINs is none: {tokens:?}");
        tokens[0].clone()
    }
}

#[test]
fn a_module_is_told_what_the_configuration_says_in_whichever_way_it_is_named() {
    let nss = Nss::new();
    let module = nss.caller.module.display().to_string();
    let by_uri = format!("pin verify --pin env:PIN --token pkcs11:?module-path={module}");
    for words in [&format!("{VERIFY}PIN"), &format!("{VERIFY}PIN --module {module}"), &by_uri] {
        nss.caller.done(words, "verified");
        nss.caller.call(words).env("PUKKA_MODULE", "").run().code(0);
    }
    // Also where it goes by another name.
    let link = nss.directory.path().join("link.so");
    std::os::unix::fs::symlink(&nss.caller.module, &link).unwrap();
    nss.caller.call(&format!("{VERIFY}PIN")).env("PUKKA_MODULE", &link).run().code(0);
}

#[test]
fn a_module_that_is_not_told_what_it_wants_says_where_to_tell_it() {
    let nss = Nss::new();
    nss.configure("");
    let error = nss.caller.refused(&format!("{VERIFY}PIN"), 8, "device");
    assert_eq!(error["detail"], "CKR_ARGUMENTS_BAD (0x7)");
    assert!(error["hint"].as_str().unwrap().contains("init = "), "{error}");
}

#[test]
fn a_database_that_is_not_there_is_a_fault() {
    let nss = Nss::blank();
    nss.configure(&format!(
        "modules = [{{ path = {:?}, init = \"configdir='sql:/nonexistent'\" }}]\n",
        nss.caller.module
    ));
    let error = nss.caller.refused(&format!("{VERIFY}PIN"), 8, "device");
    assert!(!error["hint"].to_string().contains("init = "), "it was told something: {error}");
}

#[test]
fn its_password_is_verified_and_changed_and_each_is_confirmed() {
    let nss = Nss::new();
    nss.caller.done(&format!("{VERIFY}PIN"), "verified");
    nss.caller.done(CHANGE, "changed");
    assert!(nss.has_deed(NEW) && !nss.has_deed(PIN));
    nss.caller.done(&format!("{VERIFY}NEW"), "verified");
}

#[test]
fn what_it_says_of_itself_is_read() {
    let token = Nss::new().token();
    for (name, value) in [
        ("label", "NSS Certificate DB"),
        ("serial", "0000000000000000"),
        ("manufacturer", "Mozilla Foundation"),
        ("model", "NSS 3"),
    ] {
        assert_eq!(token[name], value, "{token}");
    }
    assert_eq!(token["slot"], 2);
    assert_eq!(token["references"][0]["length"], json!({"min": 1, "max": 500, "unit": "bytes"}));
}

#[test]
fn a_wrong_password_is_told_and_never_blocks() {
    let nss = Nss::new();
    let wrong = "pin change --via pkcs11 --pin env:WRONG --new-pin env:NEW";
    for _ in 0..6 {
        nss.caller.refused_to("user-pin", &format!("{VERIFY}WRONG"), 4, "wrong-secret");
        nss.caller.refused_to("user-pin", wrong, 4, "wrong-secret");
    }
    let token = nss.token();
    assert_eq!((&token["references"][0]["state"], &token["references"][0]["tries"]), (&json!("ready"), &Value::Null));
    nss.caller.done(&format!("{VERIFY}PIN"), "verified");
    assert!(nss.has_deed(PIN) && !nss.has_deed(WRONG));
    assert_eq!(only(&nss.caller.calls(wrong), &["C_Login", "C_SetPIN"]), ["C_Login"]);
}

#[test]
fn a_new_password_has_1_to_500_bytes() {
    let nss = Nss::new();
    let odd = "pin change --via pkcs11 --pin env:PIN --new-pin env:ODD --json";
    let change = |new: &str| nss.caller.call(odd).env("ODD", new).run();
    assert_eq!(change(&"7".repeat(501)).code(6).json()["error"]["kind"], "policy");
    let empty = change("");
    assert!(matches!(empty.code, 2 | 6), "{empty:?}");
    assert!(nss.has_deed(PIN));
    change(&"7".repeat(500)).code(0);
    assert!(nss.has_deed(&"7".repeat(500)));
}

/// It calls a database without a password a token that is not initialised, and a login to it CKR_USER_TYPE_INVALID.
#[test]
fn a_database_without_a_password_is_unset_and_nothing_is_sent() {
    let Nss { caller, .. } = &Nss::blank();
    for words in [&format!("{VERIFY}PIN"), CHANGE] {
        caller.refused_to("user-pin", words, 5, "unset");
        assert!(only(&caller.calls(words), &["C_Login", "C_SetPIN"]).is_empty());
    }
    caller.refused("pin set --via pkcs11 --so-pin env:SO --new-pin env:PIN", 5, "unset");
}

/// Its SO is the one without a PIN, who sets the first password and is gone.
#[test]
fn there_is_no_so_once_a_password_is_set() {
    let nss = Nss::new();
    for words in [RESET, CHANGE_SO] {
        let error = nss.caller.refused(words, 7, "unsupported");
        assert!(!error["hint"].to_string().contains("token init"), "{error}");
    }
    nss.caller.refused("pin set --via pkcs11 --so-pin env:SO --new-pin env:PIN", 7, "unsupported");
    assert!(nss.has_deed(PIN));
}

#[test]
fn what_takes_an_so_is_not_offered() {
    let nss = Nss::new();
    let can = nss.token()["can"].to_string();
    assert!(can.contains("pin change") && can.contains("pin verify"), "{can}");
    assert!(!can.contains("so-pin") && !can.contains("token init"), "{can}");
    let hint = nss.caller.refused(&format!("{VERIFY}WRONG"), 4, "wrong-secret")["hint"].to_string();
    assert!(!hint.contains("pin reset"), "{hint}");
}

/// Its C_InitToken takes any SO PIN.
#[test]
fn it_is_not_wiped_by_whoever_gives_some_so_pin() {
    let nss = Nss::new();
    for words in [format!("{ANEW} --destroy 0000000000000000"), format!("{ANEW} --destroy 0000000000000000 --dry-run")]
    {
        let error = nss.caller.refused(&words, 7, "unsupported");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("would wipe it") && message.contains("--force-init"), "{message}");
        assert!(nss.has_deed(PIN));
    }
    // A database without a password looks blank, whatever it holds.
    Nss::blank().caller.refused("token init --via pkcs11 --label desk-7 --new-so-pin env:SO", 7, "unsupported");
}

/// It takes no label and keeps no SO PIN, so nothing shows that the token is the one that was asked for.
#[test]
fn it_is_wiped_where_that_is_forced_and_that_is_not_said_to_be_confirmed() {
    let nss = Nss::new();
    nss.caller.refused(&format!("{ANEW} --destroy 0000000000000000 --force-init"), 11, "unconfirmed");
    assert!(!nss.has_deed(PIN));
    nss.caller.refused(&format!("{VERIFY}PIN"), 5, "unset");
}
