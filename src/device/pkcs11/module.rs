//! One loaded PKCS#11 module: its calls, traced with PINs withheld, and its sessions, closed when dropped.

use std::{
    cell::Cell,
    ffi::{CStr, CString},
    path::{Path, PathBuf},
};

use nix::sys::time::TimeSpec;

use cryptoki_sys::{
    CK_SESSION_HANDLE, CK_SLOT_ID, CK_TOKEN_INFO, CKR_ARGUMENTS_BAD, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED,
    CKU_SO, CKU_USER,
};

use super::{
    lock,
    raw::{LoadError, Raw, Rv},
    verdict::{failure, number},
};
use crate::{
    error::{Error, Result},
    secret::Entry,
    token::{Role, Trace},
};

/// What helps a module such as NSS.
const LACKS_INIT: &str = "if this module wants to be told something at its start, say it in the configuration: modules = [{ path = \"…\", init = \"…\" }]";

/// A module that was loaded and initialised; finalised when dropped.
pub struct Module {
    path: PathBuf,
    /// What C_Initialize is to be told, each time.
    init: Option<CString>,
    raw: Raw,
    trace: Trace,
    /// When it read its tokens, on the clock of file times.
    initialized: Cell<TimeSpec>,
}

impl Module {
    /// Loads and initialises the module at `path`, which is told `init` where it wants that.
    ///
    /// # Errors
    /// [`Error::Device`] where it is missing, is no module, or does not initialise.
    pub fn load(path: &Path, init: Option<&CStr>, trace: Trace) -> Result<Self> {
        let shown = path.display().to_string().escape_debug().to_string();
        let raw = Raw::load(path).map_err(|error| {
            let (what, detail) = match error {
                LoadError::Linker(detail) if !is_there(path) => (format!("there is no module {shown}"), Some(detail)),
                LoadError::Linker(detail) => (format!("{shown} cannot be loaded as a PKCS#11 module"), Some(detail)),
                LoadError::NoModule => (format!("{shown} is no PKCS#11 module: it gives no function list"), None),
            };
            let cure =
                "name the module's shared library with --module, for instance one that `p11-kit list-modules` shows";
            Error::Device { what, cure: Some(cure.into()), detail: detail.map(|text| text.escape_debug().to_string()) }
        })?;
        let module = Self {
            path: path.to_owned(),
            init: init.map(CStr::to_owned),
            raw,
            trace,
            initialized: Cell::new(lock::now()),
        };
        module.initialize()?;
        Ok(module)
    }

    fn initialize(&self) -> Result<()> {
        self.initialized.set(lock::now());
        self.said(format_args!("C_Initialize()"), || self.raw.initialize(self.init.as_deref())).map_err(|rv| {
            match failure(rv, "C_Initialize") {
                Error::Device { what, cure, detail } => Error::Device {
                    what: format!("{}: {what}", self.path.display().to_string().escape_debug()),
                    cure: cure.or_else(|| self.lacks_init(rv).then(|| LACKS_INIT.into())),
                    detail,
                },
                other => other,
            }
        })
    }

    /// Whether the module may want to be told something at its start, and was not.
    fn lacks_init(&self, rv: Rv) -> bool {
        rv == Rv(CKR_ARGUMENTS_BAD) && self.init.is_none()
    }

