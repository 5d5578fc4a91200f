//! CK_TOKEN_INFO, read as a survey: flags become states, never numbers.

use cryptoki_sys::*;
use serde::{Deserialize, Serialize};

use super::{
    Library,
    quirks::{Counting, Quirks},
};
use crate::token::{Application, Identity, Length, Place, Reference, Retries, Role, State, Text, Unit};

/// What a token says of itself (CK_TOKEN_INFO), as far as PIN administration needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Filled up with blanks, or with NULs.
    pub label: [u8; 32],
    /// Who made it.
    pub manufacturer: [u8; 32],
    /// What it is.
    pub model: [u8; 16],
    /// Its serial number.
    pub serial: [u8; 16],
    /// CKF_*.
    pub flags: CK_FLAGS,
    /// The shortest PIN in bytes.
    pub shortest: CK_ULONG,
    /// The longest PIN in bytes.
    pub longest: CK_ULONG,
}

impl From<CK_TOKEN_INFO> for TokenInfo {
    fn from(info: CK_TOKEN_INFO) -> Self {
        Self {
            label: info.label,
            manufacturer: info.manufacturerID,
            model: info.model,
            serial: info.serialNumber,
            flags: info.flags,
            shortest: info.ulMinPinLen,
            longest: info.ulMaxPinLen,
        }
    }
}

/// What a slot is (CK_SLOT_INFO): a reader, where there are any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotInfo {
    /// 64 bytes, filled up with blanks; the reader's name as a rule.
    pub description: Vec<u8>,
    /// CKF_*.
    pub flags: CK_FLAGS,
}

impl From<CK_SLOT_INFO> for SlotInfo {
    fn from(info: CK_SLOT_INFO) -> Self {
        Self { description: info.slotDescription.to_vec(), flags: info.flags }
    }
}

/// What a library says of itself (CK_INFO).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LibraryInfo {
    /// Who made it, filled up with blanks.
    pub manufacturer: [u8; 32],
    /// What it is, filled up with blanks.
    pub description: [u8; 32],
    /// Its version, major and minor.
    pub version: (u8, u8),
}

impl From<CK_INFO> for LibraryInfo {
    fn from(info: CK_INFO) -> Self {
        Self {
            manufacturer: info.manufacturerID,
            description: info.libraryDescription,
            version: (info.libraryVersion.major, info.libraryVersion.minor),
        }
    }
}

/// Who the token is.
pub fn identity(info: &TokenInfo, place: Place) -> Identity {
    let blank = info.flags & CKF_TOKEN_INITIALIZED == 0;
    Identity {
        application: Application::Pkcs11,
        serial: Text::trimmed(&info.serial),
        label: Text::trimmed(&info.label),
        manufacturer: Text::trimmed(&info.manufacturer),
        model: Text::trimmed(&info.model),
        place,
        blank,
    }
}

/// What a module says of itself.
pub fn library(info: &LibraryInfo) -> Library {
    Library {
        manufacturer: Text::trimmed(&info.manufacturer),
        description: Text::trimmed(&info.description),
        version: info.version,
    }
}

/// Whether the token has PINs at all; p11-kit's trust module shows tokens that have none.
pub fn has_pins(info: &TokenInfo) -> bool {
    let is_limit = |value: CK_ULONG| value != 0 && value != CK_UNAVAILABLE_INFORMATION;
    // A blank token of kryoptic has no such flag yet, and no other limit than the least.
    info.flags & (CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED) != 0
        || [info.shortest, info.longest].into_iter().any(is_limit)
}

/// The user PIN and the SO PIN, and the PUK where the module takes one.
pub fn references(info: &TokenInfo, quirks: &Quirks) -> Vec<Reference> {
    let puk = quirks.puk.map(|_| Role::Puk);
    [Some(Role::UserPin), puk, Some(Role::SoPin)]
        .into_iter()
        .flatten()
        .map(|role| (role, quirks.length(role)))
        .map(|(role, known)| Reference {
            role,
            name: role.title(),
            key_reference: None,
            state: match state(info, role) {
                State::Ready if role == Role::UserPin && !quirks.tells_user_pin => State::Unknown,
                state => state,
            },
            retries: match retries(info, role) {
                // SoftHSM2 has flags for it and counts nothing.
                Retries::Unknown if quirks.counting == Counting::Never && role != Role::Puk => Retries::Unlimited,
                told => told,
            },
            default: None,
            length: known.unwrap_or_else(|| length(info)),
            current_length: match known {
                Some(known) => known.max.map(|max| (known.min, max)),
                None => length(info).max.filter(|_| quirks.holds_maximum).map(|max| (1, max)),
            },
        })
        .collect()
}

