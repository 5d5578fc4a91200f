//! What holds for every command and stands on the page of the program: sources of secrets, exit codes, files, environment.

use roff::{Roff, bold, roman};

use super::terms;

/// Examples of the program as a whole, each with what it does; a test parses them.
pub const EXAMPLES: [(&str, &str); 5] = [
    ("The holder of a card changes its PIN, asked on the terminal", "pukka pin change"),
    ("The help desk gives a new PIN for a forgotten one, by the PUK", "pukka pin reset --token 4711 --puk prompt"),
    (
        "A script sets the PIN of a new token, from the environment",
        "pukka token init --label desk-7 --new-so-pin env:SO --new-pin env:PIN --no-input --json",
    ),
    (
        "What a reset would do, and what it could cost",
        "pukka pin reset --token desk-7 --so-pin env:SO --new-pin generate --dry-run",
    ),
    ("Why a card is not found", "pukka doctor"),
];

/// Each form of SOURCE, and where it takes the secret from.
pub const SOURCES: [(&str, &str); 10] = [
    ("prompt", "The controlling terminal, without an echo, a new value twice; the default where there is a terminal."),
    ("env:NAME", "An environment variable."),
    ("file:PATH", "The first line of a file that only its owner can read."),
    ("fd:N", "One line of an open descriptor: a file, a pipe or a socket."),
    ("stdin", "One line of standard input."),
    ("credential:NAME", "A credential that systemd passed to the service (LoadCredential=), in CREDENTIALS_DIRECTORY."),
    ("pinentry", "A window of the desktop's pinentry, in which nothing is shown of what is typed."),
    (
        "pinpad",
        "The keys of the reader or of the token itself; the default where there are some. They supply all values of one command of \
         the card, or none. What is typed there is seen by no program, and cannot be held to a policy beyond its length.",
    ),
    ("generate", "For new values: made at random and printed on standard output."),
    ("generate:FILE", "The same, written to a new file of mode 0600 before the token gets it."),
];

/// Each exit code, the kinds of failure that it has in JSON, and what it means.
pub const EXITS: [(u8, &[&str], &str); 11] = [
    (0, &[], "Done. list, status and doctor, whatever they show."),
    (1, &["internal"], "A bug."),
    (2, &["usage"], "The call is wrong, or something is missing and nobody may be asked."),
    (3, &["no-token", "ambiguous-token"], "No token matches, or several do."),
    (4, &["wrong-secret"], "A PIN, PUK, code or key is wrong; a try was spent where the token counts them."),
    (5, &["blocked", "unset", "must-change"], "It cannot be used as it is."),
    (
        6,
        &["policy", "last-try", "not-confirmed-by-user", "new-value-refused"],
        "Refused, and nothing was changed: before anything was sent, by whoever was asked, or by the token.",
    ),
    (7, &["unsupported"], "This token cannot do that; the hint says what it can."),
    (8, &["device"], "No pcscd, a module that does not load, a card that was pulled or is in use, a fault."),
    (11, &["unconfirmed"], "The token said yes, and the proof failed."),
    (130, &["interrupted"], "By the user, before anything was changed."),
];

const FILES: [(&str, &str); 6] = [
    (
        "/etc/pukka/config.toml",
        "The configuration of the machine: modules, wait, module-timeout, pinentry, and the administrator's policy, a [[policy]] for \
         each group of tokens. Nobody but root may be able to change it.",
    ),
    (
        "$XDG_CONFIG_HOME/pukka/config.toml",
        "The user's own (~/.config/pukka/config.toml). Its settings come first, but for policies: of each key the stricter holds, and \
         one that is looser than the administrator's is an error.",
    ),
    ("/etc/pukka/profiles.d/*.toml", "Profiles of ISO 7816 cards, for every user."),
    ("$XDG_CONFIG_HOME/pukka/profiles.d/*.toml", "The user's own profiles."),
    (
        "$XDG_STATE_HOME/pukka",
        "Locks on tokens, and a copy of a token's files while they are written (~/.local/state/pukka).",
    ),
    ("/var/lib/pukka/locks", "Locks that all users share, where the administrator made this directory (mode 1777)."),
];

const ENVIRONMENT: [(&str, &str); 7] = [
    ("PUKKA_MODULE", "The PKCS#11 modules to load, separated by colons, where --module names none."),
    ("PINENTRY", "The program that the source pinentry starts, before the one that the configuration names."),
    ("GPG_TTY", "The terminal that a pinentry asks on which opens no window; the controlling one where it is not set."),
    ("CREDENTIALS_DIRECTORY", "Where the source credential:NAME finds what systemd passed."),
    ("NO_COLOR", "Nothing is coloured, on a terminal neither."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME", "Where the user's configuration and state stand."),
    ("PCSCLITE_CSOCK_NAME", "The socket of pcscd, where it is not the usual one."),
];

/// The sections of the program's page that its command line does not know.
pub(super) fn sections() -> Roff {
    let mut roff = Roff::new();
    let owned = |(term, meaning): (&str, &'static str)| (term.to_owned(), meaning);
    terms(
        &mut roff,
        "SECRETS",
        "A secret is never an argument, since every process on the machine can read a command line. \
         Each option that wants one takes a SOURCE:",
        SOURCES.map(owned),
    );
    let exits = EXITS.map(|(code, kinds, meaning)| {
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        (format!("{code}{kinds}"), meaning)
    });
    terms(&mut roff, "EXIT STATUS", "In parentheses: the kind of failure in JSON.", exits);
    terms(&mut roff, "FILES", "", FILES.map(owned));
    terms(&mut roff, "ENVIRONMENT", "", ENVIRONMENT.map(owned));
    roff
}

/// Where a command's page leaves off.
pub(super) fn elsewhere() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]).text([
        roman("0 when it was done. Every exit code, the options that every command takes, and the forms of SOURCE stand in "),
        bold("pukka"),
        roman("(1)."),
    ]);
    roff
}
