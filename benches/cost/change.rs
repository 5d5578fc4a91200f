//! `pin change` of each application. Nobody but pukka reads the counter before and proves the new PIN after.

use crate::{cards::Card, scenario::Scenario};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        title: "PIV `pin change`",
        card: || Card::piv().short_aid(), // by which yubico-piv-tool selects
        reach: 5,
        before: &[],
        proof: &["00A4040009A0000003080000100000", "0020008008{NEW}FFFF"],
        tools: &[
            (
                "floor: SELECT, CHANGE",
                "card-tool send {reader} --reset 00A4040009A0000003080000100000 0024008010{OLD}FFFF{NEW}FFFF",
            ),
            ("**pukka**", "pukka pin change --application piv --pin env:OLD --new-pin env:NEW"),
            ("yubico-piv-tool", "yubico-piv-tool --reader {reader} --action change-pin --pin {old} --new-pin {new}"),
            ("ykman", "ykman --reader {reader} piv access change-pin --pin {old} --new-pin {new}"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --change-pin --auth-id 01 --pin {old} --new-pin {new}"),
            ("pkcs11-tool", "pkcs11-tool --login --pin {old} --change-pin --new-pin {new}"),
        ],
    },
    Scenario {
        title: "PIV `pin change`, a YubiKey's answers",
        card: || Card::stand_in("piv").dialect("card=yubikey"),
        reach: 5,
        before: &[],
        proof: &["00A4040009A0000003080000100000", "0020008008{NEW}FFFF"],
        tools: &[
            (
                "floor: SELECT, CHANGE",
                "card-tool send {reader} --reset 00A4040009A0000003080000100000 0024008010{OLD}FFFF{NEW}FFFF",
            ),
            ("**pukka**", "pukka pin change --application piv --pin env:OLD --new-pin env:NEW"),
            ("yubico-piv-tool", "yubico-piv-tool --reader {reader} --action change-pin --pin {old} --new-pin {new}"),
            ("ykman", "ykman --reader {reader} piv access change-pin --pin {old} --new-pin {new}"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --change-pin --auth-id 01 --pin {old} --new-pin {new}"),
        ],
    },
    Scenario {
        title: "OpenPGP `pin change`",
        card: Card::openpgp,
        reach: 6,
        before: &[],
        proof: &["00A4040006D27600012401", "0020008106{NEW}"],
        tools: &[
            ("floor: SELECT, CHANGE", "card-tool send {reader} --reset 00A4040006D27600012401 002400810C{OLD}{NEW}"),
            ("**pukka**", "pukka pin change --application openpgp --pin env:OLD --new-pin env:NEW"),
            (
                "GnuPG's scdaemon",
                "scdaemon --homedir {home} --server < SERIALNO openpgp;PASSWD 1;D {old}%00;END;D {new}%00;END;BYE",
            ),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --change-pin --auth-id 01 --pin {old} --new-pin {new}"),
            ("pkcs11-tool", "pkcs11-tool --login --pin {old} --change-pin --new-pin {new}"),
        ],
    },
    Scenario {
        title: "GIDS `pin change`",
        card: || Card::stand_in("gids"),
        reach: 5,
        before: &[],
        proof: &["00A4040009A00000039742544659", "0020008006{NEW}"],
        tools: &[
            (
                "floor: SELECT, CHANGE",
                "card-tool send {reader} --reset 00A4040009A00000039742544659 002400800C{OLD}{NEW}",
            ),
            ("**pukka**", "pukka pin change --application gids --pin env:OLD --new-pin env:NEW"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --change-pin --auth-id 80 --pin {old} --new-pin {new}"),
            ("pkcs11-tool", "pkcs11-tool --login --pin {old} --change-pin --new-pin {new}"),
        ],
    },
    Scenario {
        title: "SmartCard-HSM `pin change`",
        card: || Card::stand_in("sc-hsm").dialect("pin=123456"),
        reach: 5,
        before: &[],
        proof: &["00A404000BE82B0601040181C31F0201", "0020008106{NEW}"],
        tools: &[
            (
                "floor: SELECT, CHANGE",
                "card-tool send {reader} --reset 00A404000BE82B0601040181C31F0201 002400810C{OLD}{NEW}",
            ),
            ("**pukka**", "pukka pin change --application sc-hsm --pin env:OLD --new-pin env:NEW"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --change-pin --auth-id 01 --pin {old} --new-pin {new}"),
            ("pkcs11-tool", "pkcs11-tool --login --pin {old} --change-pin --new-pin {new}"),
        ],
    },
    Scenario {
        title: "ISO 7816 (IsoApplet) `pin change`",
        card: || Card::stand_in("iso7816").dialect("card=isoapplet"),
        reach: 5,
        before: &[],
        proof: &["00A404000CF276A288BCFBA69D34F31001", "0020000110{NEW}00000000000000000000"],
        tools: &[
            (
                "floor: SELECT, CHANGE",
                "card-tool send {reader} --reset 00A404000CF276A288BCFBA69D34F31001 \
                 0024000120{OLD}00000000000000000000{NEW}00000000000000000000",
            ),
            ("**pukka**", "pukka pin change --application isoapplet --pin env:OLD --new-pin env:NEW"),
            ("pkcs15-tool", "pkcs15-tool --reader 0 --change-pin --auth-id 01 --pin {old} --new-pin {new}"),
            ("pkcs11-tool", "pkcs11-tool --login --pin {old} --change-pin --new-pin {new}"),
        ],
    },
];
