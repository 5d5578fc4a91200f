//! A driver for pcscd (IFD handler 3.0): all that the virtual reader of vsmartcard does, and a PIN pad (PC/SC part 10).
//!
//! `PAD_READER` names a directory. `vpcd-N.so` there is a copy of libifdvpcd.so for the N-th entry of pcscd's configuration, and
//! `typed` has what is typed at the keys, a line an entry: digits, `cancel`, or nothing more, which is a time-out. With a file
//! `presents-empty` it is a reader that presents an empty value of its own accord.

mod entry;

use std::{
    collections::HashMap,
    ffi::{c_char, c_uchar, c_ulong, c_void},
    path::PathBuf,
    slice,
    sync::{Mutex, PoisonError},
};

use libloading::Library;

type Dword = c_ulong;
type Code = std::ffi::c_long;

/// Two of the return values of an IFD handler.
const OK: Code = 0;
const COMMUNICATION_ERROR: Code = 612;

/// SCARD_CTL_CODE(3400), and the codes that this reader gives its features.
const GET_FEATURE_REQUEST: Dword = 0x4200_0000 + 3400;
const VERIFY: Dword = 0x4233_0006;
const MODIFY: Dword = 0x4233_0007;
const PROPERTIES: Dword = 0x4233_0012;

const FEATURES: [u8; 18] = [0x06, 4, 0x42, 0x33, 0, 0x06, 0x07, 4, 0x42, 0x33, 0, 0x07, 0x12, 4, 0x42, 0x33, 0, 0x12];
/// No display; an entry ends by its key; 4 to 12 digits.
const TOLD: [u8; 13] = [1, 2, 0, 0, 2, 1, 2, 6, 1, 4, 7, 1, 12];

/// By its numbers on USB a GemPC Pinpad, which is one where `presents-empty` is there: it presents an empty value before it asks.
const GEMPC_PINPAD: [u8; 8] = [11, 2, 0xE6, 0x08, 12, 2, 0x78, 0x34];

/// What carries an APDU to the card.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Header {
    protocol: Dword,
    length: Dword,
}

static INNER: Mutex<Option<HashMap<Dword, &'static Library>>> = Mutex::new(None);

/// Where the copies of the other driver are, and what is typed.
fn directory() -> PathBuf {
    std::env::var_os("PAD_READER").map(PathBuf::from).unwrap_or_default()
}

/// The other driver, for the entry to which that reader belongs. It stays for good: pcscd ends before it is of no use.
fn inner(lun: Dword) -> Option<&'static Library> {
    let mut all = INNER.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_with(HashMap::new);
    let entry = lun >> 16;
    if let Some(known) = all.get(&entry) {
        return Some(known);
    }
    let path = directory().join(format!("vpcd-{entry}.so"));
    // SAFETY: it is a driver that pcscd would load itself, and its initialisers do what they do there.
    let library = unsafe { Library::new(path) }.ok()?;
    let library: &'static Library = Box::leak(Box::new(library));
    all.insert(entry, library);
    Some(library)
}

/// Forwards a call whose first argument is the reader.
macro_rules! forward {
    ($($name:ident($($arg:ident: $kind:ty),*);)*) => {$(
        /// As the other driver has it.
        ///
        /// # Safety
        /// As pcscd calls it.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(lun: Dword $(, $arg: $kind)*) -> Code {
            let Some(inner) = inner(lun) else { return COMMUNICATION_ERROR };
            type Call = unsafe extern "C" fn(Dword $(, $kind)*) -> Code;
            // SAFETY: the type is that of ifdhandler.h, and the arguments are pcscd's own.
            match unsafe { inner.get::<Call>(concat!(stringify!($name), "\0").as_bytes()) } {
                Ok(call) => unsafe { call(lun $(, $arg)*) },
                Err(_) => COMMUNICATION_ERROR,
            }
        }
    )*};
}

forward! {
    IFDHCreateChannelByName(name: *mut c_char);
    IFDHCreateChannel(channel: Dword);
    IFDHCloseChannel();
    IFDHGetCapabilities(tag: Dword, length: *mut Dword, value: *mut c_uchar);
    IFDHSetCapabilities(tag: Dword, length: Dword, value: *mut c_uchar);
    IFDHSetProtocolParameters(protocol: Dword, flags: c_uchar, one: c_uchar, two: c_uchar, three: c_uchar);
    IFDHPowerICC(action: Dword, atr: *mut c_uchar, length: *mut Dword);
    IFDHTransmitToICC(send: Header, sent: *mut c_uchar, length: Dword, received: *mut c_uchar, room: *mut Dword, got: *mut c_void);
    IFDHICCPresence();
}

/// Requests to the reader itself.
///
/// # Safety
/// As pcscd calls it: `sent` has `length` bytes, `received` room for `room`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IFDHControl(
    lun: Dword,
    code: Dword,
    sent: *mut c_uchar,
    length: Dword,
    received: *mut c_uchar,
    room: Dword,
    returned: *mut Dword,
) -> Code {
    let sent: &[u8] = match sent.is_null() {
        true => &[],
        // SAFETY: as pcscd says.
        false => unsafe { slice::from_raw_parts(sent, length as usize) },
    };
    let answer = match code {
        GET_FEATURE_REQUEST => FEATURES.to_vec(),
        PROPERTIES if presents_empty() => [&TOLD[..], &GEMPC_PINPAD].concat(),
        PROPERTIES => TOLD.to_vec(),
        VERIFY | MODIFY if presents_empty() && !ask_empty(lun, sent, code == MODIFY) => return COMMUNICATION_ERROR,
        VERIFY | MODIFY => match entry::apdu(sent, code == MODIFY, &directory().join("typed")) {
            Err(own) => own.to_vec(),
            Ok(apdu) => match transmit(lun, apdu) {
                Some(answer) => answer,
                None => return COMMUNICATION_ERROR,
            },
        },
        _ => return COMMUNICATION_ERROR,
    };
    if answer.len() > room as usize {
        return COMMUNICATION_ERROR;
    }
    // SAFETY: there is room for the answer, as was just seen.
    unsafe {
        std::ptr::copy_nonoverlapping(answer.as_ptr(), received, answer.len());
        *returned = answer.len() as Dword;
    }
    OK
}

fn presents_empty() -> bool {
    directory().join("presents-empty").exists()
}

/// VERIFY without data of the reference that the structure's APDU names; whether the card answers.
fn ask_empty(lun: Dword, structure: &[u8], modifies: bool) -> bool {
    let header = structure.get(if modifies { 24.. } else { 19.. }).unwrap_or_default();
    let reference = header.get(3).copied().unwrap_or_default();
    transmit(lun, vec![0x00, 0x20, 0x00, reference]).is_some()
}

/// Sends the APDU to the card under T=1, as the virtual reader has it.
fn transmit(lun: Dword, mut apdu: Vec<u8>) -> Option<Vec<u8>> {
    let mut answer = vec![0; 258];
    let mut length = answer.len() as Dword;
    let mut got = Header { protocol: 1, length: 0 };
    let send = Header { protocol: 1, length: 0 };
    // SAFETY: every pointer is to what lives here, with its length.
    let done = unsafe {
        IFDHTransmitToICC(
            lun,
            send,
            apdu.as_mut_ptr(),
            apdu.len() as Dword,
            answer.as_mut_ptr(),
            &raw mut length,
            (&raw mut got).cast(),
        )
    };
    answer.truncate(length as usize);
    (done == OK).then_some(answer)
}
