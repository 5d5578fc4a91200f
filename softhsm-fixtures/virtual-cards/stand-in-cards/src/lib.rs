//! Smart cards that answer as recorded ones did: the wire to a vpcd reader, one card's machinery, and its applications.

pub mod apdu;
pub mod application;
pub mod card;
pub mod dialect;
pub mod fault;
pub mod gids;
pub mod hex;
pub mod iso7816;
pub mod model;
pub mod openpgp;
pub mod pin;
pub mod piv;
pub mod reader;
pub mod sc_hsm;
pub mod secret;
pub mod slot;
pub mod store;
pub mod symmetric;
pub mod tlv;
pub mod trace;
