//! The rows of the table: what each module was seen to do.

use super::{
    super::{ability, puk::Convention},
    ANY, CAREFUL, Counting, Init, Quirks, Whose,
};
use crate::token::{InitRules, Length, Role, Unit};

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
pub const ROWS: &[Quirks] = &[
    SOFTHSM2,
    OPENCRYPTOKI,
    TPM2,
    NSS,
    KRYOPTIC,
    YKCS11,
    YKCS11_UNTOLD,
    OPENSC_PIV,
    OPENSC_OPENPGP,
    OPENSC_SC_HSM,
    OPENSC,
];

/// SoftHSM2 2.6.1: wrong PINs set the flag "count low" and lock nothing; a blank slot's SO flags mean nothing.
const SOFTHSM2: Quirks = Quirks {
    whose: &[Whose { manufacturer: "SoftHSM project", ..ANY }],
    checks_so_login: true,
    counting: Counting::Never,
    holds_maximum: true,
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
    holds_maximum: true,
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
    holds_maximum: true,
    ..CAREFUL
};

/// kryoptic 1.5.4: ten tries of each, told by flags that stay as they were after C_InitPIN till the next good login.
const KRYOPTIC: Quirks = Quirks {
    whose: &[Whose { manufacturer: "Kryoptic Project", ..ANY }],
    checks_so_login: true,
    counting: Counting::Told,
    ..CAREFUL
};

/// ykcs11 2.2.0, with a PIV application behind it: the SO PIN is the management key in hexadecimal, which is not counted. What is as
/// short as a PIN is tried as the *user PIN* by C_Login (CKU_SO), and a new key that is too short is filled up with zeros, so that
/// neither is sent: 48 digits, though the token tells 6 to 48 for all. C_InitPIN is missing. C_InitToken ignores the label and leaves
/// PIN and PUK at the values of delivery, which nobody would be told: to begin anew is left to `token erase` over PC/SC.
const YKCS11: Quirks = Quirks {
    // YubiHSM's module names the same maker, and has no PUK.
    whose: &[Whose { library: "Yubico", since: (2, 20), manufacturer: "Yubico", model: "YubiKey", ..ANY }],
    live: ability::WITH_PUK,
    puk: Some(Convention { puk: b"puk:", pin: b"pin:" }),
    ..YKCS11_UNTOLD
};

/// The same behind p11-kit, which does not tell its version, or an older one: what it takes a PUK for is not known.
const YKCS11_UNTOLD: Quirks = Quirks {
    whose: &[Whose { manufacturer: "Yubico", model: "YubiKey", ..ANY }],
    checks_so_login: true,
    live: ability::WITHOUT_INIT_PIN,
    lengths: &[
        // SP 800-73-5 part 1, 3.3, as over PC/SC.
        (Role::UserPin, Length { min: 6, max: Some(8), unit: Unit::Digits }),
        (Role::Puk, Length { min: 6, max: Some(8), unit: Unit::Characters }),
        (Role::SoPin, Length { min: 48, max: Some(48), unit: Unit::HexDigits }),
    ],
    note: Some("its SO PIN is the management key, in hexadecimal digits; over PC/SC (--via pcsc) the card can do more"),
    ..CAREFUL
};

/// What opensc-pkcs11 calls the model of every token, also where p11-kit stands before it.
const OF_OPENSC: Whose = Whose { model: "PKCS#15", ..ANY };

/// opensc-pkcs11 0.23 and a PIV card: C_Login (CKU_SO) presents the value as the PUK by VERIFY, which no card knows, and behind it
/// C_SetPIN would take the PUK for the old PIN.
const OPENSC_PIV: Quirks =
    Quirks { whose: &[Whose { manufacturer: "piv_II", ..OF_OPENSC }], live: ability::OF_THE_USER, ..OPENSC };

/// opensc-pkcs11 0.23 and an OpenPGP card: the SO PIN is PW3, which C_Login has the card check; C_InitPIN is missing.
const OPENSC_OPENPGP: Quirks = Quirks {
    whose: &[Whose { label: "OpenPGP card", ..OF_OPENSC }],
    checks_so_login: true,
    live: ability::WITHOUT_INIT_PIN,
    ..OPENSC
};

/// opensc-pkcs11 0.23 and a SmartCard-HSM: C_Login only remembers the SO PIN, which C_InitPIN and C_SetPIN present; it has 16
/// hexadecimal digits, though the token tells 6 to 15 bytes for all. C_InitToken sets the user PIN to the beginning of the SO PIN.
const OPENSC_SC_HSM: Quirks = Quirks {
    whose: &[Whose { manufacturer: "www.CardContact.de", ..OF_OPENSC }],
    lengths: &[(Role::SoPin, Length { min: 16, max: Some(16), unit: Unit::HexDigits })],
    ..OPENSC
};

/// opensc-pkcs11 0.23: a card without an SO object is open to any SO PIN, so that a login as SO proves nothing; tokens never have the
/// label that C_InitToken was given, where a driver has it at all.
const OPENSC: Quirks = Quirks { whose: &[OF_OPENSC], live: ability::WITHOUT_INIT, ..CAREFUL };
