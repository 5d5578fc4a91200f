//! The C calls of a PKCS#11 module, and the only unsafe code of the crate.
//!
//! The safe wrapper crate `cryptoki` is not used: it cannot pass a NULL PIN (protected authentication path), wants UTF-8,
//! fails on the token information of one module, and keeps its function list to itself. Asking the library for a second
//! list is no way out, since p11-kit's proxy, the default module, hands out a new, uninitialised instance at every
//! C_GetFunctionList (seen with 0.24.1). So one list is taken, and the dozen calls that PIN administration needs go through it.

#![allow(unsafe_code)] // C_* calls through the pointers of a loaded library cannot be safe.

use std::{
    ffi::{CStr, c_void},
    path::Path,
    ptr,
};

use cryptoki_sys::{
    CK_C_INITIALIZE_ARGS, CK_FUNCTION_LIST, CK_INFO, CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_SLOT_INFO, CK_TOKEN_INFO,
    CK_ULONG, CK_USER_TYPE, CKF_OS_LOCKING_OK, CKF_RW_SESSION, CKF_SERIAL_SESSION, CKR_BUFFER_TOO_SMALL,
    CKR_FUNCTION_NOT_SUPPORTED, CKR_OK,
};
use serde::{Deserialize, Serialize};

/// A return value other than CKR_OK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rv(pub CK_RV);

/// Why a library cannot be used as a module.
#[derive(Debug, Serialize, Deserialize)]
pub enum LoadError {
    /// The dynamic linker's own words.
    Linker(String),
    /// There is no C_GetFunctionList, or it gives none.
    NoModule,
}

/// How often the list of slots may grow between the question for its length and the one for itself.
const LOOKS: usize = 16;

/// A loaded module.
pub struct Raw {
    functions: CK_FUNCTION_LIST,
    /// Keeps the library loaded as long as its pointers are in use.
    _library: cryptoki_sys::Pkcs11,
}

/// Calls a function of the list; one that is missing is one that the module does not support.
macro_rules! call {
    ($raw:expr, $function:ident ( $($argument:expr),* )) => {
        match $raw.functions.$function {
            // SAFETY: the pointer comes from the module's own list and the library stays loaded; the arguments point to
            // live buffers of the lengths given beside them, and a module must not keep them (PKCS#11 2.40, 5.1).
            Some(function) => match unsafe { function($($argument),*) } {
                CKR_OK => Ok(()),
                other => Err(Rv(other)),
            },
            None => Err(Rv(CKR_FUNCTION_NOT_SUPPORTED)),
        }
    };
}

/// A PIN as pointer and length; NULL where it is typed at the token.
fn pin_argument(pin: Option<&[u8]>) -> (*mut u8, CK_ULONG) {
    // The module gets a mutable pointer by the standard's type, and must not write through it.
    pin.map_or((ptr::null_mut(), 0), |pin| (pin.as_ptr().cast_mut(), pin.len() as CK_ULONG))
}

