//! A PKCS#11 2.40 module that forwards to another one and fails where it is told to.

mod calls;
mod code;
mod effect;
mod function_list;
mod log;
mod module;
mod pad;
mod pin_calls;
mod rule;
mod rules;
mod token_info;

use cryptoki_sys::{CK_FUNCTION_LIST, CK_RV, CKR_ARGUMENTS_BAD, CKR_GENERAL_ERROR};

/// The one symbol a PKCS#11 2.40 module must export.
///
/// # Safety
/// `list` is null or writable, as PKCS#11 has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    if let Err(reason) = module::get() {
        eprintln!("fault-module: {reason}");
        return CKR_GENERAL_ERROR;
    }
    // The caller's own list is what it asks for; the other module is not asked.
    module::call("C_GetFunctionList", None, |_| {
        if list.is_null() {
            return CKR_ARGUMENTS_BAD;
        }
        // SAFETY: not null, and the caller's to write. Nobody writes to the list: the type only wants `*mut`.
        unsafe { *list = (&raw const function_list::LIST).cast_mut() };
        cryptoki_sys::CKR_OK
    })
}
