//! What is known of modules: whom to believe what, by what a library and its tokens say of themselves, as a table.
//!
//! A row holds what was seen of one module (its version stands with it), with the reason beside it. A module without a row gets
//! [`CAREFUL`]: what it says of its flags and lengths is taken as the standard has it, and nothing beyond that is believed.

mod table;

use cryptoki_sys::{CKF_SO_PIN_TO_BE_CHANGED, CKF_TOKEN_INITIALIZED, CKF_USER_PIN_INITIALIZED};

use super::{
    ability,
    info::{LibraryInfo, TokenInfo},
    puk::Convention,
};
use crate::token::{Ability, InitRules, Length, Role};

/// The flags of a token with a user PIN.
const LIVE: u64 = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;

/// What to believe of one module, and what to keep from it.
#[derive(Debug, Clone, Copy)]
pub struct Quirks {
    /// How the module's tokens are known; one that fits is enough.
    whose: &'static [Whose],
    /// Whether C_Login checks an SO PIN, so that a login proves it.
    pub checks_so_login: bool,
    /// What becomes of a wrong secret.
    pub counting: Counting,
    /// Whether CKF_USER_PIN_INITIALIZED tells that there is a user PIN.
    pub tells_user_pin: bool,
    /// What a live token with a user PIN can do.
    live: &'static [Ability],
    /// The lengths of the values of these roles, new and present ones, where those that the token tells are not theirs.
    lengths: &'static [(Role, Length)],
    /// Whether the longest PIN that the token tells is the longest that it ever took.
    pub holds_maximum: bool,
    /// How C_SetPIN takes a PUK, where it does.
    pub puk: Option<Convention>,
    /// What C_InitToken destroys beyond what it says.
    init: Init,
    /// What brings a blocked secret back, where it is neither another's authority nor a new beginning.
    pub unblocked_by: Option<&'static str>,
    /// What a person should know of a token that was never initialised.
    of_a_blank_token: Option<&'static str>,
    /// What a person should know of any.
    note: Option<&'static str>,
}

/// What a wrong secret costs, and what is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Nothing, ever.
    Never,
    /// A try, and the token's flags tell how many are left.
    Told,
    /// Perhaps a try, of which the token's flags may tell.
    Perhaps,
    /// A try of every secret of the device at once, and nothing tells how many are left.
    Untold,
}

/// What C_InitToken does to a live token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Init {
    /// What the standard says.
    Standard,
    /// It wipes the token whatever the SO PIN.
    Wipes,
    /// It makes the SO PIN unusable for good where it was changed before.
    LosesChangedSoPin,
}

/// One way to know a module: all that is said has to fit. What p11-kit stands before is known by its token alone, since p11-kit
/// tells nothing of the library behind it.
#[derive(Debug, Clone, Copy)]
struct Whose {
    /// The beginning of CK_INFO.manufacturerID.
    library: &'static str,
    /// The oldest library version for which the row was seen to hold.
    since: (u8, u8),
    /// The beginning of CK_TOKEN_INFO.manufacturerID.
    manufacturer: &'static str,
    /// The beginning of CK_TOKEN_INFO.model.
    model: &'static str,
    /// The beginning of CK_TOKEN_INFO.label.
    label: &'static str,
    /// CK_TOKEN_INFO.serialNumber, whole.
    serial: Option<&'static str>,
    /// The PIN lengths that the token tells.
    lengths: Option<(u64, u64)>,
}

/// Fits all.
const ANY: Whose =
    Whose { library: "", since: (0, 0), manufacturer: "", model: "", label: "", serial: None, lengths: None };

/// What is believed of a module that nobody knows: its flags, as the standard has them, and no proof by a login as SO, which
/// opensc-pkcs11 for one grants to any SO PIN on a card that has no SO object.
const CAREFUL: Quirks = Quirks {
    whose: &[ANY],
    checks_so_login: false,
    counting: Counting::Perhaps,
    tells_user_pin: true,
    live: ability::ALL,
    lengths: &[],
    holds_maximum: false,
    puk: None,
    init: Init::Standard,
    unblocked_by: None,
    of_a_blank_token: None,
    note: None,
};

