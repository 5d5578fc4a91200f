//! The floor of a PIN change over PKCS#11: a program with only the calls it needs, and no guard, lock or proof.
//!
//! `floor MODULE LABEL OLD NEW`. It is measured beside pukka; its PINs are of throw-away tokens, so they may stand in argv.

use std::{env::args, error::Error, os::unix::ffi::OsStrExt, path::Path, ptr};

use cryptoki_sys::{
    CK_FUNCTION_LIST, CK_RV, CK_TOKEN_INFO, CK_ULONG, CKF_RW_SESSION, CKF_SERIAL_SESSION, CKR_OK, CKU_USER,
};

fn main() -> Result<(), Box<dyn Error>> {
    let [_, module, label, old, new]: [String; 5] =
        args().collect::<Vec<_>>().try_into().map_err(|_| "usage: floor MODULE LABEL OLD NEW")?;
    // SAFETY: the bench names a PKCS#11 module, whose functions are called as PKCS#11 says, with live buffers.
    unsafe { change(Path::new(&module), &label, &old, &new) }
}

unsafe fn change(module: &Path, label: &str, old: &str, new: &str) -> Result<(), Box<dyn Error>> {
    unsafe {
        let library = libloading::Library::new(module)?;
        let get: libloading::Symbol<unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV> =
            library.get(b"C_GetFunctionList")?;
        let mut list = ptr::null_mut();
        ok(get(&raw mut list))?;
        let list = *list;
        ok(list.C_Initialize.ok_or("C_Initialize")?(ptr::null_mut()))?;
        let mut slots = [0; 16];
        let mut count = slots.len() as CK_ULONG;
        ok(list.C_GetSlotList.ok_or("C_GetSlotList")?(1, slots.as_mut_ptr(), &raw mut count))?;
        let mut slot = None;
        for id in slots.into_iter().take(usize::try_from(count)?) {
            let mut info = CK_TOKEN_INFO::default();
            ok(list.C_GetTokenInfo.ok_or("C_GetTokenInfo")?(id, &raw mut info))?;
            if info.label.trim_ascii_end() == Path::new(label).as_os_str().as_bytes() {
                slot = Some(id);
            }
        }
        let mut session = 0;
        let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        ok(list.C_OpenSession.ok_or("C_OpenSession")?(
            slot.ok_or("no such token")?,
            flags,
            ptr::null_mut(),
            None,
            &raw mut session,
        ))?;
        let (old, new) = (old.as_bytes(), new.as_bytes());
        ok(list.C_Login.ok_or("C_Login")?(session, CKU_USER, old.as_ptr().cast_mut(), old.len() as CK_ULONG))?;
        ok(list.C_SetPIN.ok_or("C_SetPIN")?(
            session,
            old.as_ptr().cast_mut(),
            old.len() as CK_ULONG,
            new.as_ptr().cast_mut(),
            new.len() as CK_ULONG,
        ))?;
        ok(list.C_Finalize.ok_or("C_Finalize")?(ptr::null_mut()))
    }
}

fn ok(answer: CK_RV) -> Result<(), Box<dyn Error>> {
    if answer == CKR_OK { Ok(()) } else { Err(format!("CK_RV 0x{answer:X}").into()) }
}
