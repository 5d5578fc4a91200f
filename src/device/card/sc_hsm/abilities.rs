//! What a SmartCard-HSM can do, by the options it was initialised with.

use super::Options;
use crate::token::{Ability, Role, Verb};

const SELECT: &str = "SELECT (00 A4 04 00)";
const COUNTER: &str = "VERIFY without data (reads the counter)";
const PROOF: &str = "VERIFY with the new value, as proof";

const CHANGE: Ability = Ability {
    verb: Verb::PinChange,
    by: None,
    commands: &[SELECT, COUNTER, "VERIFY (00 20 00 81)", "CHANGE REFERENCE DATA (00 24 00 81)", PROOF],
};
const VERIFY: Ability =
    Ability { verb: Verb::PinVerify, by: None, commands: &[SELECT, COUNTER, "VERIFY (00 20 00 81)"] };
const RESET: Ability = Ability {
    verb: Verb::PinReset,
    by: Some(Role::SoPin),
    commands: &[SELECT, COUNTER, "RESET RETRY COUNTER (00 2C 00 81)", PROOF],
};
const UNBLOCK: Ability = Ability {
    verb: Verb::PinUnblock,
    by: Some(Role::SoPin),
    commands: &[SELECT, COUNTER, "RESET RETRY COUNTER (00 2C 01 81)", "VERIFY without data, as proof"],
};
const SO_CHANGE: Ability = Ability {
    verb: Verb::SoPinChange,
    by: None,
    commands: &[SELECT, COUNTER, "VERIFY (00 20 00 88)", "CHANGE REFERENCE DATA (00 24 00 88)", PROOF],
};
const INIT: Ability = Ability {
    verb: Verb::TokenInit,
    by: None,
    commands: &[
        SELECT,
        COUNTER,
        "VERIFY (00 20 00 88), where the device is live",
        "INITIALIZE (80 50 00 00)",
        "VERIFY (00 20 00 81), UPDATE BINARY (00 D7 2F 03), where a label is given",
        "VERIFY with both new values, as proof",
    ],
};

/// A device that was never initialised is nobody's candidate for anything else.
pub const OF_A_BLANK_DEVICE: &[Ability] = &[INIT];

/// What a device with these options can do; where it does not tell them, what may be tried.
pub fn by(options: Option<Options>) -> &'static [Ability] {
    let has = |option| options.is_none_or(|options| options.has(option));
    match (has(Options::RESET), has(Options::UNBLOCK)) {
        (true, true) => &[CHANGE, VERIFY, RESET, UNBLOCK, SO_CHANGE, INIT],
        (true, false) => &[CHANGE, VERIFY, RESET, SO_CHANGE, INIT],
        (false, _) => &[CHANGE, VERIFY, SO_CHANGE, INIT],
    }
}
