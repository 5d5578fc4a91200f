//! What tokens behind modules can do.

use crate::token::{Ability, Role, Verb};

/// What the standard lets a token do.
pub const ALL: &[Ability] = &[SET, CHANGE, VERIFY, RESET, CHANGE_SO, INIT];
/// What a slot can do whose token was never initialised: it is nobody's candidate for anything else.
pub const OF_A_BLANK_TOKEN: &[Ability] = &[INIT];
/// The same, but that a live token cannot begin anew.
pub const WITHOUT_INIT: &[Ability] = &[SET, CHANGE, VERIFY, RESET, CHANGE_SO];
/// What the holder of the user PIN can do alone.
pub const OF_THE_USER: &[Ability] = &[CHANGE, VERIFY];
/// Where an SO logs in, and C_InitPIN is missing.
pub const WITHOUT_INIT_PIN: &[Ability] = &[CHANGE, VERIFY, CHANGE_SO];
/// The same, where C_SetPIN takes a PUK.
pub const WITH_PUK: &[Ability] = &[CHANGE, VERIFY, RESET_BY_PUK, CHANGE_PUK, CHANGE_SO];
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
const RESET_BY_PUK: Ability = Ability {
    verb: Verb::PinReset,
    by: Some(Role::Puk),
    commands: &["C_SetPIN in a session without login, the PUK as this module takes it", PROOF],
};
const CHANGE_PUK: Ability = Ability {
    verb: Verb::PukChange,
    by: None,
    commands: &["C_SetPIN in a session without login, both values as this module takes them"],
};
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
