//! What is known of modules by their manufacturer, with the reason beside it.

use crate::token::Text;

/// Manufacturers (CK_TOKEN_INFO) whose C_Login checks an SO PIN, so that a login proves it.
///
/// Elsewhere it proves nothing: opensc-pkcs11 takes any SO PIN on a card that has no SO object, and only keeps
/// that of a SmartCard-HSM for later.
const CHECKS_SO_LOGIN: [&str; 2] = ["SoftHSM project", "Kryoptic Project"];

/// Manufacturers whose C_InitToken is not to be called: NSS answers OK to any SO PIN, and wipes the token even while it is in
/// use; a database of it that has no password yet looks like a blank token, whatever it holds.
const WIPES: [&str; 1] = ["Mozilla Foundation"];

/// Why C_InitToken is refused, where it is known to destroy more than it says.
pub fn destroys_more_than_it_says(manufacturer: Option<&Text>) -> Option<&'static str> {
    let wipes = manufacturer.is_some_and(|name| WIPES.iter().any(|known| name.bytes().starts_with(known.as_bytes())));
    wipes.then_some(
        "the module of this token (NSS) would wipe it whatever the SO PIN, so it is not initialised from here",
    )
}

/// Whether a login as SO proves the SO PIN.
pub fn checks_so_login(manufacturer: Option<&Text>) -> bool {
    manufacturer.is_some_and(|name| CHECKS_SO_LOGIN.iter().any(|known| known.as_bytes() == name.bytes()))
}
