//! Errors of PC/SC, each turned into our error in one place, with its number kept.

use super::pcscd::{Listener, listener, socket};
use crate::{error::Error, token::Text};

/// The error that `error` means for the card in `reader`.
pub fn failure(error: pcsc::Error, reader: &Text) -> Error {
    let (what, cure) = match error {
        pcsc::Error::SharingViolation => (
            format!("another program holds the card in {reader} for itself"),
            Some("end that program (a browser, scdaemon, another card tool), then try again"),
        ),
        pcsc::Error::RemovedCard
        | pcsc::Error::NoSmartcard
        | pcsc::Error::NotTransacted
        | pcsc::Error::ReaderUnavailable
        | pcsc::Error::UnknownReader
        | pcsc::Error::CommError
        | pcsc::Error::InvalidHandle => (
            format!("the card in {reader} was pulled, or no longer answers"),
            Some("insert the card again and look at it with `pukka status`"),
        ),
        pcsc::Error::ResetCard => (format!("another program reset the card in {reader} meanwhile"), Some("try again")),
        pcsc::Error::UnresponsiveCard
        | pcsc::Error::UnpoweredCard
        | pcsc::Error::UnsupportedCard
        | pcsc::Error::ProtoMismatch => (
            format!("the card in {reader} does not answer"),
            Some("take the card out, look which way round it goes, and insert it again"),
        ),
        other => return service(other),
    };
    Error::Device { what, cure: cure.map(str::to_owned), detail: Some(number(error)) }
}

/// The error that `error` means for the smart-card service as a whole.
pub fn service(error: pcsc::Error) -> Error {
    let (what, cure) = match error {
        pcsc::Error::NoService | pcsc::Error::ServiceStopped if listener(&socket()) != Listener::There => (
            "the smart-card service (pcscd) is not running",
            Some("start it with `systemctl start pcscd.socket`, or install it with `apt install pcscd`"),
        ),
        pcsc::Error::NoService
        | pcsc::Error::ServiceStopped
        | pcsc::Error::SecurityViolation
        | pcsc::Error::NoAccess
        | pcsc::Error::InternalError
        | pcsc::Error::CommError => (
            "the smart-card service (pcscd) turns this user away",
            Some(
                "in a remote login pcscd admits nobody without a polkit rule for org.debian.pcsc-lite.access_pcsc; log in at the machine, or ask its administrator for the rule",
            ),
        ),
        _ => ("the smart-card service (pcscd) answers with an error", None),
    };
    Error::Device { what: what.into(), cure: cure.map(str::to_owned), detail: Some(number(error)) }
}

/// The number of an error as in winscard.h, with its name here.
fn number(error: pcsc::Error) -> String {
    format!("{error:?} (0x{:08X})", error as u32)
}
