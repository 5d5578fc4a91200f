//! The pad of a protected authentication path: the environment plays the person who types at it.

use std::ffi::{CStr, c_char};

use cryptoki_sys::{CK_ULONG, CK_UTF8CHAR};

/// A PIN where its owner keeps it: the caller's memory or the environment. It is never copied into this module, so
/// that a search of the process for it finds only what the caller left.
#[derive(Clone, Copy)]
pub struct Pin {
    pub start: *mut CK_UTF8CHAR,
    pub length: CK_ULONG,
}

#[derive(Clone, Copy)]
pub enum Entry {
    User,
    NewUser,
    So,
    NewSo,
}

/// What is typed at the pad; nothing when the variable is not set, as if the person pressed "cancel".
pub fn typed(entry: Entry) -> Option<Pin> {
    let variable = match entry {
        Entry::User => c"FAULT_MODULE_PAD_USER",
        Entry::NewUser => c"FAULT_MODULE_PAD_NEW_USER",
        Entry::So => c"FAULT_MODULE_PAD_SO",
        Entry::NewSo => c"FAULT_MODULE_PAD_NEW_SO",
    };
    unsafe extern "C" {
        fn getenv(name: *const c_char) -> *mut c_char;
    }
    // SAFETY: the name ends in NUL. `std::env` would copy the value; nobody changes the environment meanwhile.
    let value = unsafe { getenv(variable.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: not null, so it ends in NUL.
    let length = unsafe { CStr::from_ptr(value) }.count_bytes();
    Some(Pin { start: value.cast(), length: length as CK_ULONG })
}