/// What the flags say of the tries left. Those of the SO mean nothing on a blank token: SoftHSM2 says "locked" there. A PUK has none.
pub fn retries(info: &TokenInfo, role: Role) -> Retries {
    let (locked, last, low) = match role {
        Role::UserPin => (CKF_USER_PIN_LOCKED, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_COUNT_LOW),
        Role::SoPin => (CKF_SO_PIN_LOCKED, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_COUNT_LOW),
        _ => return Retries::Unknown,
    };
    let is = |flag| info.flags & flag != 0;
    match () {
        () if !is(CKF_TOKEN_INITIALIZED) => Retries::Unknown,
        () if is(locked) => Retries::Blocked,
        () if is(last) => Retries::Final,
        () if is(low) => Retries::Low,
        () => Retries::Unknown,
    }
}

fn state(info: &TokenInfo, role: Role) -> State {
    let is = |flag| info.flags & flag != 0;
    let to_be_changed = if role == Role::SoPin { CKF_SO_PIN_TO_BE_CHANGED } else { CKF_USER_PIN_TO_BE_CHANGED };
    match () {
        () if role == Role::Puk => State::Unknown,
        () if !is(CKF_TOKEN_INITIALIZED) => State::Unset,
        () if role == Role::UserPin && !is(CKF_USER_PIN_INITIALIZED) => State::Unset,
        () if retries(info, role) == Retries::Blocked => State::Blocked,
        () if is(to_be_changed) => State::MustChange,
        () => State::Ready,
    }
}

/// The limits of a new PIN in bytes. A maximum below the minimum, or none, is one that the module does not know.
fn length(info: &TokenInfo) -> Length {
    let (min, max) = (info.shortest, info.longest);
    let unavailable = |value| value == CK_UNAVAILABLE_INFORMATION;
    // An empty PIN is no PIN, whatever a module takes.
    let min = if unavailable(min) { 1 } else { usize::try_from(min).unwrap_or_default().max(1) };
    let max = usize::try_from(max).ok().filter(|longest| !unavailable(max) && *longest >= min);
    Length { min, max, unit: Unit::Bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(flags: CK_FLAGS, shortest: CK_ULONG, longest: CK_ULONG) -> TokenInfo {
        TokenInfo { flags, shortest, longest, ..TokenInfo::default() }
    }

    const LIVE: CK_FLAGS = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;

    #[test]
    fn flags_become_states_and_never_numbers() {
        let of = |flags| (state(&info(flags, 4, 8), Role::UserPin), retries(&info(flags, 4, 8), Role::UserPin));
        assert_eq!(of(LIVE), (State::Ready, Retries::Unknown));
        assert_eq!(of(LIVE | CKF_USER_PIN_COUNT_LOW), (State::Ready, Retries::Low));
        assert_eq!(of(LIVE | CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY), (State::Ready, Retries::Final));
        assert_eq!(of(LIVE | CKF_USER_PIN_LOCKED), (State::Blocked, Retries::Blocked));
        assert_eq!(of(LIVE | CKF_USER_PIN_TO_BE_CHANGED), (State::MustChange, Retries::Unknown));
        assert_eq!(of(CKF_TOKEN_INITIALIZED), (State::Unset, Retries::Unknown));
    }

    #[test]
    fn what_a_blank_token_says_of_its_so_pin_means_nothing() {
        let blank = info(CKF_SO_PIN_LOCKED | CKF_SO_PIN_TO_BE_CHANGED, 4, 255);
        assert_eq!(retries(&blank, Role::SoPin), Retries::Unknown);
        assert_eq!(state(&blank, Role::SoPin), State::Unset);
    }

    #[test]
    fn a_token_has_pins_that_wants_a_login_has_one_or_tells_a_limit() {
        for (flags, min, max) in [(CKF_LOGIN_REQUIRED, 0, 0), (CKF_USER_PIN_INITIALIZED, 0, 0), (0, 8, 0), (0, 0, 128)]
        {
            assert!(has_pins(&info(flags, min, max)), "{flags:x} {min}..{max}");
        }
        for unknown in [0, CK_UNAVAILABLE_INFORMATION] {
            assert!(!has_pins(&info(CKF_TOKEN_INITIALIZED | CKF_WRITE_PROTECTED, unknown, unknown)));
        }
    }

    #[test]
    fn a_maximum_below_the_minimum_is_unknown() {
        assert_eq!(length(&info(0, 8, 0)).max, None);
        assert_eq!(length(&info(0, 0, 0)), Length { min: 1, max: None, unit: Unit::Bytes });
        assert_eq!(
            length(&info(0, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION)),
            Length { min: 1, max: None, unit: Unit::Bytes }
        );
        assert_eq!(length(&info(0, 4, 255)), Length { min: 4, max: Some(255), unit: Unit::Bytes });
    }
}
