//! What is known of modules by their manufacturer, with the reason beside it.

use crate::token::Text;

/// Manufacturers (CK_TOKEN_INFO) whose C_Login checks an SO PIN, so that a login proves it.
///
/// Elsewhere it proves nothing: opensc-pkcs11 takes any SO PIN on a card that has no SO object, and only keeps
/// that of a SmartCard-HSM for later.
const CHECKS_SO_LOGIN: [&str; 1] = ["SoftHSM project"];

/// Whether a login as SO proves the SO PIN.
pub fn checks_so_login(manufacturer: Option<&Text>) -> bool {
    manufacturer.is_some_and(|name| CHECKS_SO_LOGIN.iter().any(|known| known.as_bytes() == name.bytes()))
}
