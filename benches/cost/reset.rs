//! `pin reset` by whatever an application gives a new PIN for. Nobody but pukka reads counters before and proves the new PIN after.

use crate::{cards::Card, scenario::Scenario};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        title: "PIV `pin reset` by PUK",
        card: || Card::piv().short_aid(), // by which yubico-piv-tool selects
        reach: 5,
        before: &[],
        proof: &["00A4040009A0000003080000100000", "0020008008{NEW}FFFF"],
        tools: &[
            (
                "floor: SELECT, RESET RETRY COUNTER",
                "card-tool send {reader} --reset 00A4040009A0000003080000100000 002C0080103132333435363738{NEW}FFFF",
            ),
            ("**pukka**", "pukka pin reset --application piv --puk env:PUK --new-pin env:NEW"),
            ("yubico-piv-tool", "yubico-piv-tool --reader {reader} --action unblock-pin --pin {PUK} --new-pin {new}"),
            ("ykman", "ykman --reader {reader} piv access unblock-pin --puk {PUK} --new-pin {new}"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --unblock-pin --auth-id 01 --puk {PUK} --new-pin {new}"),
        ],
    },
    Scenario {
        title: "PIV `pin reset` by PUK, a YubiKey's answers",
        card: || Card::stand_in("piv").dialect("card=yubikey"),
        reach: 5,
        before: &[],
        proof: &["00A4040009A0000003080000100000", "0020008008{NEW}FFFF"],
        tools: &[
            (
                "floor: SELECT, RESET RETRY COUNTER",
                "card-tool send {reader} --reset 00A4040009A0000003080000100000 002C0080103132333435363738{NEW}FFFF",
            ),
            ("**pukka**", "pukka pin reset --application piv --puk env:PUK --new-pin env:NEW"),
            ("yubico-piv-tool", "yubico-piv-tool --reader {reader} --action unblock-pin --pin {PUK} --new-pin {new}"),
            ("ykman", "ykman --reader {reader} piv access unblock-pin --puk {PUK} --new-pin {new}"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --unblock-pin --auth-id 01 --puk {PUK} --new-pin {new}"),
        ],
    },
    Scenario {
        title: "OpenPGP `pin reset` by reset code",
        card: Card::openpgp,
        reach: 5,
        before: &["00A4040006D27600012401", "00200083083132333435363738", "00DA00D3083234363832343638"],
        proof: &["00A4040006D27600012401", "0020008106{NEW}"],
        tools: &[
            (
                "floor: SELECT, RESET RETRY COUNTER",
                "card-tool send {reader} --reset 00A4040006D27600012401 002C00810E3234363832343638{NEW}",
            ),
            ("**pukka**", "pukka pin reset --application openpgp --reset-code env:CODE --new-pin env:NEW"),
            (
                "GnuPG's scdaemon",
                "scdaemon --homedir {home} --server < SERIALNO openpgp;PASSWD 2;D {CODE}%00;END;D {new}%00;END;BYE",
            ),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --unblock-pin --auth-id 01 --puk {CODE} --new-pin {new}"),
        ],
    },
    Scenario {
        title: "OpenPGP `pin reset` by Admin PIN",
        card: Card::openpgp,
        reach: 6,
        before: &[],
        proof: &["00A4040006D27600012401", "0020008106{NEW}"],
        tools: &[
            (
                "floor: SELECT, VERIFY, RESET RETRY COUNTER",
                "card-tool send {reader} --reset 00A4040006D27600012401 00200083083132333435363738 002C028106{NEW}",
            ),
            ("**pukka**", "pukka pin reset --application openpgp --admin-pin env:ADMIN --new-pin env:NEW"),
            (
                "GnuPG's scdaemon",
                "scdaemon --homedir {home} --server \
                 < SERIALNO openpgp;PASSWD --reset 1;D {ADMIN}%00;END;D {new}%00;END;BYE",
            ),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --unblock-pin --auth-id 01 --puk {ADMIN} --new-pin {new}"),
            ("pkcs11-tool", "pkcs11-tool --login --login-type so --so-pin {ADMIN} --init-pin --new-pin {new}"),
        ],
    },
    Scenario {
        title: "GIDS `pin reset` by admin key",
        card: || Card::stand_in("gids"),
        reach: 7,
        before: &[],
        proof: &["00A4040009A00000039742544659", "0020008006{NEW}"],
        tools: &[
            ("**pukka**", "pukka pin reset --application gids --admin-key env:KEY --new-pin env:NEW"),
            ("gids-tool", "gids-tool --reader 0 --unblock --admin-key {KEY} --pin {new}"),
        ],
    },
    Scenario {
        title: "SmartCard-HSM `pin reset` by SO PIN",
        card: || Card::stand_in("sc-hsm").dialect("pin=123456"),
        reach: 5,
        before: &[],
        proof: &["00A404000BE82B0601040181C31F0201", "0020008106{NEW}"],
        tools: &[
            (
                "floor: SELECT, RESET RETRY COUNTER",
                "card-tool send {reader} --reset 00A404000BE82B0601040181C31F0201 002C00810E3537363231383830{NEW}",
            ),
            ("**pukka**", "pukka pin reset --application sc-hsm --so-pin env:SO --new-pin env:NEW"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --unblock-pin --auth-id 01 --puk {SO} --new-pin {new}"),
            ("pkcs11-tool", "pkcs11-tool --login --login-type so --so-pin {SO} --init-pin --new-pin {new}"),
        ],
    },
    Scenario {
        title: "ISO 7816 (IsoApplet) `pin reset` by PUK",
        card: || Card::stand_in("iso7816").dialect("card=isoapplet"),
        reach: 5,
        before: &[],
        proof: &["00A404000CF276A288BCFBA69D34F31001", "0020000110{NEW}00000000000000000000"],
        tools: &[
            (
                "floor: SELECT, RESET RETRY COUNTER",
                "card-tool send {reader} --reset 00A404000CF276A288BCFBA69D34F31001 \
                 002C00012031323334353637383132333435363738{NEW}00000000000000000000",
            ),
            ("**pukka**", "pukka pin reset --application isoapplet --puk env:LONG_PUK --new-pin env:NEW"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --unblock-pin --auth-id 01 --puk {LONG_PUK} --new-pin {new}"),
        ],
    },
];
