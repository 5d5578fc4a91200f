//! The floor of what is done over PKCS#11: a program with only the calls it needs, and no guard, lock, worker or proof.
//!
//! `floor MODULE LABEL OLD NEW` changes a PIN, `floor MODULE` lists tokens. It is measured beside pukka; its PINs are of
//! throw-away tokens, so they may stand in argv.

use std::{env::args, error::Error, ptr};

use cryptoki_sys::{
    CK_FUNCTION_LIST, CK_RV, CK_SLOT_ID, CK_TOKEN_INFO, CK_ULONG, CKF_RW_SESSION, CKF_SERIAL_SESSION, CKR_OK, CKU_USER,
};

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    let arguments: Vec<String> = args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // SAFETY: the bench names a PKCS#11 module, whose functions are called as PKCS#11 says, with live buffers.
    unsafe {
        match arguments[..] {
            [module] => with(module, |list| tokens(list).map(|tokens| println!("{} tokens", tokens.len()))),
            [module, label, old, new] => with(module, |list| change(list, label, old, new)),
            _ => Err("usage: floor MODULE [LABEL OLD NEW]".into()),
        }
    }
}

/// Does `work` with the module, between C_Initialize and C_Finalize.
unsafe fn with(module: &str, work: impl FnOnce(&CK_FUNCTION_LIST) -> Done<()>) -> Done<()> {
    unsafe {
        let library = libloading::Library::new(module)?;
        let get: libloading::Symbol<unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV> =
            library.get(b"C_GetFunctionList")?;
        let mut list = ptr::null_mut();
        ok(get(&raw mut list))?;
        let list = &*list;
        ok(list.C_Initialize.ok_or("C_Initialize")?(ptr::null_mut()))?;
        work(list)?;
        ok(list.C_Finalize.ok_or("C_Finalize")?(ptr::null_mut()))
    }
}

/// Each slot with a token, and what that says of itself.
unsafe fn tokens(list: &CK_FUNCTION_LIST) -> Done<Vec<(CK_SLOT_ID, CK_TOKEN_INFO)>> {
    unsafe {
        let slot_list = list.C_GetSlotList.ok_or("C_GetSlotList")?;
        let mut count = 0;
        ok(slot_list(1, ptr::null_mut(), &raw mut count))?;
        let mut slots = vec![0; usize::try_from(count)?];
        ok(slot_list(1, slots.as_mut_ptr(), &raw mut count))?;
        let read = |id: CK_SLOT_ID| {
            let mut info = CK_TOKEN_INFO::default();
            ok(list.C_GetTokenInfo.ok_or("C_GetTokenInfo")?(id, &raw mut info)).map(|()| (id, info))
        };
        slots.into_iter().take(usize::try_from(count)?).map(read).collect()
    }
}

unsafe fn change(list: &CK_FUNCTION_LIST, label: &str, old: &str, new: &str) -> Done<()> {
    unsafe {
        let is_meant = |info: &CK_TOKEN_INFO| info.label.trim_ascii_end() == label.as_bytes();
        let tokens = tokens(list)?;
        let (slot, _) = tokens.iter().find(|(_, info)| is_meant(info)).ok_or("no such token")?;
        let mut session = 0;
        let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        ok(list.C_OpenSession.ok_or("C_OpenSession")?(*slot, flags, ptr::null_mut(), None, &raw mut session))?;
        let (old, new) = (old.as_bytes(), new.as_bytes());
        ok(list.C_Login.ok_or("C_Login")?(session, CKU_USER, old.as_ptr().cast_mut(), old.len() as CK_ULONG))?;
        ok(list.C_SetPIN.ok_or("C_SetPIN")?(
            session,
            old.as_ptr().cast_mut(),
            old.len() as CK_ULONG,
            new.as_ptr().cast_mut(),
            new.len() as CK_ULONG,
        ))
    }
}

fn ok(answer: CK_RV) -> Done<()> {
    if answer == CKR_OK { Ok(()) } else { Err(format!("CK_RV 0x{answer:X}").into()) }
}
