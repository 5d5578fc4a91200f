//! The other module, the rules and the counts of this process, and how a call goes through them.

use std::collections::HashMap;
use std::env;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use cryptoki_sys::{CK_FUNCTION_LIST, CK_RV, CK_USER_TYPE, CKR_GENERAL_ERROR, CKR_OK};
use libloading::{Library, Symbol};

use crate::effect::{Effect, Step};
use crate::log::Log;
use crate::rules::Rules;

static MODULE: OnceLock<Result<Module, String>> = OnceLock::new();

pub struct Module {
    real: &'static CK_FUNCTION_LIST,
    rules: Rules,
    counts: Mutex<HashMap<(&'static str, Option<CK_USER_TYPE>), u64>>,
    log: Log,
}

/// What a call that is forwarded may look at.
pub struct Forward<'a> {
    pub real: &'static CK_FUNCTION_LIST,
    pub rules: &'a Rules,
    /// Which call of its name this is, from 1.
    pub number: u64,
}

/// The module as the environment describes it when it is first asked for.
pub fn get() -> Result<&'static Module, &'static String> {
    MODULE.get_or_init(Module::from_env).as_ref()
}

/// Lets the faults of `call` happen, forwards it unless one of them answers, and writes the outcome to the log.
pub fn call(call: &'static str, user: Option<CK_USER_TYPE>, forward: impl FnOnce(&Forward<'_>) -> CK_RV) -> CK_RV {
    let Ok(module) = get() else { return CKR_GENERAL_ERROR };
    // No lock is held from here on: a call that pauses or hangs must not stop the others.
    let number = module.count(call, None);
    let of_user = user.map_or(number, |_| module.count(call, user));
    let effects = || {
        let faults = module.rules.faults.iter();
        faults.filter(move |fault| fault.meets(call, user, number, of_user)).map(|fault| &fault.effect)
    };
    let take = |step: &Step| step.take(|outcome| module.log.line(call, outcome));

    effects().filter_map(Effect::before).for_each(take);
    let mut code = match effects().find_map(Effect::answer) {
        Some(code) => code,
        None => forward(&Forward { real: module.real, rules: &module.rules, number }),
    };
    effects().filter_map(Effect::after).for_each(take);
    if let Some(instead) = effects().find_map(Effect::instead) {
        code = instead;
    }
    module.log.line(call, &format!("{code:#X}"));
    code
}

impl Module {
    fn from_env() -> Result<Self, String> {
        // The rules come first: a mistake in them is the likelier one.
        let rules = Rules::parse(&variable("FAULT_MODULE_RULES")?.unwrap_or_default())?;
        let log = Log::open(env::var_os("FAULT_MODULE_LOG").map(PathBuf::from))?;
        let real = variable("FAULT_MODULE_REAL")?.ok_or("FAULT_MODULE_REAL names no module")?;
        Ok(Self { real: load(&real)?, rules, counts: Mutex::default(), log })
    }

    fn count(&self, call: &'static str, user: Option<CK_USER_TYPE>) -> u64 {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((call, user)).or_default();
        *count += 1;
        *count
    }
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}

fn load(path: &str) -> Result<&'static CK_FUNCTION_LIST, String> {
    type GetFunctionList = unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV;

    // SAFETY: the test names a PKCS#11 module, and loading one runs its initialisers; that is the point.
    let library = unsafe { Library::new(path) }.map_err(|error| error.to_string())?;
    let mut list = std::ptr::null_mut();
    // SAFETY: the type of this symbol is fixed by PKCS#11, and `list` is writable.
    let code = unsafe {
        let get: Symbol<'_, GetFunctionList> =
            library.get(b"C_GetFunctionList\0").map_err(|error| error.to_string())?;
        get(&mut list)
    };
    // Never unloaded: the list points into it.
    std::mem::forget(library);
    // SAFETY: null or a list that lives as long as the library, that is for good.
    match unsafe { list.as_ref() } {
        Some(list) if code == CKR_OK => Ok(list),
        _ => Err(format!("{path}: C_GetFunctionList answered {code:#X}")),
    }
}
