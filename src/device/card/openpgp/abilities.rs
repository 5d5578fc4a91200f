//! What OpenPGP cards can do, and what they ask of whoever sets the limits of their counters.

use crate::token::{Ability, LimitRules, Role, Verb};

/// What a card can do that tells nothing yet: everything that any of them can.
pub const ALL: &[Ability] = &[
    Ability {
        verb: Verb::PinChange,
        by: None,
        commands: &[SELECT, KDF, STATE, VERIFY_PW1, "CHANGE REFERENCE DATA (00 24 00 81)", PROOF_PW1],
    },
    Ability { verb: Verb::PinVerify, by: None, commands: &[SELECT, KDF, STATE, VERIFY_PW1, "VERIFY (00 20 00 82)"] },
    Ability {
        verb: Verb::PinReset,
        by: Some(Role::SoPin),
        commands: &[SELECT, KDF, STATE, VERIFY_PW3, "RESET RETRY COUNTER (00 2C 02 81)", PROOF_PW1],
    },
    Ability {
        verb: Verb::PinReset,
        by: Some(Role::ResetCode),
        commands: &[SELECT, KDF, STATE, "RESET RETRY COUNTER (00 2C 00 81)", PROOF_PW1],
    },
    Ability {
        verb: Verb::SoPinChange,
        by: None,
        commands: &[
            SELECT,
            KDF,
            STATE,
            VERIFY_PW3,
            "CHANGE REFERENCE DATA (00 24 00 83)",
            "VERIFY (00 20 00 83) with the new value, as proof",
        ],
    },
    Ability {
        verb: Verb::ResetCodeSet,
        by: Some(Role::SoPin),
        commands: &[SELECT, KDF, STATE, VERIFY_PW3, "PUT DATA (00 DA 00 D3)", COUNTERS],
    },
    Ability {
        verb: Verb::ResetCodeClear,
        by: Some(Role::SoPin),
        commands: &[SELECT, KDF, STATE, VERIFY_PW3, "PUT DATA (00 DA 00 D3) without data", COUNTERS],
    },
    Ability {
        verb: Verb::TokenErase,
        by: None,
        commands: &[
            SELECT,
            KDF,
            WHOLE,
            "VERIFY (00 20 00 81, 00 20 00 83) with a wrong value, till both are blocked",
            "TERMINATE DF (00 E6 00 00)",
            "ACTIVATE FILE (00 44 00 00)",
            SELECT,
            KDF,
            WHOLE,
        ],
    },
    Ability {
        verb: Verb::RetriesSet,
        by: Some(Role::SoPin),
        commands: &[SELECT, KDF, WHOLE, VERIFY_PW3, "SET PIN RETRIES (00 F2 00 00)", COUNTERS],
    },
];
/// Where a card has no command that sets limits: all but Yubico's.
pub const WITHOUT_LIMITS: &[Ability] = ALL.split_at(8).0;
/// Where it has no life-cycle management, either. (Yubico's all have it.)
pub const WITHOUT_ERASURE: &[Ability] = ALL.split_at(7).0;
/// Where an erasure was begun and not ended.
pub const ERASURE_ONLY: &[Ability] = &[Ability {
    verb: Verb::TokenErase,
    by: None,
    commands: &[SELECT, "ACTIVATE FILE (00 44 00 00)", SELECT, KDF, WHOLE],
}];

const SELECT: &str = "SELECT (00 A4 04 00)";
const KDF: &str = "GET DATA (00 CA 00 F9: whether PINs are hashed)";
const STATE: &str = "GET DATA (00 CA 00 C4: counters and lengths)";
const WHOLE: &str = "GET DATA (00 CA 00 6E: what the card is, with counters and lengths)";
const COUNTERS: &str = "GET DATA (00 CA 00 C4: counters), as proof";
const VERIFY_PW1: &str = "VERIFY (00 20 00 81)";
const VERIFY_PW3: &str = "VERIFY (00 20 00 83)";
const PROOF_PW1: &str = "VERIFY (00 20 00 81) with the new value, as proof";

/// Yubico's F2 sets the three limits at once and keeps the values.
pub const LIMIT_RULES: LimitRules =
    LimitRules { roles: &[Role::UserPin, Role::ResetCode, Role::SoPin], beside: &[], restores: &[] };
/// On a YubiKey NEO it puts both PINs back to those of delivery.
pub const LIMIT_RULES_OF_NEO: LimitRules = LimitRules { restores: &[Role::UserPin, Role::SoPin], ..LIMIT_RULES };
