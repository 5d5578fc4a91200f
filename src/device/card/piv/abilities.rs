//! What PIV cards can do: those of the standard, those with Yubico's extensions, and those that lack something.

use super::{metadata::Support, objects::PinUsage};
use crate::token::{Ability, LimitRules, Role, Verb};

const SELECT: &str = "SELECT (00 A4 04 00), GET DATA (discovery object)";
const METADATA: &str = "GET METADATA (00 F7), for what it tells of the card";
const COUNTER: &str = "VERIFY without data (reads the counter)";
const PROOF: &str = "VERIFY with the new value, as proof";
const AUTHENTICATE: &str = "GENERAL AUTHENTICATE (00 87, key 9B), card and key prove each other";

const CHANGE: Ability = Ability {
    verb: Verb::PinChange,
    by: None,
    commands: &[SELECT, COUNTER, "CHANGE REFERENCE DATA (00 24 00 80)", PROOF],
};
const VERIFY: Ability =
    Ability { verb: Verb::PinVerify, by: None, commands: &[SELECT, COUNTER, "VERIFY (00 20 00 80)"] };
const RESET: Ability = Ability {
    verb: Verb::PinReset,
    by: Some(Role::Puk),
    commands: &[SELECT, "RESET RETRY COUNTER (00 2C 00 80)", PROOF],
};
const CHANGE_PUK: Ability =
    Ability { verb: Verb::PukChange, by: None, commands: &[SELECT, "CHANGE REFERENCE DATA (00 24 00 81)"] };
const SET: Ability = Ability {
    verb: Verb::PinSet,
    by: None,
    commands: &[SELECT, METADATA, COUNTER, "CHANGE REFERENCE DATA (00 24 00 80), from the value of delivery", PROOF],
};
const SET_RETRIES: Ability = Ability {
    verb: Verb::RetriesSet,
    by: Some(Role::AdminKey),
    commands: &[
        SELECT,
        METADATA,
        COUNTER,
        AUTHENTICATE,
        "VERIFY (00 20 00 80)",
        "SET PIN RETRIES (00 FA)",
        "CHANGE REFERENCE DATA (00 24 00 80), from the value of delivery",
        "CHANGE REFERENCE DATA (00 24 00 81), from the value of delivery",
        COUNTER,
        PROOF,
    ],
};
const CHANGE_KEY: Ability = Ability {
    verb: Verb::AdminKeyChange,
    by: None,
    commands: &[
        SELECT,
        METADATA,
        AUTHENTICATE,
        "SET MANAGEMENT KEY (00 FF FF)",
        "GENERAL AUTHENTICATE with the new key, as proof",
    ],
};
const ERASE: Ability = Ability {
    verb: Verb::TokenErase,
    by: None,
    commands: &[
        SELECT,
        METADATA,
        "RESET (00 FB 00 00), which is refused as yet where the card knows it",
        "RESET RETRY COUNTER (00 2C 00 80) with wrong values, till the PUK is blocked",
        "VERIFY (00 20 00 80) with wrong values, till the PIN is blocked",
        "RESET (00 FB 00 00)",
        COUNTER,
    ],
};

/// A card with Yubico's extensions, and one of which nothing is known yet.
const EXTENDED: &[Ability] = &[CHANGE, VERIFY, RESET, CHANGE_PUK, SET, SET_RETRIES, CHANGE_KEY, ERASE];
/// A card of the standard alone.
const PLAIN: &[Ability] = &[CHANGE, VERIFY, RESET, CHANGE_PUK];
/// Nitrokey's application, whose metadata has no body: it knows SET PIN RETRIES with P1 and P2 of zero only, and does not tell
/// whether a PIN is that of delivery.
const NITROKEY: &[Ability] = &[CHANGE, VERIFY, RESET, CHANGE_PUK, CHANGE_KEY, ERASE];
/// A card with Yubico's extensions and no PUK (YubiKey Bio): it is put back as a whole, by other means than its PIV application.
const WITHOUT_PUK: &[Ability] = &[CHANGE, VERIFY, SET, CHANGE_KEY];
/// A card whose global PIN (00) stands for the application's: RESET RETRY COUNTER knows the application PIN only.
const WITH_GLOBAL_PIN: &[Ability] = &[
    Ability {
        verb: Verb::PinChange,
        by: None,
        commands: &[SELECT, COUNTER, "CHANGE REFERENCE DATA (00 24 00 00)", PROOF],
    },
    Ability { verb: Verb::PinVerify, by: None, commands: &[SELECT, COUNTER, "VERIFY (00 20 00 00)"] },
    CHANGE_PUK,
];

/// SET PIN RETRIES sets both limits, wants the PIN beside the management key, and puts PIN and PUK back to the values of delivery.
pub const LIMIT_RULES: LimitRules =
    LimitRules { roles: &[Role::UserPin, Role::Puk], beside: &[Role::UserPin], restores: &[Role::UserPin, Role::Puk] };

/// What a card has told that decides what it can do; none where it was not asked.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Which PIN is meant.
    pub usage: Option<PinUsage>,
    /// What GET METADATA came to.
    pub metadata: Option<Support>,
    /// Whether GET VERSION told one, which is the sign of the family.
    pub has_version: Option<bool>,
    /// Whether its metadata knows the PIN and no PUK.
    pub lacks_puk: bool,
}

/// What a card can do of which so much is known.
pub fn abilities(known: Known) -> &'static [Ability] {
    match (known.usage, known.metadata, known.has_version) {
        (Some(PinUsage::Global), ..) => WITH_GLOBAL_PIN,
        (_, Some(Support::Told), _) if known.lacks_puk => WITHOUT_PUK,
        (_, Some(Support::Told), _) => EXTENDED,
        (_, Some(Support::Empty), Some(true)) => NITROKEY,
        (_, _, Some(false)) => PLAIN,
        _ => EXTENDED,
    }
}
