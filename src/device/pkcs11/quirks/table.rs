//! The rows of the table: what each module was seen to do.

use super::{super::ability, ANY, CAREFUL, Counting, Init, Quirks, Whose};
use crate::token::InitRules;

/// C_InitToken takes a label, and C_InitPIN sets the user PIN afterwards.
pub const STANDARD: InitRules = InitRules { needs_label: true, pin: None, harm: None };

/// NSS answers OK to any SO PIN, and wipes the token even while it is in use; a database of it that has no password yet looks
/// like a blank token, whatever it holds.
pub const WIPES: InitRules =
    InitRules { harm: Some("the module of this token (NSS) would wipe it whatever the SO PIN"), ..STANDARD };

/// openCryptoki encrypts its master key under the first SO PIN again, but keeps the hash of the changed one: neither logs in then.
pub const LOSES_CHANGED_SO_PIN: InitRules = InitRules {
    harm: Some(
        "the SO PIN was changed before, and the module of this token (openCryptoki) would let no SO log in again, ever",
    ),
    ..STANDARD
};

/// Every module that is known.
pub const ROWS: &[Quirks] = &[SOFTHSM2, OPENCRYPTOKI, TPM2, NSS, KRYOPTIC];

/// SoftHSM2 2.6.1: wrong PINs set the flag "count low" and lock nothing; a blank slot's SO flags mean nothing.
const SOFTHSM2: Quirks = Quirks {
    whose: &[Whose { manufacturer: "SoftHSM project", ..ANY }],
    checks_so_login: true,
    counting: Counting::Never,
    ..CAREFUL
};

/// openCryptoki 3.8.1: three tries, told by flags; C_SetPIN in a public session would change even a PIN that is locked, and
/// leave it locked, so that a login goes before.
const OPENCRYPTOKI: Quirks = Quirks {
    whose: &[Whose { manufacturer: "IBM Corp.", ..ANY }],
    checks_so_login: true,
    counting: Counting::Told,
    init: Init::LosesChangedSoPin,
    of_a_blank_token: Some("its SO PIN is 87654321 till `so-pin change`: `token init` takes no other"),
    ..CAREFUL
};

/// tpm2-pkcs11 1.9.0: the TPM counts wrong values of all its tokens and roles together and blocks them all after a few, which
/// no flag tells; a live token always says that it has a user PIN, and C_InitToken answers CKR_ARGUMENTS_BAD to it; its maker is
/// that of the TPM, and all serials are zeros.
const TPM2: Quirks = Quirks {
    whose: &[
        Whose { library: "tpm2-software.github.io", ..ANY },
        Whose { library: "PKCS#11 Kit", serial: Some("0000000000000000"), lengths: Some((0, 128)), ..ANY },
    ],
    checks_so_login: true,
    counting: Counting::Untold,
    tells_user_pin: false,
    live: ability::WITHOUT_INIT,
    unblocked_by: Some(
        "the TPM blocks every secret in it for a while; its owner ends that with `tpm2_dictionarylockout --clear-lockout`",
    ),
    ..CAREFUL
};

/// NSS 3.87: once there is a password no SO logs in; nothing is counted; limits are told and only the upper one is held.
const NSS: Quirks = Quirks {
    whose: &[Whose { manufacturer: "Mozilla Foundation", ..ANY }],
    counting: Counting::Never,
    live: ability::WITHOUT_SO,
    init: Init::Wipes,
    note: Some("its first password is set by NSS's own `certutil -N`, and it has no SO PIN from then on"),
    ..CAREFUL
};

/// kryoptic 1.5.4: ten tries of each, told by flags that stay as they were after C_InitPIN till the next good login.
const KRYOPTIC: Quirks = Quirks {
    whose: &[Whose { manufacturer: "Kryoptic Project", ..ANY }],
    checks_so_login: true,
    counting: Counting::Told,
    ..CAREFUL
};