impl Whose {
    fn is(&self, library: &LibraryInfo, token: &TokenInfo) -> bool {
        let begins = |field: &[u8], with: &str| field.starts_with(with.as_bytes());
        begins(&library.manufacturer, self.library)
            && library.version >= self.since
            && begins(&token.manufacturer, self.manufacturer)
            && begins(&token.model, self.model)
            && begins(&token.label, self.label)
            && self.serial.is_none_or(|serial| serial.as_bytes() == token.serial)
            && self.lengths.is_none_or(|lengths| lengths == (token.shortest, token.longest))
    }
}

impl Quirks {
    /// What is known of the module behind this token.
    pub fn of(library: &LibraryInfo, token: &TokenInfo) -> &'static Self {
        let known = |row: &&Self| row.whose.iter().any(|whose| whose.is(library, token));
        table::ROWS.iter().find(known).unwrap_or(&CAREFUL)
    }

    /// The lengths of a role's values, where they are known better than the token tells.
    pub fn length(&self, role: Role) -> Option<Length> {
        self.lengths.iter().find(|(known, _)| *known == role).map(|(_, length)| *length)
    }

    /// How a token like this begins anew.
    pub fn init_rules(&self, token: &TokenInfo) -> &'static InitRules {
        // openCryptoki clears the flag when the SO PIN is changed for the first time, also that of a blank token.
        let so_pin_was_changed = token.flags & CKF_SO_PIN_TO_BE_CHANGED == 0;
        match self.init {
            Init::Wipes => &table::WIPES,
            Init::LosesChangedSoPin if so_pin_was_changed => &table::LOSES_CHANGED_SO_PIN,
            _ => &table::STANDARD,
        }
    }

    /// What a token like this is a candidate for: a blank one for nothing but its beginning.
    pub fn abilities(&self, token: &TokenInfo) -> &'static [Ability] {
        match token.flags & CKF_TOKEN_INITIALIZED {
            0 => ability::OF_A_BLANK_TOKEN,
            _ => self.abilities_of_its_kind(token),
        }
    }

    /// What tokens of its kind can do, whatever its present state.
    pub fn abilities_of_its_kind(&self, token: &TokenInfo) -> &'static [Ability] {
        match token.flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED) {
            LIVE => self.live,
            _ => ability::ALL,
        }
    }

    /// What whoever wants to use the token has to know of it.
    pub fn notes(&self, token: &TokenInfo) -> Vec<&'static str> {
        let is_blank = token.flags & CKF_TOKEN_INITIALIZED == 0;
        let is_of_delivery = token.flags & CKF_SO_PIN_TO_BE_CHANGED != 0;
        self.note.into_iter().chain(self.of_a_blank_token.filter(|_| is_blank && is_of_delivery)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded<const N: usize>(text: &str) -> [u8; N] {
        let mut field = [b' '; N];
        field[..text.len()].copy_from_slice(text.as_bytes());
        field
    }

    fn of(library: &str, version: (u8, u8), manufacturer: &str, serial: &str, lengths: (u64, u64)) -> &'static Quirks {
        let library = LibraryInfo { manufacturer: padded(library), description: padded(""), version };
        let token = TokenInfo {
            manufacturer: padded(manufacturer),
            serial: padded(serial),
            shortest: lengths.0,
            longest: lengths.1,
            ..TokenInfo::default()
        };
        Quirks::of(&library, &token)
    }

    #[test]
    fn a_module_that_nobody_knows_gets_the_careful_path() {
        let unknown = of("Somebody", (9, 9), "Somebody", "1", (4, 8));
        assert!(!unknown.checks_so_login && unknown.tells_user_pin);
        assert_eq!((unknown.counting, unknown.init), (Counting::Perhaps, Init::Standard));
    }

    #[test]
    fn a_module_behind_p11_kit_is_known_by_its_tokens() {
        let direct = of("SoftHSM", (2, 6), "SoftHSM project", "1", (4, 255));
        let proxy = of("PKCS#11 Kit", (1, 1), "SoftHSM project", "1", (4, 255));
        for quirks in [direct, proxy] {
            assert_eq!(quirks.counting, Counting::Never);
        }
        let zeros = "0000000000000000";
        assert_eq!(of("PKCS#11 Kit", (1, 1), "IBM", zeros, (0, 128)).counting, Counting::Untold);
        assert_eq!(of("PKCS#11 Kit", (1, 1), "IBM", zeros, (4, 8)).counting, Counting::Perhaps, "another's zeros");
    }

    #[test]
    fn a_puk_goes_to_ykcs11_alone_and_to_no_other_module_of_its_maker() {
        let token = |manufacturer, model, label| TokenInfo {
            manufacturer: padded(manufacturer),
            model: padded(model),
            label: padded(label),
            ..TokenInfo::default()
        };
        let library = |manufacturer, version| LibraryInfo {
            manufacturer: padded(manufacturer),
            description: padded(""),
            version,
        };
        let yubico = "Yubico (www.yubico.com)";
        let yubikey = token(yubico, "YubiKey YK5", "YubiKey PIV #1");
        let takes = |library: &LibraryInfo, token: &TokenInfo| Quirks::of(library, token).puk.is_some();
        for version in [(2, 20), (2, 73), (3, 0)] {
            assert!(takes(&library(yubico, version), &yubikey), "{version:?}");
        }
        for (library, token) in [
            (library(yubico, (2, 19)), yubikey),
            (library("PKCS#11 Kit", (2, 20)), yubikey),
            (library(yubico, (2, 40)), token(yubico, "YubiHSM", "YubiHSM")),
            (library("OpenSC Project", (0, 23)), token("piv_II", "PKCS#15 emulated", "PIV_II")),
            (library("OpenSC Project", (2, 20)), yubikey),
        ] {
            assert!(!takes(&library, &token), "{library:?} {token:?}");
        }
        // What p11-kit stands before is a YubiKey still: nothing as short as a PIN is an SO PIN there.
        let proxied = Quirks::of(&library("PKCS#11 Kit", (1, 1)), &yubikey);
        assert_eq!(proxied.length(Role::SoPin).unwrap().min, 48);
    }

    #[test]
    fn opensc_is_known_by_what_it_calls_its_tokens() {
        for library in ["OpenSC Project", "PKCS#11 Kit"] {
            let library = LibraryInfo { manufacturer: padded(library), ..LibraryInfo::default() };
            let of = |manufacturer, model, label| {
                let (manufacturer, model, label) = (padded(manufacturer), padded(model), padded(label));
                Quirks::of(&library, &TokenInfo { manufacturer, model, label, ..TokenInfo::default() })
            };
            assert_eq!(of("piv_II", "PKCS#15 emulated", "PIV_II").live, ability::OF_THE_USER);
            assert!(of("ZeitControl", "PKCS#15 emulated", "OpenPGP card (User PIN)").checks_so_login);
            let hsm = of("www.CardContact.de", "PKCS#15 emulated", "SmartCard-HSM (UserPIN)");
            assert_eq!(hsm.length(Role::SoPin).unwrap().max, Some(16));
            assert!(!hsm.checks_so_login && !of("Somebody", "PKCS#15", "Somebody's card").checks_so_login);
        }
    }

    #[test]
    fn two_makers_whose_names_begin_alike_are_told_apart() {
        assert_eq!(of("IBM", (3, 8), "IBM Corp.", "123", (4, 8)).init, Init::LosesChangedSoPin);
        let tpm = of("tpm2-software.github.io", (1, 9), "IBM", "0000000000000000", (0, 128));
        assert_eq!((tpm.init, tpm.counting), (Init::Standard, Counting::Untold));
    }
}
