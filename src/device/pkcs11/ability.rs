//! What tokens behind modules can do.

use crate::token::{Ability, Role, Verb};

/// What the standard lets a token do.
pub const ALL: &[Ability] = &[SET, CHANGE, VERIFY, RESET, CHANGE_SO, INIT];
/// What a slot can do whose token was never initialised: it is nobody's candidate for anything else.
pub const OF_A_BLANK_TOKEN: &[Ability] = &[INIT];
/// The same, but that a live token cannot begin anew.
pub const WITHOUT_INIT: &[Ability] = &[SET, CHANGE, VERIFY, RESET, CHANGE_SO];
/// Where no SO logs in.
pub const WITHOUT_SO: &[Ability] = &[CHANGE, VERIFY, INIT];

const PROOF: &str = "C_Login (CKU_USER) from a fresh session, as proof";
const SET: Ability =
    Ability { verb: Verb::PinSet, by: Some(Role::SoPin), commands: &["C_Login (CKU_SO)", "C_InitPIN", PROOF] };
const CHANGE: Ability =
    Ability { verb: Verb::PinChange, by: None, commands: &["C_Login (CKU_USER)", "C_SetPIN", PROOF] };
const VERIFY: Ability = Ability { verb: Verb::PinVerify, by: None, commands: &["C_Login (CKU_USER)"] };
const RESET: Ability =
    Ability { verb: Verb::PinReset, by: Some(Role::SoPin), commands: &["C_Login (CKU_SO)", "C_InitPIN", PROOF] };
const CHANGE_SO: Ability = Ability {
    verb: Verb::SoPinChange,
    by: None,
    commands: &[
        "C_Login (CKU_SO)",
        "C_SetPIN",
        "C_Login (CKU_SO) from a fresh session, as proof where the module checks it",
    ],
};
const INIT: Ability = Ability {
    verb: Verb::TokenInit,
    by: None,
    commands: &["C_InitToken", "C_Login (CKU_SO), C_InitPIN and C_Login (CKU_USER) where a user PIN is given"],
};