impl Raw {
    /// Loads the library and takes its function list.
    ///
    /// # Errors
    /// [`LoadError`] where there is no such library, or it is no module.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        // SAFETY: loading runs the library's initialisers; the person who named it trusts it.
        let library =
            unsafe { cryptoki_sys::Pkcs11::new(path) }.map_err(|error| LoadError::Linker(error.to_string()))?;
        let get = library.C_GetFunctionList.as_ref().map_err(|_| LoadError::NoModule)?;
        let mut list = ptr::null_mut();
        // SAFETY: `list` is a valid place for one pointer.
        let answer = unsafe { get(&raw mut list) };
        if answer != CKR_OK || list.is_null() {
            return Err(LoadError::NoModule);
        }
        // SAFETY: a module that answers CKR_OK points to a list that lives as long as the library.
        let functions = unsafe { *list };
        Ok(Self { functions, _library: library })
    }

    /// C_Initialize without arguments, which tells the module that one thread makes all calls, so that it need lock nothing (2.40,
    /// 5.4): SoftHSM2 takes its locks some thousand times for a listing. With `init` it gets that as pReserved: what NSS, and
    /// modules made for it, read there as LibraryParameters. The standard wants NULL there.
    pub fn initialize(&self, init: Option<&CStr>) -> Result<(), Rv> {
        // Where LibraryParameters is not NULL the structure of NSS goes on with one more pointer, which must be.
        #[repr(C)]
        struct Arguments {
            standard: CK_C_INITIALIZE_ARGS,
            reserved: *mut c_void,
        }
        let Some(init) = init else { return call!(self, C_Initialize(ptr::null_mut())) };
        let parameters = init.as_ptr().cast_mut().cast();
        let standard =
            CK_C_INITIALIZE_ARGS { flags: CKF_OS_LOCKING_OK, pReserved: parameters, ..CK_C_INITIALIZE_ARGS::default() };
        let mut arguments = Arguments { standard, reserved: ptr::null_mut() };
        call!(self, C_Initialize((&raw mut arguments).cast()))
    }

    /// C_Finalize.
    pub fn finalize(&self) -> Result<(), Rv> {
        call!(self, C_Finalize(ptr::null_mut()))
    }

    /// C_GetInfo: what the library says of itself.
    pub fn info(&self) -> Result<CK_INFO, Rv> {
        let mut info = CK_INFO::default();
        call!(self, C_GetInfo(&raw mut info)).map(|()| info)
    }

    /// C_GetSlotInfo: what the module says of a slot, which is a reader where there are any.
    pub fn slot_info(&self, slot: CK_SLOT_ID) -> Result<CK_SLOT_INFO, Rv> {
        let mut info = CK_SLOT_INFO::default();
        call!(self, C_GetSlotInfo(slot, &raw mut info)).map(|()| info)
    }

    /// C_GetSlotList: the slots with a token in them.
    pub fn slots(&self) -> Result<Vec<CK_SLOT_ID>, Rv> {
        for _ in 0..LOOKS {
            let mut count: CK_ULONG = 0;
            call!(self, C_GetSlotList(1, ptr::null_mut(), &raw mut count))?;
            let mut slots = vec![0; usize::try_from(count).unwrap_or_default()];
            match call!(self, C_GetSlotList(1, slots.as_mut_ptr(), &raw mut count)) {
                Err(Rv(CKR_BUFFER_TOO_SMALL)) => continue, // a token was inserted between the two calls
                other => other?,
            }
            slots.truncate(usize::try_from(count).unwrap_or_default());
            return Ok(slots);
        }
        Err(Rv(CKR_BUFFER_TOO_SMALL))
    }

    /// C_GetTokenInfo, as it stands: one module leaves the time blank, others fill up with NULs.
    pub fn token_info(&self, slot: CK_SLOT_ID) -> Result<CK_TOKEN_INFO, Rv> {
        let mut info = CK_TOKEN_INFO::default();
        call!(self, C_GetTokenInfo(slot, &raw mut info)).map(|()| info)
    }

    /// C_OpenSession, read-only or read/write.
    pub fn open_session(&self, slot: CK_SLOT_ID, write: bool) -> Result<CK_SESSION_HANDLE, Rv> {
        let mut session = 0;
        let flags = CKF_SERIAL_SESSION | if write { CKF_RW_SESSION } else { 0 };
        call!(self, C_OpenSession(slot, flags, ptr::null_mut(), None, &raw mut session)).map(|()| session)
    }

    /// C_CloseSession, which logs out as well where it is the token's last.
    pub fn close_session(&self, session: CK_SESSION_HANDLE) -> Result<(), Rv> {
        call!(self, C_CloseSession(session))
    }

    /// C_Login.
    pub fn login(&self, session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: Option<&[u8]>) -> Result<(), Rv> {
        let (pin, length) = pin_argument(pin);
        call!(self, C_Login(session, user, pin, length))
    }

    /// C_SetPIN: the PIN of the role that is logged in.
    pub fn set_pin(&self, session: CK_SESSION_HANDLE, old: Option<&[u8]>, new: Option<&[u8]>) -> Result<(), Rv> {
        let ((old, old_length), (new, new_length)) = (pin_argument(old), pin_argument(new));
        call!(self, C_SetPIN(session, old, old_length, new, new_length))
    }

    /// C_InitPIN: the user PIN, in a session of the SO.
    pub fn init_pin(&self, session: CK_SESSION_HANDLE, new: Option<&[u8]>) -> Result<(), Rv> {
        let (new, length) = pin_argument(new);
        call!(self, C_InitPIN(session, new, length))
    }

    /// C_InitToken, with a label filled up with blanks.
    pub fn init_token(&self, slot: CK_SLOT_ID, so_pin: Option<&[u8]>, label: &[u8; 32]) -> Result<(), Rv> {
        let (pin, length) = pin_argument(so_pin);
        call!(self, C_InitToken(slot, pin, length, label.as_ptr().cast_mut()))
    }
}
