//! Errors of PC/SC, each turned into our error in one place, with its number kept.

use super::pcscd::{Listener, listener, socket};
use crate::{
    error::{Error, Trouble},
    token::Text,
};

/// The error that `error` means for the card in `reader`.
pub fn failure(error: pcsc::Error, reader: &Text) -> Error {
    let (what, cure) = match error {
        pcsc::Error::SharingViolation => {
            (format!("another program holds the card in {reader} for itself"), Some(Trouble::Held.cure()))
        }
        pcsc::Error::RemovedCard
        | pcsc::Error::NoSmartcard
        | pcsc::Error::NotTransacted
        | pcsc::Error::ReaderUnavailable
        | pcsc::Error::UnknownReader
        | pcsc::Error::CommError
        | pcsc::Error::InvalidHandle => {
            (format!("the card in {reader} was pulled, or no longer answers"), Some(Trouble::Pulled.cure()))
        }
        pcsc::Error::ResetCard => {
            (format!("another program reset the card in {reader} meanwhile"), Some("try again".into()))
        }
        pcsc::Error::UnresponsiveCard
        | pcsc::Error::UnpoweredCard
        | pcsc::Error::UnsupportedCard
        | pcsc::Error::ProtoMismatch => {
            (format!("the card in {reader} does not answer"), Some(Trouble::Unresponsive.cure()))
        }
        other => return service(other),
    };
    Error::Device { what, cure, detail: Some(number(error)) }
}

/// The error that `error` means for the smart-card service as a whole.
pub fn service(error: pcsc::Error) -> Error {
    let (what, trouble) = match error {
        pcsc::Error::NoService | pcsc::Error::ServiceStopped if listener(&socket()) != Listener::There => {
            ("the smart-card service (pcscd) is not running", Trouble::NoService)
        }
        pcsc::Error::NoService
        | pcsc::Error::ServiceStopped
        | pcsc::Error::SecurityViolation
        | pcsc::Error::NoAccess
        | pcsc::Error::InternalError
        | pcsc::Error::CommError => ("the smart-card service (pcscd) turns this user away", Trouble::TurnedAway),
        _ => ("the smart-card service (pcscd) answers with an error", Trouble::ServiceFails),
    };
    Error::Device { what: what.into(), cure: Some(trouble.cure()), detail: Some(number(error)) }
}

/// The number of an error as in winscard.h, with its name here.
fn number(error: pcsc::Error) -> String {
    format!("{error:?} (0x{:08X})", error as u32)
}
