//! What a command's page says beyond the one line of its help.

/// Each command, as it is called, and its paragraphs.
pub const PROSE: [(&str, &[&str]); 21] = [
    (
        "pukka",
        &[
            "The PINs of PIV, OpenPGP, GIDS, SmartCard-HSM and ISO 7816 cards over PC/SC, and those of any token behind a PKCS#11 module.",
            "The tries left are read before one is spent, and stand in the prompt; the last try that a token admits to is never spent \
             without --allow-last-try. A new value counts as set once a fresh session accepts it.",
            "Where one token alone has what a command is for, it needs no naming. Among several, a command that writes or spends a try \
             never guesses: it names them and ends with 3.",
            "Without a command, on a terminal, it says what is plugged in and what state that is in, offers the one or two commands that \
             help, and runs the one that is chosen. Nothing is sent before, and q ends it.",
            "Where the reader or the token has keys of its own, PINs are typed there, unless another source is named. What they will ask \
             for, and in which order, is said before they light up. Meanwhile Ctrl-C waits: the key there that cancels ends it.",
        ],
    ),
    ("pukka list", &["Each token with the selector that --token takes. No counter is read."]),
    (
        "pukka status",
        &[
            "The state of a PIN is ready, blocked, unset, must-change, or unknown where the token does not tell. Reading it spends no try. \
             What stands behind \"can\" is what this token takes now, and by whose authority.",
        ],
    ),
    (
        "pukka pin set",
        &[
            "For a token whose PIN was never set. Where there is one already it ends with 7, and pin reset is what gives another.",
        ],
    ),
    (
        "pukka pin change",
        &[
            "Without options the present PIN is asked for on the terminal, and the new one twice. A wrong present PIN costs a try.",
        ],
    ),
    (
        "pukka pin verify",
        &["A wrong PIN costs a try, where the token counts them; a right one makes the counter full again."],
    ),
    (
        "pukka pin unblock",
        &[
            "The counter is full again and the PIN is what it was, on cards that can do so. Others take a new PIN along with it: pukka pin reset.",
        ],
    ),
    (
        "pukka pin reset",
        &[
            "The authority is the one whose secret is given, or that --by names: PUK, SO PIN, admin key, reset code, or a help desk that \
             answers a challenge of the card (pukka respond). \"can\" in pukka status tells which of them this token takes. A wrong secret \
             costs a try of its own.",
        ],
    ),
    (
        "pukka puk change",
        &["Plain PIV cards do not tell the tries of the PUK, so that nothing can warn of its last one there."],
    ),
    ("pukka so-pin change", &["The SO PIN of an OpenPGP card is its Admin PIN."]),
    (
        "pukka so-pin reset",
        &[
            "No token gives another SO PIN for one that is forgotten. This command says what is left on the token at hand, and what it would cost.",
        ],
    ),
    ("pukka admin-key change", &["Keys are hexadecimal, without blanks."]),
    (
        "pukka reset-code set",
        &[
            "Whoever has the reset code can reset the PIN once it is forgotten, without the Admin PIN. The code is set by the Admin PIN.",
        ],
    ),
    (
        "pukka retries set",
        &[
            "A PIV card puts PIN and PUK back to the values of delivery, that everybody knows, when their limits are set. So new ones \
             are wanted with it, and set in the same call.",
        ],
    ),
    (
        "pukka token init",
        &[
            "A blank token gets its SO PIN, and a user PIN where one is given. A live token loses all that is on it, its keys too, which is \
             confirmed by typing its serial, or with --destroy.",
        ],
    ),
    (
        "pukka token erase",
        &["It is confirmed by typing the serial of the card, or with --destroy. Nothing brings the keys back."],
    ),
    (
        "pukka token restore",
        &[
            "SoftHSM2 and openCryptoki write the file of a token anew for each new PIN and each wrong one; a crash or a power cut meanwhile \
             loses the token. pukka copies the file before, and this command puts the copy back, with the PINs of then.",
        ],
    ),
    (
        "pukka policy check",
        &[
            "A policy is a [[policy]] in the configuration. application, serial, label and manufacturer say for which tokens it is (* stands \
             for any characters, ? for one), roles for which secrets; min, max, characters, refuse and common-pins what a new value must \
             be; authorities who may set it anew; allow-last-try whether the last try may be spent; generate what generate makes.",
            "A policy holds unless the token is known not to match: a number that is not told may be any, and what a module shows of a \
             card may be a card of any kind, unless application is pkcs11. Of several that hold, of each key the stricter does.",
            "Without --token nothing is asked of any device, and of each secret it says what holds for all tokens, and for some. No try is \
             ever spent.",
        ],
    ),
    (
        "pukka doctor",
        &[
            "It asks readers, cards, modules and files, and says a fact a line, and below each problem what cures it. It sends no PIN, logs in nowhere and writes nothing.",
        ],
    ),
    (
        "pukka respond",
        &[
            "For whoever sits at a help desk, and has the admin key of the card whose holder reads a challenge out. The response stands on \
             standard output in hexadecimal; on standard error it stands in groups, each with a digit that checks it.",
        ],
    ),
    (
        "pukka profile check",
        &[
            "Says every command that the profile would send for each operation, secrets by name, or line and column of what does not hold. No card is asked.",
        ],
    ),
];

/// The paragraphs of a command.
pub fn of(called: &str) -> &'static [&'static str] {
    PROSE.iter().find(|(name, _)| *name == called).map_or(&[], |(_, paragraphs)| paragraphs)
}
