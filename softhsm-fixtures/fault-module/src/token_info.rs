//! C_GetTokenInfo, and the rules that rewrite what it tells.

#![allow(non_snake_case)]

use cryptoki_sys::{
    CK_FLAGS, CK_RV, CK_SLOT_ID, CK_TOKEN_INFO, CK_ULONG, CKF_PROTECTED_AUTHENTICATION_PATH,
    CKR_FUNCTION_NOT_SUPPORTED, CKR_OK,
};

use crate::module;
use crate::rule::ordinal;

#[derive(Default)]
pub struct TokenRules {
    changes: Vec<(u64, Change)>,
    only: Option<[u8; 32]>,
}

enum Change {
    SetFlags(CK_FLAGS),
    ClearFlags(CK_FLAGS),
    Label([u8; 32]),
    Manufacturer([u8; 32]),
    Model([u8; 16]),
    Serial([u8; 16]),
    PinLength(CK_ULONG, CK_ULONG),
    BlankTime,
}

pub unsafe extern "C" fn C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) -> CK_RV {
    module::call("C_GetTokenInfo", None, |it| {
        let Some(real) = it.real.C_GetTokenInfo else { return CKR_FUNCTION_NOT_SUPPORTED };
        // SAFETY: the arguments are the caller's, and the other module has the same contract.
        let code = unsafe { real(slot, info) };
        // SAFETY: null or the caller's structure, which the other module has just filled.
        if let (CKR_OK, Some(info)) = (code, unsafe { info.as_mut() }) {
            if it.rules.pad {
                info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
            }
            it.rules.token.rewrite(info, it.number);
        }
        code
    })
}

impl TokenRules {
    /// Takes `WHAT[@N]=VALUE`.
    pub fn add(&mut self, what: &str, value: Option<&str>) -> Result<(), String> {
        let (what, from) = match what.split_once('@') {
            Some((what, n)) => (what, ordinal(n)?),
            None => (what, 1),
        };
        let change = match (what, value) {
            ("token-only", Some(hex)) if from == 1 => {
                self.only = Some(bytes(hex)?);
                return Ok(());
            }
            ("token-flags", Some(flags)) => match flags.split_at_checked(3) {
                Some(("+0x", hex)) => Change::SetFlags(number(hex, 16)?),
                Some(("-0x", hex)) => Change::ClearFlags(number(hex, 16)?),
                _ => return Err("flags are +0xHEX or -0xHEX".to_owned()),
            },
            ("token-label", Some(hex)) => Change::Label(bytes(hex)?),
            ("token-manufacturer", Some(hex)) => Change::Manufacturer(bytes(hex)?),
            ("token-model", Some(hex)) => Change::Model(bytes(hex)?),
            ("token-serial", Some(hex)) => Change::Serial(bytes(hex)?),
            ("pin-length", Some(lengths)) => match lengths.split_once("..") {
                Some((min, max)) => Change::PinLength(number(min, 10)?, number(max, 10)?),
                None => return Err("a PIN length is MIN..MAX".to_owned()),
            },
            ("utctime-blank", None) => Change::BlankTime,
            _ => return Err("there is no such rule".to_owned()),
        };
        self.changes.push((from, change));
        Ok(())
    }

    fn rewrite(&self, info: &mut CK_TOKEN_INFO, number: u64) {
        if self.only.is_some_and(|label| label != info.label) {
            return;
        }
        for (_, change) in self.changes.iter().filter(|(from, _)| number >= *from) {
            match change {
                Change::SetFlags(flags) => info.flags |= flags,
                Change::ClearFlags(flags) => info.flags &= !flags,
                Change::Label(label) => info.label = *label,
                Change::Manufacturer(name) => info.manufacturerID = *name,
                Change::Model(model) => info.model = *model,
                Change::Serial(serial) => info.serialNumber = *serial,
                Change::PinLength(min, max) => (info.ulMinPinLen, info.ulMaxPinLen) = (*min, *max),
                Change::BlankTime => info.utcTime = [b' '; 16],
            }
        }
    }
}

fn number(text: &str, radix: u32) -> Result<CK_ULONG, String> {
    CK_ULONG::from_str_radix(text, radix).map_err(|_| format!("`{text}` is not a number"))
}

/// Hex digits as a field of a fixed size, filled up with blanks.
fn bytes<const N: usize>(hex: &str) -> Result<[u8; N], String> {
    let pairs = hex.as_bytes().chunks(2);
    if pairs.len() > N {
        return Err(format!("more than {N} bytes"));
    }
    let mut field = [b' '; N];
    for (byte, pair) in field.iter_mut().zip(pairs) {
        let digits = std::str::from_utf8(pair).ok().filter(|_| pair.len() == 2);
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        *byte = value.ok_or_else(|| format!("`{hex}` is not pairs of hex digits"))?;
    }
    Ok(field)
}