    /// Makes the module read its tokens anew, which SoftHSM2 does at C_Initialize only. No session may be open.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn refresh(&self) -> Result<()> {
        // A module that does not end is told so by the C_Initialize that follows, and goes on with what it knew.
        let ended = self.said(format_args!("C_Finalize()"), || self.raw.finalize());
        match (ended, self.initialize()) {
            (Err(_), Err(_)) => Ok(()),
            (_, begun) => begun,
        }
    }

    /// When it read its tokens, on the clock of file times.
    pub fn initialized(&self) -> TimeSpec {
        self.initialized.get()
    }

    /// The path it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The slots that hold a token.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn slots(&self) -> Result<Vec<CK_SLOT_ID>> {
        self.said(format_args!("C_GetSlotList()"), || self.raw.slots()).map_err(|rv| failure(rv, "C_GetSlotList"))
    }

    /// What the token in `slot` says of itself.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn token_info(&self, slot: CK_SLOT_ID) -> Result<CK_TOKEN_INFO> {
        self.said(format_args!("C_GetTokenInfo({slot})"), || self.raw.token_info(slot))
            .map_err(|rv| failure(rv, "C_GetTokenInfo"))
    }

    /// The same; none where there is no token after all, or one that the module knows nothing to do with.
    ///
    /// # Errors
    /// [`Error::Device`] where there is a token and the module cannot say which.
    pub fn token_info_if_any(&self, slot: CK_SLOT_ID) -> Result<Option<CK_TOKEN_INFO>> {
        match self.said(format_args!("C_GetTokenInfo({slot})"), || self.raw.token_info(slot)) {
            Ok(info) => Ok(Some(info)),
            Err(Rv(CKR_TOKEN_NOT_PRESENT | CKR_TOKEN_NOT_RECOGNIZED)) => Ok(None),
            Err(rv) => Err(failure(rv, "C_GetTokenInfo")),
        }
    }

    /// Opens a session, read-only or read/write.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn session(&self, slot: CK_SLOT_ID, write: bool) -> Result<Session<'_>> {
        let kind = if write { "read/write" } else { "read-only" };
        self.said(format_args!("C_OpenSession({slot}, {kind})"), || self.raw.open_session(slot, write))
            .map(|handle| Session { module: self, handle })
            .map_err(|rv| failure(rv, "C_OpenSession"))
    }

    /// C_InitToken.
    pub fn init_token(&self, slot: CK_SLOT_ID, so_pin: &Entry, label: &[u8; 32]) -> Result<(), Rv> {
        self.said(format_args!("C_InitToken({slot}, {}, label)", shown(so_pin)), || {
            self.raw.init_token(slot, bytes(so_pin), label)
        })
    }

    /// Traces a call before it is made, which may be the last that is heard of the module, and its answer.
    fn said<T>(&self, name: std::fmt::Arguments<'_>, call: impl FnOnce() -> Result<T, Rv>) -> Result<T, Rv> {
        self.trace.line(format_args!("> {name}"));
        let answer = call();
        match &answer {
            Ok(_) => self.trace.line(format_args!("< CKR_OK")),
            Err(rv) => self.trace.line(format_args!("< {}", number(*rv))),
        }
        answer
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // Nothing can be done about a module that does not want to end; the process does so next.
        let _ = self.said(format_args!("C_Finalize()"), || self.raw.finalize());
    }
}

/// An open session.
pub struct Session<'a> {
    module: &'a Module,
    handle: CK_SESSION_HANDLE,
}

impl Session<'_> {
    /// C_Login as the user or as the SO.
    pub fn login(&self, role: Role, pin: &Entry) -> Result<(), Rv> {
        let (user, name) = if role == Role::SoPin { (CKU_SO, "CKU_SO") } else { (CKU_USER, "CKU_USER") };
        self.module.said(format_args!("C_Login({name}, {})", shown(pin)), || {
            self.module.raw.login(self.handle, user, bytes(pin))
        })
    }

    /// C_SetPIN: the PIN of the role that is logged in.
    pub fn set_pin(&self, old: &Entry, new: &Entry) -> Result<(), Rv> {
        let call = || self.module.raw.set_pin(self.handle, bytes(old), bytes(new));
        self.module.said(format_args!("C_SetPIN({}, {})", shown(old), shown(new)), call)
    }

    /// C_InitPIN: the user PIN, in a session of the SO.
    pub fn init_pin(&self, new: &Entry) -> Result<(), Rv> {
        self.module
            .said(format_args!("C_InitPIN({})", shown(new)), || self.module.raw.init_pin(self.handle, bytes(new)))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // A session that does not close, of a token that was pulled say, ends with C_Finalize.
        let _ = self.module.said(format_args!("C_CloseSession()"), || self.module.raw.close_session(self.handle));
    }
}

fn bytes(entry: &Entry) -> Option<&[u8]> {
    entry.value().map(crate::secret::Pin::bytes)
}

/// What a trace shows of a PIN: neither its value nor its length.
fn shown(entry: &Entry) -> &'static str {
    match entry {
        Entry::Value(_) => "PIN withheld",
        Entry::Pad => "NULL",
    }
}

/// Whether the linker's failure is that of a missing file; a bare name is looked for by the linker alone.
fn is_there(path: &Path) -> bool {
    path.components().count() == 1 || path.exists()
}
