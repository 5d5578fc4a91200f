//! Return values, each turned into our error in one place, with its number kept.

use std::time::Duration;

use cryptoki_sys::*;

use super::raw::Rv;
use crate::{
    error::{EntryEnd, Error, Keys},
    token::{Retries, Role},
};

/// What a call was about, for the sentence of its error.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The C function.
    pub call: &'static str,
    /// Whose secret was presented.
    pub presented: Role,
    /// Who was to get a new value.
    pub changed: Role,
    /// How long the call took, where it let somebody type on the token's keys.
    pub at_keys: Option<Duration>,
    /// Whether the token was never initialised, so that what was presented is new: nothing could be wrong with it before.
    pub blank: bool,
}

/// What the token says of the presented secret's tries.
#[derive(Debug, Clone, Copy)]
pub struct Tries {
    /// Before, where it was asked.
    pub before: Retries,
    /// Now.
    pub now: Retries,
}

/// How long keys wait, less what clocks differ. OpenSC and the module of the Portuguese identity card give their readers
/// 30 seconds for an entry, and CKR_FUNCTION_CANCELED for one that was cancelled as for one that came too late.
const KEYS_WAIT: Duration = Duration::from_secs(29);

/// The error that `rv` means for a call that presents or sets a secret.
pub fn verdict(rv: Rv, about: About, tries: Tries) -> Error {
    let About { call, presented: role, changed, at_keys, blank } = about;
    let Tries { before, now: retries } = tries;
    let detail = Some(number(rv));
    let refused = |why| Error::NewValueRefused { role: changed, why, detail: Some(number(rv)) };
    match rv.0 {
        CKR_FUNCTION_CANCELED if at_keys.is_some() => {
            let end = if at_keys >= Some(KEYS_WAIT) { EntryEnd::TimedOut } else { EntryEnd::Cancelled };
            Error::NotEntered { role: changed, end, keys: Keys::Token, detail }
        }
        // SoftHSM2 says so of an SO PIN that is too short, others of one that is not the one of delivery.
        CKR_PIN_INCORRECT if blank => refused("it cannot begin with this one"),
        CKR_PIN_INCORRECT if retries == Retries::Blocked => Error::Blocked { role, now: true, detail },
        CKR_PIN_INCORRECT => Error::WrongSecret { role, retries, detail },
        CKR_PIN_LOCKED => Error::Blocked { role, now: before.is_last(), detail },
        CKR_PIN_EXPIRED => Error::MustChange { role, detail },
        CKR_USER_PIN_NOT_INITIALIZED => Error::Unset { role },
        // NSS says so of a user whose PIN was never set, and of an SO once the user has one.
        CKR_USER_TYPE_INVALID if call == "C_Login" && role == Role::SoPin => {
            Error::Unsupported { what: "this token lets no SO log in".into() }
        }
        CKR_USER_TYPE_INVALID if call == "C_Login" => Error::Unset { role },
        CKR_PIN_LEN_RANGE if call == "C_Login" || (call == "C_InitToken" && !blank) => {
            Error::WrongSecret { role, retries, detail }
        }
        CKR_PIN_LEN_RANGE => refused("its length is out of range"),
        // So OpenSC calls two entries of the new value that differ.
        CKR_PIN_INVALID if at_keys.is_some() && call != "C_Login" => {
            refused("its two entries on the keys differ, or it is not allowed")
        }
        CKR_PIN_INVALID => refused("it holds a character that is not allowed, or is not allowed as a whole"),
        // So OpenSC calls it where a card refuses the command for its data, and nothing has changed.
        CKR_DATA_INVALID if call != "C_Login" => refused("it calls the data of the command invalid"),
        CKR_PIN_TOO_WEAK => refused("it is too weak"),
        CKR_FUNCTION_CANCELED | CKR_FUNCTION_REJECTED => Error::NotConfirmedByUser { wanted: None },
        CKR_FUNCTION_NOT_SUPPORTED => Error::Unsupported { what: format!("this module has no {call}") },
        _ => failure(rv, call),
    }
}

/// The error that `rv` means for any other call.
pub fn failure(rv: Rv, call: &str) -> Error {
    let (what, cure) = match rv.0 {
        CKR_DEVICE_REMOVED | CKR_TOKEN_NOT_PRESENT | CKR_SLOT_ID_INVALID => {
            ("the token is no longer there", Some("insert it and look with `pukka list`"))
        }
        CKR_TOKEN_NOT_RECOGNIZED => (
            "the module does not recognise the token",
            Some("insert it again, or name the module of its maker with --module"),
        ),
        CKR_TOKEN_WRITE_PROTECTED => ("the token is write-protected", None),
        CKR_SESSION_EXISTS => {
            ("another session is open on the token", Some("end the programs that use the token, then try again"))
        }
        CKR_SESSION_READ_ONLY => ("the token can only be read", None),
        CKR_DEVICE_ERROR => ("the token reports a fault", Some("insert it again and look at it with `pukka status`")),
        CKR_DEVICE_MEMORY => ("the token is full", None),
        CKR_HOST_MEMORY => ("the module is out of memory", None),
        CKR_GENERAL_ERROR | CKR_FUNCTION_FAILED => ("the module failed and does not say why", None),
        _ => ("the module answers with an error", None),
    };
    Error::Device { what: format!("{what} ({call})"), cure: cure.map(str::to_owned), detail: Some(number(rv)) }
}

/// The name and number of a return value: `CKR_PIN_INCORRECT (0xA0)`.
pub fn number(rv: Rv) -> String {
    match NAMES.iter().find(|(value, _)| *value == rv.0) {
        Some((value, name)) => format!("CKR_{name} (0x{value:X})"),
        None => format!("CK_RV 0x{:X}", rv.0),
    }
}

