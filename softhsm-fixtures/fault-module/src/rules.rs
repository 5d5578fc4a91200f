//! The rules of `FAULT_MODULE_RULES`, separated by `;`.

use cryptoki_sys::CKR_OK;

use crate::effect::Effect;
use crate::rule::Fault;
use crate::token_info::TokenRules;

#[derive(Default)]
pub struct Rules {
    pub faults: Vec<Fault>,
    pub token: TokenRules,
    /// Tokens have a protected authentication path.
    pub pad: bool,
    /// A PIN from the caller is refused where the token has its own path.
    pub pad_strict: bool,
}

impl Rules {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Self::default();
        for rule in text.split(';').map(str::trim).filter(|rule| !rule.is_empty()) {
            rules.add(rule).map_err(|reason| format!("bad rule `{rule}`: {reason}"))?;
        }
        Ok(rules)
    }

    fn add(&mut self, rule: &str) -> Result<(), String> {
        match rule.split_once('=') {
            Some((which, effect)) if which.starts_with("C_") => self.faults.push(Fault::parse(which, effect)?),
            Some((what, value)) => self.token.add(what, Some(value))?,
            None => match rule {
                "pad" => self.pad = true,
                "pad-strict" => (self.pad, self.pad_strict) = (true, true),
                "swallow" => {
                    let silent = ["C_Login", "C_SetPIN", "C_InitPIN", "C_InitToken", "C_Logout"];
                    self.faults.extend(silent.map(|call| Fault::new(call, Effect::Answer(CKR_OK))));
                }
                what => self.token.add(what, None)?,
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_rule_is_understood() {
        let text = "C_Login=CKR_PIN_INCORRECT; C_Login:SO#1=0xA0;C_SetPIN#2-=lie;C_SetPIN=after:CKR_DEVICE_ERROR;\
            C_InitPIN=delay:10;C_InitPIN=after-delay:10;C_InitPIN=pause:/a;C_InitPIN=pause-after:/a;\
            C_Initialize=noise:a:b=c;C_Initialize=crash;C_Initialize=after-hang;swallow;pad;pad-strict;\
            token-flags=+0x100;token-flags@2=-0x8;token-label=41;token-serial=31;token-manufacturer=32;\
            token-model@3=33;pin-length=4..8;utctime-blank;token-only=41;";
        Rules::parse(text).unwrap();
    }

    #[test]
    fn a_mistake_is_told() {
        for bad in [
            "C_Nonsense=lie",
            "C_Login",
            "C_Login=CKR_NONSENSE",
            "C_Login=0xXY",
            "C_Login#0=lie",
            "C_Login:PUK=lie",
            "C_SetPIN:SO=lie",
            "C_Login=crash:now",
            "C_Login=delay",
            "C_Login=delay:soon",
            "C_Login=pause:",
            "remember",
            "nonsense",
            "pad=SO",
            "token-flags=0x1",
            "token-flags=+1",
            "token-flags@0=+0x1",
            "token-label=4",
            "token-label=4é",
            "token-model=3131313131313131313131313131313131",
            "pin-length=4-8",
            "utctime-blank=1",
        ] {
            let reason = Rules::parse(bad).err().unwrap_or_else(|| panic!("`{bad}` was taken"));
            assert!(reason.starts_with(&format!("bad rule `{bad}`: ")), "{reason}");
        }
    }

    #[test]
    fn a_count_is_of_the_call_or_of_the_user_type_named() {
        let rules = Rules::parse("C_Login#2=lie;C_Login:SO#1=lie;C_Login#3-=lie").unwrap();
        let met = |user, number, of_user| -> Vec<bool> {
            rules.faults.iter().map(|fault| fault.meets("C_Login", Some(user), number, of_user)).collect()
        };
        assert_eq!(met(cryptoki_sys::CKU_USER, 1, 1), [false, false, false]);
        assert_eq!(met(cryptoki_sys::CKU_SO, 2, 1), [true, true, false]);
        assert_eq!(met(cryptoki_sys::CKU_SO, 4, 2), [false, false, true]);
    }
}
