//! The limits of the retry counters: Yubico's SET PIN RETRIES, which puts PIN and PUK back to the values of delivery.

use zeroize::Zeroizing;

use super::Piv;
use crate::{
    device::card::status_word::Meaning,
    error::{Error, Result},
    secret::{Entry, Pin},
    token::{Authority, Limits, Need, Role},
};

impl Piv<'_, '_> {
    /// Sets both limits, in the order that harms nothing: the management key, whose wrong value costs nothing, then the PIN,
    /// then the command.
    ///
    /// # Errors
    /// Those of either secret; [`Error::Unsupported`] where the card refuses the command, with everything as it was.
    pub fn set_pin_retries(&mut self, limits: &Limits, authorities: &[Authority<'_>]) -> Result<()> {
        let (Some(pin_tries), Some(puk_tries)) = (limits.get(&Role::UserPin), limits.get(&Role::Puk)) else {
            return Err(Error::Internal("SET PIN RETRIES sets two limits".into()));
        };
        let secret = |role: Role| {
            let found = authorities.iter().find(|authority| authority.role == role);
            found.map(|authority| authority.secret).ok_or_else(|| Error::Internal(format!("the {role} is missing")))
        };
        // The authentication touches no counter, so that the one just read holds.
        let counter = self.counter;
        self.authenticate(secret(Role::AdminKey)?, Need::Current(Role::AdminKey))?;
        self.counter = counter;
        self.verify_pin(Role::UserPin, secret(Role::UserPin)?)?;
        let status = self
            .channel
            .ask("SET PIN RETRIES", [0x00, 0xFA, *pin_tries, *puk_tries])
            .map_err(|error| left_open(error.detail().map(str::to_owned)))?;
        match status.meaning() {
            Meaning::Done => {
                self.delivered = true;
                Ok(())
            }
            // Clones take it with P1 and P2 of zero only, or not at all.
            Meaning::NotFound | Meaning::NotSupported => Err(Error::Unsupported {
                what: format!("the card does not take other limits ({status}); its PIN and PUK stay as they are"),
            }),
            Meaning::Malformed | Meaning::Wrong(_) | Meaning::Blocked => Err(Error::Unsupported {
                what: format!(
                    "the card does not let its limits be set ({status}), though admin key and PIN were right; its PIN and PUK stay as they are"
                ),
            }),
            Meaning::Other => Err(left_open(Some(status.to_string()))),
        }
    }

    /// Replaces the value of delivery by a new one.
    ///
    /// # Errors
    /// As [`crate::token::Token::change`].
    pub fn replace_delivered(&mut self, role: Role, new: &Entry) -> Result<()> {
        let delivered = match role {
            Role::UserPin => "123456",
            Role::Puk => "12345678",
            other => return Err(Error::unsupported(format!("first {other} to be set"))),
        };
        self.still_delivered(role)?;
        let delivered = Entry::Value(Pin::take(Zeroizing::new(delivered.as_bytes().to_vec())));
        self.change_pin(role, &delivered, new)
    }

    /// Makes sure that the value of delivery still stands where the card told so in a transaction before: a person may have
    /// typed for minutes since, and another program have set a value that this one would cost a try of.
    fn still_delivered(&mut self, role: Role) -> Result<()> {
        if self.delivered {
            return Ok(());
        }
        let key_reference = self.key_reference(role)?;
        let told = self.metadata(key_reference)?;
        self.counter = told.map(|told| (role, told.retries));
        match told.and_then(|told| told.default) {
            Some(true) => Ok(()),
            _ => Err(Error::Unsupported { what: format!("the {role} is set already, by another program") }),
        }
    }
}

/// Nobody knows whether the command was done: what it puts back may be back.
fn left_open(detail: Option<String>) -> Error {
    Error::Device {
        what: "the card did not say whether its limits were set; if so, its PIN and PUK are at the values of delivery, which anyone can look up".into(),
        cure: Some("look at it with `pukka status`; if they are, change both at once with `pukka pin change` and `pukka puk change`".into()),
        detail,
    }
}