/// The return values that the calls of PIN administration give (PKCS#11 3.0, 5.1).
const NAMES: [(CK_RV, &str); 43] = [
    (CKR_OK, "OK"),
    (CKR_HOST_MEMORY, "HOST_MEMORY"),
    (CKR_SLOT_ID_INVALID, "SLOT_ID_INVALID"),
    (CKR_GENERAL_ERROR, "GENERAL_ERROR"),
    (CKR_FUNCTION_FAILED, "FUNCTION_FAILED"),
    (CKR_ARGUMENTS_BAD, "ARGUMENTS_BAD"),
    (CKR_CANT_LOCK, "CANT_LOCK"),
    (CKR_ACTION_PROHIBITED, "ACTION_PROHIBITED"),
    (CKR_DATA_INVALID, "DATA_INVALID"),
    (CKR_DEVICE_ERROR, "DEVICE_ERROR"),
    (CKR_DEVICE_MEMORY, "DEVICE_MEMORY"),
    (CKR_DEVICE_REMOVED, "DEVICE_REMOVED"),
    (CKR_FUNCTION_CANCELED, "FUNCTION_CANCELED"),
    (CKR_FUNCTION_NOT_SUPPORTED, "FUNCTION_NOT_SUPPORTED"),
    (CKR_OPERATION_NOT_INITIALIZED, "OPERATION_NOT_INITIALIZED"),
    (CKR_PIN_INCORRECT, "PIN_INCORRECT"),
    (CKR_PIN_INVALID, "PIN_INVALID"),
    (CKR_PIN_LEN_RANGE, "PIN_LEN_RANGE"),
    (CKR_PIN_EXPIRED, "PIN_EXPIRED"),
    (CKR_PIN_LOCKED, "PIN_LOCKED"),
    (CKR_SESSION_CLOSED, "SESSION_CLOSED"),
    (CKR_SESSION_COUNT, "SESSION_COUNT"),
    (CKR_SESSION_HANDLE_INVALID, "SESSION_HANDLE_INVALID"),
    (CKR_SESSION_READ_ONLY, "SESSION_READ_ONLY"),
    (CKR_SESSION_EXISTS, "SESSION_EXISTS"),
    (CKR_SESSION_READ_ONLY_EXISTS, "SESSION_READ_ONLY_EXISTS"),
    (CKR_SESSION_READ_WRITE_SO_EXISTS, "SESSION_READ_WRITE_SO_EXISTS"),
    (CKR_TOKEN_NOT_PRESENT, "TOKEN_NOT_PRESENT"),
    (CKR_TOKEN_NOT_RECOGNIZED, "TOKEN_NOT_RECOGNIZED"),
    (CKR_TOKEN_WRITE_PROTECTED, "TOKEN_WRITE_PROTECTED"),
    (CKR_USER_ALREADY_LOGGED_IN, "USER_ALREADY_LOGGED_IN"),
    (CKR_USER_NOT_LOGGED_IN, "USER_NOT_LOGGED_IN"),
    (CKR_USER_PIN_NOT_INITIALIZED, "USER_PIN_NOT_INITIALIZED"),
    (CKR_USER_TYPE_INVALID, "USER_TYPE_INVALID"),
    (CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "USER_ANOTHER_ALREADY_LOGGED_IN"),
    (CKR_USER_TOO_MANY_TYPES, "USER_TOO_MANY_TYPES"),
    (CKR_BUFFER_TOO_SMALL, "BUFFER_TOO_SMALL"),
    (CKR_CRYPTOKI_NOT_INITIALIZED, "CRYPTOKI_NOT_INITIALIZED"),
    (CKR_CRYPTOKI_ALREADY_INITIALIZED, "CRYPTOKI_ALREADY_INITIALIZED"),
    (CKR_PIN_TOO_WEAK, "PIN_TOO_WEAK"),
    (CKR_FUNCTION_REJECTED, "FUNCTION_REJECTED"),
    (CKR_TOKEN_RESOURCE_EXCEEDED, "TOKEN_RESOURCE_EXCEEDED"),
    (CKR_SESSION_PARALLEL_NOT_SUPPORTED, "SESSION_PARALLEL_NOT_SUPPORTED"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn end(rv: CK_RV, at_keys: Option<u64>) -> (u8, &'static str) {
        let about = About {
            call: "C_Login",
            presented: Role::UserPin,
            changed: Role::UserPin,
            at_keys: at_keys.map(Duration::from_secs),
            blank: false,
        };
        let error = verdict(Rv(rv), about, Tries { before: Retries::Unknown, now: Retries::Unknown });
        (error.exit_code(), error.kind())
    }

    #[test]
    fn an_entry_that_was_cancelled_is_told_from_one_that_came_too_late_by_its_time() {
        assert_eq!(end(CKR_FUNCTION_CANCELED, Some(0)), (130, "interrupted"));
        assert_eq!(end(CKR_FUNCTION_CANCELED, Some(20)), (130, "interrupted"));
        assert_eq!(end(CKR_FUNCTION_CANCELED, Some(30)), (8, "device"));
        // Three entries of a change take their time each.
        assert_eq!(end(CKR_FUNCTION_CANCELED, Some(75)), (8, "device"));
    }

    #[test]
    fn what_was_refused_is_not_confirmed_and_nobody_cancels_on_keys_that_were_not_asked() {
        assert_eq!(end(CKR_FUNCTION_REJECTED, Some(40)), (6, "not-confirmed-by-user"));
        assert_eq!(end(CKR_FUNCTION_CANCELED, None), (6, "not-confirmed-by-user"));
    }
}
