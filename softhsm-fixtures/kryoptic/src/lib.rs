//! kryoptic as a PKCS#11 module: its library, with the one function exported that a program looks for.

use kryoptic_lib::{
    fns::general::fn_get_function_list,
    pkcs11::{CK_FUNCTION_LIST_PTR_PTR, CK_RV},
};

/// The entry of every PKCS#11 module (PKCS#11 2.40, 5.2).
#[unsafe(no_mangle)]
pub extern "C" fn C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) -> CK_RV {
    fn_get_function_list(list)
}
