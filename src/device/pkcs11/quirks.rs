//! What is known of modules by what their tokens say of themselves, with the reason beside it.

use cryptoki_sys::{CK_TOKEN_INFO, CKF_SO_PIN_TO_BE_CHANGED, CKF_TOKEN_INITIALIZED};

use crate::token::{InitRules, Text};

/// Manufacturers (CK_TOKEN_INFO) whose C_Login checks an SO PIN, so that a login proves it: SoftHSM2 and openCryptoki.
///
/// Elsewhere it proves nothing: opensc-pkcs11 takes any SO PIN on a card that has no SO object, and only keeps
/// that of a SmartCard-HSM for later.
const CHECKS_SO_LOGIN: [&str; 2] = ["SoftHSM project", OPENCRYPTOKI];

const OPENCRYPTOKI: &str = "IBM Corp.";
const NSS: &str = "Mozilla Foundation";

/// C_InitToken takes a label, and C_InitPIN sets the user PIN afterwards.
const INIT_RULES: InitRules = InitRules { needs_label: true, pin: None, harm: None };

/// NSS answers OK to any SO PIN, and wipes the token even while it is in use; a database of it that has no password yet
/// looks like a blank token, whatever it holds.
const INIT_RULES_OF_NSS: InitRules =
    InitRules { harm: Some("the module of this token (NSS) would wipe it whatever the SO PIN"), ..INIT_RULES };

/// openCryptoki encrypts its master key under the first SO PIN again, but keeps the hash of the changed one: neither logs in then.
const INIT_RULES_OF_A_CHANGED_SO_PIN: InitRules = InitRules {
    harm: Some(
        "the SO PIN was changed before, and the module of this token (openCryptoki) would let no SO log in again, ever",
    ),
    ..INIT_RULES
};

/// How the token begins anew.
pub fn init_rules(info: &CK_TOKEN_INFO) -> &'static InitRules {
    // openCryptoki clears the flag when the SO PIN is changed for the first time, also that of a blank token.
    let so_pin_was_changed = info.flags & CKF_SO_PIN_TO_BE_CHANGED == 0;
    match () {
        () if is_by(info, NSS) => &INIT_RULES_OF_NSS,
        () if is_by(info, OPENCRYPTOKI) && so_pin_was_changed => &INIT_RULES_OF_A_CHANGED_SO_PIN,
        () => &INIT_RULES,
    }
}

/// What whoever wants to use the token has to know of it.
pub fn notes(info: &CK_TOKEN_INFO) -> Vec<&'static str> {
    let is_new = info.flags & (CKF_TOKEN_INITIALIZED | CKF_SO_PIN_TO_BE_CHANGED) == CKF_SO_PIN_TO_BE_CHANGED;
    match is_new && is_by(info, OPENCRYPTOKI) {
        true => vec!["its SO PIN is 87654321 till `so-pin change`: `token init` takes no other"],
        false => Vec::new(),
    }
}

fn is_by(info: &CK_TOKEN_INFO, manufacturer: &str) -> bool {
    info.manufacturerID.starts_with(manufacturer.as_bytes())
}

/// Whether a login as SO proves the SO PIN.
pub fn checks_so_login(manufacturer: Option<&Text>) -> bool {
    manufacturer.is_some_and(|name| CHECKS_SO_LOGIN.iter().any(|known| known.as_bytes() == name.bytes()))
}
