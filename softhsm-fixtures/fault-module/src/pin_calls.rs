//! The calls that carry a PIN; with the rule `pad`, a null one is typed at the pad.

#![allow(non_snake_case)]

use cryptoki_sys::{
    CK_RV, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR, CKR_ARGUMENTS_BAD,
    CKR_FUNCTION_CANCELED, CKR_FUNCTION_NOT_SUPPORTED, CKR_OK, CKS_RW_SO_FUNCTIONS, CKU_SO,
};

use crate::module::{self, Forward};
use crate::pad::{self, Entry, Pin};

pub unsafe extern "C" fn C_Login(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: *mut CK_UTF8CHAR,
    length: CK_ULONG,
) -> CK_RV {
    module::call("C_Login", Some(user), |it| {
        let Some(real) = it.real.C_Login else { return CKR_FUNCTION_NOT_SUPPORTED };
        let entry = if user == CKU_SO { Entry::So } else { Entry::User };
        match entered(it, Pin { start: pin, length }, || entry) {
            // SAFETY: the arguments are the caller's, or a PIN that outlives the call.
            Ok(pin) => unsafe { real(session, user, pin.start, pin.length) },
            Err(code) => code,
        }
    })
}

pub unsafe extern "C" fn C_InitToken(
    slot: CK_SLOT_ID,
    pin: *mut CK_UTF8CHAR,
    length: CK_ULONG,
    label: *mut CK_UTF8CHAR,
) -> CK_RV {
    module::call("C_InitToken", None, |it| {
        let Some(real) = it.real.C_InitToken else { return CKR_FUNCTION_NOT_SUPPORTED };
        match entered(it, Pin { start: pin, length }, || Entry::So) {
            // SAFETY: as for C_Login.
            Ok(pin) => unsafe { real(slot, pin.start, pin.length, label) },
            Err(code) => code,
        }
    })
}

pub unsafe extern "C" fn C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, length: CK_ULONG) -> CK_RV {
    module::call("C_InitPIN", None, |it| {
        let Some(real) = it.real.C_InitPIN else { return CKR_FUNCTION_NOT_SUPPORTED };
        match entered(it, Pin { start: pin, length }, || Entry::NewUser) {
            // SAFETY: as for C_Login.
            Ok(pin) => unsafe { real(session, pin.start, pin.length) },
            Err(code) => code,
        }
    })
}

pub unsafe extern "C" fn C_SetPIN(
    session: CK_SESSION_HANDLE,
    old: *mut CK_UTF8CHAR,
    old_length: CK_ULONG,
    new: *mut CK_UTF8CHAR,
    new_length: CK_ULONG,
) -> CK_RV {
    module::call("C_SetPIN", None, |it| {
        let Some(real) = it.real.C_SetPIN else { return CKR_FUNCTION_NOT_SUPPORTED };
        let so = || is_so(it, session);
        let old = entered(it, Pin { start: old, length: old_length }, || if so() { Entry::So } else { Entry::User });
        let new =
            entered(it, Pin { start: new, length: new_length }, || if so() { Entry::NewSo } else { Entry::NewUser });
        match (old, new) {
            // SAFETY: as for C_Login.
            (Ok(old), Ok(new)) => unsafe { real(session, old.start, old.length, new.start, new.length) },
            (Err(code), _) | (_, Err(code)) => code,
        }
    })
}

/// The PIN to forward: the caller's, or what is typed at the pad.
fn entered(it: &Forward<'_>, pin: Pin, entry: impl FnOnce() -> Entry) -> Result<Pin, CK_RV> {
    match pin.start.is_null() {
        true if it.rules.pad => pad::typed(entry()).ok_or(CKR_FUNCTION_CANCELED),
        false if it.rules.pad_strict => Err(CKR_ARGUMENTS_BAD),
        _ => Ok(pin),
    }
}

/// C_SetPIN changes the PIN of who is logged in, and the user's when nobody is.
fn is_so(it: &Forward<'_>, session: CK_SESSION_HANDLE) -> bool {
    let mut info = CK_SESSION_INFO::default();
    // SAFETY: `info` is writable, and a bad handle is the other module's to refuse.
    it.real.C_GetSessionInfo.is_some_and(|real| unsafe { real(session, &mut info) } == CKR_OK)
        && info.state == CKS_RW_SO_FUNCTIONS
}
