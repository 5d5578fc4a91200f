//! A session with a token: the calls that present a PIN, which no trace shows.

use cryptoki_sys::{CK_SESSION_HANDLE, CKU_SO, CKU_USER};

use super::{Module, Refusal};
use crate::{device::pkcs11::wire::Request, secret::Entry, token::Role};

/// An open session.
pub struct Session<'a> {
    pub(super) module: &'a Module,
    pub(super) handle: CK_SESSION_HANDLE,
}

impl Session<'_> {
    /// C_Login as the user or as the SO.
    pub fn login(&self, role: Role, pin: &Entry) -> Result<(), Refusal> {
        let (user, name) = if role == Role::SoPin { (CKU_SO, "CKU_SO") } else { (CKU_USER, "CKU_USER") };
        self.module.ask(
            &Request::Login { session: self.handle, user, pin: bytes(pin) },
            format_args!("C_Login({name}, {})", shown(pin)),
        )
    }

    /// C_SetPIN: the PIN of the role that is logged in.
    pub fn set_pin(&self, old: &Entry, new: &Entry) -> Result<(), Refusal> {
        self.module.ask(
            &Request::SetPin { session: self.handle, old: bytes(old), new: bytes(new) },
            format_args!("C_SetPIN({}, {})", shown(old), shown(new)),
        )
    }

    /// C_InitPIN: the user PIN, in a session of the SO.
    pub fn init_pin(&self, new: &Entry) -> Result<(), Refusal> {
        self.module
            .ask(&Request::InitPin { session: self.handle, new: bytes(new) }, format_args!("C_InitPIN({})", shown(new)))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if self.module.worker.is_running() {
            // A session that does not close, of a token that was pulled say, ends with C_Finalize.
            let _ = self
                .module
                .ask::<()>(&Request::CloseSession { session: self.handle }, format_args!("C_CloseSession()"));
        }
    }
}

/// The bytes of a PIN; none where it is typed at the token (C_Login, with a null pointer).
pub(super) fn bytes(entry: &Entry) -> Option<&[u8]> {
    entry.value().map(crate::secret::Pin::bytes)
}

/// What a trace shows of a PIN: neither its value nor its length.
pub(super) fn shown(entry: &Entry) -> &'static str {
    match entry {
        Entry::Value(_) => "PIN withheld",
        Entry::Pad => "NULL",
    }
}
